"""Where everything is, and the sizes of a session of benchmarks."""
import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "bench"
BUILD = ROOT / "build" / "bench"
DATA = BUILD / "data"
PEERS = Path(os.environ.get("PEERS", ROOT / ".." / "shared" / "peers")).resolve()
PEERS_HOME = Path(os.environ.get("PEERS_HOME", "/tmp/peers")).resolve()

WORDS = 36_500_000  # 200 MB
FILES = 8
EVENTS = 10_000_000  # 2.5 GB
EVENT_FILES = 40


@dataclass
class Sizes:
    """How much is done: in full, or just enough to see that it works."""

    runs: int = 5
    words: int = WORDS
    events: int = EVENTS
    copies: int = 4  # of the files, for exactly_once: several seconds
    commits: int = 60
    commit_keys: int = 100_000
    starts: int = 20
    quiet_s: float = 60  # most that a workload waits for a quiet machine
    with_peers: bool = True
    results: Path = BUILD / "results.jsonl"

    @staticmethod
    def quick():
        return Sizes(runs=1, words=182_500, events=20_000, copies=1, commits=4, commit_keys=2_000, starts=2,
                     quiet_s=0, with_peers=False, results=BUILD / "quick.jsonl")
