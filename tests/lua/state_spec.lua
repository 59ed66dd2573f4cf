-- Goal: a function sees the state that the record before it left, changes it by update and remove
-- only, and not at all when its key times out. Method: groups of numbers, and a runtime that reads
-- and writes what they hold.
local half = require "half"
local abi = require "tidemill.abi"
local state = require "tidemill.state"

local ffi = abi.ffi

--- Groups of one key with so many records; `stored` is what the store has.
local function world(count, stored)
   local groups = ffi.new("struct mill_group[?]", count)
   for i = 0, count - 1 do groups[i].count = 1 end
   if stored then groups[0].state.kind, groups[0].state.num = abi.NUMBER, stored end
   local reads = { count = 0 }
   local rt = {
      state_of = function(g)
         reads.count = reads.count + 1
         if g.state.kind ~= 0 then return g.state.num end
      end,
      set_state = function(g, v)
         if v == nil then abi.C.mill_state_remove(g) else abi.C.mill_state_number(g, v) end
      end,
   }
   local begin, save = state.make(rt)
   return groups, begin, save, reads
end

it("is what the store has, or nothing", function()
   local groups, begin = world(1, 5)
   local s = begin(groups, 0, -1)
   assert.equal(5, s:get())
   assert.is_true(s:exists())
   groups, begin = world(1)
   s = begin(groups, 0, -1)
   assert.is_nil(s:get())
   assert.is_false(s:exists())
end)

it("is kept for the key's next record without being read again", function()
   local groups, begin, save, reads = world(2)
   local s = begin(groups, 0, -1)
   s:update(7)
   assert.is_true(save(s, groups[0]))
   assert.equal(7, begin(groups, 1, 0):get())
   assert.equal(1, reads.count)
   assert.equal(7, groups[1].state.num)
end)

it("is read again behind a record that failed", function()
   local groups, begin, save = world(3, 1)
   local s = begin(groups, 0, -1)
   s:update(2)
   save(s, groups[0])
   begin(groups, 1, 0):update(99) -- and then its function fails
   assert.equal(2, begin(groups, 2, 0):get())
end)

it("is read again when it is a table that was not updated", function()
   local groups, begin, save = world(1)
   local s = begin(groups, 0, -1)
   s.value = {}
   assert.is_false(save(s, groups[0]))
   s:update({})
   assert.has_error(function() save(s, groups[0]) end) -- this runtime has numbers only
end)

it("is gone after remove", function()
   local groups, begin, save = world(1, 5)
   local s = begin(groups, 0, -1)
   s:remove()
   assert.is_false(s:exists())
   save(s, groups[0])
   assert.equal(abi.EMPTY, groups[0].after.kind)
   assert.equal(1, groups[0].changed)
end)

it("needs a value to be updated", function()
   local groups, begin = world(1)
   local s = begin(groups, 0, -1)
   assert.equal("update: needs a value; remove() deletes the state", half.failure(s.update, s, nil))
end)

it("goes when its key times out, and cannot be changed then", function()
   local groups, begin, save = world(1, 5)
   groups[0].count = 0
   local s = begin(groups, 0, -1)
   assert.is_true(s.timing_out)
   assert.equal(5, s:get())
   local suffix = ": the key times out; its state goes"
   assert.equal("update" .. suffix, half.failure(s.update, s, 1))
   assert.equal("remove" .. suffix, half.failure(s.remove, s))
   save(s, groups[0])
   assert.equal(abi.EMPTY, groups[0].after.kind)
end)
