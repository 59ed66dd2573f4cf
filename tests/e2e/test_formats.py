"""Formats of files: records are those that Python's own readers find, whatever the cut into blocks
and batches, packed or not, in files that grow; what cannot be read costs itself."""
import csv
import gzip
import io
import json
import random
import signal
import struct
import time

import jobs
import oracle
from harness import check, check_equal, test, wait_until

MIB = 2**20


def source(place, format_options, body=":map(function(e) return { e.a, e.b, e.c } end)", options=""):
    return place.write("job.lua", 'local mill = require "tidemill"\n'
                       f'local job = mill.job("job", {{{options}}})\n'
                       f'job:file_stream("in", {{{format_options}}})\n'
                       f'   {body}:to_files("out", {{format = "json"}})\nreturn job\n')


def rows_of(place):
    return [json.loads(line) for line in oracle.part_bytes(place / "out").splitlines()]


# --- CSV ------------------------------------------------------------------------------------------

def make_fields(chance, holds_line_ends):
    alphabet = 'ab ,"\n' if holds_line_ends else 'ab ,"'
    return ["".join(chance.choices(alphabet, k=chance.randrange(40))) for _ in range(3)]


def make_csv(seed, size, holds_line_ends, names=("a", "b", "c")):
    chance = random.Random(seed)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=chance.choice(["\n", "\r\n"]))
    writer.writerow(names)
    while text.tell() < size:
        row = make_fields(chance, holds_line_ends)
        writer.writerow(row)
    return text.getvalue()


def csv_rows(text):
    reader = csv.DictReader(io.StringIO(text, newline=""))
    return [[row["a"], row["b"], row["c"]] for row in reader]


def copy_csv(place, texts, format_options, options=""):
    for n, text in enumerate(texts):
        place.write(f"in/{n}.csv", text)
    source(place, f'format = "csv", {format_options}', options=options)
    jobs.run_once(place, "job.lua", *OPTIONS).exits(0)
    order = [file.name for file in oracle.seen_files(place / "in")]
    wanted = [row for name in order for row in csv_rows(texts[int(name[0])])]
    check_equal(rows_of(place), wanted, "records")
    check_equal(jobs.letters_of(place), [], "dead letters")


OPTIONS = ["--option", "workers=4"]


@test
def csv_files_of_many_blocks_have_the_columns_of_their_first_lines(place):
    copy_csv(place, [make_csv(1, 9 * MIB, False), make_csv(2, 5 * MIB, False, ("c", "a", "b")),
                     make_csv(3, 1000, False, ("b", "c", "a"))], "")


@test
def csv_in_batches_gives_the_same(place):
    copy_csv(place, [make_csv(4, 5 * MIB, False), make_csv(5, 100000, False, ("c", "b", "a"))], "",
             'batch_bytes = "1MiB"')


@test
def csv_with_line_ends_in_fields_is_cut_where_records_end(place):
    copy_csv(place, [make_csv(6, 3 * MIB, True), make_csv(7, 100000, True, ("c", "b", "a"))],
             "multiline = true", 'batch_bytes = "300KiB"')


@test(each=("false", "true"))
def packed_csv_is_read_with_line_ends_in_fields(place, multiline):
    text = make_csv(8, MIB, multiline == "true")
    place.write("in/a.csv.gz", gzip.compress(text.encode()))
    source(place, f'format = "csv", multiline = {multiline}')
    jobs.run_once(place).exits(0)
    check_equal(rows_of(place), csv_rows(text), "records")


@test(each=("false", "true"))
def a_csv_file_that_grows_keeps_its_columns_with_line_ends_in_fields(place, multiline):
    place.write("in/a.csv", 'b,a,c\n1,"2",3\n')
    source(place, f'format = "csv", multiline = {multiline}')
    jobs.run_once(place).exits(0)
    place.append("in/a.csv", "4,5,6\n7,8,9")
    jobs.run_once(place).exits(0)
    check_equal(rows_of(place), [["2", "1", "3"], ["5", "4", "6"], ["8", "7", "9"]], "records")


@test
def a_first_line_longer_than_it_may_be_makes_no_columns(place):
    place.write("in/a.csv", "a," + "b" * MIB + "\n1,2\n")
    source(place, 'format = "csv"', options="max_error_ratio = 1")
    jobs.run_once(place).exits(0)
    check_equal([letter["reason"] for letter in jobs.letters_of(place)],
                [b"a first line of more than 1 MiB",
                 b"the file's first line has no names of columns"], "reasons")


@test
def a_first_line_longer_than_a_record_leaves_no_columns_of_another_file(place):
    place.write("in/a.csv", "a,b,c\n1,2,3\n")
    place.write("in/b.csv", "a,b," + "c" * (16 * MIB) + "\n4,5,6\n")
    source(place, 'format = "csv"', options="max_error_ratio = 1, workers = 1")
    jobs.run_once(place).exits(0)
    check_equal(rows_of(place), [["1", "2", "3"]], "records")
    check_equal(len(jobs.letters_of(place)), 2, "dead letters")


