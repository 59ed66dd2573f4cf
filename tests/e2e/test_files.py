"""Input files: which are seen, in what order, what happens to those that change."""
import gzip
import os
import random
import signal
import threading
import time

import jobs
import oracle
from harness import DEBUG, Skip, check, check_equal, test, wait_until

MIB = 2**20


def check_copy(place, wanted):
    check_equal(jobs.lines_out(place), wanted, "lines")


def copy_of(place, wanted, *options, **more):
    end = jobs.run_once(place, "job.lua", *options, **more).exits(0)
    check_copy(place, wanted)
    return end


# --- which files are seen, and in what order ------------------------------------------------------

@test
def hidden_and_unfinished_names_and_subfolders_are_not_seen(place):
    for name in (".a", "_b", "c.tmp", "sub/d.txt", "e.txt", "f", "g.tmp.txt"):
        place.write(f"in/{name}", f"{name}\n")
    os.mkfifo(place / "in/pipe")
    (place / "in/nowhere").symlink_to("missing")
    jobs.copy_lines(place)
    copy_of(place, sorted([b"e.txt", b"f", b"g.tmp.txt"]))


@test
def a_link_to_a_file_is_read(place):
    place.write("far/a.txt", "a\n")
    (place / "in").mkdir()
    (place / "in/link.txt").symlink_to("../far/a.txt")
    jobs.copy_lines(place)
    copy_of(place, [b"a"])


@test
def a_pattern_chooses_files(place):
    for name in ("a.log", "b.txt", "c.log", "log"):
        place.write(f"in/{name}", f"{name}\n")
    jobs.copy_lines(place, '{pattern = "*.log"}')
    copy_of(place, [b"a.log", b"c.log"])


@test
def new_files_only_leaves_out_what_was_there(place):
    place.write("in/old.txt", "old\n")
    jobs.copy_lines(place, "{new_files_only = true}")
    jobs.run_once(place).exits(0)
    check_copy(place, [])
    place.write("in/new.txt", "new\n")
    place.append("in/old.txt", "more\n")
    jobs.run_once(place).exits(0)
    check_copy(place, [b"new"])


@test
def files_are_read_in_order_of_time_then_name(place):
    for n, (name, age) in enumerate([("b", 10), ("a", 20), ("d", 10), ("c", 30)]):
        path = place.write(f"in/{name}", f"{name}\n")
        os.utime(path, ns=(10**18, 10**18 - age * 10**9))
    jobs.copy_lines(place)
    copy_of(place, [b"c", b"a", b"b", b"d"])
    os.utime(place.write("in/0", "0\n"), ns=(10**17, 10**17))  # older, but listed later
    copy_of(place, [b"c", b"a", b"b", b"d", b"0"])


# --- bytes and lines ------------------------------------------------------------------------------

BYTES = {
    "line ends of both kinds": b"a\r\nb\nc\r\r\n\r\n\n d \n",
    "NUL bytes": b"a\0b\n\0\n\0\0c\n",
    "bytes that are no UTF-8": b"\xff\xfe\nab\xc3\n\xed\xa0\x80\n\x80\n",
    "every byte": bytes(range(256)) + b"\n" + bytes(b for b in range(256) if b != 10) * 50,
    "no line end at the end": b"a\nb",
    "only line ends": b"\n\n\n",
    "a long line": b"x" * MIB + b"\ny\n",
    "a quote and a backslash": b'"\\\n\\"\n',
}


@test(each=BYTES)
def bytes_are_kept_as_they_are(place, name):
    place.write("in/a", BYTES[name])
    jobs.copy_lines(place)
    copy_of(place, oracle.lines_of(BYTES[name]))


@test(each=[1, 4])
def words_of_binary_files_are_counted_as_python_does(place, workers):
    chance = random.Random(workers)
    alphabet = bytes(range(256)) + b" \n\t" * 40
    for n in range(4):
        place.write(f"in/{n}", bytes(chance.choice(alphabet) for _ in range(100_000)) + b"\n")
    jobs.run_wordcount(place, "--option", f"workers={workers}").exits(0)
    oracle.check_word_count(place)


@test
def an_empty_file_has_no_record_and_may_grow(place):
    place.write("in/a", b"")
    place.write("in/b", b"b\n")
    jobs.copy_lines(place)
    copy_of(place, [b"b"])
    place.append("in/a", b"a\n")
    copy_of(place, [b"b", b"a"])


@test
def an_empty_folder_is_nothing_new(place):
    (place / "in").mkdir()
    jobs.copy_lines(place)
    jobs.run_once(place).exits(0).says("nothing new: 0 files done")


