-- Goal: options of a wrong name, type or range are refused with words that say what is right and
-- where the script says it; right ones come out converted, with defaults.
-- Method: values on both sides of each bound, for each type.
local half = require "half"
local options = require "tidemill.options"

local function check(spec, value)
   return (options.check_value(spec, value))
end

local function refusal(spec, value)
   local converted, allowed = options.check_value(spec, value)
   assert.is_nil(converted)
   return allowed
end

describe("a value", function()
   it("that is a duration becomes milliseconds", function()
      assert.equal(5000, check({ type = "duration" }, "5s"))
      assert.equal(1, check({ type = "duration" }, "1ms"))
      assert.equal("at least 1ms", refusal({ type = "duration" }, "0s"))
      assert.equal("at least 10ms", refusal({ type = "duration", min = 10 }, "9ms"))
      assert.equal(10, check({ type = "duration", min = 10 }, "10ms"))
      assert.equal('a duration such as "5s"', refusal({ type = "duration" }, 5))
      assert.equal('a duration: write for example "5s" (ms, s, m, h, d)',
         refusal({ type = "duration" }, "5"))
   end)

   it("that is a size becomes bytes", function()
      assert.equal(65536, check({ type = "size" }, "64KiB"))
      assert.equal("at least 1B", refusal({ type = "size" }, "0B"))
      assert.equal("at least 4KiB", refusal({ type = "size", min = 4096 }, "4095B"))
      assert.equal(4096, check({ type = "size", min = 4096 }, "4KiB"))
      assert.equal('a size such as "64MiB"', refusal({ type = "size" }, 64))
      assert.equal('a size: write for example "64MiB" (B, KiB, MiB, GiB, TiB)',
         refusal({ type = "size" }, "64MB"))
   end)

   it("that is a whole number is in its range", function()
      local spec = { type = "integer", min = 1, max = 256 }
      assert.equal(1, check(spec, 1))
      assert.equal(256, check(spec, "256"))
      for _, wrong in ipairs { 0, 257, 1.5, "x", true, {}, 0 / 0, math.huge, -math.huge } do
         assert.equal("a whole number from 1 to 256", refusal(spec, wrong))
      end
      assert.equal(0, check({ type = "integer" }, 0))
      assert.equal("a whole number from 0 to 9007199254740992", refusal({ type = "integer" }, -1))
   end)

   it("that is a number is in its range", function()
      local spec = { type = "number", min = 0, max = 1 }
      assert.equal(0, check(spec, 0))
      assert.equal(1, check(spec, 1))
      assert.equal(0.5, check(spec, "0.5"))
      for _, wrong in ipairs { -0.1, 1.1, "x", 0 / 0, math.huge } do
         assert.equal("a number from 0 to 1", refusal(spec, wrong))
      end
      assert.equal(-1e300, check({ type = "number" }, -1e300))
      assert.equal("a number from -inf to inf", refusal({ type = "number" }, 0 / 0))
   end)

   it("that is true or false may come as text", function()
      local spec = { type = "boolean" }
      assert.is_true(check(spec, true))
      assert.is_false(check(spec, false))
      assert.is_true(check(spec, "true"))
      assert.is_false(check(spec, "false"))
      assert.equal("true or false", refusal(spec, "yes"))
      assert.equal("true or false", refusal(spec, 1))
   end)

   it("that is a string, a table or a function is just that", function()
      local f, t = function() end, {}
      assert.equal("x", check({ type = "string" }, "x"))
      assert.equal("a string", refusal({ type = "string" }, 1))
      assert.equal(t, check({ type = "table" }, t))
      assert.equal("a table", refusal({ type = "table" }, "x"))
      assert.equal(f, check({ type = "function" }, f))
      assert.equal("a function", refusal({ type = "function" }, t))
   end)

   it("that is a choice is one of them", function()
      local spec = { type = "choice", default = "b", "a", "b" }
      assert.equal("a", check(spec, "a"))
      assert.equal('one of "a", "b"', refusal(spec, "c"))
      assert.equal('one of "a", "b"', refusal(spec, nil))
   end)

   it("that is a set is a list or a text with commas", function()
      local spec = { type = "set", "io", "os", "ffi" }
      assert.same({}, check(spec, {}))
      assert.same({ io = true, ffi = true }, check(spec, { "io", "ffi" }))
      assert.same({ io = true, ffi = true }, check(spec, "io,ffi"))
      assert.same({ os = true }, check(spec, "os"))
      for _, wrong in ipairs { "io,x", { "x" }, { "io", 1 }, 5, true } do
         assert.equal("a list of io, os, ffi", refusal(spec, wrong))
      end
   end)

   it("that is a set has no names as keys", function()
      assert.equal("a list of io, os", refusal({ type = "set", "io", "os" }, { io = true }))
   end)

   it("that is a roll is a duration or a size", function()
      local spec, allowed = { type = "roll" }, 'a duration or a size: "10m", "64MiB"'
      assert.same({ duration = 600000 }, check(spec, "10m"))
      assert.same({ size = 2 ^ 26 }, check(spec, "64MiB"))
      for _, wrong in ipairs { "0s", "0B", "10", "x", 10, {} } do
         assert.equal(allowed, refusal(spec, wrong))
      end
   end)
end)

