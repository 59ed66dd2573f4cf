"""Outputs: parts, rolling, folders, batches, and whom they belong to."""
import re
import shutil
import time

import jobs
import oracle
from harness import DEBUG, check, check_equal, test, wait_until


def wordcount(place, text="a b a\n", name="a.txt"):
    place.write(f"in/{name}", text)
    jobs.run_wordcount(place).exits(0)


def refused(place, *patterns):
    before = oracle.snapshot(place / "out") if (place / "out").exists() else None
    end = jobs.run_wordcount(place).exits(3).says(*patterns)
    after = oracle.snapshot(place / "out") if (place / "out").exists() else None
    if before is not None:
        check_equal({name: after.get(name) for name in before}, before, "what was in out")
    return end


# --- parts ----------------------------------------------------------------------------------------

@test
def a_part_is_named_by_store_and_epoch_and_empty_ones_are_not_written(place):
    place.write("in/a.txt", "a\n" * 4000)
    jobs.script(place, "lines:filter(function(s) return s == 'b' end):to_files('none')\n"
                "lines:to_files('out')")
    jobs.run_once(place, "job.lua", "--option", "batch_bytes=4096B").exits(0)
    parts = oracle.parts_of(place / "out")
    check_equal([epoch for epoch, _ in parts], [1, 2], "epochs of parts")
    store8 = (place / "out").glob(".tidemill-*").__next__().name[10:]
    for epoch, path in parts:
        check_equal(path.name, f"part-{store8}-{epoch:010d}-0000.json", "name")
    check_equal(oracle.parts_of(place / "none"), [], "parts without rows")
    store_id = (place / f"out/.tidemill-{store8}/STORE").read_text().strip()
    check(store_id.startswith(store8), "STORE holds {}", store_id)


@test
def roll_by_size_collects_epochs_and_hides_nothing_at_the_end(place):
    place.write("in/a.txt", "".join(f"{n:030d}\n" for n in range(20_000)))
    jobs.script(place, "lines:to_files('out', {roll = '100KiB', format = 'text'})")
    jobs.run_once(place, "job.lua", "--option", "batch_bytes=16KiB").exits(0)
    sizes = [path.stat().st_size for _, path in oracle.parts_of(place / "out")]
    check(4 <= len(sizes) <= 7, "there are {} parts", len(sizes))
    check(all(100 * 1024 <= size <= 120 * 1024 for size in sizes[:-1]), "sizes are {}", sizes)
    check_equal(jobs.lines_out(place), oracle.lines_in(place / "in"), "lines")
    oracle.check_nothing_temporary(jobs.data_of(place), place / "out")


@test
def with_once_the_clock_stands_still_for_roll(place):
    """So that what is in a part depends on the input only."""
    place.write("in/a.txt", "a\n" * 10_000)
    jobs.script(place, "lines:to_files('out', {roll = '100ms', format = 'text'})")
    jobs.run_once(place, "job.lua", "--option", "batch_bytes=4096B", program=DEBUG,
                  env={"TIDEMILL_FAILPOINT": "commit_before_write:delay@1+"}).exits(0)
    check_equal(len(oracle.parts_of(place / "out")), 1, "parts")


@test
def roll_by_time_publishes_although_no_more_rows_come(place):
    (place / "in").mkdir()
    jobs.script(place, "lines:to_files('out', {roll = '300ms', format = 'text'})")
    running = place.start("run", "--option", "batch=50ms", "job.lua")
    place.write("x", "1\n").rename(place / "in/1")
    wait_until(lambda: jobs.lines_out(place) == [b"1"], "the line is out, without a stop", 10)
    running.kill()


@test
def save_as_text_files_makes_a_folder_for_each_batch(place):
    place.write("in/a.txt", "a b\n" * 3000)
    jobs.script(place, "lines:save_as_text_files('made/words', 'txt')")
    jobs.run_once(place, "job.lua", "--option", "batch_bytes=4KiB").exits(0)
    folders = sorted(p for p in (place / "made").iterdir() if not p.name.startswith("."))
    check(all(re.fullmatch(r"words-\d+000\.txt", p.name) for p in folders), "{}", folders)
    check_equal(len(folders), 3, "folders")
    lines = b"".join(oracle.part_bytes(p) for p in folders).splitlines()
    check_equal(lines, [b"a b"] * 3000, "lines")


