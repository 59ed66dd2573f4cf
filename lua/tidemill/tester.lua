--- Tests of jobs: job:test in scripts, and golden cases. `tidemill test` runs both.
---
--- A test is written as steps (input, advance, expect). The steps are noted first; then the job
--- runs once through all its batches, with a virtual clock and its store in memory, and what each
--- expect wants is compared with what came out by then.
local abi = require "tidemill.abi"
local cases = require "tidemill.cases"
local launch_module = require "tidemill.launch"
local options = require "tidemill.options"
local plans = require "tidemill.plan"
local records = require "tidemill.records"
local units = require "tidemill.units"
local values = require "tidemill.values"

local ffi, C = abi.ffi, abi.C

local M = {}

local Test = {}
Test.__index = Test

--- JSON of a value, as an output would write it.
local function to_json(launch, value)
   local b = ffi.cast("struct mill_buffer *", launch:value())
   C.mill_buffer_clear(b)
   values.json(b, value, 1)
   return launch:value_text()
end

--- The number of the source that a test means.
local function find_source(plan, name)
   local source
   for i, s in ipairs(plan.sources) do
      if name == nil or s.node.name == name or s.node.target == name then source = source or i end
   end
   if name == nil and #plan.sources > 1 then
      options.fail("t:input: the job has %d sources; say which with t:input_to(\"name\", ...)",
         #plan.sources)
   elseif not source then
      options.fail("t:input_to: the job has no source %s", options.show(name))
   elseif plan.sources[source].node.source == "rate" then
      options.fail("t:input: a rate_stream makes its records itself, when time passes (t:advance)")
   end
   return source
end

--- Lines for the only source, or with input_to for the one of that name.
function Test:input_to(name, ...)
   local given = { ... }
   local source = find_source(self.plan, name)
   local is_text = plans.is_text(self.plan.sources[source])
   for _, record in ipairs(given) do
      if is_text and type(record) ~= "string" then
         options.fail("t:input: a line is a string, not %s", options.show(record))
      end
      table.insert(self.waiting[source], record)
   end
end

function Test:input(...)
   self:input_to(nil, ...)
end

--- Let time pass: one batch for each interval; the first gets what was input since the last.
function Test:advance(duration)
   local ms, err = units.duration(duration or units.format_duration(self.interval))
   if not ms then options.fail("t:advance: %s", err) end
   for _ = 1, math.max(1, math.floor(ms / self.interval)) do
      local batch = self.waiting
      self.waiting = self:new_batch()
      table.insert(self.steps, { batch = batch })
   end
end

function Test:new_batch()
   local batch = {}
   for i = 1, #self.plan.sources do batch[i] = {} end
   return batch
end

local function note_expect(self, kind, rows, output)
   if type(rows) ~= "table" then options.fail("t:%s: the rows are a list", kind) end
   table.insert(self.steps, {
      expect = kind, rows = rows, output = output or 1, line = options.where():gsub(": $", ""),
   })
end

--- The rows that an output gave since the last expect, in any order. A pair is {key, value}.
---@param rows table list of rows
---@param output integer? the how-manieth output, 1 by default
function Test:expect(rows, output)
   note_expect(self, "expect", rows, output)
end

--- The same, in order.
function Test:expect_in_order(rows, output)
   note_expect(self, "expect_in_order", rows, output)
end

local function split_lines(text)
   local list = {}
   for line in (text or ""):gmatch("([^\n]*)\n") do list[#list + 1] = line end
   return list
end

local function count_lines(list)
   local count = {}
   for _, line in ipairs(list) do count[line] = (count[line] or 0) + 1 end
   return count
end

--- Lines of a list that are not in another, as often as they are; with a mark in front.
local function missing(from, list, mark, out)
   local count = count_lines(list)
   for _, line in ipairs(from) do
      if (count[line] or 0) > 0 then
         count[line] = count[line] - 1
      else
         out[#out + 1] = ("  %s %s"):format(mark, line)
      end
   end
end

--- Lines that are in only one of two lists: "- wanted", "+ came".
local function difference(wanted, came, in_order)
   if in_order and table.concat(wanted, "\n") == table.concat(came, "\n") then return nil end
   local out = {}
   missing(wanted, came, "-", out)
   missing(came, wanted, "+", out)
   if #out == 0 and not in_order then return nil end
   if #out == 0 then out = { "  in another order:", "  " .. table.concat(came, "\n  ") } end
   return table.concat(out, "\n")
end
M.difference = difference

--- Give the engine the batches of all steps.
local function add_batches(launch, plan, steps)
   local b = ffi.cast("struct mill_buffer *", launch:value())
   for _, step in ipairs(steps) do
      for source, batch in ipairs(step.batch or {}) do
         C.mill_buffer_clear(b)
         local is_text = plans.is_text(plan.sources[source])
         if not is_text then C.mill_pack_array(b, #batch) end
         for _, record in ipairs(batch) do
            if is_text then
               local line = plans.is_lines(plan.sources[source]) and record .. "\n" or record
               C.mill_json_raw(b, line, #line)
            else
               values.pack(b, record, 1)
            end
         end
         launch:add_batch(source)
      end
   end
end

--- Run one batch, and add its rows to those that came.
local function run_batch(launch, came)
   local rows, time_or_error = launch:step()
   if not rows then return time_or_error end
   for output, text in pairs(rows) do
      came[output] = came[output] or {}
      for _, line in ipairs(split_lines(text)) do table.insert(came[output], line) end
   end
end

--- Rows as to_json writes values: a table's keys in its order, no blanks.
local function in_one_form(launch, rows)
   local out = {}
   for i, row in ipairs(rows) do
      local ok, value = pcall(records.json.decode, row)
      out[i] = ok and to_json(launch, value) or row
   end
   return out
end

--- Compare what an expect wants with what came since the last.
local function compare(launch, step, came)
   local wanted, rows = {}, came[step.output] or {}
   for i, row in ipairs(step.rows) do
      wanted[i] = step.is_json and row or to_json(launch, row)
   end
   rows = step.is_json and rows or in_one_form(launch, rows)
   local diff = difference(wanted, rows, step.expect == "expect_in_order")
   came[step.output] = {}
   return diff and ("%s: rows differ (- wanted, + came):\n%s"):format(step.line, diff)
end

--- Run the batches and compare. @return string? what went wrong, table rows by output
local function run_steps(launch, plan, steps, run_options)
   add_batches(launch, plan, steps)
   local ok, why = pcall(launch.open, launch, run_options)
   if not ok then return tostring(why) end
   local came, err = {}, nil
   for _, step in ipairs(steps) do
      if step.batch then err = run_batch(launch, came) else err = compare(launch, step, came) end
      if err then break end
   end
   launch:close()
   return err, came
end
M.run_steps = run_steps

--- Run one test of a script. @return string? what went wrong
local function run_test(spec, index, run_options)
   local launch, plan = launch_module.prepare(spec)
   local test = plan.job.tests[index]
   local t = setmetatable({
      plan = plan, steps = {}, interval = plan.options.batch,
   }, Test)
   t.waiting = t:new_batch()
   local ok, err = pcall(test.run, t)
   if not ok then return tostring(err) end
   return run_steps(launch, plan, t.steps, run_options)
end

local function spec_of(path, text, settings)
   return { path = path, text = text, overrides = { workers = tostring(settings.workers) } }
end

local function check(report, name, f)
   local ok, err = pcall(f)
   report(name, (not ok and tostring(err)) or err or nil)
end

local function run_script(path, settings, report)
   local text, err = launch_module.read_file(path)
   if not text then return report(path, err) end
   local ok, _, plan = pcall(launch_module.prepare, spec_of(path, text, settings))
   if not ok then return report(path, _) end
   if #plan.job.tests == 0 then return report(path, "the script has no tests (job:test)") end
   for i, test in ipairs(plan.job.tests) do
      check(report, ("%s: %s"):format(path, test.name), function()
         return run_test(spec_of(path, text, settings), i, settings.run)
      end)
   end
end

local function run_cases(path, settings, report)
   local text, err = launch_module.read_file(path)
   if not text then return report(path, err) end
   local list
   list, err = cases.parse(path, text)
   if not list then return report(path, err) end
   for _, case in ipairs(list) do
      check(report, ("%s:%d: %s"):format(path, case.line, case.name), function()
         return cases.run(case, settings, M)
      end)
   end
end

--- The command `tidemill test`.
function M.main(given)
   local settings = {
      workers = given.workers,
      run = { capture = true, queues_only = true, once = true, virtual_clock = true,
         jit_off = given.jit == "off" },
   }
   local passed, failed = 0, 0
   local function report(name, err)
      if err then
         failed = failed + 1
         io.stdout:write(("not ok: %s\n%s\n"):format(name, err))
      else
         passed = passed + 1
         if given.verbose then io.stdout:write(("ok: %s\n"):format(name)) end
      end
   end
   for _, path in ipairs(given.files) do
      if path:match("%.case$") then
         run_cases(path, settings, report)
      else
         run_script(path, settings, report)
      end
   end
   io.stdout:write(("# %d passed, %d failed\n"):format(passed, failed))
   return failed == 0 and 0 or 1
end

return M
