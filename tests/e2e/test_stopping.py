"""Signals, and a standard output that goes away."""
import gzip
import os
import re
import select
import signal
import subprocess
import time

import jobs
import oracle
from harness import DEBUG, check, check_equal, test, wait_until

SLOW_COMMITS = {"TIDEMILL_FAILPOINT": "commit_before_write:delay@1+"}


@test(each=["SIGINT", "SIGTERM"])
def a_signal_commits_publishes_and_exits_0(place, name):
    place.write("in/0", "0\n")
    jobs.script(place, "lines:to_files('out', {format = 'text', roll = '1GiB'})")
    running = place.start("run", "--option", "batch=100ms", "job.lua")
    for n in range(1, 40):
        place.write(f"x{n}", f"{n}\n").rename(place / f"in/{n}")
        time.sleep(0.01)
    wait_until(lambda: list(place.folder.glob("out/**/*-*-*")), "the first epoch is prepared")
    begin = time.monotonic()
    running.signal(getattr(signal, name)).wait(8).exits(0)
    check(time.monotonic() - begin < 5, "it took more than 5 s")
    oracle.check_nothing_temporary(jobs.data_of(place), place / "out")
    lines = jobs.lines_out(place)
    check(b"0" in lines, "not even the first file was published: {}", lines)
    jobs.run_once(place).exits(0)
    check_equal(sorted(map(int, jobs.lines_out(place))), list(range(40)), "lines in the end")


