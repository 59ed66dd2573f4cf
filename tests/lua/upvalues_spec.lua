-- Goal: a function that keeps something in a captured variable is told of, with the line; one that
-- only reads, or has tables of its own, is not. Method: functions of each kind.
local half = require "half"
local upvalues = require "tidemill.upvalues"

local total, seen = 0, {} -- luacheck: ignore 231

local function changes(f)
   local list = {}
   for i, change in ipairs(upvalues.find(f)) do
      list[i] = ("%s %s"):format(change.how, change.name)
   end
   return list
end

describe("a captured variable", function()
   it("that is assigned to is found, whatever the value", function()
      for _, f in ipairs {
         function(v) total = v end, function() total = 1 end, function() total = "text" end,
         function() total = nil end, function() total = true end, function() total = {} end,
         function(a) total = total + a end, function(a) if a then total = a end end,
      } do
         assert.same({ "assigns to total" }, changes(f))
      end
   end)

   it("that is a table is found when it is written into, whatever the key", function()
      for _, f in ipairs {
         function(v) seen.x = v end, function(v) seen[v] = true end, function(v) seen[1] = v end,
         function(v) seen[#seen + 1] = v end, function(v) seen[v] = (seen[v] or 0) + 1 end,
         function(v) local mine = seen mine[v] = 1 end, function() seen[300] = 1 end,
         function(v) seen[v] = math.max(seen[v], v) end,
      } do
         assert.same({ "writes into seen" }, changes(f))
      end
   end)

   it("is told once, the first time", function()
      local f = half.as_script("local n, t = 0, {}\nreturn function(v)\nt[v] = 1\nn = v\n"
         .. "n = 2\nt.x = 2\nend")
      assert.same({
         { name = "t", line = 3, how = "writes into" },
         { name = "n", line = 4, how = "assigns to" },
      }, upvalues.find(f))
   end)
end)

describe("nothing is told", function()
   it("of a function that reads", function()
      assert.same({}, changes(function(v) return total + seen.x + seen[v] + #seen end))
      assert.same({}, changes(function(v) return seen[v] and print or total end))
   end)

   it("of a function that writes into tables of its own", function()
      assert.same({}, changes(function(v)
         local t = { seen }
         t.x, t[v], t[1] = total, seen.x, v
         v.x = seen
         return t
      end))
   end)

   it("of what a function returned that was given a captured table", function()
      assert.same({}, changes(function(v)
         local a, b, c, d = v(seen, seen)
         a.x, b.x, c.x, d.x = 1, 1, 1, 1
      end))
      assert.same({}, changes(function(v, ...)
         local a, b, c, d = v(seen, seen, ...)
         a.x, b.x, c.x, d.x = 1, 1, 1, 1
      end))
      assert.same({}, changes(function(v)
         for a, b in v(seen, seen, seen, seen) do a.x, b.x = 1, 1 end
      end))
   end)

   it("of a variable whose place a captured table had before", function()
      assert.same({}, changes(function(v)
         do local a = seen v(a) end
         local b = v
         b.x = 1
      end))
      assert.same({}, changes(function(v, ...)
         do local a, b = seen, seen v(a, b) end
         local c, d = ...
         c.x, d.x = 1, 1
      end))
      assert.same({}, changes(function(v)
         do local a, b = seen, seen v(a, b) end
         local c, d = nil, nil
         c.x, d.x = v(c, d), 1
      end))
   end)

   it("of a function of a library", function()
      assert.same({}, upvalues.find(print))
   end)
end)

describe("a plan", function()
   local REST = ": each worker has its own, and a crash forgets it; keep state with "
      .. "map_with_state"
   local function check(text) return upvalues.check(half.plan(text)) end

   it("has a warning for each operator that keeps something", function()
      assert.same({
         'map at job.lua:2 assigns to the captured variable "n" (line 2)' .. REST,
         'filter "new" at job.lua:3 writes into the captured variable "t" (line 3)' .. REST,
      }, check [[local n, t = 0, {}
         values:map(function(v) n = n + v return n end)
            :filter(function(v) t[v] = true return t[v] end):named("new"):print()]])
   end)

   it("has one for each function of an aggregate", function()
      assert.same({
         'tumbling_aggregate at job.lua:4 assigns to the captured variable "n" (line 3)' .. REST,
      }, check [[local n = 0
         local function init() return {} end
         local function add(acc, v) n = n + v end
         values:event_time("t"):map_to_pair(print):tumbling("1s"):aggregate{init = init, add = add,
            merge = init}:print()]])
   end)

   it("has none for what runs in C, nor for for_each_batch, which runs in one state", function()
      assert.same({}, check [[local n = 0
         lines:flat_map(mill.words):count_by_value():for_each_batch(function() n = n + 1 end)]])
   end)
end)
