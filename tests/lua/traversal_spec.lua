-- Goal: pairs and next go through tables as Lua's do, in loops that LuaJIT does not compile to its
-- own byte code for them (traversal.lua says why). Method: tables of all kinds; the byte code that
-- loops have after their first run.
local half = require "half"
local abi = require "tidemill.abi"
local environment = require "tidemill.environment"
local traversal = require "tidemill.traversal"
local jutil = require "jit.util"

local function opcodes(f)
   local found = {}
   for pc = 1, jutil.funcinfo(f).bytecodes - 1 do
      found[bit.band(jutil.funcbc(f, pc), 0xff)] = true
   end
   return found
end

-- What only a loop over something called next has.
local function special()
   local over_next = opcodes(loadstring "local t, next = ... for k in next, t do end")
   local over_other = opcodes(loadstring "local t, other = ... for k in other, t do end")
   local list = {}
   for op in pairs(over_next) do
      if not over_other[op] then list[#list + 1] = op end
   end
   return list
end

local function is_special(f)
   local found = opcodes(f)
   for _, op in ipairs(special()) do
      if found[op] then return true end
   end
   return false
end

local function script(text)
   local env = environment.make({ control = abi.ffi.new("struct mill_control"), allowed = {},
      labels = {}, find_module = function() end }, { "mill" })
   return setfenv(assert(loadstring(text, "@job.lua")), env)
end

it("a loop of a script becomes an ordinary one at its first run", function()
   assert.equal(2, #special())
   for _, text in ipairs { "for k, v in pairs(...) do end", "for k in next, (...) do end",
      "local p = pairs for k in p(...) do end", "local next = next for k in next, (...) do end" } do
      local loop = script(text)
      loop { 1, 2, a = 3 }
      assert.is_false(is_special(loop), text)
   end
end)

it("so does one of the engine", function()
   assert.equal(traversal.pairs, pairs)
   local loop = loadstring "for k in pairs(...) do end"
   assert.is_true(is_special(loop))
   loop { 1 }
   assert.is_false(is_special(loop))
end)

it("all members are gone through once", function()
   for _, t in ipairs { {}, { 1 }, { 1, 2, 3 }, { a = 1 }, { 1, nil, 3, a = 4, [2.5] = 5 } } do
      local wanted, came, k = {}, {}, next(t)
      while k ~= nil do
         wanted[k] = t[k]
         k = next(t, k)
      end
      for name, v in traversal.pairs(t) do
         assert.is_nil(came[name])
         came[name] = v
      end
      assert.same(wanted, came)
   end
   local t = { 1, 2, a = 3, b = 4 }
   for name in traversal.pairs(t) do t[name] = nil end
   assert.same({}, t)
end)

it("what is no table is said, with the script's line", function()
   assert.equal("job.lua:1: bad argument #1 to 'pairs' (table expected, got number)",
      half.failure(script "for k in pairs(5) do end"))
   assert.equal("job.lua:1: bad argument #1 to 'pairs' (table expected, got nil)",
      half.failure(script "for k in pairs() do end"))
   assert.equal("job.lua:1: bad argument #1 to 'next' (table expected, got number)",
      half.failure(script "local k = next(5) return k"))
   assert.equal(nil, script "return (next({}))" ())
   local key, value = script "return next({ 7 })" ()
   assert.same({ 1, 7 }, { key, value })
end)
