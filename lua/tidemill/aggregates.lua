--- What runs in C where a Lua function could stand: mill.sum and its kin for reducing, mill.words
--- and mill.split for flat_map. Each is an object that the planner recognises.
local M = {}

local Aggregate = {}
Aggregate.__index = Aggregate
Aggregate.__tostring = function(a) return "mill." .. a.name end

local Splitter = {}
Splitter.__index = Splitter
Splitter.__tostring = function(s)
   return s.separator == "" and "mill.words" or ("mill.split(%q)"):format(s.separator)
end

for _, name in ipairs { "sum", "min", "max", "count", "avg" } do
   M[name] = setmetatable({ name = name }, Aggregate)
end

--- Runs of bytes that are no blanks, as awk splits a line.
M.words = setmetatable({ separator = "" }, Splitter)

--- The fields between exact separators, empty ones too.
function M.split(separator)
   if type(separator) ~= "string" or separator == "" or #separator > 255 then
      error("mill.split: the separator is a string of 1 to 255 bytes", 2)
   end
   return setmetatable({ separator = separator }, Splitter)
end

function M.is_aggregate(value)
   return getmetatable(value) == Aggregate
end

function M.is_splitter(value)
   return getmetatable(value) == Splitter
end

return M
