--- From a script's file to the engine: reads the text, runs it in the control state, plans, and
--- gives C what it needs to run the job.
local engine = require "tidemill.engine"
local abi = require "tidemill.abi"
local options = require "tidemill.options"
local plan = require "tidemill.plan"
local script = require "tidemill.script"
local values = require "tidemill.values"

local ffi, C = abi.ffi, abi.C

local M = {}

--- Read a whole file. @return string? text, string? err
function M.read_file(path)
   local file, err = io.open(path, "rb")
   if not file then return nil, err end
   local text, read_err = file:read("*a")
   file:close()
   if not text then return nil, ("%s: %s"):format(path, read_err or "cannot be read") end
   return text
end

local function add_queue(launch, index, node)
   local b = ffi.cast("struct mill_buffer *", launch:value())
   for n, batch in ipairs(node.batches) do
      C.mill_buffer_clear(b)
      C.mill_pack_array(b, #batch)
      for i = 1, #batch do
         local ok, err = pcall(values.pack, b, batch[i], 1)
         if not ok then
            error(("%s: batch %d, element %d: %s"):format(node.line, n, i, err), 0)
         end
      end
      if C.mill_buffer_failed(b) then
         error(("%s: batch %d is too large"):format(node.line, n), 0)
      end
      launch:add_batch(index)
   end
end

--- An initial state: {key = value} with string keys, or a list of {key, value}.
local function add_initial(launch, index, node)
   local kb = ffi.cast("struct mill_buffer *", launch:key())
   local vb = ffi.cast("struct mill_buffer *", launch:value())
   local seen = {}
   local function add(k, v, element)
      C.mill_buffer_clear(vb)
      local ok, err = pcall(function()
         values.key(kb, k)
         values.pack(vb, v, 1)
      end)
      if not ok then error(("%s: initial: %s"):format(node.line, err), 0) end
      local key = launch:key_text()
      if seen[key] then
         error(("%s: initial: element %s has the key of element %s")
            :format(node.line, element, seen[key]), 0)
      end
      seen[key] = element
      launch:add_initial(index)
   end
   if values.list_length(node.initial) then
      for i, pair in ipairs(node.initial) do
         if type(pair) ~= "table" or values.list_length(pair) ~= 2 then
            error(("%s: initial: element %d is not {key, value}"):format(node.line, i), 0)
         end
         add(pair[1], pair[2], i)
      end
   else
      for k, v in pairs(node.initial) do add(k, v, options.show(k)) end
   end
end

--- The lines of a script's function. Two that change places are told by them (flow/identity.h).
local function function_text(spec, f)
   if type(f) ~= "function" then return nil end
   local info = debug.getinfo(f, "S")
   local text = info.source == "@" .. spec.path and spec.text
   for _, module in pairs(spec.modules) do
      text = text or info.source == "@" .. module.path and module.text
   end
   local lines, number = {}, 0
   for line in (text or ""):gmatch("([^\n]*)\n?") do
      number = number + 1
      if number > info.lastlinedefined then break end
      if number >= info.linedefined then lines[#lines + 1] = line:match("^%s*(.-)%s*$") end
   end
   return lines[1] and table.concat(lines, "\n")
end

local function describe(spec, made)
   local description = plan.describe(made)
   for i, operator in ipairs(made.operators) do
      local node = operator.node
      if node.output or node.stage == "update" then
         description.operators[i].content = function_text(spec, node.fn)
      end
   end
   return description
end

--- Load a script and make it ready to run.
---@param spec table see tidemill.script; path and text at least
---@return userdata launch, table plan
function M.prepare(spec)
   for _, field in ipairs { "modules", "args", "overrides" } do spec[field] = spec[field] or {} end
   spec.read_file = M.read_file
   local made = script.plan(spec)
   spec.canonical = engine.real_path(spec.path)
   local launch = engine.launch(spec, describe(spec, made))
   for i, source in ipairs(made.sources) do
      if source.node.batches then add_queue(launch, i, source.node) end
   end
   for i, stage in ipairs(made.stages) do
      if stage.node.initial then add_initial(launch, i, stage.node) end
   end
   return launch, made
end

return M
