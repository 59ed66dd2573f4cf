"""A kill, an input/output error and a full disk at every failpoint; then a restart and the five
checks. TABLE says which job reaches which failpoint; that each is there and was reached is a test.
"""
import dataclasses
import signal
import time

import oracle
import scenarios
from harness import DEBUG, Place, check, check_equal, test
from receiving import Received, TornReceived
from scenarios import (Batches, BigBatches, Folders, Fresh, GivingUp, InterruptedTotals, Spilling,
                       SpillingTotals, Stdout, Totals, Windows, WordCount)

EPOCH = ("commit_after_write", "commit_before_write", "commit_write", "epochs_after_sync",
         "epochs_before_write", "publish_after", "publish_before")
FILES = ("file_output_after_rename", "file_output_after_sync", "file_output_before_rename",
         "file_output_before_sync", "file_output_write")
REDO = ("redo_after_apply", "redo_after_delete", "redo_after_part", "redo_before_apply")
RECEIVED = ("received_after_remove", "received_after_roll", "received_after_sync",
            "received_before_sync", "received_write")
OPENING = ("store_after_create", "store_before_create", "marker_after_sync", "open_before_redo",
           "open_after_sweep")

# The first job of a failpoint is the one whose faults are tried too.
TABLE = {
    Totals: (*EPOCH, *FILES, *REDO, *OPENING, "roll_after_close", "stop_before_marks"),
    InterruptedTotals: ("open_before_redo", "open_after_redo", "roll_after_truncate", *REDO),
    Stdout: ("outbox_after_sync", "outbox_before_sync", "outbox_write", *EPOCH,
             "stop_before_marks"),
    Batches: (*EPOCH, "stop_before_marks"),
    BigBatches: ("outbox_after_sync", "outbox_before_sync", "outbox_write", "publish_after",
                 "publish_before"),
    Folders: (*EPOCH, *FILES, "stop_before_marks"),
    WordCount: (*EPOCH, *FILES, "stop_before_marks"),
    Windows: (*EPOCH, *FILES, *REDO, "stop_before_marks"),
    Spilling: ("spill_write",),
    SpillingTotals: ("spill_write", "redo_after_part"),
    GivingUp: ("give_up_after_write", "give_up_before_write"),
    Received: (*RECEIVED, *EPOCH, "stop_before_marks"),
    TornReceived: ("received_after_cut", "received_after_sync", "received_before_sync"),
    Fresh: ("fresh_after_marker", "fresh_after_outputs", "fresh_after_store",
            "fresh_before_unmark"),
}

# Where a full disk ends the program, because no epoch runs that could wait: at a start, and when
# all is done but the marks. Everywhere else it waits and goes on. The first hits of commit_write
# are those of a start: later ones have a test of their own.
ENDS_WHEN_FULL = {*OPENING, *TABLE[Fresh], *TABLE[GivingUp], "open_after_redo",
                  "roll_after_truncate", "received_after_cut",
                  "stop_before_marks", "commit_write"}


@dataclasses.dataclass
class Case:
    scenario: type
    failpoint: str

    def __str__(self):
        return f"{self.failpoint} of {self.scenario.__name__}"

    def make(self, place, **options):
        scenario = self.scenario(place, **options)
        scenario.prepare()
        return scenario


CASES = [Case(scenario, name) for scenario, names in TABLE.items() for name in names]
FIRST_CASES = list({case.failpoint: case for case in reversed(CASES)}.values())[::-1]


def kill_and_check(case, place, hit, **options):
    scenario = case.make(place, **options)
    scenario.run_and_kill(f"{case.failpoint}:kill@{hit}")
    scenario.finish()
    scenario.check()


@test(each=CASES)
def a_kill_at_the_first_hit_loses_and_doubles_nothing(place, case):
    kill_and_check(case, place, 1)


@test(each=CASES, slow=True)
def a_kill_with_four_workers_loses_and_doubles_nothing(place, case):
    kill_and_check(case, place, 1, workers=4)


@test(each=CASES, slow=True)
def a_kill_at_later_hits_loses_and_doubles_nothing(place, case):
    """The second, then others up to the last one: each that is tried is checked."""
    def is_reached(hit):
        inner = Place(place / str(hit))
        inner.folder.mkdir()
        scenario = case.make(inner)
        end = scenario.run_once(failpoint=f"{case.failpoint}:kill@{hit}", may_die=True)
        scenario.finish()
        scenario.check()
        return end.code < 0
    reached, beyond = 1, 2
    while beyond < 1000 and is_reached(beyond):
        reached, beyond = beyond, 2 * beyond
    while beyond - reached > 1:
        middle = (reached + beyond) // 2
        if is_reached(middle):
            reached = middle
        else:
            beyond = middle


@test(each=[c for c in FIRST_CASES if c.scenario in (Totals, Stdout, Received)] +
      [Case(Folders, "file_output_after_rename"), Case(Folders, "commit_after_write")])
def after_a_kill_fresh_starts_over(place, case):
    """Whatever the kill has left, --fresh removes it, though a store may not know yet of a folder
    that it has begun to write to."""
    scenario = case.make(place)
    scenario.run_and_kill(f"{case.failpoint}:kill@1")
    scenario.ends.clear()  # what had come before is of no interest
    scenario.start_over().exits(0)
    scenario.check()


