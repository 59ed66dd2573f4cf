-- Goal: a script sees the batch's time and chance, libraries of its own, and nothing closed that
-- its job has not opened. Method: texts that run in an environment, and what they gave.
local half = require "half"
local abi = require "tidemill.abi"
local environment = require "tidemill.environment"

local function make(given)
   local spec = {
      control = abi.ffi.new("struct mill_control"), allowed = {}, labels = {},
      find_module = function() end,
   }
   for name, value in pairs(given or {}) do spec[name] = value end
   return environment.make(spec, { "mill" }), spec
end

local function run(env, text, ...)
   return setfenv(assert(loadstring(text, "@job.lua")), env)(...)
end

local function failure(env, text) return half.failure(run, env, text) end

describe("a library that reaches out", function()
   it("is closed, and says how to open it", function()
      local env = make()
      assert.equal('job.lua:1: io.open is not open to scripts; allow it with allow = {"io"} in '
         .. "mill.job or --allow io", failure(env, "local f = io.open('x') return f"))
      assert.equal('job.lua:1: os.getenv is not open to scripts; allow it with allow = {"os"} in '
         .. "mill.job or --allow os", failure(env, "local v = os.getenv('x') return v"))
   end)

   it("is open when it is allowed, also later", function()
      local env, spec = make()
      spec.allowed.io = true
      assert.equal(io.open, run(env, "return io.open"))
      assert.equal("job.lua:1: os.getenv is not open",
         failure(env, "local v = os.getenv return v"):match("^.-not open"))
      spec.allowed.os = true
      assert.equal(os.getenv, run(env, "return os.getenv"))
   end)

   it("is not there at all when no script needs it", function()
      for _, name in ipairs { "debug", "ffi", "jit", "package", "dofile", "loadfile", "getfenv",
         "setfenv", "newproxy", "module", "gcinfo" } do
         assert.is_nil(make()[name], name)
      end
      assert.is_nil(make().string.dump)
   end)
end)

describe("time and chance", function()
   it("are the batch's", function()
      local env, spec = make()
      spec.control.time_ms = 86400999
      assert.equal(86400, run(env, "return os.time()"))
      assert.equal("1970-01-02 00:00:00", run(env, "return os.date('!%F %T')"))
      assert.equal("1970-01-01", run(env, "return os.date('!%Y-%m-%d', 5)"))
      assert.equal(os.time { year = 2020, month = 1, day = 1 },
         run(env, "return os.time { year = 2020, month = 1, day = 1 }"))
   end)

   it("are the same for the same seed, whatever the script seeds", function()
      local function numbers(text)
         local env, spec = make()
         spec.control.random[0], spec.control.random[1] = 1, 2
         return { run(env, text .. " local r = math.random return r(), r(9), r(5, 7), r(3, 3)") }
      end
      local first = numbers("")
      assert.same(first, numbers("math.randomseed(5)"))
      assert.equal(3, first[4])
   end)

   it("give whole numbers of the whole interval and of no other", function()
      local env, spec = make()
      spec.control.random[0] = 1
      local seen = {}
      for _ = 1, 200 do
         seen[run(env, "return math.random(3)")] = true
         seen[run(env, "return math.random(-1, 0)")] = true
      end
      assert.same({ [-1] = true, [0] = true, true, true, true }, seen)
      assert.equal("job.lua:1: math.random: the interval is empty",
         failure(env, "local r = math.random(0) return r"))
      assert.equal("job.lua:1: math.random: the interval is empty",
         failure(env, "local r = math.random(2, 1) return r"))
   end)
end)

