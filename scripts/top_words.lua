-- Shows the ten most frequent words of standard input, every two seconds.
--
--   tail -f LOG | tidemill run scripts/top_words.lua
--   tidemill run --once scripts/top_words.lua <scripts/text/sonnets.txt
--   tidemill run --once --set output=OUT scripts/top_words.lua <scripts/text/sonnets.txt
--
-- The most frequent word comes first; words that are as frequent come in the order of the alphabet.
-- With an output folder they are written there as JSON rows: ["word", 3].
-- `--option batch=10s` shows them every ten seconds.
local mill = require "tidemill"

local output = mill.arg("output")

local job = mill.job("top_words", { batch = "2s" })

local top = job:stdin()
   :flat_map(mill.words)
   :map_to_pair(function(word) return word, 1 end)
   :reduce_by_key(function(a, b) return a + b end)
   :top(10, function(_, count) return count end)

if output then
   top:to_files(output, { format = "json" })
else
   top:print(10)
end

job:test("the most frequent words come first", function(t)
   t:input("c b a b c", "c")
   t:advance()
   t:expect_in_order { { "c", 3 }, { "b", 2 }, { "a", 1 } }
end)

job:test("there are ten of them, words of one count by the alphabet", function(t)
   t:input("l k j i h g f e d c b a l")
   t:advance()
   t:expect_in_order {
      { "l", 2 }, { "a", 1 }, { "b", 1 }, { "c", 1 }, { "d", 1 }, { "e", 1 }, { "f", 1 },
      { "g", 1 }, { "h", 1 }, { "i", 1 },
   }
end)

job:test("each batch counts on its own", function(t)
   t:input("a a")
   t:advance()
   t:input("b")
   t:advance()
   t:expect_in_order { { "a", 2 }, { "b", 1 } }
end)

return job
