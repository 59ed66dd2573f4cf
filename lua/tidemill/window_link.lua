--- What loops with event time and windows call: times out of values, slots of panes, and the
--- aggregates that keep more than a number.
local abi = require "tidemill.abi"
local values = require "tidemill.values"
local views = require "tidemill.views"

local ffi, C = abi.ffi, abi.C
local type, error, next = type, error, next
local istype, text_field = ffi.istype, views.text_field
local int64, uint64 = ffi.typeof("int64_t"), ffi.typeof("uint64_t")

local M = {}

-- Keys whose slot Lua tables remember, of all panes, and these panes; then all are forgotten. Panes
-- that have passed cost more than they save: 1,000 of them 150 ns a record.
local CACHE_MAX, PANES_MAX = 65536, 64

local time_box = ffi.new("double[1]")

--- A time from what is no number: ISO 8601, digits, the form of access logs; 64-bit integers.
local function to_time(v)
   if type(v) == "string" then
      if C.mill_timestamp(v, #v, time_box) then return time_box[0] end
      error(("the time %q is none that is known"):format(v:sub(1, 100)), 0)
   elseif type(v) == "cdata" and (istype(int64, v) or istype(uint64, v)) then
      return tonumber(v)
   end
   error(v == nil and "the record has no time"
      or ("the time is a %s, not a number or a text"):format(type(v)), 0)
end

--- The time in a record's field.
local function time_field(record, name)
   local text, size = text_field(record, name)
   if text then
      if C.mill_timestamp(text, size, time_box) then return time_box[0] end
      return to_time(ffi.string(text, size)) -- which says what is wrong
   end
   local v = record[name]
   if type(v) ~= "number" then v = to_time(v) end
   return v
end

local function bad_time(x)
   if x ~= x then error("the time is not a number", 0) end
   if x < 0 then error(("the time %.15g is before 1970"):format(x), 0) end
   error(("the time %.15g is beyond the year 9998"):format(x), 0)
end

local function far_ahead(time, limit)
   error(("the time %.0f is further ahead of the clock than max_ahead allows, by %.0f ms")
      :format(time, time - limit), 0)
end

local function no_field(kind, name)
   error(("a %s has no field %q"):format(kind, name), 0)
end

local function to_score(v)
   if type(v) == "number" and v == v then return v end
   if type(v) == "cdata" and values.exact_number(v) then return values.exact_number(v) end
   error(("needs a number to sort by, not %s"):format(v ~= v and "NaN" or type(v)), 0)
end

--- Add the functions to those that loops call.
function M.add_runtime(runtime)
   runtime.to_time, runtime.bad_time, runtime.far_ahead = to_time, bad_time, far_ahead
   runtime.time_field = time_field
   runtime.no_field, runtime.rawequal = no_field, rawequal
end

--- What a table of panes has beyond a keyed table: slots by pane and key.
---@param linker table of segments.lua
---@param part table made by Linker:table
function M.extend(linker, part)
   local t, key_buffer, write_key = part.pointer, linker.key, values.key
   local caches, cached, pane_count = {}, 0, 0
   part.caches = caches

   local function forget()
      for p in pairs(caches) do caches[p] = nil end
      cached, pane_count = 0, 0
   end

   function part.open(p)
      if pane_count >= PANES_MAX then forget() end
      local cache = {}
      caches[p] = cache
      pane_count = pane_count + 1
      return cache
   end

   function part.pane_slot(cache, p, k)
      local q
      if type(k) == "string" then
         q = C.mill_pane_string(t, p, k, #k)
      else
         write_key(key_buffer, k)
         q = C.mill_pane_key(t, p, key_buffer)
      end
      if q == 0 then error("the key is longer than 64 KiB", 0) end
      if type(k) == "string" or type(k) == "number" then
         if cached >= CACHE_MAX then forget() end
         cache[k] = q
         cached = cached + 1
      end
      return q
   end

   local forget_words = part.forget
   function part.forget()
      forget_words()
      forget()
   end
end

local makers = {}

--- A set of encoded keys.
function makers.distinct(linker, node)
   local f, key_buffer, write_key, str = node.fn, linker.key, values.key, ffi.string
   local acc = {}
   function acc.init() return {} end
   function acc.add(set, v, k)
      if f then v = f(v, k) end
      write_key(key_buffer, v)
      set[str(C.mill_buffer_data(key_buffer), C.mill_buffer_size(key_buffer))] = true
   end
   function acc.merge(a, b)
      local encoded = next(b)
      while encoded do
         a[encoded] = true
         encoded = next(b, encoded)
      end
   end
   function acc.result(set)
      local n, encoded = 0, next(set)
      while encoded do
         n, encoded = n + 1, next(set, encoded)
      end
      return n
   end
   return acc
end

--- Entries {value, time, epoch, order, origin, score, number, is packed}, the last three perhaps
--- missing: by time, then by position.
local function comes_before(a, b)
   for i = 2, 5 do
      if a[i] ~= b[i] then return a[i] < b[i] end
   end
   return false
end

local function unpack_values(entries)
   local list = {}
   for i = 1, #entries do
      local v, is_good = entries[i][1], true
      if entries[i][8] then is_good, v = values.unpack(v) end
      if not is_good then error("a stored value is damaged", 0) end
      if v == nil then v = values.null end -- in a list it would be a hole
      list[i] = v
   end
   return list
end

local function values_of(entries)
   local before = views.copy_from_c(views.of_kept)
   local ran, list = pcall(unpack_values, entries)
   views.copy_from_c(before)
   if not ran then error(list, 0) end
   return list
end

--- Entries in order; those of one record stay in the order in which it gave them.
local function sort(entries)
   for i = 1, #entries do entries[i][7] = i end
   table.sort(entries, function(a, b)
      if comes_before(a, b) then return true end
      return not comes_before(b, a) and a[7] < b[7]
   end)
end

--- Views go with their chunk, and tables may hold some: their values are kept as bytes.
local function pack(buffer, v)
   C.mill_buffer_clear(buffer)
   values.pack(buffer, v)
   if C.mill_buffer_failed(buffer) then error("the value is larger than 16 MiB", 0) end
   return ffi.string(C.mill_buffer_data(buffer), C.mill_buffer_size(buffer))
end

---@return function make(value, time, i): an entry for record i
local function entry_maker(linker, node)
   local shuffle, buffer = linker:shuffle_of(node), linker.value
   local place = ffi.new("double[3]")
   return function(v, time, i)
      C.mill_place(shuffle, i, place)
      if type(v) ~= "table" and not views.is_view(v) then
         return { v, time, place[0], place[1], place[2] }
      end
      return { pack(buffer, v), time, place[0], place[1], place[2], 0, 0, true }
   end
end

function makers.list(linker, node)
   local make_entry = entry_maker(linker, node)
   local acc = {}
   function acc.init() return {} end
   function acc.add(list, v, _, time, i)
      list[#list + 1] = make_entry(v, time, i)
   end
   function acc.merge(a, b)
      local n = #a
      for i = 1, #b do a[n + i] = b[i] end
   end
   function acc.result(list)
      sort(list)
      return values_of(list)
   end
   return acc
end

--- Whether an entry stands before another among the largest: larger, or as large and earlier.
local function is_better(a, b)
   if a[6] ~= b[6] then return a[6] > b[6] end
   return comes_before(a, b)
end

local function keep_best(list, entry, n)
   local at = #list + 1
   while at > 1 and is_better(entry, list[at - 1]) do
      list[at] = list[at - 1]
      at = at - 1
   end
   list[at] = entry
   list[n + 1] = nil
end

function makers.top(linker, node)
   local f, n, make_entry = node.fn, node.n, entry_maker(linker, node)
   local acc = {}
   function acc.init() return {} end
   function acc.add(list, v, k, time, i)
      local score = v
      if f then score = f(v, k) end
      if type(score) ~= "number" or score ~= score then score = to_score(score) end
      local last = list[n]
      if last and score < last[6] then return end
      local entry = make_entry(v, time, i)
      entry[6] = score
      keep_best(list, entry, n)
   end
   function acc.merge(a, b)
      for i = 1, #b do keep_best(a, b[i], n) end
   end
   acc.result = values_of
   return acc
end

--- The functions of an aggregate: init, add, merge, result.
function M.accumulator(linker, node)
   local known = linker.accumulators[node.id]
   if not known then
      known = node.acc or makers[node.built_in](linker, node)
      linker.accumulators[node.id] = known
   end
   return known
end

return M
