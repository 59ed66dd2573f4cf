-- Counts the words of the files in a folder from the job's first batch on: a running total for each
-- word, which outlives a restart.
--
--   tidemill run --once --set input=DIR scripts/wordcount_stateful.lua
--   tidemill run --once --set input=DIR --set output=OUT scripts/wordcount_stateful.lua
--
-- Each batch gives all words with their totals. With an output folder they are written there as
-- JSON rows: ["word", 3].
local mill = require "tidemill"

local input = mill.arg("input", "input")
local output = mill.arg("output")

local job = mill.job("wordcount_stateful")

local totals = job:text_file_stream(input)
   :flat_map(mill.words)
   :map_to_pair(function(word) return word, 1 end)
   :update_state_by_key(function(ones, total) return (total or 0) + #ones end)

if output then
   totals:to_files(output, { format = "json" })
else
   totals:print()
end

job:test("totals run on from batch to batch", function(t)
   t:input("to be or not", "to be")
   t:advance()
   t:expect { { "be", 2 }, { "not", 1 }, { "or", 1 }, { "to", 2 } }
   t:input("not to be")
   t:advance()
   t:expect { { "be", 3 }, { "not", 2 }, { "or", 1 }, { "to", 3 } }
end)

job:test("a batch without lines gives the totals again", function(t)
   t:input("a rose is a rose")
   t:advance()
   t:advance()
   t:expect {
      { "a", 2 }, { "is", 1 }, { "rose", 2 },
      { "a", 2 }, { "is", 1 }, { "rose", 2 },
   }
end)

return job
