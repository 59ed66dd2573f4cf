-- Goal: durations and sizes are read as users write them, and written as short as can be.
-- Method: tables of texts with what they mean; texts that mean nothing.
require "half"
local units = require "tidemill.units"

describe("a duration", function()
   it("is a whole number and a unit", function()
      local known = {
         ["0ms"] = 0, ["200ms"] = 200, ["5s"] = 5000, ["10m"] = 600000, ["1h"] = 3600000,
         ["7d"] = 604800000, ["007s"] = 7000,
      }
      for text, ms in pairs(known) do assert.equal(ms, (units.duration(text)), text) end
   end)

   it("is nothing else", function()
      for _, text in ipairs { "", "5", "s", "-5s", "+5s", "1.5s", "5 s", " 5s", "5s ", "5S", "5sec",
         "1h30m", "0x5s", "1e3s", "5KiB", "5µs" } do
         local ms, err = units.duration(text)
         assert.is_nil(ms, text)
         assert.equal('write for example "5s" (ms, s, m, h, d)', err)
      end
   end)

   it("is at most what a double counts exactly", function()
      assert.equal(2 ^ 53, (units.duration("9007199254740992ms")))
      assert.is_nil(units.duration("9007199254740994ms"))
      assert.is_nil(units.duration("104249991375d"))
   end)

   it("that is no text is none", function()
      assert.is_nil(units.duration(5))
      assert.is_nil(units.duration(true))
      assert.is_nil(units.duration(nil))
   end)
end)

describe("a size", function()
   it("is a whole number and a unit", function()
      local known = {
         ["0B"] = 0, ["17B"] = 17, ["64KiB"] = 65536, ["3MiB"] = 3145728, ["1GiB"] = 1073741824,
         ["2TiB"] = 2199023255552,
      }
      for text, bytes in pairs(known) do assert.equal(bytes, (units.size(text)), text) end
   end)

   it("has no other units", function()
      for _, text in ipairs { "5", "5kB", "5KB", "5MB", "5k", "5M", "5kib", "5b", "5s" } do
         local bytes, err = units.size(text)
         assert.is_nil(bytes, text)
         assert.equal('write for example "64MiB" (B, KiB, MiB, GiB, TiB)', err)
      end
   end)

   it("is at most what a double counts exactly", function()
      assert.equal(2 ^ 53, (units.size("8192TiB")))
      assert.is_nil(units.size("8193TiB"))
   end)
end)

describe("the shortest text", function()
   it("of a duration has the largest unit that fits", function()
      local known = {
         [0] = "0ms", [1] = "1ms", [999] = "999ms", [1000] = "1s", [1500] = "1500ms",
         [60000] = "1m", [61000] = "61s", [3600000] = "1h", [5400000] = "90m",
         [86400000] = "1d", [90000000] = "25h",
      }
      for ms, text in pairs(known) do assert.equal(text, units.format_duration(ms)) end
   end)

   it("of a size has the largest unit that fits", function()
      local known = {
         [0] = "0B", [1] = "1B", [1023] = "1023B", [1024] = "1KiB", [1025] = "1025B",
         [2 ^ 20] = "1MiB", [3 * 2 ^ 19] = "1536KiB", [2 ^ 30] = "1GiB", [2 ^ 41] = "2TiB",
      }
      for bytes, text in pairs(known) do assert.equal(text, units.format_size(bytes)) end
   end)

   it("means what it was made from", function()
      for exponent = 0, 52 do
         for _, n in ipairs { 2 ^ exponent, 2 ^ exponent + 1, 3 * 2 ^ exponent % 2 ^ 53 } do
            assert.equal(n, (units.duration(units.format_duration(n))))
            assert.equal(n, (units.size(units.format_size(n))))
         end
      end
   end)
end)
