"""Other engines on their own word count, run by the harness of ../shared/peers, beside ours on the
same files. They must have been prepared (its setup.sh); nothing is downloaded from here."""
import json
import os
import subprocess
from statistics import median

from . import words
from .places import PEERS, PEERS_HOME
from .programs import TIMEOUT_S, scratch
from .report import Measure, ratios
from .workloads import (MEMORY, NATIVE_SCRIPT, RATE, USER_SCRIPT, Workload, count_words,
                        tidemill)

# Their best settings: ../shared/peers/results.md.
ENGINES = {
    "flink": (["flink", "wordcount", "hashmap"],
              {"PEERS_JVM": "-XX:+UseParallelGC -XX:+UseTransparentHugePages"}),
    "spark": (["spark", "wordcount", "default:all"], {}),
    "duckdb": (["duckdb", "wordcount"], {}),
}
NEEDED = ["data/wc", "data/wc.records", "oracle/wordcount.csv", "build/flink/peers-flink.jar",
          "venv/bin/spark-submit"]


def _read_oracle():
    with open(PEERS_HOME / "oracle" / "wordcount.csv", encoding="ascii") as f:
        return {word: int(count) for word, count in (line.strip().split(",") for line in f)}


def prepared(sizes, needed):
    """@return why the peers are left out, None when they can run"""
    if not sizes.with_peers:
        return "--quick"
    missing = [str(PEERS / "run.sh")] if not (PEERS / "run.sh").exists() else []
    missing += [str(PEERS_HOME / path) for path in needed if not (PEERS_HOME / path).exists()]
    return f"{missing[0]} is not there (PEERS, PEERS_HOME)" if missing else None


def run_peer(arguments, settings, folder):
    """One run of another engine. @return what was measured, with its `records` and `wall_rps`"""
    with open(folder / "errors", "wb") as errors:
        done = subprocess.run(["timeout", str(TIMEOUT_S), "bash", PEERS / "run.sh", *arguments],
                              env={**os.environ, "PEERS_HOME": str(PEERS_HOME), **settings},
                              stdout=subprocess.PIPE, stderr=errors, check=False)
    try:
        theirs = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return {"note": f"run.sh ended with {done.returncode}: see {folder / 'errors'}"}
    result = {"load_before": theirs["load_before"], "others_cpu_s": theirs["other_cpu_s"],
              "wall_s": theirs["wall_s"], "cpu_s": theirs["cpu_s"], "rss_mib": theirs["rss_mb"],
              "records": theirs["records"], "wall_rps": theirs["wall_rps"],
              "cpu_s_per_m": theirs["cpu_s_per_m"], "version": theirs["version"],
              "setting": theirs["variant"]}
    if theirs["equal"] != "yes":
        result["note"] = theirs["note"]
    return result


class Peers(Workload):
    name = "peers"
    title = "CPU seconds for a million words; ours: 2 workers, epochs of 1 s, as theirs"
    variants = ["user", "native", *ENGINES]
    base = {name: "user" for name in ["native", *ENGINES]}
    measures = [Measure("cpu_s_per_m", "CPU s/M words", digits=3, in_full=True, ratio=True),
                Measure(RATE.key, RATE.title, scale=RATE.scale), MEMORY]

    def prepare(self):
        left_out = prepared(self.sizes, NEEDED)
        if left_out:
            return left_out
        self.measure = self.build.measure()
        self.text = words.Text(PEERS_HOME / "data" / "wc", _read_oracle())
        return None

    def run(self, variant):
        folder = scratch(self.name)
        if variant in ENGINES:
            result = run_peer(*ENGINES[variant], folder)
            result.update(words=result.get("records"), words_per_s=result.get("wall_rps"))
            return result
        script = USER_SCRIPT if variant == "user" else NATIVE_SCRIPT
        command = tidemill(self.build.tidemill, folder, script, self.text,
                           ["--cut", "time", "--option", "batch=1s", "--option", "workers=2"])
        return count_words(self.measure, self.text, command, folder / "out")

    def notes(self, records):
        lines = []
        for variant in ENGINES:
            user, native = (ratios(records, variant, ours, "cpu_s_per_m")
                            for ours in ("user", "native"))
            if user and native:
                lines.append(f"{variant} takes {median(user):.1f} times the CPU of our word count "
                             f"with user functions, {median(native):.1f} times the native one's")
        return lines
