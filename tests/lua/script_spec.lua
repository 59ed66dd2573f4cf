-- Goal: a script's text becomes a job, or one message that says where the script is wrong; all Lua
-- states of a job run the same text with the same modules.
-- Method: small scripts, right and wrong; modules from a table in place of a disk.
local half = require "half"
local abi = require "tidemill.abi"
local job_module = require "tidemill.job"
local script = require "tidemill.script"

local HEAD = 'local mill = require "tidemill" local job = mill.job("test") '

--- Files for read_file, and the paths that were asked for.
local function files(texts)
   local asked = {}
   return function(path)
      asked[#asked + 1] = path
      return texts[path]
   end, asked
end

describe("a script", function()
   it("gives the job that it returns", function()
      local job = half.load(HEAD .. "return job")
      assert.is_true(job_module.is_job(job))
      assert.equal("test", job.name)
   end)

   it("returns a job and nothing else", function()
      for text, shown in pairs { [""] = "nothing", ["return 5"] = "a number",
         ["return {}"] = "a table", ["return nil"] = "nothing" } do
         assert.equal("job.lua: the script must end with `return job`; it returned " .. shown,
            half.refusal(text))
      end
   end)

   it("is text", function()
      assert.equal("job.lua: is bytecode, not Lua text",
         half.refusal(string.dump(function() end)))
   end)

   it("gets --set's arguments and --option's overrides", function()
      local job, spec = half.load(HEAD .. 'job:text_file_stream(mill.arg("input")) return job',
         { args = { input = "logs" }, overrides = { batch = "9s" } })
      assert.equal("logs", job.nodes[1].target)
      assert.equal(9000, job.options.batch)
      assert.same({ input = true }, spec.asked)
   end)

   it("is allowed what --allow and its job say", function()
      local text = 'local job = require("tidemill").job("a", { allow = { "os" } }) return job'
      local _, spec = half.load(text, { allow = { io = true } })
      assert.same({ io = true, os = true }, spec.allowed)
      assert.same({ io = true }, spec.allow)
   end)

   it("sees the time of the state's control block, or none", function()
      local control = abi.ffi.new("struct mill_control", { time_ms = 5 })
      local text = 'local mill = require "tidemill" return mill.job("at-" .. mill.now())'
      assert.equal("at-5", half.load(text, { control = abi.ffi.cast("void *", control) }).name)
      assert.equal("at-0", half.load(text).name)
   end)

   it("may add methods to its strings", function()
      assert.equal("job.lua:1: a!", half.refusal("function string.shout(s) return s .. '!' end "
         .. "error(('a'):shout())"))
   end)

   it("leaves nothing behind for the next", function()
      half.load("x = 1 string.y = 2 " .. HEAD .. "return job")
      assert.equal("job.lua:1: nil nil", half.refusal("error(tostring(x) .. ' ' .. "
         .. "tostring(string.y))"))
   end)
end)

describe("an error", function()
   it("in the text names its line", function()
      assert.equal("job.lua:2: unexpected symbol near '='", half.refusal("local a =\n= x"))
   end)

   it("that the script raised names its line", function()
      assert.equal("job.lua:2: no luck", half.refusal("\nerror('no luck')"))
      assert.equal("job.lua: no luck", half.refusal("error('no luck', 0)"))
      assert.equal("job.lua:1: attempt to call global 'nothing' (a nil value)",
         half.refusal("nothing()"))
   end)

   it("has the script's frames below it, and no others", function()
      assert.equal("job.lua:1: deep\n\tat job.lua:1 in inner\n\tat job.lua:2 in outer"
         .. "\n\tat job.lua:3", half.refusal("local function inner() error('deep') end\n"
         .. "local function outer() pcall(inner) inner() return 1 end\nouter()"))
   end)

   it("that is no text is told as far as it can be", function()
      for text, shown in pairs { ["error()"] = "nothing", ["error({})"] = "a table",
         ["error(false)"] = "a boolean", ["error(print)"] = "a function" } do
         assert.equal(("job.lua: the script raised %s as an error"):format(shown),
            half.refusal(text))
      end
      assert.equal("job.lua: code 7", half.refusal(
         "error(setmetatable({}, { __tostring = function() return 'code 7' end }))"))
   end)

   it("of a stack that overflows names the script", function()
      assert.is_not_nil(half.refusal("local function f() return 1 + f() end f()")
         :find("^job%.lua.*stack overflow"))
   end)
end)

describe("a module", function()
   it("lies beside the script", function()
      local read, asked = files {
         ["jobs/one.lua"] = "return { name = 'one' }",
         ["jobs/sub/two/init.lua"] = "return { name = (...) }",
      }
      local job, spec = half.load("local one, two = require 'one', require 'sub.two' "
         .. "local job = require('tidemill').job(one.name .. '-' .. two.name) return job",
         { path = "jobs/job.lua", read_file = read })
      assert.equal("one-sub.two", job.name)
      assert.same({ "jobs/one.lua", "jobs/sub/two.lua", "jobs/sub/two/init.lua" }, asked)
      assert.same({
         one = { text = "return { name = 'one' }", path = "jobs/one.lua" },
         ["sub.two"] = { text = "return { name = (...) }", path = "jobs/sub/two/init.lua" },
      }, spec.modules)
   end)

   it("that is known is not read again", function()
      local read, asked = files { ["one.lua"] = "return 'new'" }
      local job = half.load("local job = require('tidemill').job(require 'one') return job",
         { read_file = read, modules = { one = { text = "return 'old'", path = "one.lua" } } })
      assert.equal("old", job.name)
      assert.same({}, asked)
   end)

   it("has a name that leads nowhere else", function()
      local read, asked = files {}
      for _, name in ipairs { "../one", "/etc/one", "", ".one", "a-b" } do
         assert.equal(('job.lua:1: module %q is not beside the script; allow others with allow = '
            .. '{"require"} in mill.job, above this line, or --allow require'):format(name),
            half.refusal(("require %q"):format(name), { read_file = read }))
      end
      assert.same({}, asked)
      assert.is_not_nil(half.refusal("require 'one'"):find('module "one" is not beside'))
   end)

   it("that is wrong is named", function()
      local modules = { one = { text = "\nerror('no luck')", path = "lib/one.lua" },
         two = { text = "x x", path = "lib/two.lua" } }
      assert.equal("lib/one.lua:2: no luck\n\tat lib/one.lua:2\n\tat job.lua:1",
         half.refusal("local x = require 'one'", { modules = modules }))
      assert.equal("job.lua: lib/two.lua:1: '=' expected near 'x'",
         half.refusal("local x = require 'two'", { modules = modules }))
   end)
end)

describe("a plan", function()
   it("has its job, and gives its operators their labels", function()
      local spec = { path = "job.lua", modules = {}, args = {}, overrides = {},
         text = HEAD .. "\njob:queue_stream({}):named('in'):print() return job" }
      local plan = half.with_own_strings(script.plan, spec)
      assert.equal("test", plan.job.name)
      assert.same({ 'queue_stream "in" at job.lua:2', "print at job.lua:2" }, spec.labels)
      assert.is_true(spec.is_running)
   end)

   it("is refused with its reason", function()
      assert.is_not_nil(half.plan_refusal(""):find('job "test" has no output', 1, true))
   end)
end)