@test(each=[Totals, WordCount, Folders, Stdout, BigBatches])
def what_was_not_committed_is_removed_and_not_published(place, make):
    """The input is gone at the restart: no epoch comes that would write over what is left."""
    scenario = make(place)
    scenario.prepare()
    scenario.run_and_kill("commit_before_write:kill@3")
    scenario.cut_input(epochs=2)
    scenario.finish()
    scenario.check()


@test(each=[Stdout, Batches])
def only_the_last_batches_come_again(place, make):
    """The marks of what was published are in the commits behind it. There is time enough between
    two commits for all that waits to be published."""
    scenario = make(place)
    scenario.prepare()
    scenario.run_and_kill("commit_after_write:delay@1+,commit_before_write:kill@5")
    scenario.finish()
    scenario.check()
    check(scenario.repeated <= 2, "{} batches came again", scenario.repeated)


@test(each=FIRST_CASES)
def after_an_input_output_error_a_restart_is_right(place, case):
    scenario = case.make(place)
    end = scenario.run_once(failpoint=f"{case.failpoint}:eio@1")
    end.exits(1, 3).says("Input/output error|EIO")
    check_equal(len(end.err.strip().splitlines()), 1, "lines of the message " + end.err)
    scenario.finish()
    scenario.check()


@test
def a_job_that_fails_ends_with_exit_code_1_each_time(place):
    """Workers are busy when the publishing of an earlier epoch fails: twenty times, for chance."""
    for n in range(20):
        inner = Place(place / str(n))
        inner.folder.mkdir()
        scenario = Case(Totals, "epochs_after_sync").make(inner)
        scenario.run_once(failpoint="epochs_after_sync:eio@1").exits(1)


@test(each=[c for c in FIRST_CASES if c.failpoint not in ENDS_WHEN_FULL])
def a_full_disk_is_waited_for(place, case):
    scenario = case.make(place)
    end = scenario.run_once(failpoint=f"{case.failpoint}:enospc@1")
    end.exits(0).says("No space left on device; waiting for space")
    scenario.check()


@test(each=[c for c in FIRST_CASES if c.failpoint in ENDS_WHEN_FULL])
def a_full_disk_at_a_start_or_end_is_said(place, case):
    scenario = case.make(place)
    end = scenario.run_once(failpoint=f"{case.failpoint}:enospc@1")
    end.exits(0, 1, 3).says("No space left on device")
    scenario.finish()
    scenario.check()


@test(each=range(8, 14))  # the hits before them are a start's
def a_disk_that_is_full_at_a_commit_is_waited_for(place, hit):
    scenario = Case(Totals, "commit_write").make(place)
    end = scenario.run_once(failpoint=f"commit_write:enospc@{hit}")
    end.exits(0).says("No space left on device; waiting for space")
    scenario.check()


ENDLESS = """local mill = require "tidemill"
local job = mill.job("totals", {deadline = "300ms", workers = 1})
job:text_file_stream("in"):map(function(s) while s == "30" do end return s end)
   :to_files("out", {format = "text"})
return job
"""


@test(each=range(4, 12))
def a_full_disk_while_a_skip_is_noted_skips_nothing_else(place, hit):
    place.write("in/a", "".join(f"{n}\n" for n in range(60)))
    place.write("job.lua", ENDLESS)
    end = place.run("run", "--once", "job.lua", program=DEBUG,
                    env={"TIDEMILL_FAILPOINT": f"commit_write:enospc@{hit}"})
    if end.code != 0:  # the hits of a start
        end.exits(1).says("No space left on device")
        place.run("run", "--once", "job.lua", program=DEBUG).exits(0)
    lines = [int(line) for line in oracle.part_bytes(place / "out").split()]
    check_equal(lines, [n for n in range(60) if n != 30], "lines")
    letters = oracle.dead_letters(place / ".tidemill" / "totals")
    check_equal([letter["record"] for letter in letters], [b"30"], "dead letters")


@test
def a_signal_while_no_store_is_open_ends_well(place):
    """The disk is full at a commit, and then also when the store is opened anew."""
    scenario = Case(Totals, "commit_write").make(place)
    running = scenario.start(
        "--once", failpoint="commit_write:enospc@10,store_before_create:enospc@2+")
    running.wait_for_text("waiting for space")
    time.sleep(1.5)
    running.signal(signal.SIGTERM).wait().exits(1).says("No space left on device")
    scenario.finish()
    scenario.check()


@test
def a_disk_that_stays_full_stops_the_job_until_it_is_stopped(place):
    scenario = Case(Totals, "file_output_write").make(place)
    running = scenario.start("--once", failpoint="file_output_write:enospc@3+")
    running.wait_for_text("waiting for space")
    time.sleep(2.5)  # it tries again each second, and says nothing new
    check(running.is_running(), "it has ended: {}", running.err())
    check_equal(running.err().count("waiting for space"), 1, "how often it says that it waits")
    end = running.signal(signal.SIGTERM).wait()
    end.exits(1).says("files with .* bytes are left")
    scenario.finish()
    scenario.check()


@test(last=True)
def every_failpoint_was_reached(place):
    names = place.run("failpoints", program=DEBUG).exits(0).out.decode().split()
    check(len(names) > 20, "the build lists only {} failpoints: {}", len(names), names)
    check_equal(sorted(set(names) - {c.failpoint for c in CASES}), [],
                "failpoints that no job of TABLE is said to reach")
    reached = set(scenarios.REACHED.read_text().split())
    check_equal(sorted(set(names) - reached), [], "failpoints that no job has reached")
