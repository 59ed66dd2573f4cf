"""Load: a quarter of an hour with a kill each minute, then half an hour to see what grows."""
import json
import os
import random
import signal
import subprocess
import threading
import time

import jobs
import oracle
from harness import RELEASE, Wrong, check, check_equal, test
from pressure import resident

MINUTES = float(os.environ.get("TIDEMILL_SOAK_MINUTES", "30"))
KEYS = 5000
LOAD = 0.7  # of what one worker can do
FEED_LINES = 20_000  # at a time
MEBIBYTE = 1 << 20
SLOPE_MAX = 1 * MEBIBYTE  # an hour

# Every line costs the same, so that the load can be set; state and both kinds of outputs are used.
# The store's cache is small: it fills until it is full, also with blocks of files that are gone, and
# the 16 MiB that it may have otherwise would take hours.
SCRIPT = """local mill = require "tidemill"
local job = mill.job("load", {batch = "50ms", workers = 1, state_cache = "1MiB"})
local lines = job:text_file_stream("in")
lines:map_to_pair(function(line)
   local n = 0
   for i = 1, 1500 do n = n + i % 7 end
   return line:sub(1, 6), n > 0 and 1
end):update_state_by_key(function(values, n) return (n or 0) + #values end, {emit = "changed"})
   :named("totals"):to_files("totals", {format = "json", roll = "1m"})
lines:count():to_files("counts", {format = "json", roll = "1m"})
return job
"""


class Feeder(threading.Thread):
    """Appends lines to a file in the folder at a steady speed, and begins another one each minute.
    Those that were read go after a while. (A file that is known costs some 300 bytes for a week, so
    many small ones would hide what else grows.)"""

    FILE_S = 60
    KEPT = 6  # files

    def __init__(self, place, lines_per_second):
        super().__init__(daemon=True)
        self.folder = place / "in"
        self.speed, self.ends = lines_per_second, threading.Event()
        self.random, self.counts, self.lines = random.Random(7), [0] * KEYS, 0

    def make(self):
        keys = self.random.choices(range(KEYS), k=FEED_LINES)
        for key in keys:
            self.counts[key] += 1
        self.lines += FEED_LINES
        return "".join(f"k{key:05d} the tide turns the mill\n" for key in keys)

    def run(self):
        begin = time.monotonic()
        for n in range(10**9):
            with open(self.folder / f"{n:07d}", "w", encoding="ascii") as file:
                while time.monotonic() - begin < (n + 1) * self.FILE_S:
                    file.write(self.make())
                    file.flush()
                    pause = begin + self.lines / self.speed - time.monotonic()
                    if self.ends.wait(max(0.0, pause)):
                        return
            if n >= self.KEPT:
                (self.folder / f"{n - self.KEPT:07d}").unlink()

    def end(self):
        self.ends.set()
        self.join()


def capacity(place):
    """@return lines that one worker processes in a second, in epochs of what the feeder writes at a
    time. (In larger ones it does more, since a key then changes once for many lines, and 70 % of that
    would be nearly all that it can do here.)"""
    probe, feeds = place / "probe", 100
    (probe / "in").mkdir(parents=True)
    lines = Feeder(probe, 1)
    for n in range(feeds):
        (probe / "in" / f"{n:03d}").write_text(lines.make())
    limit = f'text_file_stream("in", {{max_records_per_batch = {FEED_LINES}}})'
    (probe / "job.lua").write_text(SCRIPT.replace('text_file_stream("in")', limit))
    begin = time.monotonic()
    subprocess.run([RELEASE, "run", "--once", "-q", "job.lua"], cwd=probe, check=True)
    return feeds * FEED_LINES / (time.monotonic() - begin)