@test
def one_bad_line_in_a_hundred_costs_itself(place):
    lines = ["a,b,c"] + ["x" if i % 100 == 0 else f"{i},x,y" for i in range(1, 100001)]
    place.write("in/a.csv", "\n".join(lines) + "\n")
    source(place, 'format = "csv"')
    jobs.run_once(place, "job.lua", *OPTIONS).exits(0)
    check_equal(rows_of(place), [[str(i), "x", "y"] for i in range(1, 100001) if i % 100], "records")
    check_equal(len(jobs.letters_of(place)), 1000, "dead letters")


# --- msgpack --------------------------------------------------------------------------------------

def pack(value):
    """msgpack, from its specification."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return struct.pack(">bq", -45, value)  # d3
    if isinstance(value, str):
        data = value.encode()
        return b"\xdb" + struct.pack(">I", len(data)) + data
    if isinstance(value, list):
        return b"\xdc" + struct.pack(">H", len(value)) + b"".join(map(pack, value))
    return b"\xde" + struct.pack(">H", len(value)) + b"".join(
        pack(k) + pack(v) for k, v in value.items())


def make_records(seed, count):
    chance = random.Random(seed)
    return [{"a": i, "b": "x" * chance.randrange(300), "c": [i, None, {"d": True}]}
            for i in range(count)]


def check_records(place, records):
    check_equal(rows_of(place), [[r["a"], r["b"], r["c"]] for r in records], "records")


@test
def msgpack_files_are_cut_where_records_end(place):
    first, second = make_records(1, 12000), make_records(2, 10)
    place.write("in/a.mp", b"".join(map(pack, first)))
    place.write("in/b.mp.gz", gzip.compress(b"".join(map(pack, second))))
    source(place, 'format = "msgpack"', options='batch_bytes = "100KiB"')
    jobs.run_once(place, "job.lua", *OPTIONS).exits(0)
    order = [file.name for file in oracle.seen_files(place / "in")]
    check_records(place, first + second if order[0] == "a.mp" else second + first)
    check_equal(jobs.letters_of(place), [], "dead letters")


@test
def a_large_msgpack_record_is_read_and_a_larger_one_is_not(place):
    large = {"a": 1, "b": "x" * (15 * MIB), "c": []}
    place.write("in/a.mp", pack(large) + pack({"a": 2, "b": "", "c": []}))
    source(place, 'format = "msgpack"', ":map(function(e) return { e.a, #e.b } end)",
           'max_error_ratio = 1')
    jobs.run_once(place).exits(0)
    check_equal(rows_of(place), [[1, 15 * MIB], [2, 0]], "records")
    place.write("in/b.mp", pack({"a": 3, "b": "x" * (9 * MIB), "c": "y" * (9 * MIB)}) + pack({}))
    jobs.run_once(place).exits(0)
    letters = jobs.letters_of(place)
    check_equal([letter["reason"] for letter in letters],
                [b"no msgpack, or larger than 16 MiB; the rest is not read"], "reasons")
    check(len(letters[0]["record"]) <= 16384, "the dead letter is large")
    check(b"nothing new" in jobs.run_once(place).exits(0).err.encode(), "it is read again")


@test
def msgpack_that_grows_is_read_on(place):
    records = make_records(3, 100)
    data = b"".join(map(pack, records))
    place.write("in/a.mp", data[:5000])
    source(place, 'format = "msgpack"', options='batch = "500ms"')
    running = place.start("run", "job.lua")
    with open(place / "in/a.mp", "ab", buffering=0) as file:
        for at in range(5000, len(data), 1999):
            file.write(data[at:at + 1999])
            time.sleep(0.07)
    wait_until(lambda: len(rows_of(place)) == 100, "all records came")
    running.signal(signal.SIGTERM).wait().exits(0)
    check_records(place, records)


# --- what is received -----------------------------------------------------------------------------

def copy_received(place, options, text):
    place.write("job.lua", 'local mill = require "tidemill"\nlocal job = mill.job("job")\n'
                f'job:stdin{{{options}}}\n   :map(function(e) return {{ e.a, e.b }} end)\n'
                '   :to_stdout()\nreturn job\n')
    path = place.write("input", text)
    with open(path, "rb") as stdin:
        end = place.run("run", "--once", "job.lua", stdin=stdin).exits(0)
    return [json.loads(line) for line in end.out.splitlines()]


@test
def csv_is_received(place):
    text = make_csv(9, 300000, False)
    lines = text.splitlines(keepends=True)
    rows = copy_received(place, 'format = "csv", columns = {"a", "b", "c"}', "".join(lines[1:]))
    check_equal(rows, [row[:2] for row in csv_rows(text)], "records")


@test
def a_pattern_is_received(place):
    rows = copy_received(place, 'format = "pattern", pattern = "<a> = <b:number>"',
                         "x = 1\r\nno\ny = 2")
    check_equal(rows, [["x", 1], ["y", 2]], "records")
    check_equal([letter["record"] for letter in jobs.letters_of(place)], [b"no"], "dead letters")
