"""rate_stream: every value once, in order, over kills and restarts, whatever the workers."""
import json
import random
import signal
import time

import jobs
import oracle
from harness import check, check_equal, test, wait_until


def job_of(place, rate, options="batch = '50ms'"):
    return place.write("job.lua", f"local mill = require 'tidemill'\n"
                                  f"local job = mill.job('job', {{{options}}})\n"
                                  f"job:rate_stream{{{rate}}}\n"
                                  f"   :to_files('out', {{format = 'json'}})\n"
                                  f"return job\n")


def rows(place):
    return [json.loads(x) for x in oracle.part_bytes(place / "out").splitlines()]


@test(each=(1, 4))
def once_gives_all_rows_of_a_rate(place, workers):
    job_of(place, "rows_per_second = 1000, rows = 100000",
           f"workers = {workers}, batch_bytes = '1MiB'")
    jobs.run_once(place).exits(0)
    came = rows(place)
    check_equal([r["value"] for r in came], list(range(100000)), "values")
    check_equal([r["time"] - came[0]["time"] for r in came], list(range(100000)), "times")
    check(len(list((place / "out").glob("part-*"))) > 1, "batch_bytes cuts it into epochs")
    jobs.run_once(place).exits(0).says("nothing new")


@test
def once_without_an_end_of_a_rate_is_refused(place):
    job_of(place, "rows_per_second = 1000")
    jobs.run_once(place).exits(2).says("rate_stream at job.lua:3 never ends", "rows = N")


@test
def a_rate_steps_with_the_virtual_clock(place):
    job_of(place, "rows_per_second = 10, rows = 35", "batch = '1s'")
    jobs.run_once(place, "job.lua", "--clock", "virtual").exits(0)
    check_equal(rows(place), [{"time": 100 * n, "value": n} for n in range(35)], "rows")
    check_equal(len(list((place / "out").glob("part-*"))), 4, "epochs with rows")


@test(each=(1, 4))
def a_rate_goes_on_after_kills_with_what_was_due(place, workers):
    job_of(place, "rows_per_second = 2000", f"batch = '20ms', workers = {workers}")
    chance = random.Random(workers)
    for _ in range(5):
        running = place.start("run", "job.lua")
        time.sleep(0.1 + chance.random() * 0.3)
        running.kill()
    running = place.start("run", "job.lua")
    had = len(rows(place))
    wait_until(lambda: len(rows(place)) > had + 1000, "it goes on")
    running.signal(signal.SIGTERM).wait(10).exits(0)
    came = rows(place)
    check_equal([r["value"] for r in came], list(range(len(came))), "values")
    check_equal([r["time"] - came[0]["time"] for r in came], [n // 2 for n in range(len(came))],
                "times")
    late = time.time() * 1000 - came[-1]["time"]
    check(late < 10000, "the last row is of {} ms ago: what was due meanwhile is missing", late)


@test
def a_jobs_test_gets_the_records_of_a_rate_by_time(place):
    place.write("job.lua", """local mill = require 'tidemill'
local job = mill.job('job')
job:rate_stream{rows_per_second = 2}:map(function(e) return e.value end):print()
job:test('by time', function(t)
   t:advance('2s')
   t:expect { 0, 1, 2, 3 }
end)
job:test('not by input', function(t)
   t:input('a')
end)
return job
""")
    end = place.run("test", "-v", "job.lua").exits(1)
    out = end.out.decode()
    check("ok: job.lua: by time" in out, "by time: {}", out)
    check("job.lua:9: t:input: a rate_stream makes its records itself" in out, "input: {}", out)
