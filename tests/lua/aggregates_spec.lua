-- Goal: what runs in C in a function's place is known as such, and nothing else is.
-- Method: each of them, and values of every other kind.
local half = require "half"
local aggregates = require "tidemill.aggregates"

local OTHERS = { 1, "sum", true, {}, print, setmetatable({ name = "sum" }, {}) }

describe("an aggregate", function()
   it("is one of five", function()
      for _, name in ipairs { "sum", "min", "max", "count", "avg" } do
         assert.is_true(aggregates.is_aggregate(aggregates[name]))
         assert.is_false(aggregates.is_splitter(aggregates[name]))
         assert.equal(name, aggregates[name].name)
         assert.equal("mill." .. name, tostring(aggregates[name]))
      end
   end)

   it("is no other value", function()
      for _, other in ipairs(OTHERS) do assert.is_false(aggregates.is_aggregate(other)) end
      assert.is_false(aggregates.is_aggregate(nil))
      assert.is_false(aggregates.is_aggregate(aggregates.words))
   end)
end)

describe("a splitter", function()
   it("is mill.words or has a separator", function()
      assert.is_true(aggregates.is_splitter(aggregates.words))
      assert.equal("", aggregates.words.separator)
      assert.equal("mill.words", tostring(aggregates.words))
      local split = aggregates.split(", ")
      assert.is_true(aggregates.is_splitter(split))
      assert.equal(", ", split.separator)
      assert.equal('mill.split(", ")', tostring(split))
   end)

   it("is no other value", function()
      for _, other in ipairs(OTHERS) do assert.is_false(aggregates.is_splitter(other)) end
      assert.is_false(aggregates.is_splitter(nil))
      assert.is_false(aggregates.is_splitter(aggregates.split))
   end)

   it("has a separator of 1 to 255 bytes", function()
      assert.equal(255, #aggregates.split(("x"):rep(255)).separator)
      local text = "local split, separator = ...\nlocal s = split(separator)"
      for _, wrong in ipairs { "", ("x"):rep(256), 1, true, {} } do
         assert.equal("job.lua:2: mill.split: the separator is a string of 1 to 255 bytes",
            half.failure(half.as_script, text, aggregates.split, wrong))
      end
      assert.equal("job.lua:2: mill.split: the separator is a string of 1 to 255 bytes",
         half.failure(half.as_script, text, aggregates.split, nil))
   end)
end)
