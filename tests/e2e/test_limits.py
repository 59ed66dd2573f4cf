"""max_bytes_per_batch and max_records_per_batch: no epoch takes more of a source, and nothing is
lost, over kills."""
import gzip
import os
import random
import signal
import socket
import subprocess
import threading
import time

import jobs
import oracle
from harness import check, check_equal, test, wait_until
from test_sockets import connect

LINE, LINES = 10, 2000
TEXT = b"".join(b"%09d\n" % n for n in range(LINES))


def job_of(place, source, options=""):
    place.write("job.lua", f"local mill = require 'tidemill'\n"
                           f"local job = mill.job('job', {{{options}}})\n"
                           f"job:{source}:to_files('out', {{format = 'text'}})\nreturn job\n")


def check_parts(place, at_most):
    check_equal(oracle.part_bytes(place / "out"), TEXT, "lines")
    sizes = [p.stat().st_size for p in (place / "out").glob("part-*")]
    check(max(sizes) <= at_most, "an epoch took {} bytes", max(sizes))
    return len(sizes)


@test(each=(1, 4))
def once_takes_so_many_bytes_of_files_in_each_epoch(place, workers):
    place.write("in/1.txt", TEXT[:LINE * 1234])
    place.write("in/2.txt", TEXT[LINE * 1234:])
    job_of(place, "text_file_stream('in', {max_bytes_per_batch = '1000B'})", f"workers = {workers}")
    jobs.run_once(place).exits(0)
    check_equal(check_parts(place, 1000), LINES * LINE // 1000, "epochs")


@test
def a_limit_ends_with_its_last_line(place):
    place.write("in/1.txt", TEXT)
    job_of(place, "text_file_stream('in', {max_bytes_per_batch = '1001B'})")
    jobs.run_once(place).exits(0)
    check_parts(place, 1010)


@test
def once_takes_so_many_bytes_of_standard_input_in_each_epoch(place):
    place.write("text", TEXT)
    job_of(place, "stdin{max_bytes_per_batch = '1000B'}")
    with open(place / "text", "rb") as file:
        jobs.run_once(place, stdin=file).exits(0)
    check_equal(check_parts(place, 1000), LINES * LINE // 1000, "epochs")


@test(each=(1, 4))
def limited_epochs_go_on_after_kills(place, workers):
    place.write("in/1.txt", TEXT)
    job_of(place, "text_file_stream('in', {max_bytes_per_batch = '500B'})",
           f"batch = '20ms', workers = {workers}")
    chance = random.Random(workers)
    for _ in range(4):
        running = place.start("run", "job.lua")
        time.sleep(0.1 + chance.random() * 0.3)
        running.kill()
    running = place.start("run", "job.lua")
    wait_until(lambda: len(oracle.part_bytes(place / "out")) == len(TEXT), "all is read")
    running.signal(signal.SIGTERM).wait(10, may_die=True)  # it may still be starting
    check_parts(place, 500)


# --- records

def numbers(count, chance):
    """Lines of all lengths, some of them empty."""
    return [b"" if chance.random() < 0.1 else b"%d %s" % (n, b"x" * chance.randrange(40))
            for n in range(count)]


def sizes_of(place):
    """Lines of each epoch that has rows. A part is an epoch, as long as it is small."""
    parts = oracle.parts_of(place / "out")
    check_equal(len({epoch for epoch, _ in parts}), len(parts), "epochs")
    return [len(path.read_bytes().splitlines()) for _, path in parts]


def batches_of(count, most):
    return [most] * (count // most) + ([count % most] if count % most else [])


def check_lines(place, lines):
    check(jobs.lines_out(place) == lines, "{} lines came, of {}", len(jobs.lines_out(place)),
          len(lines))


@test(each=(("1", "on"), ("4", "on"), ("4", "off")))
def once_takes_so_many_lines_of_files_in_each_epoch(place, given):
    workers, jit = given
    lines = numbers(5000, random.Random(1))
    lines[4000] = lines[-1] = b"without an end"
    place.write("in/1.txt", b"".join(b"%s\n" % line for line in lines[:1700]))
    place.write("in/2.txt", b"\n".join(lines[1700:4001]))
    place.write("in/3.txt", b"\r\n".join(lines[4001:]))
    for n in (1, 2, 3):
        os.utime(place / f"in/{n}.txt", (n, n))
    job_of(place, "text_file_stream('in', {max_records_per_batch = 300})", f"workers = {workers}")
    jobs.run_once(place, "job.lua", "--jit", jit).exits(0)
    check_lines(place, lines)
    check_equal(sizes_of(place), batches_of(5000, 300), "lines of the epochs")
    jobs.run_once(place, "job.lua", "--jit", jit).exits(0).says("nothing new: 3 files done")


@test(each=(1, 4))
def lines_are_counted_over_many_blocks(place, workers):
    text = b"".join(b"%099d\n" % n for n in range(200_000))
    place.write("in/1.txt", text)
    job_of(place, "text_file_stream('in', {max_records_per_batch = 90001}):count()",
           f"workers = {workers}")
    jobs.run_once(place).exits(0)
    check_equal(jobs.lines_out(place), [b"90001", b"90001", b"19998"], "counts")


@test
def of_two_limits_the_first_one_ends_the_epoch(place):
    place.write("in/1.txt", b"a\n" * 10 + b"x" * 99 + b"\n" + b"b\n" * 10)
    job_of(place,
           "text_file_stream('in', {max_records_per_batch = 8, max_bytes_per_batch = '50B'})")
    jobs.run_once(place).exits(0)
    check_equal(sizes_of(place), [8, 3, 8, 2], "lines of the epochs")


@test
def a_packed_file_comes_whole_and_alone(place):
    place.write("in/1.txt", b"a\n" * 5)
    place.write("in/2.gz", gzip.compress(b"b\n" * 50))
    place.write("in/3.txt", b"c\n" * 5)
    for n, name in enumerate(("1.txt", "2.gz", "3.txt")):
        os.utime(place / "in" / name, (n, n))
    job_of(place, "text_file_stream('in', {max_records_per_batch = 3})")
    jobs.run_once(place).exits(0)
    check_lines(place, [b"a"] * 5 + [b"b"] * 50 + [b"c"] * 5)
    check_equal(sizes_of(place), [3, 2, 50, 3, 2], "lines of the epochs")


@test(each=(1, 4))
def once_takes_so_many_lines_of_standard_input(place, workers):
    lines = numbers(3000, random.Random(2))
    job_of(place, "stdin{max_records_per_batch = 700}", f"workers = {workers}")
    running = place.start("run", "--once", "job.lua", stdin=subprocess.PIPE)
    text = b"".join(b"%s\n" % line for line in lines)
    for at in range(0, len(text), 7777):
        running.process.stdin.write(text[at:at + 7777])
        running.process.stdin.flush()
        time.sleep(0.005)
    running.process.stdin.close()
    running.wait().exits(0)
    check_lines(place, lines)
    check_equal(sizes_of(place), [700] * 4 + [200], "lines of the epochs")


@test(each=(1, 4))
def a_limited_listener_takes_so_many_lines_in_each_batch(place, workers):
    job_of(place, "listen('tcp://127.0.0.1:0', {max_records_per_batch = 40})",
           f"batch = '20ms', workers = {workers}")
    running = place.start("run", "job.lua")
    lines = [b"%d" % n for n in range(500)]
    with connect(running) as client:
        client.sendall(b"".join(b"%s\n" % line for line in lines) + b"unfinished")
    wait_until(lambda: len(jobs.lines_out(place)) == 500, "all lines are there")
    running.signal(signal.SIGTERM).wait(10).exits(0)
    check_lines(place, lines)
    check(max(sizes_of(place)) <= 40, "an epoch took {} lines", max(sizes_of(place)))
    check_equal([letter["record"] for letter in jobs.letters_of(place)], [b"unfinished"], "letters")


@test
def a_limited_socket_takes_so_many_lines_in_each_batch(place):
    server = socket.create_server(("127.0.0.1", 0))
    lines = [b"%d" % n for n in range(300)]

    def serve():
        client, _ = server.accept()
        client.sendall(b"".join(b"%s\n" % line for line in lines))
        client.close()

    threading.Thread(target=serve).start()
    port = server.getsockname()[1]
    job_of(place, f"socket_text_stream('127.0.0.1', {port}, {{max_records_per_batch = 40}})",
           "batch = '20s'")  # it ends with the connection
    jobs.run_once(place).exits(0)
    server.close()
    check_lines(place, lines)
    check_equal(sizes_of(place), batches_of(300, 40), "lines of the epochs")


@test(each=(1, 4))
def limited_lines_go_on_after_kills(place, workers):
    place.write("in/1.txt", TEXT)
    job_of(place, "text_file_stream('in', {max_records_per_batch = 37})",
           f"batch = '20ms', workers = {workers}")
    chance = random.Random(workers)
    for _ in range(4):
        running = place.start("run", "job.lua")
        time.sleep(0.1 + chance.random() * 0.3)
        running.kill()
    running = place.start("run", "job.lua")
    wait_until(lambda: len(oracle.part_bytes(place / "out")) == len(TEXT), "all is read")
    running.signal(signal.SIGTERM).wait(10, may_die=True)  # it may still be starting
    check_parts(place, 370)
    check_equal(sizes_of(place), batches_of(LINES, 37), "lines of the epochs")


@test
def a_limited_rate_gives_all_its_values(place):
    job_of(place, "rate_stream{rows_per_second = 10, rows = 95, max_records_per_batch = 20}"
                  ":map(function(e) return tostring(e.value) end)")
    jobs.run_once(place).exits(0)
    check_lines(place, [b"%d" % n for n in range(95)])
    check_equal(sizes_of(place), batches_of(95, 20), "lines of the epochs")
