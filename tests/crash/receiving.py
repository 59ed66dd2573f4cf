"""A job that reads standard input, which cannot be read again: what was in its log counts once."""
import fcntl
import os
import threading

import oracle
from harness import check, check_equal
from scenarios import JOBS, Scenario

SLICE_BYTES = 997  # what is written to the pipe at a time: within a line, mostly


def feed(pipe, data):
    """Write all, in slices, until the reader goes away."""
    try:
        for at in range(0, len(data), SLICE_BYTES):
            os.write(pipe, data[at:at + SLICE_BYTES])
    except BrokenPipeError:
        pass
    finally:
        os.close(pipe)


class Received(Scenario):
    """Lines of a pipe into files. A restart first reads what is in the log, then what is given to
    it: the input behind that."""
    script, name = JOBS / "received.lua", "received"
    arguments = ("output=out",)
    environment = {"TIDEMILL_TEST_SEGMENT_BYTES": "3000"}

    def prepare(self):
        self.input = b""
        self.add_lines(2500)
        self.given = self.input
        self.feeders = []

    def records(self):
        return oracle.lines_of(self.input)

    def start(self, *more, failpoint=None, log=True):
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)  # many small records, however fast it is
        real_start = self.place.start
        self.place.start = lambda *a, **k: real_start(*a, stdin=reader, **k)
        try:
            running = super().start(*more, failpoint=failpoint, log=log)
        finally:
            del self.place.start
            os.close(reader)
        feeder = threading.Thread(target=feed, args=(writer, self.given), daemon=True)
        feeder.start()
        self.feeders.append(feeder)
        return running

    def ended(self, result):
        super().ended(result)
        self.logged = oracle.received_lines(self.data)

    def logged_end(self):
        """Where in the input the last line ends that is in the log."""
        last = oracle.received_lines(self.data).splitlines(keepends=True)[-1]
        return self.input.index(last) + len(last)

    def start_over(self):
        self.given = self.input
        return super().start_over()

    def drain(self):
        """Process what is in the log, and go on behind it."""
        logged = self.logged
        self.given = b""
        self.run_once().exits(0)
        came = oracle.part_bytes(self.out)
        check(self.input.startswith(came), "what came is not how the input begins")
        check(came.endswith(logged), "{} bytes in the log did not come", len(logged))
        self.given = self.input[len(came):]

    def go_on(self):
        """What is given to the next run, of which the log will be read first."""
        if self.logged:
            self.given = self.input[self.logged_end():]
        else:
            self.drain()

    def add_lines(self, count):
        first = self.input.count(b"\n")
        self.input += b"".join(b"%06d %s\n" % (first + n, b"x" * self.random.randint(0, 20))
                               for n in range(count))

    def finish(self):
        self.drain()
        self.run_once().exits(0)

    def check_output(self):
        came = oracle.part_bytes(self.out)
        check(came == self.input, "came {} bytes, wanted {}", len(came), len(self.input))
        lines = set(self.records())
        for letter in oracle.dead_letters(self.data):
            check_equal(letter["reason"], b"the connection ended within the line", "reason")
            check(any(line.startswith(letter["record"]) for line in lines), "a strange letter {}",
                  letter)

    def check_nothing_new(self):
        self.given = b""
        super().check_nothing_new()


class TornReceived(Received):
    """The log's last record was being written when the power went."""

    def prepare(self):
        super().prepare()
        self.run_and_kill("commit_before_write:kill@3")
        self.given = self.input[self.logged_end():]
        last = sorted((self.data / "received" / "1").iterdir())[-1]
        with open(last, "ab") as file:
            file.write(b"torn" * 20)