@test
def folders_of_batches_with_two_suffixes_lie_side_by_side(place):
    place.write("in/a.txt", "1\n2\n")
    jobs.script(place, "lines:save_as_text_files('out/x', 'a')\n"
                "lines:save_as_text_files('out/x', 'b')\nlines:to_files('out/x')")
    jobs.run_once(place).exits(0)
    parts = [p.relative_to(place / "out").parts for p in (place / "out").rglob("part-*")]
    kinds = sorted(re.sub(r"\d+", "N", folder) for folder, _ in parts)
    check_equal(kinds, ["x", "x-N.a", "x-N.b"], "folders with parts")
    place.write("in/b.txt", "3\n")
    jobs.run_once(place).exits(0)
    check_equal(len(list((place / "out").rglob("part-*"))), 6, "parts")


@test
def a_function_for_batches_gets_rows_time_and_epoch(place):
    place.write("in/a.txt", "a\nb\na\n")
    jobs.script(place, """lines:count_by_value():for_each_batch(function(rows, time, epoch)
       local f = io.open("seen", "a")
       f:write(epoch, " ", time % 1000, " ", rows:count(), " ", #rows:take(1), "\\n")
       for k, v in rows:each() do f:write(k, "=", v, "\\n") end
       for _, pair in ipairs(rows:collect()) do f:write(pair[1], pair[2], "\\n") end
       f:close()
    end)""", options="allow = {'io'}")
    jobs.run_once(place).exits(0)
    text = (place / "seen").read_text().splitlines()
    check_equal(text[0], "1 0 2 1", "epoch, time within the interval, count, take(1)")
    check_equal(sorted(text[1:]), ["a2", "a=2", "b1", "b=1"], "rows")


@test
def a_function_for_batches_that_fails_is_tried_again_then_the_job_fails(place):
    place.write("in/a.txt", "a\n")
    body = """lines:for_each_batch(function(rows, time, epoch)
       local f = io.open("calls", "a") f:write("x") f:close()
       if not io.open("ready") then error("not ready") end
       for s in rows:each() do f = io.open("seen", "a") f:write(s) f:close() end
    end)"""
    jobs.script(place, body, options="allow = {'io'}")
    jobs.run_once(place).exits(1).says("not ready", r"job\.lua:6")
    check_equal((place / "calls").read_text(), "x" * 4, "calls: one and three more")
    place.write("ready", "")
    jobs.run_once(place).exits(0)
    check_equal((place / "seen").read_text(), "a", "what it saw at the next start")


@test
def a_batch_of_any_size_is_given_to_its_function(place):
    """Rows beyond what fits into the commit come from a file, as often as they are gone through."""
    place.write("in/a.txt", "".join(f"{n % 3000:040d}\n" for n in range(9000)))
    jobs.script(place, """lines:count_by_value():for_each_batch(function(rows, time, epoch)
       local keys, sum = {}, 0
       for k, v in rows:each() do keys[#keys + 1] = k sum = sum + v end
       local again = 0
       for _, pair in ipairs(rows:collect()) do again = again + pair[2] end
       local map = rows:to_table()
       local f = io.open("seen", "w")
       f:write(#keys, " ", sum, " ", again, " ", rows:count(), " ", map[keys[1]], "\\n")
       f:close()
    end)""", options="allow = {'io'}")
    jobs.run_once(place).exits(0)
    check_equal((place / "seen").read_text(), "3000 9000 9000 3000 3\n", "what the function saw")


# --- whose folder it is ---------------------------------------------------------------------------

@test
def parts_of_another_store_are_refused(place):
    place.write("out/part-0a1b2c3d-0000000001-0000.json", '["a",1]\n')
    place.write("in/a.txt", "a\n")
    refused(place, r"\bout\b", "another store", "--adopt")


@test
def the_data_directory_deleted_and_the_same_output_is_refused(place):
    wordcount(place)
    shutil.rmtree(place / ".tidemill")
    refused(place, r"\bout\b", "another store", "--adopt")
    oracle.check_word_count(place)


