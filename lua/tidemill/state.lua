--- The state of a key, as map_with_state hands it to its function.
local abi = require "tidemill.abi"

local C = abi.C

local M = {}

local State = {}
State.__index = State

function State:get() return self.value end

function State:exists() return self.value ~= nil end

local function change(state, what, value)
   if state.timing_out then
      error(what .. ": the key times out; its state goes", 0)
   end
   state.value, state.changed = value, true
end

function State:update(v)
   if v == nil then error("update: needs a value; remove() deletes the state", 0) end
   change(self, "update", v)
end

function State:remove() change(self, "remove", nil) end

function M.bad_result()
   error("returned two values; pairs need map_with_state(f, {gives = 'pairs'})", 0)
end

--- One state object for all calls of a worker, and what comes before and after a call.
---@param rt table functions that read and write states: state_of, set_state
---@return function begin(groups, i, last): the state of group i's key; last: the group whose state
---   it holds
---@return function save(state, group)
function M.make(rt)
   local state = setmetatable({ timing_out = false, changed = false }, State)

   local function begin(groups, i, last)
      local g = groups[i]
      if g.head ~= i then
         C.mill_state_follow(groups, i)
         if last ~= i - 1 then state.value = rt.state_of(g) end
      else
         state.value = rt.state_of(g)
      end
      state.changed, state.timing_out = false, g.count == 0
      return state
   end

   local function save(held, g)
      if g.count == 0 then
         C.mill_state_remove(g)
      elseif held.changed then
         rt.set_state(g, held.value)
      end
      -- A table may have been written to without update(): that counts for nothing.
      return held.changed or type(held.value) ~= "table"
   end
   return begin, save
end

return M
