"""listen and socket_text_stream: many clients, bad clients, no clients; kills, and full logs."""
import json
import os
import re
import resource
import signal
import socket
import stat
import threading
import time

import jobs
import oracle
from harness import DEBUG, REPOSITORY, check, check_equal, test, wait_until


def job_of(place, source, options="batch = '50ms'", path="job.lua"):
    """A job that copies the lines of a source to `out`."""
    return place.write(path, f"local mill = require 'tidemill'\n"
                             f"local job = mill.job('job', {{{options}}})\n"
                             f"job:{source}:to_files('out', {{format = 'text'}})\n"
                             f"return job\n")


LISTEN = "listen('tcp://127.0.0.1:0')"


def came(place):
    return oracle.part_bytes(place / "out")


def port_of(running):
    running.wait_for_text(r"listening on tcp://\S+:\d+\n")
    return int(re.findall(r"listening on tcp://\S+:(\d+)\n", running.err())[-1])


def connect(running):
    client = socket.create_connection(("127.0.0.1", port_of(running)), timeout=20)
    return client


def read_all(client):
    data = b""
    try:
        while more := client.recv(1000):
            data += more
    except ConnectionResetError:
        pass
    return data


def send_all(client, data, slice_bytes):
    for at in range(0, len(data), slice_bytes):
        client.sendall(data[at:at + slice_bytes])
    client.close()


def rss_of(running):
    text = open(f"/proc/{running.pid}/status").read()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) * 1024


# --- listen

@test
def fifty_clients_send_at_once_and_every_line_counts_once(place):
    job_of(place, LISTEN)
    running = place.start("run", "job.lua")
    texts = [b"".join(b"client %d line %d\n" % (c, n) for n in range(400)) for c in range(50)]
    threads = [threading.Thread(target=send_all, args=(connect(running), text, 100 + 7 * c))
               for c, text in enumerate(texts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: came(place).count(b"\n") >= 50 * 400, "all lines are there")
    running.signal(signal.SIGTERM).wait(10).exits(0)
    lines = came(place).splitlines(keepends=True)
    check_equal(len(lines), 50 * 400, "lines")
    for c, text in enumerate(texts):
        own = b"".join(line for line in lines if line.startswith(b"client %d " % c))
        check(own == text, "the lines of client {} are not as it sent them", c)
    check_equal(jobs.letters_of(place), [], "dead letters")


@test
def a_client_that_closes_within_a_line_leaves_a_dead_letter(place):
    job_of(place, LISTEN)
    running = place.start("run", "job.lua")
    send_all(connect(running), b"whole\nhalf", 100)
    wait_until(lambda: jobs.letters_of(place), "a dead letter")
    (letter,) = jobs.letters_of(place)
    check_equal((letter["record"], letter["reason"], letter["offset"], letter["partition"]),
                (b"half", b"the connection ended within the line", 6, b"tcp://127.0.0.1:0"),
                "the dead letter")
    check_equal(came(place), b"whole\n", "lines")


@test
def a_client_too_many_is_told_so(place):
    job_of(place, "listen('tcp://127.0.0.1:0', {clients = 2})")
    running = place.start("run", "job.lua")
    first, second = connect(running), connect(running)
    first.sendall(b"1\n")
    second.sendall(b"2\n")
    wait_until(lambda: came(place).count(b"\n") == 2, "both are read")
    for _ in range(3):
        check_equal(read_all(connect(running)),
                    b"tidemill: too many clients (at most 2); try again later\n", "answer")
    first.close()
    def comes_in():
        third = connect(running)
        third.sendall(b"3\n")
        time.sleep(0.2)
        return b"3\n" in came(place)
    wait_until(comes_in, "another comes in when one has gone")
    end = running.signal(signal.SIGTERM).wait(10).exits(0)
    end.says("more than 2 clients; others are refused", r"refused \d+ clients that were too many")
    check_equal(end.err.count("others are refused"), 1, "how often it is said")


@test
def clients_that_do_nothing_leave_files_for_the_rest(place):
    """They took all that `ulimit -n` allows, and the job ended by the first line that came."""
    job_of(place, LISTEN, "batch = '50ms'")
    running = place.start("run", "job.lua", preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_NOFILE, (300, 300)))
    clients = [connect(running) for _ in range(150)]
    for number, client in enumerate(clients):
        client.sendall(b"%d\n" % number)
    wait_until(lambda: came(place).count(b"\n") == 150, "all lines are there")
    check_equal(read_all(connect(running)),
                b"tidemill: too many clients (at most 150); try again later\n", "answer")
    end = running.signal(signal.SIGTERM).wait(10).exits(0)
    end.says("more than 150 clients; others are refused .ulimit -n allows no more files")


