"""Limits (base/limits.h) that are reached: what happens then is said, and nothing else is lost.
Where the real one is large a job option or a test's variable makes it less."""
import os
import signal
import socket
import subprocess
import threading
import time

import jobs
import oracle
from harness import DEBUG, check, check_equal, test, wait_until
from test_sockets import connect, job_of

MIB = 2**20


# --- records

@test(each=(1, 4))
def a_line_of_a_file_longer_than_a_record_is_a_dead_letter(place, workers):
    fits = b"x" * 16 * MIB
    place.write("in/a.txt", b"before\n" + fits + b"y\nbetween\n" + fits + b"\nafter\n")
    jobs.copy_lines(place)
    jobs.run_once(place, "job.lua", "--option", f"workers={workers}").exits(0)
    check(jobs.lines_out(place) == [b"before", b"between", fits, b"after"], "lines: {}",
          [line[:20] for line in jobs.lines_out(place)])
    (letter,) = jobs.letters_of(place)
    check_equal((letter["record"], letter["reason"], letter["offset"]),
                (b"x" * 4096, b"a line of 16777217 bytes; a record has at most 16 MiB", 7),
                "letter")


# --- rows, dead letters

COLLECT = """lines:for_each_batch(function(rows)
   local count = #rows:collect()
   local f = io.open("came", "a") f:write(count, "\\n") f:close()
end)"""


@test
def rows_that_do_not_fit_are_not_collected(place):
    jobs.script(place, COLLECT, options="allow = {'io'}, rows_max = '1MiB'")
    place.write("in/1.txt", (b"x" * 99 + b"\n") * 9_000)
    jobs.run_once(place).exits(0)
    place.write("in/2.txt", (b"x" * 99 + b"\n") * 12_000)
    jobs.run_once(place).exits(1).says(r"rows:collect: the batch has 12\d+ bytes of rows, more than "
                                       "the 1048576 that fit into memory; use each.., or raise "
                                       "rows_max")
    jobs.run_once(place, "job.lua", "--option", "rows_max=2MiB").exits(0)
    check_equal((place / "came").read_text(), "9000\n12000\n", "batches")


@test(slow=True)
def a_quarter_of_a_gigabyte_is_not_collected(place):
    with open(place.write("in/1.txt", b""), "wb") as file:
        for _ in range(20):
            file.write(b"x" * 14 * MIB + b"\n")
    jobs.script(place, COLLECT, options="allow = {'io'}")
    jobs.run_once(place).exits(1).says("more than the 268435456 that fit into memory")
    check(not (place / "came").exists(), "they were collected")


@test
def dead_letters_beyond_their_limit_stop_the_job(place):
    jobs.script(place, "lines:map(function(s) error('no') end):to_files('out')",
                options="max_error_ratio = 1, dead_letters_max = '1MiB'")
    place.write("in/1.txt", (b"x" * 999 + b"\n") * 500)
    jobs.run_once(place).exits(0)
    place.write("in/2.txt", (b"y" * 999 + b"\n") * 500)
    jobs.run_once(place).exits(1).says(
        r"dead letters in .*dead_letters have \d{7} bytes, more than dead_letters_max = 1048576 "
        "allows; the epoch was committed. Move its files part-\* away and start again, or raise it")
    place.write("in/3.txt", b"z\n")
    jobs.run_once(place).exits(1).says("dead_letters_max")  # also after a restart
    place.write("in/4.txt", b"z\n")
    jobs.run_once(place, "job.lua", "--option", "dead_letters_max=4MiB").exits(0)
    check_equal(len(jobs.letters_of(place)), 1002, "dead letters")
    for path in (jobs.data_of(place) / "dead_letters").glob("part-*"):
        path.unlink()
    place.write("in/5.txt", b"z\n")
    jobs.run_once(place).exits(0)


# --- what is received

UNREAD = 1_000_000


def send_some(client, data, seconds):
    """Send what is taken within so many seconds of silence. @return how much"""
    client.settimeout(seconds)
    sent = 0
    try:
        while sent < len(data):
            sent += client.send(data[sent:sent + 65536])
    except socket.timeout:
        pass
    client.settimeout(60)
    return sent


def held_job(place, source):
    """A job whose first epoch has handed out its only line and ends when `go` is there."""
    place.write("job.lua", f"local mill = require 'tidemill'\n"
                           f"local job = mill.job('job', {{batch = '50ms', allow = {{'io'}}, "
                           f"deadline = '60s'}})\n"
                           f"job:{source}:map(function(s)\n"
                           f"   if s == 'hold' then io.open('held', 'w'):close() end\n"
                           f"   while s == 'hold' and not io.open('go') do end\n"
                           f"   return s\n"
                           f"end):to_files('out', {{format = 'text'}})\nreturn job\n")


def received(place):
    return len(oracle.received_lines(jobs.data_of(place)))


