"""An output that takes rows slowly, or not at all for a while: what waits, and in how much memory."""
import hashlib
import os
import threading
import time

import jobs
from harness import check, check_equal, wait_until

SCRIPT = 'job:stdin{}:to_stdout{format = "text"}'
GROWTH_MAX = 64 << 20  # bytes of memory, from what it holds when all flows


def line(n):
    return b"%012d the tide turns the mill, and the mill grinds what the tide brings\n" % n


LINE_BYTES = len(line(0))
CHUNK_LINES = 1000


class Writer(threading.Thread):
    """Writes numbered lines into a pipe as fast as it takes them."""

    def __init__(self, pipe, lines):
        super().__init__(daemon=True)
        self.pipe, self.lines = pipe, lines
        self.written = 0  # bytes
        self.hash = hashlib.blake2b()

    def run(self):
        for first in range(0, self.lines, CHUNK_LINES):
            chunk = b"".join(line(n) for n in range(first, min(first + CHUNK_LINES, self.lines)))
            self.hash.update(chunk)
            while chunk:
                size = os.write(self.pipe, chunk)
                self.written += size
                chunk = chunk[size:]
        os.close(self.pipe)


class Reader:
    """Reads what comes, and remembers how much and what."""

    def __init__(self, pipe):
        self.pipe, self.read, self.hash = pipe, 0, hashlib.blake2b()

    def take(self, size):
        piece = os.read(self.pipe, size)
        self.read += len(piece)
        self.hash.update(piece)
        return len(piece)

    def slowly(self, bytes_per_second, until):
        """Read at that speed until a condition holds, which it must before the end."""
        begin, first = time.monotonic(), self.read
        while not until():
            time.sleep(0.01)
            due = (time.monotonic() - begin) * bytes_per_second - (self.read - first)
            if due >= 1:
                check(self.take(int(due)) > 0, "all has come before that: {} bytes", self.read)

    def to_the_end(self):
        while self.take(1 << 20):
            pass


def resident(pid):
    """Bytes of memory."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Peak(threading.Thread):
    """The most memory that a program holds until the thread is told to end."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.bytes, self.ends = pid, 0, threading.Event()

    def run(self):
        while not self.ends.wait(0.1):
            try:
                self.bytes = max(self.bytes, resident(self.pid))
            except (FileNotFoundError, ValueError, IndexError):
                return

    def end(self):
        self.ends.set()
        self.join()
        return self.bytes


class Flow:
    """A writer, the program between two pipes, and a reader."""

    def __init__(self, place, lines, *options):
        jobs.script(place, SCRIPT.replace("job:", "lines = nil job:"), name="flow")
        stdin, feed = os.pipe()
        drain, stdout = os.pipe()
        self.running = place.start("run", *options, "job.lua", stdin=stdin, stdout=stdout)
        os.close(stdin)
        os.close(stdout)
        self.writer, self.reader = Writer(feed, lines), Reader(drain)
        self.writer.start()

    def warm_up(self, size):
        """Let so many bytes through at full speed. @return memory in bytes after them"""
        while self.reader.read < size:
            check(self.reader.take(1 << 20) > 0, "it ended early:\n{}", self.running.err())
        return resident(self.running.pid)

    def is_held(self):
        return "epochs are not published yet; no input is taken until one is" in self.running.err()

    def wait_until_the_writer_is_held(self, seconds):
        """Until nothing was written for two seconds."""
        state = {"written": -1, "since": time.monotonic()}

        def stands():
            if self.writer.written != state["written"]:
                state.update(written=self.writer.written, since=time.monotonic())
            return time.monotonic() - state["since"] > 2
        wait_until(stands, "the writer is held", seconds)

    def finish(self):
        """Read the rest; all that was written must have come, once and in order."""
        self.reader.to_the_end()
        self.writer.join()
        self.running.wait().exits(0)
        check_equal(self.reader.read, self.writer.written, "bytes")
        check(self.reader.hash.digest() == self.writer.hash.digest(), "other bytes, or disorder")
