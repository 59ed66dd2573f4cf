"""The jobs that are killed, their input, and the five oracle checks of what they leave behind:

1. the output is what an independent computation over the whole input gives;
2. per key, the emitted totals are the oracle's running totals, cut where epochs end;
3. the committed offset is the length of the input: a second --once says so and changes nothing;
4. conservation: what was counted and the dead letters are together all records;
5. no temporary file is left.

Outputs that are at least once (standard output, for_each_batch): nothing is missing, and a batch
that comes again is the same again.
"""
import collections
import os
import pathlib
import random
import re
import shutil
import signal

import oracle
import windows_oracle
from harness import DEBUG, REPOSITORY, check, check_equal

JOBS = pathlib.Path(__file__).resolve().parent / "jobs"
REACHED = None  # file that collects the failpoints that were reached; set by run
UNPUBLISHED_MAX = 16  # epochs that may be published again after a kill


class Scenario:
    """A job over the files in `in`, run with --once until it is done, however often it dies."""
    script = None          # path
    name = None            # of the job: its data directory
    options = ()           # more of the command line
    environment = {}
    outputs = ("out",)     # folders that it writes, for check 5
    arguments = ("input=in", "output=out")
    batch_bytes = "4KiB"

    def __init__(self, place, seed=1, workers=1, program=DEBUG):
        self.place, self.workers, self.program = place, workers, program
        self.random = random.Random(seed)
        self.out = place / "out"
        self.data = place / ".tidemill" / self.name
        self.file_count = 0
        self.ends = []  # Results

    # --- input

    def line(self):
        return b"k%d %d" % (self.random.randint(0, 99), self.random.randint(0, 999))

    def add_file(self, lines=1000, folder="in"):
        """One more input file; names are in the order in which they are made."""
        self.file_count += 1
        data = b"".join(self.line() + b"\n" for _ in range(lines))
        return self.place.write(f"{folder}/{self.file_count:04d}.txt", data)

    def prepare(self):
        for _ in range(3):
            self.add_file()

    def records(self):
        return oracle.lines_in(self.place / "in")

    # --- running

    def command(self, *more):
        given = [word for argument in self.arguments for word in ("--set", argument)]
        return ("run", *more, "--option", f"batch_bytes={self.batch_bytes}",
                "--option", f"workers={self.workers}", *given, *self.options, self.script)

    def start(self, *more, failpoint=None, log=True):
        environment = dict(self.environment)
        if REACHED and log:
            environment["TIDEMILL_FAILPOINT_LOG"] = str(REACHED)
        if failpoint:
            environment["TIDEMILL_FAILPOINT"] = failpoint
        return self.place.start(*self.command(*more), program=self.program, env=environment)

    def run(self, *more, failpoint=None, may_die=False):
        result = self.start(*more, failpoint=failpoint).wait(may_die=may_die)
        self.ended(result)
        return result

    def start_over(self):
        return self.run("--once", "--fresh")

    def cut_input(self, epochs):
        """Take away all input behind the first epochs: each is of batch_bytes and ends with the
        line in which its last byte lies."""
        limit, size = self.batch_size(), 0
        for file in oracle.seen_files(self.place / "in"):
            kept = 0
            for line in file.read_bytes().splitlines(keepends=True):
                if epochs > 0:
                    kept, size = kept + len(line), size + len(line)
                if size >= limit:
                    epochs, size = epochs - 1, 0
            if kept == 0:
                file.unlink()
            elif kept < file.stat().st_size:
                os.truncate(file, kept)

    def batch_size(self):
        number, unit = re.fullmatch(r"(\d+)(\w+)", self.batch_bytes).groups()
        return int(number) * {"KiB": 2**10, "MiB": 2**20}[unit]

    def run_once(self, *more, failpoint=None, may_die=False):
        return self.run("--once", *more, failpoint=failpoint, may_die=may_die)

    def run_and_kill(self, failpoint, *more):
        result = self.run_once(*more, failpoint=failpoint, may_die=True)
        check_equal(result.code, -signal.SIGKILL, f"exit code with {failpoint}: it is not reached")

    def ended(self, result):
        """Called with every run that ended, killed or not."""
        self.ends.append(result)

    def finish(self):
        self.run_once().exits(0)

    # --- checking

    def check(self):
        oracle.check_nothing_temporary(self.data, *(self.place / o for o in self.outputs))
        self.check_output()
        self.check_nothing_new()

    def check_nothing_new(self):
        before = oracle.snapshot(self.place / ".tidemill" / self.name, self.out)
        self.run_once().exits(0).says("nothing new: .* done at epoch")
        check(before == oracle.snapshot(self.data, self.out), "a second --once changed something")

    def check_output(self):
        raise NotImplementedError


