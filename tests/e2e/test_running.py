"""Epochs of a run: their times, how they are cut, what is shown, and how far outputs lag behind."""
import os
import pty
import re
import signal
import time

import jobs
import oracle
from harness import check, check_equal, test, wait_until

LOG_BATCHES = """:for_each_batch(function(rows, time, epoch)
   local f = io.open("batches", "a")
   f:write(epoch, " ", time, " ", rows:count(), "\\n")
   f:close()
end)"""


def batches(place):
    """[(epoch, time, rows)] as a for_each_batch function saw them."""
    path = place / "batches"
    text = path.read_text() if path.exists() else ""
    return [tuple(map(int, line.split())) for line in text.splitlines()]


@test
def batch_times_are_rising_multiples_of_the_interval(place):
    place.write("in/0", "0\n")
    jobs.script(place, "lines" + LOG_BATCHES, options="allow = {'io'}")
    begin = time.time() * 1000
    running = place.start("run", "--option", "batch=200ms", "job.lua")
    wait_until(lambda: len(batches(place)) >= 4, "four batches")
    running.signal(signal.SIGTERM).wait(10).exits(0)
    jobs.run_once(place).exits(0)  # the interval is 1 s now
    place.write("in/1", "1\n")
    jobs.run_once(place).exits(0)
    seen = batches(place)
    epochs, times, _ = zip(*seen)
    check_equal(list(epochs), list(range(1, len(seen) + 1)), "epochs")
    check(all(a < b for a, b in zip(times, times[1:])), "times {}", times)
    check(all(t % 200 == 0 for t in times), "times {}", times)
    check_equal(times[-1] % 1000, 0, "the time with an interval of 1 s")
    check(abs(times[0] - begin) < 5000, "the first time is {}, it is {}", times[0], begin)


@test
def every_interval_is_an_epoch_also_without_input(place):
    (place / "in").mkdir()
    jobs.script(place, "lines:count()" + LOG_BATCHES, options="allow = {'io'}")
    running = place.start("run", "--option", "batch=100ms", "job.lua")
    wait_until(lambda: len(batches(place)) >= 3, "three batches without input")
    running.kill()
    check_equal({rows for _, _, rows in batches(place)}, {1}, "rows: count() gives a 0")


@test
def a_queue_gives_a_batch_to_each_epoch_once(place):
    place.write("job.lua", "local mill = require 'tidemill'\n"
                "local job = mill.job('job', {allow = {'io'}})\n"
                "job:queue_stream({{1, 2}, {}, {'a', {b = 1}, 5}})" + LOG_BATCHES +
                "\nreturn job\n")
    jobs.run_once(place).exits(0)
    check_equal([(e, n) for e, _, n in batches(place) if n], [(1, 2), (3, 3)], "epochs with rows")
    jobs.run_once(place).exits(0).says("nothing new")
    check_equal(sum(n for _, _, n in batches(place)), 5, "rows")


SPIN = "lines:map(function(s) local n = 0 for i = 1, 2e6 do n = n + i % 3 end return s end)"


@test
def once_with_cut_time_ends_epochs_by_the_interval(place):
    place.write("in/a", "".join(f"{n}\n" for n in range(20_000)))
    jobs.script(place, SPIN.replace("2e6", "2e3") + ":to_files('out', {format = 'text'})")
    options = ("--option", "batch=50ms", "--option", "workers=1")
    for n in range(3):  # blocks are cut only between each other: three files are at least three
        place.write(f"in/{n}", "".join(f"{n}\n" for n in range(20_000)))
    jobs.run_once(place, "job.lua", "--cut", "time", *options).exits(0)
    check(len(oracle.parts_of(place / "out")) > 1, "there is one epoch only")
    check_equal(jobs.lines_out(place), oracle.lines_in(place / "in"), "lines")


@test
def once_is_cut_by_bytes_at_line_ends_only(place):
    place.write("in/a", "".join(f"{n:09d}\n" for n in range(2000)))
    jobs.script(place, "lines:to_files('out', {format = 'text'})")
    jobs.run_once(place, "job.lua", "--option", "batch_bytes=4096B").exits(0)
    sizes = [path.stat().st_size for _, path in oracle.parts_of(place / "out")]
    check_equal(sizes, [4100, 4100, 4100, 4100, 3600], "bytes of each epoch")


