"""What a person decides about a refusal: each option takes a job from the refusal to where it goes
on, once; names that nothing has are errors; where nothing is refused it changes nothing."""
import os
import re
import shutil

import jobs
import oracle
from harness import DEBUG, REPOSITORY, check, check_equal, test, wait_until
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
    jobs.run_once(place, "job.lua", *option).exits(0).says("state of .update_state_by_key. goes")
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


# --- rows that wait to be published ---------------------------------------------------------------

FAILING = NUMBERS + ":for_each_batch(function() error('not now') end):named('send')"


def given_up(place):
    """{name: bytes} of what is kept of rows that were given up."""
    return {path.name: path.read_bytes() for path in (jobs.data_of(place) / "given_up").iterdir()}


@test
def drop_output_gives_up_rows_for_a_function_that_is_gone(place):
    job = Reloads(place)
    job.run(FAILING, "a 1\nb 2\n").exits(1)
    job.refused(NUMBERS + ":to_files('out')", "--drop-output send")
    option = ("job.lua", "--drop-output", "send")
    jobs.run_once(place, *option).exits(0).says("2 rows of for_each_batch.* are given up.*given_up")
    check_equal(list(given_up(place).values()), [b'["a",1]\n["b",2]\n'], "what is kept")
    job.run(NUMBERS + ":to_files('out')", "a 3\n").exits(0)
    check_equal(job.rows(), [[b"a", 3]], "rows")
    idle(jobs.run_once(place, *option), "--drop-output send")


@test
def drop_output_of_one_that_the_script_has_changes_nothing(place):
    job = Reloads(place)
    job.run(FAILING, "a 1\n").exits(1)
    end = jobs.run_once(place, "job.lua", "--drop-output", "send").exits(1)
    end.says("--drop-output send has nothing to do: the script has it", "--skip-epoch send=1")


@test(each=["1", "send=1"])
def skip_epoch_gives_up_a_batch_that_fails_for_ever(place, choice):
    job = Reloads(place)
    text = "".join(f"k{n} {n}\n" for n in range(9000))  # too many for the store: they are in a file
    job.run(FAILING, text).exits(1).says("epoch 1 waits", "--skip-epoch send=1", "not now")
    place.write("in/2.txt", "a 2\n")
    end = jobs.run_once(place, "job.lua", "--skip-epoch", choice).exits(1)
    end.says("9000 rows of for_each_batch.* epoch 1, are given up", "--skip-epoch send=2")
    rows = [[b"k%d" % n, n] for n in range(9000)]
    check_equal(oracle.json_rows(given_up(place)["0000000001-2.json"]), rows, "what is kept")
    check_equal(list((jobs.data_of(place) / "outbox").iterdir()), [], "what is left in outbox")
    job.run(FAILING.replace("error('not now')", "")).exits(0)
    idle(jobs.run_once(place, "job.lua", "--skip-epoch", choice), f"--skip-epoch {choice}")


@test
def skip_epoch_of_one_output_leaves_the_others(place):
    job = Reloads(place)
    body = FAILING + "\n" + NUMBERS + ":to_files('out')"
    job.run(body, "a 1\n", program=DEBUG, may_die=True,
            env={"TIDEMILL_FAILPOINT": "publish_before:kill@1"})
    check_equal(job.rows(), [], "published rows")
    jobs.run_once(place, "job.lua", "--skip-epoch", "send=1").exits(0)
    check_equal(job.rows(), [[b"a", 1]], "rows")


@test(each=["to_files('out', {format = 'text'})", "save_as_text_files('out/made')",
            "to_stdout({format = 'text'})", "for_each_batch(function() end):named('send')"])
def skip_epoch_gives_up_rows_that_are_damaged_and_keeps_them(place, output):
    """The rows are in a file: of the hidden folder, or of outbox/."""
    place.write("in/a.txt", "".join(f"{n:050d}\n" for n in range(3000)))
    jobs.script(place, f"lines:{output}")
    jobs.run_once(place, program=DEBUG, may_die=True,
                  env={"TIDEMILL_FAILPOINT": "publish_before:kill@1"})
    hidden = [*place.folder.glob(".tidemill/job/outbox/*"), *place.folder.glob("out/.tid*/epoch*")]
    check_equal(len(hidden), 1, "files that wait")
    data = bytearray(hidden[0].read_bytes())
    data[1000:1004] = b"oops"
    hidden[0].write_bytes(data)
    jobs.run_once(place).exits(3).says("damaged", r"--skip-epoch ('|)(\w|[:/])+(|')=1\b")
    jobs.run_once(place, "job.lua", "--skip-epoch", "1").exits(0).says("3000 rows .*given_up")
    check_equal(list(given_up(place).values()), [bytes(data)], "what is kept")
    check(not hidden[0].exists(), "{} is still there", hidden[0])
    place.append("in/a.txt", "more\n")
    jobs.run_once(place).exits(0)


