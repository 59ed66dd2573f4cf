-- Goal: cells, keys and groups are the Lua values that they mean, and state is written back as what
-- it is. Method: cells made here; what C would do is noted.
local half = require "half"
local abi = require "tidemill.abi"
local readers = require "tidemill.readers"
local views = require "tidemill.views"
local ffi = abi.ffi

local function argument(control) return ffi.string(control.arg_ptr, control.arg_len) end

local function make()
   local w = { control = ffi.new("struct mill_control"), value = half.buffer().pointer }
   local refused = {}
   local rt = {}
   readers.make(rt, {
      unpack = function() return "unpacked " .. argument(w.control) end,
      read_key = function() return "key " .. argument(w.control) end,
      refuse_view = function(...) refused[#refused + 1] = { ... } error("refused", 0) end,
      skipped = "skipped",
   }, w)
   return rt, w, refused
end

local function cell(kind, text)
   return ffi.new("struct mill_cell", { kind = kind, len = #text, ptr = text })
end

it("a cell is the value that it means", function()
   local rt = make()
   assert.is_nil(rt.value_of(ffi.new("struct mill_cell")))
   assert.equal(1.5, rt.value_of(ffi.new("struct mill_cell", { kind = abi.NUMBER, num = 1.5 })))
   assert.equal("ab", rt.value_of(cell(abi.STRING, "ab")))
   assert.equal("unpacked ab", rt.value_of(cell(abi.PACKED, "ab")))
   local text = '{"a":1}'
   assert.equal(1, rt.value_of(cell(abi.RECORD, text)).a)
end)

it("a group has its key and its values in order", function()
   local rt = make()
   local cells = ffi.new("struct mill_cell[3]")
   cells[1].kind, cells[1].num = abi.NUMBER, 1
   cells[2].kind, cells[2].ptr, cells[2].len = abi.STRING, "x", 1
   local g = ffi.new("struct mill_group", { key = " k", key_len = 2, first = 1, count = 2 })
   assert.same({ 1, "x" }, rt.values_of(g, cells))
   assert.equal("key  k", rt.key_of(g))
   assert.is_nil(rt.state_of(g))
   g.state.kind, g.state.num = abi.NUMBER, 7
   assert.equal(7, rt.state_of(g))
end)

it("a state that holds a view is refused, with where it is", function()
   local rt, _, refused = make()
   local e = views.of_string "{}"
   local g = ffi.new("struct mill_group")
   for path, state in pairs {
      ["[1]"] = { e }, ["a"] = { a = e }, ["a.b[2]"] = { a = { b = { 0, e } } },
      ['["x y"]'] = { ["x y"] = e },
   } do
      assert.equal("refused", half.failure(rt.set_state, g, state))
      assert.same({ path }, refused[#refused])
   end
end)

it("a running value that holds one is refused with its table", function()
   local seen
   local refuse = readers.refuse_slot({ refuse_view = function(...) seen = { ... } end }, 3)
   refuse("[1]")
   assert.same({ "[1]", 3 }, seen)
end)

it("an element is skipped when all its places are meant", function()
   local rt, w = make()
   w.control.skip_j[0], w.control.skip_j[1] = 2, 0xffffffff
   w.control.j[0], w.control.j[1] = 1, 5
   assert.has_no.errors(function() rt.skipped(2) end)
   w.control.j[0] = 2
   assert.equal("skipped", half.failure(rt.skipped, 2))
   assert.equal("skipped", half.failure(rt.skipped, 0))
end)