@test
def a_hidden_folder_of_another_store_is_refused(place):
    wordcount(place)
    shutil.rmtree(place / ".tidemill")
    for _, path in oracle.parts_of(place / "out"):
        path.unlink()
    refused(place, r"\bout\b", "another store", "--adopt")


@test
def two_jobs_cannot_write_into_one_folder(place):
    wordcount(place)
    jobs.script(place, "lines:to_files('out')")
    jobs.run_once(place).exits(3).says("another store", "another folder|own folder|empty folder")


@test(each=["removed", "emptied", "not mounted"])
def a_wiped_output_folder_is_refused(place, how):
    wordcount(place)
    shutil.rmtree(place / "out")
    if how != "removed":
        (place / "out").mkdir()
    if how == "not mounted":
        place.write("out/lost+found", "")
    place.append("in/a.txt", "c\n")
    refused(place, r"\bout\b", "not mounted", "--assume-published", "--publish-again")


@test
def an_output_folder_that_goes_away_under_a_run_is_refused(place):
    """What stands in its place can be written to, but is not what was written to before."""
    for n in range(30):
        place.write(f"in/{n}.txt", f"{n}\n" * 2000)
    jobs.copy_lines(place)
    running = place.start("run", "--once", "--option", "batch_bytes=4096B", "job.lua",
                          program=DEBUG, env={"TIDEMILL_FAILPOINT": "publish_before:delay@1+"})
    wait_until(lambda: jobs.lines_out(place), "the first part is published")
    hidden, = (place / "out").glob(".tidemill-*")
    (place / "out").rename(place / "away")
    hidden.mkdir(parents=True)
    running.wait(30).exits(3).says(r"\bout\b", "not mounted", "--assume-published",
                                   "--publish-again")
    shutil.rmtree(place / "out")
    (place / "away").rename(place / "out")
    jobs.run_once(place).exits(0)
    check_equal(jobs.lines_out(place), oracle.lines_in(place / "in"), "lines in the end")


@test
def an_output_folder_that_comes_back_goes_on(place):
    wordcount(place)
    (place / "out").rename(place / "away")
    place.append("in/a.txt", "c\n")
    refused(place, "not mounted")
    if (place / "out").exists():
        shutil.rmtree(place / "out")
    (place / "away").rename(place / "out")
    jobs.run_wordcount(place).exits(0)
    oracle.check_word_count(place)


@test
def consumers_may_take_parts_away(place):
    wordcount(place)
    for _, path in oracle.parts_of(place / "out"):
        path.unlink()
    place.append("in/a.txt", "c\n")
    jobs.run_wordcount(place).exits(0)
    check_equal(oracle.part_rows(place / "out"), [[b"c", 1]], "rows")


@test
def a_later_epoch_than_the_stores_is_refused(place):
    """The data directory is an old copy: what it would write again is there already."""
    wordcount(place)
    shutil.copytree(place / ".tidemill", place / "copy")
    wordcount(place, "b\n", "b.txt")
    shutil.rmtree(place / ".tidemill")
    (place / "copy").rename(place / ".tidemill")
    place.write("in/c.txt", "c\n")
    refused(place, r"\bout\b|\.tidemill", "older|rewound")
    oracle_counts = oracle.sum_by_key(oracle.part_rows(place / "out"))
    check_equal(oracle_counts, {b"a": 2, b"b": 2}, "counts")


@test
def a_later_epoch_in_a_folder_of_a_batch_is_refused(place):
    """The data directory, EPOCHS and all, is an old copy."""
    jobs.script(place, "lines:save_as_text_files('out/words', 'txt')")
    place.write("in/a.txt", "a\n")
    jobs.run_once(place).exits(0)
    shutil.copytree(place / ".tidemill", place / "copy")
    place.write("in/b.txt", "b\n")
    jobs.run_once(place).exits(0)
    shutil.rmtree(place / ".tidemill")
    (place / "copy").rename(place / ".tidemill")
    place.write("in/c.txt", "c\n")
    before = oracle.snapshot(place / "out")
    jobs.run_once(place).exits(3).says(r"out/words-\d+\.txt holds part-\w+-0000000002-0000", "older")
    check_equal(oracle.snapshot(place / "out"), before, "what was in out")


