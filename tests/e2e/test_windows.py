"""Windows of event time: what they give is what an independent computation gives, in whatever
batches, by however many workers, and over restarts."""
import collections
import os
import random
import time

import jobs
import oracle
import windows_oracle
from harness import DEBUG, check, check_equal, test, wait_until

PARSE = ("local function parse(line) return line:match('^(%S+) (%d+) (%d+)$') end\n"
         "local timed = lines:event_time(function(line) local _, t = parse(line) return t end,"
         " {max_delay = '@DELAY@ms'})\n"
         "local keyed = timed:map_to_pair(function(line)"
         " local k, _, v = parse(line) return k, tonumber(v) end)\n")

AGGREGATES = {
    "count": "count()", "sum": "sum()", "min": "min(function(v) return v end)", "max": "max()",
    "avg": "avg()", "distinct": "distinct()", "list": "list()", "top": "top(3)",
    "reduce": "reduce(math.max)",
    "aggregate": "aggregate{init = function() return {0, 0} end,"
                 " add = function(a, v) a[1], a[2] = a[1] + 1, a[2] + v end,"
                 " merge = function(a, b) a[1], a[2] = a[1] + b[1], a[2] + b[2] end}",
}

WINDOWS = {
    "tumbling": ("tumbling('100ms')", lambda: windows_oracle.Aligned(100, 100)),
    "sliding": ("sliding('100ms', '20ms')", lambda: windows_oracle.Aligned(100, 20)),
    "sliding unevenly": ("sliding('50ms', '35ms')", lambda: windows_oracle.Aligned(50, 35)),
    "session": ("session('12ms')", lambda: windows_oracle.Sessions(12)),
}


def make_files(place, seed, files=4, lines=400, disorder=60, folder="in", begin=0, pace=2):
    """Each file goes on where the one before ended, with times that go back and forth."""
    chance = random.Random(seed)
    for n in range(files):
        text = ""
        for i in range(lines):
            now = begin + (n * lines + i) * pace
            at = max(0, now - chance.randint(0, disorder) * (chance.random() < 0.3))
            text += f"k{chance.randint(0, 5)} {at} {chance.randint(0, 99)}\n"
        path = place.write(f"{folder}/{seed:02}-{n}.txt", text)
        os.utime(path, (1000 + seed * 10 + n,) * 2)


def write_job(place, window, aggregate, delay=20, options=""):
    body = PARSE.replace("@DELAY@", str(delay))
    return jobs.script(place, f"{body}keyed:{window}:{aggregate}:to_files('out')", options)


def canonical(rows):
    """A whole number is written without a fraction."""
    return collections.Counter(repr(row).replace(".0,", ",") for row in rows)


def check_rows(place, rows, what="rows", folder="out"):
    came, wanted = canonical(oracle.part_rows(place / folder)), canonical(rows)
    if came != wanted:
        check_equal(sorted((came - wanted).elements())[:5],
                    sorted((wanted - came).elements())[:5], what)
    check(sum(wanted.values()) > 10, "there are hardly any rows: {}", sum(wanted.values()))


def late_lines(place, name="job"):
    return [letter[b"record"] for letter in oracle.part_rows(jobs.data_of(place, name) / "late")]


COMBINATIONS = [f"{w} {a}" for w in WINDOWS for a in AGGREGATES]


@test(each=COMBINATIONS)
def windows_are_what_the_oracle_says(place, combination):
    window, aggregate = combination.rsplit(" ", 1)
    text, make = WINDOWS[window]
    write_job(place, text, AGGREGATES[aggregate])
    seed = COMBINATIONS.index(combination)
    make_files(place, seed=seed, files=3, lines=100, disorder=400)
    make_files(place, seed=seed + 50, files=1, lines=4000, disorder=400, begin=600, pace=1)
    files = windows_oracle.read_files(place / "in")
    rows, late = windows_oracle.run(files, make(), aggregate, 20, 4096)
    check(len(late) > 20, "only {} are late", len(late))
    for workers in (1, 3):
        jobs.run_once(place, "job.lua", "--fresh", "--option", f"workers={workers}",
                      "--option", "batch_bytes=4KiB").exits(0)
        check_rows(place, rows, f"rows with {workers} workers")
        check_equal(sorted(late_lines(place)), sorted(late), "late records")
        check_equal(jobs.letters_of(place), [], "dead letters")