describe("libraries", function()
   it("are the script's own copies", function()
      local env = make()
      for _, name in ipairs { "bit", "coroutine", "io", "math", "os", "string", "table" } do
         assert.not_equal(_G[name], env[name])
         run(env, name .. ".x = 5 x = 5")
         assert.is_nil(_G[name].x)
         assert.is_nil(rawget(make()[name], "x"))
      end
      assert.is_nil(rawget(_G, "x"))
      assert.equal(5, run(env, "return _G.x"))
   end)

   it("make no string beyond 16 MiB by repeating", function()
      local env = make()
      assert.equal(2 ^ 24, #run(env, "return string.rep('x', 2 ^ 24)"))
      assert.equal("a,a,a", run(env, "return string.rep('a', 3, ',')"))
      assert.equal("job.lua:1: string.rep would make 16777217 bytes; a string has at most 16 MiB",
         failure(env, "local s = string.rep('x', 2 ^ 24 + 1) return s"))
      assert.equal("job.lua:1: string.rep would make 16777218 bytes; a string has at most 16 MiB",
         failure(env, "local s = string.rep('x', 2 ^ 23 + 1, 'y') return s"))
      assert.equal(half.limit("LIMIT_RECORD_BYTES_MAX"), 2 ^ 24)
   end)

   it("repeat numbers, as Lua does", function()
      assert.equal("555", run(make(), "return string.rep(5, 3)"))
      assert.equal("505", run(make(), "return string.rep('5', '2', 0)"))
   end)

   it("hide the metatable of strings and collect no garbage", function()
      local env = make()
      assert.is_false(run(env, "return getmetatable('')"))
      assert.equal("m", run(env, "return getmetatable(setmetatable({}, { __metatable = 'm' }))"))
      assert.equal(0, run(env, "return collectgarbage('stop')"))
      assert.is_true(run(env, "return collectgarbage('count')") > 0)
   end)
end)

describe("methods of strings", function()
   it("are the library's, and behind it what the script added", function()
      half.with_own_strings(function()
         local env = make()
         environment.set_string_methods(env)
         assert.equal("ab", run(env, [[
            function string.second(s) return s:sub(2, 2) end
            string.upper = nil
            return ("a"):lower() .. ("xb"):second()]]))
         assert.equal("A", run(env, "return ('a'):upper()"))
         assert.is_nil(run(env, "return ('').dump"))
      end)
   end)
end)

describe("load", function()
   it("takes text and functions that give it, and runs them in the script's environment", function()
      local env = make()
      assert.equal(7, run(env, "x = 7 return load('return x')()"))
      assert.equal(7, run(env, [[
         local parts = { "return ", "x", "", "wrong" }
         local i = 0
         return loadstring(function() i = i + 1 return parts[i] end)()]]))
      assert.equal(8, run(env, "return load('return x', 'n', 't', { x = 8 })()"))
   end)

   it("takes no bytecode", function()
      local env = make()
      env.code = string.dump(function() end)
      assert.same({ n = 2, nil, "bytecode is not loaded" },
         run(env, "return { n = 2, load('return 1', 'n', 'b') }"))
      assert.is_nil((run(env, "return load(code)")))
   end)
end)

describe("require", function()
   local TEXTS = {
      a = "times = (times or 0) + 1 return { name = ..., times = times }", nothing = "",
      broken = "x =", failing = "error('wrong')",
   }

   local function find_module(name)
      return TEXTS[name], "lib/" .. name .. ".lua"
   end

   it("gives the API, and modules beside the script, which run once, as it does", function()
      local env = make { find_module = find_module }
      assert.same({ "mill" }, run(env, "return require 'tidemill'"))
      assert.same({ name = "a", times = 1 }, run(env, "require 'a' return require 'a'"))
      assert.equal(1, env.times)
      assert.is_true(run(env, "return require 'nothing'"))
   end)

   it("tells what is wrong with a module, on its own line", function()
      local env = make { find_module = find_module }
      assert.equal("lib/broken.lua:1: unexpected symbol near '<eof>'",
         failure(env, "return require('broken'), 1"))
      assert.equal("lib/failing.lua:1: wrong", failure(env, "return require('failing'), 1"))
   end)

   it("gives others where the job allows it, and FFI only by its name", function()
      local env, spec = make()
      assert.equal('job.lua:1: module "jit.util" is not beside the script; allow others with '
         .. 'allow = {"require"} in mill.job, above this line, or --allow require',
         failure(env, "return require 'jit.util', 1"))
      assert.equal('job.lua:1: ffi is not open to scripts; allow it with allow = {"ffi"} in '
         .. 'mill.job, above this line, or --allow ffi', failure(env, "return require 'ffi', 1"))
      spec.allowed.ffi = true
      assert.equal(abi.ffi, run(env, "return require 'ffi'"))
      assert.is_false((pcall(run, env, "return require 'jit.util', 1")))
      spec.allowed.require = true
      assert.equal(require "jit.util", run(env, "return require 'jit.util'"))
   end)
end)

it("print writes to standard error, with the operator that runs", function()
   local env, spec = make { labels = { [3] = "map at job.lua:7" } }
   local function printed()
      local _, out, err = half.capture(run, env, "print(1, nil, 'x')")
      assert.equal("", out)
      return err
   end
   assert.equal("1\tnil\tx\n", printed())
   spec.control.op = 3
   assert.equal("map at job.lua:7: 1\tnil\tx\n", printed())
end)
