"""A decision about a refusal (--adopt and its like) takes effect in one step: killed anywhere, the
next start without it is refused as before or goes on mended, and with it it goes on."""
import os
import shutil

import jobs
from harness import DEBUG, Place, check, check_equal, test

POINTS = ("commit_before_write", "commit_write", "commit_after_write", "give_up_before_write",
          "give_up_after_write", "marker_after_sync", "open_after_sweep", "publish_before")
STATE = "update_state_by_key(function(v, s) return (s or 0) + #v end)"
COUNTING = f"lines:map_to_pair(function(s) return s, 1 end):{STATE}:to_files('state')"
COPYING = "lines:to_files('out', {format = 'text'})"


def kill_before_publishing(place):
    jobs.run_once(place, program=DEBUG, may_die=True,
                  env={"TIDEMILL_FAILPOINT": "publish_before:kill@1"})


def adopt_script(place):
    jobs.script(place, COPYING)
    jobs.run_once(place).exits(0)
    jobs.script(place, COPYING + " -- changed", path="moved/job.lua")
    (place / "job.lua").unlink()
    (place / "job.lua").symlink_to("moved/job.lua")
    return "--adopt", "job.lua"


def adopt_folder(place):
    jobs.script(place, COPYING)
    jobs.run_once(place).exits(0)
    shutil.rmtree(place / ".tidemill")
    return "--adopt", "out"


def drop_state(place):
    jobs.script(place, COUNTING)
    jobs.run_once(place).exits(0)
    jobs.script(place, COPYING)
    return "--drop-state", "update_state_by_key"


def drop_output(place):
    jobs.script(place, "lines:for_each_batch(function() end):named('send')")
    kill_before_publishing(place)
    jobs.script(place, COPYING)
    return "--drop-output", "send"


def skip_epoch(place):
    jobs.script(place, COPYING)
    kill_before_publishing(place)
    next(place.folder.glob("out/.tidemill-*/epoch-*")).write_bytes(b"oops")
    return "--skip-epoch", "1"


def reread(place):
    jobs.script(place, COPYING)
    jobs.run_once(place).exits(0)
    os.truncate(place / "in/a.txt", 2)
    return "--reread", "in/a.txt"


def skip_file(place):
    reread(place)
    return "--skip-file", "in/a.txt"


def assume_published(place):
    jobs.script(place, COPYING)
    kill_before_publishing(place)
    shutil.rmtree(place / "out")
    return "--assume-published", "out"


# What each leaves in `out` in the end: of the first input (1, 2), and of what came later (3).
ENDS = {adopt_script: [b"1", b"2", b"3"], adopt_folder: [b"1", b"2", b"3", b"1", b"2"],
        drop_state: [b"3"], drop_output: [b"3"], skip_epoch: [b"3"],
        reread: [b"1", b"2", b"1", b"3"], skip_file: [b"1", b"2", b"3"], assume_published: [b"3"]}


@test(each=ENDS)
def a_kill_while_mending_leaves_the_refusal_or_the_mended_job(place, prepare):
    reached = [point for point in POINTS if is_reached_and_right(place, prepare, point)]
    check(len(reached) > 1, "only {} were reached", reached)


def is_reached_and_right(place, prepare, point):
    inner = Place(place / point)
    inner.folder.mkdir()
    inner.write("in/a.txt", "1\n2\n")
    choice = prepare(inner)
    inner.write("in/b.txt", "3\n")
    jobs.run_once(inner).exits(3)
    end = jobs.run_once(inner, "job.lua", *choice, program=DEBUG, may_die=True,
                        env={"TIDEMILL_FAILPOINT": f"{point}:kill@1"})
    if jobs.run_once(inner).exits(0, 3).code == 3:
        jobs.run_once(inner, "job.lua", *choice).exits(0)
    jobs.run_once(inner).exits(0).says("nothing new")
    check_equal(sorted(jobs.lines_out(inner)), sorted(ENDS[prepare]), f"lines after {point}")
    return end.code < 0