@test(each=["tumbling", "sliding", "session"])
def the_order_of_rows_does_not_depend_on_the_workers(place, name):
    text, _ = WINDOWS[name]
    write_job(place, text, "list()")
    make_files(place, seed=3)
    came = []
    for workers in (1, 2, 4):
        jobs.run_once(place, "job.lua", "--fresh", "--option", f"workers={workers}",
                      "--option", "batch_bytes=8KiB").exits(0)
        came.append(oracle.part_rows(place / "out"))
    check(came[0] == came[1] == came[2], "the rows differ")


@test(each=["tumbling", "sliding", "session"])
def two_runs_that_keep_windows_open_are_as_one(place, name):
    text, make = WINDOWS[name]
    write_job(place, text, "sum()", delay=200)
    make_files(place, seed=1, files=2)
    jobs.run_once(place, "job.lua", "--keep-open").exits(0) \
        .says(r"\d+ windows are open, and are left to the next run")
    make_files(place, seed=2, files=2, begin=1600)
    jobs.run_once(place).exits(0)
    files = windows_oracle.read_files(place / "in")
    rows, late = windows_oracle.run(files, make(), "sum", 10**6, 2**30)
    check_equal((late, late_lines(place)), ([], []), "late records")
    check_rows(place, rows)


@test
def the_end_of_the_input_closes_what_an_earlier_run_left_open(place):
    write_job(place, "tumbling('100ms')", "count()")
    make_files(place, seed=1, files=1, lines=30)
    jobs.run_once(place, "job.lua", "--keep-open").exits(0).says("6 windows are open")
    before = len(oracle.part_rows(place / "out"))
    jobs.run_once(place).exits(0).says_not("nothing new")
    check(len(oracle.part_rows(place / "out")) == before + 6, "the windows were not closed")
    jobs.run_once(place).exits(0).says("nothing new")


@test
def the_watermark_goes_to_the_end_of_the_last_window_and_not_beyond(place):
    write_job(place, "tumbling('100ms')", "count()", delay=0)
    place.write("in/a", "k 5 1\nk 120 1\n")
    jobs.run_once(place).exits(0)
    place.write("in/b", "k 199 1\nk 200 1\n")
    jobs.run_once(place).exits(0).says("1 record was late, and kept in .*/late")
    check_equal(late_lines(place), [b"k 199 1"], "late records")
    check_equal(oracle.part_rows(place / "out")[-1],
                [b"k", 1, {b"start_ms": 200, b"end_ms": 300}], "the last row")


@test
def of_eight_shards_of_one_hour_nothing_is_late(place):
    chance = random.Random(8)
    for shard in range(8):
        times = sorted(chance.randint(0, 3600000) for _ in range(2000))
        place.write(f"in/shard-{shard}", "".join(f"k{t % 7} {t} 1\n" for t in times))
    write_job(place, "tumbling('60000ms')", "count()", delay=0)
    jobs.run_once(place, "job.lua", "--option", "batch_bytes=16KiB").exits(0)
    files = windows_oracle.read_files(place / "in")
    rows, late = windows_oracle.run(files, windows_oracle.Aligned(60000, 60000), "count", 0,
                                    16384)
    check_equal((late, late_lines(place)), ([], []), "late records")
    check_rows(place, rows)


