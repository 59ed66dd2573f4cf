-- Counts the words of the files in a folder.
--
--   tidemill run --once --set input=DIR scripts/wordcount.lua
--   tidemill run --once --set input=DIR --set output=OUT scripts/wordcount.lua
--
-- With an output folder the counts are written there as JSON rows: ["word", 3].
local mill = require "tidemill"

local input = mill.arg("input", "input")
local output = mill.arg("output")

local job = mill.job("wordcount")

local counts = job:text_file_stream(input)
   :flat_map(mill.words)
   :map_to_pair(function(word) return word, 1 end)
   :reduce_by_key(function(a, b) return a + b end)

if output then
   counts:to_files(output, { format = "json" })
else
   counts:print()
end

job:test("words are counted in each batch", function(t)
   t:input("to be or not to be", "", "that is the question")
   t:advance()
   t:expect {
      { "be", 2 }, { "is", 1 }, { "not", 1 }, { "or", 1 }, { "question", 1 }, { "that", 1 },
      { "the", 1 }, { "to", 2 },
   }
   t:input("to be")
   t:advance()
   t:expect { { "be", 1 }, { "to", 1 } }
end)

job:test("a batch without lines gives no rows", function(t)
   t:advance()
   t:expect {}
end)

return job
