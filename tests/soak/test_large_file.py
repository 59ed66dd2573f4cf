"""One file of 5 GB: split over workers, in bounded memory."""
import collections
import os
import random
import shutil
import time

import jobs
import oracle
from harness import Skip, check, test
from pressure import Peak

SIZE = int(os.environ.get("TIDEMILL_SOAK_FILE_MB", "5000")) * 1_000_000
WORDS = 50_000
PIECE_WORDS = 2_500_000
MEMORY_MAX = 128 << 20


def make_piece():
    """Lines of words, the frequent ones often; no multiple of a block long."""
    chance = random.Random(5)
    words = [f"w{n:05d}" for n in range(WORDS)]
    weights = [1 / (n + 1) for n in range(WORDS)]
    chosen = chance.choices(words, weights, k=PIECE_WORDS)
    lines, at = [], 0
    while at < len(chosen):
        size = chance.randint(1, 23)
        lines.append(" ".join(chosen[at:at + size]))
        at += size
    return ("\n".join(lines) + "\n").encode(), collections.Counter(w.encode() for w in chosen)


def run(place, workers):
    """@return (counts, seconds, most bytes of memory)"""
    out = f"out{workers}"
    begin = time.monotonic()
    running = place.start("run", "--once", "--data", f"data{workers}", "--set", "input=in", "--set",
                          f"output={out}", "--option", f"workers={workers}", jobs.WORDCOUNT)
    peak = Peak(running.pid)
    peak.start()
    running.wait(1200).exits(0)
    seconds, memory = time.monotonic() - begin, peak.end()
    return oracle.sum_by_key(oracle.part_rows(place / out)), seconds, memory


@test(slow=True)
def a_large_file_is_read_by_all_workers_in_bounded_memory(place):
    if shutil.disk_usage(place.folder).free < SIZE + (4 << 30):
        raise Skip("no room for a file of 5 GB")
    piece, counts = make_piece()
    times = -(-SIZE // len(piece))
    (place / "in").mkdir()
    with open(place / "in" / "large.txt", "wb") as file:
        for _ in range(times):
            file.write(piece)
    wanted = {word: count * times for word, count in counts.items()}
    for workers in (1, 2):
        came, seconds, memory = run(place, workers)
        oracle.check_same_counts(came, wanted, f"counts with {workers} workers")
        print(f"   {workers} workers: {times * len(piece) / seconds / 1e6:.0f} MB/s, "
              f"{memory / (1 << 20):.0f} MiB at most", flush=True)
        check(memory <= MEMORY_MAX, "{} bytes of memory", memory)
