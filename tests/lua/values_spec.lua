-- Goal: values leave the Lua heap whole and in one way each, as msgpack, as JSON and as keys, and
-- what cannot is refused with its kind. Method: bytes and text of values of every kind.
local half = require "half"
local values = require "tidemill.values"
local views = require "tidemill.views"
local ffi = require "ffi"

local int64, uint64 = ffi.typeof("int64_t"), ffi.typeof("uint64_t")

local function packed(v)
   local b = half.buffer()
   values.pack(b.pointer, v, 1)
   return b.text()
end

local function json(v)
   local b = half.buffer()
   values.json(b.pointer, v, 1)
   return b.text()
end

local function key(v)
   local b = half.buffer(half.limit("LIMIT_KEY_BYTES_MAX"))
   values.key(b.pointer, v)
   return b.text()
end

local function object() return setmetatable({}, values.OBJECT) end

--- A list in a list in a list ... @param depth number of lists
local function nested(depth)
   local t = {}
   for _ = 2, depth do t = { t } end
   return t
end

local function with_itself()
   local t = {}
   t.t = t
   return t
end

local TOO_DEEP = "a table nested deeper than 32 (or one that holds itself)"

describe("a list", function()
   it("has its elements from 1 on and nothing else", function()
      assert.equal(3, values.list_length({ 1, false, "x" }))
      assert.equal(0, values.list_length({}))
      assert.is_nil(values.list_length({ 1, 2, x = 3 }))
      assert.is_nil(values.list_length({ [0] = 1, 2 }))
      assert.is_nil(values.list_length({ x = 1 }))
      assert.is_nil(values.list_length({ [2] = 1 }))
      local hole
      assert.is_nil(values.list_length({ 1, hole, 3, x = 4 }))
      assert.is_nil(values.list_length({ 1, hole, 3, [1.5] = 4 }))
   end)

   it("that is empty is none when it is marked as an object", function()
      assert.is_nil(values.list_length(object()))
      assert.equal("{}", json(object()))
      assert.equal("[]", json({}))
      assert.equal("\128", packed(object()))
      assert.equal("\144", packed({}))
   end)
end)

describe("null", function()
   it("stands where nil cannot, and cannot be changed", function()
      assert.equal("null", tostring(values.null))
      assert.equal("[1,null]", json({ 1, values.null }))
      assert.equal("\146\1\192", packed({ 1, values.null }))
      assert.equal("job.lua:1: mill.null cannot be changed",
         half.failure(half.as_script, "(...).x = 1", values.null))
   end)
end)

describe("a number that is exactly a 64-bit integer", function()
   it("is found where there is one", function()
      assert.equal(2 ^ 53, values.exact_number(int64(2 ^ 53)))
      assert.equal(-2 ^ 63, values.exact_number(int64(-2 ^ 63)))
      assert.equal(2 ^ 63, values.exact_number(uint64(2 ^ 63)))
   end)

   it("is nil where there is none", function()
      assert.is_nil(values.exact_number(int64(2 ^ 53) + 1))
      assert.is_nil(values.exact_number(9223372036854775807LL))
      assert.is_nil(values.exact_number(18446744073709551615ULL))
      assert.is_nil(values.exact_number(ffi.new("int[1]")))
   end)
end)

describe("a copy", function()
   it("shares no table with what it was made from", function()
      local inner = { 1 }
      local copied = values.copy { a = inner, b = "x", c = values.null, d = object() }
      assert.same({ 1 }, copied.a)
      assert.not_equal(inner, copied.a)
      assert.equal("x", copied.b)
      assert.equal(values.null, copied.c)
      assert.is_nil(values.list_length(copied.d))
      assert.equal(5, values.copy(5))
   end)

   it("ends at a depth of 32", function()
      assert.same(nested(32), values.copy(nested(32)))
      assert.equal(TOO_DEEP, half.failure(values.copy, nested(33)))
      assert.equal(TOO_DEEP, half.failure(values.copy, with_itself()))
   end)
end)