def processor_seconds(pid):
    """@return what all threads of the process have used"""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sleep(running, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        check(running.is_running(), "it ended by itself:\n{}", running.err())
        time.sleep(0.2)


def measure(running, seconds):
    """@return [(seconds, bytes of memory)], [open files]: ten times a second, since memory is least
    for some tenths of a second when a memtable goes"""
    memory, files, begin = [], [], time.monotonic()
    while time.monotonic() - begin < seconds:
        check(running.is_running(), "it ended by itself:\n{}", running.err())
        time.sleep(0.1)
        memory.append((time.monotonic() - begin, resident(running.pid)))
        files.append(len(os.listdir(f"/proc/{running.pid}/fd")))
    return memory, files


def slope(points):
    """@return bytes an hour, by least squares"""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    over = sum((x - mean_x) * (y - mean_y) for x, y in points)
    return over / sum((x - mean_x) ** 2 for x, _ in points) * 3600


def lowest(points, seconds=150):
    """The least of each so many seconds, in which each of the store's memtables fills and goes, and
    Lua's heaps are collected: what is really held."""
    least = {}
    whole = int(points[-1][0] / seconds)
    for x, y in points:
        slot = int(x / seconds)
        if slot == whole:
            break
        if slot not in least or y < least[slot][1]:
            least[slot] = (x, y)
    return list(least.values())


def check_totals(place, feeder):
    wanted = {f"k{key:05d}": count for key, count in enumerate(feeder.counts) if count}
    came = {}
    for _, path in oracle.parts_of(place / "totals"):  # a GB in all
        for key, count in oracle.json_rows(path.read_bytes(), path):
            key = key.decode()
            check(count > came.get(key, 0), "{}: {} after {}", key, count, came.get(key))
            came[key] = count
    check_equal(came == wanted, True, "the totals are those of the feeder")
    counts = oracle.part_bytes(place / "counts").split(b"\n")[:-1]
    check_equal(sum(json.loads(c) for c in counts), feeder.lines, "lines counted")


@test(slow=True)
def load_with_kills_ends_right_and_nothing_grows(place):
    (place / "in").mkdir()
    place.write("job.lua", SCRIPT)
    speed = capacity(place) * LOAD
    feeder = Feeder(place, speed)
    feeder.start()
    half, chance, kills = MINUTES * 60 / 2, random.Random(3), 0
    begin = time.monotonic()
    while time.monotonic() - begin < half:
        running = place.start("run", "job.lua")
        sleep(running, chance.uniform(40, 80))
        check(running.kill(), "it ended by itself:\n{}", running.err())
        kills += 1
    running = place.start("run", "job.lua")
    # Until then the store's memtables and its cache fill for the first time, and the heaps find
    # their highest.
    sleep(running, MINUTES * 20)
    worked = processor_seconds(running.pid)
    memory, files = measure(running, MINUTES * 40)
    worked = processor_seconds(running.pid) - worked
    feeder.end()
    time.sleep(3)  # the last file is read
    running.signal(signal.SIGTERM).wait(60).exits(0)
    place.run("run", "--once", "job.lua", timeout=1800).exits(0)  # if it fell behind
    check_totals(place, feeder)
    least = lowest(memory)
    grows = slope(least) if len(least) > 1 else 0
    print(f"   {feeder.lines} lines, {speed:.0f} a second, {kills} kills; memory "
          f"{memory[0][1] / MEBIBYTE:.1f} to {memory[-1][1] / MEBIBYTE:.1f} MiB, "
          f"{grows / MEBIBYTE:+.2f} MiB an hour (least: "
          f"{' '.join(f'{y / MEBIBYTE:.1f}' for _, y in least)}); "
          f"{worked / memory[-1][0]:.0%} of a processor; open files {min(files)} to {max(files)}",
          flush=True)
    # They rise and fall with the store's files: compare the highest of both halves.
    first, second = max(files[:len(files) // 2]), max(files[len(files) // 2:])
    check(second <= first + 3, "open files: {} at most, later {}", first, second)
    if MINUTES >= 30 and grows > SLOPE_MAX:
        raise Wrong(f"memory grows by {grows / MEBIBYTE:.1f} MiB an hour: {least}")
