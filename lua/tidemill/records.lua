--- What scripts do with whole records: mill.copy, mill.with, mill.pick, mill.fields; mill.json and
--- mill.msgpack. A record is a view or a table; all of them give tables without views.
local abi = require "tidemill.abi"
local marks = require "tidemill.marks"
local values = require "tidemill.values"
local views = require "tidemill.views"

local ffi, C = abi.ffi, abi.C
local is_view = views.is_view

local M = {}

local DEPTH_MAX = 32 -- LIMIT_VALUE_DEPTH_MAX
local TEXT_MAX = 112 * 2 ^ 20 -- of a value as JSON: 16 MiB of NUL bytes grow sixfold

local function check_record(name, e)
   if not is_view(e) and (type(e) ~= "table" or e == marks.null) then
      error(("mill.%s: needs a record, not %s"):format(name, e == nil and "nil" or type(e)), 3)
   end
end

local function copy(v, depth)
   if is_view(v) then return views.to_table(v) end
   if type(v) ~= "table" or v == marks.null then return v end
   if depth > DEPTH_MAX then
      error("a table nested deeper than 32 (or one that holds itself)", 0)
   end
   local result = {}
   for k, inner in pairs(v) do result[k] = copy(inner, depth + 1) end
   return setmetatable(result, debug.getmetatable(v))
end

--- A copy that the script may keep and change; views in it become tables.
function M.copy(v) return copy(v, 1) end

--- A copy of a record with some fields set; mill.null takes one away.
function M.with(e, fields)
   check_record("with", e)
   if type(fields) ~= "table" then
      error(("mill.with: the fields are a table, not %s"):format(type(fields)), 2)
   end
   local result = copy(e, 1)
   for name, value in pairs(fields) do
      if value == marks.null then result[name] = nil else result[name] = copy(value, 1) end
   end
   return result
end

--- A table of some fields of a record.
function M.pick(e, ...)
   check_record("pick", e)
   local result = setmetatable({}, marks.OBJECT)
   for i = 1, select("#", ...) do
      local name = (select(i, ...))
      result[name] = copy(e[name], 1)
   end
   return result
end

--- The names of a record's fields as a list: a view's in their order, a table's sorted.
function M.fields(e)
   check_record("fields", e)
   if is_view(e) then return views.fields(e) end
   local names = {}
   for name in pairs(e) do names[#names + 1] = name end
   table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
   return names
end

local buffer = ffi.gc(C.mill_buffer_create(TEXT_MAX), C.mill_buffer_destroy)
local size_out = ffi.new("size_t[1]")

local function take_text()
   if C.mill_buffer_failed(buffer) then error("the text is larger than 112 MiB", 0) end
   local text = C.mill_buffer_text(buffer, size_out)
   local result = ffi.string(text, size_out[0])
   C.mill_buffer_clear(buffer)
   return result
end

local function check_text(name, text)
   if type(text) ~= "string" then
      error(("mill.%s.decode: needs a string, not %s"):format(name, type(text)), 3)
   end
end

M.json = {}

--- A value as JSON text.
function M.json.encode(v)
   C.mill_buffer_clear(buffer)
   values.json(buffer, v, 1)
   return take_text()
end

--- The value of a JSON text; null is mill.null.
function M.json.decode(text)
   check_text("json", text)
   local value, wrong = views.decode(text)
   if wrong then error(("mill.json.decode: %s"):format(wrong), 2) end
   return value
end

M.msgpack = {}

--- A value as msgpack; views become maps.
function M.msgpack.encode(v)
   C.mill_buffer_clear(buffer)
   values.pack(buffer, copy(v, 1))
   return take_text()
end

local is_damaged

--- A record in msgpack that comes from anywhere is what its text says, if that is JSON.
local function read_record(text)
   local value, wrong = views.decode(text)
   is_damaged = is_damaged or wrong ~= nil or not text:find("^[ \t\r\n]*{")
   return is_damaged and marks.null or value
end

--- The value of some msgpack; nil inside of arrays and maps is mill.null.
function M.msgpack.decode(text)
   check_text("msgpack", text)
   is_damaged = false
   local before = views.copy_from_c(read_record)
   local ran, ok, value = pcall(values.unpack, text)
   views.copy_from_c(before)
   if not ran then error(("mill.msgpack.decode: %s"):format(tostring(ok)), 2) end
   if not ok or is_damaged then
      error("mill.msgpack.decode: no msgpack value, or more than one", 2)
   end
   return value
end

return M