class WordCount(Scenario):
    """scripts/wordcount.lua, as it is shipped, into files."""
    script, name = REPOSITORY / "scripts" / "wordcount.lua", "wordcount"

    def check_output(self):
        oracle.check_word_count(self.place)
        check_equal(oracle.dead_letters(self.data), [], "dead letters")


class Spilling(WordCount):
    """So many distinct words that the shuffle goes to disk."""
    options = ("--option", "shuffle_memory=1MiB")
    batch_bytes = "4MiB"

    def line(self):
        return b"word-%06d-%060d" % (self.random.randrange(10**6), 0)

    def prepare(self):
        for _ in range(2):
            self.add_file(lines=25000)


class Totals(Scenario):
    """Running totals into files that roll by size and by time; some records are bad. State changes
    are large for this store, so that they go through redo parts."""
    script, name = JOBS / "totals.lua", "totals"
    outputs = ("out/by_size", "out/by_time")
    environment = {"TIDEMILL_TEST_DELTA_BYTES": "1024"}

    def line(self):
        """Most keys are in few epochs only: when an epoch is lost no later one makes up for it."""
        if self.random.random() < 0.01:
            return b"bad %d line" % self.random.randint(0, 999)
        return b"k%d %d" % (self.random.randint(0, 1999), self.random.randint(0, 999))

    def check_output(self):
        pairs = self.check_dead_letters()
        rows = [oracle.part_rows(self.place / folder) for folder in self.outputs]
        for folder, its_rows in zip(self.outputs, rows):
            check_running_totals(its_rows, pairs, folder)
        check(rows[0] == rows[1], "the rows of {} and {} differ", *self.outputs)

    def check_dead_letters(self):
        """@return the records that were counted: [(key, number)] in order"""
        records = self.records()
        fields = [record.split(b" ") for record in records]
        bad = [record for record, f in zip(records, fields) if len(f) != 2]
        letters = oracle.dead_letters(self.data)
        check_equal([letter["record"] for letter in letters], bad, "dead letters in order")
        return [(f[0], int(f[1])) for f in fields if len(f) == 2]


class SpillingTotals(Totals):
    """So many values that those of a batch go to disk on their way to the states."""
    options = ("--option", "shuffle_memory=1MiB")
    batch_bytes = "4MiB"

    def line(self):
        return b"k%040d %d" % (self.random.randrange(10**6), self.random.randint(0, 999))

    def prepare(self):
        for _ in range(2):
            self.add_file(lines=20000)


class InterruptedTotals(Totals):
    """Totals that died in the middle of applying a large change: what a restart finds to repair."""

    def prepare(self):
        super().prepare()
        self.run_and_kill("redo_before_apply:kill@2")


def check_running_totals(rows, pairs, what):
    """Every row is [key, {n, sum, hash, time}] after the key's first n values; all rows of one
    batch time are of one and the same prefix of the input; the last row of a key has all of it."""
    running, seen, total = {}, collections.Counter(), 0
    last_time = 0
    for time, epoch_rows in batches(rows):
        check(time > last_time, "{}: batch time {} after {}", what, time, last_time)
        last_time = time
        epoch = {key: state for key, state in epoch_rows}
        check_equal(len(epoch), len(epoch_rows), f"{what}: keys of batch {time} against its rows")
        counted = sum(state[b"n"] - seen[key] for key, state in epoch.items())
        advance(running, pairs[total:total + counted])
        total += counted
        for key, state in epoch.items():
            came = (state[b"n"], state[b"sum"], state[b"hash"])
            check_equal(came, running.get(key), f"{what}: totals of {key} in batch {time}")
            check(state[b"n"] > seen[key], "{}: {} was emitted unchanged", what, key)
            seen[key] = state[b"n"]
        check_equal({k: n for k, n in seen.items()}, {k: r[0] for k, r in running.items()},
                    f"{what}: values counted up to batch {time}")
    check_equal(total, len(pairs), f"{what}: records counted")


def batches(rows):
    """Neighbouring rows of one batch time: [(time, rows)]"""
    found = []
    for row in rows:
        time = row[1][b"time"]
        if not found or found[-1][0] != time:
            found.append((time, []))
        found[-1][1].append(row)
    return found


