"""JSON lines from files to files: how fast records pass that are changed little or not at all."""
import hashlib
import json
import os

from . import machine
from .places import BENCH, DATA
from .programs import run, say, scratch
from .report import Measure, quantile, ratios
from .words import Folder, parts, replace_whole
from .workloads import MEMORY, Workload
from .ysb import CPU, add_rates, generated

SCRIPT = BENCH / "json_passthrough.lua"
FILES = 10  # of the events'
BAD_EACH = 100  # every so many lines one is cut off
MTIME = 1_700_000_000  # of all files: they are read in the order of their names
SPEED = Measure("mb_per_s", "MB/s", digits=0, in_full=True, ratio=True)


def rename(line):
    """What the script makes of a line; b"" when it is not let through."""
    event = json.loads(line)
    if event["event_type"] != "view":
        return b""
    return json.dumps({"ad": event["ad_id"], "at": event["event_time"], "page": event["page_id"]},
                      separators=(",", ":")).encode() + b"\n"


EXPECTED = {
    "copy": lambda line: line,
    "filter": lambda line: line if b'"event_type": "view"' in line else b"",
    "rename": rename,
}


def digest_of(paths):
    digest = hashlib.blake2b()
    for path in paths:
        with open(path, "rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()


class Lines(Folder):
    """A folder of events, of which some may be cut off, and what must come of them."""

    def __init__(self, folder):
        super().__init__(folder)
        about = json.loads(folder.with_suffix(".expected").read_text(encoding="ascii"))
        self.bytes, self.count, self.bad = about["bytes"], about["count"], about["bad"]
        self.digests = about["digests"]


def prepared(events, is_spoiled):
    """The first files of the events, every so many lines cut off in the middle or none."""
    folder = DATA / f"{events.folder.parent.name}-{'spoiled' if is_spoiled else 'lines'}"
    expected = folder.with_suffix(".expected")

    def make(into):
        say(f"making {folder.name}")
        into.mkdir()
        number = 0
        for path in events.files()[:FILES]:
            with open(path, "rb") as file, open(into / path.name, "wb") as out:
                for line in file:
                    number += 1
                    is_bad = is_spoiled and number % BAD_EACH == 0
                    out.write(line[:len(line) // 2] + b"\n" if is_bad else line)
            os.utime(into / path.name, (MTIME, MTIME))

    def describe(into):
        say(f"computing in Python what comes of {folder.name}")
        size = count = bad = 0
        digests = {what: hashlib.blake2b() for what in EXPECTED}
        for path in sorted(folder.iterdir()):
            with open(path, "rb") as file:
                for line in file:
                    size, count = size + len(line), count + 1
                    if not line.endswith(b"}\n"):
                        bad += 1
                        continue
                    for what, digest in digests.items():
                        digest.update(EXPECTED[what](line))
        into.write_text(json.dumps({
            "bytes": size, "count": count, "bad": bad,
            "digests": {what: digest.hexdigest() for what, digest in digests.items()}}),
            encoding="ascii")

    replace_whole(folder, make)
    replace_whole(expected, describe)
    return Lines(folder)


def letters_in(data):
    """How many dead letters there are."""
    return sum(path.read_bytes().count(b"\n") for path in parts(data / "dead_letters"))


class JsonPassthrough(Workload):
    name = "json_passthrough"
    title = "JSON files to JSON files, exactly once, epochs of 1 s; -1 and -2: workers"
    variants = ["copy-1", "filter-1", "rename-1", "spoiled-1", "rename-2"]
    base = {"spoiled-1": "rename-1", "rename-2": "rename-1"}
    measures = [SPEED, CPU, MEMORY]

    def prepare(self):
        self.measure = self.build.measure()
        events = generated(self.build, self.sizes.events)
        self.clean, self.spoiled = prepared(events, False), prepared(events, True)

    def run(self, variant):
        what, workers = variant.split("-")
        lines = self.spoiled if what == "spoiled" else self.clean
        what = "rename" if what == "spoiled" else what
        folder = scratch(self.name)
        machine.warm(lines.files())
        result = run(self.measure, folder, [
            self.build.tidemill, "run", "--once", "--quiet", "--cut", "time",
            "--data", folder / "data", "--set", f"input={lines.folder}",
            "--set", f"output={folder / 'out'}", "--set", f"what={what}",
            "--option", f"workers={workers}", SCRIPT])
        add_rates(result, lines.count)
        if result.get("wall_s"):
            result["mb_per_s"] = round(lines.bytes / result["wall_s"] / 1e6, 1)
        if "note" not in result:
            wrong = self.check(folder, lines, what)
            result.update({"note": wrong} if wrong else {})
        return result

    @staticmethod
    def check(folder, lines, what):
        if digest_of(parts(folder / "out")) != lines.digests[what]:
            return "the rows are other ones, or in another order"
        letters = letters_in(folder / "data")
        return None if letters == lines.bad else f"{letters} dead letters, not {lines.bad}"

    def notes(self, records):
        found = ratios(records, "spoiled-1", "rename-1", "mb_per_s")
        if not found:
            return []
        return [f"with 1 % of the lines cut off: {quantile(found, 0.5):.0%} of the speed"]
