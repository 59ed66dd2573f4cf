-- Goal: a golden case becomes a script, batches and what is wanted, and what is wrong with it or
-- with what came is told with its place.
-- Method: files as texts; a tester that notes its steps and says what came.
local half = require "half"
local engine = require "fake_engine"
local cases = require "tidemill.cases"
local difference = require("tidemill.tester").difference
local values = require "tidemill.values"

--- The only case of a file.
local function case_of(text)
   local list = assert(cases.parse("a.case", "== it\n" .. text))
   assert.equal(1, #list)
   return list[1]
end

--- Run a case. @return string? what is wrong, table the steps that it came to
local function run(text, came, err)
   local noted
   local tester = { difference = difference }
   function tester.run_steps(_, _, steps)
      noted = steps
      return err, came or {}
   end
   local settings = { workers = 2, run = {} }
   return half.with_own_strings(cases.run, case_of(text), settings, tester), noted
end

local function last_spec() return engine.launches[#engine.launches].spec end

describe("a file", function()
   it("is cut into cases of scripts and sections", function()
      local list = cases.parse("a.case", "# a comment\n\n== one\nvalues:print()\n-- batch\n1\n\n"
         .. "-- expect\n\n1\n\n==  two words\nlines:print()\n# another\nreturn job")
      assert.same({
         { path = "a.case", line = 3, name = "one", script = { "values:print()" }, sections = {
            { head = "batch", line = 5, "1" }, { head = "expect", line = 8, "", "1" },
         } },
         { path = "a.case", line = 12, name = "two words",
            script = { "lines:print()", "return job" }, sections = {} },
      }, list)
      assert.same({}, cases.parse("a.case", ""))
   end)

   it("begins with a case", function()
      local list, err = cases.parse("a.case", "# a comment\nvalues:print()\n")
      assert.is_nil(list)
      assert.equal("a.case:2: a case begins with == NAME", err)
   end)
end)

describe("a script", function()
   it("has the streams that it names, a job that it need not return, and its own lines", function()
      run "lines:print()\nvalues:print()\n"
      assert.equal(2, #engine.launches[#engine.launches].description.sources)
      run "local s = job:queue_stream({})\ns:print()\nreturn job\n"
      assert.equal(1, #engine.launches[#engine.launches].description.sources)
      assert.equal("case:2: map: needs a function, not 5", (run "values\n:map(5):print()\n"))
   end)

   it("runs with the case's options, on as many workers as are wanted", function()
      run 'values:print()\n-- options batch = "7s", on_error = "skip"\n'
      local description = engine.launches[#engine.launches].description
      assert.same({ 7000, "skip", 2 }, { description.options.batch, description.options.on_error,
         description.options.workers })
      assert.equal("case", last_spec().path)
   end)
end)

describe("a batch", function()
   it("has text as it stands, and values as Lua reads them", function()
      local _, steps = run "lines:print()\n-- batch\n a b\n1\n-- batch\n"
      assert.same({ { batch = { { " a b", "1" } } }, { batch = { {} } } }, steps)
      _, steps = run 'values:print()\n-- batch\n1\n{ a = "b" }\nmill.null\nmill.object()\n'
      local batch = steps[1].batch[1]
      assert.same({ 1, { a = "b" } }, { batch[1], batch[2] })
      assert.equal(values.null, batch[3])
      assert.is_nil(values.list_length(batch[4]))
   end)

   it("has a section for each source", function()
      local _, steps = run("values:union(lines):print()\n-- batch\nx\n"
         .. "-- source 2\n1\n-- source 1\ny\n")
      assert.same({ { batch = { { "y" }, { 1 } } } }, steps)
   end)

   it("may be written as expressions of a number", function()
      local _, steps = run "values:print()\n-- batch for i = 2, 3\ni\n{ i, 2 * i }\n"
      assert.same({ { batch = { { 2, { 2, 4 }, 3, { 3, 6 } } } } }, steps)
   end)
end)

it("an expect says of which output, and whether in order", function()
   local _, steps = run("values:print() values:print() return job\n-- expect\n1\n-- expect 2\n"
      .. '-- expect in order\n2\n-- expect in order 2\n-- expect 2 for n = 1, 2\n"[" .. n .. "]"\n')
   local rows = {}
   for i, s in ipairs(steps) do rows[i] = { s.expect, s.output, s.line, unpack(s.rows) } end
   assert.same({
      { "expect", 1, "a.case:3", "1" }, { "expect", 2, "a.case:5" },
      { "expect_in_order", 1, "a.case:6", "2" }, { "expect_in_order", 2, "a.case:8" },
      { "expect", 2, "a.case:9", "[1]", "[2]" },
   }, rows)
   assert.is_true(steps[1].is_json)
end)

describe("a section", function()
   local function failure(text) return half.failure(run, "values:print()\n" .. text) end

   it("that there is not is refused", function()
      for _, head in ipairs { "bach", "deadline", "batch 2", "source", "error 2",
         "expected", "expect in ordr", "expect 2 in order", "expect first" } do
         assert.equal(("a.case:1: unknown section %q"):format(head),
            failure(("-- batch\n-- %s\n"):format(head)))
      end
      assert.equal('a.case:1: unknown section "source 1"', failure("-- source 1\n1\n"))
   end)

   it("says which source or output there is not", function()
      assert.equal("a.case:1: there is no output 2", failure("-- batch\n-- expect 2\n"))
      assert.equal("a.case:1: there is no source 2", failure("-- batch\n-- source 2\n1\n"))
   end)

   it("says where its Lua is wrong", function()
      assert.is_not_nil(failure("-- batch\n1 +\n"):find("^a%.case:1: line 3: .*unexpected symbol"))
   end)
end)

describe("an error", function()
   it("is wanted of the script", function()
      local text = "values:map(5):print()\n-- error\n"
      assert.is_nil((run(text .. "case:1:\nneeds a function\n")))
      assert.equal("the message\n  case:1: map: needs a function, not 5\ndoes not contain\n  luck",
         (run(text .. "case:1:\nluck\n")))
      assert.is_nil((run("values:map(-1):print()\n-- error\nnot -1\n")))
      assert.equal("case:1: map: needs a function, not 5", (run "values:map(5):print()\n"))
   end)

   it("is wanted of the run", function()
      local text = "values:print()\n-- batch\n1\n-- error\nno luck\n"
      assert.is_nil((run(text, {}, "map: no luck")))
      assert.equal("it should have failed", (run(text)))
      assert.equal("map: no luck", (run("values:print()\n-- batch\n1\n", {}, "map: no luck")))
   end)
end)

describe("dead letters", function()
   -- They come behind the rows of the only output.
   local came = { {}, {
      [[{"operator":"map at case:1","reason":"case:1: no \"luck\"","record":"a b"}]],
      [[{"operator":"reduce_by_key","reason":"returned nothing","key":"k","values":[1,2]}]],
   } }

   it("are wanted by their reasons, in any order", function()
      assert.is_nil((run("values:print()\n-- dead\nreduce_by_key: returned nothing\n"
         .. 'map: no \\"luck\\"\n', came)))
      assert.equal("dead letters differ (- wanted, + came):\n  - map: other\n"
         .. '  + map: no \\"luck\\"', (run("values:print()\n-- dead\nmap: other\n-- dead\n"
         .. "reduce_by_key: returned nothing\n", came)))
   end)

   it("are wanted by their records, or keys and values", function()
      assert.is_nil((run('values:print()\n-- dead records\nmap: "a b"\n'
         .. 'reduce_by_key: "key":"k","values":[1,2]\n', came)))
      assert.is_nil((run("values:print()\n-- dead records for i = 1, 2\n'map: ' .. i\n",
         { {}, { '{"operator":"map","record":1}', '{"operator":"map","record":2}' } })))
   end)

   it("are none where none are wanted", function()
      assert.is_nil((run "values:print()\n-- batch\n1\n"))
      assert.equal("dead letters differ (- wanted, + came):\n  + map: no \\\"luck\\\"\n"
         .. "  + reduce_by_key: returned nothing", (run("values:print()\n-- batch\n1\n", came)))
   end)
end)
