-- Alerts for hosts whose CPU, memory or network stays over a threshold, and their end.
--
--   tidemill run --set input=samples/ scripts/alerts.lua
--   tidemill run --once --set input=samples/ --set output=OUT scripts/alerts.lua
--
-- input   a folder of CSV files, header time,host,metric,value (scripts/data/samples/);
--         time in ms or ISO 8601; metric cpu, memory or network, in per cent
-- hold    an alert begins when a metric was over its threshold for so many seconds (30)
-- output  a folder for JSON rows ["host metric", "begins" or "ends", time in ms]; else they are
--         printed
--
-- One value below the threshold ends what was being held; an alert ends only below a lower
-- threshold, so that a value at the threshold does not switch it on and off.
local mill = require "tidemill"

local BEGINS = { cpu = 90, memory = 95, network = 80 }
local ENDS = { cpu = 80, memory = 90, network = 60 }
local hold_ms = tonumber(mill.arg("hold", "30")) * 1000
local output = mill.arg("output")

local job = mill.job("alerts", { batch = "1s" })

-- s.over: since when the metric is over its threshold; s.alert: whether that was said.
local function watch(key, sample, state)
   local s = state:get() or {}
   local value, time = sample.value, sample.time
   if s.alert then
      if value < ENDS[sample.metric] then
         state:remove()
         return key, { what = "ends", time = time }
      end
   elseif value < BEGINS[sample.metric] then
      if s.over then state:remove() end
   elseif not s.over then
      state:update { over = time }
   elseif time - s.over >= hold_ms then
      state:update { over = s.over, alert = true }
      return key, { what = "begins", time = time }
   end
end

local alerts = job:file_stream(mill.arg("input", "scripts/data/samples/"),
      { format = "csv", types = { value = "number" } })
   :filter(function(s) return BEGINS[s.metric] ~= nil end)
   :map_to_pair(function(s)
      return s.host .. " " .. s.metric,
         { metric = s.metric, value = s.value, time = mill.time(s.time) }
   end)
   :map_with_state(watch, { gives = "pairs" })
   :named("alerts")
   :map(function(key, alert) return { key, alert.what, alert.time } end)

if output then
   alerts:to_files(output, { format = "json" })
else
   alerts:map(function(a) return ("%s: %s"):format(a[1], a[2]) end):print(100)
end

--- Lines of one metric of one host, ten seconds apart.
local function samples(first, host, metric, ...)
   local list = { "time,host,metric,value" }
   for i, value in ipairs { ... } do
      list[i + 1] = ("%d,%s,%s,%s"):format((first + 10 * (i - 1)) * 1000, host, metric, value)
   end
   return unpack(list)
end

job:test("an alert begins when a metric was over its threshold for long enough", function(t)
   t:input(samples(100, "a", "cpu", 91, 95, 92, 99, 97))
   t:advance()
   t:expect(output and { { "a cpu", "begins", 130000 } } or { "a cpu: begins" })
end)

job:test("one value below the threshold ends what was being held", function(t)
   t:input(samples(100, "a", "cpu", 91, 95, 92, 89, 97, 97, 97))
   t:advance()
   t:expect {}
end)

job:test("an alert ends below the lower threshold, and may begin again", function(t)
   t:input(samples(100, "a", "network", 80, 80, 80, 80, 79, 60, 59, 80, 80, 80, 80))
   t:advance()
   t:expect(output and { { "a network", "begins", 130000 }, { "a network", "ends", 160000 },
         { "a network", "begins", 200000 } }
      or { "a network: begins", "a network: ends", "a network: begins" })
end)

job:test("hosts and metrics have alerts of their own", function(t)
   t:input(samples(100, "a", "cpu", 91, 95, 92))
   t:advance()
   t:input(samples(130, "b", "cpu", 99), samples(130, "a", "memory", 99))
   t:advance()
   t:expect {}
end)

return job
