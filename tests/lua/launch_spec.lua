-- Goal: a script's file becomes what the engine runs: its text, its plan, and the batches and
-- states that the script itself holds, as bytes.
-- Method: an engine that notes what it is given.
local half = require "half"
local engine = require "fake_engine"
local launch_module = require "tidemill.launch"
local values = require "tidemill.values"

local HEAD = 'local mill = require "tidemill" local job = mill.job("test") '

local function packed(value)
   local b = half.buffer()
   values.pack(b.pointer, value, 1)
   return b.text()
end

local function key(value)
   local b = half.buffer()
   values.key(b.pointer, value)
   return b.text()
end

local function prepare(text)
   return half.with_own_strings(launch_module.prepare, { path = "job.lua", text = HEAD .. text })
end

local function refusal(text) return half.failure(prepare, text) end

describe("a file", function()
   it("is read whole, as bytes", function()
      local name = os.tmpname()
      local file = io.open(name, "wb")
      file:write("a\r\n\0b")
      file:close()
      assert.equal("a\r\n\0b", launch_module.read_file(name))
      os.remove(name)
   end)

   it("that cannot be read is named", function()
      local text, err = launch_module.read_file("missing/job.lua")
      assert.is_nil(text)
      assert.equal("missing/job.lua: No such file or directory", err)
      text, err = launch_module.read_file("tests")
      assert.is_nil(text)
      assert.equal("tests: Is a directory", err)
   end)
end)

it("the engine gets the script, where it is, and its plan", function()
   local launch, plan = prepare("job:text_file_stream('in'):print() return job")
   assert.equal(engine.launches[#engine.launches], launch)
   local spec = launch.spec
   assert.same({ "job.lua", "/real/job.lua", {}, {}, {} },
      { spec.path, spec.canonical, spec.modules, spec.args, spec.overrides })
   assert.equal("test", plan.name)
   assert.equal("in", launch.description.sources[1].target)
end)

it("functions that the store tells apart come with their text", function()
   local launch = prepare("local s = job:text_file_stream('in')\ns:map(print):for_each_batch(\n"
      .. "   function()\n      return 5\n   end)\ns:map_to_pair(print)\n"
      .. ":update_state_by_key(function() return 6 end):for_each_batch(print) return job")
   local contents = {}
   for _, operator in ipairs(launch.description.operators) do
      table.insert(contents, operator.kind .. "=" .. tostring(operator.content))
   end
   assert.same({ "text_file_stream=nil", "map=nil", "for_each_batch=function()\nreturn 5\nend)",
      "map_to_pair=nil",
      "update_state_by_key=:update_state_by_key(function() return 6 end):for_each_batch(print) "
      .. "return job", "for_each_batch=nil" }, contents)
end)

it("modules are read from the disk, beside the script", function()
   local text = "local half = require 'half' local job = require('tidemill').job('a') "
   local err = half.failure(half.with_own_strings, launch_module.prepare,
      { path = "tests/lua/job.lua", text = text })
   assert.is_not_nil(err:find("^tests/lua/half%.lua:%d+: "))
end)

describe("a queue's batches", function()
   it("are lists of packed records", function()
      local launch = prepare("job:text_file_stream('in'):print() "
         .. "job:queue_stream({ { 1, 'a', { b = true } }, {} }):print() return job")
      assert.same({
         { 2, packed { 1, "a", { b = true } } }, { 2, packed {} },
      }, launch.batches)
   end)

   it("hold what can be kept", function()
      assert.equal("job.lua:2: batch 2, element 3: function cannot be kept",
         refusal("local s =\njob:queue_stream({ {}, { 1, 2, print } }) s:print() return job"))
   end)
end)

describe("an initial state", function()
   local function initial(text)
      return ("local s = job:queue_stream({}) s:count():print() s:map_to_pair(print)\n"
         .. ":update_state_by_key(print, { initial = %s }):print() return job"):format(text)
   end

   it("is a table by key", function()
      assert.same({ { 2, key "a", packed { n = 5 } } }, prepare(initial("{ a = { n = 5 } }"))
         .initials)
      assert.same({}, prepare(initial("{}")).initials)
   end)

   it("is a list of pairs, where keys are no strings", function()
      assert.same({ { 2, key(1), packed(10) }, { 2, key { "a", 2 }, packed "x" },
         { 2, key(true), packed(false) } },
         prepare(initial("{ { 1, 10 }, { { 'a', 2 }, 'x' }, { true, false } }")).initials)
   end)

   it("has a key once", function()
      assert.equal("job.lua:2: initial: element 3 has the key of element 1",
         refusal(initial("{ { 'a', 1 }, { 'b', 2 }, { 'a', 3 } }")))
      assert.equal("job.lua:2: initial: element 2 has the key of element 1",
         refusal(initial("{ { 1, 1 }, { 1LL, 2 } }")))
      assert.equal("job.lua:2: initial: element 2 has the key of element 1",
         refusal(initial("{ { { 'a', 1 }, 1 }, { { 'a', 1 }, 2 } }")))
      assert.is_not_nil(refusal(initial("{ [1LL] = 1, [2LL] = 2, [1] = 3 }"))
         :find("^job%.lua:2: initial: element 1L?L? has the key of element 1L?L?$"))
      assert.equal(3, #prepare(initial("{ { 1, 1 }, { '1', 2 }, { true, 3 } }")).initials)
   end)

   it("says what it cannot", function()
      for _, wrong in ipairs { "5", "{}", "{ 'a' }", "{ 'a', 1, 2 }", "{ a = 1 }" } do
         assert.equal("job.lua:2: initial: element 2 is not {key, value}",
            refusal(initial(("{ { 'a', 1 }, %s }"):format(wrong))))
      end
      assert.equal("job.lua:2: initial: function cannot be kept", refusal(initial("{ a = print }")))
      assert.equal("job.lua:2: initial: a key is a string, a number, a boolean or a list of these, "
         .. "not a table", refusal(initial("{ { { a = 1 }, 1 } }")))
      assert.equal("job.lua:2: initial: the key is longer than 64 KiB",
         refusal(initial("{ [('x'):rep(70000)] = 1 }")))
   end)
end)

it("a script that is wrong reaches no engine", function()
   local count = #engine.launches
   assert.equal("job.lua: the script must end with `return job`; it returned nothing", refusal(""))
   assert.equal(count, #engine.launches)
end)
