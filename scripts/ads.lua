-- Views of ads, counted by campaign in windows of ten seconds of the events' own time: the Yahoo
-- streaming benchmark.
--
--   tidemill run --once --set input=events/ --set ads=ads.csv --set output=out scripts/ads.lua
--
-- input   a folder of JSON lines: ad_id, event_type, event_time in ms (scripts/data/ads/events/)
-- ads     CSV with a header: ad_id,campaign_id (scripts/data/ads/ads.csv); the file may be replaced
-- output  a folder for rows [campaign, views, {"start_ms":, "end_ms":}]; else they are printed
--
-- A window closes when events of a minute later have come; views that are later still are kept in
-- late/ of the data directory.
local mill = require "tidemill"

local job = mill.job("ads", { batch = "1s" })
local ads = mill.table(mill.arg("ads", "scripts/data/ads/ads.csv"),
   { key = "ad_id", format = "csv" })

local views = job:file_stream(mill.arg("input", "scripts/data/ads/events/"),
      { format = "json" })
   :filter(function(e) return e.event_type == "view" and ads[e.ad_id] ~= nil end)
   :event_time("event_time", { max_delay = "60s" })
   :map_to_pair(function(e) return ads[e.ad_id].campaign_id, 1 end)
   :tumbling("10s")
   :count()

local output = mill.arg("output", "")
if output == "" then
   views:print()
else
   views:to_files(output, { format = "json" })
end

local function event(ad, kind, time)
   return ('{"ad_id": "%s", "event_type": "%s", "event_time": "%d"}'):format(ad, kind, time)
end

job:test("views are counted by campaign, for each ten seconds", function(t)
   t:input(event("ad0", "view", 20000), event("ad1", "view", 29999), event("ad2", "view", 25000),
      event("ad0", "view", 30000))
   t:advance()
   t:expect {
      { "spring", 2, { start_ms = 20000, end_ms = 30000 } },
      { "summer", 1, { start_ms = 20000, end_ms = 30000 } },
      { "spring", 1, { start_ms = 30000, end_ms = 40000 } },
   }
end)

job:test("clicks and unknown ads do not count", function(t)
   t:input(event("ad0", "click", 20000), event("nobody's", "view", 20000))
   t:advance()
   t:expect {}
end)

return job
