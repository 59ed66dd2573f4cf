--- `tidemill explain job.lua`: the graph, the generated code, and what LuaJIT made of it on a
--- sample of the job's own input.
local cli = require "tidemill.cli"
local codegen = require "tidemill.codegen"
local launch_module = require "tidemill.launch"

local M = {}

local SAMPLE = "8MiB"

local function print_line(format, ...)
   io.stdout:write(select("#", ...) > 0 and format:format(...) or format, "\n")
end

local function stage_text(stage)
   local node = stage.node
   if not node.combine or node.combine == "lua" then return node.kind end
   return ("%s by %s, in C"):format(node.kind, node.combine)
end

local function end_text(plan, segment)
   local t = segment.terminal
   if t.kind == "stage" then return ("stage %d: %s"):format(t.to, stage_text(plan.stages[t.to])) end
   if t.kind == "output" then return plan.outputs[t.to].node.kind end
   return ("tee %d"):format(t.to)
end

local function start_text(plan, segment)
   local from = segment.input
   if from.kind == "groups" then return ("stage %d"):format(from.from) end
   if from.kind == "tee" then return ("tee %d"):format(from.from) end
   local node = plan.sources[from.from].node
   local text = node.target == "" and node.kind or ("%s %q"):format(node.kind, node.target)
   if from.kind ~= "words" then return text end
   return ("%s, %s in C"):format(text, tostring(from.node.splitter))
end

local function print_graph(plan)
   print_line("job %q", plan.name)
   print_line("")
   for _, segment in ipairs(plan.segments) do
      local chain = { start_text(plan, segment) }
      for _, operator in ipairs(segment.operators) do chain[#chain + 1] = operator.node.kind end
      chain[#chain + 1] = end_text(plan, segment)
      print_line("segment %d: %s", segment.id, table.concat(chain, " > "))
   end
end

--- Indent by the nesting of for, if, function and their ends.
local function print_code(lines)
   local depth = 1
   for _, line in ipairs(lines) do
      local opens, closes = 0, 0
      for word in line:gmatch("%f[%w_][%a_]+%f[^%w_]") do
         if word == "for" or word == "if" or word == "function" then opens = opens + 1 end
         if word == "end" then closes = closes + 1 end
      end
      local shown = depth
      if line:match("^else") then shown = depth - 1 end
      if closes > opens then shown = depth - (closes - opens) end
      print_line("%s%s", ("   "):rep(math.max(shown, 0)), line)
      depth = depth + opens - closes
   end
end

local function print_segments(plan)
   for _, segment in ipairs(plan.segments) do
      print_line("")
      if segment.native then
         print_line("-- segment %d runs in C", segment.id)
      else
         print_line("-- segment %d, loaded as one line", segment.id)
         print_code(codegen.generate(plan, segment, false).lines)
      end
   end
end

local function print_compiled(launch, sample, jit_off)
   print_line("")
   print_line("-- what was compiled, on the first %s of the input", sample)
   local ok, err = pcall(function()
      launch:open {
         capture = true, trace = true, once = true, virtual_clock = true, jit_off = jit_off,
      }
      local rows, step_err = launch:step()
      if not rows then error(step_err, 0) end
      io.stdout:write(launch:trace_report())
   end)
   launch:close()
   if not ok then print_line("not run: %s", err) end
end

--- The command.
function M.main(options)
   local spec, err = cli.make_spec(options)
   if not spec then
      io.stderr:write("tidemill: ", err, "\n")
      return 2
   end
   spec.overrides.batch_bytes = spec.overrides.batch_bytes or SAMPLE
   spec.overrides.workers = "1"
   local ok, launch, plan = pcall(launch_module.prepare, spec)
   if not ok then
      io.stderr:write("tidemill: ", tostring(launch), "\n")
      return 2
   end
   print_graph(plan)
   print_segments(plan)
   print_compiled(launch, spec.overrides.batch_bytes, options.jit == "off")
   return 0
end

return M
