-- Goal: mill.copy, with, pick, fields, json and msgpack, on views and on tables.
-- Method: views of strings. msgpack.decode needs the program: tests/cases/views/records.case.
local half = require "half"
local marks = require "tidemill.marks"
local records = require "tidemill.records"
local views = require "tidemill.views"

local function event() return views.of_string '{"n":1,"o":{"x":[1,{"y":2}]},"null":null}' end

it("a copy has no views and shares no table", function()
   assert.same({ n = 1, o = { x = { 1, { y = 2 } } } }, records.copy(event()))
   local t = { 1, { event() } }
   local c = records.copy(t)
   assert.equal(2, c[2][1].o.x[2].y)
   assert.is_false(views.is_view(c[2][1]))
   assert.not_equal(t[2], c[2])
   assert.equal("x", records.copy "x")
   assert.equal(marks.null, records.copy(marks.null))
   assert.equal(marks.OBJECT, debug.getmetatable(records.copy(setmetatable({}, marks.OBJECT))))
end)

it("a copy of what holds itself ends", function()
   local t = {}
   t.t = t
   assert.equal("a table nested deeper than 32 (or one that holds itself)",
      half.failure(records.copy, t))
end)

it("with sets fields and takes them away", function()
   local e = event()
   assert.same({ n = 2, m = { x = { 1, { y = 2 } } } },
      records.with(e, { n = 2, m = e.o, o = marks.null }))
   local t = { a = 1, b = { 2 } }
   local w = records.with(t, { a = 5 })
   assert.same({ a = 5, b = { 2 } }, w)
   assert.not_equal(t.b, w.b)
   assert.equal(1, t.a)
end)

it("pick takes what is there", function()
   assert.same({ n = 1 }, records.pick(event(), "n", "null", "missing"))
   assert.same({ a = { 1 } }, records.pick({ a = { 1 }, b = 2 }, "a"))
   assert.equal(marks.OBJECT, debug.getmetatable(records.pick(event())))
end)

it("fields are in a view's order, and a table's sorted", function()
   assert.same({ "n", "o", "null" }, records.fields(event()))
   assert.same({ "a", "b", "c" }, records.fields { c = 1, a = 2, b = 3 })
end)

it("they say what is no record", function()
   for _, name in ipairs { "with", "pick", "fields" } do
      for _, v in ipairs { 5, "{}", marks.null } do
         assert.truthy(half.failure(records[name], v, {})
            :find(("mill.%s: needs a record, not %s"):format(name, type(v)), 1, true))
      end
      assert.truthy(half.failure(records[name], nil, {}):find("needs a record, not nil", 1, true))
   end
   assert.truthy(half.failure(records.with, {}, 5)
      :find("mill.with: the fields are a table, not number", 1, true))
end)

it("JSON comes and goes", function()
   assert.equal('{"a":[1,null]}', records.json.encode { a = { 1, marks.null } })
   assert.equal('[{"n":1,"o":{"x":[1,{"y":2}]},"null":null}]', records.json.encode { event() })
   assert.same({ a = { 1, marks.null } }, records.json.decode ' {"a":[1,null]} ')
   assert.truthy(half.failure(records.json.decode, "{")
      :find("mill.json.decode: it ends too early", 1, true))
   assert.truthy(half.failure(records.json.decode, 5)
      :find("mill.json.decode: needs a string, not number", 1, true))
   assert.equal("nan cannot be written as JSON", half.failure(records.json.encode, 0 / 0))
   assert.equal("1", records.json.encode(1)) -- what failed left nothing behind
end)

it("msgpack has maps for views", function()
   assert.equal("\147\1\161x\195", records.msgpack.encode { 1, "x", true })
   assert.equal("\129\161a\1", records.msgpack.encode(views.of_string '{"a":1}'))
   assert.truthy(half.failure(records.msgpack.decode, 5)
      :find("mill.msgpack.decode: needs a string, not number", 1, true))
end)
