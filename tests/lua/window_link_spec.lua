-- Goal: times are read of what scripts have, or refused with words; the aggregates that keep more
-- than a number add, merge and give results. Method: their functions, called as loops call them.
local half = require "half"
local abi = require "tidemill.abi"
local window_link = require "tidemill.window_link"

local ffi = abi.ffi
local runtime = {}
window_link.add_runtime(runtime)

it("a time is read of texts and 64-bit integers", function()
   assert.equal(1500, runtime.to_time("1970-01-01T00:00:01.5Z"))
   assert.equal(971211336000, runtime.to_time("10/Oct/2000:13:55:36 -0700"))
   assert.equal(5, runtime.to_time(5LL))
   assert.equal(5, runtime.to_time(5ULL))
end)

it("what is no time is refused", function()
   for wrong, message in pairs {
      soon = 'the time "soon" is none that is known', [true] = "the time is a boolean",
      [print] = "the time is a function", [ffi.new("int[1]")] = "the time is a cdata",
   } do
      assert.truthy(half.failure(runtime.to_time, wrong):find(message, 1, true), message)
   end
   assert.equal("the record has no time", half.failure(runtime.to_time, nil))
   assert.equal("the time is not a number", half.failure(runtime.bad_time, 0 / 0))
   assert.equal("the time -5 is before 1970", half.failure(runtime.bad_time, -5))
   assert.equal("the time 1e+300 is beyond the year 9998", half.failure(runtime.bad_time, 1e300))
   assert.equal("the time 90 is further ahead of the clock than max_ahead allows, by 20 ms",
      half.failure(runtime.far_ahead, 90, 70))
   assert.equal('a string has no field "t"', half.failure(runtime.no_field, "string", "t"))
end)

--- A linker, as the makers of aggregates see it. Records stand where `place` says.
local function linker(place)
   local kept = abi.C
   abi.C = setmetatable({
      mill_place = function(_, i, into)
         into[0], into[1], into[2] = place.epoch or 1, place.order or 0, i
      end,
   }, { __index = kept })
   local fresh = half.load_again("tidemill.window_link")
   abi.C = kept
   return { key = half.buffer().pointer, accumulators = {}, shuffle_of = function() end }, fresh
end

local function accumulator(node, place)
   local l, fresh = linker(place or {})
   node.id = 1
   return fresh.accumulator(l, node)
end

it("distinct counts keys", function()
   local acc = accumulator { built_in = "distinct", fn = function(v) return v % 3 end }
   local a, b = acc.init(), acc.init()
   for v = 1, 7 do acc.add(a, v, "k") end
   assert.equal(3, acc.result(a))
   acc.add(b, 1, "k")
   acc.merge(b, a)
   assert.equal(3, acc.result(b))
   acc = accumulator { built_in = "distinct" }
   a = acc.init()
   for _, v in ipairs { "1", 1, "1", 1LL, true } do acc.add(a, v) end
   assert.equal(3, acc.result(a))
end)

it("a list is in order of time, epoch, block and place; records of one place stay in order",
   function()
      local place = {}
      local acc = accumulator({ built_in = "list" }, place)
      local a, b = acc.init(), acc.init()
      acc.add(a, "d", "k", 5, 1)
      acc.add(a, "e", "k", 5, 1)
      acc.add(a, "c", "k", 5, 0)
      place.order = 2
      acc.add(b, "f", "k", 5, 0)
      acc.add(b, "a", "k", 1, 9)
      place.epoch = 2
      acc.add(b, "g", "k", 5, 0)
      place.epoch, place.order = 1, 0
      acc.add(b, "b", "k", 4, 9)
      acc.merge(b, a)
      assert.same({ "a", "b", "c", "d", "e", "f", "g" }, acc.result(b))
   end)

it("top keeps the n largest, of equal ones the earlier", function()
   local acc = accumulator { built_in = "top", n = 3, fn = function(v) return #v end }
   local a, b = acc.init(), acc.init()
   for i, v in ipairs { "aa", "b", "cccc", "dd" } do acc.add(a, v, "k", 10, i) end
   assert.same({ "cccc", "aa", "dd" }, acc.result(a))
   acc.add(b, "ee", "k", 9, 1)
   acc.add(b, "fff", "k", 20, 1)
   acc.merge(a, b)
   assert.same({ "cccc", "fff", "ee" }, acc.result(a))
   acc = accumulator { built_in = "top", n = 1 }
   assert.equal("needs a number to sort by, not string",
      half.failure(acc.add, acc.init(), "x", "k", 1, 1))
   assert.equal("needs a number to sort by, not NaN",
      half.failure(acc.add, acc.init(), 0 / 0, "k", 1, 1))
end)

it("an aggregate of the script's is taken as it is, and made once", function()
   local given = { init = print, add = print, merge = print }
   assert.equal(given, accumulator { acc = given })
   local l, fresh = linker {}
   local node = { id = 7, built_in = "list" }
   assert.equal(fresh.accumulator(l, node), fresh.accumulator(l, node))
end)

it("a table of panes remembers slots until there are many", function()
   local calls = 0
   local kept = abi.C
   abi.C = setmetatable({
      mill_pane_string = function(_, p, k)
         calls = calls + 1
         return k == "long" and 0 or p * 10 + #k
      end,
   }, { __index = kept })
   local fresh = half.load_again("tidemill.window_link")
   abi.C = kept
   local forgotten = 0
   local part = { pointer = 1, forget = function() forgotten = forgotten + 1 end }
   fresh.extend({ key = half.buffer().pointer }, part)
   local cache = part.caches[5] or part.open(5)
   assert.equal(51, part.pane_slot(cache, 5, "a"))
   assert.equal(51, cache.a)
   assert.equal(cache, part.caches[5])
   assert.equal("the key is longer than 64 KiB", half.failure(part.pane_slot, cache, 5, "long"))
   for i = 1, 70000 do part.pane_slot(cache, 5, "k" .. i) end
   assert.is_nil(part.caches[5]) -- it was full, and began anew
   for p = 1, 200 do part.open(p) end
   local panes = 0
   for _ in pairs(part.caches) do panes = panes + 1 end
   assert.is_true(panes <= 64)
   part.forget()
   assert.is_nil(next(part.caches))
   assert.equal(1, forgotten)
   assert.is_true(calls > 70000)
end)
