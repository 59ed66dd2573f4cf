"""Building programs, and running one and measuring it."""
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from . import machine
from .places import BENCH, BUILD, ROOT

CFLAGS = ["-D_GNU_SOURCE", "-O2", "-g", "-Wall", "-Wextra"]
TIMEOUT_S = 600


class Failure(Exception):
    """Something that a person has to mend; the text says what."""


def call(command, **options):
    """Run a program that is not measured. @return what it printed"""
    # `make bench` leaves its own settings in the environment; a make below must not take them.
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    env["GIT_OPTIONAL_LOCKS"] = "0"
    try:
        done = subprocess.run([str(c) for c in command], cwd=ROOT, env=env, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    except OSError as e:
        raise Failure(f"{command[0]}: {e.strerror}") from e
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))} failed:\n{done.stdout}")
    return done.stdout


@dataclass
class Build:
    """The programs, made when first asked for."""

    tidemill: Path
    is_given: bool = False  # by --program: then it is not made here

    def make(self):
        if not self.is_given:
            say("building build/tidemill")
            call(["make"])

    def compiled(self, name, extra=(), uses=(), compiler=("cc", "-std=c11"), suffix="c"):
        """A C program of bench/; `uses`: files that it is linked with."""
        source, program = BENCH / f"{name}.{suffix}", BUILD / name
        newest = max(p.stat().st_mtime for p in (source, *uses))
        if not program.exists() or program.stat().st_mtime < newest:
            BUILD.mkdir(parents=True, exist_ok=True)
            call([*compiler, *CFLAGS, "-o", program, source, *uses, *extra])
        return program

    def generate_ysb(self):
        return self.compiled("generate_ysb")

    def ysb_by_hand(self):
        flags = call(["pkg-config", "--cflags", "--libs", "simdjson"]).split()
        return self.compiled("ysb_by_hand", [*flags, "-pthread"], suffix="cc",
                             compiler=("c++", "-std=c++17"))

    def generate(self):
        return self.compiled("generate")

    def measure(self):
        return self.compiled("measure")

    def wordcount_c(self):
        return self.compiled("wordcount_c", ["-pthread"])

    def commit(self):
        library = self.tidemill.parent / "libengine.a"
        flags = call(["pkg-config", "--cflags", "--libs", "rocksdb", "libxxhash"]).split()
        return self.compiled("commit", ["-I", ROOT / "engine", *flags, "-pthread", "-lm"],
                             uses=[library])

    def no_commit(self):
        """The same engine, but nothing is synced and nothing goes into the store."""
        folder = BUILD / "no_commit"
        say("building build/bench/no_commit/tidemill")
        call(["cmake", "-S", ROOT, "-B", folder, "-DCMAKE_BUILD_TYPE=Release",
              "-DTIDEMILL_TESTS=OFF", "-DTIDEMILL_BENCH_NO_COMMIT=ON"])
        call(["cmake", "--build", folder, "--target", "tidemill", "-j", os.cpu_count()])
        return folder / "tidemill"


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def scratch(name):
    """An empty folder for one run."""
    folder = BUILD / "run" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def run(measure, folder, command):
    """Run a program and measure it (see measure.c); its outputs go into files of the folder.

    @return a dict for the results: wall_s, first_byte_s, cpu_s, rss_mib, exit, load_before and
            others_cpu_s (what other programs took meanwhile), and `note` when it failed
    """
    result = {"load_before": machine.load()}
    busy = machine.busy_s()
    errors = folder / "errors"
    with open(errors, "wb") as f:
        try:  # measure's end is the end of what it runs
            done = subprocess.run([str(c) for c in (measure, folder / "output", *command)],
                                  cwd=ROOT, stdout=subprocess.PIPE, stderr=f, check=False,
                                  timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return {**result, "note": f"did not end within {TIMEOUT_S} s"}
    busy = machine.busy_s() - busy
    result.update(json.loads(done.stdout or '{"exit": 125, "cpu_s": 0}'))
    result["others_cpu_s"] = round(max(0, busy - result["cpu_s"]), 2)
    if result["exit"] != 0:
        last = errors.read_text(errors="replace").strip().splitlines()[-1:] or ["no message"]
        result["note"] = f"exit code {result['exit']}: {last[0]}"
    return result