@test
def files_in_order_of_their_names_do_not_hold_the_watermark(place):
    """The first window closes before the last file is read: its row is in an early part."""
    for n in range(6):
        lines = "".join(f"k {n * 1000 + i * 10} 1\n" for i in range(100))
        os.utime(place.write(f"in/{n}.txt", lines), (10**6 - n,) * 2)
    body = PARSE.replace("@DELAY@", "0").replace("lines:", "named:")
    jobs.script(place, 'local named = job:text_file_stream("in", {order = "name"})\n'
                       f"{body}keyed:tumbling('1000ms'):count():to_files('out')")
    jobs.run_once(place, "job.lua", "--option", "batch_bytes=4KiB").exits(0)
    check_equal([row[1:] for row in oracle.part_rows(place / "out")],
                [[100, {b"start_ms": n * 1000, b"end_ms": n * 1000 + 1000}] for n in range(6)],
                "rows in order")
    check(len(oracle.parts_of(place / "out")) > 1, "all windows closed in one epoch")


@test
def a_window_whose_input_went_quiet_closes_by_the_idle_rule(place):
    body = ("lines:event_time(function(l) return l:match('%d+') end,"
            " {max_delay = '50ms', idle = '300ms'})"
            ":map_to_pair(function(l) return l:match('%a+'), 1 end)"
            ":tumbling('100ms'):count():to_files('out')")
    jobs.script(place, body, 'batch = "50ms"')
    place.write("in/a", "a 10\na 20\n")
    running = place.start("run", "job.lua")
    wait_until(lambda: oracle.part_rows(place / "out") ==
               [[b"a", 2, {b"start_ms": 0, b"end_ms": 100}]], "the window closes")
    running.signal(15).wait()
    check_equal(late_lines(place), [], "late records")


@test
def an_open_window_outlives_a_stop_without_once(place):
    jobs.script(place, PARSE.replace("@DELAY@", "20") + "lines:to_files('seen')\n"
                "keyed:tumbling('3600000ms'):count():to_files('out')", 'batch = "50ms"')
    place.write("in/a", "k 10 1\nk 20 1\n")
    running = place.start("run", "job.lua")
    wait_until(lambda: oracle.part_rows(place / "seen"), "the lines are read")
    running.signal(15).wait().exits(0)
    check_equal(oracle.part_rows(place / "out"), [], "rows")
    jobs.run_once(place).exits(0)
    check_equal(oracle.part_rows(place / "out"),
                [[b"k", 2, {b"start_ms": 0, b"end_ms": 3600000}]], "rows")


@test
def a_time_too_far_ahead_of_the_clock_is_a_dead_letter(place):
    write_job(place, "tumbling('1000ms')", "count()", delay=0)
    now = int(time.time() * 1000)
    day = 24 * 3600 * 1000
    place.write("in/a", f"k {now + day - 60000} 1\nk {now + day + 60000} 2\nk {now} 3\n")
    jobs.run_once(place).exits(0)
    letters = jobs.letters_of(place)
    check_equal([letter["record"] for letter in letters], [f"k {now + day + 60000} 2".encode()],
                "dead letters")
    check(b"ahead of the clock" in letters[0]["reason"], "the reason is {}", letters[0]["reason"])
    check_equal(sum(row[1] for row in oracle.part_rows(place / "out")), 2, "records counted")
    jobs.run_once(place, "job.lua", "--fresh", "--clock", "virtual").exits(0)
    check_equal(sum(row[1] for row in oracle.part_rows(place / "out")), 3,
                "records counted on the virtual clock")


