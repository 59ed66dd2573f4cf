--- From the graph that a script made to what the engine runs: stages, segments, tees.
---
--- A *stage* is a keyed operator (or another that needs a whole batch): its input is collected in
--- private tables or shuffled records, merged at the end of the epoch, and goes on from there.
--- A *segment* is a chain of operators without a stage between them; codegen.lua makes one Lua
--- function of it. It begins at a source, a stage or a tee, and ends at a stage, an output or a
--- tee. A *tee* holds a chunk's records where a stream has several readers.
---
---     source ─ map ─ filter ─┬─ map ─ [stage 1] ─ map_values ─ [output 1]
---                           tee 1
---                            └─ [output 2]
---
--- The plan is plain tables of numbers and strings besides the functions: C reads the same tables
--- (script/plan_read.c) and every worker makes the same plan from its own run of the script.
local formats = require "tidemill.formats"
local options = require "tidemill.options"
local tables = require "tidemill.tables"

local M = {}

local OPERATORS_MAX = 24 -- in one segment: Lua allows 60 upvalues
local FLAT_DEPTH_MAX = 3
local SEGMENTS_MAX = 1000

local function label(node)
   local name = node.name and (" %q"):format(node.name) or ""
   return ("%s%s at %s"):format(node.kind, name, node.line)
end

--- Nodes that lead to an output; the others are never run.
local function find_needed(job)
   local needed = {}
   local function need(node)
      if needed[node] then return end
      needed[node] = true
      for _, input in ipairs(node.inputs or { node.input }) do need(input) end
   end
   for _, node in ipairs(job.nodes) do
      if node.output then need(node) end
   end
   return needed
end

--- Who reads what a node gives, in order of definition.
local function find_readers(job, needed)
   local readers = {}
   for _, node in ipairs(job.nodes) do readers[node] = {} end
   for _, node in ipairs(job.nodes) do
      if needed[node] then
         for _, input in ipairs(node.inputs or { node.input }) do
            table.insert(readers[input], node)
         end
      end
   end
   return readers
end

--- Whether a source gives bytes, lines or records; a queue and a rate give values.
function M.is_text(source)
   return source.node.source ~= "queue" and source.node.source ~= "rate"
end

--- Whether a source's records end with a line end.
function M.is_lines(source)
   return source.node.options.format ~= "msgpack"
end

--- How a source's records come into its segments.
local function input_kind(source)
   if not M.is_text(source) then return "cells" end
   return (source.node.options.format or "text") == "text" and "lines" or "records"
end

local Planner = {}
Planner.__index = Planner

local function is_flat(node)
   return node.kind == "flat_map" or node.kind == "flat_map_to_pair"
end

--- Each splitter keeps the words of its last call, so each place where a list of words is gone
--- through has its own; only whole chunks of one source are split once for all.
function Planner:new_splitter(separator, source)
   for i, known in ipairs(source and self.plan.splitters or {}) do
      if known.separator == separator and known.source == source then return i end
   end
   table.insert(self.plan.splitters, { separator = separator, source = source })
   return #self.plan.splitters
end

--- Where a chain ends when it meets a node; nil when the node goes into the segment.
function Planner:terminal_of(node)
   if node.stage then return { kind = "stage", to = self.stage_of[node] } end
   if node.output then return { kind = "output", to = self.output_of[node] } end
end

local function is_cut_before(segment, node)
   return #segment.operators >= OPERATORS_MAX
      or is_flat(node) and segment.depth >= FLAT_DEPTH_MAX
end

--- Follow the stream from `from` through `node`, adding operators to the segment until it ends.
function Planner:extend(segment, from, node)
   while true do
      segment.terminal = self:terminal_of(node)
      if segment.terminal then return end
      if node.kind ~= "union" then
         if is_cut_before(segment, node) then return self:end_in_tee(segment, from, { node }) end
         table.insert(segment.operators, {
            node = node, depth = segment.depth, is_flat = is_flat(node),
            splitter = node.splitter and self:new_splitter(node.splitter.separator),
         })
         if is_flat(node) then segment.depth = segment.depth + 1 end
      else
         segment.union = node
      end
      local readers = self.readers[node]
      if #readers > 1 then return self:end_in_tee(segment, node, readers) end
      from, node = node, readers[1]
   end
end

