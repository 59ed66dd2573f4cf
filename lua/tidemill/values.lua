--- Values on their way out of the Lua heap: as msgpack (kept), as JSON (shown), as keys (compared).
--- Everything here compiles: no pattern functions, no closures, no varargs. Tables are gone through
--- by calls of next (traversal.lua says why).
local abi = require "tidemill.abi"
local marks = require "tidemill.marks"
local views = require "tidemill.views"

local ffi, C = abi.ffi, abi.C

local type, next, error, tostring = type, next, error, tostring
local istype = ffi.istype
local is_view, text_of = views.is_view, views.text_of

local M = {}

local DEPTH_MAX = 32

local int64, uint64 = ffi.typeof("int64_t"), ffi.typeof("uint64_t")

--- The number that is exactly a 64-bit integer; nil when there is none.
function M.exact_number(v)
   if is_view(v) then return nil end
   local n = tonumber(v)
   if istype(int64, v) and n < 2 ^ 63 and int64(n) == v then return n end
   if istype(uint64, v) and n < 2 ^ 64 and uint64(n) == v then return n end
end

local null, OBJECT = marks.null, marks.OBJECT
M.null, M.OBJECT, M.view_from_c = null, OBJECT, views.from_c

--- How many elements a list has; nil when the table is no list. An empty table is a list unless
--- it is marked as an object.
local function list_length(t)
   local n = #t
   if n == 0 then
      if next(t) ~= nil or debug.getmetatable(t) == OBJECT then return nil end
      return 0
   end
   local count, k = 0, next(t)
   while k ~= nil do
      -- A name beside a hole would make the count right.
      if type(k) ~= "number" or k < 1 or k > n or k % 1 ~= 0 then return nil end
      count = count + 1
      k = next(t, k)
   end
   if count ~= n then return nil end
   return n
end
M.list_length = list_length

-- A list for each depth that holds the member names of the table that is being written there.
local names_at = {}
for depth = 1, DEPTH_MAX + 1 do names_at[depth] = {} end

local function comes_before(a, b)
   local ta, tb = type(a), type(b)
   if ta ~= tb then return ta < tb end
   if ta == "string" or ta == "number" then return a < b end
   return tostring(a) < tostring(b)
end

local INSERTION_MAX = 16

--- The member names of a table in order, so that equal tables are written as equal bytes however
--- they came about. @return the list (valid until the next table of this depth), how many
local function sorted_names(t, depth)
   local names, n, k = names_at[depth], 0, next(t)
   while k ~= nil do
      n = n + 1
      local at = n
      if n <= INSERTION_MAX then
         while at > 1 and comes_before(k, names[at - 1]) do
            names[at] = names[at - 1]
            at = at - 1
         end
      end
      names[at] = k
      k = next(t, k)
   end
   for i = #names, n + 1, -1 do names[i] = nil end
   if n > INSERTION_MAX then table.sort(names, comes_before) end
   return names, n
end

--- A copy of a table, and of the tables in it.
local function copy(value, depth)
   if type(value) ~= "table" or value == null then return value end
   if depth > DEPTH_MAX then
      error("a table nested deeper than 32 (or one that holds itself)", 0)
   end
   local result = {}
   local k, v = next(value)
   while k ~= nil do
      result[k] = copy(v, depth + 1)
      k, v = next(value, k)
   end
   return setmetatable(result, debug.getmetatable(value))
end

function M.copy(value)
   return copy(value, 1)
end

local function cannot(what, value)
   local kind = type(value)
   if kind == "table" then kind = "a table nested deeper than 32 (or one that holds itself)" end
   error(("%s cannot be %s"):format(kind, what), 0)
end

-- Of a value that must not hold views: who refuses it, and the value.
local holder, held_in

--- Where in a table the first view is.
local function path_to_view(t, depth)
   if depth > DEPTH_MAX then return nil end
   local names, n = sorted_names(t, depth)
   for i = 1, n do
      local k = names[i]
      if is_view(k) then return "[view]" end
      local here = type(k) == "string" and k:match("^[%a_][%w_]*$") and "." .. k
         or ("[%s]"):format(type(k) == "string" and ("%q"):format(k) or tostring(k))
      if is_view(t[k]) then return here end
      local below = type(t[k]) == "table" and path_to_view(t[k], depth + 1)
      if below then return here .. below end
   end
end

local function refuse_view()
   local refuse, value = holder, held_in
   holder, held_in = nil, nil
   refuse((path_to_view(value, 1) or "it"):gsub("^%.", ""))
end

local pack

local function bad_member(k)
   local kind = is_view(k) and "view" or "table"
   if kind == "view" and holder then refuse_view() end
   error(("a %s cannot be the key of a table that is kept"):format(kind), 0)
end

local function pack_table(b, t, depth)
   if t == null then
      C.mill_pack_nil(b)
      return
   end
   if depth > DEPTH_MAX then cannot("kept", t) end
   local n = list_length(t)
   if n then
      C.mill_pack_array(b, n)
      for i = 1, n do pack(b, t[i], depth + 1) end
      return
   end
   local names, count = sorted_names(t, depth)
   C.mill_pack_map(b, count)
   for i = 1, count do
      local k = names[i]
      if type(k) == "table" or is_view(k) then bad_member(k) end
      pack(b, k, depth + 1)
      pack(b, t[k], depth + 1)
   end