@test
def clients_that_do_nothing_cost_little(place):
    job_of(place, LISTEN, "batch = '50ms', max_error_ratio = 1")
    running = place.start("run", "job.lua")
    first = connect(running)
    first.sendall(b"begin\n")
    wait_until(lambda: came(place) == b"begin\n", "the first line is there")
    before = rss_of(running)
    idle = [connect(running) for _ in range(400)]
    for client in idle:
        client.sendall(b"the beginning of a line that is never ended")
    first.sendall(b"end\n")
    wait_until(lambda: came(place) == b"begin\nend\n", "the last line is there")
    grown = rss_of(running) - before
    check(grown < 16 * 2**20, "{} bytes more for 400 clients", grown)
    check_equal(running.signal(signal.SIGTERM).wait(10).code, 0, "exit code")
    jobs.run_once(place).exits(0)
    check_equal(len(jobs.letters_of(place)), 400, "dead letters")


@test
def what_lines_had_begun_is_a_dead_letter_after_a_kill(place):
    job_of(place, LISTEN)
    running = place.start("run", "job.lua")
    client = connect(running)
    client.sendall(b"a\nhal")
    wait_until(lambda: oracle.received_bytes(jobs.data_of(place)).endswith(b"hal"), "it is noted")
    client.sendall(b"f")
    wait_until(lambda: oracle.received_bytes(jobs.data_of(place)).endswith(b"half") or
               oracle.received_bytes(jobs.data_of(place)).endswith(b"f"), "and the rest")
    running.kill()
    jobs.run_once(place).exits(0)
    check_equal(came(place), b"a\n", "lines")
    check_equal([x["record"] for x in jobs.letters_of(place)], [b"half"], "dead letters")


@test
def a_line_longer_than_a_record_is_a_dead_letter(place):
    job_of(place, LISTEN)
    running = place.start("run", "job.lua")
    client = connect(running)
    client.sendall(b"before\n")
    client.sendall(b"x" * (16 * 2**20 + 1) + b"\nafter\n")
    wait_until(lambda: came(place) == b"before\nafter\n", "the other lines are there")
    wait_until(lambda: jobs.letters_of(place), "a dead letter")
    (letter,) = jobs.letters_of(place)
    check_equal((letter["record"], letter["reason"]),
                (b"x" * 4096, b"a line of 16777217 bytes; a record has at most 16 MiB"), "letter")


@test
def a_token_is_asked_for(place):
    job_of(place, "listen('tcp://0.0.0.0:0', {token = 'open sesame'})")
    running = place.start("run", "job.lua")
    good = connect(running)
    for part in (b"open ses", b"ame\r", b"\nin\n"):
        good.sendall(part)
        time.sleep(0.05)
    for wrong in (b"open sesam\nout\n", b"open sesame!\nout\n", b"\nout\n", b"x" * 1000,
                  b"OPEN SESAME\nout\n"):
        client = connect(running)
        client.sendall(wrong)
        check_equal(read_all(client), b"tidemill: the first line is not the token\n", "answer")
    wait_until(lambda: came(place) == b"in\n", "who has it is read")
    end = running.signal(signal.SIGTERM).wait(10).exits(0)
    end.says("a client did not send the token", "0 clients that were too many, and 5 without")


