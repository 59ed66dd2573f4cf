-- Goal: a script's `mill` makes jobs, gives arguments, time and null, and names what is missing.
-- Method: scripts that use it; what they were given and what the engine gets to know.
local half = require "half"
local abi = require "tidemill.abi"
local aggregates = require "tidemill.aggregates"
local api = require "tidemill"
local records = require "tidemill.records"
local values = require "tidemill.values"

local function make(given)
   local spec = { args = {}, asked = {}, on_job = function() end, control = { time_ms = 0 } }
   for name, value in pairs(given or {}) do spec[name] = value end
   return api.make(spec), spec
end

it("mill.job makes a job with overrides and tells of it", function()
   local told = {}
   local mill = make {
      overrides = { batch = "2s" }, on_job = function(job) told[#told + 1] = job end,
   }
   local job = mill.job("a", { batch = "1s", deadline = "3s" })
   assert.equal(2000, job.options.batch)
   assert.equal(3000, job.options.deadline)
   assert.equal(1, #told)
   assert.equal(job, told[1])
end)

it("no job is made while one runs", function()
   local mill = make { is_running = true }
   assert.equal("job.lua:1: mill.job: a job cannot be made while one runs",
      half.failure(half.as_script, "local j = (...).job('a') return j", mill))
end)

it("mill.arg gives what --set gave, else the default, and notes what was asked", function()
   local mill, spec = make { args = { topic = "a", empty = "" } }
   assert.equal("a", mill.arg("topic"))
   assert.equal("a", mill.arg("topic", "b"))
   assert.equal("", mill.arg("empty", "b"))
   assert.equal(5, mill.arg("other", 5))
   assert.is_nil(mill.arg("third"))
   assert.same({ topic = true, empty = true, other = true, third = true }, spec.asked)
   assert.equal("job.lua:1: mill.arg: the name is a string",
      half.failure(half.as_script, "local a = (...).arg(1) return a", mill))
end)

it("mill.now is the batch time", function()
   local control = abi.ffi.new("struct mill_control", { time_ms = 1234 })
   local mill = make { control = control }
   assert.equal(1234, mill.now())
   control.time_ms = 2000
   assert.equal(2000, mill.now())
end)

it("mill.object is an empty table that is no list", function()
   local mill = make()
   assert.is_nil(next(mill.object()))
   assert.is_nil(values.list_length(mill.object()))
   assert.equal(0, values.list_length({}))
   assert.not_equal(mill.object(), mill.object())
end)

it("what runs in C, null and what is done with records are there", function()
   local mill = make()
   for _, name in ipairs { "words", "split", "sum", "min", "max", "count", "avg" } do
      assert.equal(aggregates[name], mill[name], name)
   end
   assert.equal(values.null, mill.null)
   for _, name in ipairs { "copy", "with", "pick", "fields", "json", "msgpack" } do
      assert.equal(records[name], mill[name], name)
   end
end)

it("a name that it has not is an error, on the script's line", function()
   local mill = make()
   local function failure(name)
      return half.failure(half.as_script, "local mill, name = ...\nlocal x = mill[name] return x",
         mill, name)
   end
   assert.equal('job.lua:2: mill has no "wrods"', failure("wrods"))
   assert.equal('job.lua:2: mill has no "1"', failure(1))
end)

it("each run of a script has its own", function()
   local first, second = make(), make()
   first.extra = 1
   assert.is_nil(rawget(second, "extra"))
end)
