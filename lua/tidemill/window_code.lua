--- What loops do about event time and windows. A record's time is the local that w.time names, a
--- window is in two, w.window = {first=, last=}.
---
--- Records are gathered by pane and key (flow/window.h): `caches[pane][key]` is the slot, so a
--- record costs one table look-up more than in a reduce_by_key.
local writer = require "tidemill.writer"

local M = {}

local TIME_MAX = 253370764799999 -- TIMESTAMP_MS_MAX

local function read_field(w, node)
   w:upvalue("no_field", { kind = "runtime" })
   w:upvalue("time_field", { kind = "runtime" })
   local kind = w:fresh("x")
   w:add("local %s = type(%s)", kind, w.value)
   w:add("if %s ~= 'table' and %s ~= 'cdata' then no_field(%s, %q) end", kind, kind, kind,
      node.field)
   return ("time_field(%s, %q)"):format(w.value, node.field)
end

--- Find a record's time. What is none, or lies too far ahead, is an error and moves nothing.
function M.event_time(w, node)
   writer.enter(w, node)
   local x, time = w:fresh("x"), w:fresh("t")
   local given = node.field and read_field(w, node)
      or ("%s(%s)"):format(writer.function_of(w, node), writer.arguments(w, node.fn))
   w:upvalue("bad_time", { kind = "runtime" })
   local event = w:upvalue("event" .. node.id, { kind = "event", node = node })
   w:add("local %s = %s", x, given)
   if not node.field then
      w:upvalue("to_time", { kind = "runtime" })
      w:add("if type(%s) ~= 'number' then %s = to_time(%s) end", x, x, x)
   end
   w:add("if not (%s >= 0 and %s <= %d) then bad_time(%s) end", x, x, TIME_MAX, x)
   w:add("local %s = %s - %s %% 1", time, x, x)
   w:add("if %s > %s.seen_ms then", time, event)
   w:upvalue("far_ahead", { kind = "runtime" })
   w:add("if %s > %s.limit_ms then far_ahead(%s, %s.limit_ms) end", time, event, time, event)
   w:add("%s.seen_ms = %s end", event, time)
   -- A new one: LuaJIT makes the old one for real when it is read again after a call of C.
   if node.field and w.new_view and w.value == "r" then w:add("r = %s", w.new_view) end
   w.time = time
end

--- A union may lose what not all of its streams have.
---@param node table? whose records come next
function M.lose(w, node)
   if node and not node.event then w.time = nil end
   if node and not node.windowed then w.window = nil end
end

--- Around a list: what is known when the loop comes to it anew must be known when it goes on
--- inside. The time waits in `saved`, where the list does.
function M.declare_time(w)
   w:add("local q%d", w.depth)
end

function M.keep_time(w)
   if not w.time then return end
   w:add("q%d = %s saved[%d] = %s", w.depth, w.time, -w.depth - 1, w.time)
   w.kept_time = true
end

function M.find_time(w)
   if not w.kept_time then return end
   w:add("q%d = saved[%d]", w.depth, -w.depth - 1)
   w.time, w.kept_time = "q" .. w.depth, nil
end

function M.time_of_tee(w, input, pointer)
   if input.windowed then
      w:add("local ws, we = %s.time_ms[i], %s.end_ms[i] local tm = we - 1", pointer, pointer)
      w.window, w.time = { first = "ws", last = "we" }, "tm"
   elseif input.timed then
      w:add("local tm = %s.time_ms[i]", pointer)
      w.time = "tm"
   end
end

function M.time_to_tee(w, pointer)
   if w.window then
      w:add("%s.time_ms[c] = %s %s.end_ms[c] = %s", pointer, w.window.first, pointer,
         w.window.last)
   elseif w.time then
      w:add("%s.time_ms[c] = %s", pointer, w.time)
   end
end

--- What an aggregate takes of a record: f(value, key), or the value itself.
local function take_value(w, node)
   if node.combine == "lua" or not node.fn then return end
   local v = w:fresh("v")
   w:add("local %s = %s(%s, %s)", v, writer.function_of(w, node), w.value, w.key)
   w.value = v
end

--- Late: all its windows had ended at the watermark that was in force before the epoch.
local function refuse_late(w, node, late, time)
   w:add("if %s then", late)
   if w.drops_late then
      w:add("cnt[%d].late = cnt[%d].late + 1 %s end", node.id, node.id, writer.next_element(w))
   else
      w:upvalue("is_late", { kind = "runtime" })
      w:add("is_late(%s) end", time)
   end