@test
def listening_where_another_does_is_refused(place):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        job_of(place, f"listen('tcp://127.0.0.1:{port}')")
        place.run("run", "job.lua").exits(1).says(f"cannot listen on tcp://127.0.0.1:{port}: "
                                                  "Address already in use")


@test
def once_takes_what_comes_within_an_interval(place):
    job_of(place, LISTEN, "batch = '5s'")
    running = place.start("run", "--once", "job.lua")
    client = connect(running)
    client.sendall(b"a\n")
    time.sleep(0.3)
    client.sendall(b"b\nhalf")
    running.wait(20).exits(0)
    check_equal(came(place), b"a\nb\n", "lines")
    check_equal([x["record"] for x in jobs.letters_of(place)], [b"half"], "dead letters")
    jobs.run_once(place, "job.lua", "--option", "batch=100ms").exits(0).says("nothing new")


@test
def a_client_is_not_read_while_the_disk_is_full(place):
    job_of(place, LISTEN)
    running = place.start("run", "job.lua", program=DEBUG,
                          env={"TIDEMILL_FAILPOINT": "received_write:enospc@1"})
    data = b"".join(b"line %d\n" % n for n in range(20000))
    send_all(connect(running), data, 5000)
    wait_until(lambda: came(place) == data, "all lines are there")
    running.signal(signal.SIGTERM).wait(10).exits(0).says("No space left on device; waiting")


@test
def a_full_log_is_read_before_more_is_received(place):
    job_of(place, LISTEN)
    running = place.start("run", "job.lua", program=DEBUG,
                          env={"TIDEMILL_TEST_RECEIVED_BYTES": "600000",
                               "TIDEMILL_TEST_SEGMENT_BYTES": "100000"})
    data = b"".join(b"line %d\n" % n for n in range(200000))
    sender = threading.Thread(target=send_all, args=(connect(running), data, 65536))
    sender.start()
    wait_until(lambda: len(came(place)) == len(data), "all lines are there", 60)
    sender.join()
    check(came(place) == data, "they are not what was sent")
    running.signal(signal.SIGTERM).wait(10).exits(0)


@test
def what_clients_had_sent_counts_once_over_kills(place):
    job_of(place, LISTEN, "batch = '20ms'")
    seen = []
    for n in range(5):
        running = place.start("run", "job.lua")
        clients = [connect(running) for _ in range(4)]
        try:
            for k in range(50 * (n + 1)):
                for c, client in enumerate(clients):
                    client.sendall(b"%d %d %d\n%d %d" % (n, c, k, n, c) + b" x%d\n" % k)
        except OSError:
            pass
        running.kill()
        seen += oracle.received_lines(jobs.data_of(place)).splitlines()
        jobs.run_once(place, "job.lua", "--option", "batch=20ms").exits(0)
        for client in clients:
            client.close()
    lines = came(place).splitlines()
    check_equal(len(lines), len(set(lines)), "lines that came, without those that came twice")
    check(set(seen) <= set(lines), "lines of the log did not come: {}", set(seen) - set(lines))
    check(len(lines) > 300, "only {} lines came", len(lines))  # how many depends on the machine


# --- unix sockets

def unix_path(place):
    return str(place / "s")


def connect_unix(place):
    client = socket.socket(socket.AF_UNIX)
    client.connect(unix_path(place))
    return client


@test
def a_unix_socket_is_for_its_owner_only(place):
    job_of(place, f"listen('unix://{unix_path(place)}')")
    os.umask(0)
    running = place.start("run", "job.lua")
    os.umask(0o022)
    running.wait_for_text("listening on unix://")
    mode = os.lstat(unix_path(place)).st_mode
    check(stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600, "mode {:o}", mode)
    send_all(connect_unix(place), b"a\nb\n", 3)
    wait_until(lambda: came(place) == b"a\nb\n", "the lines are there")
    running.signal(signal.SIGTERM).wait(10).exits(0)
    check(not os.path.lexists(unix_path(place)), "the socket is left")


