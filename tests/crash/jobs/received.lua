-- Every line of standard input, as it is.
local mill = require "tidemill"

local job = mill.job("received")

job:stdin():to_files(mill.arg("output"), { format = "text" })

return job
