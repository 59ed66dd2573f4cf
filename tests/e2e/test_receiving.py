"""Standard input: a file, a pipe, a terminal; what was received counts once, over kills."""
import os
import pty
import re
import signal
import subprocess
import time

import jobs
import oracle
from harness import DEBUG, check, check_equal, test, wait_until


def copy_stdin(place, options=""):
    return place.write("job.lua", f"local mill = require 'tidemill'\n"
                                  f"local job = mill.job('job', {{{options}}})\n"
                                  f"job:stdin():to_files('out', {{format = 'text'}})\n"
                                  f"return job\n")


def came(place):
    return oracle.part_bytes(place / "out")


def numbered(count):
    return b"".join(b"%d\n" % n for n in range(count))


def given(place, data):
    return open(place.write("given", data), "rb")


def feed(running, data):
    running.process.stdin.write(data)
    running.process.stdin.flush()


@test
def a_million_lines_are_counted(place):
    place.write("job.lua", "local mill = require 'tidemill'\nlocal job = mill.job('job')\n"
                           "job:stdin():count():print()\nreturn job\n")
    numbers = subprocess.Popen(["seq", "1", "1000000"], stdout=subprocess.PIPE)
    out = jobs.run_once(place, stdin=numbers.stdout).exits(0).out
    numbers.wait()
    check(b"\n1000000\n" in out, "it printed {!r}", out)


@test
def a_last_line_without_its_end_counts(place):
    copy_stdin(place)
    jobs.run_once(place, stdin=given(place, b"a\r\n\nb")).exits(0)
    check_equal(came(place), b"a\n\nb\n", "lines")
    jobs.run_once(place, stdin=given(place, b"c")).exits(0)
    check_equal(came(place), b"a\n\nb\nc\n", "lines of two runs")
    jobs.run_once(place).exits(0).says("nothing new: all that was received is done at epoch 2")


@test
def epochs_do_not_depend_on_how_fast_input_comes(place):
    data = numbered(5000)
    for name, pause in ("slow", 0.002), ("fast", 0):
        inner = place / name
        inner.mkdir()
        copy_stdin(place)
        running = place.start("run", "--once", "--data", inner / "data", "--option",
                              "batch_bytes=5000B", "job.lua", stdin=subprocess.PIPE)
        for at in range(0, len(data), 777):
            feed(running, data[at:at + 777])
            time.sleep(pause)
        running.process.stdin.close()
        running.wait().exits(0)
        os.rename(place / "out", inner / "out")
    parts = [[path.read_bytes() for _, path in oracle.parts_of(place / name / "out")]
             for name in ("slow", "fast")]
    check_equal(len(parts[0]), 5, "epochs")
    check(parts[0] == parts[1], "the parts differ: {}", [[len(p) for p in x] for x in parts])
    check_equal(b"".join(parts[0]), data, "lines")


@test
def lines_stay_in_order_with_many_workers(place):
    copy_stdin(place, "workers = 8")
    data = numbered(1500000)
    jobs.run_once(place, stdin=given(place, data)).exits(0)
    check(came(place) == data, "{} bytes came", len(came(place)))


@test
def a_job_that_reads_nothing_else_ends_with_standard_input(place):
    """As a filter does, also without --once; the rows of an open file get their name."""
    place.write("job.lua", """local mill = require "tidemill"
        local job = mill.job("job", {batch = "20s"})
        job:stdin():to_files("out", {format = "text", roll = "1h"})
        return job""")
    place.start("run", "job.lua", stdin=given(place, b"a\nb")).wait(10).exits(0)
    check_equal(came(place), b"a\nb\n", "rows")
    place.start("run", "job.lua", stdin=given(place, b"")).wait(10).exits(0)
    check_equal(came(place), b"a\nb\n", "rows after an empty input")


@test
def a_job_with_another_source_goes_on_after_its_end(place):
    jobs.script(place, "job:stdin():union(lines):to_files('out', {format = 'text'})",
                "batch = '50ms'")
    place.write("in/1", "")
    running = place.start("run", "job.lua", stdin=given(place, b"a\nb"))
    wait_until(lambda: came(place) == b"a\nb\n", "the lines are there")
    time.sleep(0.2)
    check(running.is_running(), "it has ended: {}", running.err())
    place.write("in/2", "c\n")
    wait_until(lambda: came(place) == b"a\nb\nc\n", "a file's line is there")
    running.signal(signal.SIGTERM).wait(10).exits(0)


@test
def tail_of_a_log_shows_results_each_interval(place):
    """tail -f app.log | tidemill run job.lua; and ends when tail does."""
    jobs.script(place, "job:stdin():count():print()", "batch = '100ms'")
    place.write("app.log", "before\n")
    with subprocess.Popen(["tail", "-n", "+1", "-f", "app.log"], cwd=place.folder,
                          stdout=subprocess.PIPE) as tail:
        running = place.start("run", "job.lua", stdin=tail.stdout)
        try:
            wait_until(lambda: b"\n1\n\n" in running.out(), "the first line is counted")
            for n in (3, 4):
                place.append("app.log", "x\n" * n)
                wait_until(lambda: b"\n%d\n\n" % n in running.out(), f"{n} lines are counted")
        finally:
            tail.kill()
        running.wait(10).exits(0)
    shown = re.findall(rb"-{43}\nTime: (\d+) ms\n-{43}\n(\d+)\n\n", running.out())
    times = [int(time_ms) for time_ms, _ in shown]
    check_equal(sum(int(count) for _, count in shown), 8, "lines in all batches")
    check(all(t % 100 == 0 for t in times) and times == sorted(set(times)), "batches of {}", times)