@test
def a_socket_that_was_left_is_taken_over(place):
    job_of(place, f"listen('unix://{unix_path(place)}')")
    running = place.start("run", "job.lua")
    running.wait_for_text("listening on unix://")
    running.kill()
    check(os.path.lexists(unix_path(place)), "the socket is gone")
    running = place.start("run", "job.lua")
    running.wait_for_text("listening on unix://")
    send_all(connect_unix(place), b"a\n", 3)
    wait_until(lambda: came(place) == b"a\n", "the line is there")
    place.write("other.lua", (place / "job.lua").read_text().replace("'job'", "'other'")
                .replace("'out'", "'other'"))
    place.run("run", "other.lua").exits(3).says(
        "cannot listen on unix://.*: another program does")
    send_all(connect_unix(place), b"b\n", 3)
    wait_until(lambda: came(place) == b"a\nb\n", "it still listens")


@test
def a_file_in_the_way_stays(place):
    job_of(place, f"listen('unix://{unix_path(place)}')")
    place.write("s", "precious")
    place.run("run", "job.lua").exits(3).says("cannot listen on .*/s is there, and is no socket")
    check_equal((place / "s").read_text(), "precious", "the file")


# --- socket_text_stream

def serve(server, texts):
    """Each text to one connection after the other."""
    def run():
        for text in texts:
            client, _ = server.accept()
            client.sendall(text)
            client.close()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


@test
def a_server_is_read_and_connected_to_again(place):
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    job_of(place, f"socket_text_stream('localhost', {port})")
    serve(server, [b"a\nb\n", b"c\nhalf", b"d\n"])
    running = place.start("run", "job.lua")
    wait_until(lambda: came(place) == b"a\nb\nc\nd\n", "the lines of three connections")
    wait_until(lambda: [x["record"] for x in jobs.letters_of(place)] == [b"half"],
               "the line without an end is a dead letter")
    server.close()
    time.sleep(1)
    end = running.signal(signal.SIGTERM).wait(10).exits(0)
    # Once for each connection, of which a fourth may have waited to be accepted.
    check(end.err.count("connecting again") <= 4, "it says it too often: {}", end.err)


@test
def a_server_that_is_not_there_is_waited_for(place):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    job_of(place, f"socket_text_stream('127.0.0.1', {port})")
    running = place.start("run", "job.lua")
    running.wait_for_text("cannot connect: connection refused; connecting again")
    time.sleep(0.5)
    with socket.create_server(("127.0.0.1", port)) as server:
        client, _ = server.accept()
        client.sendall(b"a\n")
        wait_until(lambda: came(place) == b"a\n", "the line is there")
        running.says_once = running.err().count("connecting again")
        check_equal(running.says_once, 1, "how often it says that it tries")
        running.wait_for_text("connected")
    running.signal(signal.SIGTERM).wait(10).exits(0)


@test
def once_reads_a_server_to_its_end(place):
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    job_of(place, f"socket_text_stream('127.0.0.1', {port})", "batch = '20s'")
    serve(server, [b"a\nb\n"])
    jobs.run_once(place, timeout=15).exits(0)
    check_equal(came(place), b"a\nb\n", "lines")


@test
def once_gives_up_a_server_that_is_not_there(place):
    job_of(place, "socket_text_stream('127.0.0.1', 1)", "batch = '300ms'")
    jobs.run_once(place, timeout=15).exits(0).says("cannot connect", "nothing new")


# --- the script that comes along

@test
def the_network_wordcount_counts_what_a_server_sends(place):
    with socket.create_server(("127.0.0.1", 0)) as server:
        running = place.start("run", "--set", f"port={server.getsockname()[1]}",
                              "--set", "host=127.0.0.1", "--set", "output=out",
                              "--option", "batch=50ms",
                              REPOSITORY / "scripts" / "network_wordcount.lua")
        serve(server, [b"to be or not\nto be\n"])
        wait_until(lambda: sum(json.loads(x)[1] for x in came(place).splitlines()) == 6, "six words")
        running.signal(signal.SIGTERM).wait(10).exits(0)
