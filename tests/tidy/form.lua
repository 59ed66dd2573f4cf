--- The form of files: lengths, blanks, ends, what is left over.
local tree_of = require "tree"

local FILE_LINES_MAX = 500
local TEST_LINES_MAX = 800
local FUNCTION_LINES_MAX = 70
local LINE_CHARACTERS_MAX = 100

local function count_lines(text)
   local _, count = text:gsub("\n", "")
   return count
end

local function find_long_files(tree)
   local found = {}
   for path, text in tree:each(tree.is_code) do
      local max = tree.is_test(path) and TEST_LINES_MAX or FILE_LINES_MAX
      local count = count_lines(text)
      if count > max then found[#found + 1] = ("%s has %d lines"):format(path, count) end
   end
   return found
end

--- C: a function is what stands between a brace in the first column and the next such.
local function find_long_functions(tree)
   local found = {}
   for path, text in tree:each(tree.is_c) do
      local start
      for number, line in tree_of.each_line(text) do
         if line == "{" then
            start = number
         elseif line:sub(1, 1) == "}" and start then
            local length = number - start - 1
            if length > FUNCTION_LINES_MAX then
               found[#found + 1] = ("%s:%d: a function of %d lines"):format(path, start, length)
            end
            start = nil
         end
      end
   end
   return found
end

--- A character beyond ASCII is one character, however many bytes it has.
local function width_of(line)
   local _, continuation_bytes = line:gsub("[\128-\191]", "")
   return #line - continuation_bytes
end

local function is_long(line) return width_of(line) > LINE_CHARACTERS_MAX end

--- Findings for each line of which `is_bad(line)`.
local function find_lines(wanted, is_bad, says)
   return function(tree)
      local found = {}
      for path, text in tree:each(wanted) do
         for number, line in tree_of.each_line(text) do
            if is_bad(line) then found[#found + 1] = ("%s:%d: %s"):format(path, number, says) end
         end
      end
      return found
   end
end

local function find_open_ends(tree)
   local found = {}
   for path, text in tree:each(tree.is_text) do
      if text ~= "" and text:sub(-1) ~= "\n" then
         found[#found + 1] = path .. " does not end with a line end"
      elseif text:find("\n\n$") then
         found[#found + 1] = path .. " ends with an empty line"
      end
   end
   return found
end

--- In a golden case a blank at the end of a line can be what it is about.
local function is_prose(path) return tree_of.is_text(path) and not path:find("%.case$") end

-- Put together here, so that this file is not found.
local LEFT_OVERS = { "TO" .. "DO", "FIX" .. "ME", "XX" .. "X", "HA" .. "CK" }

local function has_left_over(line)
   for _, word in ipairs(LEFT_OVERS) do
      if line:find("%f[%w_]" .. word .. "%f[^%w_]") then return true end
   end
   return false
end

local function function_of(lines)
   return "int f(void)\n{\n" .. ("    x();\n"):rep(lines) .. "}\n"
end

return {
   {
      name = ("form: files have at most %d lines, tests %d"):format(FILE_LINES_MAX, TEST_LINES_MAX),
      find = find_long_files,
      breaks = {
         { ["engine/io/a.c"] = ("x\n"):rep(501) }, { ["lua/tidemill/a.lua"] = ("x\n"):rep(501) },
         { ["tests/lua/a_spec.lua"] = ("x\n"):rep(801) },
      },
      keeps = { {
         ["engine/io/a.c"] = ("x\n"):rep(500), ["tests/engine/io/test_a.c"] = ("x\n"):rep(800),
         ["docs/a.md"] = ("x\n"):rep(2000),
      } },
   },
   {
      name = ("form: functions have at most %d lines"):format(FUNCTION_LINES_MAX),
      find = find_long_functions,
      breaks = { { ["engine/io/a.c"] = function_of(71) } },
      keeps = { { ["engine/io/a.c"] = function_of(70) .. function_of(70) } },
   },
   {
      name = ("form: lines have at most %d characters"):format(LINE_CHARACTERS_MAX),
      find = find_lines(tree_of.is_code, is_long, "a long line"),
      breaks = { { ["engine/io/a.c"] = ("x"):rep(101) .. "\n" } },
      keeps = { { ["engine/io/a.c"] = ("\195\164"):rep(100) .. "\n" } },
   },
   {
      name = "form: no blanks at the end of a line",
      find = find_lines(is_prose, function(line) return line:find("%s$") end,
         "blanks at the end"),
      breaks = { { ["docs/a.md"] = "x \n" }, { ["engine/io/a.c"] = "x\t\ny\n" } },
      keeps = { { ["docs/a.md"] = "x y\n\n z\n", ["tests/cases/a.case"] = "line a \n" } },
   },
   {
      name = "form: every file ends with one line end",
      find = find_open_ends,
      breaks = { { ["docs/a.md"] = "x" }, { ["docs/a.md"] = "x\n\n" } },
      keeps = { { ["docs/a.md"] = "x\n", ["docs/b.md"] = "" } },
   },
   {
      name = "form: nothing is left to be done later",
      find = find_lines(tree_of.is_text, has_left_over, "a note of something to be done"),
      breaks = { { ["engine/io/a.c"] = "/* " .. LEFT_OVERS[1] .. ": later */\n" } },
      keeps = { { ["engine/io/a.c"] = 'mkstemp("spill-XXXXXX"); x = METHODOLOGY;\n' } },
   },
}