@test
def a_rewound_store_is_refused_even_if_the_parts_were_taken_away(place):
    wordcount(place)
    shutil.copytree(place / ".tidemill/wordcount/store", place / "copy")
    wordcount(place, "b\n", "b.txt")
    shutil.rmtree(place / ".tidemill/wordcount/store")
    (place / "copy").rename(place / ".tidemill/wordcount/store")
    for _, path in oracle.parts_of(place / "out"):
        path.unlink()
    refused(place, "rewound", "--fresh")


@test(each=["x/../out", "link", ".tidemill/job/dead_letters"])
def two_outputs_that_reach_one_folder_are_refused(place, other):
    """One part of each epoch was lost: the second took the name of the first."""
    (place / "x").mkdir()
    (place / "link").symlink_to("out")
    (place / "out").mkdir()
    place.write("in/a.txt", "1\n2\n")
    jobs.script(place, f"lines:to_files('out')\nlines:to_files('{other}')")
    jobs.run_once(place).exits(3).says(r"write into one folder", r"to_files at job\.lua:5")
    jobs.script(place, "lines:to_files('out')")
    jobs.run_once(place).exits(0)
    check_equal(oracle.part_rows(place / "out"), [b"1", b"2"], "rows")


@test
def a_file_that_has_a_parts_name_is_not_replaced(place):
    place.write("in/a.txt", "1\n2\n")
    jobs.copy_lines(place)
    jobs.run_once(place).exits(0)
    store8 = (place / "out").glob(".tidemill-*").__next__().name[10:]
    part = f"out/part-{store8}-0000000002-0000.txt"
    place.write("in/b.txt", "3\n")
    jobs.run_once(place, program=DEBUG, may_die=True,
                  env={"TIDEMILL_FAILPOINT": "publish_before:kill@1"})
    place.write(part, "not ours\n")
    jobs.run_once(place).exits(3).says(part, "another file has that name")
    check_equal((place / part).read_text(), "not ours\n", "the file")
    (place / part).unlink()
    jobs.run_once(place).exits(0)
    check_equal(jobs.lines_out(place), [b"1", b"2", b"3"], "rows")


@test(each=["out", ".tidemill", ".tidemill/job"])
def a_file_where_a_folder_should_be_is_named(place, name):
    place.write("in/a.txt", "a\n")
    place.write(name, "a file\n")
    jobs.copy_lines(place)
    jobs.run_once(place).exits(1, 3).says(rf"{name}\b.*([Nn]ot a (directory|folder)|exists)")
    check_equal((place / name).read_text(), "a file\n", "the file")


# --- whose data directory it is -------------------------------------------------------------------

@test
def another_script_with_the_same_job_name_is_refused(place):
    wordcount(place)
    jobs.script(place, "lines:print()", name="wordcount", path="mine.lua")
    end = jobs.run_once(place, "mine.lua").exits(3)
    end.says(r"mine\.lua", r"wordcount\.lua", "--data|another name", "--adopt")


@test
def a_moved_script_with_the_same_text_goes_on(place):
    place.write("in/a.txt", "1\n")
    jobs.copy_lines(place)
    jobs.run_once(place).exits(0)
    place.write("moved/other.lua", (place / "job.lua").read_bytes())
    place.append("in/a.txt", "2\n")
    jobs.run_once(place, "moved/other.lua").exits(0)
    check_equal(jobs.lines_out(place), [b"1", b"2"], "lines")


@test
def a_second_engine_on_a_data_directory_is_refused_at_once(place):
    place.write("in/a.txt", "a\n")
    jobs.copy_lines(place)
    first = place.start("run", "--option", "batch=50ms", "job.lua")
    wait_until(lambda: jobs.lines_out(place), "the first line is out")
    for options in ((), ("--fresh",)):
        took = []
        for _ in range(3):  # one of them at once: the machine may have other things to do
            begin = time.monotonic()
            end = jobs.run_once(place, "job.lua", *options).exits(3)
            end.says("in use", str(first.pid), "--data|stop it")
            took.append(time.monotonic() - begin)
        check(min(took) < 1, "it took longer than a second")
    check(first.is_running(), "the first engine has ended")
    first.kill()
    jobs.run_once(place).exits(0).says("nothing new")


