--- The heads of loops behind a stage: what is done with a key and its values before the operators
--- that follow. A head leaves its result in `v`, with the key in `k`.
local window_code = require "tidemill.window_code"
local writer = require "tidemill.writer"

local enter, function_of = writer.enter, writer.function_of

local head = {}

--- Those that call a user's function.
head.calls = { fold = true, update = true, with_state = true, window = true, merge = true }

--- A key and its one value, merged in C.
function head.values(w)
   w:add("local c = cells[g.first]")
   w:add("local v = c.num if c.kind ~= 1 then v = value_of(c) end")
end

--- A key's partial values, folded by the user's function.
function head.fold(w, node)
   head.values(w)
   enter(w, node)
   w:upvalue("bad_reduce", { kind = "runtime" })
   w:add("for p = g.first + 1, g.first + g.count - 1 do")
   w:add("local c2 = cells[p] local b = c2.num if c2.kind ~= 1 then b = value_of(c2) end")
   w:add("v = %s(v, b) if v == nil then bad_reduce() end", function_of(w, node))
   w:add("end")
end

function head.update(w, node)
   w:upvalue("values_of", { kind = "runtime" })
   w:upvalue("state_of", { kind = "runtime" })
   w:upvalue("set_state", { kind = "runtime" })
   w:add("local s, list = state_of(g), values_of(g, cells)")
   enter(w, node)
   w:add("local v = %s(list, s, k, ctl.time_ms)", function_of(w, node))
   w:add("set_state(g, v)")
   -- Bit 0 of `changed`: the function changed the state.
   local silent = node.emit == "changed" and "v == nil or g.changed == 0 or g.changed == 2"
      or "v == nil"
   local head_count = w:upvalue("heads", { kind = "heads" })
   w:add("if %s then %s[%d].filtered = %s[%d].filtered + 1 goto next0 end", silent, head_count,
      w.stage - 1, head_count, w.stage - 1)
end

--- A record with its key's state; a key that times out has none.
function head.with_state(w, node)
   w:upvalue("with_state", { kind = "runtime" })
   w:upvalue("save_state", { kind = "runtime" })
   w.before_loop = w.before_loop .. " local last = -1"
   w:add("local c, r = cells[g.first]")
   w:add("if g.count ~= 0 then r = c.num if c.kind ~= 1 then r = value_of(c) end end")
   w:add("local s = with_state(groups, i, last)")
   enter(w, node)
   w:add("local v, v2, extra = %s(k, r, s)", function_of(w, node))
   if node.keyed then
      w:upvalue("bad_pair", { kind = "runtime" })
      w:add("if (v ~= nil and v2 == nil) or extra ~= nil then bad_pair(v, v2, extra) end")
   else
      w:upvalue("bad_with_state", { kind = "runtime" })
      w:add("if v2 ~= nil then bad_with_state(v2) end")
   end
   w:add("if save_state(s, g) then last = i end")
   local head_count = w:upvalue("heads", { kind = "heads" })
   w:add("if v == nil then %s[%d].filtered = %s[%d].filtered + 1 goto next0 end", head_count,
      w.stage - 1, head_count, w.stage - 1)
   if node.keyed then w:add("k, v = v, v2") end
end

--- Records of a stage that kept them whole (top): a pair when it has a key.
head.records = head.values

--- A key's part of a window, merged and kept; nothing flows yet.
function head.merge(w, node)
   head.values(w)
   enter(w, node)
   window_code.merge(w, node)
   w:upvalue("set_state", { kind = "runtime" })
   w:add("set_state(g, v)")
end

--- A window that has closed: its parts merged, and the result.
function head.window(w, node)
   window_code.begin(w)
   head.values(w)
   enter(w, node)
   window_code.merge(w, node)
   window_code.result(w, node)
end

--- The same of what C has merged.
function head.window_value(w)
   window_code.begin(w)
   head.values(w)
end

return head