@test
def lines_come_out_while_input_goes_on(place):
    copy_stdin(place, "batch = '50ms'")
    running = place.start("run", "job.lua", stdin=subprocess.PIPE)
    for n in range(3):
        feed(running, b"%d\n" % n)
        wait_until(lambda: came(place) == numbered(n + 1), f"line {n} is there")
    feed(running, b"half")
    wait_until(lambda: b"half" in oracle.received_bytes(jobs.data_of(place)), "it was received")
    running.signal(signal.SIGTERM).wait(10).exits(0)
    jobs.run_once(place).exits(0)
    check_equal(came(place), numbered(3), "lines")
    check_equal([(x["record"], x["reason"]) for x in jobs.letters_of(place)],
                [(b"half", b"the connection ended within the line")], "dead letters")


@test
def a_terminal_is_read_until_its_end(place):
    copy_stdin(place)
    controller, terminal = pty.openpty()
    running = place.start("run", "--once", "job.lua", stdin=terminal)
    os.close(terminal)
    os.write(controller, b"one\ntwo\n\x04")
    running.wait(20).exits(0)
    os.close(controller)
    check_equal(came(place), b"one\ntwo\n", "lines")


@test
def a_signal_leaves_what_was_received_to_the_next_start(place):
    copy_stdin(place)
    running = place.start("run", "--once", "job.lua", stdin=subprocess.PIPE)
    feed(running, b"a\nb\n")
    wait_until(lambda: oracle.received_lines(jobs.data_of(place)) == b"a\nb\n", "it is received")
    running.signal(signal.SIGINT).wait(10).exits(1).says("4 received bytes")
    jobs.run_once(place).exits(0)
    check_equal(came(place), b"a\nb\n", "lines")


@test
def what_is_in_the_log_counts_once_over_kills(place):
    copy_stdin(place, "batch = '20ms'")
    data, begin = numbered(30000), 0
    for n in range(6):
        running = place.start("run", "--option", "batch_bytes=8KiB", "job.lua",
                              stdin=subprocess.PIPE)
        try:
            for at in range(begin, len(data), 1000):
                feed(running, data[at:at + 1000])
                time.sleep(0.001 * n)
                if at > begin + 40000:
                    break
        except BrokenPipeError:
            pass
        if n == 5:
            wait_until(lambda: oracle.received_lines(jobs.data_of(place)), "something is received")
        running.kill()
        logged = oracle.received_lines(jobs.data_of(place))
        jobs.run_once(place).exits(0)
        check(data.startswith(came(place)), "what came is not how the input begins")
        check(came(place).endswith(logged), "{} bytes of the log did not come", len(logged))
        begin = len(came(place))
    check(begin > 0, "nothing came")


@test
def a_log_that_is_gone_is_refused_and_fresh_starts_over(place):
    copy_stdin(place)
    jobs.run_once(place, stdin=given(place, b"a\n")).exits(0)
    (log,) = (jobs.data_of(place) / "received" / "1").glob("*.log")
    log.unlink()
    jobs.run_once(place).exits(3).says("stdin: the received data in .* ends at byte 0, but the "
                                       "job has saved up to byte 42", "--fresh")
    jobs.run_once(place, "job.lua", "--fresh", stdin=given(place, b"b\n")).exits(0)
    check_equal(came(place), b"b\n", "lines")


@test
def fresh_says_what_it_drops(place):
    copy_stdin(place)
    running = place.start("run", "--once", "job.lua", stdin=subprocess.PIPE)
    feed(running, b"a\nb\n")
    wait_until(lambda: oracle.received_lines(jobs.data_of(place)) == b"a\nb\n", "it is received")
    running.kill()
    jobs.run_once(place, "job.lua", "--fresh").exits(0).says("--fresh drops 4 bytes that were "
                                                             "received and not yet read")
    check_equal(came(place), b"", "lines")


@test(each=("commit_before_write", "commit_after_write"))
def a_log_goes_with_its_source_whenever_it_is_killed(place, failpoint):
    folder = jobs.data_of(place) / "received" / "1"
    copy_stdin(place)
    jobs.run_once(place, stdin=given(place, b"a\n")).exits(0)
    jobs.copy_lines(place)
    place.write("in/1.txt", b"b\n")
    jobs.run_once(place, program=DEBUG, may_die=True, env={"TIDEMILL_FAILPOINT": failpoint + ":kill@1"})
    check(folder.exists(), "the folder went before anything was committed")
    place.write("in/2.txt", b"c\n")
    jobs.run_once(place).exits(0)
    check(not folder.exists(), "the folder is still there")
    copy_stdin(place)
    jobs.run_once(place, stdin=given(place, b"d\n")).exits(0)
    check_equal(came(place), b"a\nb\nc\nd\n", "lines")


@test
def explain_reads_nothing(place):
    copy_stdin(place)
    place.run("explain", "job.lua", stdin=given(place, b"a\n")).exits(0)
    check(not jobs.data_of(place).exists(), "it made a data directory")