@test
def a_part_that_cannot_be_kept_is_given_up_all_the_same(place):
    job = Reloads(place)
    job.run("lines:to_stdout()", "a\n" * 20_000, program=DEBUG, may_die=True,
            env={"TIDEMILL_FAILPOINT": "publish_before:kill@1"})
    waiting, = (jobs.data_of(place) / "outbox").iterdir()
    waiting.unlink()
    jobs.run_once(place).exits(1).says("--skip-epoch to_stdout:stdout=1")
    jobs.run_once(place, "job.lua", "--skip-epoch", "1").exits(0).says("cannot be kept")
    jobs.run_once(place).exits(0).says("nothing new")


@test
def fresh_removes_what_was_given_up(place):
    job = Reloads(place)
    job.run(FAILING, "a 1\n").exits(1)
    jobs.script(place, "lines:to_files('out')")
    jobs.run_once(place, "job.lua", "--drop-output", "send").exits(0)
    check(given_up(place), "nothing is kept")
    jobs.run_once(place, "job.lua", "--fresh").exits(0)
    oracle.check_nothing_temporary(jobs.data_of(place), place / "out")


@test
def an_epoch_that_does_not_wait_is_an_error_with_those_that_do(place):
    job = Reloads(place)
    job.run(FAILING, "a 1\n").exits(1)
    for choice in ("nope", "0", "99", "send=99", "nope=1"):
        end = jobs.run_once(place, "job.lua", "--skip-epoch", choice).exits(2)
        end.says("no such output; there is: send" if "nope=" in choice
                 else "no such epoch whose rows wait; there is: 1")


# --- output folders -------------------------------------------------------------------------------

def start_over_without_its_store(place):
    """Parts of another store lie in `out`."""
    place.write("in/a.txt", "1\n")
    jobs.copy_lines(place)
    jobs.run_once(place).exits(0)
    shutil.rmtree(place / ".tidemill")
    jobs.run_once(place).exits(3).says("another store", "--adopt out")


@test
def adopt_takes_over_a_folder_that_another_store_has_written_to(place):
    start_over_without_its_store(place)
    jobs.run_once(place, "job.lua", "--adopt", "out/").exits(0).says("out is taken over")
    check_equal(jobs.lines_out(place), [b"1", b"1"], "lines of both stores")
    place.append("in/a.txt", "2\n")
    idle(jobs.run_once(place, "job.lua", "--adopt", "out"), "--adopt out")
    check_equal(jobs.lines_out(place)[2:], [b"2"], "lines that came later")
    # A third store is another matter.
    place.write("out/part-0a1b2c3d-0000000001-0000.txt", "x\n")
    jobs.run_once(place).exits(3).says("0a1b2c3d", "--adopt out")


@test
def the_store_that_a_folder_was_taken_from_is_refused(place):
    place.write("in/a.txt", "1\n")
    jobs.copy_lines(place)
    jobs.run_once(place).exits(0)
    jobs.run_once(place, "job.lua", "--data", "other", "--adopt", "out").exits(0)
    jobs.run_once(place).exits(3).says("another store", "--adopt out")
    jobs.run_once(place, "job.lua", "--data", "other").exits(0).says("nothing new")


def empty(place, how):
    shutil.rmtree(place / "out")
    if how == "emptied":
        (place / "out").mkdir()


FOLDER_OPTIONS = [(o, how) for o in ("--assume-published", "--publish-again")
                  for how in ("removed", "emptied")]


@test(each=FOLDER_OPTIONS)
def a_folder_that_was_emptied_is_written_to_again(place, choice):
    option, how = choice
    place.write("in/a.txt", "1\n")
    jobs.copy_lines(place)
    jobs.run_once(place).exits(0)
    empty(place, how)
    place.append("in/a.txt", "2\n")
    jobs.run_once(place).exits(3).says(f"{option} out")
    jobs.run_once(place, "job.lua", option, "out").exits(0).says("out is the job's again; 0 rows")
    check_equal(jobs.lines_out(place), [b"2"], "lines")
    place.append("in/a.txt", "3\n")
    idle(jobs.run_once(place, "job.lua", option, "out"), f"{option} out")
    check_equal(jobs.lines_out(place), [b"2", b"3"], "lines")
    oracle.check_nothing_temporary(jobs.data_of(place), place / "out")


