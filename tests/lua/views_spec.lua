-- Goal: a view reads the fields of its text, and says what it cannot.
-- Method: views of strings; those of a chunk's rows need C: tests/cases/views and
-- tests/engine/script/test_block_run.c.
local half = require "half"
local marks = require "tidemill.marks"
local views = require "tidemill.views"
local ffi = require "ffi"

local of = views.of_string

it("a field is read by its name", function()
   local e = of '{"n":1.5,"s":"a\\nb","yes":true,"no":false,"null":null,"\\u0061":7}'
   assert.equal(1.5, e.n)
   assert.equal("a\nb", e.s)
   assert.is_true(e.yes)
   assert.is_false(e.no)
   assert.is_nil(e.null)
   assert.is_nil(e.missing)
   assert.equal(7, e.a)
end)

it("wide integers are exact", function()
   local e = of '{"i":-9223372036854775808,"u":18446744073709551615}'
   assert.is_true(e.i == -2LL ^ 63)
   assert.is_true(ffi.istype("uint64_t", e.u))
   assert.equal("18446744073709551615ULL", tostring(e.u))
end)

it("what is nested is a view, or a list of values and views", function()
   local e = of '{"o":{"p":{"q":1}},"l":[1,null,[2],{"r":3}]}'
   assert.equal(1, e.o.p.q)
   assert.equal(4, #e.l)
   assert.equal(1, e.l[1])
   assert.equal(marks.null, e.l[2])
   assert.same({ 2 }, e.l[3])
   assert.equal(3, e.l[4].r)
end)

it("a nested view keeps the text that it stands on", function()
   local nested = {}
   for i = 1, 1000 do nested[i] = of(('{"o":{"p":%d}}'):format(i)).o end
   collectgarbage()
   collectgarbage()
   for i = 1, 1000 do assert.equal(i, nested[i].p) end
end)

it("a value that is spelled wrong is an error that names the field", function()
   assert.equal("n: no JSON value", half.failure(function() return of('{"n":nul}').n end))
   assert.equal("an element: a number that is too large",
      half.failure(function() return of('{"n":[1e999]}').n end))
end)

it("it is told from other values", function()
   assert.is_true(views.is_view(of "{}"))
   for _, v in ipairs { 1, "{}", {}, 5LL, true, marks.null, ffi.new("int[1]") } do
      assert.is_false(views.is_view(v))
   end
end)

it("it is compared with none of its kind, and equals nothing else", function()
   local e, f = of "{}", of "{}"
   assert.is_false(e == nil)
   assert.is_true(e ~= nil)
   assert.is_false(e == 5LL)
   assert.truthy(half.failure(function() return e == f end):find("views cannot be compared"))
end)

it("it cannot be changed, measured or indexed by other than names", function()
   local e = of "{}"
   assert.truthy(half.failure(function() e.x = 1 end)
      :find("a view cannot be changed; mill.with(e, {x = ...}) makes a table with it", 1, true))
   assert.truthy(half.failure(function() return #e end):find("a view has no length", 1, true))
   for _, f in ipairs {
      function() return e + 1 end, function() return 1 / e end, function() return -e end,
      function() return "a" .. e end, function() return e .. "a" end, function() return e < e end,
      function() return e <= 5 end,
   } do
      assert.truthy(half.failure(f)
         :find("a view is a record, neither a number nor a string; read its fields", 1, true))
   end
   assert.truthy(half.failure(function() return e() end):find("no function", 1, true))
   assert.truthy(half.failure(function() return e[1] end)
      :find("a view's fields have names, which are strings, not number", 1, true))
end)

it("rows that are over take their views with them", function()
   local e = of '{"n":1}'
   views.end_rows()
   local failure = half.failure(half.as_script, "return (...).n + 0", e)
   assert.equal("job.lua:1: view used after its call; keep mill.copy(e)", failure)
   assert.truthy(half.failure(tostring, e):find("view used after its call"))
   assert.truthy(half.failure(views.to_table, e):find("view used after its call"))
end)

it("it is its text", function()
   assert.equal('{ "a" : 1 }', tostring(of '{ "a" : 1 }'))
   local text, size = views.text_of(of "{}")
   assert.equal("{}", ffi.string(text, size))
end)

it("C's records are looked at in place or copied", function()
   local text = '{"n":1}'
   local memory = ffi.new("char[?]", #text, text)
   local before = views.copy_from_c(true)
   local copied = views.from_c(memory, #text)
   assert.is_true(views.copy_from_c(false))
   local seen = views.from_c(memory, #text)
   ffi.copy(memory, '{"n":2}', #text)
   assert.equal(1, copied.n)
   assert.equal(2, seen.n)
   views.copy_from_c(before)
end)

it("a table of it has no views, no nulls, and the first of one name", function()
   local e = of '{"a":{"b":[{"c":1},null]},"d":null,"a":2,"e":{},"f":[]}'
   local t = views.to_table(e)
   assert.same({ a = { b = { { c = 1 }, marks.null } }, e = {}, f = {} }, t)
   assert.equal(marks.OBJECT, debug.getmetatable(t.e))
   assert.is_nil(debug.getmetatable(t.f))
   assert.same({ "a", "d", "e", "f" }, views.fields(e))
   assert.same({}, views.fields(of "{}"))
end)

it("any JSON is decoded, with nulls", function()
   assert.same({ 1, { x = marks.null } }, (views.decode '[1,{"x":null}]'))
   assert.equal("a", (views.decode '"a"'))
   assert.equal(marks.null, (views.decode "null"))
   assert.is_false((views.decode "false"))
   local value, wrong = views.decode "[1"
   assert.is_nil(value)
   assert.equal("it ends too early", wrong)
end)

describe("a view of a row", function()
   local ROWS = 10000
   local texts = { "view", "click", "ad1", "ad2" }

   -- The module again, with columns made here in place of C's. To busted one text is one FFI type,
   -- so the types of this instance have texts of their own.
   local function load_with_columns(columns)
      local real = require "tidemill.abi"
      local function mill_records_field(_, name) return columns[name] end
      local function typeof(text) return ffi.typeof(text .. " ") end
      package.loaded["tidemill.abi"] = setmetatable({
         ffi = setmetatable({ typeof = typeof }, { __index = ffi }),
         C = setmetatable({ mill_records_field = mill_records_field }, {
            __index = function(_, name) return real.C[name] end,
         }),
      }, { __index = real })
      finally(function() package.loaded["tidemill.abi"] = real end)
      return assert(loadstring(half.read "lua/tidemill/views.lua", "=tidemill.views"))()
   end

   local function make_columns()
      local columns = {}
      for name, first in pairs { event_type = 1, ad_id = 3 } do
         local cells = ffi.new("struct mill_cell[?]", ROWS)
         for i = 0, ROWS - 1 do
            local text = texts[first + i % 2]
            cells[i].kind, cells[i].ptr, cells[i].len = 2, text, #text
         end
         columns[name] = cells
      end
      return columns
   end

   -- What is generated for filter(...):map_to_pair(...), with a count behind it.
   local LOOP = [[local view, open, f1, f2, slots, cells = ... return function(n)
      local generation = open(1)
      for i = 0, n - 1 do
         local r = view(i, generation)
         if not f1(r) then goto next0 end
         do local k, v = f2(r) local q = slots[k] cells[q] = cells[q] + v end
      ::next0:: end
   end]]

   local function make_loop()
      local columns = make_columns()
      local fresh = load_with_columns(columns)
      local lives = ffi.new("struct mill_lives")
      local open = fresh.bind { lives = lives, records = { ffi.new("char[1]") } }
      local counts = ffi.new("double[2]")
      local f1 = half.as_script('return function(e) return e.event_type == "view" end')
      local f2 = half.as_script("return function(e) return e.ad_id, 1 end")
      local loop = assert(loadstring(LOOP, "=segment1"))(fresh.view, open, f1, f2,
         { ad1 = 0, ad2 = 1 }, counts)
      return loop, counts, columns
   end

   it("is never made by a loop that is compiled", function()
      local loop, counts, columns = make_loop()
      for _ = 1, 20 do loop(ROWS) end
      collectgarbage()
      collectgarbage "stop"
      local before = collectgarbage "count"
      for _ = 1, 20 do loop(ROWS) end
      local grown = collectgarbage "count" - before
      collectgarbage "restart"
      assert.same({ 40 * ROWS / 2, 0 }, { counts[0], counts[1] })
      assert.is_true(grown < 16, grown .. " KiB for 200,000 records")
      assert.is_not_nil(columns)
   end)
end)
