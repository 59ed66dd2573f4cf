-- Goal: `tidemill explain` shows a job's graph, the loops that are generated for it, and what
-- became of them on a sample of the input.
-- Method: scripts on the disk; an engine that notes what it is given; what is written.
local half = require "half"
local engine = require "fake_engine"
local codegen = require "tidemill.codegen"
local explain = require "tidemill.explain"

local HEAD = 'local mill = require "tidemill" local job = mill.job("test") '
   .. 'local lines, values = job:text_file_stream("in"), job:queue_stream({}) '

--- Explain a job. @return exit code, standard output, standard error
local function run(text, given)
   local path = os.tmpname()
   local file = assert(io.open(path, "wb"))
   file:write(HEAD, text, " return job")
   file:close()
   local options = { script = path, set = {}, option = {}, allow = {}, jit = "on" }
   for name, value in pairs(given or {}) do options[name] = value end
   local code, out, err = half.capture(half.with_own_strings, explain.main, options)
   os.remove(path)
   return code, out, (err:gsub(path:gsub("%p", "%%%0"), "job.lua"))
end

--- The part of what is written between two of its lines.
local function part(out, from, to)
   local start = select(2, assert(out:find(from, 1, true)))
   return out:sub(start + 1, (out:find(to, start, true) or #out + 1) - 1)
end

before_each(function() engine.answers = {} end)

it("the graph has a line for each segment", function()
   local code, out, err = run("local s = lines:flat_map(mill.words):map(print) "
      .. "s:count_by_value():top(3, print):print() s:to_stdout() "
      .. "values:map_to_pair(print):reduce_by_key(mill.max):to_stdout()")
   assert.same({ 0, "" }, { code, err })
   assert.equal([[
job "test"

segment 1: text_file_stream "in", mill.words in C > map > tee 1
segment 2: tee 1 > stage 1: count_by_value by count, in C
segment 3: tee 1 > to_stdout
segment 4: queue_stream > map_to_pair > stage 3: reduce_by_key by max, in C
segment 5: stage 1 > stage 2: top
segment 6: stage 2 > print
segment 7: stage 3 > to_stdout

]], out:sub(1, (out:find("-- segment 1", 1, true)) - 1))
end)

it("the code is that of the loop, indented", function()
   local _, out = run("values:filter(function(r) return r end):to_stdout()")
   assert.equal([[

   local ctl, cnt, C, type, inp, value_of, f3, out1 = ...
   return function()
      local cells = inp.cells
      for i = ctl.i, ctl.n - 1 do
         ctl.i = i ctl.op = 131072
         local c = cells[i]
         local r = c.num if c.kind ~= 1 then r = value_of(c) end
         ctl.op = 3
         if not f3(r) then cnt[3].filtered = cnt[3].filtered + 1 goto next0 end
         cnt[4].elements = cnt[4].elements + 1
         ctl.op = 4
         out1(r)
      ::next0:: end
   end

]], part(out, "-- segment 1, loaded as one line", "-- what"))
end)

it("the code keeps its depth over else, and comes back to the left", function()
   local text = "lines:flat_map(function(r) return { r } end):flat_map(mill.words)"
      .. ":reduce(function(a, b) return a end):print()"
   local plan, _, out = half.plan(text), run(text)
   for i, segment in ipairs(plan.segments) do
      local code = part(out, ("-- segment %d, loaded as one line\n"):format(i), "\n\n")
      local written = codegen.generate(plan, segment, false).lines
      assert.equal(table.concat(written, "\n"), (code:gsub("\n +", "\n"):gsub("^ +", "")))
      assert.equal("\n   end", code:match("\n[^\n]*$"))
      assert.is_nil(code:find("\n[^ ]"))
      if i == 1 then
         local indent = code:match("\n( +)if ctl%.depth <= 0 then\n")
         assert.equal(indent, code:match("\n( +)else\n"))
      end
   end
end)

it("a segment without Lua has no code", function()
   local _, out = run("lines:count():print()")
   assert.equal("\n\n", part(out, "-- segment 1 runs in C", "-- segment 2"))
end)

describe("what was compiled", function()
   it("is reported for a sample of the input, on one worker", function()
      engine.answers.trace_report = "segment 1: compiled (1 traces)\n"
      local _, out = run("lines:map(print):to_stdout()")
      assert.equal("\nsegment 1: compiled (1 traces)\n",
         part(out, "-- what was compiled, on the first 8MiB of the input", "no such line"))
      local launch = engine.launches[#engine.launches]
      assert.same({ batch_bytes = "8MiB", workers = "1" }, launch.spec.overrides)
      assert.same({ capture = true, trace = true, once = true, virtual_clock = true,
         jit_off = false }, launch.options)
      assert.equal(1, launch.step_count)
      assert.is_true(launch.is_closed)
   end)

   it("is reported for as much, and with what, one says", function()
      local _, out = run("lines:to_stdout()",
         { option = { "batch_bytes=1MiB", "workers=4" }, jit = "off" })
      assert.is_not_nil(out:find("-- what was compiled, on the first 1MiB of the input", 1, true))
      local launch = engine.launches[#engine.launches]
      assert.same({ batch_bytes = "1MiB", workers = "1" }, launch.spec.overrides)
      assert.is_true(launch.options.jit_off)
   end)

   it("is left out where the job does not run, with the reason", function()
      engine.answers = { steps = { "in: no such folder" }, trace_report = "not this" }
      local code, out = run("lines:to_stdout()")
      assert.equal(0, code)
      assert.equal("\nnot run: in: no such folder\n", part(out, "of the input", "no such line"))
      engine.answers = { open = "no workers", trace_report = "not this" }
      assert.equal("\nnot run: no workers\n",
         part(select(2, run("lines:to_stdout()")), "of the input", "no such line"))
      assert.is_true(engine.launches[#engine.launches].is_closed)
   end)
end)

it("what is wrong is told in one line, with exit code 2", function()
   assert.same({ 2, "", "tidemill: missing.lua: No such file or directory\n" },
      { run("", { script = "missing.lua" }) })
   assert.same({ 2, "", "tidemill: --set x: write NAME=VALUE\n" }, { run("", { set = { "x" } }) })
   assert.same({ 2, "", "tidemill: job.lua:1: map: needs a function, not 5\n" },
      { run("local s = lines:map(5)") })
end)