@test(each=[16 * MIB, 16 * MIB + 1, 40 * MIB])
def a_line_over_16_mib_is_a_dead_letter(place, size):
    place.write("in/a", b"before\n" + b"x" * size + b"\nafter\n")
    jobs.copy_lines(place)
    jobs.run_once(place).exits(0)
    fits = size <= 16 * MIB
    lines = jobs.lines_out(place)
    check_equal([len(line) for line in lines], [6] + [size] * fits + [5], "lengths of lines")
    check_equal((lines[0], lines[-1]), (b"before", b"after"), "the lines around it")
    letters = jobs.letters_of(place)
    check_equal(len(letters), 0 if fits else 1, "dead letters")
    if letters:
        check_equal(letters[0]["offset"], 7, "offset")
        check(b"16 MiB" in letters[0]["reason"], "the reason is {}", letters[0]["reason"])


@test
def a_file_of_many_blocks_is_read_whole_whatever_its_lines(place):
    chance = random.Random(7)
    lines = [b"%d:" % n + b"y" * chance.choice((0, 10, 1000, 300_000)) for n in range(300)]
    place.write("in/a", b"\n".join(lines) + b"\n")
    jobs.copy_lines(place)
    copy_of(place, lines, "--option", "workers=3")


# --- files that change ----------------------------------------------------------------------------

@test
def a_file_that_grows_is_read_on(place):
    place.write("in/a", b"1\n2\n")
    jobs.copy_lines(place)
    copy_of(place, [b"1", b"2"])
    place.append("in/a", b"3\n")
    copy_of(place, [b"1", b"2", b"3"])


@test
def once_waits_for_a_file_without_last_line_end(place):
    place.write("in/a", b"1\n2")
    jobs.copy_lines(place)
    begin = time.monotonic()
    copy_of(place, [b"1", b"2"])
    check(time.monotonic() - begin > 0.5, "it did not wait to see whether the file stands still")
    place.append("in/a", b"3\n")
    copy_of(place, [b"1", b"2", b"3"])


@test
def once_leaves_the_last_line_of_a_file_that_still_changes(place):
    place.write("in/a", b"1\n2")
    jobs.copy_lines(place)
    stop = threading.Event()

    def touch():
        while not stop.wait(0.02):
            place.append("in/a", b"2")
    writer = threading.Thread(target=touch)
    writer.start()
    try:
        end = jobs.run_once(place).exits(0)
    finally:
        stop.set()
        writer.join()
    end.says(r"in/a is still being written.*next run")
    check_copy(place, [b"1"])
    place.append("in/a", b"\n")
    jobs.run_once(place).exits(0)
    check_copy(place, oracle.lines_in(place / "in"))


@test
def a_renamed_file_is_not_read_again(place):
    place.write("in/a", b"1\n")
    jobs.copy_lines(place)
    copy_of(place, [b"1"])
    (place / "in/a").rename(place / "in/b")
    copy_of(place, [b"1"]).says("nothing new")
    place.append("in/b", b"2\n")
    copy_of(place, [b"1", b"2"])


@test
def a_file_is_seen_when_it_gets_its_name(place):
    place.write("in/a.tmp", b"1\n")
    place.write("in/.b", b"2\n")
    jobs.copy_lines(place)
    copy_of(place, []).says("nothing new: 0 files")
    (place / "in/a.tmp").rename(place / "in/a")
    (place / "in/.b").rename(place / "in/b")
    copy_of(place, [b"1", b"2"])


@test
def a_new_file_under_an_old_name_is_read(place):
    place.write("in/a", b"1\n")
    jobs.copy_lines(place)
    copy_of(place, [b"1"])
    place.write("new", b"2\n").rename(place / "in/a")
    copy_of(place, [b"1", b"2"])


@test
def two_files_that_swap_names_are_not_read_again(place):
    place.write("in/a", b"1\n")
    place.write("in/b", b"2\n")
    jobs.copy_lines(place)
    copy_of(place, [b"1", b"2"])
    (place / "in/a").rename(place / "x")
    (place / "in/b").rename(place / "in/a")
    (place / "x").rename(place / "in/b")
    copy_of(place, [b"1", b"2"]).says("nothing new: 2 files")


@test
def a_copy_is_another_file(place):
    place.write("in/a", b"1\n")
    jobs.copy_lines(place)
    copy_of(place, [b"1"])
    place.write("in/b", b"1\n")
    copy_of(place, [b"1", b"1"])


