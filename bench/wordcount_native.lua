-- scripts/wordcount.lua without functions of the user: all that counts the words is C.
local mill = require "tidemill"

local job = mill.job("wordcount-native")

job:text_file_stream(mill.arg("input", "input"))
   :flat_map(mill.words)
   :count_by_value()
   :to_files(mill.arg("output", "output"), { format = "json" })

return job
