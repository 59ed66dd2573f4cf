"""The workloads. Each says which variants there are, runs one of them once, and checks its output.

A variant's run gives a dict: what programs.run found, the workload's own figures, and `note` when
something is wrong.
"""
import json
import re
import shutil
from statistics import median

from . import machine, words
from .places import BENCH, ROOT
from .programs import run, scratch
from .report import Measure, quantile, ratios, values_of

USER_SCRIPT = ROOT / "scripts" / "wordcount.lua"
NATIVE_SCRIPT = BENCH / "wordcount_native.lua"
RATE = Measure("words_per_s", "M words/s", scale=1e-6, in_full=True, ratio=True)
CPU_RATE = Measure("words_per_cpu_s", "M words/CPU s", scale=1e-6, ratio=True)
CPU = Measure("cpu_s_per_m", "CPU s/M words", digits=3)
MEMORY = Measure("rss_mib", "RSS MiB", digits=0)


class Workload:
    """What the driver sees of one."""

    name = title = ""
    variants = []
    base = {}  # variant -> the one that it is compared with
    measures = []

    def __init__(self, build, sizes):
        self.build, self.sizes = build, sizes
        self.runs = sizes.runs

    def prepare(self):
        """Build and make what is needed. @return why it is left out; None when it is not"""

    def run(self, variant):
        raise NotImplementedError

    def notes(self, records):
        """Lines under the table."""
        return []


def add_rates(result, count):
    """Words per second and the like, of a run that counted so many words."""
    result["words"] = count
    if result.get("wall_s") and result.get("cpu_s"):
        result["words_per_s"] = round(count / result["wall_s"])
        result["words_per_cpu_s"] = round(count / result["cpu_s"])
        result["cpu_s_per_m"] = round(result["cpu_s"] / count * 1e6, 5)


def count_words(measure, text, command, out):
    """Run a program that counts the words of a text into OUT, a file or a folder."""
    folder = out.parent
    machine.warm(text.files())
    result = run(measure, folder, command)
    add_rates(result, text.words)
    if "note" not in result:
        paths = words.parts(out) if out.is_dir() else [out]
        wrong = words.check_counts(paths, text.counts)
        result.update({"note": wrong} if wrong else {})
    return result


def tidemill(program, folder, script, text, options):
    """The command that counts words into folder/out."""
    return [program, "run", "--once", "--quiet", "--data", folder / "data",
            "--set", f"input={text.folder}", "--set", f"output={folder / 'out'}", *options, script]


class WordCount(Workload):
    name = "wordcount"
    title = "files to files, exactly once, against C by hand; -1 and -2: workers or threads"
    variants = ["c-1", "user-1", "native-1", "c-2", "user-2", "native-2"]
    base = {"user-1": "c-1", "native-1": "c-1", "user-2": "c-2", "native-2": "c-2"}
    measures = [RATE, CPU_RATE, CPU, MEMORY]

    def prepare(self):
        self.measure = self.build.measure()
        self.by_hand = self.build.wordcount_c()
        self.text = words.generated(self.build, self.sizes.words)

    def run(self, variant):
        kind, workers = variant.split("-")
        folder = scratch(self.name)
        if kind == "c":
            out = folder / "out.json"
            command = [self.by_hand, workers, self.text.folder, out]
        else:
            out = folder / "out"
            script = USER_SCRIPT if kind == "user" else NATIVE_SCRIPT
            command = tidemill(self.build.tidemill, folder, script, self.text,
                               ["--option", f"workers={workers}"])
        return count_words(self.measure, self.text, command, out)

    def notes(self, records):
        lines = []
        for kind in ("user", "native"):
            ours = ratios(records, f"{kind}-2", f"{kind}-1", "words_per_s")
            theirs = ratios(records, "c-2", "c-1", "words_per_s")
            if ours and len(ours) == len(theirs):
                share = median(a / b for a, b in zip(ours, theirs))
                lines.append(f"two workers, {kind}: {median(ours):.2f} times one; by hand "
                             f"{median(theirs):.2f} times; ours is {share:.0%} of that")
        return lines


