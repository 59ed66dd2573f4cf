"""job:on: what handlers get, and that nothing they do ends or holds the job."""
import json
import signal

import jobs
from harness import check, check_equal, test, wait_until

LOG = """local function log(kind)
   return function(info)
      info.kind = kind
      local f = io.open('events', 'a')
      local list = {}
      for k, v in pairs(info) do
         if type(v) == 'string' then v = ('%q'):format((v:gsub('[^%w_ ]', ' '))) end
         list[#list + 1] = ('%q:%s'):format(k, v)
      end
      f:write('{', table.concat(list, ','), '}\\n')
      f:close()
   end
end
for _, kind in ipairs { 'batch_started', 'batch_completed', 'error', 'stopped' } do
   job:on(kind, log(kind))
end
lines:map(function(x) if x == 'bad' then error('no') end return x end):to_files('out')
"""


def events(place, *kinds):
    path = place / "events"
    came = [json.loads(x) for x in path.read_text().splitlines()] if path.exists() else []
    return [x for x in came if not kinds or x["kind"] in kinds]


@test
def handlers_hear_of_batches_and_of_the_end(place):
    place.write("in/1.txt", "a\nbad\nb\n")
    jobs.script(place, LOG, "allow = {'io'}, max_error_ratio = 1")
    jobs.run_once(place).exits(0)
    check_equal([x["kind"] for x in events(place)],
                ["batch_started", "batch_completed", "stopped"], "events")
    started, done, stopped = events(place)
    check_equal((done["epoch"], done["records"], done["rows"], done["errors"], done["bytes"]),
                (1, 3, 2, 1, 8), "the batch")
    check_equal(done["batch_time"], started["batch_time"], "batch time")
    check(0 <= done["processing_delay"] < 60000, "processing delay: {}", done)
    check(abs(done["total_delay"] - done["processing_delay"] - done["scheduling_delay"]) < 0.01,
          "total delay: {}", done)
    check_equal((stopped["reason"], stopped["epoch"]), ("finished", 1), "the end")


@test
def handlers_hear_of_an_error(place):
    place.write("in/1.txt", "bad\n")
    jobs.script(place, LOG, "allow = {'io'}, on_error = 'fail'")
    jobs.run_once(place).exits(1)
    error, stopped = events(place, "error", "stopped")
    check("no" in error["message"], "message: {}", error)
    check_equal(stopped["reason"], "failed", "the end")


@test
def an_error_in_a_handler_is_a_warning_with_its_line(place):
    place.write("in/1.txt", "a\n")
    jobs.script(place, "job:on('batch_completed', function(info)\n   error('boom')\nend)\n"
                       "lines:to_files('out', {format = 'text'})")
    jobs.run_once(place).exits(0).says(r'warning.*job:on\("batch_completed"\).*job\.lua:4.*'
                                       r"job\.lua:5: boom")
    check_equal(jobs.lines_out(place), [b"a"], "rows")


@test(each=("while true do end", "pcall(function() while true do end end)"))
def a_handler_without_an_end_does_not_hold_the_job(place, body):
    place.write("in/1.txt", "a\n")
    jobs.script(place, f"job:on('batch_completed', function()\n   {body}\nend)\n"
                       "lines:to_files('out', {format = 'text'})", "batch = '50ms'")
    running = place.start("run", "job.lua")
    running.wait_for_text("ran past its timeout; it was stopped, and is not called again")
    place.write("in/2.txt", "b\n")
    wait_until(lambda: jobs.lines_out(place) == [b"a", b"b"], "the next file is read")
    end = running.signal(signal.SIGTERM).wait(10).exits(0)
    check_equal(end.err.count("not called again"), 1, "how often it is said")
