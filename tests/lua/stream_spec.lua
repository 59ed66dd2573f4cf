-- Goal: each operator says what it wants and becomes a node of the graph with what it was told.
-- Method: scripts that end with one call; the node that it made, or the words of the refusal.
local half = require "half"

local HEAD = 'local mill = require "tidemill" local job = mill.job("test") '
   .. 'local lines, values = job:text_file_stream("in"), job:queue_stream({}) '
   .. "local pairs_of = values:map_to_pair(function(v) return v, 1 end) "
   .. "local function f() end "

--- The last node of the job.
local function node_of(text)
   local job = half.load(HEAD .. text .. " return job")
   return job.nodes[#job.nodes]
end

local function refusal(text)
   return half.refusal(HEAD .. text .. " return job"):match("^job.lua:1: (.*)$")
end

describe("an operator", function()
   it("hangs on its stream, with its place in the script", function()
      local node = node_of("\nlines:filter(f)\n:map(f)")
      assert.equal("filter", node.input.kind)
      assert.equal("text_file_stream", node.input.input.kind)
      assert.equal("job.lua:3", node.line)
      assert.equal(5, node.id)
   end)

   it("needs a function", function()
      for name in ([[map filter flat_map map_to_pair flat_map_to_pair map_values reduce_by_key
         update_state_by_key for_each_batch]]):gmatch("%S+") do
         for _, wrong in ipairs { "nil", "5", '"f"', "mill.words" } do
            if name ~= "flat_map" or wrong ~= "mill.words" then
               assert.equal(("%s: needs a function, not %s"):format(name, wrong),
                  refusal(("pairs_of:%s(%s)"):format(name, wrong)))
            end
         end
      end
      assert.equal('reduce: needs a function, not "f"', refusal('values:reduce("f")'))
      assert.equal("top: needs a function, not nil", refusal("values:top(3)"))
   end)

   it("gives pairs or records", function()
      local keyed = {
         ["pairs_of:map(f)"] = false, ["pairs_of:filter(f)"] = true, ["values:filter(f)"] = false,
         ["pairs_of:flat_map(f)"] = false, ["values:map_to_pair(f)"] = true,
         ["values:flat_map_to_pair(f)"] = true, ["pairs_of:map_values(f)"] = true,
         ["pairs_of:keys()"] = false, ["pairs_of:values()"] = false, ["pairs_of:count()"] = false,
         ["pairs_of:union(pairs_of)"] = true, ["lines:union(values)"] = false,
         ["values:reduce(f)"] = false, ["values:count_by_value()"] = true,
         ["pairs_of:reduce_by_key(mill.sum)"] = true,
         ["pairs_of:reduce_by_key(f)"] = true, ["pairs_of:update_state_by_key(f)"] = true,
         ["pairs_of:top(1, f)"] = true, ["values:top(1, f)"] = false,
      }
      for text, wanted in pairs(keyed) do
         local node = node_of(text)
         assert.equal(text:match(":(.*)%("):match("^[%w_]+"), node.kind)
         assert.equal(wanted, node.keyed or false, text)
      end
   end)

   it("of pairs is refused on records", function()
      for name in ("map_values keys values reduce_by_key update_state_by_key"):gmatch("%S+") do
         assert.equal(name .. ": works on pairs; make them with map_to_pair first",
            refusal(("values:%s(f)"):format(name)))
      end
   end)

   it("of records is refused on pairs", function()
      assert.equal("reduce: works on records; take values() first, or use reduce_by_key",
         refusal("pairs_of:reduce(f)"))
      assert.equal("count_by_value: works on records; take keys() or values() first",
         refusal("pairs_of:count_by_value()"))
      assert.equal("flat_map: mill.words splits strings; take them with values() first",
         refusal("pairs_of:flat_map(mill.words)"))
   end)

   it("that there is not, now or ever, is named", function()
      assert.equal("join is not in this version of tidemill", refusal("values:join(lines)"))
      assert.equal("to_kafka is not in this version of tidemill", refusal("values:to_kafka {}"))
      assert.equal('a stream has no operator "flatmap"', refusal("values:flatmap(f)"))
   end)
end)

describe("flat_map", function()
   it("tells from the parameters whether the function takes emit", function()
      local emits = {
         ["values:flat_map(function(r) end)"] = false,
         ["values:flat_map(function(r, emit) end)"] = true,
         ["pairs_of:flat_map(function(k, v) end)"] = false,
         ["pairs_of:flat_map(function(k, v, emit) end)"] = true,
         ["values:flat_map_to_pair(function(r, emit) end)"] = true,
         ["pairs_of:flat_map_to_pair(function(k, v) end)"] = false,
      }
      for text, wanted in pairs(emits) do assert.equal(wanted, node_of(text).emits, text) end
      for _, name in ipairs { "flat_map", "flat_map_to_pair" } do
         assert.equal(name .. ": cannot tell whether a function of (...) takes emit; name its "
            .. "parameters", refusal(("values:%s(function(...) end)"):format(name)))
      end
   end)

   it("takes a splitter in a function's place", function()
      assert.equal("", node_of("lines:flat_map(mill.words)").splitter.separator)
      assert.equal(",", node_of('lines:flat_map(mill.split(","))').splitter.separator)
      assert.equal('flat_map: mill.split needs its separator: mill.split(",")',
         refusal("lines:flat_map(mill.split)"))
   end)
end)

it("an aggregate runs in C in a reduce function's place", function()
   for name in ("sum min max count avg"):gmatch("%S+") do
      for _, text in ipairs { "values:reduce(mill.%s)", "pairs_of:reduce_by_key(mill.%s)" } do
         local node = node_of(text:format(name))
         assert.equal(name, node.combine)
         assert.is_nil(node.fn)
      end
   end
   assert.equal("lua", node_of("values:reduce(f)").combine)
end)

describe("union", function()
   it("has its streams in order", function()
      local node = node_of("lines:union(values, lines)")
      assert.same({ 1, 2, 1 }, { node.inputs[1].id, node.inputs[2].id, node.inputs[3].id })
   end)

   it("is of streams that fit", function()
      assert.equal("union: needs streams, not 5", refusal("values:union(lines, 5)"))
      assert.equal("union: needs streams, not nil", refusal("values:union(nil)"))
      assert.equal("union: one stream is of pairs and the other is not",
         refusal("values:union(pairs_of)"))
      assert.equal("union: the streams belong to different jobs",
         refusal('values:union(mill.job("b"):queue_stream({}))'))
   end)
end)

it("update_state_by_key has an initial state and says which keys it gives", function()
   local node = node_of("pairs_of:update_state_by_key(f, { initial = { a = 1 } })")
   assert.same({ a = 1 }, node.initial)
   assert.equal("all", node.emit)
   assert.equal("changed",
      node_of('pairs_of:update_state_by_key(f, { emit = "changed" })').emit)
   assert.equal('update_state_by_key: emit = "none" is not allowed; it must be one of "all", '
      .. '"changed"', refusal('pairs_of:update_state_by_key(f, { emit = "none" })'))
end)

it("top and print count rows from 1 to a million", function()
   for _, n in ipairs { 1, 1e6 } do
      assert.equal(n, node_of(("values:top(%d, f)"):format(n)).n)
      assert.equal(n, node_of(("values:print(%d)"):format(n)).n)
   end
   assert.equal(10, node_of("values:print()").n)
   for _, wrong in ipairs { "0", "-1", "1.5", "1000001", '"3"', "0/0", "1/0" } do
      local shown = wrong:find("/") and tostring(loadstring("return " .. wrong)()) or wrong
      assert.equal("top: needs how many: a whole number from 1 to 1000000, not " .. shown,
         refusal(("values:top(%s, f)"):format(wrong)))
      assert.equal("print: needs how many rows: a whole number from 1 to 1000000, not " .. shown,
         refusal(("values:print(%s)"):format(wrong)))
   end
end)

describe("a name", function()
   it("is the node's identity, and `was` the one before", function()
      local node = node_of('values:map(f):named("a.b-1_Z", { was = "map#2" })')
      assert.same({ "map", "a.b-1_Z", "map#2" }, { node.kind, node.name, node.was })
      assert.equal("again", node_of('values:map(f):named("first"):named("again")').name)
   end)

   it("is no one else's", function()
      assert.equal('named: "x" is the name of the text_file_stream at job.lua:1 already',
         refusal('lines:named("x"):map(f):named("x")'))
      assert.equal("x", node_of('values:map(f):named("x"):named("x")').name)
   end)

   it("may be that of a file", function()
      for _, wrong in ipairs { '""', '"a b"', '"a/b"', '".a"', "5", "nil" } do
         assert.equal(("named: %s is not allowed; a name is 1 to 64 of A-Z a-z 0-9 _ - and '.', "
            .. "not beginning with '.'"):format(wrong), refusal(("values:named(%s)"):format(wrong)))
      end
   end)
end)

describe("an output", function()
   it("has its format and target", function()
      local node = node_of('values:to_files("out", { format = "text", roll = "10m" })')
      assert.same({ "out", "text", 600000 }, { node.target, node.format, node.roll.duration })
      node = node_of('values:to_files("out")')
      assert.same({ "out", "json" }, { node.target, node.format, node.roll })
      assert.equal("json", node_of("values:to_stdout()").format)
      assert.equal("text", node_of('values:to_stdout { format = "text" }').format)
      node = node_of('values:save_as_text_files("out/a", "b_-1")')
      assert.same({ "out/a", "b_-1", "text" }, { node.target, node.suffix, node.format })
      assert.equal(60000, node_of("values:for_each_batch(f)").timeout)
      assert.equal(5000, node_of('values:for_each_batch(f, { timeout = "5s" })').timeout)
   end)

   it("says what it cannot", function()
      for _, name in ipairs { "to_files", "save_as_text_files" } do
         assert.equal(name .. ": the folder is a string, not nil",
            refusal(("values:%s()"):format(name)))
         assert.equal(name .. ': the folder is a string, not ""',
            refusal(("values:%s('')"):format(name)))
      end
      assert.equal('save_as_text_files: the suffix is letters and digits, not "a/b"',
         refusal('values:save_as_text_files("out", "a/b")'))
      assert.equal('to_files: format = "csv" is not allowed; it must be one of "json", "text"',
         refusal('values:to_files("out", { format = "csv" })'))
      assert.equal("to_stdout: unknown option \"roll\"; known are: format",
         refusal('values:to_stdout { roll = "1m" }'))
   end)

   it("has nothing behind it", function()
      assert.equal("map: print at job.lua:1 is an output; nothing comes after it",
         refusal("values:print():map(f)"))
      assert.equal("to_stdout: to_files at job.lua:1 is an output; nothing comes after it",
         refusal('values:to_files("out"):to_stdout()'))
      assert.equal("union: print at job.lua:1 is an output; nothing comes after it",
         refusal("values:print():union(values)"))
      assert.equal("union: print at job.lua:1 is an output; nothing comes after it",
         refusal("values:union(pairs_of:print())"))
   end)
end)
