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

function M.arguments(w)
   return w.keyed and (w.key .. ", " .. w.value) or w.value
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
