--- What the bytes of a source are: lines, or records of a format, and the options of each format.
local abi = require "tidemill.abi"
local options = require "tidemill.options"
local ffi, C = abi.ffi, abi.C

local M = {}

local NAMES = { "text", "json", "csv", "pattern", "access_log", "msgpack" }
local TYPES = { "string", "number", "boolean", "time" }
local COLUMNS_MAX = 1024 -- LIMIT_COLUMNS_MAX

local FORMAT = { type = "choice", default = "text" }
for i, name in ipairs(NAMES) do FORMAT[i] = name end

--- Options of the formats, for the options of a source.
local SCHEMA = {
   format = FORMAT,
   strict = { type = "boolean" },
   columns = { type = "table" },
   types = { type = "table" },
   separator = { type = "string" },
   header = { type = "boolean" },
   multiline = { type = "boolean" },
   pattern = { type = "string" },
}

-- The format that each of them belongs to; `pattern` is also one of file names.
local OF = {
   strict = "json", columns = "csv", types = "csv", separator = "csv", header = "csv",
   multiline = "csv",
}

--- The options of a source with those of the formats.
function M.schema(own)
   local schema = {}
   for name, spec in pairs(SCHEMA) do schema[name] = spec end
   for name, spec in pairs(own) do schema[name] = spec end
   return schema
end

local function check_columns(what, columns)
   local seen, count = {}, 0
   for i, name in pairs(columns) do
      count = count + 1
      if type(i) ~= "number" or type(name) ~= "string" or name == "" then
         options.fail("%s: columns is a list of names", what)
      elseif seen[name] then
         options.fail("%s: columns has %s twice", what, options.show(name))
      end
      seen[name] = true
   end
   if count ~= #columns or count == 0 or count > COLUMNS_MAX then
      options.fail("%s: columns is a list of 1 to %d names", what, COLUMNS_MAX)
   end
   return seen
end

local function check_types(what, types, columns)
   for name, kind in pairs(types) do
      if type(name) ~= "string" then
         options.fail('%s: types names columns: types = {price = "number"}', what)
      elseif not options.check_value({ type = "choice", unpack(TYPES) }, kind) then
         options.fail("%s: types: %s is one of %s, not %s", what, name, table.concat(TYPES, ", "),
            options.show(kind))
      elseif columns and not columns[name] then
         options.fail("%s: types: there is no column %s", what, options.show(name))
      end
   end
end

local function check_received_csv(what, given)
   if not given.columns then
      options.fail("%s: what is received has no first line with the names of columns; give them: "
         .. 'columns = {"time", "user"}', what)
   elseif given.header or given.multiline then
      options.fail("%s: %s is an option of files", what, given.header and "header" or "multiline")
   end
end

local function check_csv(what, given, is_file)
   local columns = given.columns and check_columns(what, given.columns)
   if given.types then check_types(what, given.types, columns) end
   local separator = given.separator or ","
   if #separator ~= 1 or separator:find('["\r\n%z]') then
      options.fail("%s: separator is one byte, and no quote or line end", what)
   end
   if not is_file then check_received_csv(what, given) end
   if not columns and given.header == false then
      options.fail("%s: without a header, columns = {...} names the columns", what)
   end
end

local function check_pattern(what, given)
   local pattern = given.pattern
   if not pattern then
      options.fail("%s: format = \"pattern\" needs one: pattern = '<ip> [<time>] <_>'", what)
   elseif pattern:find("%z") then
      options.fail("%s: pattern has a byte 0", what)
   end
   local message = ffi.new("char[256]")
   if not C.mill_pattern_check(pattern, #pattern, message, 256) then
      options.fail("%s: %s", what, ffi.string(message))
   end
   given.layout, given.pattern = pattern, nil
end

local function check_msgpack(what, given, is_file)
   if not is_file then
      options.fail('%s: format = "msgpack" is read from files only', what)
   elseif given.max_records_per_batch then
      options.fail("%s: max_records_per_batch counts lines, and msgpack has none; "
         .. "max_bytes_per_batch limits it", what)
   end
end

local CHECKS = { csv = check_csv, pattern = check_pattern, msgpack = check_msgpack }

--- Check what was given for a source's format. Of files, `files` and (but for a format's own)
--- `pattern` are what their names are like.
---@param what string the source, for messages
---@param given table its checked options
---@param is_file boolean
function M.check(what, given, is_file)
   for name, owner in pairs(OF) do
      if given[name] ~= nil and given.format ~= owner then
         options.fail("%s: %s is an option of format = %s", what, name, options.show(owner))
      end
   end
   local check = CHECKS[given.format]
   if check then check(what, given, is_file) end
   if is_file then
      given.pattern = given.files or given.pattern or "*"
   elseif given.pattern then
      options.fail('%s: pattern is an option of format = "pattern"', what)
   end
   return given
end

--- The format as plain values, for C (script/plan_read.c), added to the source's.
function M.describe(given, source)
   source.format, source.strict = given.format or "text", given.strict or false
   source.layout = given.layout
   if source.format ~= "csv" then return source end
   local typed, types = {}, {}
   for name in pairs(given.types or {}) do typed[#typed + 1] = name end
   table.sort(typed)
   for i, name in ipairs(typed) do types[i] = given.types[name] end
   source.csv = {
      columns = given.columns or {}, typed = typed, types = types,
      separator = given.separator or ",", header = given.header or false,
      multiline = given.multiline or false,
   }
   return source
end

return M
