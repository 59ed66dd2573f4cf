-- Every line with its batch time to standard output: at least once, a batch always the same.
local mill = require "tidemill"

local job = mill.job("stdout")

job:text_file_stream(mill.arg("input"))
   :map(function(line) return { line, mill.now() } end)
   :to_stdout()

return job
