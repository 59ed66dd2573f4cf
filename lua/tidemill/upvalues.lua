--- Finds, from its byte code, a user function that assigns to a captured variable or writes into a
--- captured table. Upvalues are per worker: what such a function collects is neither whole nor
--- kept over a crash.
local M = {}

local jutil = require "jit.util"
local band, rshift = bit.band, bit.rshift

--- Names of byte codes, by their numbers: jit.vmdef is not always installed, so they are found by
--- looking at a function that has them.
local function opcode_of(f, wanted)
   local pc = 1
   while true do
      local ins = jutil.funcbc(f, pc)
      if not ins then return nil end
      if wanted(pc, ins) then return band(ins, 0xff) end
      pc = pc + 1
   end
end

local probe_value -- luacheck: ignore 231
local probe_table = {}

local function first(f) return opcode_of(f, function(pc) return pc == 1 end) end

-- Each function below begins with the byte code that is wanted.
local USETV = first(function(v) probe_value = v end)
local USETN = first(function() probe_value = 1 end)
local USETS = first(function() probe_value = "s" end)
local USETP = first(function() probe_value = nil end)
local UGET = first(function() return probe_table.x end)
-- And here the second one writes into what UGET put into a register.
local TSETS = opcode_of(function(v) probe_table.x = v end, function(pc) return pc == 2 end)
local TSETV = opcode_of(function(k, v) probe_table[k] = v end, function(pc) return pc == 2 end)
local TSETB = opcode_of(function(v) probe_table[1] = v end, function(pc) return pc == 2 end)

local ASSIGNS = { [USETV] = true, [USETN] = true, [USETS] = true, [USETP] = true }
local WRITES = { [TSETS] = true, [TSETV] = true, [TSETB] = true }

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
      else
         captured[a] = nil
      end
      pc = pc + 1
   end
   return found
end

--- Warnings for all functions of a plan.
---@return table list of strings
function M.check(plan)
   local warnings = {}
   for _, operator in ipairs(plan.operators) do
      local f = operator.node.fn
      if f and operator.kind ~= "for_each_batch" then
         for _, change in ipairs(M.find(f)) do
            warnings[#warnings + 1] = ("%s %s the captured variable %q (line %d): each worker has "
               .. "its own, and a crash forgets it; keep state with update_state_by_key")
               :format(operator.label, change.how, change.name, change.line)
         end
      end
   end
   return warnings
end

return M
