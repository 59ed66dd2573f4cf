-- Goal: a for_each_batch function goes through its rows as often as it likes, in parts or whole,
-- and is told when they are too many. Method: rows from lists, as the engine would open them.
local half = require "half"
local rows_module = require "tidemill.rows"

local function rows_of(list, keyed)
   local opened = 0
   local native = {
      row_count = #list, byte_count = 10 * #list, keyed = keyed or false, collect_max = 30,
      open = function()
         opened = opened + 1
         local i = 0
         return function()
            i = i + 1
            if keyed and list[i] then return list[i][1], list[i][2] end
            return list[i]
         end
      end,
   }
   return rows_module.make(native), function() return opened end
end

describe("rows", function()
   it("are gone through as often as wanted", function()
      local rows, opened = rows_of { "a", "b" }
      for _ = 1, 2 do
         local seen = {}
         for record in rows:each() do seen[#seen + 1] = record end
         assert.same({ "a", "b" }, seen)
      end
      assert.equal(2, opened())
   end)

   it("that are pairs come as key and value", function()
      local seen = {}
      for k, v in rows_of({ { "a", 1 }, { "b", false } }, true):each() do
         seen[#seen + 1] = { k, v }
      end
      assert.same({ { "a", 1 }, { "b", false } }, seen)
   end)

   it("are counted without being read", function()
      local rows, opened = rows_of { "a", "b", "c" }
      assert.equal(3, rows:count())
      assert.equal("3 rows", tostring(rows))
      assert.equal(0, opened())
   end)

   it("give their first few", function()
      local rows, opened = rows_of { "a", "b", "c" }
      assert.same({ "a", "b" }, rows:take(2))
      assert.same({ "a", "b", "c" }, rows:take(7))
      assert.same({ "a", "b" }, rows:take(1.5))
      assert.equal("a", rows:first())
      assert.equal(4, opened())
      assert.same({}, rows:take(0))
      assert.same({}, rows:take(0.5))
      assert.equal(4, opened())
      assert.is_nil((rows_of {}):first())
      assert.same({ { "a", 1 } }, rows_of({ { "a", 1 }, { "b", 2 } }, true):take(1))
      assert.same({ "a", 1 }, rows_of({ { "a", 1 } }, true):first())
   end)

   it("are collected as long as they fit into memory", function()
      assert.same({ 1, 2, 3 }, rows_of({ 1, 2, 3 }):collect())
      assert.same({ { "a", 1 } }, rows_of({ { "a", 1 } }, true):collect())
      assert.equal("rows:collect: the batch has 40 bytes of rows, more than the 30 that fit into "
         .. "memory; use each(), or raise rows_max", half.failure(rows_of({ 1, 2, 3, 4 }).collect,
         (rows_of { 1, 2, 3, 4 })))
   end)

   it("that are pairs become a table, where the last of equal keys counts", function()
      assert.same({ a = 3, b = 2 },
         rows_of({ { "a", 1 }, { "b", 2 }, { "a", 3 } }, true):to_table())
      local many = rows_of({ { 1, 1 }, { 2, 2 }, { 3, 3 }, { 4, 4 } }, true)
      assert.equal("rows:to_table: the batch has 40 bytes of rows, more than the 30 that fit into "
         .. "memory; use each(), or raise rows_max", half.failure(many.to_table, many))
   end)

   it("say what they cannot", function()
      local rows = rows_of { 1 }
      local function failure(text) return half.failure(half.as_script, text, rows) end
      assert.equal("job.lua:1: rows:to_table: the rows are not pairs",
         failure("local rows = ... local t = rows:to_table() return t"))
      assert.equal('job.lua:1: rows:take: needs how many, not "2"',
         failure("local rows = ... local t = rows:take('2') return t"))
      assert.equal("job.lua:1: rows:take: needs how many, not -1",
         failure("local rows = ... local t = rows:take(-1) return t"))
      assert.equal("job.lua:1: rows:take: needs how many, not nil",
         failure("local rows = ... local t = rows:take() return t"))
      assert.equal("job.lua:1: rows:map is not in this version of tidemill; there are each, count, "
         .. "take, first, collect and to_table",
         failure("local rows = ... local t = rows:map(print) return t"))
   end)
end)

describe("a call", function()
   local got
   local plan = { outputs = { {}, { node = { fn = function(...)
      got = { ... }
      return "result"
   end } } } }

   it("gives the output's function the rows, the batch time and the epoch", function()
      local native = { row_count = 2, open = print }
      assert.equal("result", rows_module.call(plan, 2, native, 5000, 7))
      assert.equal(2, got[1]:count())
      assert.same({ 5000, 7 }, { got[2], got[3] })
   end)

   it("is in no traceback", function()
      local trace
      plan.outputs[1].node = { fn = function() trace = debug.traceback() end }
      rows_module.call(plan, 1, {}, 0, 1)
      assert.is_nil(trace:find("rows.lua", 1, true))
      assert.is_nil(trace:find("tidemill.rows", 1, true))
   end)
end)