function Planner:end_in_tee(segment, node, readers)
   local tee = self.plan.tee_count + 1
   self.plan.tee_count = tee
   segment.terminal = { kind = "tee", to = tee, node = node }
   self:segments_from({
      kind = "tee", from = tee, keyed = node.keyed or false, timed = node.event ~= nil,
      windowed = node.windowed,
   }, node, readers)
end

--- mill.words and mill.split at the head of a chain from a text source run over the whole chunk.
local function take_splitter(self, segment, node)
   if segment.input.kind ~= "lines" or not node.splitter then return false end
   segment.input = {
      kind = "words", from = segment.input.from, keyed = false,
      splitter = self:new_splitter(node.splitter.separator, segment.input.from), node = node,
   }
   return true
end

function Planner:segments_from(input, node, readers)
   for i, reader in ipairs(readers) do
      local segment = { input = input, operators = {}, depth = 0, is_last_reader = i == #readers }
      table.insert(self.plan.segments, segment)
      if #self.plan.segments > SEGMENTS_MAX then
         options.fail("the job is too large: unions and branches give more than %d segments",
            SEGMENTS_MAX)
      end
      segment.id = #self.plan.segments
      if take_splitter(self, segment, reader) then
         local next_readers = self.readers[reader]
         if #next_readers > 1 then
            self:end_in_tee(segment, reader, next_readers)
         else
            self:extend(segment, reader, next_readers[1])
         end
      else
         self:extend(segment, node, reader)
      end
   end
end

--- Segments without Lua: words or lines straight into a count run in C, and how many records.
local function mark_native(plan)
   for _, segment in ipairs(plan.segments) do
      local kind, terminal = segment.input.kind, segment.terminal
      local stage = terminal.kind == "stage" and plan.stages[terminal.to].node
      local counts_all = kind == "records" and stage and stage.global
      segment.native = (kind == "words" or kind == "lines" or counts_all)
         and #segment.operators == 0 and stage and stage.combine == "count" or false
   end
end

--- A stage whose head runs Lua for each key runs once, whoever reads it.
local function head_of(node)
   if node.stage == "update" or node.stage == "with_state" then return node.stage end
   if node.stage == "top" then return "records" end
   if node.stage == "window" then return node.combine == "lua" and "window" or "window_value" end
   if node.combine == "lua" then return "fold" end
   return "values"
end

--- Parts of windows that Lua functions merge: a loop of its own, which gives nothing on.
function Planner:merge_segment(input)
   table.insert(self.plan.segments, {
      input = { kind = "groups", from = input.from, head = "merge", node = input.node,
         keyed = true },
      operators = {}, depth = 0, terminal = { kind = "state", to = input.from },
      id = #self.plan.segments + 1,
   })
end

function Planner:stage_segments(node)
   local head = head_of(node)
   local readers = self.readers[node]
   local input = { kind = "groups", from = self.stage_of[node], head = head, node = node,
      keyed = node.keyed or false }
   local calls = head == "fold" or head == "update" or head == "with_state" or head == "window"
   if head == "window" then self:merge_segment(input) end
   if calls and #readers > 1 then
      local segment = { input = input, operators = {}, depth = 0 }
      table.insert(self.plan.segments, segment)
      segment.id = #self.plan.segments
      self:end_in_tee(segment, node, readers)
   else
      self:segments_from(input, node, readers)
   end
end

--- Stages in an order in which each comes after those that it reads from.
local function order_stages(job, needed)
   local order, state = {}, {}
   local function visit(node)
      if state[node] then return end
      state[node] = true
      for _, input in ipairs(node.inputs or { node.input }) do visit(input) end
      if node.stage then table.insert(order, node) end
   end
   for _, node in ipairs(job.nodes) do
      if needed[node] then visit(node) end
   end
   return order
end

local function check_job(job)
   local outputs = 0
   for _, node in ipairs(job.nodes) do
      if node.output then outputs = outputs + 1 end
   end
   if outputs == 0 then
      error(("job %q has no output; end a stream with print(), to_files(...) or another output")
         :format(job.name), 0)
   end
end

--- A folder's path, written one way: "./out//a/" is "out/a".
local function clean_path(path)
   local parts = {}
   for part in path:gmatch("[^/]+") do
      if part ~= "." then parts[#parts + 1] = part end
   end
   return path:match("^/?") .. table.concat(parts, "/")
end

--- What an output's parts lie in: a folder, or the folders of its batches. Nil when it has none.
local WHERE = {
   to_files = function(node) return clean_path(node.target) end,
   save_as_text_files = function(node)
      local folder, prefix = node.target:match("^(.*/)([^/]*)$")
      return clean_path(folder or "") .. "/" .. (prefix or node.target) .. "-TIME"
         .. (node.suffix and "." .. node.suffix or "")
   end,
}

--- Two outputs of a job in one folder would mix their parts.
local function check_targets(plan)
   local seen = {}
   for _, output in ipairs(plan.outputs) do
      local node = output.node
      local where = WHERE[node.kind] and WHERE[node.kind](node)
      if where then
         if seen[where] then
            error(("%s and %s write into one folder, %q; give each its own")
               :format(label(seen[where]), label(node), node.target), 0)
         end
         seen[where] = node
      end
   end
end

--- Whether rows come in an order that printing must not change.
local function is_ordered(node)
   while node do
      if node.kind == "top" then return true end
      if node.stage or node.inputs then return false end
      node = node.input
   end
   return false
end

--- Note a node, and what it is to the engine.
function Planner:add_operator(node, needed)
   local plan, id = self.plan, node.id
   plan.operators[id] = { node = node, kind = node.kind, label = label(node), needed = needed }
   if not needed then
      table.insert(plan.unused, plan.operators[id].label)
   elseif node.output then
      table.insert(plan.outputs, { node = node, operator = id })
      self.output_of[node] = #plan.outputs
      node.sorted = node.kind == "print" and node.input.keyed and not is_ordered(node.input)
   elseif node.source then
      table.insert(plan.sources, { node = node, operator = id })
      plan.source_of[node] = #plan.sources
   elseif node.kind == "event_time" then
      table.insert(plan.events, { node = node, operator = id })
      plan.event_of[node] = #plan.events
   end
end

--- Make the plan of a job.
---@param job table made by job.lua
---@return table plan {operators, sources, stages, outputs, segments, tee_count, splitters}
function M.make(job)
   check_job(job)
   job.is_planned = true
   local needed = find_needed(job)
   local planner = setmetatable({
      readers = find_readers(job, needed), stage_of = {}, output_of = {},
      plan = {
         name = job.name, options = job.options, operators = {}, sources = {}, stages = {},
         outputs = {}, segments = {}, tee_count = 0, splitters = {}, unused = {},
         handlers = job.handlers, events = {}, event_of = {}, source_of = {}, stage_of = {},
      },
   }, Planner)
   local plan = planner.plan
   for _, node in ipairs(job.nodes) do planner:add_operator(node, needed[node]) end
   for i, node in ipairs(order_stages(job, needed)) do
      plan.stages[i] = { node = node, operator = node.id }
      planner.stage_of[node], plan.stage_of[node] = i, i
   end
   for i, source in ipairs(plan.sources) do
      local kind = input_kind(source)
      planner:segments_from({ kind = kind, from = i, keyed = false }, source.node,
         planner.readers[source.node])
   end
   for _, stage in ipairs(plan.stages) do planner:stage_segments(stage.node) end
   mark_native(plan)
   check_targets(plan)
   return plan
end

--- How a node hangs in the graph: the kinds above it. Names and lines may change; this stays.
local function place_of(node)
   if node.place then return node.place end
   local inputs = {}
   for i, input in ipairs(node.inputs or { node.input }) do inputs[i] = place_of(input) end
   node.place = (#inputs > 1 and "(" .. table.concat(inputs, "+") .. ")" or inputs[1] or "")
      .. ">" .. node.kind
   if #node.place > 1000 then node.place = node.place:sub(-1000) end
   return node.place
end

--- What an operator does to the number of records, for flow/conservation.c.
local function role_of(node)
   if node.source then return "source" end
   if node.stage then return "stage" end
   if node.output then return "output" end
   if node.kind == "union" then return "union" end
   return is_flat(node) and "flat" or "single"
end

local function describe_operators(plan)
   local list = {}
   for i, operator in ipairs(plan.operators) do
      local node = operator.node
      local inputs = {}
      for k, input in ipairs(node.inputs or { node.input }) do inputs[k] = input.id end
      list[i] = {
         kind = operator.kind, label = operator.label, name = node.name, was = node.was,
         place = place_of(node), role = operator.needed and role_of(node) or "unused",
         inputs = inputs,
      }
   end
   return list
end

--- The sources that a node gets records of, by their numbers, ascending.
local function sources_of(plan, node)
   local seen, list = {}, {}
   local function visit(n)
      if seen[n] then return end
      seen[n] = true
      if plan.source_of[n] then list[#list + 1] = plan.source_of[n] end
      for _, input in ipairs(n.inputs or { n.input }) do visit(input) end
   end
   visit(node)
   table.sort(list)
   return list
end

local function describe_events(plan)
   local list = {}
   for i, event in ipairs(plan.events) do
      local given = event.node.options
      list[i] = {
         operator = event.operator, max_delay = given.max_delay, idle = given.idle,
         max_ahead = given.max_ahead, sources = sources_of(plan, event.node),
      }
   end
   return list
end

local NO_WINDOW = { kind = "none", size = 0, slide = 0, emit = "final" }

--- The event_time() that a window goes by.
local function events_of(plan, node)
   local list = {}
   for i, event in ipairs(node.window and node.event or {}) do list[i] = plan.event_of[event] end
   return list
end

local function describe_stages(plan)
   local list = {}
   for i, stage in ipairs(plan.stages) do
      local node = stage.node
      local window = node.window or NO_WINDOW
      list[i] = {
         window = window.kind, size_ms = window.size, slide_ms = window.slide,
         updates = window.emit == "update", events = events_of(plan, node),
         kind = node.stage, combine = node.combine or "lua", operator = node.id,
         global = node.global or false, seal = node.combine == "lua",
         emits_if_empty = node.kind == "count", keyed = node.keyed or false, top = node.n or 0,
         timeout_ms = node.timeout or 0,
      }
   end
   return list
end

--- The operator in front of a segment's records that has lost those which cannot be read, when no
--- operator of the segment has.
local function input_operator(segment)
   local node = segment.input.kind == "words" and segment.input.node or segment.union
   return node and node.id or 0
end

local function describe_segments(plan)
   local list = {}
   for i, segment in ipairs(plan.segments) do
      local operators, depths = {}, {}
      for k, operator in ipairs(segment.operators) do
         operators[k], depths[k] = operator.node.id, operator.depth
      end
      list[i] = {
         operators = operators, depths = depths,
         input = segment.input.kind, from = segment.input.from,
         splitter = segment.input.splitter or 0,
         input_operator = input_operator(segment),
         terminal = segment.terminal.kind, to = segment.terminal.to, depth = segment.depth,
         native = segment.native,
      }
   end
   return list
end

local function describe_outputs(plan)
   local list = {}
   for i, output in ipairs(plan.outputs) do
      local node = output.node
      list[i] = {
         kind = node.kind, format = node.format, operator = node.id, target = node.target,
         suffix = node.suffix, keyed = node.input.keyed or false,
         windowed = node.input.windowed or false, print_rows = node.n or 0,
         roll_ms = node.roll and node.roll.duration or 0,
         roll_bytes = node.roll and node.roll.size or 0, timeout_ms = node.timeout or 0,
      }
   end
   return list
end

--- The plan as plain numbers and strings, for C (script/plan_read.c).
function M.describe(plan)
   local sources = {}
   for i, source in ipairs(plan.sources) do
      local node = source.node
      sources[i] = formats.describe(node.options, {
         kind = node.source, operator = node.id, target = node.target,
         pattern = node.options.pattern, new_files_only = node.options.new_files_only or false,
         by_name = node.options.order == "name",
         host = node.host, port = node.port or 0, path = node.path,
         clients = node.options.clients or 0,
         rows_per_second = node.options.rows_per_second or 0,
         rows = node.options.rows or 0, bytes_max = node.options.max_bytes_per_batch or 0,
         records_max = node.options.max_records_per_batch or 0,
         token = node.options.token,
      })
   end
   local splitters = {}
   for i, splitter in ipairs(plan.splitters) do splitters[i] = splitter.separator end
   local handlers = {}
   for i, handler in ipairs(plan.handlers) do
      handlers[i] = { event = handler.event, label = handler.label }
   end
   return {
      handlers = handlers, name = plan.name, options = plan.options,
      operators = describe_operators(plan),
      sides = tables.describe(plan.tables or {}),
      sources = sources, stages = describe_stages(plan), segments = describe_segments(plan),
      outputs = describe_outputs(plan), splitters = splitters, tees = plan.tee_count,
      events = describe_events(plan),
   }
end

return M
