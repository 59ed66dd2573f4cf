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

return job