describe("a table of options", function()
   local SCHEMA = {
      batch = { type = "duration", default = "1s" }, n = { type = "integer", max = 9 },
      quiet = { type = "boolean", default = true },
   }

   it("comes out converted, with defaults", function()
      local given = { batch = "2s" }
      assert.same({ batch = 2000, quiet = true }, options.check("x", SCHEMA, given))
      assert.same({ batch = "2s" }, given)
      assert.same({ batch = 1000, quiet = true }, options.check("x", SCHEMA, nil))
      assert.same({ batch = 1000, quiet = false, n = 3 },
         options.check("x", SCHEMA, { quiet = false, n = "3" }))
   end)

   it("has no unknown names", function()
      assert.equal('mill.job: unknown option "bach"; known are: batch, n, quiet',
         half.failure(options.check, "mill.job", SCHEMA, { bach = "1s" }))
      assert.equal("mill.job: unknown option 1; known are: batch, n, quiet",
         half.failure(options.check, "mill.job", SCHEMA, { "1s" }))
   end)

   it("has values that are allowed", function()
      assert.equal("x: n = 10 is not allowed; it must be a whole number from 0 to 9",
         half.failure(options.check, "x", SCHEMA, { n = 10 }))
      assert.equal('x: quiet = "no" is not allowed; it must be true or false',
         half.failure(options.check, "x", SCHEMA, { quiet = "no" }))
   end)

   it("is a table", function()
      assert.equal("x: the options are a table, not a string",
         half.failure(options.check, "x", SCHEMA, "1s"))
      assert.equal("x: the options are a table, not a boolean",
         half.failure(options.check, "x", SCHEMA, false))
   end)
end)

describe("an error", function()
   it("names the line of the script that called", function()
      local text = [[
         local options = ...
         local function make() options.fail("%s is wrong", "n") end
         make()]]
      assert.equal("job.lua:2: n is wrong", half.failure(half.as_script, text, options))
   end)

   it("names the script's line behind frames of the library and of C", function()
      local library = loadstring("local f = ... f()", "=tidemill.other")
      local text = [[
         local options, library = ...
         local function fail() pcall(error) options.fail("wrong") end

         table.foreach({ 1 }, function() library(function() fail() end) end)]]
      assert.equal("job.lua:2: wrong", half.failure(half.as_script, text, options, library))
      text = "local options, library = ...\nlibrary(options.fail, 'wrong')\n"
      library = loadstring("local f, format = ... f(format)", "=tidemill.other")
      assert.equal("job.lua:2: wrong", half.failure(half.as_script, text, options, library))
   end)

   it("is without a place where no script called", function()
      local co = coroutine.create(loadstring("(...)('wrong')", "=tidemill.other"))
      local _, err = coroutine.resume(co, options.fail)
      assert.equal("wrong", err)
   end)
end)

it("a value is shown as Lua would write it", function()
   assert.equal('"a\\"b"', options.show('a"b'))
   assert.equal("1.5", options.show(1.5))
   assert.equal("nil", options.show(nil))
end)
