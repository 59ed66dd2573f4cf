"""What a person decides about a refusal: each option takes a job from the refusal to where it goes
on, once; names that nothing has are errors; where nothing is refused it changes nothing."""
import os

import jobs
import oracle
from harness import check, check_equal, test
from test_reload import NUMBERS, Reloads, counts, sums


def idle(end, option):
    """It went well, and the option is said to have had nothing to decide."""
    return end.exits(0).says(rf"{option} has nothing to do")


# --- another script -------------------------------------------------------------------------------

def moved_job(place):
    place.write("in/a.txt", "1\n")
    jobs.copy_lines(place)
    jobs.run_once(place).exits(0)
    jobs.copy_lines(place, path="new.lua")
    place.append("new.lua", "-- changed\n")


@test
def adopt_gives_the_data_directory_to_another_script(place):
    moved_job(place)
    jobs.run_once(place, "new.lua").exits(3).says(r"--adopt new\.lua")
    place.append("in/a.txt", "2\n")
    jobs.run_once(place, "new.lua", "--adopt", "new.lua").exits(0).says(r"goes over to .*new\.lua")
    check_equal(jobs.lines_out(place), [b"1", b"2"], "lines")
    place.append("new.lua", "-- again\n")
    jobs.run_once(place, "new.lua").exits(0).says("nothing new")
    place.append("job.lua", "-- the old one is another now\n")
    jobs.run_once(place).exits(3).says("--adopt")


@test
def adopt_of_a_script_holds_although_nothing_is_new(place):
    moved_job(place)
    jobs.run_once(place, "new.lua", "--adopt", place / "new.lua").exits(0)
    jobs.run_once(place, "new.lua").exits(0).says("nothing new")


# --- states ---------------------------------------------------------------------------------------

@test
def drop_state_removes_the_state_of_an_operator_that_is_gone(place):
    job = Reloads(place)
    job.run(sums(), "a 1\n").exits(0)
    job.refused("lines:to_files('out')", "--drop-state update_state_by_key", text="a 2\n")
    jobs.script(place, NUMBERS + ":to_files('out')")
    option = ("--drop-state", "update_state_by_key")
    jobs.run_once(place, "job.lua", *option).exits(0).says("update_state_by_key.* is dropped")
    jobs.run_once(place).exits(0).says("nothing new")
    check_equal(job.rows(), [[b"a", 1], [b"a", 2]], "rows")
    # It begins anew when it comes back.
    job.run(sums(), "a 5\n").exits(0)
    check_equal(job.rows()[-1], [b"a", 5], "the total after it came back")


@test
def drop_state_holds_although_nothing_is_new(place):
    job = Reloads(place)
    job.run(sums(), "a 1\n").exits(0)
    jobs.script(place, "lines:to_files('out')")
    jobs.run_once(place, "job.lua", "--drop-state", "update_state_by_key").exits(0)
    jobs.run_once(place).exits(0).says("nothing new")


@test
def drop_state_removes_one_of_several_and_leaves_the_others(place):
    job = Reloads(place)
    job.run(sums() + "\n" + counts(), "a 5\n").exits(0)
    job.refused(sums(), "update_state_by_key")
    jobs.script(place, sums())
    place.write("in/2.txt", "a 6\n")
    jobs.run_once(place, "job.lua", "--drop-state", "update_state_by_key#2").exits(0)
    check_equal(job.rows(), [[b"a", 5], [b"a", 11]], "totals")


@test
def drop_state_of_what_the_script_has_or_renames_changes_nothing(place):
    job = Reloads(place)
    job.run(sums(":named('one')"), "a 5\n").exits(0)
    for name in ("one", "two"):
        jobs.script(place, sums(f":named('{name}')"))
        place.append("in/1.txt", "a 1\n")
        idle(jobs.run_once(place, "job.lua", "--drop-state", "one"), "--drop-state one")
    check_equal(job.rows()[-1], [b"a", 7], "total")


@test
def a_new_script_that_fails_in_its_first_epoch_has_dropped_no_state(place):
    job = Reloads(place)
    job.run(sums(), "a 1\n").exits(0)
    jobs.script(place, "lines:map(function(s) error('broken') end):to_files('out')",
                "on_error = 'fail'")
    place.write("in/2.txt", "a 2\n")
    jobs.run_once(place, "job.lua", "--drop-state", "update_state_by_key").exits(1).says("broken")
    job.run(sums()).exits(0)
    check_equal(job.rows(), [[b"a", 1], [b"a", 3]], "totals")


# --- files that became smaller --------------------------------------------------------------------

def truncated_job(place):
    place.write("in/a.txt", "1\n2\n3\n")
    place.write("in/b.txt", "4\n")
    jobs.copy_lines(place)
    jobs.run_once(place).exits(0)
    os.truncate(place / "in/a.txt", 4)
    jobs.run_once(place).exits(3).says(r"--reread in/a\.txt", r"--skip-file in/a\.txt")


@test
def reread_reads_a_file_again_that_became_smaller(place):
    truncated_job(place)
    jobs.run_once(place, "job.lua", "--reread", "in/a.txt").exits(0).says("read again")
    check_equal(sorted(jobs.lines_out(place)), [b"1", b"1", b"2", b"2", b"3", b"4"], "lines")
    idle(jobs.run_once(place, "job.lua", "--reread", "in/a.txt"), "--reread in/a.txt")
    place.append("in/a.txt", "5\n")
    jobs.run_once(place).exits(0)
    check_equal(jobs.lines_out(place)[-1], b"5", "the last line")


@test
def skip_file_leaves_a_file_out_that_became_smaller(place):
    truncated_job(place)
    jobs.run_once(place, "job.lua", "--skip-file", "in/a.txt").exits(0).says("left out")
    place.append("in/a.txt", "5\n")
    place.append("in/b.txt", "6\n")
    jobs.run_once(place).exits(0)
    check_equal(jobs.lines_out(place)[4:], [b"6"], "lines that came later")


@test(each=["--reread", "--skip-file"])
def a_file_that_is_not_smaller_is_left_as_it_is(place, option):
    truncated_job(place)
    end = jobs.run_once(place, "job.lua", option, "in/b.txt")
    end.exits(3).says(r"--reread in/a\.txt", rf"{option} in/b\.txt has nothing to do")
    check_equal(len(jobs.lines_out(place)), 4, "lines")


# --- names that nothing has -----------------------------------------------------------------------

UNKNOWN = {"--adopt": r"script or folder.*there is: job\.lua, out",
           "--drop-state": "state.*there is: update_state_by_key",
           "--reread": "file.*nor any other", "--skip-file": "file.*nor any other"}


@test(each=UNKNOWN)
def a_name_that_nothing_has_is_an_error_with_what_there_is(place, option):
    job = Reloads(place)
    job.run(sums(), "a 1\n").exits(0)
    place.write("in/2.txt", "a 2\n")
    before = oracle.snapshot(place / "out", jobs.data_of(place))
    end = jobs.run_once(place, "job.lua", option, "nope").exits(2)
    end.says(rf"{option} nope: there is no such", UNKNOWN[option])
    check(before == oracle.snapshot(place / "out", jobs.data_of(place)), "something changed")
