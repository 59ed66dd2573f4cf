--- How an output's rows are written, in each format: records, pairs, and pairs with their window.
local abi = require "tidemill.abi"
local values = require "tidemill.values"

local ffi, C = abi.ffi, abi.C
local type, error, tostring = type, error, tostring

local M = {}

local function text(b, v)
   if type(v) == "string" then
      C.mill_json_raw(b, v, #v)
   elseif type(v) ~= "number" then
      values.json(b, v, 1)
   elseif not C.mill_json_number(b, v) then
      local shown = tostring(v) -- nan, inf: text has a word for them, JSON has not
      C.mill_json_raw(b, shown, #shown)
   end
end

local function window(b, first, last)
   C.mill_json_raw(b, '{"start_ms":', 12)
   C.mill_json_number(b, first)
   C.mill_json_raw(b, ',"end_ms":', 10)
   C.mill_json_number(b, last)
   C.mill_json_raw(b, "}", 1)
end

local writers = {}

function writers.json(b, v) values.json(b, v, 1) end

function writers.json_pair(b, v, k, first, last)
   C.mill_json_raw(b, "[", 1)
   values.json(b, k, 1)
   C.mill_json_raw(b, ",", 1)
   values.json(b, v, 1)
   if first then
      C.mill_json_raw(b, ",", 1)
      window(b, first, last)
   end
   C.mill_json_raw(b, "]", 1)
end

writers.text = text

function writers.text_pair(b, v, k, first, last)
   C.mill_json_raw(b, "(", 1)
   text(b, k)
   C.mill_json_raw(b, ",", 1)
   text(b, v)
   if first then
      C.mill_json_raw(b, ",", 1)
      window(b, first, last)
   end
   C.mill_json_raw(b, ")", 1)
end

writers.print = text
writers.print_pair = writers.text_pair

function writers.rows(b, v) values.pack(b, v, 1) end

function writers.rows_pair(b, v, k, first, last)
   C.mill_pack_array(b, first and 3 or 2)
   values.pack(b, k, 1)
   values.pack(b, v, 1)
   if first then
      C.mill_pack_map(b, 2)
      C.mill_pack_string(b, "start_ms", 8)
      C.mill_pack_number(b, first)
      C.mill_pack_string(b, "end_ms", 6)
      C.mill_pack_number(b, last)
   end
end

--- The function that writes one row of an output.
---@param linker table of segments.lua
---@param what table {output=, keyed=, windowed=}
function M.make(linker, what)
   local node = linker.plan.outputs[what.output].node
   local format = linker.host.format or node.format
   local rows = ffi.cast("struct mill_rows *", linker.host.rows[what.output])
   local write = writers[what.keyed and format .. "_pair" or format]
   local key_buffer, write_key = linker.key, values.key
   local sorted = node.sorted
   local function put(v, k, first, last)
      if sorted then write_key(key_buffer, k) else C.mill_buffer_clear(key_buffer) end
      local b = C.mill_row_begin(rows)
      write(b, v, k, first, last)
      if C.mill_row_end(rows, key_buffer) ~= 0 then error("the row is larger than 16 MiB", 0) end
   end
   if what.windowed then return function(k, v, first, last) put(v, k, first, last) end end
   if what.keyed then return function(k, v) put(v, k) end end
   return put
end

return M