@test
def two_sources_share_an_epoch_equally_and_lend_what_they_do_not_need(place):
    for name, count in (("in", 300), ("in2", 2000)):
        place.write(f"{name}/a", f"{name:9}\n" * count)
    jobs.script(place, "lines:union(job:text_file_stream('in2')):to_files('out', {format='text'})")
    jobs.run_once(place, "job.lua", "--option", "batch_bytes=8000B").exits(0)
    epochs = [path.read_bytes() for _, path in oracle.parts_of(place / "out")]
    shares = [(data.count(b"in "), data.count(b"in2")) for data in epochs]
    check_equal(shares, [(300, 500), (0, 800), (0, 700)], "lines of both sources in each epoch")


@test
def at_most_16_epochs_wait_for_a_slow_output(place):
    place.write("in/a", "".join(f"{n:09d}\n" for n in range(12_500)))
    jobs.script(place, """lines:to_files('out', {format = 'text'})
    lines:for_each_batch(function(rows, time, epoch)
       while not io.open("go") do end
       local f = io.open("slow", "a") f:write(epoch, "\\n") f:close()
    end)""", options="allow = {'io'}, deadline = '60s'")
    running = place.start("run", "--once", "--option", "batch_bytes=4096B", "job.lua")

    def prepared():
        return len(list((place / "out").glob("**/*-*-*"))) if (place / "out").exists() else 0
    wait_until(lambda: prepared() >= 16, "16 epochs are prepared and wait")
    time.sleep(1)
    check(prepared() <= 18, "{} epochs were prepared", prepared())  # one runs, one was just read
    check(not (place / "slow").exists(), "the output did not wait")
    place.write("go", b"")
    running.wait().exits(0)
    check_equal(len((place / "slow").read_text().split()), 31, "batches in the end")


@test
def print_of_a_script_goes_to_standard_error_with_its_operator(place):
    place.write("in/a", "a\n")
    jobs.script(place, "lines:map(function(s) print('seen', s) return s end):to_stdout()")
    end = jobs.run_once(place).exits(0)
    end.says(r"map at job\.lua:4: seen\ta")
    check_equal(end.out, b'"a"\n', "standard output")


def run_on_terminal(place, *arguments):
    """@return what a terminal at standard error gets"""
    master, slave = pty.openpty()
    running = place.start(*arguments, stderr=slave)
    os.close(slave)
    shown = b""
    try:
        while piece := os.read(master, 65_536):
            shown += piece
    except OSError:
        pass  # the other end was closed: the program has ended
    os.close(master)
    running.wait().exits(0)
    return shown.decode()


@test
def a_terminal_shows_one_live_line_and_leaves_it_clean(place):
    for name in range(20):
        place.write(f"in/{name}", "".join(f"{n}\n" for n in range(10)))
    jobs.script(place, SPIN + ":to_files('out')")
    shown = run_on_terminal(place, "run", "--once", "--option", "batch_bytes=4096B",
                            "--option", "workers=1", "job.lua")
    check(re.search(r"epoch \d+", shown) and "records/s" in shown, "it shows {!r}", shown)
    shares = [int(share) for share in re.findall(r"  (\d+) %", shown)]
    check(shares and shares == sorted(shares) and shares[-1] > 50, "it shows {}", shares)
    check("\n" not in shown.strip(), "it is more than a line: {!r}", shown)
    check(shown.endswith("\r\x1b[K"), "the line is not cleared: {!r}", shown[-80:])
    quiet = run_on_terminal(place, "run", "--once", "--fresh", "-q", "job.lua")
    check_equal(quiet, "", "with -q")


@test
def a_loop_with_very_many_exits_goes_on(place):
    """More than LuaJIT gives a trace. What it then raised left its stack wrong, every other time."""
    place.write("in/0", "".join(f"k{i}\n" for i in range(20000)))
    jobs.script(place, """lines:map_to_pair(function(line) return line, 1 end)
        :update_state_by_key(function(values, n) return (n or 0) + #values end, {emit = "changed"})
        :to_files("out", {format = "json"})""")
    for _ in range(12):
        jobs.run_once(place, "job.lua", "--fresh", "--option", "workers=2").exits(0)
        check_equal(len(oracle.part_rows(place / "out")), 20000, "rows")


@test(each=["4KiB", "1GiB"])
def timeouts_run_on_the_clock_and_not_on_the_batch_time(place, batch_bytes):
    """With --once the clock stands still: however many batches there are, no key times out."""
    place.write("in/a", "a\n" + "b\n" * 20_000)
    jobs.script(place, """lines:map_to_pair(function(s) return s, 1 end)
       :map_with_state(function(k, v, state)
          if state.timing_out then return k .. " timed out" end
          state:update((state:get() or 0) + v)
       end, {timeout = "2s"}):to_stdout()""", options="batch = '1s'")
    end = jobs.run_once(place, "job.lua", "--option", f"batch_bytes={batch_bytes}").exits(0)
    check_equal(end.out, b"", "rows")
