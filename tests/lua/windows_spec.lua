-- Goal: event_time and windows become nodes that know their time and window; what comes behind
-- them keeps or loses these. Method: scripts that end with one call; the node that it made. What
-- they say when they are used wrongly: tests/cases/windows/usage.case.
local half = require "half"

local HEAD = 'local mill = require "tidemill" local job = mill.job("test") '
   .. "local values, other = job:queue_stream({}), job:queue_stream({}) "
   .. "local function f() end "
   .. 'local timed = values:event_time("t", { max_delay = "5s" }) '
   .. "local keyed = timed:map_to_pair(f) "

local function node_of(text)
   local job = half.load(HEAD .. text .. " return job")
   return job.nodes[#job.nodes]
end

it("event_time has its options, and a field or a function", function()
   local node = node_of("")
   assert.equal("map_to_pair", node.kind)
   node = node.input
   assert.equal("event_time", node.kind)
   assert.equal("t", node.field)
   assert.is_nil(node.fn)
   assert.same({ max_delay = 5000, idle = 30000, max_ahead = 86400000 }, node.options)
   node = node_of("other:event_time(f)")
   assert.is_function(node.fn)
   assert.is_nil(node.field)
   assert.equal(0, node.options.max_delay)
end)

it("windows have their sizes", function()
   local shapes = {
      ["tumbling('10s')"] = { "tumbling", 10000, 10000, 10000, "final" },
      ["tumbling('10s', { emit = 'update' })"] = { "tumbling", 10000, 10000, 10000, "update" },
      ["sliding('10s', '4s')"] = { "sliding", 10000, 4000, 2000, "final" },
      ["sliding('10s', '10s', { emit = 'final' })"] = { "sliding", 10000, 10000, 10000, "final" },
      ["session('3ms')"] = { "session", 3, 3, 3, "final" },
   }
   for text, wanted in pairs(shapes) do
      local node = node_of("keyed:" .. text .. ":count()")
      local w = node.window
      assert.same(wanted, { w.kind, w.size, w.slide, w.pane, w.emit }, text)
      assert.equal(w.kind .. "_count", node.kind)
      assert.equal("window", node.stage)
      assert.is_true(node.keyed and node.windowed)
   end
end)

it("aggregates combine in C or by functions", function()
   local combines = {
      ["count()"] = "count", ["sum()"] = "sum", ["sum(f)"] = "sum", ["min(f)"] = "min",
      ["max()"] = "max", ["avg(f)"] = "avg", ["reduce(f)"] = "lua", ["distinct(f)"] = "lua",
      ["top(3, f)"] = "lua", ["list()"] = "lua",
      ["aggregate{init = f, add = f, merge = f}"] = "lua",
   }
   for text, combine in pairs(combines) do
      local node = node_of("keyed:tumbling('1s'):" .. text)
      assert.equal(combine, node.combine, text)
      assert.equal("tumbling_" .. text:match("^%a+"), node.kind)
      assert.equal(combine == "lua" and not text:match("^reduce"), node.gathers or false, text)
   end
   assert.equal(3, node_of("keyed:tumbling('1s'):top(3)").n)
end)

describe("what comes behind", function()
   local W = "local w = keyed:tumbling('1s'):count() "

   it("keeps the time but for a shuffle", function()
      local keeps = {
         ["timed:map(f)"] = true, ["timed:filter(f)"] = true, ["timed:flat_map(f)"] = true,
         ["timed:flat_map_to_pair(f)"] = true, ["keyed:map_values(f)"] = true,
         ["keyed:keys()"] = true, ["keyed:values()"] = true, ["timed:union(timed)"] = true,
         ["keyed:reduce_by_key(f)"] = false, ["timed:count()"] = false,
         ["timed:union(other)"] = false, [W .. "w:map_to_pair(f)"] = true,
         ["keyed:reduce_by_key(f):map(f)"] = false,
      }
      for text, kept in pairs(keeps) do
         assert.equal(kept, node_of(text).event ~= nil, text)
      end
   end)

   it("keeps the window in filter, map_values and a union of windows", function()
      local keeps = {
         ["w:filter(f)"] = true, ["w:map_values(f)"] = true, ["w:union(w)"] = true,
         ["w:filter(f):map_values(f)"] = true, ["w:map_to_pair(f)"] = false,
         ["w:union(keyed)"] = false, ["w:map(f)"] = false, ["w:values()"] = false,
         ["w:reduce_by_key(f)"] = false,
      }
      for text, kept in pairs(keeps) do
         assert.equal(kept, node_of(W .. text).windowed or false, text)
      end
   end)

   it("goes by all event times of a union, each once", function()
      local node = node_of("local b = other:event_time('t') "
         .. "b:union(timed, b):map_to_pair(f):session('1s'):count()")
      assert.equal(2, #node.event)
      assert.are_not.equal(node.event[1], node.event[2])
   end)

   it("gives a flat function emit behind the window", function()
      local flat = W .. "w:flat_map(function(k, v%s) end)"
      assert.is_false(node_of(flat:format(", window")).emits)
      assert.is_true(node_of(flat:format(", window, emit")).emits)
   end)
end)
