--- pairs and next that are safe in compiled loops.
---
--- LuaJIT has byte code of its own for loops over pairs(t) and over next. When that of Debian
--- bookworm (March 2022) joins such a loop to a trace, it now and then finds a table at its end
--- from the start: 0 of 2 elements, in one run of twenty. It was mended later (LuaJIT's d4b6bb80,
--- dad04f17, #827). A loop over any other function becomes an ordinary one at its first run; so
--- here is another function. A member of a hash costs 21 ns instead of 4.
local M = {}

local next, type, error = next, type, error

local function refuse(name, t)
   error(("bad argument #1 to '%s' (table expected, got %s)"):format(name, type(t)), 3)
end

function M.next(t, key)
   if type(t) ~= "table" then refuse("next", t) end
   return next(t, key)
end

local step = M.next

function M.pairs(t)
   if type(t) ~= "table" then refuse("pairs", t) end
   return step, t, nil
end

--- For all modules of the engine, and what they load.
rawset(_G, "pairs", M.pairs)

return M
