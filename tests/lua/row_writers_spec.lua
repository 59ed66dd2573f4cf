-- Goal: a row has what its output's format says, with its key where printing sorts, and its window.
-- Method: segments over an engine whose list of rows is one made here.
local half = require "half"
local abi = require "tidemill.abi"
local world = require "segment_world"

local ffi = abi.ffi

--- The engine's functions, but that rows come here; a module loaded over them.
local function with_rows(rows, keys, result)
   local b = half.buffer()
   local C = setmetatable({
      mill_row_begin = function()
         abi.C.mill_buffer_clear(b.pointer)
         return b.pointer
      end,
      mill_row_end = function(_, key)
         rows[#rows + 1], keys[#keys + 1] = b.text(), ffi.cast("struct half_buffer *", key).size
         return result or 0
      end,
   }, { __index = abi.C })
   local writers = package.loaded["tidemill.row_writers"]
   package.loaded["tidemill.abi"] = setmetatable({ C = C }, { __index = abi })
   package.loaded["tidemill.row_writers"] = half.load_again("tidemill.row_writers")
   local fresh = half.load_again("tidemill.segments")
   package.loaded["tidemill.abi"], package.loaded["tidemill.row_writers"] = abi, writers
   return fresh
end

local function rows_of(text, values, result)
   local rows, keys = {}, {}
   local w = world.link(text, with_rows(rows, keys, result))
   world.set_numbers(w, values)
   world.run(w, 1, #values)
   return rows, keys
end

local PAIR = "values:map_to_pair(function(v) return v, 'a\"' end):"

it("a row has its key where printing sorts", function()
   assert.is_true(select(2, rows_of(PAIR .. "print()", { 1 }))[1] > 0)
   assert.same({ 0 }, (select(2, rows_of(PAIR .. "to_stdout()", { 1 }))))
end)

it("a row that is too large is an error", function()
   assert.equal("the row is larger than 16 MiB",
      half.failure(rows_of, "values:print()", { 1 }, -1))
end)

it("a pair is written as its format says", function()
   assert.same({ '[1,"a\\""]' }, (rows_of(PAIR .. "to_stdout()", { 1 })))
   assert.same({ '(1,a")' }, (rows_of(PAIR .. "to_stdout({ format = 'text' })", { 1 })))
   assert.same({ '(1,a")' }, (rows_of(PAIR .. "print()", { 1 })))
end)

it("a window stands behind its pair", function()
   local made = {}
   for _, format in ipairs { "json", "text", "rows" } do
      local plan, b, kept = half.plan("values:to_stdout()"), half.buffer(), abi.C
      plan.outputs[1].node.format = format
      abi.C = setmetatable({
         mill_row_begin = function() return b.pointer end,
         mill_row_end = function() return 0 end,
      }, { __index = kept })
      local writers = half.load_again("tidemill.row_writers")
      abi.C = kept
      writers.make({ plan = plan, host = { rows = { 0 } }, key = half.buffer().pointer },
         { output = 1, keyed = true, windowed = true })("k", 7, 0, 10)
      made[format] = b.text()
   end
   assert.equal('["k",7,{"start_ms":0,"end_ms":10}]', made.json)
   assert.equal('(k,7,{"start_ms":0,"end_ms":10})', made.text)
   assert.equal("\147\161k\7\130\168start_ms\0\166end_ms\10", made.rows)
end)