def check_it_stands_still(place):
    """The log has as much as it may, and no more comes."""
    wait_until(lambda: received(place) >= UNREAD, "as much is received as may be unread")
    before = received(place)
    time.sleep(0.5)
    check_equal(received(place), before, "bytes received later")
    check(before <= UNREAD + 400_000, "{} bytes were received", before)  # the last read, and a pipe


@test
def clients_are_not_read_while_too_much_is_unread(place):
    held_job(place, "listen('tcp://127.0.0.1:0')")
    running = place.start("run", "job.lua", program=DEBUG,
                          env={"TIDEMILL_TEST_UNREAD_BYTES": str(UNREAD)})
    client = connect(running)
    client.sendall(b"hold\n")
    wait_until((place / "held").exists, "the first line is there")
    time.sleep(0.2)
    data = b"".join(b"%09d\n" % n for n in range(2_000_000))
    sent = send_some(client, data, 1)
    check(sent < len(data), "all was taken at once")
    check_it_stands_still(place)
    place.write("go", b"")
    client.sendall(data[sent:])
    client.close()
    wait_until(lambda: len(oracle.part_bytes(place / "out")) == len(data) + 5, "all is there", 60)
    running.signal(signal.SIGTERM).wait(20).exits(0)
    check(oracle.part_bytes(place / "out") == b"hold\n" + data, "the lines are not what was sent")


@test(each=("listen", "stdin"))
def a_full_log_is_said_and_peers_wait(place, source):
    held_job(place, "stdin()" if source == "stdin" else "listen('tcp://127.0.0.1:0')")
    env = {"TIDEMILL_TEST_RECEIVED_BYTES": "600000", "TIDEMILL_TEST_SEGMENT_BYTES": "100000"}
    running = place.start("run", "job.lua", program=DEBUG, stdin=subprocess.PIPE, env=env)
    peer = running.process.stdin if source == "stdin" else connect(running).makefile("wb")
    peer.write(b"hold\n")
    peer.flush()
    wait_until((place / "held").exists, "the first line is there")
    data = b"".join(b"%09d\n" % n for n in range(500_000))
    sender = threading.Thread(target=lambda: (peer.write(data), peer.close()))
    sender.start()
    running.wait_for_text("received/1 is full: the job does not keep up; nothing is received until "
                          "there is room")
    time.sleep(0.3)
    least = 600_000 - 256 * 1024 - 1_000  # one read did not fit, nor the heads of records
    check(least < received(place) <= 600_000, "{} bytes are in the log", received(place))
    place.write("go", b"")
    wait_until(lambda: len(oracle.part_bytes(place / "out")) == len(data) + 5, "all is there", 60)
    sender.join()
    if source == "listen":
        running.signal(signal.SIGTERM)
    running.wait(20).exits(0)
    check(oracle.part_bytes(place / "out") == b"hold\n" + data, "the lines are not what was sent")


@test
def standard_input_is_not_read_while_too_much_is_unread(place):
    held_job(place, "stdin()")
    reader, writer = os.pipe()
    running = place.start("run", "job.lua", program=DEBUG, stdin=reader,
                          env={"TIDEMILL_TEST_UNREAD_BYTES": str(UNREAD)})
    os.close(reader)
    os.write(writer, b"hold\n")
    wait_until((place / "held").exists, "the first line is there")
    time.sleep(0.2)
    place.write("given", b"".join(b"%09d\n" % n for n in range(800_000)))
    with open(writer, "wb") as pipe, open(place / "given", "rb") as given:
        feeder = subprocess.Popen(["cat"], stdin=given, stdout=pipe)
    check_it_stands_still(place)
    check(feeder.poll() is None, "all was taken at once")
    place.write("go", b"")
    running.wait(60).exits(0)
    feeder.wait()
    check(oracle.part_bytes(place / "out") == b"hold\n" + (place / "given").read_bytes(),
          "the lines are not what was given")


@test
def of_lines_that_do_not_end_the_longest_is_given_up(place):
    job_of(place, "listen('tcp://127.0.0.1:0')")
    running = place.start("run", "job.lua")
    clients = [connect(running) for _ in range(5)]
    for n, client in enumerate(clients):  # 15, 14, 13, 12 and 11 MiB
        client.sendall(b"%d" % n * (15 - n) * MIB)
    wait_until(lambda: jobs.letters_of(place), "one is given up", 60)
    for client in clients:
        client.sendall(b"end\n")
        client.close()
    wait_until(lambda: oracle.part_bytes(place / "out").count(b"\n") == 4, "the others are there")
    running.signal(signal.SIGTERM).wait(20).exits(0)
    (letter,) = jobs.letters_of(place)
    check("those of all connections together were more than 64 MiB" in letter["reason"].decode(),
          "it says {}", letter["reason"])
    check_equal(letter["record"][:1], b"0", "whose line is given up")
    check_equal(sorted(len(line) for line in jobs.lines_out(place)),
                [(15 - n) * MIB + 3 for n in (4, 3, 2, 1)], "lines of the others")
