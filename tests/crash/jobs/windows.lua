-- Windows of each kind over "KEY TIME NUMBER" lines, each into a folder of its own. Lines of the
-- key "late" are too late for theirs, but for the first.
local mill = require "tidemill"

local output = mill.arg("output")
local job = mill.job("windows")

local pairs_of = job:text_file_stream(mill.arg("input"))
   :event_time(function(line) return line:match("^%S+ (%d+)") end, { max_delay = "100ms" })
   :map_to_pair(function(line)
      local key, number = line:match("^(%S+) %d+ (%d+)$")
      return key, tonumber(number)
   end)

pairs_of:tumbling("50ms"):sum():to_files(output .. "/tumbling")
pairs_of:sliding("60ms", "20ms"):count():to_files(output .. "/sliding")
pairs_of:session("5ms"):list():map_values(function(list)
   table.sort(list)
   return list
end):to_files(output .. "/session")

return job