@test
def a_file_written_anew_is_read_from_its_beginning(place):
    path = place.write("in/a", b"old 1\nold 2\n")
    jobs.copy_lines(place)
    copy_of(place, [b"old 1", b"old 2"])
    with open(path, "r+b") as file:  # the same inode
        file.truncate(0)
        file.write(b"new\n")
    copy_of(place, [b"old 1", b"old 2", b"new"])


@test
def a_file_that_was_cut_short_is_refused_with_both_ways_out(place):
    place.write("in/a", b"1\n2\n3\n")
    place.write("in/b", b"b\n")
    jobs.copy_lines(place)
    copy_of(place, [b"1", b"2", b"3", b"b"])
    os.truncate(place / "in/a", 2)
    place.append("in/b", b"more\n")
    end = jobs.run_once(place).exits(1, 3)
    end.says(r"in/a\b", r"--reread \S*in/a", r"--skip-file \S*in/a")
    check_copy(place, [b"1", b"2", b"3", b"b"])
    place.append("in/a", b"2\n3\n4\n")  # whole again
    copy_of(place, [b"1", b"2", b"3", b"b", b"4", b"more"])


@test
def removed_files_change_nothing(place):
    place.write("in/a", b"1\n")
    place.write("in/b", b"2\n")
    jobs.copy_lines(place)
    copy_of(place, [b"1", b"2"])
    (place / "in/a").unlink()
    copy_of(place, [b"1", b"2"]).says("nothing new")
    (place / "in/b").unlink()
    copy_of(place, [b"1", b"2"]).says("nothing new")


@test
def a_file_removed_before_it_was_begun_is_warned_about(place):
    for n in range(4):
        place.write(f"in/{n}", b"%d\n" % n * 3000)
    jobs.copy_lines(place)
    running = place.start("run", "--once", "--option", "batch_bytes=4096B", "job.lua",
                          program=DEBUG,
                          env={"TIDEMILL_FAILPOINT": "commit_before_write:delay@1+"})
    wait_until(lambda: jobs.lines_out(place), "the first epoch is published")
    (place / "in/3").unlink()
    running.wait().exits(0).says("in/3")
    check_copy(place, [b"%d" % n for n in range(3) for _ in range(3000)])
    jobs.run_once(place).exits(0).says("nothing new")


@test
def a_file_removed_while_it_is_read_is_read_to_its_end_or_named(place):
    place.write("in/a", b"a\n" * 10_000)
    place.write("in/b", b"b\n")
    jobs.copy_lines(place)
    running = place.start("run", "--once", "--option", "batch_bytes=4096B", "job.lua",
                          program=DEBUG,
                          env={"TIDEMILL_FAILPOINT": "commit_before_write:delay@1+"})
    wait_until(lambda: jobs.lines_out(place), "the first epoch is published")
    (place / "in/a").unlink()
    end = running.wait().exits(0)
    lines = jobs.lines_out(place)
    check_equal(lines[-1], b"b", "the last line")
    check_equal(set(lines[:-1]), {b"a"}, "the other lines")
    if len(lines) != 10_001:
        end.says("in/a")


@test
def a_file_cut_short_while_it_is_read_is_refused(place):
    place.write("in/a", b"a\n" * 10_000)
    jobs.copy_lines(place)
    running = place.start("run", "--once", "--option", "batch_bytes=4096B", "job.lua",
                          program=DEBUG,
                          env={"TIDEMILL_FAILPOINT": "commit_before_write:delay@1+"})
    wait_until(lambda: jobs.lines_out(place), "the first epoch is published")
    os.truncate(place / "in/a", 100)
    running.wait().exits(1, 3).says(r"in/a\b", "--reread", "--skip-file")
    check_equal(set(jobs.lines_out(place)), {b"a"}, "lines")


@test
def a_file_that_is_copied_in_slowly_is_read_line_by_line(place):
    """A run without --once; the pieces end in the middle of lines, and come faster than the
    interval that a file must stand still for."""
    (place / "in").mkdir()
    jobs.copy_lines(place)
    running = place.start("run", "--option", "batch=1s", "job.lua")
    wanted = [b"line %d of the slow copy" % n for n in range(2000)]
    data = b"\n".join(wanted) + b"\n"
    chance = random.Random(3)
    with open(place / "in/slow", "wb", buffering=0) as file:
        at = 0
        while at < len(data):
            size = chance.randint(1, 500)
            file.write(data[at:at + size])
            at += size
            time.sleep(0.02)
    wait_until(lambda: len(jobs.lines_out(place)) >= 2000, "2,000 lines are out")
    running.signal(signal.SIGTERM).wait(10).exits(0)
    check_copy(place, wanted)