@test
def the_oldest_late_records_go_when_there_are_too_many(place):
    write_job(place, "tumbling('10ms')", "count()", delay=0)
    place.write("in/00", "k 1000000 1\n")
    for n in range(1, 6):
        os.utime(place.write(f"in/{n:02}", "".join(f"late-{n} {i} 1\n" for i in range(200))),
                 (2 * 10**9 + n,) * 2)
    os.utime(place / "in/00", (10**9,) * 2)
    for end in range(1, 6):  # one after the other: a file that waits holds the watermark
        (place / f"in/{end:02}").rename(place / f"{end:02}")
    jobs.run_once(place, "job.lua", program=DEBUG).exits(0)
    limit = {"TIDEMILL_TEST_LATE_BYTES": "100000"}
    for end in range(1, 6):
        (place / f"{end:02}").rename(place / f"in/{end:02}")
        result = jobs.run_once(place, "job.lua", program=DEBUG, env=limit).exits(0)
    late = late_lines(place)
    check_equal({line.split(b" ")[0] for line in late}, {b"late-4", b"late-5"}, "late records kept")
    size = sum(path.stat().st_size for _, path in
               oracle.parts_of(jobs.data_of(place) / "late"))
    check(size <= 100000, "late records have {} bytes", size)
    result.says("late records have more than")


@test
def late_records_that_are_dropped_leave_no_file(place):
    write_job(place, "tumbling('10ms')", "count()", delay=0, options='late = "drop"')
    place.write("in/a", "k 1000 1\n")
    jobs.run_once(place).exits(0)
    place.write("in/b", "k 5 1\n")
    jobs.run_once(place).exits(0).says("1 record was late, and dropped")
    check(not (jobs.data_of(place) / "late").exists(), "there is a folder late/")
    check_equal(len(oracle.part_rows(place / "out")), 1, "rows")


@test
def lists_stay_lists_in_compiled_loops(place):
    """What was compiled once lost its place in a list of two, in one run of seven: it counted
    wrong, and the list was written as an object."""
    write_job(place, "tumbling('100ms')", AGGREGATES["aggregate"])
    make_files(place, seed=9, files=3, lines=100, disorder=400)
    make_files(place, seed=59, files=1, lines=4000, disorder=400, begin=600, pace=1)
    for _ in range(25):
        jobs.run_once(place, "job.lua", "--fresh", "--option", "workers=1",
                      "--option", "batch_bytes=4KiB").exits(0)
        wrong = [row for row in oracle.part_rows(place / "out") if not isinstance(row[1], list)]
        check_equal(wrong, [], "rows without a list")


@test
def windows_of_another_size_are_refused(place):
    write_job(place, "tumbling('100ms')", "count()")
    place.write("in/a", "k 5 1\n")
    jobs.run_once(place, "job.lua", "--keep-open").exits(0)
    write_job(place, "tumbling('200ms')", "count()")
    jobs.run_once(place).exits(3).says("are 200 ms now, and were 100 ms in the store",
                                       "--drop-state tumbling_count")
    write_job(place, "tumbling('200ms')", "count():named('new', {was = 'tumbling_count'})")
    end = jobs.run_once(place).exits(3).says("are 200 ms now", "--drop-state tumbling_count")
    check("--drop-state new" not in end.err, "it names what the store does not have")
    write_job(place, "tumbling('200ms')", "count():named('new')")
    jobs.run_once(place, "job.lua", "--drop-state", "tumbling_count").exits(0)


def event_job(place, body, to_files=":to_files('out')"):
    time_of = "(function(s) return tonumber(s:match('%d+$')) end)"
    jobs.script(place, f"local function timed(stream) return stream:event_time{time_of} end\n"
                       + body + ":map_to_pair(function(s) return s:match('^%a+'), 1 end)"
                       ":tumbling('10s'):count()" + to_files)


@test
def an_event_time_of_another_name_keeps_its_windows(place):
    """What was open in them was lost, and what was closed opened again."""
    event_job(place, "timed(lines)")
    place.write("in/a", "k 1000\nk 2000\n")
    jobs.run_once(place, "job.lua", "--keep-open").exits(0)
    more = ":to_files('out')\nlines:count():print()"
    event_job(place, "timed(lines):named('clock')", more)
    place.write("in/b", "k 3000\n")
    jobs.run_once(place).exits(3).says("open windows again that were closed",
                                       'was = "event_time"')
    event_job(place, "timed(lines):named('clock', {was = 'event_time'})", more)
    jobs.run_once(place).exits(0)
    check_equal([row[:2] for row in oracle.part_rows(place / "out")], [[b"k", 3]], "rows")