@test
def rows_that_waited_in_an_emptied_folder_count_as_published_only_if_told(place):
    place.write("in/a.txt", "1\n2\n")
    jobs.copy_lines(place)
    jobs.run_once(place, program=DEBUG, may_die=True,
                  env={"TIDEMILL_FAILPOINT": "publish_before:kill@1"})
    shutil.rmtree(place / "out")
    place.append("in/a.txt", "3\n")
    again = jobs.run_once(place, "job.lua", "--publish-again", "out").exits(3)
    again.says("2 rows of epochs 1 to 1 are gone", "--assume-published out", "--fresh")
    jobs.run_once(place, "job.lua", "--assume-published", "out").exits(0).says("2 rows")
    check_equal(jobs.lines_out(place), [b"3"], "lines")


@test
def rows_of_an_emptied_folder_that_was_written_otherwise_are_missed(place):
    """They counted as published, though what --publish-again says was given."""
    copy = "lines:to_files('%s', {format = 'text'})"
    jobs.script(place, copy % "./out")
    place.write("in/a.txt", "0\n")
    jobs.run_once(place).exits(0)
    jobs.script(place, copy % "out")
    place.append("in/a.txt", "1\n2\n")
    jobs.run_once(place, program=DEBUG, may_die=True,
                  env={"TIDEMILL_FAILPOINT": "publish_before:kill@1"})
    shutil.rmtree(place / "out")
    jobs.run_once(place, "job.lua", "--publish-again", "out").exits(3).says("2 rows of epochs 2 to")
    jobs.run_once(place, "job.lua", "--assume-published", "out").exits(0).says("2 rows")


@test
def rows_that_are_still_there_are_published_again(place):
    """Only STORE is missing."""
    place.write("in/a.txt", "1\n2\n")
    jobs.copy_lines(place)
    jobs.run_once(place, program=DEBUG, may_die=True,
                  env={"TIDEMILL_FAILPOINT": "publish_before:kill@1"})
    next(place.folder.glob("out/.tidemill-*/STORE")).unlink()
    jobs.run_once(place).exits(3).says("--publish-again out")
    jobs.run_once(place, "job.lua", "--publish-again", "out").exits(0)
    check_equal(jobs.lines_out(place), [b"1", b"2"], "lines")


ROLLING = "lines:to_files('out', {format = 'text', roll = '1GiB'})"


def rolling_job(place):
    """Rows are committed and still in the open file."""
    place.write("in/a.txt", "1\n" * 3000)
    jobs.script(place, ROLLING, options="batch_bytes = '4096B'")
    jobs.run_once(place, program=DEBUG, may_die=True,
                  env={"TIDEMILL_FAILPOINT": "commit_after_write:kill@1"})
    return next(place.folder.glob("out/.tidemill-*/open-*"))


@test(each=["gone", "shorter", "damaged", "with its folder"])
def an_open_file_that_is_missing_counts_as_published_if_told(place, how):
    file = rolling_job(place)
    if how == "with its folder":
        shutil.rmtree(place / "out")
    elif how == "gone":
        file.unlink()
    elif how == "shorter":
        os.truncate(file, 10)
    else:
        file.write_bytes(b"x" + file.read_bytes()[1:])
    jobs.run_once(place).exits(3).says("--assume-published out")
    jobs.run_once(place, "job.lua", "--publish-again", "out").exits(3).says("rows of epochs 1 to 1")
    jobs.run_once(place, "job.lua", "--assume-published", "out").exits(0)
    lines = jobs.lines_out(place)
    check(0 < len(lines) < 3000, "{} lines came", len(lines))
    if how in ("shorter", "damaged"):
        check_equal(len(given_up(place)), 1, "files that are kept")
    jobs.run_once(place).exits(0).says("nothing new")


def kill_behind_the_end_of_an_open_file(place):
    """1,200 rows wait in a file that an epoch without rows has ended."""
    place.write("in/a.txt", "1\n" * 1200 + "x\n" * 1800)
    jobs.script(place, "lines:filter(function(s) return s == '1' end)" + ROLLING[len("lines"):],
                options="batch_bytes = '4096B'")
    jobs.run_once(place, program=DEBUG, may_die=True,
                  env={"TIDEMILL_FAILPOINT": "commit_after_write:kill@2"})
    return list(place.folder.glob("out/.tidemill-*/open-*"))


@test
def rows_of_a_file_that_has_ended_are_all_missed(place):
    """It counted as a file of 0 rows, and as published."""
    check_equal(len(kill_behind_the_end_of_an_open_file(place)), 1, "hidden files")
    shutil.rmtree(place / "out")
    jobs.run_once(place, "job.lua", "--publish-again", "out").exits(3).says("1200 rows of epochs")
    jobs.run_once(place, "job.lua", "--assume-published", "out").exits(0).says("1200 rows")


@test(each=["ended", "open"])
def fresh_says_how_many_rows_of_rolling_files_it_drops(place, how):
    if how == "ended":
        kill_behind_the_end_of_an_open_file(place)
    else:
        rolling_job(place)
    end = jobs.run_once(place, "job.lua", "--fresh").exits(0)
    end.says("--fresh drops 1200 rows" if how == "ended" else r"--fresh drops 20\d\d rows")


