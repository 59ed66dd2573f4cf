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
--- After the name comes the script: an expression on `lines` (a text source), `events` (lines of
--- JSON, as views), `values` (a queue of Lua values) or `job`, or several statements that end with
--- `return job`. Then sections:
---
---     -- options batch = "5s", on_error = "skip"   options of mill.job (one line)
---     -- batch            lines of text; with `values`: one Lua value in each line
---     -- source 2         records of the job's second source for the same batch
---     -- expect           JSON rows of the first output since the last expect, in any order
---     -- expect 2         ... of the second output
---     -- expect in order  ... in order
---     -- dead             all dead letters of the case: "operator: reason" in each line
---     -- late             all late records: "operator: record" in each line
---     -- keep open        windows that are open behind the last batch stay open
---     -- dead records     all dead letters: "operator: record", or key and values, as JSON
---     -- error            the script or the job fails, and the message contains these lines
---
--- Many records or rows are written as expressions: each line of `-- batch for i = 1, 9000` is
--- one for each i; so is each line of `-- expect for i = 1, 9000`, a string of JSON.
---
--- Lines that begin with # are comments.
local launch_module = require "tidemill.launch"
local plans = require "tidemill.plan"
local values = require "tidemill.values"

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
      local name, head = line:match("^==%s*(.+)$"), line:match("^%-%- (.+)$")
      if name then
         case = { path = path, line = number, name = name, script = {}, sections = {} }
         list[#list + 1] = case
         section = nil
      elseif line:match("^#") then -- luacheck: ignore 542
      elseif not case then
         if line ~= "" then
            return nil, ("%s:%d: a case begins with == NAME"):format(path, number)
         end
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
      body:match("%f[%w_]events%f[^%w_]")
         and 'local events = job:file_stream("events", {format = "json"})' or "",
      body:match("%f[%w_]values%f[^%w_]") and "local values = job:queue_stream({})" or "",
      statements,
   }, " ")
end

local function object() return setmetatable({}, values.OBJECT) end

local function read_value(case, section, line, variable, value)
   local chunk, err = loadstring(("local mill, %s = ... return %s"):format(variable or "_", line))
   if not chunk then fail(case, "line %d: %s", section.line, err) end
   return chunk({ null = values.null, object = object }, value)
end

--- A section as it is, or written out when its head ends with "for NAME = FIRST, LAST".
---@return table section with the head and, in `values`, what its expressions gave
local function expand(case, section)
   local head, variable, first, last = section.head:match("^(.-)%s*for (%w+) = (%d+), (%d+)$")
   if not head then return section end
   local list = {}
   for i = tonumber(first), tonumber(last) do
      for _, line in ipairs(section) do
         list[#list + 1] = read_value(case, section, line, variable, i)
      end
   end
   return { head = head, line = section.line, values = list }
end

--- Add a section's records to a batch: {records of the first source, of the second, ...}.
local function read_records(case, plan, section, batch, source)
   if not plan.sources[source] then fail(case, "there is no source %d", source) end
   local records = section.values or {}
   local is_text = plans.is_text(plan.sources[source])
   for i, line in ipairs(section) do
      records[i] = is_text and line or read_value(case, section, line)
   end
   batch[source] = records
end

--- "operator: reason" of a dead letter, without line numbers.
local function describe_letter(operator, json)
   local reason = json:match('"reason":"(.-[^\\])"') or "?"
   return ("%s: %s"):format(operator, (reason:gsub("^case:%d+: ", "")))
end

--- "operator: record" of a dead letter, or its key and values.
local function describe_record(operator, json)
   local record = json:match('"record":(.*)}$') or json:match('("key":.*)}$') or "?"
   return ("%s: %s"):format(operator, record)
end

--- Behind the outputs' rows come the dead letters, and behind these the late records.
local function letters_of(rows, describe)
   local list = {}
   for i, json in ipairs(rows or {}) do
      list[i] = describe(json:match('"operator":"([^" ]+)') or "?", json)
   end
   return list
end

local function new_batch(plan)
   local batch = {}
   for i = 1, #plan.sources do batch[i] = {} end
   return batch
end

--- "expect", "expect in order", "expect 2", "expect in order 2".
---@return string? kind, integer output
local function read_expect(head)
   local kind, output = head:gsub("^expect in order", "expect_in_order")
      :match("^(expect[%l_]*)%s*(%d*)$")
   if kind ~= "expect" and kind ~= "expect_in_order" then return nil end
   return kind, tonumber(output) or 1
end

local function steps_of(case, plan, sections)
   local steps = {}
   for _, written in ipairs(sections) do
      local section = expand(case, written)
      local source = section.head:match("^source (%d+)$")
      local expect, output = read_expect(section.head)
      if section.head == "batch" then
         table.insert(steps, { batch = new_batch(plan) })
         read_records(case, plan, section, steps[#steps].batch, 1)
      elseif source and steps[#steps] and steps[#steps].batch then
         read_records(case, plan, section, steps[#steps].batch, tonumber(source))
      elseif expect then
         if not plan.outputs[output] then fail(case, "there is no output %d", output) end
         table.insert(steps, {
            expect = expect, output = output, rows = section.values or section,
            is_json = true, line = ("%s:%d"):format(case.path, section.line),
         })
      elseif not section.head:match("^dead") and section.head ~= "late" then
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

local DESCRIBES = { ["dead"] = describe_letter, ["dead records"] = describe_record }

local function check_letters(case, sections, plan, came, tester)
   local wanted = {}
   for _, section in ipairs(sections) do
      local lines = expand(case, section)
      if lines.head:match("^dead") then
         local describe = DESCRIBES[lines.head]
         if not describe then fail(case, "unknown section %q", section.head) end
         wanted[describe] = wanted[describe] or {}
         for _, line in ipairs(lines.values or lines) do table.insert(wanted[describe], line) end
      end
   end
   if next(wanted) == nil then wanted[describe_letter] = {} end
   for describe, lines in pairs(wanted) do
      local letters = letters_of(came[#plan.outputs + 1], describe)
      local diff = tester.difference(lines, letters, false)
      if diff then return "dead letters differ (- wanted, + came):\n" .. diff end
   end
end

local function check_late(case, sections, plan, came, tester)
   local wanted = {}
   for _, section in ipairs(sections) do
      local lines = expand(case, section)
      if lines.head == "late" then wanted = lines.values or lines end
   end
   local diff = tester.difference(wanted, letters_of(came[#plan.outputs + 2], describe_record),
      false)
   return diff and "late records differ (- wanted, + came):\n" .. diff
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
      if wanted then return check_error(wanted, tostring(launch)) end
      return tostring(launch)
   end
   local without_error, run_options = {}, settings.run
   for _, section in ipairs(sections) do
      if section.head == "keep open" then
         run_options = setmetatable({ keep_open = true }, { __index = settings.run })
      elseif section.head ~= "error" then
         without_error[#without_error + 1] = section
      end
   end
   local steps = steps_of(case, plan, without_error)
   local err, came = tester.run_steps(launch, plan, steps, run_options)
   if wanted then return check_error(wanted, err) end
   if err then return err end
   return check_letters(case, without_error, plan, came, tester)
      or check_late(case, without_error, plan, came, tester)
end

return M
