-- Page views of a web server, minute by minute of the log's own time.
--
--   tidemill run --set input=/var/log/nginx/ --set pattern=access.log scripts/web_traffic.lua
--   tidemill run --once --set output=OUT scripts/web_traffic.lua
--
-- input   a folder of access logs, common or combined (scripts/data/access/)
-- pattern which of its files (*)
-- output  a folder for JSON rows [path, views, {"start_ms":, "end_ms":}]; without it they are shown
--
-- A view is a GET that was answered with 200 or 304; what follows a "?" does not count. A minute is
-- shown once, ten seconds after it is over in the log; later lines are kept in late/ of the data
-- directory. Lines that are no log lines are dead letters.
local mill = require "tidemill"

local output = mill.arg("output")

local job = mill.job("web_traffic", { batch = "1s" })

local function is_view(request)
   return request.method == "GET" and (request.status == 200 or request.status == 304)
end

local function page(request)
   local path = request.path
   return mill.contains(path, "?") and mill.between(path, "", "?") or path
end

local views = job:file_stream(mill.arg("input", "scripts/data/access/"),
      { format = "access_log", pattern = mill.arg("pattern", "*") })
   :event_time("time", { max_delay = "10s", idle = "1m" })
   :filter(is_view)
   :map_to_pair(function(request) return page(request), 1 end)
   :tumbling("1m")
   :count()

if output then
   views:to_files(output, { format = "json" })
else
   views:print(100)
end

local FIRST = 1791640500000 -- 10 October 2026, 13:55

local function line(time, path, status, method)
   return ('192.0.2.1 - - [10/Oct/2026:13:%s +0000] "%s %s HTTP/1.1" %d 512')
      :format(time, method or "GET", path, status)
end

local function minute(n)
   return { start_ms = FIRST + n * 60000, end_ms = FIRST + (n + 1) * 60000 }
end

job:test("views are counted by path, for each minute", function(t)
   t:input(line("55:00", "/", 200), line("55:59", "/", 304), line("55:30", "/a?b=1", 200),
      line("56:00", "/", 200))
   t:advance()
   t:expect { { "/", 2, minute(0) }, { "/a", 1, minute(0) }, { "/", 1, minute(1) } }
end)

job:test("only a GET that was answered is a view", function(t)
   t:input(line("55:00", "/", 404), line("55:00", "/", 200, "POST"), line("55:01", "/b", 200))
   t:advance()
   t:expect { { "/b", 1, minute(0) } }
end)

job:test("a line that comes within ten seconds is in time", function(t)
   t:input(line("55:59", "/", 200), line("56:05", "/", 200))
   t:advance()
   t:input(line("55:58", "/", 200))
   t:advance()
   t:expect { { "/", 2, minute(0) }, { "/", 1, minute(1) } }
end)

return job
