"""mill.table: rows of a file beside the stream, read again when the file was replaced."""
import json
import os
import random
import signal

import jobs
import oracle
from harness import check, check_equal, test, wait_until

BODY = ('local ads = mill.table("ads.csv", {key = "ad"})\n'
        'lines:map(function(l) return { l, ads[l] and ads[l].campaign or "none" } end)\n'
        '   :to_files("out", {format = "json"})')


def rows_of(place):
    return [json.loads(line) for line in oracle.part_bytes(place / "out").splitlines()]


def replace(place, name, text):
    place.write("next", text)
    os.rename(place / "next", place / name)


def start(place):
    jobs.script(place, BODY, 'batch = "20ms"')
    (place / "in").mkdir(exist_ok=True)
    running = place.start("run", "job.lua")
    return running


def send(place, n, text, rows):
    place.write(f"in/.{n}", text)
    os.rename(place / f"in/.{n}", place / f"in/{n}")
    wait_until(lambda: len(rows_of(place)) == rows, f"{rows} rows came")


@test
def a_replaced_file_is_read_while_the_job_runs(place):
    place.write("ads.csv", "ad,campaign\na,c1\n")
    running = start(place)
    send(place, 1, "a\nb\n", 2)
    replace(place, "ads.csv", "ad,campaign\na,c2\nb,c3\n")
    running.wait_for_text("mill.table at job.lua:4: read ads.csv again: 2 keys")
    send(place, 2, "a\nb\n", 4)
    running.signal(signal.SIGTERM).wait().exits(0)
    check_equal(rows_of(place), [["a", "c1"], ["b", "none"], ["a", "c2"], ["b", "c3"]], "rows")


@test(each=(65_536, 65_537, 100_000))
def rows_of_a_table_of_any_size_are_found(place, count):
    """The keys and fields of a small one are known to Lua, those of a large one are not."""
    place.write("ads.csv", "ad,campaign\n" + "".join(f"a{n},c{n % 97}\n" for n in range(count)))
    place.write("in/1", "".join(f"a{n * 31 % (count + 50)}\n" for n in range(60_000)))
    jobs.script(place, BODY)
    jobs.run_once(place).exits(0)
    wanted = []
    for n in range(60_000):
        ad = n * 31 % (count + 50)
        wanted.append([f"a{ad}", f"c{ad % 97}" if ad < count else "none"])
    check_equal(rows_of(place), wanted, "rows")


@test
def a_wrong_file_changes_nothing_and_is_said(place):
    place.write("ads.csv", "ad,campaign\na,c1\n")
    running = start(place)
    send(place, 1, "a\n", 1)
    replace(place, "ads.csv", "ad,campaign\na,c2\nb\n")
    running.wait_for_text("ads.csv: line 3: 1 fields; there are 2 columns; the rows stay")
    send(place, 2, "a\n", 2)
    os.remove(place / "ads.csv")
    running.wait_for_text("ads.csv is not there; its rows stay as they are")
    send(place, 3, "a\n", 3)
    running.signal(signal.SIGTERM).wait().exits(0)
    check_equal(rows_of(place), [["a", "c1"]] * 3, "rows")


@test
def a_reader_never_sees_half_a_change(place):
    """Every row of a table has the version of its file; each batch must see one version."""
    chance = random.Random(3)
    place.write("t.csv", "k,v\n" + "".join(f"{k},0\n" for k in range(100)))
    jobs.script(place, 'local t = mill.table("t.csv", {key = "k"})\n'
                'lines:map(function(l) return t[l].v end):count_by_value()\n'
                '   :to_files("out", {format = "json"})', 'batch = "20ms", workers = 4')
    (place / "in").mkdir()
    running = place.start("run", "job.lua")
    for version in range(1, 30):
        replace(place, "t.csv", "k,v\n" + "".join(f"{k},{version}\n" for k in range(100)))
        lines = "".join(f"{chance.randrange(100)}\n" for _ in range(20000))
        place.write(f"in/.{version}", lines)
        os.rename(place / f"in/.{version}", place / f"in/{version}")
    wait_until(lambda: sum(n for _, n in rows_of(place)) == 29 * 20000, "all records came")
    running.signal(signal.SIGTERM).wait().exits(0)
    for part in sorted((place / "out").glob("part-*")):
        epochs = [json.loads(line) for line in part.read_bytes().splitlines()]
        check_equal(len(epochs), 1, f"versions seen in {part.name}")


@test
def rows_are_found_in_for_each_batch(place):
    place.write("ads.csv", "ad,campaign\na,c1\n")
    place.write("in/1", "a\nb\n")
    jobs.script(place, 'local ads = mill.table("ads.csv", {key = "ad"})\n'
                'lines:for_each_batch(function(rows)\n'
                '   for l in rows:each() do print(l, ads[l] and ads[l].campaign) end\nend)')
    jobs.run_once(place).exits(0).says("a\tc1", "b\tnil")


@test
def a_start_without_the_file_is_refused(place):
    place.write("in/1", "a\n")
    jobs.script(place, BODY)
    end = jobs.run_once(place).exits(1)
    end.says("mill.table at job.lua:4: cannot open ads.csv: No such file or directory")
    place.write("ads.csv", 'ad,campaign\na,"c\n')
    jobs.run_once(place).exits(1).says("ads.csv: line 2: a quoted field has no end")
    place.write("ads.csv", "ad,campaign\na,c1\n")
    jobs.run_once(place).exits(0)
    check_equal(rows_of(place), [["a", "c1"]], "rows")


@test
def a_table_that_is_too_large_is_refused(place):
    place.write("in/1", "a\n")
    with open(place / "ads.csv", "wb") as file:
        file.write(b"ad,campaign\n")
        file.truncate(256 * 2**20 + 1)
    jobs.script(place, BODY)
    end = jobs.run_once(place).exits(1)
    end.says("ads.csv has 268435457 bytes; at most 256 MiB are possible")
    check(len(end.err) < 1000, "the message is long")
