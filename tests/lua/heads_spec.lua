-- Goal: behind a stage a loop reads what the stage left of a key, and calls a function only where
-- the stage has one. Method: the text of plans.
local half = require "half"
local codegen = require "tidemill.codegen"
local heads = require "tidemill.heads"

local PAIRS = "local pairs = values:map_to_pair(print) pairs:"

local function text_of(stage)
   local plan = half.plan(PAIRS .. stage .. ":print()")
   return table.concat(codegen.generate(plan, plan.segments[2], false).lines, " ")
end

it("a value that C merged is read", function()
   local text = text_of "reduce_by_key(mill.sum)"
   assert.truthy(text:find("local c = cells[g.first] local v = c.num", 1, true))
   assert.falsy(text:find("ctl.op = 4", 1, true))
end)

it("partial values are folded by the function", function()
   local text = text_of "reduce_by_key(print)"
   assert.truthy(text:find("for p = g.first + 1, g.first + g.count - 1 do", 1, true))
   assert.truthy(text:find("v = f4(v, b)", 1, true))
end)

it("update_state_by_key gets values, state, key and time", function()
   local text = text_of "update_state_by_key(print)"
   assert.truthy(text:find("local v = f4(list, s, k, ctl.time_ms) set_state(g, v)", 1, true))
   assert.truthy(text:find("if v == nil then heads[0]", 1, true))
   assert.truthy(text_of("update_state_by_key(print, {emit = 'changed'})")
      :find("g.changed == 0", 1, true))
end)

it("map_with_state gets key, value and state, and gives a record", function()
   local text = text_of "map_with_state(print)"
   assert.truthy(text:find("local s = with_state(groups, i, last) ctl.op = 4 "
      .. "local v, v2, extra = f4(k, r, s)", 1, true))
   assert.truthy(text:find("if save_state(s, g) then last = i end", 1, true))
   assert.falsy(text:find("k, v = v, v2", 1, true))
end)

it("or a pair", function()
   local text = text_of "map_with_state(print, {gives = 'pairs'})"
   assert.truthy(text:find("k, v = v, v2", 1, true))
end)

it("those that call a function are known", function()
   for name in pairs(heads.calls) do assert.is_function(heads[name]) end
   assert.is_nil(heads.calls.values)
end)
