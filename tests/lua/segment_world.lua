--- A worker of one plan, made in Lua of the structs that C would bring: runs segments outside of
--- the program. What ends in a tee is seen; tables, rows and splitters need C.
local half = require "half"
local abi = require "tidemill.abi"

local ffi = abi.ffi

local M = {}

--- Behind `local s = STREAM` in a script: the stream ends in a tee.
M.TWO_READERS = " s:filter(print):print() s:filter(print):print()"

--- Link a plan to structs made here.
---@param module table? tidemill.segments, loaded in another way
---@return table {plan=, linked=, control=, counters=, tees=, seen = what readers of tees got, ...};
---   `unpacked` is what a packed value is unpacked to
function M.link(text, module)
   local plan = half.plan(text)
   local w = { plan = plan, seen = {} }
   w.control, w.input = ffi.new("struct mill_control"), ffi.new("struct mill_input")
   w.counters = ffi.new("struct mill_counter[?]", #plan.operators + 1)
   w.heads = ffi.new("struct mill_counter[?]", #plan.stages + 1)
   w.tables, w.slots, w.tees = {}, ffi.new("struct mill_slot[2]"), {}
   for i = 1, #plan.stages do w.tables[i] = ffi.new("struct mill_table", { slots = w.slots }) end
   w.events = {}
   for i = 1, #plan.events do w.events[i] = ffi.new("struct mill_event") end
   for i = 1, plan.tee_count do w.tees[i] = ffi.new("struct mill_tee") end
   for _, segment in ipairs(plan.segments) do
      local reader = segment.input.kind == "tee" and segment.operators[1]
      if reader and reader.node.kind == "filter" then
         reader.node.fn = function(...)
            w.seen[#w.seen + 1] = select("#", ...) == 1 and (...) or { ... }
         end
      end
   end
   w.lives = ffi.new("struct mill_lives")
   w.key, w.value = half.buffer(), half.buffer()
   w.linked = (module or require "tidemill.segments").link(plan, {
      control = w.control, counters = w.counters, heads = w.heads, input = w.input,
      key = w.key.pointer, value = w.value.pointer,
      tables = w.tables, tees = w.tees, rows = { 0 }, tops = {}, shuffles = {}, splitters = {},
      lives = w.lives, records = {}, refuse_view = function(...) error({ ... }, 0) end,
      events = w.events, late = "late",
      skipped = "skipped", unpack = function() return w.unpacked end,
   })
   return w
end

function M.set_lines(w, list)
   w.lines, w.texts = ffi.new("struct mill_slice[?]", #list), list
   for i, text in ipairs(list) do w.lines[i - 1].ptr, w.lines[i - 1].len = text, #text end
   w.input.lines = w.lines
end

function M.set_numbers(w, list)
   w.cells = ffi.new("struct mill_cell[?]", #list)
   for i, n in ipairs(list) do w.cells[i - 1].kind, w.cells[i - 1].num = abi.NUMBER, n end
   w.input.cells = w.cells
end

--- Groups of the key "key". @param values number how many each has
function M.set_groups(w, count, values)
   w.groups = ffi.new("struct mill_group[?]", count)
   for i = 0, count - 1 do
      w.groups[i].key, w.groups[i].key_len, w.groups[i].count = " key", 4, values
   end
   w.input.groups = w.groups
end

function M.run(w, id, count)
   w.control.i, w.control.n, w.control.depth = 0, count, 0
   return w.linked.segments[id]()
end

--- What the last reader of the first tee gets.
function M.received(w)
   w.seen = {}
   M.run(w, #w.plan.segments, w.tees[1].count)
   return w.seen
end

return M
