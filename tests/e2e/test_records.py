"""JSON records from files and pipes: what a script sees is what Python's parser gives, and what that refuses
is a dead letter with its bytes."""
import gzip
import json
import math
import random
import re
import subprocess

import jobs
import oracle
from harness import check, check_equal, test

MIB = 2**20
INTEGERS = range(-2**63, 2**64)


# --- what must come out ---------------------------------------------------------------------------

def number_of(text):
    value = int(text)
    return value if value in INTEGERS and text != "-0" else finite(text)


def finite(text):
    value = float(text)
    if math.isinf(value):
        raise ValueError("too large")
    return value


def refuse(name):
    raise ValueError(name)


def first_of(pairs):
    fields = {}
    for name, value in pairs:
        fields.setdefault(name, value)
    return fields


def check_text(value, depth=1):
    """What Python lets pass: half a surrogate pair, any depth."""
    if depth > 64:
        raise ValueError("too deep")
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, (list, dict)):
        for inner in value:
            if isinstance(value, dict):
                check_text(inner)
                inner = value[inner]
            check_text(inner, depth + 1)


def parse(line):
    """A record, or None when the line is none."""
    try:
        value = json.loads(line.decode(), parse_int=number_of, parse_float=finite,
                           parse_constant=refuse, object_pairs_hook=first_of)
        check_text(value)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def without_nulls(value):
    """mill.copy leaves null members out; in lists null stays."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [without_nulls(v) for v in value]
    return value


def rough(value):
    """A text to sort by, in which integers are what doubles make of them."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{k!r}:{rough(v)}" for k, v in sorted(value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(rough, value)) + "]"
    return repr(value) if isinstance(value, (str, bool)) or value is None else repr(float(value))


def is_same(came, wanted):
    """Integers are exact; a double is the same, in whatever digits it was written."""
    if isinstance(wanted, dict):
        return (isinstance(came, dict) and came.keys() == wanted.keys()
                and all(is_same(came[k], v) for k, v in wanted.items()))
    if isinstance(wanted, list):
        return (isinstance(came, list) and len(came) == len(wanted)
                and all(map(is_same, came, wanted)))
    if isinstance(wanted, float):
        return type(came) in (int, float) and repr(float(came)) == repr(wanted)
    return type(came) is type(wanted) and came == wanted


# --- records of chance ----------------------------------------------------------------------------

TEXTS = ["", "view", "é", "😀", "\0", '"', "\\", "\n\t\r\b\f", "end", "\u2028", "x" * 300, "/"]
NUMBERS = [0, -0.0, 1, -1, 0.1, 1e21, 1e-7, 2**53 + 1, -2**63, 2**64 - 1, 2**64, 1.5e308, 5e-324]


