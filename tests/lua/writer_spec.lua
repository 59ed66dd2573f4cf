-- Goal: what a loop needs is named once, and every user function is called under its operator's
-- number. Method: writers filled by hand.
require "half"
local writer = require "tidemill.writer"

local NODE = { id = 7 }

it("an outer value is named once, with what it is", function()
   local w = writer.new(false, false)
   assert.equal("a", w:upvalue("a", { kind = "control" }))
   w:upvalue("b", { kind = "abi" })
   w:upvalue("a", { kind = "other" })
   assert.same({ "a", "b" }, w.names)
   assert.equal("control", w.wanted.a.kind)
end)

it("fresh variables differ", function()
   local w = writer.new(false, false)
   assert.not_equal(w:fresh("r"), w:fresh("r"))
end)

it("a line without arguments is taken as it is", function()
   local w = writer.new(false, false)
   w:add("x = y % 2")
   w:add("x = %d", 3)
   assert.same({ "x = y % 2", "x = 3" }, w.lines)
end)

it("a function gets the record, or key and value", function()
   local w = writer.new(true, false)
   w.key, w.value = "k", "v"
   assert.equal("k, v", writer.arguments(w))
   w.keyed = false
   assert.equal("v", writer.arguments(w))
end)

it("the operator is named before its function is called", function()
   local w = writer.new(false, false)
   writer.enter(w, NODE)
   assert.same({ "ctl.op = 7" }, w.lines)
   assert.equal("f7", writer.function_of(w, NODE))
end)

it("a checked loop looks whether the element is to be skipped", function()
   local w = writer.new(false, true)
   w.depth = 2
   writer.enter(w, NODE)
   assert.equal("if ctl.skip_op == 7 then skipped(2) end", w.lines[2])
end)

it("the next element is that of the innermost list", function()
   local w = writer.new(false, false)
   assert.equal("goto next0", writer.next_element(w))
   w.depth = 1
   assert.equal("goto next1", writer.next_element(w))
end)