@test
def windows_that_a_branch_reached_outlive_it(place):
    """They were taken for new, and what was in them was lost."""
    second = "timed(job:text_file_stream('in2')):named('b')"
    event_job(place, f"timed(lines):named('a'):union({second})")
    place.write("in/a", "k 1000\n")
    place.write("in2/b", "k 45000\nk 46000\n")
    jobs.run_once(place, "job.lua", "--keep-open").exits(0)
    event_job(place, "timed(lines):named('a')")
    place.write("in/c", "k 47000\n")
    jobs.run_once(place).exits(0)
    rows = {row[2][b"start_ms"]: row[1] for row in oracle.part_rows(place / "out")}
    check_equal(rows[40000], 3, "records of the last window")


@test
def windows_go_to_disk_when_they_are_many(place):
    """More keys and windows than a worker's tables have room for."""
    chance = random.Random(5)
    for n in range(3):
        place.write(f"in/{n}", "".join(
            f"key-{chance.randint(0, 30000):050d} {chance.randint(0, 2000)} 1\n"
            for _ in range(30000)))
    for name in ("tumbling", "session"):
        text, make = WINDOWS[name]
        write_job(place, text, "sum()", delay=10**6)
        jobs.run_once(place, "job.lua", "--fresh", "--option", "shuffle_memory=1MiB", "--option",
                      "workers=2", "--option", "batch_bytes=3MiB").exits(0)
        rows, _ = windows_oracle.run(windows_oracle.read_files(place / "in"), make(), "sum",
                                     10**6, 2**30)
        check_rows(place, rows, name)


@test
def functions_of_batches_and_print_show_the_window(place):
    body = (PARSE.replace("@DELAY@", "0") + "local w = keyed:tumbling('10ms'):count()\n"
            "w:print()\n"
            "w:for_each_batch(function(rows)\n"
            "   local f = io.open('seen', 'w')\n"
            "   for k, n, window in rows:each() do\n"
            "      f:write(k, n, ' ', window.start_ms, '-', window.end_ms, '\\n')\n"
            "   end\n"
            "   local first = rows:first()\n"
            "   f:write(#first, first[3].end_ms, '\\n')\n"
            "   f:close()\n"
            "end)")
    jobs.script(place, body, 'allow = {"io"}')
    place.write("in/a", "k 5 1\nk 6 1\nj 17 1\n")
    out = jobs.run_once(place).exits(0).out
    check(b'\n(j,1,{"start_ms":10,"end_ms":20})\n(k,2,{"start_ms":0,"end_ms":10})\n' in out,
          "printed was {}", out)
    lines = (place / "seen").read_text().split("\n")
    check_equal(sorted(lines[:2]), ["j1 10-20", "k2 0-10"], "rows")
    check(lines[2] in ("310", "320"), "the first row was {}", lines[2])


@test
def an_epoch_that_the_clock_cuts_is_not_the_end_of_the_input(place):
    """--cut time: what a batch planned and did not come to is not late in the next one."""
    lines, size = 3_000_000, 1_000_000
    for first in range(0, lines, size):
        place.write(f"in/{first:07d}", "".join(f"{n}\n" for n in range(first, first + size)))
    jobs.script(place, "lines:event_time(function(line) return tonumber(line) end)\n"
                       "   :map_to_pair(function() return 'all', 1 end)\n"
                       "   :tumbling('10s'):count():to_files('out', {format = 'json'})",
                'batch = "50ms", workers = 1')
    jobs.run_once(place, "job.lua", "--cut", "time").exits(0).says_not("late")
    came = {row[2][b"start_ms"]: row[1] for row in oracle.part_rows(place / "out")}
    check_equal(came, {start: 10_000 for start in range(0, lines, 10_000)}, "counts")