@test
def a_last_line_is_taken_when_its_file_stands_still(place):
    place.write("in/a", b"1\n2")
    jobs.copy_lines(place)
    running = place.start("run", "--option", "batch=100ms", "job.lua")
    wait_until(lambda: jobs.lines_out(place) == [b"1", b"2"], "both lines are out", 10)
    running.signal(signal.SIGTERM).wait(10).exits(0)


@test
def the_input_folder_may_go_away_and_come_back(place):
    place.write("in/a", b"1\n")
    jobs.copy_lines(place)
    running = place.start("run", "--option", "batch=50ms", "job.lua")
    wait_until(lambda: jobs.lines_out(place) == [b"1"], "the first line is out")
    (place / "in").rename(place / "away")
    running.wait_for_text(r"\bin\b")
    (place / "away").rename(place / "in")
    place.append("in/a", b"2\n")
    wait_until(lambda: jobs.lines_out(place) == [b"1", b"2"], "the second line is out")
    running.signal(signal.SIGTERM).wait(10).exits(0)
    copy_of(place, [b"1", b"2"]).says("nothing new: 1 files")


# --- rights ---------------------------------------------------------------------------------------

NOBODY = 65534


def run_as_nobody(place, *arguments):
    """Root may read everything: then the program runs as another user."""
    options = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    os.chmod(place.folder, 0o777)
    try:
        return place.run(*arguments, **options)
    except PermissionError:
        raise Skip("another user cannot run the program") from None


@test
def an_unreadable_file_is_named_and_the_others_are_read(place):
    place.write("in/a", b"a\n")
    os.chmod(place.write("in/b", b"b\n"), 0)
    place.write("in/c", b"c\n")
    jobs.copy_lines(place)
    run_as_nobody(place, "run", "--once", "job.lua").exits(0).says(r"in/b.*[Pp]ermission denied")
    check_copy(place, [b"a", b"c"])
    os.chmod(place / "in/b", 0o644)
    run_as_nobody(place, "run", "--once", "job.lua").exits(0)
    check_copy(place, [b"a", b"c", b"b"])


@test
def folders_without_rights_are_named(place):
    jobs.copy_lines(place)
    for name in ("in", "out", ".tidemill"):
        (place / name).mkdir()
        os.chmod(place / name, 0o777)
    place.write("in/a", b"a\n")
    for name, code in (("in", (1, 2)), ("out", (1, 3)), (".tidemill", (1, 3))):
        os.chmod(place / name, 0o500 if name != "in" else 0)
        end = run_as_nobody(place, "run", "--once", "job.lua")
        end.exits(*code).says(rf"{name}\b.*[Pp]ermission denied")
        os.chmod(place / name, 0o777)
    run_as_nobody(place, "run", "--once", "job.lua").exits(0)
    check_copy(place, [b"a"])


# --- .gz ------------------------------------------------------------------------------------------

@test
def gz_files_are_unpacked_among_others(place):
    lines = [b"%d packed" % n for n in range(100_000)]
    packed = gzip.compress(b"\n".join(lines[:60_000]) + b"\n") + \
        gzip.compress(b"\n".join(lines[60_000:]))
    for n, (name, data) in enumerate((("a", b"a\n"), ("b.gz", packed), ("c", b"c\n"))):
        os.utime(place.write(f"in/{name}", data), (n + 1, n + 1))
    jobs.copy_lines(place)
    copy_of(place, [b"a", *lines, b"c"], "--option", "workers=2", "--option", "batch_bytes=8KiB")
    copy_of(place, [b"a", *lines, b"c"]).says("nothing new: 3 files")


@test(each=["cut short", "not gzip", "damaged"])
def a_bad_gz_file_is_named_and_the_others_are_read(place, kind):
    packed = bytearray(gzip.compress(b"".join(b"%d\n" % n for n in range(50_000))))
    if kind == "cut short":
        packed = packed[:len(packed) // 2]
    elif kind == "not gzip":
        packed = bytearray(b"plain text\n")
    else:
        packed[-6] ^= 1  # its checksum
    place.write("in/a", b"a\n")
    place.write("in/b.gz", bytes(packed))
    place.write("in/c", b"c\n")
    jobs.copy_lines(place)
    end = jobs.run_once(place).exits(0, 1)
    said = end.err + repr(jobs.letters_of(place))
    check("in/b.gz" in said, "nothing names in/b.gz: {}", said)
    if end.code == 0:
        lines = jobs.lines_out(place)
        check(b"a" in lines and b"c" in lines, "the other files were not read")
