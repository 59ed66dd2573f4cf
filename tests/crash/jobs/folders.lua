-- A folder for each batch, as Spark makes them: prefix-TIME.txt
local mill = require "tidemill"

local job = mill.job("folders")

job:text_file_stream(mill.arg("input"))
   :flat_map(mill.words)
   :count_by_value()
   :save_as_text_files(mill.arg("output"), "txt")

return job
