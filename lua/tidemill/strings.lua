--- What scripts ask of texts. string.match, gmatch, gsub and tonumber of what is no number keep a
--- loop from being compiled whole; these do not: C by FFI, and a part of a text is made once.
---
--- None ends with a tail call: LuaJIT gives up a trace that begins in a function and leaves it so.
local abi = require "tidemill.abi"
local ffi, C = abi.ffi, abi.C

local type, error = type, error
local sub, lower, upper, floor = string.sub, string.lower, string.upper, math.floor

local M = {}

local NOWHERE = 0xffffffff

-- One for the Lua state: it is read right behind the call that fills it.
local span = ffi.new("struct mill_part")

local function refuse(name, what, value)
   error(("mill.%s: %s is a string, not %s"):format(name, what,
      value == nil and "nil" or type(value)), 3)
end

--- Whether s begins with a text.
function M.starts_with(s, text)
   if type(s) ~= "string" then refuse("starts_with", "the text", s) end
   if type(text) ~= "string" then refuse("starts_with", "what it begins with", text) end
   local found = C.mill_text_starts(s, #s, text, #text)
   return found
end

--- Whether s ends with a text.
function M.ends_with(s, text)
   if type(s) ~= "string" then refuse("ends_with", "the text", s) end
   if type(text) ~= "string" then refuse("ends_with", "what it ends with", text) end
   local found = C.mill_text_ends(s, #s, text, #text)
   return found
end

--- Whether a text stands somewhere in s.
function M.contains(s, text)
   if type(s) ~= "string" then refuse("contains", "the text", s) end
   if type(text) ~= "string" then refuse("contains", "what it contains", text) end
   local found = C.mill_text_contains(s, #s, text, #text)
   return found
end

--- What stands between the first `left` and the first `right` behind it; nil when one is missing.
--- An empty `left` is the beginning, an empty `right` the end.
function M.between(s, left, right)
   if type(s) ~= "string" then refuse("between", "the text", s) end
   if type(left) ~= "string" then refuse("between", "what is left of it", left) end
   if type(right) ~= "string" then refuse("between", "what is right of it", right) end
   local from = C.mill_text_find(s, #s, 0, left, #left)
   if from == NOWHERE then return nil end
   from = from + #left
   local to = #s
   if right ~= "" then
      to = C.mill_text_find(s, #s, from, right, #right)
      if to == NOWHERE then return nil end
   end
   local part = sub(s, from + 1, to)
   return part
end

--- Field i of a text, from 1 on: between separators, or without one between blanks; nil when there
--- are fewer.
function M.field(s, i, separator)
   if type(s) ~= "string" then refuse("field", "the text", s) end
   if separator == nil then
      separator = ""
   elseif type(separator) ~= "string" then
      refuse("field", "the separator", separator)
   elseif separator == "" then
      error("mill.field: the separator is empty; leave it out for blanks", 2)
   end
   if type(i) ~= "number" or i < 1 or i > 2 ^ 31 or i ~= floor(i) then
      error("mill.field: the field's number is a whole number from 1 on", 2)
   end
   if not C.mill_text_field(s, #s, i, separator, #separator, span) then return nil end
   local part = sub(s, span.from + 1, span.to)
   return part
end

--- The text without blanks at its ends.
function M.trim(s)
   if type(s) ~= "string" then refuse("trim", "the text", s) end
   C.mill_text_trim(s, #s, span)
   local part = sub(s, span.from + 1, span.to)
   return part
end

--- A to Z become a to z; other bytes stay.
function M.lower(s)
   if type(s) ~= "string" then refuse("lower", "the text", s) end
   local changed = lower(s)
   return changed
end

--- a to z become A to Z; other bytes stay.
function M.upper(s)
   if type(s) ~= "string" then refuse("upper", "the text", s) end
   local changed = upper(s)
   return changed
end

--- The time that a text is, in ms since 1970: ms, ISO 8601, or as access logs write it. nil when it
--- is none. A number stays what it is.
function M.time(s)
   if type(s) == "number" then return s end
   if type(s) ~= "string" then refuse("time", "the text", s) end
   local ms = C.mill_text_time(s, #s)
   if ms ~= ms then return nil end
   return ms
end

--- The number that a text is; nil when it is none. A number stays what it is.
function M.number(s)
   if type(s) == "number" then return s end
   if type(s) ~= "string" then refuse("number", "the text", s) end
   local n = C.mill_text_number(s, #s)
   if n ~= n then return nil end
   return n
end

return M