# --- starting over --------------------------------------------------------------------------------

@test
def fresh_starts_over_and_removes_only_what_is_its_own(place):
    wordcount(place)
    place.write("notes.txt", "mine")
    store8 = next((place / "out").glob(".tidemill-*")).name
    place.append("in/a.txt", "c\n")
    jobs.run_wordcount(place, "--fresh").exits(0)
    oracle.check_word_count(place)
    check(next((place / "out").glob(".tidemill-*")).name != store8, "the store has the same id")
    oracle.check_nothing_temporary(jobs.data_of(place, "wordcount"), place / "out")


@test
def fresh_starts_over_where_the_store_was_removed_by_hand(place):
    """It was refused once, though --fresh was given: EPOCHS belongs to another store."""
    place.write("in/a", "1\n")
    jobs.script(place, "lines:count():print()")
    jobs.run_once(place).exits(0)
    shutil.rmtree(jobs.data_of(place) / "store")
    end = jobs.run_once(place, "job.lua", "--fresh").exits(0).says("the store is gone")
    check(end.out.endswith(b"1\n\n"), "it prints {}", end.out)
    shutil.rmtree(jobs.data_of(place) / "store")
    jobs.run_once(place).exits(3).says("EPOCHS belongs to another store; .*--fresh")
    jobs.run_once(place, "job.lua", "--fresh").exits(0)


@test
def fresh_on_nothing_is_a_start(place):
    place.write("in/a.txt", "a\n")
    jobs.run_wordcount(place, "--fresh").exits(0)
    oracle.check_word_count(place)


@test(each=["to_files('made/words')", "to_files('made/words', {roll = '1KiB'})",
            "save_as_text_files('made/words')", "save_as_text_files('made/words', 'txt')"])
def fresh_removes_what_each_kind_of_output_has_made(place, output):
    place.write("in/a.txt", "a\nbad\n" * 1000)
    jobs.script(place, "lines:map(function(s) if s == 'bad' then error(s) end return s end):"
                + output, options="max_error_ratio = 1, batch_bytes = '4096B'")
    jobs.run_once(place).exits(0)
    (place / "in/a.txt").unlink()
    place.write("in/b.txt", "b\n")
    jobs.run_once(place, "job.lua", "--fresh").exits(0)
    parts = [p.read_bytes() for p in (place / "made").rglob("part-*")]
    check_equal([part.strip(b'"\n') for part in parts], [b"b"], "parts")
    check_equal(jobs.letters_of(place), [], "dead letters")
    hidden = [p for p in (place / "made").rglob(".tidemill-*")]
    check_equal(len(hidden), 1, "hidden folders")


@test
def fresh_removes_parts_of_every_folder_ever_written(place):
    place.write("in/a.txt", "a\n")
    for out in ("one", "two"):
        place.run("run", "--once", "--set", "input=in", "--set", f"output={out}",
                  jobs.WORDCOUNT).exits(0)
        place.append("in/a.txt", "b\n")
    check_equal(oracle.part_rows(place / "one"), [[b"a", 1]], "rows of the first folder")
    check_equal(oracle.part_rows(place / "two"), [[b"b", 1]], "rows of the second folder")
    place.run("run", "--once", "--fresh", "--set", "input=in", "--set", "output=two",
              jobs.WORDCOUNT).exits(0)
    check_equal(oracle.part_rows(place / "one"), [], "rows of the first folder")
    check_equal(sorted(oracle.part_rows(place / "two")), [[b"a", 1], [b"b", 2]], "rows")


@test
def fresh_says_how_many_committed_rows_it_drops(place):
    place.write("in/a.txt", "a\nb\nc\n")
    jobs.script(place, "lines:for_each_batch(function() error('no') end)")
    jobs.run_once(place).exits(1)
    jobs.script(place, "lines:for_each_batch(function() end)")
    jobs.run_once(place, "job.lua", "--fresh").exits(0).says(r"\b3 rows")
