--- One Lua function for each segment: a loop over a chunk's records in which the user's functions
--- are called one after the other. docs/internals/compiler.md tells why it looks as it does; in
--- short:
---
---   * one call from C handles a chunk; per record there is no call from C, no closure, no table;
---   * `ctl.i`, `ctl.jd` and `ctl.op` say at any time which record, which element of which list
---     and which operator runs, so that after an error C goes on behind it. So behind the last
---     change that an element makes, until the next one is named, nothing may need memory;
---   * the text is loaded as a single line, because the watchdog's line hook costs a test at every
---     change of line inside a trace.
---
--- A function returns nothing when the chunk is through and 1 when it must be emptied first (a
--- full tee or table); C empties, moves to the element behind, and calls again.
local heads = require "tidemill.heads"
local window_code = require "tidemill.window_code"
local writer = require "tidemill.writer"

local M = {}

local CHUNK_RECORDS = 8192 -- LIMIT_CHUNK_RECORDS_MAX: a tee holds that many
local IN_LIST, READING = 65536, 131072 -- enum mill_between

local arguments, check_skip, enter = writer.arguments, writer.check_skip, writer.enter
local function_of, next_element = writer.function_of, writer.next_element
local value_arguments = writer.value_arguments

local emit = {}

function emit.map(w, node)
   enter(w, node)
   local r, extra = w:fresh("r"), w:fresh("x")
   w:add("local %s, %s = %s(%s)", r, extra, function_of(w, node), arguments(w, node.fn))
   w:upvalue("bad_map", { kind = "runtime" })
   w:add("if %s == nil or %s ~= nil then bad_map(%s, %s) end", r, extra, r, extra)
   w.keyed, w.key, w.value = false, nil, r
   w.word, w.window = nil, nil
end

function emit.filter(w, node)
   enter(w, node)
   w:add("if not %s(%s) then cnt[%d].filtered = cnt[%d].filtered + 1 %s end", function_of(w, node),
      arguments(w, node.fn), node.id, node.id, next_element(w))
end

emit.event_time = window_code.event_time

function emit.map_to_pair(w, node)
   enter(w, node)
   local k, v, extra = w:fresh("k"), w:fresh("v"), w:fresh("x")
   w:add("local %s, %s, %s = %s(%s)", k, v, extra, function_of(w, node), arguments(w, node.fn))
   w:upvalue("bad_pair", { kind = "runtime" })
   w:add("if %s == nil or %s == nil or %s ~= nil then bad_pair(%s, %s, %s) end", k, v, extra, k, v,
      extra)
   w.keyed, w.key, w.value = true, k, v
   w.window = nil
end

function emit.map_values(w, node)
   enter(w, node)
   local v, extra = w:fresh("v"), w:fresh("x")
   w:add("local %s, %s = %s(%s)", v, extra, function_of(w, node), value_arguments(w, node.fn))
   w:upvalue("bad_map", { kind = "runtime" })
   w:add("if %s == nil or %s ~= nil then bad_map(%s, %s) end", v, extra, v, extra)
   w.value = v
end

function emit.keys(w)
   w.keyed, w.value, w.key, w.window = false, w.key, nil, nil
end

function emit.values(w)
   w.keyed, w.key, w.window = false, nil, nil
end

