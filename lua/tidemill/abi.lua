--- The boundary to C: declares what engine/base/tidemill_ffi.h declares, once per Lua state, and
--- checks that both sides mean the same.
local ffi = require "ffi"
require "tidemill.traversal"

local M = {}

-- The same numbers stand in engine/base/ffi_layout.c.
local SIZES = {
   mill_cell = 16,
   mill_slice = 16,
   mill_word = 8,
   mill_cursor = 48,
   mill_lives = 12,
   mill_part = 8,
   mill_lookup = 4,
   mill_group = 80,
   mill_input = 48,
   mill_control = 112,
   mill_counter = 48,
   mill_event = 16,
   mill_slot = 16,
   mill_span = 16,
   mill_table = 32,
}

if not pcall(ffi.typeof, "struct mill_cell") then
   ffi.cdef(require "tidemill.header")
end

for name, size in pairs(SIZES) do
   local actual = ffi.sizeof("struct " .. name)
   assert(actual == size, ("struct %s has %d bytes, not %d"):format(name, actual, size))
end

M.ffi = ffi

--- The exported functions: those of the program itself, or of a library when the Lua half runs
--- outside of it (unit tests).
M.C = os.getenv("TIDEMILL_ABI") and ffi.load(os.getenv("TIDEMILL_ABI")) or ffi.C

M.EMPTY = 0
M.NUMBER = 1
M.STRING = 2
M.PACKED = 3
M.BOXED = 4
M.BOOLEAN = 5
M.INT64 = 6
M.UINT64 = 7
M.RECORD = 8
M.LIST = 9
M.BAD = 10

return M
