--- Checks tables of options: every key is known, every value has the right type and range, and
--- the error names the option, the value, what is allowed, and the script's line.
local units = require "tidemill.units"

local M = {}

--- The script's line that called into the API, for messages: "job.lua:7: ".
--- Frames of the library itself are skipped: their chunk names begin with "tidemill.".
function M.where()
   for level = 2, 20 do
      local info = debug.getinfo(level, "Sl")
      if not info then return "" end
      if info.what ~= "C" and info.source:sub(1, 1) == "@" and info.currentline > 0 then
         return ("%s:%d: "):format(info.short_src, info.currentline)
      end
   end
   return ""
end

--- Raise an error that the user's script made, with its line in front.
function M.fail(format, ...)
   error(M.where() .. format:format(...), 0)
end

local function show(value)
   return type(value) == "string" and ("%q"):format(value) or tostring(value)
end
M.show = show

local checks = {}

function checks.duration(value, spec)
   if type(value) ~= "string" then return nil, 'a duration such as "5s"' end
   local ms, err = units.duration(value)
   if not ms then return nil, "a duration: " .. err end
   if ms < (spec.min or 1) then
      return nil, ("at least %s"):format(units.format_duration(spec.min or 1))
   end
   return ms
end

function checks.size(value, spec)
   if type(value) ~= "string" then return nil, 'a size such as "64MiB"' end
   local bytes, err = units.size(value)
   if not bytes then return nil, "a size: " .. err end
   if bytes < (spec.min or 1) then
      return nil, ("at least %s"):format(units.format_size(spec.min or 1))
   end
   return bytes
end

function checks.integer(value, spec)
   local number = tonumber(value)
   local min, max = spec.min or 0, spec.max or 2 ^ 53
   if not number or number ~= math.floor(number) or number < min or number > max then
      return nil, ("a whole number from %d to %d"):format(min, max)
   end
   return number
end

function checks.number(value, spec)
   local number = tonumber(value)
   local min, max = spec.min or -math.huge, spec.max or math.huge
   if not number or not (number >= min and number <= max) then
      return nil, ("a number from %s to %s"):format(min, max)
   end
   return number
end

function checks.boolean(value)
   if value == "true" then return true end
   if value == "false" then return false end
   if type(value) ~= "boolean" then return nil, "true or false" end
   return value
end

function checks.string(value)
   if type(value) ~= "string" then return nil, "a string" end
   return value
end

function checks.choice(value, spec)
   for _, choice in ipairs(spec) do
      if value == choice then return value end
   end
   local quoted = {}
   for i, choice in ipairs(spec) do quoted[i] = show(choice) end
   return nil, "one of " .. table.concat(quoted, ", ")
end

--- Names from a fixed set, as a list or as one string with commas (from the command line).
function checks.set(value, spec)
   if type(value) == "string" then
      local list = {}
      for name in value:gmatch("[^,]+") do list[#list + 1] = name end
      value = list
   end
   local allowed = "a list of " .. table.concat(spec, ", ")
   if type(value) ~= "table" then return nil, allowed end
   local set = {}
   for key, name in pairs(value) do
      if type(key) ~= "number" or not checks.choice(name, spec) then return nil, allowed end
      set[name] = true
   end
   return set
end

--- Either a duration or a size: {duration = ms} or {size = bytes}.
function checks.roll(value)
   if type(value) ~= "string" then return nil, 'a duration or a size: "10m", "64MiB"' end
   local ms = units.duration(value)
   local bytes = units.size(value)
   if not ms and not bytes or ms == 0 or bytes == 0 then
      return nil, 'a duration or a size: "10m", "64MiB"'
   end
   return { duration = ms, size = bytes }
end

function checks.table(value)
   if type(value) ~= "table" then return nil, "a table" end
   return value
end

checks["function"] = function(value)
   if type(value) ~= "function" then return nil, "a function" end
   return value
end

local function known_names(schema)
   local names = {}
   for name in pairs(schema) do names[#names + 1] = name end
   table.sort(names)
   return table.concat(names, ", ")
end

--- Check one value.
---@return any? value converted (durations to ms, sizes to bytes)
---@return string? err what is allowed
function M.check_value(spec, value)
   return checks[spec.type](value, spec)
end

--- Check a table of options against a schema.
---@param what string whose options they are, for messages, e.g. "mill.job"
---@param schema table name -> {type=, default=, min=, max=, or the choices as a list}
---@param given table? what the user wrote
---@return table options with defaults, converted
function M.check(what, schema, given)
   if given ~= nil and type(given) ~= "table" then
      M.fail("%s: the options are a table, not a %s", what, type(given))
   end
   local result = {}
   for name, value in pairs(given or {}) do
      local spec = schema[name]
      if not spec then
         M.fail("%s: unknown option %s; known are: %s", what, show(name), known_names(schema))
      end
      local converted, allowed = M.check_value(spec, value)
      if converted == nil then
         M.fail("%s: %s = %s is not allowed; it must be %s", what, name, show(value), allowed)
      end
      result[name] = converted
   end
   for name, spec in pairs(schema) do
      if result[name] == nil and spec.default ~= nil then
         result[name] = M.check_value(spec, spec.default)
      end
   end
   return result
end

return M
