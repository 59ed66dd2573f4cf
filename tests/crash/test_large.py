"""200 MB in 8 files: what the shipped word count makes of them, killed twenty times and not."""
import collections
import pathlib
import random
import re
import time

import oracle
from harness import RELEASE, check, test
from scenarios import WordCount

FILES, FILE_BYTES = 8, 25 * 10**6
RESIDENT_MAX_KIB = 96 * 1024


class Large(WordCount):
    batch_bytes = "8MiB"

    def prepare(self):
        """Lines are drawn from 20,000 different ones, so that Python is done within a minute."""
        pool = [b" ".join(b"w%d" % int(self.random.paretovariate(0.6) % 10**6)
                          for _ in range(self.random.randint(1, 20))) for _ in range(20_000)]
        self.drawn = collections.Counter()
        for n in range(FILES):
            lines = self.random.choices(pool, k=FILE_BYTES * len(pool) // sum(map(len, pool)))
            self.drawn.update(lines)
            self.place.write(f"in/{n}.txt", b"\n".join(lines) + b"\n")

    def check_output(self):
        wanted = collections.Counter()
        for line, times in self.drawn.items():
            for word in line.split():
                wanted[word] += times
        came = oracle.sum_by_key(oracle.part_rows(self.out))
        oracle.check_same_counts(came, wanted, "counts of words")


def watch_resident(running):
    """@return the most KiB that it had resident"""
    most = 0
    while running.is_running():
        try:
            status = pathlib.Path(f"/proc/{running.pid}/status").read_text()
        except OSError:
            break
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        most = max(most, int(found[1])) if found else most
        time.sleep(0.05)
    return most


@test(slow=True)
def two_hundred_megabytes_are_counted_within_96_mib(place):
    scenario = Large(place, workers=2, program=RELEASE)
    scenario.prepare()
    running = scenario.start("--once")
    most = watch_resident(running)
    running.wait().exits(0)
    scenario.check()
    check(0 < most <= RESIDENT_MAX_KIB, "{} KiB were resident", most)


@test(slow=True)
def two_hundred_megabytes_survive_twenty_kills(place):
    scenario = Large(place, workers=2, program=RELEASE)
    scenario.prepare()
    chance, kills, starts = random.Random(5), 0, 0
    while kills < 20:
        check(starts < 200, "only {} kills in {} starts", kills, starts)
        starts += 1
        running = scenario.start("--once")
        time.sleep(chance.uniform(0.05, 0.4))
        if running.kill():
            kills += 1
        else:
            running.wait().exits(0)
            for path in (place / "in").iterdir():  # all was read: the same once more
                if path.stat().st_size and not path.name.startswith("again"):
                    scenario.drawn.update(oracle.lines_of(path.read_bytes()))
                    place.write(f"in/again-{kills}.txt", path.read_bytes())
                    break
    scenario.finish()
    scenario.check()
