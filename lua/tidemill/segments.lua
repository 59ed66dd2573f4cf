--- Makes the functions that the engine calls: compiles what codegen.lua wrote and gives each name
--- in it its value. One set for each worker, in the worker's own Lua state.
---
--- `host` is what C brings (script/worker_host.c): pointers to this worker's structs.
local abi = require "tidemill.abi"
local values = require "tidemill.values"
local codegen = require "tidemill.codegen"
local readers = require "tidemill.readers"
local row_writers = require "tidemill.row_writers"
local tables = require "tidemill.tables"
local views = require "tidemill.views"
local window_link = require "tidemill.window_link"

local ffi, C = abi.ffi, abi.C
local type, error, tostring = type, error, tostring
local NUMBER, BOXED, RECORD = abi.NUMBER, abi.BOXED, abi.RECORD
local is_view, text_of = views.is_view, views.text_of

local M = {}

-- Keys whose slot a Lua table remembers; beyond that C looks up each time.
local CACHE_MAX = 65536
local RECORD_MAX = 16 * 2 ^ 20 -- LIMIT_RECORD_BYTES_MAX
local DICTIONARY_MAX = 256 * 1024 -- LIMIT_DICTIONARY_ENTRIES_MAX

local function bad_map(value, extra)
   error(extra ~= nil and value ~= nil and "returned two values; use map_to_pair"
      or "returned nothing; use filter to drop records", 0)
end

local function bad_pair(key, _, extra)
   error(extra ~= nil and "returned more than a key and a value"
      or key == nil and "returned no key" or "returned a key without a value", 0)
end

local function describe(v)
   local t = is_view(v) and "view" or type(v)
   return t == "nil" and "nothing" or (t:match("^[aeiou]") and "an " or "a ") .. t
end

--- A number from what is none: 64-bit integers that a double holds exactly.
local function to_number(v)
   if type(v) ~= "cdata" or is_view(v) then
      error(("needs numbers, not %s"):format(describe(v)), 0)
   end
   local n = values.exact_number(v)
   if not n then error(("needs numbers, and no number is exactly %s"):format(tostring(v)), 0) end
   return n
end

local runtime = {
   type = type,
   str = ffi.string,
   bad_map = bad_map,
   bad_pair = bad_pair,
   bad_reduce = function() error("returned nothing", 0) end,
   bad_list = function(v) error(("returned %s, not a list"):format(type(v)), 0) end,
   bad_string = function(v) error(("splits strings, not %s"):format(describe(v)), 0) end,
   copy = values.copy,
   to_number = to_number,
}
window_link.add_runtime(runtime)

--- The elements of a list that flat_map_to_pair got must all be pairs before the first one flows.
function runtime.check_pairs(list, n)
   for i = 1, n do
      local e = list[i]
      if type(e) ~= "table" then
         error(("gave %s in its list, not {key, value}"):format(type(e)), 0)
      end
      if e[1] == nil or e[2] == nil or e[3] ~= nil then bad_pair(e[1], e[2], e[3]) end
   end
end

function runtime.to_score(v)
   if v ~= v then error("needs a number to sort by, not NaN", 0) end
   if type(v) == "cdata" then return to_number(v) end
   error(("needs a number to sort by, not %s"):format(describe(v)), 0)
end

local Linker = {}
Linker.__index = Linker

--- The Lua strings of a splitter's words, by their numbers.
function Linker:splitter(index)
   local known = self.splitters[index]
   if known then return known end
   local pointer = ffi.cast("struct mill_splitter *", self.host.splitters[index])
   local strings, size = {}, ffi.new("uint32_t[1]")
   local str = ffi.string
   local function fill(id, i)
      local text = C.mill_word_text(pointer, i, size)
      local s = str(text, size[0])
      if id ~= 0 then strings[id] = s end
      return s
   end
   self.splitters[index] = { pointer = pointer, strings = strings, fill = fill }
   return self.splitters[index]
end