--- The loop over what a flat operator gave. `fresh` writes the code that gets the list and leaves
--- it in list, m; when C goes on inside the list, saved[] and ctl.md bring it back.
local function open_list(w, node, name)
   local d = w.depth
   w.in_list, w.has_operator = node.id + IN_LIST, false
   w:add("ctl.m%d = m%d", d, d)
   window_code.keep_time(w)
   w:add("else")
   window_code.find_time(w)
   w:add("m%d = ctl.m%d j%d = ctl.j%d", d, d, d, d)
   w:add("if ctl.depth == %d then ctl.op = %d ctl.depth = 0 end", d + 1, w.in_list)
   w:add("end")
   if name then w:add("local %s = saved[%d]", name, d + 1) end
   w:add("for j = j%d, m%d - 1 do", d, d)
   w:add("ctl.j%d = j ctl.op = %d", d, w.in_list + READING)
   w.open[#w.open + 1] = ("::next%d:: end"):format(d + 1)
   w.depth, w.window = d + 1, nil
end

--- Everything from the record's start to the call of a flat operator runs only for new records.
local function begin_record(w)
   w:add("local m%d, j%d = 0, 0", w.depth, w.depth)
   window_code.declare_time(w)
   w:add("if ctl.depth <= %d then", w.depth)
end

local function split_string(w, node, index)
   local d = w.depth
   local name = w:upvalue("sp" .. index, { kind = "splitter", index = index, part = "pointer" })
   local strings = w:upvalue(name .. "_strings",
      { kind = "splitter", index = index, part = "strings" })
   local fill = w:upvalue(name .. "_fill", { kind = "splitter", index = index, part = "fill" })
   enter(w, node)
   w:upvalue("bad_string", { kind = "runtime" })
   w:upvalue("saved", { kind = "saved" })
   w:add("if type(%s) ~= 'string' then bad_string(%s) end", w.value, w.value)
   w:add("saved[%d] = %s m%d = C.mill_split(%s, %s, #%s)", d + 1, w.value, d, name, w.value,
      w.value)
   w:add("cnt[%d].elements = cnt[%d].elements + m%d", node.id, node.id, d)
   open_list(w, node)
   local id, r = w:fresh("id"), w:fresh("r")
   w:add("local %s = C.mill_split_words(%s)[j].id", id, name)
   w:add("local %s = %s[%s] or %s(%s, j)", r, strings, id, fill, id)
   w.keyed, w.key, w.value = false, nil, r
end

local function call_flat(w, node, pairs_wanted)
   local d = w.depth
   enter(w, node)
   w:upvalue("saved", { kind = "saved" })
   local list = w:fresh("list")
   if node.emits then
      local e = "e" .. node.id
      local what = { kind = "emitter", node = node, pairs = pairs_wanted }
      local take = w:upvalue(e .. "_take", what)
      w:add("%s()", take) -- what a call that failed left behind
      w:add("%s(%s, %s)", function_of(w, node), arguments(w, node.fn),
         w:upvalue(e .. "_emit", what))
      w:add("local %s %s, m%d = %s()", list, list, d, take)
   else
      w:upvalue("bad_list", { kind = "runtime" })
      w:add("local %s = %s(%s)", list, function_of(w, node), arguments(w, node.fn))
      w:add("if type(%s) ~= 'table' then bad_list(%s) end m%d = #%s", list, list, d, list)
      if pairs_wanted then
         w:upvalue("check_pairs", { kind = "runtime" })
         w:add("check_pairs(%s, m%d)", list, d)
      end
   end
   w:add("saved[%d] = %s", d + 1, list)
   w:add("cnt[%d].elements = cnt[%d].elements + m%d", node.id, node.id, d)
   local saved = w:fresh("list")
   open_list(w, node, saved)
   return saved
end

function emit.flat_map(w, node, operator)
   if node.splitter then return split_string(w, node, operator.splitter) end
   local list = call_flat(w, node, false)
   local r = w:fresh("r")
   w:add("local %s = %s[j + 1]", r, list)
   w.keyed, w.key, w.value = false, nil, r
end

function emit.flat_map_to_pair(w, node)
   local list = call_flat(w, node, true)
   local k, v = w:fresh("k"), w:fresh("v")
   if node.emits then
      w:add("local %s, %s = %s[2 * j + 1], %s[2 * j + 2]", k, v, list, list)
   else
      local e = w:fresh("e")
      w:add("local %s = %s[j + 1] local %s, %s = %s[1], %s[2]", e, list, k, v, e, e)
   end
   w.keyed, w.key, w.value = true, k, v
end

local input = {}

function input.lines(w)
   w:upvalue("inp", { kind = "input" })
   w:upvalue("str", { kind = "runtime" })
   w:add("local l = lines[i]")
   w:add("local r = str(l.ptr, l.len)")
   w.before_loop = "local lines = inp.lines"
   w.value = "r"
end

function input.records(w, segment)
   w:upvalue("view", { kind = "view" })
   w:upvalue("open_records", { kind = "runtime" })
   w.before_loop = ("local generation = open_records(%d)"):format(segment.input.from)
   w.new_view = "view(i, generation)"
   w:add("local r = %s", w.new_view)
   w.value = "r"
end

function input.words(w, segment)
   local index = segment.input.splitter
   local name = "sp" .. index
   w:upvalue("inp", { kind = "input" })
   local strings = w:upvalue(name .. "_strings",
      { kind = "splitter", index = index, part = "strings" })
   local fill = w:upvalue(name .. "_fill", { kind = "splitter", index = index, part = "fill" })
   w.before_loop = "local words = inp.words"
   w:add("local id = words[i].id")
   w:add("local r = %s[id] or %s(id, i)", strings, fill)
   w.value, w.word, w.word_splitter = "r", "id", index
end

function input.cells(w)
   w:upvalue("inp", { kind = "input" })
   w:upvalue("value_of", { kind = "runtime" })
   w.before_loop = "local cells = inp.cells"
   w:add("local c = cells[i]")
   w:add("local r = c.num if c.kind ~= 1 then r = value_of(c) end")
   w.value = "r"
end

local function tee_part(w, index, part)
   return w:upvalue(("tee%d_%s"):format(index, part), { kind = "tee", index = index, part = part })
end

function input.tee(w, segment)
   local index = segment.input.from
   local names = segment.input.keyed and { "k", "v" } or { "r" }
   for n, name in ipairs(names) do
      w:add("local %s = %s[i]", name, tee_part(w, index, n == 1 and "a" or "b"))
      if not segment.is_last_reader then
         -- What this reader's functions do to a table must not show in the next reader's.
         w:upvalue("copy", { kind = "runtime" })
         w:add("if type(%s) == 'table' then %s = copy(%s) end", name, name, name)
      end
   end
   w.keyed, w.key, w.value = segment.input.keyed, names[2] and "k", names[2] and "v" or "r"
   window_code.time_of_tee(w, segment.input, tee_part(w, index, "pointer"))
end

function input.groups(w, segment)
   local node = segment.input.node
   w:upvalue("inp", { kind = "input" })
   w:upvalue("value_of", { kind = "runtime" })
   w.before_loop = "local groups, cells = inp.groups, inp.cells"
   w:add("local g = groups[i]")
   w.first_op = heads.calls[segment.input.head] and node.id
   if segment.input.keyed or segment.input.head == "with_state" then
      w:upvalue("str", { kind = "runtime" })
      w:upvalue("key_of", { kind = "runtime" })
      w:add("local k if g.key[0] == 32 then k = str(g.key + 1, g.key_len - 1)")
      w:add("else k = key_of(g) end")
   end
   w.stage = segment.input.from
   w.value = "v"
   if segment.input.keyed then w.keyed, w.key = true, "k" end
   heads[segment.input.head](w, node)
end

local terminal = {}

local function table_part(w, t, part)
   local name = part == "pointer" and ("t%d"):format(t) or ("t%d_%s"):format(t, part)
   return w:upvalue(name, { kind = "table", stage = t, part = part })
end

--- Find the slot of a key in a table. A word that is itself the key has its slot by its number.
local function find_slot(w, t, key)
   local cache, slot = table_part(w, t, "cache"), table_part(w, t, "slot")
   w:add("local q")
   if w.word and w.depth == 0 then
      local known = w:upvalue(("known%d"):format(t),
         { kind = "known", stage = t, splitter = w.word_splitter, part = "known" })
      local slot_of_word = w:upvalue(("known%d_slot"):format(t),
         { kind = "known", stage = t, splitter = w.word_splitter, part = "slot" })
      w:add("if %s == r then q = %s[%s] if q == 0 then q = %s(%s, %s) end", key, known, w.word,
         slot_of_word, key, w.word)
      w:add("else q = %s[%s] or %s(%s) end", cache, key, slot, key)
   else
      w:add("q = %s[%s] or %s(%s)", cache, key, slot, key)
   end
end

local combine = {}

--- A value that needed memory may find the table full: C seals it, and goes on behind. What is
--- still to be done for the value, `w.at_end`, is done before.
local function end_when_full(w, t)
   w:add("if %s.full ~= 0 then %s return 1 end", table_part(w, t, "pointer"), w.at_end or "")
end

local function first_value(w, t, value)
   w:add("else %s(q, %s)", table_part(w, t, "first"), value)
   end_when_full(w, t)
   w:add("end")
end

function combine.lua(w, t, node)
   local f = function_of(w, node)
   w:add("if s.kind == 1 and type(%s) == 'number' then", w.value)
   w:add("local a = %s(s.num, %s)", f, w.value)
   w:add("if type(a) == 'number' then s.num = a else %s(q, a) end", table_part(w, t, "put"))
   -- A record behind another needs memory, too.
   w:add("elseif s.kind ~= 0 then %s(q, %s)", table_part(w, t, "add"), w.value)
   end_when_full(w, t)
   first_value(w, t, w.value)
end

function combine.count(w, t)
   w:add("if s.kind == 1 then s.num = s.num + 1")
   first_value(w, t, "1")
end

local function needs_number(w)
   w:upvalue("to_number", { kind = "runtime" })
   local n = w:fresh("n")
   w:add("local %s = %s if type(%s) ~= 'number' then %s = to_number(%s) end", n, w.value, n, n, n)
   w.value = n
end

local FOLDS = {
   sum = "s.num = s.num + N", avg = "s.num = s.num + N s.count = s.count + 1",
   min = "if N < s.num then s.num = N end", max = "if N > s.num then s.num = N end",
}
for name, fold in pairs(FOLDS) do
   combine[name] = function(w, t)
      needs_number(w)
      w:add("if s.kind == 1 then %s", (fold:gsub("N", w.value)))
      first_value(w, t, w.value)
   end
end

combine.accumulate = window_code.accumulate(table_part, first_value, end_when_full)

--- Before anything is kept or counted for what no operator has had yet: it is no longer READING.
local function end_reading(w)
   if not w.has_operator then w:add("ctl.op = %d", w.in_list or 0) end
end

--- Every record that reaches the end of a segment is counted there, on its own, so that the
--- counters of the operators before it can be checked against it.
local function arrive(w, node)
   end_reading(w)
   w:add("cnt[%d].elements = cnt[%d].elements + 1", node.id, node.id)
   w:add("ctl.op = %d", node.id)
   check_skip(w, node)
end

local function to_table(w, node, t)
   arrive(w, node)
   if node.global then
      w:add("local q = 1")
   else
      find_slot(w, t, node.by_value and w.value or w.key)
   end
   w:add("local s = %s.slots[q]", table_part(w, t, "pointer"))
   combine[node.combine](w, t, node)
end

local function to_shuffle(w, node, index)
   arrive(w, node)
   w:add("%s(%s, %s, %s)", w:upvalue(("shuffle%d"):format(index),
      { kind = "shuffle", stage = index }), w.key, w.value, w.origin)
end

local function to_top(w, node, index)
   arrive(w, node)
   w:upvalue("to_score", { kind = "runtime" })
   w:add("local score = %s(%s)", function_of(w, node), arguments(w, node.fn))
   w:add("if type(score) ~= 'number' or score ~= score then score = to_score(score) end")
   local wants = w:upvalue(("top%d"):format(index), { kind = "top", stage = index,
      part = "pointer" })
   local put = w:upvalue(("top%d_put"):format(index), { kind = "top", stage = index, part = "put" })
   w:add("if C.mill_top_wants(%s, score) then %s(score, %s, %s) end", wants, put, w.value,
      w.key or "nil")
end

local function to_window(w, node, t, plan)
   arrive(w, node)
   window_code.to_window(w, node, t, { combine = combine, part = table_part, plan = plan })
end

local to_stage = {
   table = to_table, update = to_shuffle, with_state = to_shuffle, top = to_top,
   window = to_window,
}

function terminal.stage(w, plan, index)
   local node = plan.stages[index].node
   to_stage[node.stage](w, node, index, plan)
end

function terminal.output(w, plan, index)
   local node = plan.outputs[index].node
   arrive(w, node)
   local put = w:upvalue(("out%d"):format(index),
      { kind = "output", output = index, keyed = w.keyed or false, windowed = w.window ~= nil })
   local window = w.window and (", %s, %s"):format(w.window.first, w.window.last) or ""
   w:add("%s(%s%s)", put, arguments(w), window)
end

function terminal.state() end -- the head has done all

function terminal.tee(w, _, index)
   local pointer = tee_part(w, index, "pointer")
   end_reading(w)
   w:add("local c = %s.count", pointer)
   if w.keyed then
      w:add("%s[c], %s[c] = %s, %s", tee_part(w, index, "a"), tee_part(w, index, "b"), w.key,
         w.value)
   else
      w:add("%s[c] = %s", tee_part(w, index, "a"), w.value)
   end
   w:add("%s.origin[c] = %s", pointer, w.origin)
   window_code.time_to_tee(w, pointer)
   w:add("%s.count = c + 1", pointer)
   w:add("if c + 1 == %d then return 1 end", CHUNK_RECORDS)
end

--- Write the text of one segment's function.
---@param plan table
---@param segment table
---@param checked boolean whether to look for elements that must be skipped
---@return table {lines=, names=, wanted=}: a chunk that takes the upvalues and returns the loop
function M.generate(plan, segment, checked)
   local w = writer.new(segment.input.keyed, checked)
   w:upvalue("ctl", { kind = "control" })
   w:upvalue("cnt", { kind = "counters" })
   w:upvalue("C", { kind = "abi" })
   w:upvalue("type", { kind = "runtime" })
   w.origin = "i"
   if segment.input.kind == "tee" then
      w.origin = tee_part(w, segment.input.from, "pointer") .. ".origin[i]"
   end
   local flat_left = 0
   for _, operator in ipairs(segment.operators) do
      if operator.is_flat then flat_left = flat_left + 1 end
   end
   if flat_left > 0 then begin_record(w) end
   input[segment.input.kind](w, segment)
   for _, operator in ipairs(segment.operators) do
      window_code.lose(w, operator.node.input)
      emit[operator.node.kind](w, operator.node, operator)
      if operator.is_flat then
         flat_left = flat_left - 1
         if flat_left > 0 then begin_record(w) end
      end
   end
   window_code.lose(w, writer.end_of(plan, segment))
   terminal[segment.terminal.kind](w, plan, segment.terminal.to)
   return M.assemble(w)
end

--- Put the loop around what was written.
function M.assemble(w)
   local out = { ("local %s = ..."):format(table.concat(w.names, ", ")), "return function()" }
   if w.before_loop then table.insert(out, w.before_loop) end
   table.insert(out, "for i = ctl.i, ctl.n - 1 do")
   table.insert(out, ("ctl.i = i ctl.op = %d"):format((w.first_op or 0) + READING))
   for _, line in ipairs(w.lines) do table.insert(out, line) end
   for i = #w.open, 1, -1 do table.insert(out, w.open[i]) end
   table.insert(out, "::next0:: end")
   table.insert(out, "end")
   return { lines = out, names = w.names, wanted = w.wanted }
end

return M
