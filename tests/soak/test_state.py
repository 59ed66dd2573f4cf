"""More keys than fit into memory: right, in bounded memory, and there at once after a kill."""
import os
import subprocess
import time

import jobs
import oracle
from harness import check, check_equal, test
from pressure import Peak

KEYS = int(os.environ.get("TIDEMILL_SOAK_KEYS", "50_000_000"))
STEP, MODULUS = 7919 * 104729, 999_999_937  # i * STEP % MODULUS: all different, in no order
AGAIN = 1_000_000
MEMORY_MAX = (256 + 448) << 20  # the cache, and what epochs need

SCRIPT = """local mill = require "tidemill"
local job = mill.job("keys", {batch_bytes = "64MiB", state_cache = "256MiB"})
job:text_file_stream("in"):map_to_pair(function(line) return line, 1 end)
   :map_with_state(function(key, value, state)
      local n = (state:get() or 0) + value
      state:update(n)
      if n > 1 then return key, n end
   end, {gives = "pairs"}):named("seen"):to_files("out", {format = "json"})
return job
"""


def key(i):
    return i * STEP % MODULUS


def write_keys(path, numbers):
    """The file appears when it is whole."""
    with open(path.with_suffix(".tmp"), "w", encoding="ascii") as file:
        chunk = []
        for i in numbers:
            chunk.append(f"k{key(i):09d}\n")
            if len(chunk) == 100_000:
                file.write("".join(chunk))
                chunk.clear()
        file.write("".join(chunk))
    path.with_suffix(".tmp").rename(path)


def run(place, *options):
    """@return (seconds, most bytes of memory)"""
    begin = time.monotonic()
    running = place.start("run", "--once", *options, "job.lua")
    peak = Peak(running.pid)
    peak.start()
    running.wait(1800).exits(0)
    return time.monotonic() - begin, peak.end()


def opening_time(place):
    """@return seconds of a start that finds nothing to do, after a kill -9 of one that ran"""
    running = place.start("run", "job.lua")
    time.sleep(3)
    check(running.kill(), "it ended by itself:\n{}", running.err())
    begin = time.monotonic()
    place.run("run", "--once", "job.lua").exits(0).says("nothing new")
    return time.monotonic() - begin


@test(slow=True)
def state_larger_than_memory_is_right(place):
    (place / "in").mkdir()
    place.write("job.lua", SCRIPT)
    write_keys(place / "in" / "a", range(KEYS))
    seconds, memory = run(place)
    check_equal(oracle.part_bytes(place / "out"), b"", "keys that came twice")
    opening = opening_time(place)
    chosen = range(0, KEYS, KEYS // AGAIN)
    write_keys(place / "in" / "b", chosen)
    again_seconds, again_memory = run(place)
    rows = dict(oracle.json_rows(oracle.part_bytes(place / "out")))
    check_equal(len(rows), len(chosen), "keys that came a second time")
    check(all(rows.get(b"k%09d" % key(i)) == 2 for i in chosen), "their counts")
    size = subprocess.run(["du", "-sm", jobs.data_of(place, "keys")], capture_output=True,
                          check=True, text=True).stdout.split()[0]
    print(f"   {KEYS / 1e6:.0f} M keys, {size} MB on disk: {seconds:.0f} s, "
          f"{memory >> 20} MiB at most; {len(chosen)} of them again: {again_seconds:.0f} s, "
          f"{again_memory >> 20} MiB; opening after a kill and ending: {opening:.2f} s", flush=True)
    check(max(memory, again_memory) <= MEMORY_MAX, "too much memory")
    check(opening <= 2, "opening takes {} s", opening)
