"""A failed sync: what is on disk is not known, so the process ends at once and syncs no more."""
import re
import shutil

from harness import RELEASE, Skip, check, test
from scenarios import Batches, Totals, WordCount

SYNCS = "fsync,fdatasync,sync_file_range"


def run_with_failing_syncs(scenario, first):
    """Every sync of each thread from the `first` on fails. @return (Result, how many failed)"""
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    trace = scenario.place / "trace"
    running = scenario.place.start(
        "-f", "-q", "-o", trace, "-e", f"trace={SYNCS}", "-e",
        f"inject=fsync,fdatasync:error=EIO:when={first}+", RELEASE, *scenario.command("--once"),
        program=shutil.which("strace"))
    end = running.wait()
    if "ptrace" in end.err:
        raise Skip("this user may not trace a process")
    return end, len(re.findall(r"INJECTED", trace.read_text()))


@test(each=[WordCount, Totals, Batches])
def a_failed_sync_ends_the_process_at_once(place, make):
    scenario = make(place, program=RELEASE)
    scenario.prepare()
    scenario.run_once().exits(0)
    scenario.add_file()
    end, failed = run_with_failing_syncs(scenario, first=1)
    check(failed > 0, "no sync was made")
    end.exits(1, 3).says("sync|Input/output error|I/O error|IO error")
    check(failed <= 3, "{} syncs were tried after the first had failed", failed)
    scenario.ends.append(end)
    scenario.finish()
    scenario.check()
