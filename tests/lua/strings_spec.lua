-- Goal: what scripts ask of texts is answered, wrong arguments are named on the script's line, and
-- a loop that asks is compiled whole.
-- Method: each function by examples; a segment that calls all of them, and what the JIT made of it.
local half = require "half"
local strings = require "tidemill.strings"
local tracing = require "tidemill.tracing"
local world = require "segment_world"

it("texts begin and end with, and contain texts", function()
   assert.is_true(strings.starts_with("GET /a", "GET "))
   assert.is_false(strings.starts_with("GE", "GET"))
   assert.is_true(strings.ends_with("a.png", ".png"))
   assert.is_false(strings.ends_with("a.png", "a.PNG"))
   assert.is_true(strings.contains("a.b", "."))
   assert.is_false(strings.contains("ab", ".")) -- no pattern
   assert.is_true(strings.contains("a\0b", "\0b"))
end)

it("between gives what stands between two texts", function()
   assert.equal("10/Oct", strings.between("x [10/Oct] y]", "[", "]"))
   assert.equal("", strings.between("[]", "[", "]"))
   assert.equal("b=c", strings.between("a=b=c", "=", ""))
   assert.equal("a", strings.between("a=b=c", "", "="))
   assert.is_nil(strings.between("a=b", "[", "]"))
   assert.is_nil(strings.between("a[b", "[", "]"))
end)

it("field gives one field", function()
   assert.equal("b", strings.field("a,b,,c", 2, ","))
   assert.equal("", strings.field("a,b,,c", 3, ","))
   assert.is_nil(strings.field("a,b,,c", 5, ","))
   assert.equal("two", strings.field(" one  two ", 2))
   assert.is_nil(strings.field(" one  two ", 3))
end)

it("trim, lower and upper give the text changed", function()
   assert.equal("a b", strings.trim(" \ta b\r\n"))
   assert.equal("", strings.trim("  "))
   assert.equal("abc\195\132", strings.lower("ABC\195\132"))
   assert.equal("ABC\195\164", strings.upper("abc\195\164"))
end)

it("time and number read a text, or give nil", function()
   assert.equal(971136000000, strings.time("2000-10-10"))
   assert.equal(971211336000, strings.time("10/Oct/2000:13:55:36 -0700"))
   assert.equal(5, strings.time(5))
   assert.equal(5, strings.time("5"))
   assert.is_nil(strings.time("2000-13-10"))
   assert.equal(-1.5, strings.number("-1.5"))
   assert.equal(7, strings.number(7))
   assert.is_nil(strings.number("7 dogs"))
   assert.is_nil(strings.number(""))
end)

it("what is no string is named, on the script's line", function()
   for call, message in pairs {
      ["lower(nil)"] = "mill.lower: the text is a string, not nil",
      ["starts_with(1, 'a')"] = "mill.starts_with: the text is a string, not number",
      ["ends_with('a')"] = "mill.ends_with: what it ends with is a string, not nil",
      ["contains('a', {})"] = "mill.contains: what it contains is a string, not table",
      ["between('a', 'b')"] = "mill.between: what is right of it is a string, not nil",
      ["between('a', nil, 'b')"] = "mill.between: what is left of it is a string, not nil",
      ["trim(true)"] = "mill.trim: the text is a string, not boolean",
      ["upper(5)"] = "mill.upper: the text is a string, not number",
      ["time()"] = "mill.time: the text is a string, not nil",
      ["number({})"] = "mill.number: the text is a string, not table",
      ["field('a', 0)"] = "mill.field: the field's number is a whole number from 1 on",
      ["field('a', 1.5)"] = "mill.field: the field's number is a whole number from 1 on",
      ["field('a', 1, '')"] = "mill.field: the separator is empty; leave it out for blanks",
      ["field('a', 1, 2)"] = "mill.field: the separator is a string, not number",
   } do
      assert.equal("job.lua:1: " .. message,
         half.failure(half.as_script, "local r = (...)." .. call .. " return r", strings))
   end
end)

it("a loop that asks all of it is compiled whole", function()
   local w = world.link([[local s = lines:map(function(l)
         local n = mill.number(mill.between(l, "=", ";")) or 0
         local t = mill.time(mill.field(l, 2, "|"))
         local word = mill.upper(mill.lower(mill.trim(mill.field(l, 1))))
         if mill.starts_with(l, "k") and mill.ends_with(l, "Z") and mill.contains(l, ";") then
            n = n + 1
         end
         return n + t + #word
      end)]] .. world.TWO_READERS)
   local list = {}
   for i = 1, 1000 do list[i] = ("k=%d; |2000-10-10T00:00:%02dZ"):format(i, i % 60) end
   world.set_lines(w, list)
   jit.flush()
   jit.opt.start("hotloop=56")
   tracing.start { segments = { w.plan.segments[1] }, operators = w.plan.operators }
   for _ = 1, 20 do
      world.run(w, 1, 500)
      w.tees[1].count = 0
   end
   local report = tracing.report()
   -- A trace that began in a helper may be given up when it comes around: that is no fall-back.
   assert.is_not_nil(report:match("^segment 1: compiled %(%d+ traces%)\n"), report)
   assert.is_nil(report:find("NYI", 1, true), report)
end)
