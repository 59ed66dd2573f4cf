--- Names that follow from somewhere: header guards, failpoints, subjects of commits.
local tree_of = require "tree"

local SUBJECT_CHARACTERS_MAX = 50

-- LuaJIT reads it too: it has no macros, base/ffi.h is what C includes.
local WITHOUT_GUARD = { ["engine/base/tidemill_ffi.h"] = true }

local function find_guards(tree)
   local found = {}
   for path, text in tree:each(function(p) return p:find("%.h$") ~= nil end) do
      local guard = path:gsub("^engine/", ""):upper():gsub("%W", "_")
      local has = text:find("#ifndef " .. guard .. "\n#define " .. guard .. "\n", 1, true)
      if not has and not WITHOUT_GUARD[path] then
         found[#found + 1] = path .. ": its guard is not " .. guard
      end
   end
   return found
end

local function find_unsorted(tree)
   local found, last = {}, ""
   local header = tree.files["engine/base/failpoint.h"]
   if not header then return { "engine/base/failpoint.h is not there" } end
   for name in header:gmatch("\n%s+X%(([%w_]+)%)") do
      if name <= last then found[#found + 1] = name .. " must come before " .. last end
      last = name
   end
   if last == "" then found[1] = "no failpoint was found" end
   return found
end

--- What is wrong with a commit's subject; nil when nothing is.
local function fault_of(subject)
   if #subject > SUBJECT_CHARACTERS_MAX then return ("%d characters"):format(#subject) end
   if not subject:find("^[a-z][%w_, -]*: [%l%d\"`].*[^.]$") then
      return "not of the form \"area: what it does\", without a full stop"
   end
end

local function find_subjects()
   local found = {}
   for _, subject in ipairs(tree_of.lines_of("git log --no-merges --format=%s")) do
      local fault = fault_of(subject)
      if fault then found[#found + 1] = ("%s: %s"):format(subject, fault) end
   end
   return found
end

local function find_example_subjects()
   local wrong = {}
   for _, subject in ipairs { "base: add a thing", "base, data: begin", "build: -x" } do
      local expected = subject == "build: -x"
      if (fault_of(subject) ~= nil) ~= expected then wrong[#wrong + 1] = subject end
   end
   for _, subject in ipairs { "Add a thing", "base: Add", "base: add.", "x: " .. ("y"):rep(48) } do
      if not fault_of(subject) then wrong[#wrong + 1] = subject end
   end
   return wrong
end

local function header(guard)
   return ("/* x */\n#ifndef %s\n#define %s\n"):format(guard, guard)
end

local function failpoints(...)
   local text = "#define FAILPOINTS(X) \\\n"
   for _, name in ipairs { ... } do text = text .. "    X(" .. name .. ") \\\n" end
   return { ["engine/base/failpoint.h"] = text }
end

return {
   {
      name = "names: a header's guard is its path",
      find = find_guards,
      breaks = { { ["engine/io/a.h"] = header("A_H") }, { ["tests/engine/b.h"] = header("B_H") } },
      keeps = { {
         ["engine/io/a.h"] = header("IO_A_H"), ["tests/engine/b.h"] = header("TESTS_ENGINE_B_H"),
      } },
   },
   {
      name = "names: the list of failpoints is sorted",
      find = find_unsorted,
      breaks = { failpoints("b", "a"), failpoints("a", "a"), failpoints() },
      keeps = { failpoints("a", "b", "b_c") },
   },
   { name = "names: subjects of commits", find = find_subjects },
   { name = "names: subjects of commits: its examples", find = find_example_subjects },
}