def advance(running, pairs):
    for key, value in pairs:
        n, total, hash_ = running.get(key, (0, 0, 0))
        running[key] = (n + 1, total + value, (hash_ * 31 + value) % 1000003)


class Windows(Scenario):
    """Windows of event time. What a file has comes after all of those before it, so however the
    input is cut into epochs and runs nothing is late but what is made so."""
    script, name = JOBS / "windows.lua", "windows"
    outputs = ("out/tumbling", "out/sliding", "out/session")
    environment = {"TIDEMILL_TEST_DELTA_BYTES": "1024"}
    now = 0

    def line(self):
        if self.random.random() < 0.01:
            return b"late %d 1" % self.random.randint(0, 20)
        self.now += self.random.randint(0, 2)
        time = max(0, self.now - self.random.randint(0, 80))
        return b"k%d %d %d" % (self.random.randint(0, 30), time, self.random.randint(0, 99))

    def add_file(self, lines=1000, folder="in"):
        self.now += 1000
        return super().add_file(lines, folder)

    def check_output(self):
        lines = [line for line in self.records() if not line.startswith(b"late")]
        kinds = {"tumbling": (windows_oracle.Aligned(50, 50), "sum"),
                 "sliding": (windows_oracle.Aligned(60, 20), "count"),
                 "session": (windows_oracle.Sessions(5), "list")}
        for kind, (windows, aggregate) in kinds.items():
            wanted, _ = windows_oracle.run([[line + b"\n" for line in lines]], windows, aggregate,
                                           0, 2**40)
            for row in wanted:
                row[1] = sorted(row[1]) if aggregate == "list" else row[1]
            rows = oracle.part_rows(self.out / kind)
            came = [row for row in rows if row[0] != b"late"]
            oracle.check_same_counts(collections.Counter(map(repr, came)),
                                     collections.Counter(map(repr, wanted)), kind)
        self.check_late()

    def check_late(self):
        """Each late line is in a window, if its epoch was the first, or in late/: for each of the
        three operators once."""
        late = len([line for line in self.records() if line.startswith(b"late")])
        rows = [row[1] for row in oracle.part_rows(self.out / "tumbling") if row[0] == b"late"]
        letters = collections.Counter(letter[b"operator"].split(b" ")[0]
                                      for letter in oracle.part_rows(self.data / "late"))
        check_equal(letters[b"tumbling_sum"] + sum(rows), late, "late lines of tumbling windows")
        check(late > 5, "only {} lines are late", late)


class Folders(Scenario):
    """save_as_text_files: a folder for each batch."""
    script, name = JOBS / "folders.lua", "folders"

    def check_output(self):
        counts = collections.Counter()
        for folder in self.out.parent.glob("out-*.txt"):
            for _, path in oracle.parts_of(folder):
                for row in path.read_bytes().splitlines():
                    word, _, count = row[1:-1].rpartition(b",")
                    counts[word] += int(count)
        oracle.check_same_counts(counts, oracle.word_counts(self.records()), "counts of words")

    def check(self):
        super().check()
        self.check_hidden()

    def check_hidden(self):
        hidden = list(self.place.folder.glob(".tidemill-*"))
        check_equal([[p.name for p in h.iterdir()] for h in hidden], [["STORE"]], "hidden files")


class AtLeastOnce(Scenario):
    """Every record comes out, with its batch time; a batch that comes again is the same."""
    outputs = ()

    def check_batches(self, attempts, records):
        """@param attempts: [(time, rows, is_whole)] in the order in which they came"""
        whole = {}
        for time, rows, is_whole in attempts:
            if is_whole:
                check_equal(rows, whole.setdefault(time, rows), f"batch {time} when it came again")
        for time, rows, _ in attempts:
            check(time in whole, "batch {} was begun and never came whole", time)
            check_equal(rows, whole[time][:len(rows)], f"what came of batch {time} before a kill")
        check_equal([r for t in sorted(whole) for r in whole[t]], records, "all rows in order")
        times = [time for time, _, is_whole in attempts if is_whole]
        deaths = sum(end.code != 0 for end in self.ends)
        self.repeated = len(times) - len(whole)
        check(self.repeated <= UNPUBLISHED_MAX * deaths, "{} batches came again after {} deaths",
              self.repeated, deaths)
        self.check_order([time for time, _, _ in attempts], sorted(whole))

    @staticmethod
    def check_order(times, sorted_times):
        """A batch is followed by the next one, or (after a restart) by one that had come."""
        for before, after in zip(times, times[1:]):
            distance = sorted_times.index(after) - sorted_times.index(before)
            check(distance <= 1, "batch {} came before those between it and {}", after, before)