@test
def a_folder_of_an_output_that_is_gone_can_be_given_up(place):
    rolling_job(place)
    shutil.rmtree(place / "out")
    jobs.script(place, "lines:to_files('out2', {format = 'text'})", "batch_bytes = '4096B'")
    jobs.run_once(place).exits(3).says("--assume-published out")
    jobs.run_once(place, "job.lua", "--drop-output", "to_files:out").exits(0).says("given up")
    check(jobs.lines_out(place, "out2"), "nothing came")


# --- stored versions of the script ----------------------------------------------------------------

def copying(suffix):
    return f"lines:map(require('suffix')):map(function(s) return s .. '{suffix}' end)" \
           ":to_files('out', {format = 'text'})"


def stored_job(place):
    """Two versions, and then a file that cannot be run."""
    place.write("suffix.lua", "return function(s) return s .. '-module' end\n")
    for n, suffix in enumerate(("-one", "-two")):
        jobs.script(place, copying(suffix))
        place.write(f"in/{n}", f"{n}\n")
        jobs.run_once(place).exits(0)
    place.write("job.lua", "this is no script\n")
    place.write("suffix.lua", "nor is this\n")
    check_equal(jobs.lines_out(place), [b"0-module-one", b"1-module-two"], "lines")
    place.write("in/2", "2\n")
    return lambda *words: place.run("run", "--once", *words)


@test
def stored_runs_the_script_as_the_store_keeps_it(place):
    run = stored_job(place)
    run("job.lua").exits(2)
    run("--stored", "job.lua").exits(2).says("give the job's name")
    run("--stored", "job").exits(0).says(r"stored version 1 of /.*job\.lua")
    check_equal(jobs.lines_out(place)[2:], [b"2-module-two"], "lines")
    place.write("in/3", "3\n")
    run("--stored", "2", "--data", ".tidemill/job", "job.lua").exits(0).says("stored version 2")
    check_equal(jobs.lines_out(place)[3:], [b"3-module-one"], "lines")
    # That one is the newest now.
    place.write("in/4", "4\n")
    run("--stored", "job").exits(0)
    place.write("in/5", "5\n")
    run("job", "--stored=2").exits(0)
    check_equal(jobs.lines_out(place)[4:], [b"4-module-one", b"5-module-two"], "lines")


@test
def stored_takes_the_name_from_a_file_that_can_be_run(place):
    stored_job(place)
    place.write("suffix.lua", "return function(s) return s end\n")
    jobs.script(place, copying("-three"))
    jobs.run_once(place, "job.lua", "--stored").exits(0)
    check_equal(jobs.lines_out(place)[2:], [b"2-module-two"], "lines")
    (place / "job.lua").unlink()
    jobs.run_once(place, "job", "--stored").exits(0).says("nothing new")


@test
def a_stored_version_that_is_not_there_is_an_error(place):
    place.write("in/1", "1\n")
    jobs.copy_lines(place)
    jobs.run_once(place, "job.lua", "--stored").exits(2).says("no store in .tidemill/job")
    check(not (place / ".tidemill").exists(), "a data directory was made")
    jobs.run_once(place).exits(0)
    for number in ("0", "2", "9"):
        jobs.run_once(place, "job", "--stored", number).exits(2).says("keeps 1 versions")
    running = place.start("run", "job.lua")
    lock = jobs.data_of(place) / "LOCK"
    wait_until(lambda: lock.read_text() == f"{running.pid}\n", "the engine has the lock")
    place.run("run", "--stored", "job").exits(3).says(f"in use.*{running.pid}")


# --- names that nothing has -----------------------------------------------------------------------

UNKNOWN = {"--adopt": r"script or folder.*there is: job\.lua, out",
           "--drop-state": "state.*there is: update_state_by_key",
           "--assume-published": "folder.*there is:.*out", "--publish-again": "folder.*out",
           "--drop-output": "output.*there is: to_files:out",
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


# --- what messages name ---------------------------------------------------------------------------

STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]")


@test
def every_option_that_a_message_names_exists(place):
    known = set()
    for words in ((), ("run",), ("explain",), ("stop",), ("test",)):
        known |= set(OPTION.findall(place.run(*words, "--help").exits(0).out.decode()))
    named = {}
    for pattern in ("engine/**/*.[ch]", "engine/**/*.cc", "lua/**/*.lua"):
        for path in REPOSITORY.glob(pattern):
            for text in STRING.findall(path.read_text()):
                for option in OPTION.findall(text):
                    named.setdefault(option, path.name)
    check(len(named) > 15, "only {} options were found in messages", len(named))
    check_equal({o: p for o, p in named.items() if o not in known}, {}, "options that do not exist")
