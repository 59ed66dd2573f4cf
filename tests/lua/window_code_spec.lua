-- Goal: loops find a record's time and pane by compiled code, and carry time and window through
-- lists, tees and unions. Method: the text of plans; what was compiled of loops that ran.
local half = require "half"
local codegen = require "tidemill.codegen"
local tracing = require "tidemill.tracing"
local world = require "segment_world"

local TIMED = "local timed = values:event_time(function(v) return v end%s) "
local KEYED = TIMED:format("") .. "local keyed = timed:map_to_pair(print) "

local function text_of(script, id)
   local plan = half.plan(script)
   return table.concat(codegen.generate(plan, plan.segments[id or 1], false).lines, " ")
end

local function has(text, ...)
   for _, wanted in ipairs { ... } do
      assert.truthy(text:find(wanted, 1, true), wanted .. "\nis not in\n" .. text)
   end
end

it("a time is checked before it counts", function()
   has(text_of(KEYED .. "keyed:tumbling('10ms'):count():print()"),
      "if type(x1) ~= 'number' then x1 = to_time(x1) end",
      "if not (x1 >= 0 and x1 <= 253370764799999) then bad_time(x1) end",
      "if t2 > event3.limit_ms then far_ahead(t2, event3.limit_ms) end event3.seen_ms = t2")
   has(text_of("values:event_time('a'):print()"), 'time_field(r, "a")', "no_field(x3")
end)

it("a record goes into its pane", function()
   local text = text_of(KEYED .. "keyed:sliding('10ms', '4ms'):count():print()")
   has(text, "local p = t2 - t2 % 2", "if p < t1.needed_ms then is_late(t2) end",
      "local cache = t1_caches[p] or t1_open(p)",
      "local q = cache[k3] or t1_pane_slot(cache, p, k3)")
   text = text_of(KEYED .. "keyed:session('10ms'):count():print()")
   has(text, "if t2 < t1.needed_ms then", "local is_new, sp = s.kind == 0, t1.spans[q]",
      "if t2 > sp.last_ms then sp.last_ms = t2 end")
   local plan = half.plan(KEYED .. "keyed:tumbling('10ms'):count():print()")
   plan.options.late = "drop"
   text = table.concat(codegen.generate(plan, plan.segments[1], false).lines, " ")
   has(text, "cnt[5].late = cnt[5].late + 1 goto next0")
end)

it("a list knows the time when the loop goes on inside it", function()
   has(text_of(TIMED:format("") .. "timed:flat_map(function(v) end):map_to_pair(print)"
      .. ":tumbling('1s'):count():print()"), "local q0", "q0 = t2 saved[-1] = t2 else",
      "q0 = saved[-1]",
      "local p = q0 - q0 % 1000")
end)

it("a tee carries times, or windows", function()
   local two = ":filter(print):print() s:filter(print):print()"
   local timed = KEYED .. "local s = timed:union(timed) s:map_to_pair(print):tumbling('1s')"
      .. ":count():print() s" .. two
   has(text_of(timed, 1), "tee1_pointer.time_ms[c] = t2")
   local windows = KEYED .. "local s = keyed:tumbling('1s'):reduce(print) s" .. two
   has(text_of(windows, 3), "local ws, we = g.start_ms, g.end_ms", "tee1_pointer.time_ms[c] = ws",
      "tee1_pointer.end_ms[c] = we")
   has(text_of(windows, 4), "local ws, we = tee1_pointer.time_ms[i], tee1_pointer.end_ms[i]")
end)

it("a function gets the window if it takes one", function()
   local W = KEYED .. "keyed:tumbling('1s'):count():"
   has(text_of(W .. "map(function(k, v, w) end):print()", 2),
      "(k, v, {start_ms = ws, end_ms = we})")
   has(text_of(W .. "map_values(function(v, k, w) end):print()", 2),
      "(v, k, {start_ms = ws, end_ms = we})", "out1(k, v1, ws, we)")
   assert.falsy(text_of(W .. "map(function(k, v) end):print()", 2):find("start_ms = ws", 1, true))
end)

it("parts are merged and kept by a loop of their own", function()
   local text = text_of(KEYED .. "keyed:tumbling('1s'):reduce(print):print()", 2)
   has(text, "for p = g.first + 1, g.first + g.count - 1 do", "v = f5(v, b)", "set_state(g, v)")
   assert.falsy(text:find("out1", 1, true))
   text = text_of(KEYED .. "keyed:tumbling('1s'):distinct():print()", 3)
   has(text, "b = acc5_merge(v, b) if b ~= nil then v = b end",
      "v = acc5_result(v, k, {start_ms = ws, end_ms = we})")
end)

it("the loop of an event time is compiled whole", function()
   local w = world.link("local s = values:event_time(function(v) return v end)"
      .. ":map(function(v) return v + 1 end) s:filter(print):print() s:filter(print):print()")
   local numbers = {}
   for i = 1, 2000 do numbers[i] = i end
   world.set_numbers(w, numbers)
   w.events[1].limit_ms = math.huge
   tracing.start(w.plan)
   for _ = 1, 20 do
      w.tees[1].count = 0
      world.run(w, 1, 2000)
   end
   assert.equal(2000, w.events[1].seen_ms)
   local report = tracing.report()
   assert.falsy(report:find("segment 1: not"), report)
end)