--- What a compiled loop needs of a keyed table.
function Linker:table(stage)
   local known = self.tables[stage]
   if known then return known end
   local t = ffi.cast("struct mill_table *", self.host.tables[stage])
   local key_buffer, write_key = self.key, values.key
   local cache, cached, boxed = {}, 0, {}
   local part = { pointer = t, cache = cache, boxed = boxed, words = {} }

   local function look_up(k)
      local q
      if type(k) == "string" then
         q = C.mill_table_string(t, k, #k)
      else
         write_key(key_buffer, k)
         q = C.mill_table_key(t, key_buffer)
      end
      if q == 0 then error("the key is longer than 64 KiB", 0) end
      return q
   end

   function part.slot(k)
      local q = look_up(k)
      if cached < CACHE_MAX and (type(k) == "string" or type(k) == "number") then
         cache[k] = q
         cached = cached + 1
      end
      return q
   end

   -- Records stay outside of the Lua heap.
   local function text_to_keep(v)
      local text, size = text_of(v)
      if size > RECORD_MAX then error("the value is larger than 16 MiB", 0) end
      return text, size
   end

   local record = ffi.new("struct mill_slice")
   local function value_at(q, s)
      if s.kind == BOXED then return boxed[q] end
      if s.kind ~= RECORD then return s.num end
      C.mill_table_record(t, q, record)
      return views.of_table(record.ptr, record.len)
   end

   local function put(q, v)
      local s = t.slots[q]
      if type(v) == "number" then
         if s.kind == BOXED then boxed[q] = nil end
         s.num, s.kind = v, NUMBER
      elseif v == nil then
         error("returned nothing", 0)
      elseif is_view(v) then
         local text, size = text_to_keep(v)
         boxed[q] = nil
         C.mill_table_put_record(t, q, text, size)
      else
         boxed[q] = v
         s.kind = BOXED
      end
   end
   part.put, part.value = put, value_at

   -- Between the touch and the value nothing fails: a slot touched twice would count twice.
   function part.first(q, v)
      local s = t.slots[q]
      s.count = 1
      if is_view(v) then
         local text, size = text_to_keep(v)
         C.mill_table_touch(t, q)
         C.mill_table_put_record(t, q, text, size)
         return
      end
      if type(v) ~= "number" then boxed[q] = v end
      C.mill_table_touch(t, q)
      if type(v) == "number" then s.num, s.kind = v, NUMBER else s.kind = BOXED end
   end

   local f = self.plan.stages[stage].node.fn
   function part.add(q, v)
      put(q, f(value_at(q, t.slots[q]), v))
   end

   function part.forget()
      for k in pairs(cache) do cache[k] = nil end
      cached = 0
      for _, w in pairs(part.words) do ffi.fill(w.known, ffi.sizeof(w.known)) end
   end

   if self.plan.stages[stage].node.stage == "window" then window_link.extend(self, part) end
   self.tables[stage] = part
   return part
end

--- Where records of a stage that are not in its table go; also, where they come from.
function Linker:shuffle_of(node)
   return ffi.cast("struct mill_shuffle *", self.host.shuffles[self.plan.stage_of[node]])
end

--- Word number -> slot, for one splitter and one table.
function Linker:known_words(stage, splitter)
   local part = self:table(stage)
   local words = part.words[splitter]
   if not words then
      local known, slot_of = ffi.new("uint32_t[?]", DICTIONARY_MAX + 1), part.slot
      words = { known = known }
      function words.slot(k, id)
         local q = slot_of(k)
         if id ~= 0 then known[id] = q end
         return q
      end
      part.words[splitter] = words
   end
   return words
end

local function make_shuffle(self, stage)
   local s = ffi.cast("struct mill_shuffle *", self.host.shuffles[stage])
   local key_buffer, value, write_key, pack = self.key, self.value, values.key, values.pack
   return function(k, v, origin)
      write_key(key_buffer, k)
      local rc
      if type(v) == "number" then
         rc = C.mill_shuffle_number(s, key_buffer, v, origin)
      elseif type(v) == "string" then
         rc = C.mill_shuffle_string(s, key_buffer, v, #v, origin)
      elseif is_view(v) then
         local text, size = text_of(v)
         rc = C.mill_shuffle_record(s, key_buffer, text, size, origin)
      else
         C.mill_buffer_clear(value)
         pack(value, v, 1)
         rc = C.mill_shuffle_packed(s, key_buffer, value, origin)
      end
      if rc ~= 0 then error("the record is larger than 16 MiB", 0) end
   end
end

local function make_top_put(self, stage)
   local t = ffi.cast("struct mill_top *", self.host.tops[stage])
   local key_buffer, value, write_key, pack = self.key, self.value, values.key, values.pack
   return function(score, v, k)
      C.mill_buffer_clear(key_buffer)
      if k ~= nil then write_key(key_buffer, k) end
      C.mill_buffer_clear(value)
      pack(value, v, 1)
      if C.mill_top_put(t, score, key_buffer, value) ~= 0 then
         error("the record is larger than 16 MiB", 0)
      end
   end
end

local EMITTED_KEPT = 1024

local function make_emitter(what)
   local list, n = {}, 0
   local function take()
      local taken, m = list, n
      n = 0
      if m > EMITTED_KEPT then list = {} end -- it would hold them until as many come again
      return taken, m
   end
   local function reset()
      list, n = {}, 0
   end
   if not what.pairs then
      return reset, take, function(v, extra)
         if v == nil then error("emit was given nothing", 0) end
         if extra ~= nil then
            error("emit was given two values; use flat_map_to_pair", 0)
         end
         n = n + 1
         list[n] = v
      end
   end
   return reset, take, function(k, v, extra)
      if k == nil or v == nil or extra ~= nil then bad_pair(k, v, extra) end
      list[2 * n + 1], list[2 * n + 2] = k, v
      n = n + 1
   end
end

local link = {}

function link.control(self) return self.control end
function link.counters(self) return self.counters end
function link.heads(self) return self.heads end
function link.abi() return C end
--- The lists that a segment is going through. Each segment has its own: while it waits for a full
--- tee to be emptied, those behind the tee go through theirs.
function link.saved(self, _, _, segment)
   self.saved[segment.id] = self.saved[segment.id] or {}
   return self.saved[segment.id]
end
function link.input(self) return self.input end

link["function"] = function(_, what) return what.node.fn end

function link.runtime(self, _, name) return self.runtime[name] end

function link.view() return views.view end

function link.emitter(self, what, name)
   local e = self.emitters[what.node.id]
   if not e then
      e = {}
      e.reset, e.take, e.emit = make_emitter(what)
      self.emitters[what.node.id] = e
   end
   return name:match("_take$") and e.take or e.emit
end

function link.splitter(self, what) return self:splitter(what.index)[what.part] end

function link.table(self, what) return self:table(what.stage)[what.part] end

function link.known(self, what)
   return self:known_words(what.stage, what.splitter)[what.part]
end

function link.shuffle(self, what) return make_shuffle(self, what.stage) end

function link.top(self, what)
   if what.part == "put" then return make_top_put(self, what.stage) end
   return ffi.cast("struct mill_top *", self.host.tops[what.stage])
end

function link.output(self, what) return row_writers.make(self, what) end

function link.event(self, what)
   return ffi.cast("struct mill_event *", self.host.events[self.plan.event_of[what.node]])
end

function link.accumulator(self, what)
   return window_link.accumulator(self, what.node)[what.part]
end

function link.tee(self, what)
   local tee = self.tees[what.index]
   if not tee then
      tee = { a = {}, b = {} }
      tee.pointer = ffi.cast("struct mill_tee *", self.host.tees[what.index])
      self.tees[what.index] = tee
   end
   return tee[what.part]
end

--- Compile one segment. @return function loop, table upvalues by name
function Linker:compile(segment, checked)
   local code = codegen.generate(self.plan, segment, checked)
   local args = {}
   for i, name in ipairs(code.names) do
      local what = code.wanted[name]
      args[i] = link[what.kind](self, what, name, segment)
      assert(args[i] ~= nil, name)
   end
   local chunk = assert(loadstring(table.concat(code.lines, " "), "=segment" .. segment.id))
   return chunk(unpack(args, 1, #code.names))
end

--- Write the values that are still in the Lua heap into the table, as bytes. Called like a
--- segment: ctl.i is the index of the touched slot, so that one that cannot be kept costs itself.
function Linker:make_seal(stage)
   local t, ctl, value = self:table(stage), self.control, self.value
   local pointer, boxed, pack = t.pointer, t.boxed, values.pack_kept
   local refuse = readers.refuse_slot(self.host, stage)
   return function()
      for i = ctl.i, ctl.n - 1 do
         ctl.i = i
         local q = C.mill_table_touched(pointer, i)
         if pointer.slots[q].kind == BOXED then
            local v = boxed[q]
            boxed[q] = nil
            C.mill_buffer_clear(value)
            pack(value, v, refuse)
            if C.mill_table_pack(pointer, q, value) ~= 0 then
               error("the value is larger than 16 MiB", 0)
            end
         end
      end
   end
end

--- Link a plan to a worker.
---@return table {segments = list of functions, seals = by stage, checked = function(id),
---   forget_table = function(stage), forget_words = function(splitter)}
function M.link(plan, host)
   local self = setmetatable({
      plan = plan, host = host, splitters = {}, tables = {}, tees = {}, emitters = {}, saved = {},
      accumulators = {},
      control = ffi.cast("struct mill_control *", host.control),
      counters = ffi.cast("struct mill_counter *", host.counters),
      heads = ffi.cast("struct mill_counter *", host.heads),
      input = ffi.cast("struct mill_input *", host.input),
      key = ffi.cast("struct mill_buffer *", host.key),
      value = ffi.cast("struct mill_buffer *", host.value),
      arena = ffi.cast("struct mill_arena *", host.arena),
      runtime = setmetatable({}, { __index = runtime }),
   }, Linker)
   readers.make(self.runtime, host, self)
   self.runtime.open_records = views.bind(host)
   tables.bind(host.sides, host.side_count)
   local linked = { segments = {}, seals = {} }
   for i, segment in ipairs(plan.segments) do
      linked.segments[i] = not segment.native and self:compile(segment, false)
   end
   for i, stage in ipairs(plan.stages) do
      linked.seals[i] = stage.node.combine == "lua" and self:make_seal(i) or false
   end
   function linked.checked(id) return self:compile(plan.segments[id], true) end
   function linked.forget_table(stage)
      if self.tables[stage] then self.tables[stage].forget() end
   end
   -- What failed calls of emit left behind; and the lists of a segment that is not in the middle of
   -- one. A loop that is in the middle of a list holds it in its own `saved`.
   function linked.forget_lists(id)
      for _, e in pairs(self.emitters) do e.reset() end
      local saved = self.saved[id]
      for d in pairs(saved or {}) do saved[d] = nil end
   end
   function linked.forget_words(index)
      local splitter = self.splitters[index]
      for id in pairs(splitter and splitter.strings or {}) do splitter.strings[id] = nil end
      for _, t in pairs(self.tables) do
         local words = t.words[index]
         if words then ffi.fill(words.known, ffi.sizeof(words.known)) end
      end
   end
   return linked
end

return M