end

--- The session of a slot: what is fetched before the record counts needs no memory after it.
local function begin_span(w, pointer)
   w:add("local is_new, sp = s.kind == 0, %s.spans[q]", pointer)
   w:add("if is_new then sp.first_ms = %s sp.last_ms = %s end", w.time, w.time)
end

local function widen_span(time)
   return ("if not is_new then if T < sp.first_ms then sp.first_ms = T end "
      .. "if T > sp.last_ms then sp.last_ms = T end end"):gsub("T", time)
end

--- Put a pair into its pane.
---@param c table {combine=, part=, plan=} of codegen.lua
function M.to_window(w, node, t, c)
   local window = node.window
   local pointer = c.part(w, t, "pointer")
   local caches, open = c.part(w, t, "caches"), c.part(w, t, "open")
   local slot, is_session = c.part(w, t, "pane_slot"), window.kind == "session"
   w.drops_late = c.plan.options.late == "drop"
   w:add("local p = %s - %s %% %d", w.time, w.time, window.pane)
   refuse_late(w, node, ("%s < %s.needed_ms"):format(is_session and w.time or "p", pointer), w.time)
   take_value(w, node)
   w:add("local cache = %s[p] or %s(p)", caches, open)
   w:add("local q = cache[%s] or %s(cache, p, %s)", w.key, slot, w.key)
   w:add("local s = %s.slots[q]", pointer)
   if is_session then
      begin_span(w, pointer)
      w.at_end = widen_span(w.time)
   end
   c.combine[node.gathers and "accumulate" or node.combine](w, t, node)
   w:add(w.at_end or "")
   w.at_end = nil
end

--- An accumulator that the script's functions keep: init(key), add(acc, value, key).
function M.accumulate(part, first_value, end_when_full)
   return function(w, t, node)
      local function of(name)
         return w:upvalue(("acc%d_%s"):format(node.id, name),
            { kind = "accumulator", node = node, part = name })
      end
      local add = of("add")
      local where = node.built_in and (", %s, %s"):format(w.time, w.origin) or ""
      w:add("local a")
      w:add("if s.kind == 1 then a = s.num elseif s.kind ~= 0 then a = %s(q, s)",
         part(w, t, "value"))
      w:add("else a = %s(%s) end", of("init"), w.key)
      w:add("local b = %s(a, %s, %s%s)", add, w.value, w.key, where)
      w:add("if b == nil then b = a end")
      w:add("if s.kind == 1 and type(b) == 'number' then s.num = b")
      -- What add has done to its accumulator must not be done again for want of memory.
      w:upvalue("rawequal", { kind = "runtime" })
      w:add("elseif s.kind ~= 0 then if not rawequal(a, b) then %s(q, b)", part(w, t, "put"))
      end_when_full(w, t)
      w:add("end")
      first_value(w, t, "b")
   end
end

--- The window that a group is in.
function M.begin(w)
   w:add("local ws, we = g.start_ms, g.end_ms local tm = we - 1")
   w.window, w.time = { first = "ws", last = "we" }, "tm"
end

--- Fold a group's partial values into v.
function M.merge(w, node)
   w:add("for p = g.first + 1, g.first + g.count - 1 do")
   w:add("local c2 = cells[p] local b = c2.num if c2.kind ~= 1 then b = value_of(c2) end")
   if node.gathers then
      local merge = w:upvalue(("acc%d_merge"):format(node.id),
         { kind = "accumulator", node = node, part = "merge" })
      w:add("b = %s(v, b) if b ~= nil then v = b end", merge)
   else
      w:upvalue("bad_reduce", { kind = "runtime" })
      w:add("v = %s(v, b) if v == nil then bad_reduce() end", writer.function_of(w, node))
   end
   w:add("end")
end

function M.result(w, node)
   if not node.gathers or node.acc and not node.acc.result then return end
   local result = w:upvalue(("acc%d_result"):format(node.id),
      { kind = "accumulator", node = node, part = "result" })
   w:upvalue("bad_reduce", { kind = "runtime" })
   w:add("v = %s(v, k, {start_ms = ws, end_ms = we}) if v == nil then bad_reduce() end", result)
end

return M
