-- Goal: a side table is what its options say, or the message says what is wrong; rows are found by
-- strings and numbers, and by a compiled loop that makes no garbage.
-- Method: scripts on both sides of each rule; rows in C structs that are made here.
local half = require "half"
local abi = require "tidemill.abi"
local plans = require "tidemill.plan"
local tables = require "tidemill.tables"

local function refusal(text)
   return half.refusal('local mill = require "tidemill" local job = mill.job("test") '
      .. text .. ' job:queue_stream({}):print() return job'):match("^job.lua:1: (.*)$")
end

local function described(text)
   local plan = half.plan("local t = " .. text .. " values:print()")
   return plans.describe(plan).sides
end

it("a table has a path, a key, a format and its line", function()
   local sides = described 'mill.table("a.csv", { key = "id", types = { n = "number" } })'
   assert.equal(1, #sides)
   local side = sides[1]
   assert.same({ "a.csv", "id", "csv", "mill.table at job.lua:1" },
      { side.path, side.key, side.format, side.label })
   assert.same({ "n" }, side.csv.typed)
   assert.same({}, described "nil")
end)

it("the format is seen from the name, or said", function()
   for name, format in pairs { ["a.csv"] = "csv", ["b/a.json"] = "json", ["a.jsonl"] = "json",
      ["a.ndjson"] = "json" } do
      assert.equal(format, described(('mill.table(%q, { key = "id" })'):format(name))[1].format)
   end
   assert.equal("json", described('mill.table("a.csv", { key = "id", format = "json" })')[1].format)
   assert.equal('mill.table: format = "csv" or "json" says how "a.txt" is to be read',
      refusal 'mill.table("a.txt", { key = "id" })')
end)

it("what is wrong is named", function()
   for call, message in pairs {
      ['mill.table("a.csv")'] = 'key = "NAME" says which field has the key',
      ['mill.table("a.csv", { key = "" })'] = 'key = "NAME" says which field has the key',
      ['mill.table("a.csv", { key = "a\\0b" })'] = 'key = "NAME" says which field has the key',
      ['mill.table("", { key = "a" })'] = 'the path is a string, not ""',
      ['mill.table("a\\0.csv", { key = "a" })'] = 'the path is a string, not "a\\0.csv"',
      ['mill.table(5, { key = "a" })'] = "the path is a string, not 5",
      ['mill.table("a.csv", { key = "a", strict = true })'] =
         'strict is an option of format = "json"',
      ['mill.table("a.csv", { key = "a", format = "msgpack" })'] =
         'format = "msgpack" is not allowed; it must be one of "csv", "json"',
   } do
      assert.equal("mill.table: " .. message, refusal(call))
   end
   assert.equal("mill.table: a job has at most 64 tables",
      refusal 'for i = 1, 65 do mill.table("a.csv", { key = "a" }) end')
end)

it("tables have the numbers that C gives them", function()
   assert.equal(64, half.limit("LIMIT_SIDE_TABLES_MAX"))
   local list = {}
   local first = tables.make(list, "a.csv", { key = "id" })
   local second = tables.make(list, "b.csv", { key = "id" })
   assert.equal("mill.table 1", tostring(first))
   assert.equal("mill.table 2", tostring(second))
   assert.same({ "a.csv", "b.csv" }, { list[1].path, list[2].path })
end)

describe("a table", function()
   local t = tables.make({}, "a.csv", { key = "id" })

   it("has no rows while no records run", function()
      tables.bind(nil)
      assert.equal("job.lua:1: a mill.table has rows while the job runs, not while the script is "
         .. "loaded", half.failure(half.as_script, "local r = (...).a return r", t))
   end)

   it("is read only and has no length", function()
      assert.equal("job.lua:1: a mill.table is read only; its file can be replaced while the job "
         .. "runs", half.failure(half.as_script, "(...).a = 1", t))
      assert.equal("job.lua:1: a mill.table does not say how many rows it has",
         half.failure(half.as_script, "local n = #(...) return n", t))
   end)

   it("is one handle of 4 bytes", function()
      assert.equal(4, abi.ffi.sizeof(t))
   end)
end)
