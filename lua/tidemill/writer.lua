--- What the parts of the code generator share: the text of one loop as it grows, and how it names
--- the operator that runs. codegen.lua tells what the loops are.
local M = {}

local Writer = {}
Writer.__index = Writer

function Writer:add(format, ...)
   table.insert(self.lines, select("#", ...) > 0 and format:format(...) or format)
end

--- A name that holds a value made outside of the loop (a function, a pointer, a list).
function Writer:upvalue(name, what)
   if not self.wanted[name] then
      table.insert(self.names, name)
      self.wanted[name] = what
   end
   return name
end

--- A fresh local variable.
function Writer:fresh(prefix)
   self.variables = self.variables + 1
   return prefix .. self.variables
end

--- Whether a function has a parameter of this number.
local function takes(f, n)
   local info = debug.getinfo(f, "u")
   return info.isvararg or info.nparams >= n
end

--- The window as a further argument of functions that take one.
local function window_of(w, f)
   if not w.window or not takes(f, 3) then return "" end
   return (", {start_ms = %s, end_ms = %s}"):format(w.window.first, w.window.last)
end

--- What a function gets: (record), (key, value) or (key, value, window).
---@param f function? without one: no window
function M.arguments(w, f)
   if not w.keyed then return w.value end
   return w.key .. ", " .. w.value .. (f and window_of(w, f) or "")
end

--- (value, key, window), for the operators that keep the key.
function M.value_arguments(w, f)
   return w.value .. ", " .. w.key .. window_of(w, f)
end

function M.function_of(w, node)
   return w:upvalue("f" .. node.id, { kind = "function", node = node })
end

--- In checked loops: an operator is not called for the element that ran past its deadline.
function M.check_skip(w, node)
   if w.checked then
      w:upvalue("skipped", { kind = "runtime" })
      w:add("if ctl.skip_op == %d then skipped(%d) end", node.id, w.depth)
   end
end

--- Before a user's function is called: say which operator runs.
function M.enter(w, node)
   w:add("ctl.op = %d", node.id)
   w.has_operator = true
   M.check_skip(w, node)
end

--- The node whose records reach the end of a segment; nil where none do.
function M.end_of(plan, segment)
   local t = segment.terminal
   if t.kind == "tee" then return t.node end
   if t.kind == "stage" then return plan.stages[t.to].node.input end
   if t.kind == "output" then return plan.outputs[t.to].node.input end
end

function M.next_element(w)
   return ("goto next%d"):format(w.depth)
end

---@param keyed boolean whether the loop begins with pairs
---@param checked boolean whether it looks for elements that must be skipped
function M.new(keyed, checked)
   return setmetatable({
      lines = {}, names = {}, wanted = {}, open = {}, variables = 0, depth = 0,
      keyed = keyed, checked = checked,
   }, Writer)
end

return M
