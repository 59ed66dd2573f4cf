-- Goal: a job's graph is cut into segments, stages and tees so that every record reaches every
-- output, and what cannot be planned is refused.
-- Method: the shape of plans, written as one line for each segment; what C gets to read.
local half = require "half"
local plan_module = require "tidemill.plan"

--- In texts of jobs, f is a function.
local function with_functions(text)
   return (text:gsub("%f[%w]f%f[%W]", "function(a, b) return a end"))
end

local function plan_of(text) return half.plan(with_functions(text)) end

local function described(text) return plan_module.describe(plan_of(text)) end

--- "lines 1 > map > stage 1" for each segment of a plan or of a job.
local function shape(job)
   local plan, list = type(job) == "table" and job or plan_of(job), {}
   for i, segment in ipairs(plan.segments) do
      local chain = { ("%s %d"):format(segment.input.kind, segment.input.from) }
      for _, operator in ipairs(segment.operators) do chain[#chain + 1] = operator.node.kind end
      chain[#chain + 1] = ("%s %d"):format(segment.terminal.kind, segment.terminal.to)
      list[i] = table.concat(chain, " > ") .. (segment.native and " in C" or "")
      assert.equal(i, segment.id)
   end
   return list
end

describe("a chain", function()
   it("is one segment", function()
      assert.same({ "lines 1 > map > filter > output 1" }, shape "lines:map(f):filter(f):print()")
      assert.same({ "cells 1 > output 1" }, shape "values:print()")
   end)

   it("ends at a stage and goes on behind it", function()
      assert.same({ "lines 1 > map_to_pair > stage 1", "groups 1 > filter > stage 2",
         "groups 2 > output 1" },
         shape "lines:map_to_pair(f):reduce_by_key(f):filter(f):top(3, f):print()")
   end)

   it("begins with the words where they are split first", function()
      assert.same({ "words 1 > map > output 1" },
         shape "lines:flat_map(mill.words):map(f):print()")
      assert.same({ "cells 1 > flat_map > output 1" },
         shape "values:flat_map(mill.words):print()")
      assert.same({ "lines 1 > map > flat_map > output 1" },
         shape "lines:map(f):flat_map(mill.words):print()")
      assert.same({ "words 1 > tee 1", "tee 1 > map > output 1", "tee 1 > output 2" },
         shape "local w = lines:flat_map(mill.words) w:map(f):print() w:print()")
   end)

   it("says which splitter gives its words", function()
      local segments = described("lines:map(f):print() "
         .. "lines:flat_map(mill.words):flat_map(mill.words):print()").segments
      assert.same({ 0, 0 }, { segments[1].splitter, segments[1].input_operator })
      assert.same({ 1, 5 }, { segments[2].splitter, segments[2].input_operator })
      assert.same({ { 6 }, { 0 } }, { segments[2].operators, segments[2].depths })
   end)

   it("runs in C where lines or words are only counted", function()
      assert.same({ "words 1 > stage 1 in C", "groups 1 > output 1" },
         shape "lines:flat_map(mill.words):count_by_value():print()")
      assert.same({ "lines 1 > stage 1 in C", "groups 1 > output 1" },
         shape "lines:count():print()")
      assert.equal("cells 1 > stage 1", shape("values:count():print()")[1])
      assert.equal("lines 1 > filter > stage 1", shape("lines:filter(f):count():print()")[1])
      assert.equal("lines 1 > stage 1", shape("lines:reduce(mill.max):print()")[1])
   end)

   it("is cut where it is too long for a function", function()
      assert.same({ "lines 1" .. (" > map"):rep(24) .. " > output 1" },
         shape("lines" .. (":map(f)"):rep(24) .. ":print()"))
      assert.same({ "lines 1" .. (" > map"):rep(24) .. " > tee 1", "tee 1 > map > output 1" },
         shape("lines" .. (":map(f)"):rep(25) .. ":print()"))
   end)

   it("is cut where its lists nest too deep", function()
      local plan = plan_of("lines" .. (":flat_map(f)"):rep(3) .. ":map(f):flat_map_to_pair(f)"
         .. ":print()")
      assert.same({ "lines 1 > flat_map > flat_map > flat_map > map > tee 1",
         "tee 1 > flat_map_to_pair > output 1" }, shape(plan))
      local segments = plan_module.describe(plan).segments
      assert.same({ 0, 1, 2, 3 }, segments[1].depths)
      assert.same({ 3, 1 }, { segments[1].depth, segments[2].depth })
   end)
end)

describe("a stream with several readers", function()
   it("waits in a tee", function()
      local plan = plan_of "local s = lines:map(f) s:filter(f):print() s:print()"
      assert.same({ "lines 1 > map > tee 1", "tee 1 > filter > output 1", "tee 1 > output 2" },
         shape(plan))
      assert.is_false(plan.segments[2].is_last_reader)
      assert.is_true(plan.segments[3].is_last_reader)
      assert.equal(1, plan_module.describe(plan).tees)
   end)

   it("needs no tee at a source, nor behind a stage that is merged in C", function()
      assert.same({ "lines 1 > output 1", "lines 1 > output 2" },
         shape "lines:print() lines:print()")
      assert.same({ "lines 1 > stage 1 in C", "groups 1 > output 1", "groups 1 > output 2" },
         shape "local s = lines:count_by_value() s:print() s:print()")
   end)

   it("has a stage's function run once for all of them", function()
      for _, stage in ipairs { "reduce_by_key", "update_state_by_key" } do
         assert.same({ "cells 1 > map_to_pair > stage 1", "groups 1 > tee 1",
            "tee 1 > keys > output 1", "tee 1 > output 2" },
            shape(("local s = values:map_to_pair(f):%s(f) s:keys():print() s:print()")
               :format(stage)))
      end
   end)

   it("has a source's words split once, and a splitter for each other place", function()
      local split = "lines:flat_map(mill.split(',')):print() "
      assert.same({ "," }, described(split .. split).splitters)
      assert.same({ ",", "" }, described(split .. "lines:flat_map(mill.words):print()").splitters)
      assert.same({ ",", "," },
         described(split .. "lines:map(f):flat_map(mill.split(',')):print()").splitters)
   end)
end)

it("a union's streams each go on by themselves", function()
   assert.same({ "lines 1 > map > output 1", "cells 2 > filter > map > output 1" },
      shape "lines:union(values:filter(f)):map(f):print()")
end)

it("more than 1000 segments are refused", function()
   local many = "for _ = 1, %d do lines:print() end"
   assert.equal(1000, #plan_of(many:format(1000)).segments)
   local too_large = "the job is too large: unions and branches give more than 1000 segments"
   assert.equal(too_large, half.plan_refusal(many:format(1001)))
   assert.equal(too_large,
      half.plan_refusal("local s = lines " .. ("s = s:union(s) "):rep(20) .. "s:print()"))
end)

it("a stage is read key by key, as its operator gives them", function()
   local plan = plan_of("local p = values:map_to_pair(f) p:update_state_by_key(f):print() "
      .. "p:reduce_by_key(f):print() p:reduce_by_key(mill.sum):print() values:top(1, f):print()")
   local heads = {}
   for _, segment in ipairs(plan.segments) do
      local from = segment.input
      if from.kind == "groups" then heads[from.from] = { from.head, from.keyed } end
   end
   assert.same({ { "update", true }, { "fold", true }, { "values", true }, { "records", false } },
      heads)
end)

it("stages come after those that they read from, and say how they combine", function()
   local stages = described("values:map_to_pair(f):update_state_by_key(f):top(3, f):print() "
      .. "values:reduce(mill.max):print() values:count():print()").stages
   local rows = {}
   for i, s in ipairs(stages) do
      rows[i] = { s.kind, s.combine, s.global, s.seal, s.emits_if_empty, s.keyed, s.top }
   end
   assert.same({
      { "update", "lua", false, false, false, true, 0 },
      { "top", "lua", false, false, false, true, 3 },
      { "table", "max", true, false, false, false, 0 },
      { "table", "count", true, false, true, false, 0 },
   }, rows)
   assert.is_true(described("values:reduce(f):print()").stages[1].seal)
end)

it("what leads to no output is not run", function()
   local plan = plan_of "lines:map(f):named('lost') lines:print()"
   assert.same({ "queue_stream at job.lua:1", 'map "lost" at job.lua:1' }, plan.unused)
   assert.same({ "lines 1 > output 1" }, shape(plan))
   local operators = plan_module.describe(plan).operators
   assert.same({ "source", "unused", "unused", "output" },
      { operators[1].role, operators[2].role, operators[3].role, operators[4].role })
end)

describe("C", function()
   it("gets numbers, strings and booleans", function()
      local function check(value, path)
         if type(value) == "table" then
            for name, inner in pairs(value) do check(inner, path .. "." .. tostring(name)) end
         else
            assert.is_true(type(value) ~= "function" and type(value) ~= "userdata", path)
         end
      end
      local plan = described "lines:map(f):count():print() values:for_each_batch(f)"
      check(plan, "plan")
      assert.equal("test", plan.name)
      assert.equal(1000, plan.options.batch)
   end)

   it("gets sources and outputs as they were told", function()
      local plan = described([[
         job:text_file_stream("logs", { pattern = "*.log", new_files_only = true }):print(3)
         values:map_to_pair(f):save_as_text_files("out", "txt")
         values:to_files("rolled", { roll = "64MiB" })
         values:to_files("timed", { roll = "10m", format = "text" })
         values:for_each_batch(f, { timeout = "5s" })
         job:stdin{ format = "json", strict = true }:print()
         job:listen("tcp://127.0.0.1:9", { clients = 5, token = "t" }):print()
         job:listen("unix://a.sock"):print()
         job:socket_text_stream("h", 7):print()]])
      assert.same({
         { kind = "queue", operator = 2, target = "", new_files_only = false, by_name = false,
            port = 0, clients = 0,
            rows = 0, rows_per_second = 0, bytes_max = 0, records_max = 0,
            format = "text", strict = false },
         { kind = "files", operator = 3, target = "logs", pattern = "*.log",
            new_files_only = true, by_name = false, port = 0, clients = 0,
            rows = 0, rows_per_second = 0, bytes_max = 0, records_max = 0,
            format = "text", strict = false },
         { kind = "stdin", operator = 10, target = "", new_files_only = false, by_name = false,
            port = 0, clients = 0,
            rows = 0, rows_per_second = 0, bytes_max = 0, records_max = 0,
            format = "json", strict = true },
         { kind = "listen", operator = 12, target = "tcp://127.0.0.1:9", new_files_only = false,
            by_name = false,
            host = "127.0.0.1", port = 9, clients = 5,
            rows = 0, rows_per_second = 0, bytes_max = 0, records_max = 0, token = "t",
            format = "text", strict = false },
         { kind = "listen", operator = 14, target = "unix://a.sock", new_files_only = false,
            by_name = false,
            port = 0, path = "a.sock", clients = 1024,
            rows = 0, rows_per_second = 0, bytes_max = 0, records_max = 0,
            format = "text", strict = false },
         { kind = "socket", operator = 16, target = "h:7", new_files_only = false,
            by_name = false, host = "h",
            port = 7, clients = 0,
            rows = 0, rows_per_second = 0, bytes_max = 0, records_max = 0,
            format = "text", strict = false },
      }, plan.sources)
      local rows = {}
      for i, o in ipairs(plan.outputs) do
         rows[i] = { o.kind, o.format, o.target, o.suffix or "", o.keyed, o.print_rows, o.roll_ms,
            o.roll_bytes, o.timeout_ms }
      end
      assert.same({
         { "print", "print", "stdout", "", false, 3, 0, 0, 0 },
         { "save_as_text_files", "text", "out", "txt", true, 0, 0, 0, 0 },
         { "to_files", "json", "rolled", "", false, 0, 0, 2 ^ 26, 0 },
         { "to_files", "text", "timed", "", false, 0, 600000, 0, 0 },
         { "for_each_batch", "rows", "", "", false, 0, 0, 0, 5000 },
         { "print", "print", "stdout", "", false, 10, 0, 0, 0 },
         { "print", "print", "stdout", "", false, 10, 0, 0, 0 },
         { "print", "print", "stdout", "", false, 10, 0, 0, 0 },
         { "print", "print", "stdout", "", false, 10, 0, 0, 0 },
      }, rows)
   end)

   it("gets where each operator hangs, whatever its name and line", function()
      local text = "lines:union(values)%s:map(f):print()"
      local operators = described(text:format("")).operators
      assert.equal("(>text_file_stream+>queue_stream)>union>map>print", operators[5].place)
      assert.same({ 1, 2 }, operators[3].inputs)
      assert.same({ "source", "source", "union", "single", "output" }, { operators[1].role,
         operators[2].role, operators[3].role, operators[4].role, operators[5].role })
      local named = described(text:format('\n:named("both", { was = "old" })')).operators
      assert.equal(operators[5].place, named[5].place)
      assert.same({ "both", "old" }, { named[3].name, named[3].was })
      assert.equal("flat", described("lines:flat_map(f):count():print()").operators[3].role)
      assert.equal("stage", described("lines:flat_map(f):count():print()").operators[4].role)
   end)
end)

it("print sorts pairs unless an operator ordered them", function()
   local sorted = {
      ["lines:count_by_value():print()"] = true, ["lines:print()"] = false,
      ["lines:map_to_pair(f):print()"] = true,
      ["lines:count_by_value():to_stdout()"] = false,
      ["lines:count_by_value():top(3, f):filter(f):print()"] = false,
      ["lines:count_by_value():top(3, f):reduce_by_key(f):print()"] = true,
   }
   for text, wanted in pairs(sorted) do
      assert.equal(wanted, plan_of(text).outputs[1].node.sorted or false, text)
   end
end)

describe("a job", function()
   it("has an output", function()
      assert.equal('job "test" has no output; end a stream with print(), to_files(...) or another '
         .. "output", half.plan_refusal("lines:map(print)"))
   end)

   it("has one output in a folder", function()
      local text = 'lines:to_files(%q)\nlines:to_files(%q)'
      for a, b in pairs { ["out"] = "out/", ["./a//b"] = "a/b", ["/a/././b"] = "/a/b",
         stdout = "stdout" } do
         assert.equal(("to_files at job.lua:1 and to_files at job.lua:2 write into one folder, %q; "
            .. "give each its own"):format(b), half.plan_refusal(text:format(a, b)))
      end
      for a, b in pairs { ["out"] = "/out", ["a/b"] = "ab", [".a"] = "a" } do
         assert.equal(2, #plan_of(text:format(a, b)).outputs)
      end
   end)

   it("has one output in the folders of a batch", function()
      local text = "lines:save_as_text_files(%s)\nlines:save_as_text_files(%s)"
      for a, b in pairs { ["'o/x'"] = "'./o//x'", ["'x'"] = "'./x'", ["'/x', 'a'"] = "'//x', 'a'",
         ["'o/'"] = "'./o/'" } do
         assert.is_not_nil(half.plan_refusal(text:format(a, b))
            :find("job.lua:1 and save_as_text_files at job.lua:2 write into one folder, ", 1, true))
      end
      for a, b in pairs { ["'o/x', 'a'"] = "'o/x', 'b'", ["'x'"] = "'x', 'a'", ["'o'"] = "'o/'",
         ["'o/x'"] = "'o/y'", ["'a/x'"] = "'b/x'" } do
         assert.equal(2, #plan_of(text:format(a, b)).outputs)
      end
      assert.equal(3, #plan_of("lines:to_files('o') lines:save_as_text_files('o') "
         .. "lines:save_as_text_files('o/x')").outputs)
   end)
end)