end

--- Append a value as msgpack. Raises for what cannot be kept: functions, userdata, NaN keys.
function pack(b, v, depth)
   local t = type(v)
   if t == "string" then
      C.mill_pack_string(b, v, #v)
   elseif t == "number" then
      C.mill_pack_number(b, v)
   elseif t == "table" then
      pack_table(b, v, depth)
   elseif t == "boolean" then
      C.mill_pack_boolean(b, v)
   elseif t == "nil" then
      C.mill_pack_nil(b)
   elseif istype(int64, v) then
      C.mill_pack_int64(b, v)
   elseif istype(uint64, v) then
      C.mill_pack_uint64(b, v)
   elseif is_view(v) then
      if depth > 1 and holder then refuse_view() end
      local text, size = text_of(v)
      C.mill_pack_record(b, text, size)
   else
      cannot("kept", v)
   end
end

function M.pack(b, v)
   holder = nil
   pack(b, v, 1)
end

--- Append what a state or a running value is: as pack, but of views it may be one, not hold one.
---@param refuse function called with where the first one is, as "[3].user"; raises
function M.pack_kept(b, v, refuse)
   holder = refuse
   held_in = v
   pack(b, v, 1)
   holder, held_in = nil, nil
end

local json

local function json_member_name(b, k)
   local t = type(k)
   if t == "string" then
      C.mill_json_string(b, k, #k)
   elseif t == "number" and k == k and k ~= math.huge and k ~= -math.huge then
      C.mill_json_raw(b, '"', 1)
      C.mill_json_number(b, k)
      C.mill_json_raw(b, '"', 1)
   else
      error(("a %s cannot be a member name in JSON"):format(is_view(k) and "view" or t), 0)
   end
end

local function json_object(b, t, depth)
   C.mill_json_raw(b, "{", 1)
   local names, count = sorted_names(t, depth)
   for i = 1, count do
      if i > 1 then C.mill_json_raw(b, ",", 1) end
      json_member_name(b, names[i])
      C.mill_json_raw(b, ":", 1)
      json(b, t[names[i]], depth + 1)
   end
   C.mill_json_raw(b, "}", 1)
end

local function json_table(b, t, depth)
   if t == null then
      C.mill_json_raw(b, "null", 4)
      return
   end
   if depth > DEPTH_MAX then cannot("written as JSON", t) end
   local n = list_length(t)
   if not n then return json_object(b, t, depth) end
   C.mill_json_raw(b, "[", 1)
   for i = 1, n do
      if i > 1 then C.mill_json_raw(b, ",", 1) end
      json(b, t[i], depth + 1)
   end
   C.mill_json_raw(b, "]", 1)
end

--- Append a value as JSON. Raises for what has no JSON: functions, NaN, infinities.
function json(b, v, depth)
   local t = type(v)
   if t == "string" then
      C.mill_json_string(b, v, #v)
   elseif t == "number" then
      if not C.mill_json_number(b, v) then
         error(("%s cannot be written as JSON"):format(tostring(v)), 0)
      end
   elseif t == "table" then
      json_table(b, v, depth)
   elseif t == "boolean" then
      C.mill_json_boolean(b, v)
   elseif t == "nil" then
      C.mill_json_raw(b, "null", 4)
   elseif istype(int64, v) then
      C.mill_json_int64(b, v)
   elseif istype(uint64, v) then
      C.mill_json_uint64(b, v)
   elseif is_view(v) then
      local text, size = text_of(v)
      C.mill_json_raw(b, text, size)
   else
      cannot("written as JSON", v)
   end
end
M.json = json

local key_part

local function key_array(b, t, depth)
   local n = list_length(t)
   if not n or t == null then
      error("a key is a string, a number, a boolean or a list of these, not a table", 0)
   end
   if depth > DEPTH_MAX then cannot("a key", t) end
   C.mill_key_array_begin(b)
   for i = 1, n do key_part(b, t[i], depth + 1) end
   C.mill_key_array_end(b)
end

local function key_scalar(b, v, t)
   if t == "number" then
      if not C.mill_key_number(b, v) then error("NaN cannot be a key", 0) end
   elseif t == "boolean" then
      C.mill_key_boolean(b, v)
   elseif istype(int64, v) then
      C.mill_key_int64(b, v)
   elseif istype(uint64, v) then
      C.mill_key_uint64(b, v)
   else
      if is_view(v) then t = "a view" end
      error(("%s cannot be a key; a key is a string, a number, a boolean or a list of these")
         :format(t), 0)
   end
end

function key_part(b, v, depth)
   local t = type(v)
   if t == "string" then
      C.mill_key_part_string(b, v, #v)
   elseif t == "table" then
      key_array(b, v, depth)
   else
      key_scalar(b, v, t)
   end
end

--- Write an encoded key into an emptied buffer. Raises for what is no key.
function M.key(b, v)
   C.mill_buffer_clear(b)
   local t = type(v)
   if t == "string" then
      C.mill_key_string(b, v, #v)
   elseif t == "table" then
      key_array(b, v, 1)
   else
      key_scalar(b, v, t)
   end
   if C.mill_buffer_failed(b) then error("the key is longer than 64 KiB", 0) end
end

return M