class Stdout(AtLeastOnce):
    """More rows in a batch than fit into the commit: they go through files in outbox/."""
    script, name = JOBS / "stdout.lua", "stdout"
    arguments = ("input=in",)
    batch_bytes = "128KiB"

    def line(self):
        return b"%060d" % self.random.randrange(10**9)

    def prepare(self):
        for _ in range(3):
            self.add_file(lines=3000)

    def check_output(self):
        attempts = []
        for run in self.outputs_of_runs():
            times = collections.OrderedDict()
            for line in run[:run.rfind(b"\n") + 1].splitlines():
                record, time = oracle.json_rows(line + b"\n")[0]
                times.setdefault(time, []).append(record)
            # A run's last batch may be cut short: its last row, or anywhere before it.
            for n, (time, rows) in enumerate(times.items()):
                attempts.append([time, rows, n + 1 < len(times) or run.endswith(b"\n")])
        self.mark_cut(attempts)
        self.check_batches(attempts, self.records())

    def outputs_of_runs(self):
        return [end.out for end in self.ends]

    @staticmethod
    def mark_cut(attempts):
        longest = collections.Counter()
        for time, rows, _ in attempts:
            longest[time] = max(longest[time], len(rows))
        for attempt in attempts:
            attempt[2] = attempt[2] and len(attempt[1]) == longest[attempt[0]]


class GivingUp(Stdout):
    """The rows of the first epoch wait, and are given up: they are kept, or come as they would."""
    kept = b""

    def prepare(self):
        super().prepare()
        self.is_waiting = False
        self.run_and_kill("publish_before:kill@1")
        self.is_waiting = True

    def run_once(self, *more, failpoint=None, may_die=False):
        choice = ("--skip-epoch", "1") if failpoint and self.is_waiting else ()
        return super().run_once(*choice, *more, failpoint=failpoint, may_die=may_die)

    def check(self):
        folder = self.data / "given_up"
        if folder.exists():
            self.kept, = (path.read_bytes() for path in folder.iterdir())
            shutil.rmtree(folder)
        super().check()

    def outputs_of_runs(self):
        return [self.kept, *super().outputs_of_runs()]


class Batches(AtLeastOnce):
    """for_each_batch, whose function appends to a file."""
    script, name = JOBS / "batches.lua", "batches"

    def check_output(self):
        attempts, times = [], {}
        for text in self.out.read_bytes().split(b"\nbegin ")[1:]:
            head, *rows = text.split(b"\n")
            if not rows:
                continue  # cut within its first line
            epoch, time = map(int, head.split())
            check_equal(times.setdefault(epoch, time), time, f"batch time of epoch {epoch}")
            is_whole = rows[-2:] == [b"end %d" % (len(rows) - 2), b""]
            attempts.append((time, rows[:-2] if is_whole else rows[:-1], is_whole))
        check_equal(len(set(times.values())), len(times), "batch times of different epochs")
        self.check_batches(attempts, self.records())

    def check_nothing_new(self):
        before = self.out.read_bytes()
        self.run_once().exits(0).says("nothing new")
        check(self.out.read_bytes() == before, "a second --once called the function again")


class BigBatches(Batches):
    """Batches whose rows go through files in outbox/."""
    batch_bytes = "128KiB"
    line, prepare = Stdout.line, Stdout.prepare


class Fresh(WordCount):
    """A finished store is started over with --fresh, over input that has changed since."""

    def prepare(self):
        super().prepare()
        self.run_once().exits(0)
        oracle.check_word_count(self.place)
        for file in (self.place / "in").iterdir():
            file.unlink()
        super().prepare()

    def run_once(self, *more, failpoint=None, may_die=False):
        fresh = ("--fresh",) if failpoint else ()
        return super().run_once(*fresh, *more, failpoint=failpoint, may_die=may_die)

    def finish(self):
        """Where FRESH was written, any start goes on with it; else nothing has happened yet, or all
        has."""
        if (self.data / "FRESH").exists():
            super().finish()
        else:
            self.start_over().exits(0)
