-- Goal: a segment runs a chunk through the script's functions in a compiled loop, says where it
-- failed, and goes on behind it without calling anything twice.
-- Method: segments on chunks made here; they end in a tee, whose readers note what they get.
local half = require "half"
local abi = require "tidemill.abi"
local tracing = require "tidemill.tracing"
local world = require "segment_world"

local link, run, received = world.link, world.run, world.received
local set_lines, set_numbers, set_groups = world.set_lines, world.set_numbers, world.set_groups
local TWO_READERS = world.TWO_READERS

local function range(n)
   local list = {}
   for i = 1, n do list[i] = i end
   return list
end

describe("a segment", function()
   it("runs a chunk and leaves the records in the tee, with where they came from", function()
      local w = link("local s = lines:map(function(l) return l .. '!' end)"
         .. ":filter(function(l) return l ~= 'b!' end)" .. TWO_READERS)
      set_lines(w, { "a", "b", "c" })
      assert.is_nil(run(w, 1, 3))
      assert.same({ "a!", "c!" }, received(w))
      assert.same({ 0, 2 }, { w.tees[1].origin[0], w.tees[1].origin[1] })
      assert.equal(1, tonumber(w.counters[4].filtered))
   end)

   it("stops when the tee is full, and goes on behind", function()
      local w = link("local s = values:map(function(v) return v end)" .. TWO_READERS)
      set_numbers(w, range(8200))
      assert.equal(1, run(w, 1, 8200))
      assert.equal(8191, w.control.i)
      w.tees[1].count, w.control.i = 0, 8192
      assert.is_nil(w.linked.segments[1]())
      assert.same({ 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200 }, received(w))
   end)

   it("gives a reader tables that no other reader changes", function()
      local w = link("local s = values:map(function(v) return { v } end)" .. TWO_READERS)
      set_numbers(w, { 7 })
      run(w, 1, 1)
      run(w, 2, 1)
      w.seen[1][1] = "changed"
      assert.same({ { 7 } }, received(w))
   end)

   it("that runs in C has no function", function()
      assert.is_false(link("lines:count():print()").linked.segments[1])
   end)
end)

describe("the loop of", function()
   local function check(name, text, set, id)
      it(name .. " is compiled whole", function()
         local w = link(text)
         set(w)
         jit.flush()
         jit.opt.start("hotloop=56") -- counts begin anew
         tracing.start { segments = { w.plan.segments[id] }, operators = w.plan.operators }
         for _ = 1, 20 do
            w.slots[1].kind = abi.NUMBER
            run(w, id, 500)
            if w.tees[1] then w.tees[1].count = 0 end
         end
         local report = tracing.report()
         assert.is_not_nil(report:match("^segment %d: compiled %(%d+ traces%)\n$"), report)
      end)
   end

   local function numbers(w) set_numbers(w, range(1000)) end
   local function groups(w)
      set_groups(w, 1000, 2)
      numbers(w)
   end

   check("map and filter", "local s = lines:map(function(l) return #l end)"
      .. ":filter(function(n) return n > 0 end)" .. TWO_READERS, function(w)
      local list = {}
      for i = 1, 1000 do list[i] = "line" .. i end
      set_lines(w, list)
   end, 1)
   check("pairs", "local s = values:map_to_pair(function(v) return v, 1 end)"
      .. ":map_values(function(v, k) return v + k end)" .. TWO_READERS, numbers, 1)
   check("a list that is emitted", "local s = values:flat_map(function(v, emit) "
      .. "emit(v) emit(v) emit(v) end):map(function(v) return v + 1 end)" .. TWO_READERS,
      numbers, 1)
   check("reduce", "values:map(function(v) return v end)"
      .. ":reduce(function(a, b) return a + b end):print()", numbers, 1)
   check("reduce by mill.max", "values:reduce(mill.max):print()", numbers, 1)
   check("the groups of reduce_by_key", "local s = values:map_to_pair(print)"
      .. ":reduce_by_key(function(a, b) return a + b end)" .. TWO_READERS, groups, 2)
end)

it("what a call emitted is not held until as much is emitted again", function()
   local w = link("local s = values:flat_map(function(v, emit) "
      .. "for i = 1, v do emit(('x'):rep(100) .. i) end end):filter(function() return false end)"
      .. TWO_READERS)
   set_numbers(w, { 1 })
   run(w, 1, 1)
   collectgarbage()
   collectgarbage()
   local before = collectgarbage("count")
   set_numbers(w, { 100000 })
   run(w, 1, 1)
   set_numbers(w, { 1 })
   run(w, 1, 1)
   collectgarbage()
   collectgarbage()
   assert.is_true(collectgarbage("count") - before < 2048)
end)