@test(each=["SIGINT", "SIGTERM"])
def a_signal_with_once_drops_the_epoch_and_says_what_is_left(place, name):
    for n in range(5):
        place.write(f"in/{n}", f"{n}\n" * 4000)
    jobs.copy_lines(place)
    running = place.start("run", "--once", "--option", "batch_bytes=4096B", "job.lua",
                          program=DEBUG, env=SLOW_COMMITS)
    wait_until(lambda: jobs.lines_out(place), "the first epoch is published")
    end = running.signal(getattr(signal, name)).wait(8).exits(1)
    end.says(r"stopped at epoch \d+; \d+ files with \d+ bytes are left", "[Ss]tart again")
    files, size = map(int, re.search(r"(\d+) files with (\d+) bytes",
                                                   end.err).groups())
    done = len(oracle.part_bytes(place / "out"))
    check_equal(size, 5 * 8000 - done, "bytes that it says are left")
    check_equal(files, (size + 7999) // 8000, "files that it says are left")
    oracle.check_nothing_temporary(jobs.data_of(place), place / "out")
    jobs.run_once(place).exits(0)
    check_equal(jobs.lines_out(place), oracle.lines_in(place / "in"), "lines in the end")


@test
def a_signal_with_once_drops_the_epoch_whose_commit_found_no_room(place):
    """It was run again, without its input, and committed empty."""
    place.write("in/a", "1\n" * 4000)
    jobs.script(place, "lines:count():print()")
    running = place.start("run", "--once", "--option", "batch_bytes=4096B", "job.lua",
                          program=DEBUG, env={"TIDEMILL_FAILPOINT":
                              "commit_before_write:delay@1+,commit_write:enospc@5"})
    wait_until(running.out, "the first epoch is published")
    end = running.signal(signal.SIGTERM).wait(20).exits(1).says("waiting for space", "are left")
    check_equal(end.out.count(b"2048"), 1, "counts of the first epoch")
    check_equal(end.out.count(b"Time:"), 1, "epochs: {}".format(end.out))
    end = jobs.run_once(place).exits(0)
    check_equal(end.out.count(b"1952"), 1, "counts of the second epoch: {}".format(end.out))


@test
def a_signal_with_once_does_not_wait_for_long_functions(place):
    place.write("in/a", "1\n" + 1000 * "2\n")
    jobs.script(place, "lines:map(function(s) while s == '2' do end return s end):to_files('out')",
                options="deadline = '30s'")
    running = place.start("run", "--once", "job.lua").wait_for_handler()
    time.sleep(0.5)
    begin = time.monotonic()
    running.signal(signal.SIGTERM).wait(8).exits(1).says("are left")
    check(time.monotonic() - begin < 3, "it took {:.1f} s", time.monotonic() - begin)
    check_equal(oracle.parts_of(place / "out"), [], "parts")


def spin(place, rounds):
    """A job whose record "2" takes its time. Scripts have no clock: count rounds."""
    jobs.script(place, f"""lines:map(function(s)
           local x = 1
           if s == "2" then
              io.open("begun", "w"):close()
              for i = 1, {rounds} do x = (x * 16807) % 2147483647 end
           end
           return s .. (x == 0 and "!" or "")
        end):to_files("out", {{format = "text", roll = "1GiB"}})""",
                options="deadline = '60s', allow = {'io'}")


@test
def a_signal_lets_the_epoch_commit_however_long_it_takes(place):
    """It is publishing that has 5 s, not computing."""
    place.write("in/a", "2\n")
    spin(place, 50_000_000)
    begin = time.monotonic()
    jobs.run_once(place).exits(0)
    spin(place, int(50_000_000 * 7 / (time.monotonic() - begin)))
    (place / "begun").unlink()
    place.write("in/b", "2\n3\n")
    running = place.start("run", "--option", "batch=100ms", "job.lua")
    wait_until((place / "begun").exists, "it computes")
    running.signal(signal.SIGTERM).wait().exits(0)
    check_equal(jobs.lines_out(place), [b"2", b"2", b"3"], "lines")
    oracle.check_nothing_temporary(jobs.data_of(place), place / "out")


@test(each=["without --once", "with --once"])
def a_signal_does_not_wait_for_a_reader_that_is_stopped(place, how):
    place.write("in/a", "x" * 99 + "\n")
    jobs.script(place, "lines:flat_map(function(s) local t = {} for i = 1, 10000 do t[i] = s end "
                       "return t end):to_stdout()")
    read, write = os.pipe()
    options = ["--once"] if how == "with --once" else ["--option", "batch=50ms"]
    running = place.start("run", *options, "job.lua", stdout=write)
    os.close(write)
    wait_until(lambda: select.select([read], [], [], 0)[0], "the first rows are in the pipe")
    time.sleep(0.3)
    begin = time.monotonic()
    end = running.signal(signal.SIGTERM).wait(12).exits(1)
    os.close(read)
    check(4 < time.monotonic() - begin < 8, "it took {:.1f} s", time.monotonic() - begin)
    end.says("10000 rows are not published yet")
    end = jobs.run_once(place).exits(0)
    check_equal(len(end.out.splitlines()), 10000, "rows that the next start gives")


@test(each=["with --once", "without --once"])
def a_second_signal_ends_at_once(place, how):
    place.write("in/a", "1\n2\n")
    jobs.script(place, "lines:map(function(s) while s == '2' do end return s end):to_files('out')",
                options="deadline = '30s'")
    options = ["--once"] if how == "with --once" else ["--option", "batch=50ms"]
    running = place.start("run", *options, "job.lua").wait_for_handler()
    time.sleep(0.5)
    running.signal(signal.SIGTERM)
    time.sleep(0.2)
    begin = time.monotonic()
    while running.is_running() and time.monotonic() - begin < 1:
        running.signal(signal.SIGTERM)  # two at once are one
        time.sleep(0.05)
    end = running.wait(20, may_die=True)
    check(time.monotonic() - begin < 1, "it took {:.1f} s", time.monotonic() - begin)
    check(end.code in (1, -signal.SIGTERM), "exit code {}", end.code)
    jobs.script(place, "lines:to_files('out', {format = 'text'})")
    jobs.run_once(place).exits(0)
    check_equal(jobs.lines_out(place), [b"1", b"2"], "lines in the end")


@test
def a_signal_while_nothing_is_there_exits_0(place):
    (place / "in").mkdir()
    jobs.copy_lines(place)
    running = place.start("run", "--option", "batch=10s", "job.lua")
    running.wait_for_handler().signal(signal.SIGTERM).wait(5).exits(0)


@test
def a_signal_under_back_pressure_leaves_no_committed_rows_hidden(place):
    """Nothing was made behind the epochs that waited, though one was to end the open file."""
    place.write("job.lua", """local mill = require "tidemill"
local job = mill.job("job", {batch = "20ms"})
local numbers = job:rate_stream({rows_per_second = 1000})
numbers:to_files("out", {roll = "1GiB"})
numbers:for_each_batch(function()
   local x = 1
   for i = 1, 1e7 do x = (x * 16807) % 2147483647 end
end)
return job
""")
    running = place.start("run", "job.lua")
    wait_until(lambda: "are not published yet" in running.err(), "it waits for publishing")
    running.signal(signal.SIGTERM).wait(20).exits(0)
    oracle.check_nothing_temporary(jobs.data_of(place), place / "out")
    check(len(oracle.part_rows(place / "out")) > 0, "no rows")


@test
def a_signal_does_not_wait_for_what_is_unpacked(place):
    """Nor for what runs without Lua: each piece of it is looked at."""
    packed = gzip.compress(b"the tide turns the mill\n" * 1_000_000)
    place.write("in/a.gz", packed * 300)  # 7 GB
    jobs.script(place, "lines:flat_map(mill.words):count_by_value():print()")
    running = place.start("run", "--once", "job.lua").wait_for_handler()
    time.sleep(1)
    begin = time.monotonic()
    running.signal(signal.SIGTERM).wait(60).exits(1).says("are left")
    check(time.monotonic() - begin < 2, "it took {:.1f} s", time.monotonic() - begin)


@test
def a_job_that_fails_does_not_wait_for_its_other_workers(place):
    place.write("in/a", "bad\n")
    place.write("in/b", "slow\n" * 10_000)
    jobs.script(place, """lines:map(function(s)
           local x = 1
           for i = 1, s == "bad" and 1e8 or 1e7 do x = (x * 16807) % 2147483647 end
           if s == "bad" then error("this one") end
           return s .. x
        end):to_files("out")""", options="workers = 2, on_error = 'fail'")
    begin = time.monotonic()
    jobs.run_once(place).exits(1).says("this one")
    check(time.monotonic() - begin < 20, "it took {:.1f} s", time.monotonic() - begin)


@test(each=[0, 2])
def a_standard_descriptor_may_be_closed(place, descriptor):
    """What was opened first had its number, and the end was an abort."""
    place.write("in/a", "1\n")
    jobs.copy_lines(place)
    running = place.start("run", "--once", "job.lua", preexec_fn=lambda: os.close(descriptor))
    running.wait(20).exits(0)
    check_equal(jobs.lines_out(place), [b"1"], "lines")


@test
def a_standard_output_that_is_closed_is_said(place):
    place.write("in/a", "1\n")
    jobs.script(place, "lines:print()")
    running = place.start("run", "--once", "job.lua", preexec_fn=lambda: os.close(1))
    running.wait(20).exits(1).says("standard output: Bad file descriptor")


# --- tidemill stop --------------------------------------------------------------------------------

@test(each=["job", "--data"])
def stop_ends_a_running_job_and_waits_for_its_end(place, how):
    place.write("in/0", "0\n")
    jobs.script(place, "lines:to_files('out', {format = 'text', roll = '1GiB'})")
    data = ("--data", "there") if how == "--data" else ()
    running = place.start("run", "--option", "batch=50ms", *data, "job.lua")
    wait_until(lambda: list(place.folder.glob("out/.tidemill-*/open-*")), "rows are committed")
    check_equal(jobs.lines_out(place), [], "published lines")
    end = place.run("stop", *(data or ["job"])).exits(0).says(f"process {running.pid} has ended")
    check(not end.out, "it prints {}", end.out)
    running.wait(1).exits(0)
    check_equal(jobs.lines_out(place), [b"0"], "lines")
    place.run("stop", *(data or ["job"])).exits(1).says("no job runs in")


@test
def stop_signals_nobody_but_the_holder_of_the_lock(place):
    """The number in LOCK may be another process's by now."""
    place.write("in/0", "0\n")
    jobs.copy_lines(place)
    jobs.run_once(place).exits(0)
    other = subprocess.Popen(["sleep", "60"])
    try:
        (jobs.data_of(place) / "LOCK").write_text(f"{other.pid}\n")
        place.run("stop", "job").exits(1).says(r"no job runs in \.tidemill/job")
        check_equal(other.poll(), None, "how the other process ended")
    finally:
        other.kill()
        other.wait()


@test(each=["stop", "stop nope", "stop --data nope"])
def stop_of_what_is_not_there_is_said(place, words):
    place.run(*words.split()).exits(2 if words == "stop" else 1).says("name the job|no job runs in")


# --- standard output ------------------------------------------------------------------------------

def stdout_job(place, lines):
    place.write("in/a", b"".join(b"%06d\n" % n for n in range(lines)))
    jobs.script(place, "lines:to_stdout({format = 'text'})", options="batch_bytes = '64KiB'")


PIPE_BYTES = 65_536


@test
def a_reader_that_goes_away_loses_what_was_in_the_pipe_only(place):
    """What could not be written comes at the next start."""
    stdout_job(place, 50_000)
    running = place.start("run", "--once", "job.lua", stdout=subprocess.PIPE)
    taken = running.process.stdout.read(100_000)
    running.process.stdout.close()
    end = running.wait(20, may_die=True).exits(-signal.SIGPIPE)
    check_equal(end.err, "", "what it says")
    rest = list(map(int, jobs.run_once(place).exits(0).out.split()))
    check(rest, "nothing came at the next start")
    check_equal(rest, list(range(rest[0], 50_000)), "lines at the next start")
    lost = rest[0] - taken.count(b"\n")
    check(lost <= PIPE_BYTES // len("000000\n") + 1, "{} lines were lost", lost)


@test(each=["--once", "--option=batch=500ms"])
def head_takes_its_lines_and_the_job_ends(place, how):
    """As with any program of a pipe; the rows of a print, too."""
    stdout_job(place, 50_000)
    jobs.script(place, "lines:to_stdout({format = 'text'})\nlines:count():print()",
                options="batch_bytes = '64KiB'")
    running = place.start("run", how, "job.lua", stdout=subprocess.PIPE)
    head = subprocess.run(["head", "-n", "1"], stdin=running.process.stdout, capture_output=True,
                          check=True)
    running.process.stdout.close()
    check_equal(head.stdout, b"000000\n", "what head shows")
    running.wait(20, may_die=True).exits(-signal.SIGPIPE).says("^$")


@test
def a_slow_reader_gets_every_row_once(place):
    stdout_job(place, 50_000)
    running = place.start("run", "--once", "job.lua", stdout=subprocess.PIPE)
    taken = b""
    while piece := os.read(running.process.stdout.fileno(), 65_536):
        taken += piece
        time.sleep(0.02)
    running.wait().exits(0)
    check_equal(taken, (place / "in/a").read_bytes(), "rows")


@test
def a_full_standard_output_is_said_and_loses_nothing(place):
    stdout_job(place, 1000)
    with open("/dev/full", "wb") as full:
        running = place.start("run", "--once", "job.lua", stdout=full).wait_for_handler()
    time.sleep(1)
    running.signal(signal.SIGTERM)
    running.wait(20).exits(1).says("No space left|standard output")
    check_equal(jobs.run_once(place).exits(0).out, (place / "in/a").read_bytes(), "rows")


def restore_sigpipe():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


@test(each=[False, True])
def a_closed_standard_output_ends_the_job_and_loses_nothing(place, is_ignored):
    """By SIGPIPE; where that is ignored, with what is wrong."""
    stdout_job(place, 1000)
    read_end, write_end = os.pipe()
    os.close(read_end)
    ignore = {"preexec_fn": lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN)}
    running = place.start("run", "--once", "job.lua", stdout=write_end, restore_signals=False,
                          **(ignore if is_ignored else {"preexec_fn": restore_sigpipe}))
    os.close(write_end)
    end = running.wait(20, may_die=True)
    if is_ignored:
        end.exits(1).says("standard output")
    else:
        end.exits(-signal.SIGPIPE).says("^$")
    check_equal(jobs.run_once(place).exits(0).out, (place / "in/a").read_bytes(), "rows")
