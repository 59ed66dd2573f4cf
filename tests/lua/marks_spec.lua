-- Goal: null and the mark of objects are one thing each, which scripts cannot change.
-- Method: what a script may try.
local half = require "half"
local marks = require "tidemill.marks"

it("null is itself, says so, and cannot be changed", function()
   assert.equal("null", tostring(marks.null))
   assert.is_false(getmetatable(marks.null))
   assert.truthy(half.failure(function() marks.null.x = 1 end):find("mill.null cannot be changed"))
end)

it("a marked table keeps its mark to itself", function()
   assert.is_false(getmetatable(setmetatable({}, marks.OBJECT)))
end)