def some_value(chance, depth):
    kind = chance.randrange(8 if depth < 4 else 5)
    if kind == 0:
        return chance.choice(TEXTS) + chance.choice(TEXTS)
    if kind == 1:
        return chance.choice(NUMBERS)
    if kind == 2:
        return chance.random() * 10**chance.randrange(-20, 20)
    if kind == 3:
        return chance.randrange(-10**chance.randrange(1, 19), 10**chance.randrange(1, 19))
    if kind == 4:
        return chance.choice([True, False, None])
    if kind == 5:
        return [some_value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return some_object(chance, depth + 1)


def some_object(chance, depth):
    names = ["a", "b", "end", "c d", "é", "", 'q"', "nested", "list"]
    chance.shuffle(names)
    return {name: some_value(chance, depth) for name in names[:chance.randrange(len(names))]}


def some_line(chance):
    blanks = chance.choice([(",", ":"), (", ", ": "), (" ,\t", " : ")])
    text = json.dumps(some_object(chance, 1), separators=blanks,
                      ensure_ascii=chance.random() < 0.5)
    return text.encode()


def damaged(chance, line):
    """The line with some bytes cut out, changed, doubled or put in."""
    at, size = chance.randrange(len(line)), chance.randrange(1, 4)
    put = [b"", line[at:at + size] * 2, bytes([chance.randrange(256)]),
           chance.choice([b'"', b"{", b"}", b",", b":", b"[", b"]", b"\\", b"0", b"-", b"e", b" ",
                          b"\xff", b"\xc3", b"\xed\xa0\x80", b"NaN", b"null", b"1e999", b"\\u12"])]
    return (line[:at] + chance.choice(put) + line[at + size:]).replace(b"\n", b"").rstrip(b"\r")


def some_lines(seed, count, bad):
    chance = random.Random(seed)
    for _ in range(count):
        line = some_line(chance)
        while chance.random() < bad:
            line = damaged(chance, line) or b"{"
        if line.strip(b" \t\r"):
            yield line


# --- what comes out -------------------------------------------------------------------------------

def json_job(place, body, source="", options="", call='file_stream("in", '):
    """A job over the records in `in`; its source is in line 3."""
    return place.write("job.lua", f'local mill = require "tidemill"\n'
                                  f'local job = mill.job("job", {{{options}}})\n'
                                  f'job:{call}{{format = "json", {source}}})\n'
                                  f'{body}\n   :to_files("out")\nreturn job\n')


def copy_records(place, source="", what="mill.copy(e)", **more):
    json_job(place, f"   :map(function(e) return {what} end)", source, "max_error_ratio = 1",
             **more)


def check_records(place, lines):
    """Each line is a row or a dead letter, as Python says."""
    rows = oracle.part_bytes(place / "out").split(b"\n")[:-1]
    came = sorted((json.loads(row, parse_int=number_of) for row in rows), key=rough)
    read = [parse(line) for line in lines]
    wanted = sorted((without_nulls(value) for value in read if value is not None), key=rough)
    refused = sorted(line for line, value in zip(lines, read) if value is None)
    letters = sorted(letter["record"] for letter in jobs.letters_of(place))
    wrong = sorted(set(letters) - set(refused))
    check(not wrong, "refused, but Python reads it: {}", wrong[:3])
    wrong = sorted(set(refused) - set(letters))
    check(not wrong, "read, but Python refuses it: {}", wrong[:3])
    for a, b in zip(came, wanted):
        check(is_same(a, b), "a record: came {}, wanted {}", a, b)
    check_equal(len(came), len(wanted), "records")
    check_equal(letters, refused, "dead letters")


# --- tests ----------------------------------------------------------------------------------------

@test(each=[(1, "on"), (4, "on"), (1, "off")])
def records_are_those_that_python_reads(place, setting):
    workers, jit = setting
    lines = list(some_lines(workers, 4000, 0))
    place.write("in/a", b"\n".join(lines) + b"\n")
    copy_records(place)
    jobs.run_once(place, "job.lua", "--option", f"workers={workers}", "--jit", jit).exits(0)
    check_records(place, lines)


@test(each=range(4))
def strict_refuses_what_python_refuses(place, seed):
    lines = list(some_lines(100 + seed, 4000, 0.6))
    place.write("in/a", b"\n".join(lines) + b"\n")
    copy_records(place, "strict = true")
    jobs.run_once(place).exits(0)
    check_records(place, lines)


@test(each=range(2))
def a_copy_refuses_what_python_refuses(place, seed):
    lines = list(some_lines(200 + seed, 4000, 0.6))
    place.write("in/a", b"\n".join(lines) + b"\n")
    copy_records(place)
    jobs.run_once(place).exits(0)
    check_records(place, lines)


@test
def what_is_written_unchanged_is_the_same_bytes(place):
    lines = list(some_lines(7, 3000, 0))
    place.write("in/a", b"\r\n".join(lines) + b"\r\n")
    copy_records(place, what="e")
    jobs.run_once(place).exits(0)
    check_equal(jobs.lines_out(place), lines, "lines")


@test
def records_over_borders_of_blocks_and_chunks(place):
    chance = random.Random(5)
    lines = [b'{"n":%d,"pad":"%s","nested":{"n":%d}}'
             % (n, b"x" * chance.choice([0, 10, 1000, 70000]), n) for n in range(1500)]
    place.write("in/a", b"\n".join(lines))
    copy_records(place, what="{e.n, e.nested.n, #e.pad}")
    jobs.run_once(place, "job.lua", "--option", "workers=4").exits(0)
    wanted = [[n, n, line.count(b"x")] for n, line in enumerate(lines)]
    check_equal(sorted(oracle.part_rows(place / "out")), wanted, "rows")


@test
def records_in_gz_files(place):
    lines = list(some_lines(11, 3000, 0.1))
    place.write("in/a.gz", gzip.compress(b"\n".join(lines)))
    copy_records(place, "strict = true")
    jobs.run_once(place).exits(0)
    check_records(place, lines)


@test
def records_of_standard_input_in_pieces_of_any_size(place):
    chance = random.Random(12)
    lines = list(some_lines(12, 3000, 0.1))
    data = b"\n".join(lines) + b"\n"
    copy_records(place, "strict = true", call="stdin(")
    running = place.start("run", "--once", "--option", "batch_bytes=100KiB", "job.lua",
                          stdin=subprocess.PIPE)
    at = 0
    while at < len(data):
        size = chance.choice([1, 10, 1000, 30_000, 200_000])
        running.process.stdin.write(data[at:at + size])
        running.process.stdin.flush()
        at += size
    running.process.stdin.close()
    running.wait().exits(0)
    check_records(place, lines)


@test
def a_field_of_ten_megabytes_and_a_record_that_is_too_large(place):
    lines = [b'{"n":1}', b'{"n":2,"s":"%s"}' % (b"y" * 10 * MIB),
             b'{"n":3,"s":"%s"}' % (b"y" * 17 * MIB), b'{"n":4,"s":"']
    place.write("in/a", b"\n".join(lines) + b"\n")
    copy_records(place, what="{e.n, #(e.s or '')}")
    jobs.run_once(place).exits(0)
    check_equal(oracle.part_rows(place / "out"), [[1, 0], [2, 10 * MIB]], "rows")
    reasons = [letter["reason"].decode() for letter in jobs.letters_of(place)]
    check_equal(len(reasons), 2, "dead letters")
    check("16 MiB" in reasons[0], "the reason is {}", reasons[0])


@test
def a_byte_order_mark_at_the_start_of_a_file_is_no_part_of_its_first_record(place):
    mark = b"\xef\xbb\xbf"
    place.write("in/a", mark + b'{"n":1}\n' + mark + b'{"n":2}\n{"n":3}\n')
    copy_records(place, what="e")
    jobs.run_once(place).exits(0)
    check_equal(jobs.lines_out(place), [b'{"n":1}', b'{"n":3}'], "lines")
    check_equal([letter["record"] for letter in jobs.letters_of(place)], [mark + b'{"n":2}'],
                "dead letters")


@test
def a_mark_alone_is_an_empty_file(place):
    place.write("in/a", b"\xef\xbb\xbf")
    copy_records(place, what="e")
    jobs.run_once(place).exits(0)
    check_equal(jobs.lines_out(place), [], "lines")
    check_equal(jobs.letters_of(place), [], "dead letters")


@test
def a_dead_letter_says_where_its_record_was(place):
    place.write("in/a", b'{"n":1}\n{"n":\xff}\n{"s":"\xc3("}\n')
    copy_records(place, what="e")
    jobs.run_once(place).exits(0)
    letters = jobs.letters_of(place)
    check_equal([(letter["record"], letter["offset"]) for letter in letters],
                [(b'{"n":\xff}', 8), (b'{"s":"\xc3("}', 16)], "dead letters")
    for letter in letters:
        check_equal(letter["operator"], b"reading", "operator")
        check_equal(letter["partition"], b"in/a", "partition")


@test
def a_state_that_is_a_record_is_there_after_a_restart(place):
    json_job(place, "   :map_to_pair(function(e) return e.k, e end)\n"
                    "   :update_state_by_key(function(values, last)\n"
                    "      for _, e in ipairs(values) do\n"
                    "         if not last or e.o.n > last.o.n then last = e end\n"
                    "      end\n"
                    "      return last\n"
                    "   end)")
    place.write("in/a", b'{"k":1, "o":{"n":5}}\n{"k":2,"o":{"n" : 1},"s":"\\u00e9"}\n')
    jobs.run_once(place).exits(0)
    place.write("in/b", b'{"k":1,"o":{"n":4}}\n{"k":3,"o":{"n":7}}\n')
    jobs.run_once(place).exits(0)
    rows = jobs.lines_out(place)
    check_equal(sorted(rows[-3:]), [b'[1,{"k":1, "o":{"n":5}}]',
                                    b'[2,{"k":2,"o":{"n" : 1},"s":"\\u00e9"}]',
                                    b'[3,{"k":3,"o":{"n":7}}]'], "rows")


@test
def groups_of_records_that_spill_are_whole(place):
    chance = random.Random(13)
    rows = [(chance.randrange(50), n) for n in range(20_000)]
    place.write("in/a", "".join(f'{{"k":{k},"n":{n},"pad":"{"x" * 6000}"}}\n' for k, n in rows))
    json_job(place, "   :map_to_pair(function(e) return e.k, {n = e.n, e = e} end)\n"
                    "   :update_state_by_key(function(values)\n"
                    "      local sum = 0\n"
                    "      for _, v in ipairs(values) do\n"
                    "         if v.n == v.e.n and #v.e.pad == 6000 then sum = sum + v.e.n end\n"
                    "      end\n"
                    "      return {#values, sum}\n"
                    "   end)")
    jobs.run_once(place).exits(0)
    wanted = [[k, [len(ns), sum(ns)]] for k in range(50)
              for ns in [[n for key, n in rows if key == k]]]
    check_equal(sorted(oracle.part_rows(place / "out")), wanted, "rows")


@test
def a_function_of_batches_gets_views_for_its_call(place):
    place.write("in/a", b'{"k":1, "o":{"n":5}}\n{"k":2}\n')
    place.write("job.lua", """local mill = require "tidemill"
local job = mill.job("job")
local kept
job:file_stream("in", {format = "json"}):map(function(e) return {e} end)
   :for_each_batch(function(rows)
      if kept then
         print(pcall(function() return kept.k end))
         return
      end
      for row in rows:each() do
         print(row[1].k, row[1].o and row[1].o.n, tostring(row[1]))
         kept = kept or row[1]
      end
   end)
return job
""")
    jobs.run_once(place).exits(0).says(
        r'at job.lua:5: 1\t5\t{"k":1, "o":{"n":5}}\n', r'at job.lua:5: 2\tnil\t{"k":2}\n')
    pad = b"x" * 4096
    place.write("in/a", b'{"k":1,"pad":"%s"}\n{"k":2,"pad":"%s"}\n' % (pad, pad))
    jobs.run_once(place, "job.lua", "--fresh", "--option", "batch_bytes=4KiB").exits(0).says(
        r"at job.lua:5: false\tjob.lua:\d+: view used after its call; keep mill.copy\(e\)\n")


@test
def a_running_value_may_not_be_kept_beyond_its_batch(place):
    json_job(place, "   :reduce((function()\n"
                    "      local kept\n"
                    "      return function(a, b) kept = kept or a return {n = kept.n + b.n} end\n"
                    "   end)())")
    lines = [b'{"n":%d,"pad":"%s"}' % (n, b"x" * 3000) for n in range(1, 5)]
    place.write("in/a", b"\n".join(lines) + b"\n")
    two_lines = ("--option", "batch_bytes=4KiB", "--option", "workers=1")
    jobs.run_once(place, "job.lua", *two_lines).exits(0)
    check_equal([row[b"n"] for row in oracle.part_rows(place / "out")], [3, 3], "rows")
    letters = jobs.letters_of(place)
    check_equal([letter["record"] for letter in letters], lines[3:], "dead letters")
    check(b"view used after its call; keep mill.copy(e)" in letters[0]["reason"], "{}", letters)


# --- the loop -------------------------------------------------------------------------------------

YSB = """   :filter(function(e) return e.event_type == "view" end)
   :map_to_pair(function(e) return e.ad_id, 1 end)
   :reduce_by_key(mill.sum)"""


def write_events(place, count):
    kinds = ["view", "click", "purchase"]
    text = "".join(f'{{"user_id":"u{n % 997}","ad_id":"ad{n % 100}","event_type":"{kinds[n % 3]}",'
                   f'"event_time":"{n}"}}\n' for n in range(count))
    place.write("in/a", text)
    return [[f"ad{a}".encode(), len(range(n, count, 300))] for n in range(0, 300, 3)
            for a in [n % 100]]


@test
def a_loop_over_views_is_compiled(place):
    write_events(place, 60_000)
    json_job(place, YSB)
    out = place.run("explain", "job.lua").exits(0).out.decode()
    report = out[out.index("-- what was compiled"):]
    check("segment 1: compiled (" in report, "{}", report)
    # What surrounds the loop may be interrupted while it is recorded: it is once more, later.
    for what in (r"gave up at (?!tidemill\.)", "with calls that LuaJIT cannot compile",
                 "interpreted"):
        check(not re.search(what, report), "{}", report)
    check("file_stream at job.lua:3 reads the fields ad_id, event_type\n" in report, "{}", report)


@test
def a_loop_over_views_counts_what_is_there(place):
    wanted = write_events(place, 60_000)
    json_job(place, YSB)
    jobs.run_once(place).exits(0)
    check_equal(sorted(oracle.part_rows(place / "out")), sorted(wanted), "rows")


@test
def a_null_is_a_row_and_not_the_end(place):
    """What came behind it was never given, and counted as published."""
    place.write("in/a", '{"items":[1,null,3]}\n{"items":[4]}\n')
    place.write("job.lua", """local mill = require "tidemill"
local job = mill.job("job", {workers = 1})
job:file_stream("in", {format = "json"}):flat_map(function(e) return e.items end)
   :for_each_batch(function(rows)
      local texts = {}
      for row in rows:each() do texts[#texts + 1] = tostring(row) end
      print(table.concat(texts, " "), rows:count(), #rows:collect(), rows:take(2)[2] == mill.null)
   end)
return job
""")
    jobs.run_once(place).exits(0).says(r'1 null 3 4\t4\t4\ttrue\n')
