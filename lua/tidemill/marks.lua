--- Two tables that stand for what Lua has no value for.
local M = {}

--- JSON null inside arrays and objects, where nil cannot stand.
M.null = setmetatable({}, {
   __tostring = function() return "null" end,
   __newindex = function() error("mill.null cannot be changed", 2) end,
   __metatable = false,
})

--- The metatable of a table that is an object even when it is empty.
M.OBJECT = { __metatable = false }

return M
