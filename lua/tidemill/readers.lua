--- Functions that compiled loops read their input with, and write state with: what is in cells,
--- keys and groups as Lua values. They need the worker's control block and what C brings.
local abi = require "tidemill.abi"
local state = require "tidemill.state"
local values = require "tidemill.values"
local views = require "tidemill.views"

local ffi, C = abi.ffi, abi.C
local type, error = type, error
local null = values.null
local NUMBER, STRING, RECORD = abi.NUMBER, abi.STRING, abi.RECORD

local M = {}

local ANY = 0xffffffff -- in ctl.skip_j: every element

--- A function that ends the job because the running value in a slot of a table holds a view.
function M.refuse_slot(host, stage)
   return function(path) host.refuse_view(path, stage) end
end

local function make_value_of(ctl, unpack_arg)
   local str, of_chunk = ffi.string, views.of_chunk
   return function(c)
      if c.kind == STRING then return str(c.ptr, c.len) end
      if c.kind == NUMBER then return c.num end
      if c.kind == 0 then return nil end
      if c.kind == RECORD then return of_chunk(c.ptr, c.len) end
      ctl.arg_ptr, ctl.arg_len = c.ptr, c.len
      return unpack_arg()
   end
end

--- Functions that give a group's values and state, and take its new state.
local function add_groups(rt, host, linker)
   local value_of = rt.value_of

   function rt.values_of(g, cells)
      local list, first = {}, g.first
      for p = 0, g.count - 1 do
         local c = cells[first + p]
         if c.kind == NUMBER then
            list[p + 1] = c.num
         else
            local v = value_of(c)
            if v == nil then v = null end -- in a list it would be a hole
            list[p + 1] = v
         end
      end
      return list
   end

   function rt.state_of(g)
      local s = g.state
      if s.kind == 0 then return nil end
      if s.kind == NUMBER then return s.num end
      return value_of(s)
   end

   local value, arena, pack = linker.value, linker.arena, values.pack_kept
   local function refuse(path) host.refuse_view(path) end
   function rt.set_state(g, v)
      if v == nil then
         C.mill_state_remove(g)
      elseif type(v) == "number" then
         C.mill_state_number(g, v)
      else
         C.mill_buffer_clear(value)
         pack(value, v, refuse)
         if C.mill_state_packed(g, arena, value) ~= 0 then
            error("the state is larger than 16 MiB", 0)
         end
      end
   end

   rt.with_state, rt.save_state = state.make(rt)
   rt.bad_with_state = state.bad_result
end

--- Add them to what loops can name.
---@param rt table functions by the names that generated code has for them
---@param linker table control, value and arena of the worker
function M.make(rt, host, linker)
   local ctl, read_key = linker.control, host.read_key
   rt.value_of = make_value_of(ctl, host.unpack)

   function rt.key_of(g)
      ctl.arg_ptr, ctl.arg_len = g.key, g.key_len
      return read_key()
   end

   add_groups(rt, host, linker)

   local skipped = host.skipped
   function rt.skipped(depth)
      for d = 0, depth - 1 do
         if ctl.skip_j[d] ~= ANY and ctl.skip_j[d] ~= ctl.j[d] then return end
      end
      error(skipped, 0)
   end

   local late = host.late
   function rt.is_late() error(late, 0) end
end

return M
