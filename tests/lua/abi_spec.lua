-- Goal: C and Lua mean the same by the structs and numbers that they share.
-- Method: sizes and kinds against the header; a library that gives other sizes.
local half = require "half"
local abi = require "tidemill.abi"
local ffi = abi.ffi

it("kinds have the header's numbers", function()
   for _, name in ipairs { "EMPTY", "NUMBER", "STRING", "PACKED", "BOXED", "BOOLEAN", "INT64",
      "UINT64", "RECORD", "LIST", "BAD" } do
      assert.equal(tonumber(ffi.cast("int", ffi.new("enum mill_kind", "MILL_" .. name))),
         abi[name])
   end
end)

it("every struct of the header has its size checked in C and in Lua", function()
   local lua, c = half.read("lua/tidemill/abi.lua"), half.read("engine/base/ffi_layout.c")
   local count = 0
   for name in half.read("engine/base/tidemill_ffi.h"):gmatch("\nstruct (mill_%w+) {") do
      if name ~= "mill_tee" then -- it has room for a chunk's records, no size of its own
         local size = tostring(ffi.sizeof("struct " .. name))
         assert.equal(size, lua:match(name .. " = (%d+)"), name)
         assert.equal(size, c:match("sizeof%(struct " .. name .. "%) == (%d+)"), name)
      end
      count = count + 1
   end
   assert.equal(16, count)
end)

it("a tee has room for the records of a chunk", function()
   local tee = ffi.new("struct mill_tee")
   assert.equal(half.limit("LIMIT_CHUNK_RECORDS_MAX"), ffi.sizeof(tee.origin) / 4)
   assert.equal(half.limit("LIMIT_CHUNK_RECORDS_MAX"), ffi.sizeof(tee.time_ms) / 8)
   assert.equal(half.limit("LIMIT_CHUNK_RECORDS_MAX"), ffi.sizeof(tee.end_ms) / 8)
end)

it("a struct of another size is refused", function()
   local known = package.loaded.ffi
   package.loaded.ffi = setmetatable({
      sizeof = function(name)
         return name == "struct mill_group" and 48 or ffi.sizeof(name)
      end,
   }, { __index = ffi })
   local err = half.failure(half.load_again, "tidemill.abi")
   package.loaded.ffi = known
   assert.equal("struct mill_group has 48 bytes, not 80", err:match("struct.*"))
end)

it("what is declared is not declared again", function()
   assert.equal(abi.PACKED, half.load_again("tidemill.abi").PACKED)
end)

it("functions are those of the library that the environment names", function()
   assert.is_not_nil(os.getenv("TIDEMILL_ABI"))
   local control = ffi.new("struct mill_control", { random = { 1, 2 } })
   local first, second = abi.C.mill_random(control), abi.C.mill_random(control)
   assert.is_true(first >= 0 and first < 1 and second >= 0 and second < 1)
   assert.not_equal(first, second)
end)
