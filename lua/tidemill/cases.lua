--- Golden cases: what a user would write, and what a user would see, as plain text.
---
---     == words are counted in each batch
---     lines:flat_map(mill.words):count_by_value():to_stdout()
---     -- batch
---     a b a
---     -- expect
---     ["a",2]
---     ["b",1]
---
--- After the name comes the script: an expression on `lines` (a text source), `values` (a queue of
--- Lua values) or `job`, or several statements that end with `return job`. Then sections:
---
---     -- options batch = "5s", on_error = "skip"   options of mill.job (one line)
---     -- batch            lines of text; with `values`: one Lua value in each line
---     -- expect           JSON rows of the first output since the last expect, in any order
---     -- expect 2         ... of the second output
---     -- expect in order  ... in order
---     -- dead             dead letters since the last: "operator: reason" in each line
---     -- error            the script or the job fails, and the message contains these lines
---
--- Lines that begin with # are comments.
local launch_module = require "tidemill.launch"

local M = {}

local function fail(case, format, ...)
   error(("%s:%d: " .. format):format(case.path, case.line, ...), 0)
end

--- Cut a file into cases.
---@return table? list of {path=, line=, name=, script=, sections=}
---@return string? err
function M.parse(path, text)
   local list, case, section, number = {}, nil, nil, 0
   for line in (text .. "\n"):gmatch("([^\n]*)\n") do
      number = number + 1
      local name, head = line:match("^==%s*(.+)$"), line:match("^%-%-%s*(.+)$")
      if name then
         case = { path = path, line = number, name = name, script = {}, sections = {} }
         list[#list + 1] = case
         section = nil
      elseif line:match("^#") then -- luacheck: ignore 542
      elseif not case then
         if line ~= "" then return nil, ("%s:%d: a case begins with == NAME"):format(path, number) end
      elseif head then
         section = { head = head, line = number }
         table.insert(case.sections, section)
      elseif section then
         table.insert(section, line)
      else
         table.insert(case.script, line)
      end
   end
   for _, c in ipairs(list) do
      for _, s in ipairs(c.sections) do
         -- An empty line between cases is no record; a batch ends with what is written.
         while s[#s] == "" do s[#s] = nil end
      end
   end
   return list
end

local function split_options(case)
   local options, rest = "", {}
   for _, section in ipairs(case.sections) do
      local given = section.head:match("^options%s+(.+)$")
      if given then options = given else rest[#rest + 1] = section end
   end
   return options, rest
end

local function make_script(case, options)
   local body = table.concat(case.script, "\n")
   local statements = body:match("return%s+job%s*$") and body or body .. "\nreturn job"
   return table.concat({
      'local mill = require "tidemill"',
      ('local job = mill.job("case", {%s})'):format(options),
      body:match("%f[%w_]lines%f[^%w_]") and 'local lines = job:text_file_stream("lines")' or "",
      body:match("%f[%w_]values%f[^%w_]") and "local values = job:queue_stream({})" or "",
      statements,
   }, " ")
end

local function read_value(case, section, line)
   local chunk, err = loadstring("local mill = ... return " .. line)
   if not chunk then fail(case, "line %d: %s", section.line, err) end
   return chunk({ null = require("tidemill.values").null })
end

local function read_batch(case, plan, section)
   local records = {}
   local is_text = plan.sources[1].node.source == "files"
   for i, line in ipairs(section) do
      records[i] = is_text and line or read_value(case, section, line)
   end
   return { records }
end

--- "operator: reason" of a dead letter, without line numbers.
local function describe_letter(json)
   local operator = json:match('"operator":"(%S+)') or "?"
   local reason = json:match('"reason":"(.-[^\\])"') or "?"
   return ("%s: %s"):format(operator:gsub('"$', ""), (reason:gsub("^case:%d+: ", "")))
end

local function letters_of(came, plan)
   local list = {}
   for i, json in ipairs(came[#plan.outputs + 1] or {}) do list[i] = describe_letter(json) end
   return list
end

local function steps_of(case, plan, sections)
   local steps = {}
   for _, section in ipairs(sections) do
      local which = section.head:match("^expect%s*(.*)$")
      if section.head == "batch" then
         table.insert(steps, { batch = read_batch(case, plan, section) })
      elseif which then
         table.insert(steps, {
            expect = which:match("in order") and "expect_in_order" or "expect",
            output = tonumber(which:match("%d+")) or 1, rows = section, is_json = true,
            line = ("%s:%d"):format(case.path, section.line),
         })
      elseif section.head ~= "dead" then
         fail(case, "unknown section %q", section.head)
      end
   end
   return steps
end

local function wanted_error(sections)
   for _, section in ipairs(sections) do
      if section.head == "error" then return section end
   end
end

local function check_error(wanted, err)
   if not err then return "it should have failed" end
   for _, line in ipairs(wanted) do
      if not err:find(line, 1, true) then
         return ("the message\n  %s\ndoes not contain\n  %s"):format(err, line)
      end
   end
end

local function check_letters(sections, plan, came, tester)
   local wanted = {}
   for _, section in ipairs(sections) do
      if section.head == "dead" then
         for _, line in ipairs(section) do wanted[#wanted + 1] = line end
      end
   end
   local diff = tester.difference(wanted, letters_of(came, plan), false)
   if diff then return "dead letters differ (- wanted, + came):\n" .. diff end
end

--- Run a case. @return string? what went wrong
function M.run(case, settings, tester)
   local options, sections = split_options(case)
   local spec = {
      path = "case", text = make_script(case, options),
      overrides = { workers = tostring(settings.workers) },
   }
   local wanted = wanted_error(sections)
   local ok, launch, plan = pcall(launch_module.prepare, spec)
   if not ok then
      if wanted then return check_error(wanted, launch) end
      return launch
   end
   local without_error = {}
   for _, section in ipairs(sections) do
      if section.head ~= "error" then without_error[#without_error + 1] = section end
   end
   local err, came = tester.run_steps(launch, plan, steps_of(case, plan, without_error), settings.run)
   if wanted then return check_error(wanted, err) end
   if err then return err end
   return check_letters(sections, plan, came, tester)
end

return M