describe("msgpack", function()
   it("has every kind of value", function()
      for bytes, v in pairs {
         ["\195"] = true, ["\194"] = false, ["\162ab"] = "ab", ["\5"] = 5, ["\255"] = -1,
         ["\203\63\248\0\0\0\0\0\0"] = 1.5,
         ["\211\255\223\255\255\255\255\255\255"] = -int64(2 ^ 53) - 1,
         ["\207\255\255\255\255\255\255\255\255"] = 18446744073709551615ULL,
         ["\147\1\161x\144"] = { 1, "x", {} }, ["\129\161a\1"] = { a = 1 },
      } do
         assert.equal(bytes, packed(v))
      end
      assert.equal("\192", packed(nil))
   end)

   it("of equal tables is equal, however they came about", function()
      for _, count in ipairs { 3, 40 } do
         local up, down = {}, {}
         for i = 1, count do up["k" .. i], up[-i] = i, i end
         for i = count, 1, -1 do down[-i], down["k" .. i] = i, i end
         assert.equal(packed(up), packed(down))
         assert.equal(json(up), json(down))
      end
   end)

   it("has no functions, userdata, other cdata or tables as keys", function()
      assert.equal("function cannot be kept", half.failure(packed, { print }))
      assert.equal("userdata cannot be kept", half.failure(packed, newproxy()))
      assert.equal("cdata cannot be kept", half.failure(packed, ffi.new("int[1]")))
      assert.equal("a table cannot be the key of a table that is kept",
         half.failure(packed, { [{}] = 1 }))
      assert.equal("a view cannot be the key of a table that is kept",
         half.failure(packed, { [views.of_string "{}"] = 1 }))
      assert.equal("a view cannot be a member name in JSON",
         half.failure(json, { [views.of_string "{}"] = 1 }))
   end)

   it("may be a view, and hold one only where nobody refuses it", function()
      local e = views.of_string '{"a":1}'
      local refused = {}
      local function keep(v)
         values.pack_kept(half.buffer().pointer, v, function(path)
            refused[#refused + 1] = path
            error("refused", 0)
         end)
      end
      keep(e)
      assert.same({}, refused)
      assert.equal("refused", half.failure(keep, { list = { 1, e } }))
      assert.equal("refused", half.failure(keep, { list = { [e] = 1 } }))
      assert.same({ "list[2]", "list[view]" }, refused)
      assert.equal(packed(e), packed({ e }):sub(2)) -- what was refused is forgotten
   end)

   it("ends at a depth of 32", function()
      assert.equal(("\145"):rep(31) .. "\144", packed(nested(32)))
      assert.equal(TOO_DEEP .. " cannot be kept", half.failure(packed, nested(33)))
      assert.equal(TOO_DEEP .. " cannot be kept", half.failure(packed, with_itself()))
   end)
end)

describe("JSON", function()
   it("has every kind of value", function()
      assert.equal('[true,false,"a\\"b",5,1.5,{"a":{}}]',
         json({ true, false, 'a"b', 5, 1.5, { a = object() } }))
      assert.equal("[9007199254740993,18446744073709551615]",
         json({ int64(2 ^ 53) + 1, 18446744073709551615ULL }))
      assert.equal("null", json(nil))
   end)

   it("has members in order, with numbers as names", function()
      assert.equal('{"-1":1,"2.5":2,"a":4,"b":3}', json({ b = 3, a = 4, [2.5] = 2, [-1] = 1 }))
      for _, count in ipairs { 40, 17, 16 } do
         local t, members = {}, {}
         for i = 10, 9 + count do
            t["k" .. i], members[i - 9] = i, ('"k%d":%d'):format(i, i)
         end
         assert.equal("{" .. table.concat(members, ",") .. "}", json(t))
      end
   end)

   it("has no other names", function()
      assert.equal("a boolean cannot be a member name in JSON",
         half.failure(json, { [true] = 1 }))
      assert.equal("a table cannot be a member name in JSON", half.failure(json, { [{}] = 1 }))
      for _, infinite in ipairs { math.huge, -math.huge } do
         assert.equal("a number cannot be a member name in JSON",
            half.failure(json, { [infinite] = 1 }))
      end
   end)

   it("has no NaN, infinities, functions or deeper tables", function()
      assert.equal("nan cannot be written as JSON", half.failure(json, { 0 / 0 }))
      assert.equal("-inf cannot be written as JSON", half.failure(json, -math.huge))
      assert.equal("function cannot be written as JSON", half.failure(json, print))
      assert.equal(("["):rep(32) .. ("]"):rep(32), json(nested(32)))
      assert.equal(TOO_DEEP .. " cannot be written as JSON", half.failure(json, nested(33)))
   end)
end)

describe("a key", function()
   it("is by value", function()
      assert.equal(key(1), key(1LL))
      assert.equal(key(1), key(1ULL))
      assert.equal(key(0), key(-0))
      assert.equal(key({ "a", { 1, true } }), key({ "a", { 1, true } }))
      local seen = {}
      for _, v in ipairs { 1, "1", true, false, { 1 }, { "1" }, { { 1 } }, {}, "", 1.5 } do
         assert.is_nil(seen[key(v)])
         seen[key(v)] = true
      end
   end)

   it("is in order by its bytes", function()
      for _, list in ipairs {
         { -math.huge, -2, -1.5, 0, 1, 1.5, int64(2 ^ 53) + 1, 2 ^ 54, math.huge },
         { "", "\0", "a", "a\0", "aa", "b", "\255" },
         { {}, { "" }, { "\0" }, { "a" }, { "a", "b" }, { "a\0" }, { "aa" } },
      } do
         for i = 2, #list do assert.is_true(key(list[i - 1]) < key(list[i])) end
      end
   end)

   it("stands alone in its buffer", function()
      local b = half.buffer()
      values.key(b.pointer, "first")
      values.key(b.pointer, "second")
      assert.equal(key("second"), b.text())
   end)

   it("is no other value", function()
      local RULE = "a key is a string, a number, a boolean or a list of these"
      assert.equal("NaN cannot be a key", half.failure(key, { 0 / 0 }))
      assert.equal("nil cannot be a key; " .. RULE, half.failure(key, nil))
      assert.equal("function cannot be a key; " .. RULE, half.failure(key, { print }))
      assert.equal("cdata cannot be a key; " .. RULE, half.failure(key, ffi.new("int[1]")))
      for _, wrong in ipairs { { a = 1 }, { { a = 1 } }, values.null, object() } do
         assert.equal(RULE .. ", not a table", half.failure(key, wrong))
      end
      assert.equal(TOO_DEEP .. " cannot be a key", half.failure(key, nested(33)))
      assert.is_true(#key(nested(32)) > 0)
   end)

   it("has at most 64 KiB", function()
      assert.equal(65536, #key(("x"):rep(65535)))
      assert.equal("the key is longer than 64 KiB", half.failure(key, ("x"):rep(65536)))
   end)
end)
