-- JSON lines from files to files: as they are, filtered, or filtered and with other names. What
-- bench/run json_passthrough runs.
local mill = require "tidemill"

local job = mill.job("json-passthrough", { batch = "1s" })
local events = job:file_stream(mill.arg("input", "input"), { format = "json" })

local what = mill.arg("what", "rename")
if what ~= "copy" then
   events = events:filter(function(e) return e.event_type == "view" end)
end
if what == "rename" then
   events = events:map(function(e) return { ad = e.ad_id, at = e.event_time, page = e.page_id } end)
end
events:to_files(mill.arg("output", "output"), { format = "json" })

return job
