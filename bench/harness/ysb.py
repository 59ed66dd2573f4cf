"""The Yahoo streaming benchmark, JSON files to JSON files: ours, one written by hand, and others.

Views of 1,000 ads are counted by campaign and window of 10 s; the watermark is 60 s behind, so that
no event is late. What must come out is recomputed in Python.
"""
import json
import os
from collections import Counter

from . import machine
from .peers import prepared, run_peer
from .places import DATA, EVENT_FILES, PEERS_HOME, ROOT
from .programs import call, run, say, scratch
from .report import Measure, quantile, ratios
from .words import Folder, parts, replace_whole
from .workloads import MEMORY, Workload

SCRIPT = ROOT / "scripts" / "ads.lua"
WINDOW_MS = 10_000
RATE = Measure("events_per_s", "M events/s", scale=1e-6, in_full=True, ratio=True)
CPU = Measure("cpu_s_per_m", "CPU s/M events", digits=3, in_full=True, ratio=True)


def campaigns_of(ads_file):
    with open(ads_file, encoding="ascii") as file:
        lines = (line.strip().split(",") for line in file)
        return {ad: campaign for ad, campaign in lines if ad != "ad_id"}


def recompute(folder, ads_file):
    """@return {(campaign, start_ms): views}"""
    campaigns, views = campaigns_of(ads_file), Counter()
    for path in sorted(folder.iterdir()):
        with open(path, encoding="ascii") as file:
            for line in file:
                if '"view"' in line:  # only spares parsing the others
                    event = json.loads(line)
                    campaign = campaigns.get(event["ad_id"])
                    if event["event_type"] == "view" and campaign is not None:
                        time_ms = int(event["event_time"])
                        views[campaign, time_ms - time_ms % WINDOW_MS] += 1
    return views


class Events(Folder):
    """A folder of events, and what must come of them: [[campaign, start_ms, views]] in a file."""

    def __init__(self, folder, ads, count, expected):
        super().__init__(folder)
        self.ads, self.count = ads, count
        rows = json.loads(expected.read_text(encoding="ascii"))
        self.views = {(campaign, start): views for campaign, start, views in rows}

    def check(self, paths):
        """@return what is wrong with rows [campaign, views, {start_ms, end_ms}]; or None"""
        got = {}
        try:
            for path in paths:
                for line in path.read_text(encoding="ascii").splitlines():
                    campaign, views, window = json.loads(line)
                    start = window["start_ms"]
                    if (campaign, start) in got or window["end_ms"] != start + WINDOW_MS:
                        return f"a window twice, or of another length: {line}"
                    got[campaign, start] = views
        except (ValueError, TypeError, KeyError, OSError) as e:
            return f"rows that cannot be read: {e}"
        if got == self.views:
            return None
        wrong = sum(1 for key in self.views if got.get(key) != self.views[key])
        return (f"{len(got)} rows instead of {len(self.views)}, {wrong} missing or wrong; "
                f"{sum(got.values())} views instead of {sum(self.views.values())}")


def generated(build, count):
    """Events of our own generator; made when they are not there."""
    folder = DATA / f"ysb-{count}"
    expected = folder.with_suffix(".expected")

    def generate(into):
        say(f"making {count} events")
        (into / "events").mkdir(parents=True)
        call([build.generate_ysb(), into, count, EVENT_FILES])

    def count_views(into):
        say("counting their views in Python")
        views = recompute(folder / "events", folder / "ads.csv")
        rows = [[campaign, start, n] for (campaign, start), n in views.items()]
        into.write_text(json.dumps(rows), encoding="ascii")

    replace_whole(folder, generate)
    replace_whole(expected, count_views)
    return Events(folder / "events", folder / "ads.csv", count, expected)


def add_rates(result, count):
    result["events"] = count
    if result.get("wall_s") and result.get("cpu_s"):
        result["events_per_s"] = round(count / result["wall_s"])
        result["cpu_s_per_m"] = round(result["cpu_s"] / count * 1e6, 5)


def command_of(program, folder, events, workers):
    return [program, "run", "--once", "--quiet", "--cut", "time", "--data", folder / "data",
            "--set", f"input={events.folder}", "--set", f"ads={events.ads}",
            "--set", f"output={folder / 'out'}", "--option", "batch=1s",
            "--option", f"workers={workers}", SCRIPT]


