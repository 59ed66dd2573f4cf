"""Kills at random times. The seed is in the test's name and repeats the input and the waits, not
what the machine does meanwhile: a failure counts even if it does not come again."""
import random
import signal
import threading
import time

import oracle
from harness import DEBUG, RELEASE, SLOW, check, test, wait_until
from receiving import Received
from scenarios import Batches, Fresh, Stdout, Totals, Windows, WordCount

KILLS = 20  # of each test
FIRST_SEED = 20240601
ROUNDS = 12 if SLOW else 1  # with the tests below: more than 1,000 kills


def seeds(*names):
    """(seed, name, ...) for each round and name."""
    return [Chance(FIRST_SEED + 100 * n + i, *name if isinstance(name, tuple) else (name,))
            for n in range(ROUNDS) for i, name in enumerate(names)]


class Chance:
    def __init__(self, seed, scenario, workers=1):
        self.seed, self.scenario, self.workers = seed, scenario, workers
        self.random = random.Random(seed)

    def __str__(self):
        return f"{self.scenario.__name__}, workers={self.workers}, seed {self.seed}"

    def make(self, place):
        scenario = self.scenario(place, self.seed, self.workers, RELEASE)
        scenario.prepare()
        return scenario


def kill_soon(scenario, running, chance, seconds):
    """@return whether it was killed; else it ended by itself before"""
    time.sleep(chance.random.uniform(0, seconds))
    if running.kill():
        scenario.ended(running.wait(may_die=True))
        return True
    scenario.ended(running.wait().exits(0))
    return False


@test(each=seeds((Totals, 1), (Totals, 4), (WordCount, 1), (WordCount, 4), (Stdout, 2),
                 (Batches, 2), (Windows, 1), (Windows, 4)))
def random_kills_lose_and_double_nothing(place, chance):
    """When a run ends before its kill there is more input for the next, so that files grow in
    number between two starts."""
    scenario = chance.make(place)
    kills = 0
    while kills < KILLS:
        if kill_soon(scenario, scenario.start("--once"), chance, 0.15):
            kills += 1
        else:
            scenario.add_file(lines=1500)
    scenario.finish()
    scenario.check()


@test(each=seeds((Received, 1), (Received, 3)))
def random_kills_of_a_receiver_lose_and_double_nothing(place, chance):
    """What was in the log when it was killed counts once, also when it is killed while it reads
    that; then comes the input behind it."""
    scenario = chance.make(place)
    scenario.program = DEBUG  # its segments are small
    kills = 0
    while kills < KILLS:
        if kill_soon(scenario, scenario.start("--once", log=False), chance, 0.3):
            kills += 1
        else:
            scenario.add_lines(1500)
        scenario.go_on()
    scenario.finish()
    scenario.check()


@test(each=seeds((Fresh, 1), (Fresh, 4)))
def random_kills_of_starting_over_leave_no_mixture(place, chance):
    """Whatever is begun by --fresh is ended by a start that may or may not say --fresh."""
    scenario = chance.make(place)
    for _ in range(KILLS):
        kill_soon(scenario, scenario.start("--once", "--fresh"), chance, 0.1)
        if (scenario.data / "FRESH").exists() and chance.random.random() < 0.5:
            scenario.finish()
            scenario.check()
    scenario.start_over().exits(0)
    scenario.check()


# --- a run without --once, into whose folder files are moved --------------------------------------

class Mover(threading.Thread):
    """Makes files beside the input folder and moves them into it, one by one."""

    def __init__(self, scenario, count, seconds):
        super().__init__()
        self.scenario, self.count, self.seconds = scenario, count, seconds

    def run(self):
        place = self.scenario.place
        for _ in range(self.count):
            path = self.scenario.add_file(lines=300, folder="staging")
            path.rename(place / "in" / path.name)
            time.sleep(self.seconds / self.count)


def wait_until_read(scenario):
    """Until the dead letters, which are published with every epoch, hold the bad line of a file
    that is moved in last."""
    scenario.place.write("staging/last.txt", b"the very last line\n")
    (scenario.place / "staging/last.txt").rename(scenario.place / "in" / "last.txt")

    def is_read():
        letters = oracle.dead_letters(scenario.data)
        return any(letter["record"] == b"the very last line" for letter in letters)
    wait_until(is_read, "the last file is read")


@test(each=seeds((Totals, 1), (Totals, 4)))
def kills_of_a_run_without_end_lose_and_double_nothing(place, chance):
    scenario = chance.make(place)
    continuous = ("--option", "batch=50ms")
    mover = Mover(scenario, count=60, seconds=6)
    mover.start()
    try:
        while mover.is_alive():
            running = scenario.start(*continuous)
            time.sleep(chance.random.uniform(0.05, 0.8))
            check(running.is_running(), "it ended by itself: {}", running.err())
            running.kill()
        running = scenario.start(*continuous)
        wait_until_read(scenario)
    finally:
        mover.join()
    running.signal(signal.SIGTERM).wait(10).exits(0)
    scenario.check()
