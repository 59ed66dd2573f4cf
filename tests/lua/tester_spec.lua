-- Goal: a test gives the engine its batches as they were noted, compares what came with what it
-- expects, and says what differs and where; all tests are counted.
-- Method: scripts in a file, and an engine that answers with rows of the spec's.
local half = require "half"
local engine = require "fake_engine"
local tester = require "tidemill.tester"
local values = require "tidemill.values"

--- Run `tidemill test` on a file of this text. @return exit code, output, the last launch
local function main(text, steps, given, ending)
   local name = os.tmpname()
   local path = name .. (ending or ".lua")
   local file = assert(io.open(path, "wb"))
   file:write(text)
   file:close()
   engine.launches, engine.answers = {}, { steps = steps }
   local options = { files = { path }, workers = 2 }
   for key, value in pairs(given or {}) do options[key] = value end
   local code, out = half.with_own_strings(half.capture, tester.main, options)
   os.remove(name)
   os.remove(path)
   return code, (out:gsub(path:gsub("%p", "%%%0"), "FILE")), engine.launches[#engine.launches]
end

--- The same, for one test of a job with a text source and a queue.
local function run(body, steps, given)
   return main('local mill = require "tidemill" local job = mill.job("test", { batch = "2s" }) '
      .. 'job:text_file_stream("in"):named("text"):print() job:queue_stream({}):print() '
      .. 'job:test("works", function(t)\n' .. body .. "\nend) return job", steps, given)
end

local function packed(value)
   local b = half.buffer()
   values.pack(b.pointer, value, 1)
   return b.text()
end

local function failed(message)
   return ("not ok: FILE: works\n%s\n# 0 passed, 1 failed\n"):format(message)
end

describe("a batch", function()
   it("has what was input since the last, for each source", function()
      local code, _, launch = run [[t:input_to("text", "a", "b")
         t:input_to("text", "c")
         t:input_to("in", "d")
         t:advance()
         t:advance()
         t:input_to("", { 1 }, "x")
         t:advance("2s")]]
      assert.equal(0, code)
      assert.same({
         { 1, "a\nb\nc\nd\n" }, { 2, packed {} }, { 1, "" }, { 2, packed {} },
         { 1, "" }, { 2, packed { { 1 }, "x" } },
      }, launch.batches)
      assert.equal(3, launch.step_count)
      assert.is_true(launch.is_closed)
   end)

   it("is made for each interval of the time that passes, and for a part of one", function()
      for duration, count in pairs { ["6s"] = 3, ["7s"] = 3, ["1ms"] = 1, ["1m"] = 30 } do
         local _, _, launch = run(("t:advance(%q)"):format(duration))
         assert.equal(count, launch.step_count)
      end
   end)

   it("takes no wrong source, line or time", function()
      local function refusal(body) return select(2, run(body)) end
      assert.equal(failed('FILE:2: t:input: the job has 2 sources; say which with '
         .. 't:input_to("name", ...)'), refusal("t:input('a')"))
      assert.equal(failed('FILE:2: t:input_to: the job has no source "x"'),
         refusal("t:input_to('x', 'a')"))
      assert.equal(failed("FILE:2: t:input: a line is a string, not 5"),
         refusal("t:input_to('in', 'a', 5)"))
      assert.equal(failed('FILE:2: t:advance: write for example "5s" (ms, s, m, h, d)'),
         refusal("t:advance('5')"))
      assert.equal(failed("FILE:2: t:expect: the rows are a list"), refusal("t:expect('x')"))
      assert.equal(failed("FILE:2: t:expect_in_order: the rows are a list"),
         refusal("t:expect_in_order()"))
   end)
end)

describe("what is expected", function()
   local STEPS = { { "1\n2\n2\n", '["a",1]\n' }, {}, { "3\n" } }

   it("is what the output gave since the last time, in any order", function()
      assert.equal(0, (run([[t:advance()
         t:expect { 2, 1, 2 }
         t:expect { }
         t:expect({ { "a", 1 } }, 2)
         t:advance("4s")
         t:expect { 3 }]], STEPS)))
   end)

   it("is told where it differs, as often as it does", function()
      local _, out = run("t:advance()\n\nt:expect { 2, 1, 1, 5 }", STEPS)
      assert.equal(failed("FILE:4: rows differ (- wanted, + came):\n  - 1\n  - 5\n  + 2"), out)
      _, out = run("t:advance('6s')\nt:expect { 1, 2, 2 }", STEPS)
      assert.equal(failed("FILE:3: rows differ (- wanted, + came):\n  + 3"), out)
      _, out = run("t:advance()\nt:expect({}, 2)", STEPS)
      assert.equal(failed('FILE:3: rows differ (- wanted, + came):\n  + ["a",1]'), out)
   end)

   it("may be in order", function()
      assert.equal(0, (run("t:advance() t:expect_in_order { 1, 2, 2 }", STEPS)))
      local _, out = run("t:advance()\nt:expect_in_order { 2, 1, 2 }", STEPS)
      assert.equal(failed("FILE:3: rows differ (- wanted, + came):\n  in another order:\n  1\n"
         .. "  2\n  2"), out)
      _, out = run("t:advance()\nt:expect_in_order { 1, 2 }", STEPS)
      assert.equal(failed("FILE:3: rows differ (- wanted, + came):\n  + 2"), out)
   end)
end)

describe("a test fails", function()
   it("with its own error, or the engine's", function()
      assert.equal(failed("FILE:2: wrong"), select(2, run("error('wrong')")))
      local _, out, launch = run("t:advance() t:advance() t:expect { 1 }", { "epoch 1: wrong" })
      assert.equal(failed("epoch 1: wrong"), out)
      assert.equal(1, launch.step_count)
      assert.is_true(launch.is_closed)
   end)

   it("and so does a script without tests, and a file that cannot be read or loaded", function()
      local function out_of(text, ending) return select(2, main(text, {}, {}, ending)) end
      assert.equal("not ok: FILE\nthe script has no tests (job:test)\n# 0 passed, 1 failed\n",
         out_of('local job = require "tidemill".job("a") job:queue_stream({}):print() return job'))
      assert.equal("not ok: FILE\nFILE:1: unexpected symbol near '<eof>'\n# 0 passed, 1 failed\n",
         out_of("x ="))
      assert.equal("not ok: FILE\nFILE:1: a case begins with == NAME\n# 0 passed, 1 failed\n",
         out_of("x", ".case"))
      assert.equal("not ok: missing.lua\nmissing.lua: No such file or directory\n"
         .. "# 0 passed, 1 failed\n", select(2, main("", {}, { files = { "missing.lua" } })))
   end)
end)

it("each test has a job of its own, and all are counted", function()
   local text = 'local job = require "tidemill".job("a") job:queue_stream({}):print() '
      .. 'job:test("first", function(t) t:advance() t:expect { 1 } end) '
      .. 'job:test("second", function(t) t:input(5) t:advance() end) return job'
   local code, out = main(text, { { "1\n" } }, { verbose = true })
   assert.equal(0, code)
   assert.equal("ok: FILE: first\nok: FILE: second\n# 2 passed, 0 failed\n", out)
   code, out = main(text, { { "2\n" } })
   assert.equal(1, code)
   assert.equal("\n# 1 passed, 1 failed\n", out:match("\n#.*"))
   assert.is_nil(out:find("ok: FILE: second", 1, true))
end)

it("a case of a file is named by its line", function()
   local code, out = main("\n== sums\nvalues:print()\n-- batch\n1\n-- expect\n1\n", { { "1\n" } },
      { verbose = true }, ".case")
   assert.equal("ok: FILE:2: sums\n# 1 passed, 0 failed\n", out)
   assert.equal(0, code)
end)

it("the engine gets no time but the test's, and the workers and JIT that were asked for", function()
   local _, _, launch = run("t:advance()", {}, { jit = "off" })
   assert.same({ capture = true, queues_only = true, once = true, virtual_clock = true,
      jit_off = true }, launch.options)
   assert.same({ workers = "2" }, launch.spec.overrides)
   assert.is_false(select(3, run("t:advance()", {}, {})).options.jit_off)
end)