class ExactlyOnce(Workload):
    name = "exactly_once"
    title = "word count cut by time, against the same engine that commits nothing; 2 workers"
    variants = ["1s", "1s-no-commit", "100ms", "100ms-no-commit"]
    base = {"1s": "1s-no-commit", "100ms": "100ms-no-commit"}
    measures = [RATE, CPU_RATE, Measure("epochs", "epochs", digits=0), CPU, MEMORY]

    def prepare(self):
        self.measure = self.build.measure()
        self.no_commit = self.build.no_commit()
        text = words.generated(self.build, self.sizes.words)
        self.text = words.copied(text, self.sizes.copies)

    def run(self, variant):
        batch, _, without = variant.partition("-")
        program = self.no_commit if without else self.build.tidemill
        folder = scratch(self.name)
        command = tidemill(program, folder, USER_SCRIPT, self.text,
                           ["--cut", "time", "--option", f"batch={batch}",
                            "--option", "workers=2"])
        result = count_words(self.measure, self.text, command, folder / "out")
        if (folder / "out").is_dir():  # part-STORE-EPOCH-NUMBER.json
            result["epochs"] = len({p.name.split("-")[2] for p in words.parts(folder / "out")})
        return result

    def notes(self, records):
        lines = []
        for batch in ("1s", "100ms"):
            found = ratios(records, batch, f"{batch}-no-commit", "words_per_s")
            if found:
                lines.append(f"cost of exactly once, epochs of {batch}: {1 - median(found):.1%} "
                             f"of the throughput ({1 - max(found):.1%} to {1 - min(found):.1%})")
        return lines


class Commit(Workload):
    name = "commit"
    variants = ["store"]

    def __init__(self, build, sizes):
        super().__init__(build, sizes)
        self.title = (f"{sizes.commits} synced commits in a row of {sizes.commit_keys} changed "
                      "keys each, beside syncs of the disk alone (64 KiB)")
        self.measures = [Measure(f"{what}_{figure}_ms", f"{what} {figure} ms",
                                 in_full=(what, figure) == ("commit", "median"))
                         for what in ("commit", "sync") for figure in ("median", "p95", "max")]
        self.measures.append(MEMORY)

    def prepare(self):
        self.measure = self.build.measure()
        self.program = self.build.commit()

    def run(self, variant):
        folder = scratch(self.name)
        result = run(self.measure, folder, [self.program, folder / "data", self.sizes.commits,
                                            self.sizes.commit_keys])
        if "note" in result:
            return result
        found = json.loads((folder / "output").read_text(encoding="ascii"))
        for what in ("commit", "sync", "gather"):
            times = found[f"{what}_ms"]
            result[f"{what}_median_ms"] = median(times)
            result[f"{what}_p95_ms"] = quantile(times, 0.95)
            result[f"{what}_max_ms"] = max(times)
        if not found["holds_all"]:
            result["note"] = "the store does not hold what was written"
        return result


class Start(Workload):
    name = "start"
    title = "from exec to the first byte of the first printed result; a sync of the disk alone"
    variants = ["existing", "new", "disk-sync"]
    measures = [Measure("ms", "ms", digits=1, in_full=True), MEMORY]
    dashes = "-" * 43

    def __init__(self, build, sizes):
        super().__init__(build, sizes)
        self.runs = max(sizes.runs, sizes.starts)
        self.started = 0

    def prepare(self):
        self.measure = self.build.measure()
        self.folder = scratch(self.name)
        self._start("existing")  # so that there is a data directory

    def run(self, variant):
        if variant == "disk-sync":
            load = machine.load()
            return {"load_before": load, "ms": machine.sync_ms(self.folder / "sync")}
        return self._start(variant)

    def _start(self, variant):
        """Append a line to a small file and run until its words are printed."""
        self.started += 1
        folder = self.folder / variant
        if variant == "new":
            shutil.rmtree(folder, ignore_errors=True)
        (folder / "input").mkdir(parents=True, exist_ok=True)
        with open(folder / "input" / "lines.txt", "a", encoding="ascii") as f:
            f.write(f"start{self.started} word word\n")
        command = [self.build.tidemill, "run", "--once", "--quiet", "--data", folder / "data",
                   "--set", f"input={folder / 'input'}", USER_SCRIPT]
        result = run(self.measure, folder, command)
        if "note" not in result:
            result["ms"] = (result["first_byte_s"] or 0) * 1000
            output = (folder / "output").read_text(encoding="ascii")
            if not self._is_right(output):
                result["note"] = f"printed {output!r}"
        return result

    def _is_right(self, output):
        head = f"{self.dashes}\nTime: [0-9]+ ms\n{self.dashes}\n"
        rows = [f"(start{self.started},1)\n", "(word,2)\n"]
        either = "|".join(re.escape("".join(order)) for order in (rows, rows[::-1]))
        return re.fullmatch(f"{head}(?:{either})\n", output) is not None

    def notes(self, records):
        times = [values_of(records, variant, "ms").values() for variant in self.variants]
        if not all(times):
            return []
        existing, new, sync = map(median, times)
        return [f"a new data directory takes {new - existing:.1f} ms more, "
                f"as long as {(new - existing) / sync:.1f} syncs of 64 KiB"]
