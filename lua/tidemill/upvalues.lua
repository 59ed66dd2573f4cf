--- Finds, from its byte code, a user function that assigns to a captured variable or writes into a
--- captured table. Upvalues are per worker: what such a function collects is neither whole nor
--- kept over a crash.
local M = {}

local jutil = require "jit.util"
local band, rshift = bit.band, bit.rshift

--- The byte code that a function has at a place. jit.vmdef, which knows them by their names, is not
--- always installed.
local function opcode(f, pc)
   return band(jutil.funcbc(f, pc), 0xff)
end

local probe_value -- luacheck: ignore 231
local probe_table = {}

local USETV = opcode(function(v) probe_value = v end, 1)
local USETN = opcode(function() probe_value = 1 end, 1)
local USETS = opcode(function() probe_value = "s" end, 1)
local USETP = opcode(function() probe_value = nil end, 1)
local UGET = opcode(function() return probe_table.x end, 1)
-- The first of these gets the table or the function, the second is what is wanted.
local TSETS = opcode(function(v) probe_table.x = v end, 2)
local TSETV = opcode(function(k, v) probe_table[k] = v end, 2)
local TSETB = opcode(function(v) probe_table[1] = v end, 2)
local CALL = opcode(function(f) f() end, 2)
local VARG = opcode(function(f, ...) f(...) end, 2)
local CALLM = opcode(function(f, ...) f(...) end, 3)
local KNIL = opcode(function() local a, b = nil, nil return a, b end, 1)

local ASSIGNS = { [USETV] = true, [USETN] = true, [USETS] = true, [USETP] = true }
local WRITES = { [TSETS] = true, [TSETV] = true, [TSETB] = true }
-- What these leave is in their register and in those behind it.
local FILLS = { [CALL] = true, [CALLM] = true, [VARG] = true, [KNIL] = true }

local function line_of(f, pc)
   local info = jutil.funcinfo(f, pc)
   return info.currentline or info.linedefined or 0
end

--- The captured variables that a function changes.
---@return table list of {name=, line=, how=}
function M.find(f)
   if not jutil.funcinfo(f).proto then return {} end -- a function of a library
   local found, seen = {}, {}
   local captured = {} -- register -> number of the upvalue whose value it holds
   local function note(upvalue, pc, how)
      local name = jutil.funcuvname(f, upvalue) or "?"
      if not seen[name] then
         seen[name] = true
         found[#found + 1] = { name = name, line = line_of(f, pc), how = how }
      end
   end
   local pc = 1
   while true do
      local ins = jutil.funcbc(f, pc)
      if not ins then break end
      local op, a, d = band(ins, 0xff), band(rshift(ins, 8), 0xff), rshift(ins, 16)
      if ASSIGNS[op] then
         note(a, pc, "assigns to")
      elseif WRITES[op] then
         local table_register = rshift(ins, 24)
         if captured[table_register] then note(captured[table_register], pc, "writes into") end
      elseif op == UGET then
         captured[a] = d
      elseif FILLS[op] then
         for register = a, 255 do captured[register] = nil end
      else
         captured[a] = nil
      end
      pc = pc + 1
   end
   return found
end

--- An operator's functions, in an order that is always the same.
local function functions_of(node)
   local list = { node.fn }
   for _, name in ipairs { "init", "add", "merge", "result" } do
      list[#list + 1] = node.acc and node.acc[name]
   end
   return list
end

--- Warnings for all functions of a plan.
---@return table list of strings
function M.check(plan)
   local warnings = {}
   for _, operator in ipairs(plan.operators) do
      local functions = operator.kind ~= "for_each_batch" and functions_of(operator.node) or {}
      for _, f in ipairs(functions) do
         for _, change in ipairs(M.find(f)) do
            warnings[#warnings + 1] = ("%s %s the captured variable %q (line %d): each worker has "
               .. "its own, and a crash forgets it; keep state with map_with_state")
               :format(operator.label, change.how, change.name, change.line)
         end
      end
   end
   return warnings
end

return M
