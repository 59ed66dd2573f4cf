"""Files that grow fast and are rotated, as logs are: every line once, and how fast that goes."""
import os
import signal
import time

import jobs
import oracle
from harness import check, check_equal, test, wait_until

SIZE = 4 << 30
FILE_BYTES = 256 << 20
WRITE_BYTES = 1 << 20
CHUNK_LINES = 20_000  # which carry the same number
LINE = b"%012d the tide turns the mill, and the mill grinds what the tide brings\n"

SCRIPT = """lines:count():to_files("counts", {format = "text"})
lines:map(function(line) return tonumber(line:sub(1, 12)) end):reduce(mill.sum)
   :to_files("sums", {format = "text"})"""


def total(place, folder):
    return sum(int(float(row)) for row in oracle.part_bytes(place / folder).split(b"\n")[:-1])


class Log:
    """app.log, which becomes app.log.1 and so on when it is large."""

    def __init__(self, folder):
        self.folder, self.rotated = folder, 0
        self.file = open(folder / "app.log", "ab", buffering=0)

    def write(self, data):
        if self.file.tell() >= FILE_BYTES:
            end = data.index(b"\n") + 1  # a line is not torn over two files
            self.file.write(data[:end])
            data = data[end:]
            self.file.close()
            self.rotated += 1
            (self.folder / "app.log").rename(self.folder / f"app.log.{self.rotated}")
            self.file = open(self.folder / "app.log", "ab", buffering=0)
        while data:
            data = data[self.file.write(data):]


@test(slow=True)
def a_log_that_grows_fast_and_is_rotated_is_followed(place):
    """Written in pieces that end within lines, as fast as the disk takes them."""
    (place / "in").mkdir()
    jobs.script(place, SCRIPT, 'batch = "200ms"')
    running = place.start("run", "job.lua")
    log, chunks, rest, begin = Log(place / "in"), 0, b"", time.monotonic()
    while chunks * CHUNK_LINES * len(LINE % 0) < SIZE:
        rest += LINE % chunks * CHUNK_LINES
        chunks += 1
        cut = len(rest) - len(rest) % WRITE_BYTES
        log.write(rest[:cut])
        rest = rest[cut:]
    log.write(rest)
    lines = chunks * CHUNK_LINES
    written = time.monotonic() - begin
    wait_until(lambda: total(place, "counts") >= lines, "all lines are counted", 120)
    seconds = time.monotonic() - begin
    running.signal(signal.SIGTERM).wait(30).exits(0)
    check_equal(total(place, "counts"), lines, "lines")
    check_equal(total(place, "sums"), CHUNK_LINES * (chunks * (chunks - 1) // 2),
                "their sum")
    size = lines * len(LINE % 0)
    print(f"   {size / 1e9:.1f} GB in {log.rotated + 1} files, written at "
          f"{size / written / 1e6:.0f} MB/s, read {seconds - written:.1f} s later", flush=True)
    check(os.path.exists(place / "in" / "app.log.1") and seconds - written < 30, "it fell behind")