def count_events(measure, events, command, out):
    machine.warm(events.files())
    result = run(measure, out.parent, command)
    add_rates(result, events.count)
    if "note" not in result:
        wrong = events.check(parts(out) if out.is_dir() else [out])
        result.update({"note": wrong} if wrong else {})
    return result


class Ysb(Workload):
    name = "ysb"
    title = "ads.lua, exactly once, epochs of 1 s, against C++ by hand; -1 and -2: workers, threads"
    variants = ["hand-1", "ads-1", "hand-2", "ads-2"]
    base = {"ads-1": "hand-1", "ads-2": "hand-2"}
    measures = [RATE, CPU, MEMORY]

    def prepare(self):
        self.measure = self.build.measure()
        self.by_hand = self.build.ysb_by_hand()
        self.events = generated(self.build, self.sizes.events)

    def run(self, variant):
        kind, workers = variant.split("-")
        folder = scratch(self.name)
        if kind == "hand":
            out = folder / "out.json"
            command = [self.by_hand, workers, self.events.folder, self.events.ads, out]
        else:
            out = folder / "out"
            command = command_of(self.build.tidemill, folder, self.events, workers)
        return count_events(self.measure, self.events, command, out)

    def notes(self, records):
        lines = []
        for workers in (1, 2):
            found = ratios(records, f"hand-{workers}", f"ads-{workers}", "cpu_s_per_m")
            if found:
                lines.append(f"{workers} workers: the CPU of the program by hand is "
                             f"{quantile(found, 0.5):.0%} of ours")
        return lines


# Their best settings: ../shared/peers/results.md.
JVM = "-XX:+UseParallelGC -XX:+UseTransparentHugePages"
ENGINES = {
    "flink": (["flink", "ysb", "hashmap"], {"PEERS_JVM": JVM}),
    "spark": (["spark", "ysb", "default:all"], {}),
    "duckdb": (["duckdb", "ysb"], {}),
}
NEEDED = ["data/ysb", "data/ads.csv", "data/ysb.records", "oracle/ysb.csv",
          "build/flink/peers-flink.jar", "venv/bin/spark-submit"]


class YsbPeers(Workload):
    name = "ysb_peers"
    title = "CPU seconds for a million events; ours: 2 workers, epochs of 1 s, as theirs"
    variants = ["ads", *ENGINES]
    base = {name: "ads" for name in ENGINES}
    measures = [CPU, RATE, MEMORY]

    def prepare(self):
        left_out = prepared(self.sizes, NEEDED)
        if left_out:
            return left_out
        self.measure = self.build.measure()
        count = int((PEERS_HOME / "data" / "ysb.records").read_text(encoding="ascii"))
        expected = DATA / "ysb-peers.expected"
        ads = DATA / "ysb-peers-ads.csv"
        replace_whole(expected, self._translate)
        replace_whole(ads, self._name_columns)
        self.events = Events(PEERS_HOME / "data" / "ysb", ads, count, expected)
        return None

    @staticmethod
    def _name_columns(into):
        rows = (PEERS_HOME / "data" / "ads.csv").read_text(encoding="ascii")
        into.write_text("ad_id,campaign_id\n" + rows, encoding="ascii")

    @staticmethod
    def _translate(into):
        with open(PEERS_HOME / "oracle" / "ysb.csv", encoding="ascii") as file:
            fields = (line.strip().split(",") for line in file)
            rows = [[campaign, int(start), int(views)] for campaign, start, views in fields]
        into.write_text(json.dumps(rows), encoding="ascii")

    def run(self, variant):
        folder = scratch(self.name)
        if variant not in ENGINES:
            command = command_of(self.build.tidemill, folder, self.events, os.cpu_count())
            return count_events(self.measure, self.events, command, folder / "out")
        arguments, settings = ENGINES[variant]
        result = run_peer(arguments, settings, folder)
        result.update(events=result.get("records"), events_per_s=result.get("wall_rps"))
        return result

    def notes(self, records):
        lines = []
        for variant in ENGINES:
            found = ratios(records, variant, "ads", "cpu_s_per_m")
            if found:
                lines.append(f"{variant} takes {quantile(found, 0.5):.1f} times the CPU "
                             "of ours")
        return lines