describe("an error", function()
   local function failing(body)
      local w = link("local s = values:map(function(v) if v ~= 2 then return v end "
         .. body .. " end)" .. TWO_READERS)
      set_numbers(w, { 1, 2, 3 })
      local err = half.failure(run, w, 1, 3)
      assert.same({ 1, 3 }, { w.control.i, w.control.op })
      w.control.i = 2
      w.linked.segments[1]()
      assert.same({ 1, 3 }, received(w))
      return err
   end

   it("leaves the record and the operator, behind which the loop goes on", function()
      assert.equal("job.lua:1: wrong", failing("error('wrong')"))
      assert.equal("returned nothing; use filter to drop records", failing(""))
      assert.equal("returned two values; use map_to_pair", failing("return 1, 2"))
   end)

   it("of a pair or a list says what is wrong with it", function()
      for wrong, text in pairs {
         ["returned no key"] = "map_to_pair(function() end)",
         ["returned a key without a value"] = "map_to_pair(function() return 1 end)",
         ["returned more than a key and a value"] = "map_to_pair(function() return 1, 2, 3 end)",
         ["returned string, not a list"] = "flat_map(function(v) return 'x' end)",
         ["gave number in its list, not {key, value}"] =
            "flat_map_to_pair(function(v) return { { 1, 2 }, 3 } end)",
         ["emit was given nothing"] = "flat_map(function(v, emit) emit() end)",
         ["emit was given two values; use flat_map_to_pair"] =
            "flat_map(function(v, emit) emit(1, 2) end)",
         ["needs numbers, not a string"] = "map(function() return 'x' end):reduce(mill.sum)",
      } do
         local s = text:find("reduce") and "" or TWO_READERS
         local w = link("local s = values:" .. text .. (s == "" and " s:print()" or s))
         set_numbers(w, { 1 })
         assert.equal(wrong, half.failure(run, w, 1, 1))
      end
   end)

   it("in a list leaves the element, and the list's function is not called again", function()
      local w = link("local n = 0 local s = values:flat_map(function() n = n + 10 "
         .. "return { n, n + 1, n + 2 } end):map(function(v) if v == 11 then error('wrong', 0) end "
         .. "return v end)" .. TWO_READERS)
      set_numbers(w, { 1, 2 })
      assert.equal("wrong", half.failure(run, w, 1, 2))
      assert.same({ 0, 1, 4 }, { w.control.i, w.control.j[0], w.control.op })
      w.control.j[0], w.control.depth = 2, 1
      w.linked.segments[1]()
      assert.same({ 10, 12, 20, 21, 22 }, received(w))
   end)

   it("in a function that emits takes back what it had emitted", function()
      local w = link("local s = values:flat_map(function(v, emit) emit(v) "
         .. "if v == 1 then error('wrong', 0) end end)" .. TWO_READERS)
      set_numbers(w, { 1, 2 })
      assert.equal("wrong", half.failure(run, w, 1, 2))
      w.control.i = 1
      w.linked.segments[1]()
      assert.same({ 2 }, received(w))
   end)
end)

describe("a number", function()
   it("is read from a 64-bit integer that is exactly one", function()
      local w = link("values:reduce(mill.sum):print()")
      set_numbers(w, { 0 })
      w.cells[0].kind, w.slots[1].kind = abi.PACKED, abi.NUMBER
      w.unpacked = 2LL ^ 40
      run(w, 1, 1)
      assert.equal(2 ^ 40, w.slots[1].num)
      w.unpacked = 9007199254740993LL
      assert.equal("needs numbers, and no number is exactly 9007199254740993LL",
         half.failure(run, w, 1, 1))
   end)
end)

describe("a checked loop", function()
   it("does not call the operator for the element that is to be skipped", function()
      local w = link("local s = values:flat_map(function(v) return { 1, 2 } end)"
         .. ":map(function(v) return v end)" .. TWO_READERS)
      set_numbers(w, { 5 })
      w.control.skip_op, w.control.skip_j[0] = 4, 1
      w.linked.segments[1] = w.linked.checked(1)
      assert.equal("skipped", half.failure(run, w, 1, 1))
      assert.equal(1, w.control.j[0])
      w.control.skip_j[0] = 0xffffffff
      assert.equal("skipped", half.failure(run, w, 1, 1))
      assert.equal(0, w.control.j[0])
      w.control.skip_op = 0
      assert.is_nil(run(w, 1, 1))
   end)
end)

describe("a state", function()
   it("is what the function returned, and gone when that is nil", function()
      local w = link("local s = values:map_to_pair(print):update_state_by_key("
         .. "function(values, state, key, time) if not state then return #values end "
         .. "if state < 5 then return state + time end end, { emit = 'changed' })" .. TWO_READERS)
      set_groups(w, 4, 2)
      set_numbers(w, { 1, 1 })
      w.control.time_ms = 0.5
      for i, state in ipairs { 3, 5, 4.5 } do
         w.groups[i].state.kind, w.groups[i].state.num = abi.NUMBER, state
      end
      run(w, 2, 4)
      assert.same({ { "key", 2 }, { "key", 3.5 }, { "key", 5 } }, received(w))
      assert.equal(abi.EMPTY, w.groups[2].after.kind)
      assert.equal(3.5, w.groups[1].after.num)
      assert.equal(1, tonumber(w.heads[0].filtered))
   end)
end)
