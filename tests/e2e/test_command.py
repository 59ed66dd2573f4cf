"""The command line: help, exit codes, options, errors in scripts, what is printed."""
import json
import re

import jobs
import oracle
from harness import check, check_equal, test


@test(each=["--help", "run --help", "test --help", "explain --help",
           "stop --help"])
def help_goes_to_standard_output_and_exits_0(place, words):
    end = place.run(*words.split()).exits(0)
    check_equal(end.err, "", "standard error")
    text = end.out.decode()
    check("Usage: tidemill" in text, "no usage in {}", text)
    if words.startswith("run"):
        for option in ("--once", "--fresh", "--data", "--set", "--option", "--cut", "--clock",
                       "--keep-open"):
            check(option in text, "{} is not explained", option)


@test
def version_is_printed(place):
    end = place.run("--version").exits(0)
    check(re.fullmatch(rb"tidemill \d+\.\d+\.\d+\S*\n", end.out), "it prints {}", end.out)


WRONG_USAGE = {
    "": "", "bogus": "bogus", "run": "script", "run --bogus job.lua": "--bogus",
    "run missing.lua": r"missing\.lua", "run job.lua more.lua": "too many|more",
    "run --set x job.lua": "--set x.*NAME=VALUE", "run --option batch job.lua": "NAME=VALUE",
    "run --cut never job.lua": "--cut.*time", "run --clock sun job.lua": "--clock.*virtual",
    "run --jit maybe job.lua": "--jit.*off", "run --data": "--data", "test": "files",
    "test missing.lua": r"missing\.lua", "explain missing.lua": r"missing\.lua",
    "run .": r"\.",
}


@test(each=WRONG_USAGE)
def wrong_usage_exits_2_and_names_what_is_wrong(place, words):
    jobs.script(place, "lines:print()")
    place.write("in/a.txt", "a\n")
    end = place.run(*words.split())
    if words.startswith("test missing"):
        check(end.code != 0, "exit code 0")
        check(re.search(WRONG_USAGE[words], end.err + end.out.decode()), "it does not name it")
        return
    end.exits(2)
    if words:
        end.says(WRONG_USAGE[words])
    else:
        check(b"Usage: tidemill" in end.out or "Usage: tidemill" in end.err, "no usage is shown")
    check(not (place / ".tidemill").exists(), "a data directory was made")


WRONG_OPTIONS = {
    "nope=1": ("nope", "batch_bytes", "workers"), "batch=5": ("batch", '"?5"?', "5s"),
    "batch=0s": ("batch", "at least"), "workers=0": ("workers", "1 to 256"),
    "workers=many": ("workers", "many", "1 to 256"), "batch_bytes=1": ("batch_bytes", "MiB|least"),
    "batch_bytes=1GB": ("batch_bytes", "1GB", "GiB"),
    "on_error=explode": ("on_error", "explode", "dead_letter", "fail", "skip"),
    "max_error_ratio=2": ("max_error_ratio", "2", "0 to 1"), "deadline=-1s": ("deadline",),
    "max_strikes=-1": ("max_strikes", "-1"), "memory_max=lots": ("memory_max", "lots", "MiB"),
    "allow=everything": ("allow", "everything", "io"),
}


@test(each=WRONG_OPTIONS)
def a_wrong_option_says_what_is_allowed(place, option):
    jobs.script(place, "lines:print()")
    jobs.run_once(place, "job.lua", "--option", option).exits(2).says(*WRONG_OPTIONS[option])


# name: (script, what the message says); the error is in line 2 unless the text says another.
HEAD = 'local mill = require "tidemill"\n'
WRONG_SCRIPTS = {
    "syntax error": ("local x =\nreturn x x\n", r"job\.lua:2: "),
    "unfinished": (HEAD + "local job = mill.job('a'\n", r"job\.lua:\d: "),
    "error when it runs": (HEAD + "error('no luck')\n", r"job\.lua:2: no luck"),
    "error that is a table": (HEAD + "error({})\n", r"job\.lua|table"),
    "nil called": (HEAD + "nothing()\n", r"job\.lua:2: .*nothing"),
    "returns nothing": (HEAD + "local job = mill.job('a')\n", r"job\.lua: .*return job"),
    "returns a number": (HEAD + "return 1\n", r"job\.lua: .*return job"),
    "empty": ("", r"job\.lua: .*return job"),
    "unknown job option": (HEAD + "local job = mill.job('a', {bath = '1s'})\n",
                           r"job\.lua:2: .*bath"),
    "bad job name": (HEAD + "local job = mill.job('../a')\n", r"job\.lua:2: .*\.\./a"),
    "unknown operator": (HEAD + "local s = mill.job('a'):text_file_stream('in'):mapp(print)\n",
                         r"job\.lua:2: .*mapp"),
    "no function": (HEAD + "local s = mill.job('a'):text_file_stream('in'):map(5)\n",
                    r"job\.lua:2: .*map.*function"),
    "unknown source option": (
        HEAD + "local s = mill.job('a'):text_file_stream('in', {patern = '*'})\n",
        r"job\.lua:2: .*patern.*pattern"),
    "roll of nothing": (HEAD + "local s = mill.job('a'):text_file_stream('in')"
                        ":to_files('out', {roll = 'often'})\n", r"job\.lua:2: .*roll.*often"),
    "reduce_by_key of no pairs": (
        HEAD + "local s = mill.job('a'):text_file_stream('in'):reduce_by_key(mill.sum)\n",
        r"job\.lua:2: .*map_to_pair"),
    "error in the last call": (HEAD + "return mill.job('a', {bath = '1s'})\n", r"job\.lua.*bath"),
    "later name": (HEAD + "local s = mill.job('a'):text_file_stream('in'):to_sqlite('x')\n",
                   r"job\.lua:2: .*to_sqlite"),
    "io": (HEAD + "io.open('x')\n", r"job\.lua:2: .*--allow io"),
    "os.execute": (HEAD + "os.execute('true')\n", r"job\.lua:2: .*--allow os"),
    "no such module": (HEAD + "require 'nothing.here'\n", r"job\.lua:2: .*nothing\.here"),
    "two outputs in a folder": (
        HEAD + "local job = mill.job('a')\nlocal s = job:text_file_stream('in')\n"
        "s:to_files('out')\ns:to_files('out')\nreturn job\n", r"job\.lua:4.*job\.lua:5|:5.*:4"),
    "two of one name": (
        HEAD + "local job = mill.job('a')\nlocal s = job:text_file_stream('in'):named('x')\n"
        "s:map(tostring):named('x'):print()\nreturn job\n", r"job\.lua:4: .*x"),
}


@test(each=WRONG_SCRIPTS)
def a_wrong_script_exits_2_with_its_line(place, name):
    text, pattern = WRONG_SCRIPTS[name]
    place.write("in/a.txt", "a\n")
    place.write("job.lua", text)
    end = jobs.run_once(place).exits(2).says(pattern)
    end.says_not("stack traceback", r"tidemill/\w+\.lua|@tidemill", r"\[C\]")
    frames = end.err.rstrip().split("\n")[1:]
    check(all(re.fullmatch(r"\tat job\.lua:\d+.*", frame) for frame in frames),
          "it shows more than frames of the script: {}", end.err)
    check(not (place / ".tidemill").exists(), "a data directory was made")


@test
def bytecode_is_refused(place):
    place.write("job.lua", b"\x1bLJ\x02\x00")
    jobs.run_once(place).exits(2).says(r"job\.lua.*bytecode")


@test
def a_module_beside_the_script_is_found_from_another_folder(place):
    place.write("scripts/helper.lua", "return function(s) return s .. '!' end\n")
    place.write("scripts/job.lua", HEAD + "local help = require 'helper'\n"
                "local job = mill.job('job')\n"
                "job:text_file_stream('in'):map(help):to_files('out', {format = 'text'})\n"
                "return job\n")
    place.write("in/a.txt", "a\n")  # relative to the working folder, not to the script
    jobs.run_once(place, "scripts/job.lua").exits(0)
    check_equal(jobs.lines_out(place), [b"a!"], "rows")


LIBRARY_FUNCTIONS = {
    "map(tonumber)": [b"7", b"10"], "map(tostring)": [b"7", b"0xA"],
    "map(string.lower)": [b"7", b"0xa"], "filter(tonumber)": [b"7", b"0xA"],
    "map(function(s) return tonumber(s) end):map(math.floor)": [b"7", b"10"],
    "map_to_pair(function(s) return 1, tonumber(s) end):reduce_by_key(math.max):values()": [b"10"],
}


@test(each=LIBRARY_FUNCTIONS)
def a_function_of_a_library_is_a_function_like_others(place, operators):
    place.write("in/a.txt", "7\n0xA\n")
    jobs.script(place, f"lines:{operators}:to_files('out', {{format = 'text'}})")
    jobs.run_once(place).exits(0)
    check_equal(jobs.lines_out(place), LIBRARY_FUNCTIONS[operators], "rows")


@test
def an_argument_that_the_script_does_not_ask_for_is_a_warning(place):
    place.write("in/a.txt", "a\n")
    jobs.copy_lines(place)
    jobs.run_once(place, "job.lua", "--set", "outptu=x").exits(0).says("warning.*outptu")


@test
def an_upvalue_that_a_function_assigns_to_is_a_warning(place):
    place.write("in/a.txt", "a\n")
    jobs.script(place, "local seen = 0\nlines:map(function(s) seen = seen + 1 return seen end)"
                ":to_files('out')")
    jobs.run_once(place).exits(0).says("warning.*seen.*map_with_state|warning.*seen")


@test
def the_missing_input_folder_is_named(place):
    jobs.copy_lines(place)
    jobs.run_once(place).exits(1, 2).says(r"\bin\b.*does not exist|no such.*\bin\b|in: No such")


@test
def an_input_that_is_a_file_is_named(place):
    place.write("in", "a\n")
    jobs.copy_lines(place)
    jobs.run_once(place).exits(1, 2).says(r"\bin\b.*not a (folder|directory)")


@test
def a_second_once_says_nothing_new_and_changes_nothing(place):
    for n in range(8):
        place.write(f"in/{n}.txt", f"a b {n}\n" * 100)
    jobs.run_wordcount(place, "--option", "batch_bytes=4KiB").exits(0)
    oracle.check_word_count(place)
    before = oracle.snapshot(jobs.data_of(place, "wordcount"), place / "out")
    end = jobs.run_wordcount(place).exits(0)
    end.says(r"^tidemill: nothing new: 8 files done at epoch \d+; --fresh starts over$")
    check_equal(end.out, b"", "standard output")
    check(before == oracle.snapshot(jobs.data_of(place, "wordcount"), place / "out"),
          "it changed something")


@test
def quiet_says_nothing_but_errors(place):
    place.write("in/a.txt", "a\n")
    jobs.copy_lines(place)
    for _ in range(2):
        check_equal(jobs.run_once(place, "job.lua", "-q").exits(0).err, "", "standard error")
    place.write("out/part-01234567-0000000001-0000.txt", "x\n")
    jobs.run_once(place, "job.lua", "-q").exits(3).says("another store")


@test
def a_run_without_a_terminal_is_silent(place):
    place.write("in/a.txt", "a\n")
    jobs.copy_lines(place)
    end = jobs.run_once(place).exits(0)
    check_equal((end.out, end.err), (b"", ""), "what it prints")
    check_equal(jobs.lines_out(place), [b"a"], "rows")


@test
def data_names_the_data_directory(place):
    place.write("in/a.txt", "a\n")
    jobs.copy_lines(place)
    jobs.run_once(place, "job.lua", "--data", "elsewhere/deep").exits(0)
    check((place / "elsewhere/deep/store").is_dir(), "the store is not there")
    check(not (place / ".tidemill").exists(), "the default directory was made")
    jobs.run_once(place, "job.lua", "--data", "elsewhere/deep").exits(0).says("nothing new")


# --- what is printed ------------------------------------------------------------------------------

@test
def print_shows_ten_rows_by_key_under_the_batch_time(place):
    place.write("in/a.txt", "".join(f"w{n:02d}\n" * (n + 1) for n in range(12)))
    jobs.script(place, "lines:count_by_value():print()")
    out = jobs.run_once(place).exits(0).out.decode().splitlines()
    rule = "-" * 43
    check_equal((out[0], out[2]), (rule, rule), "rules")
    check(re.fullmatch(r"Time: \d+000 ms", out[1]), "the second line is {}", out[1])
    wanted = [f"(w{n:02d},{n + 1})" for n in range(10)] + ["..."]
    check_equal(out[3:14], wanted, "rows")


@test
def to_stdout_writes_a_json_document_for_each_row(place):
    place.write("in/a.txt", b'say "hi"\nb\\c\n\ttab\n\xc3\xa9\n')
    jobs.script(place, "lines:map_to_pair(function(s) return s, {#s, s = s} end):to_stdout()")
    out = jobs.run_once(place).exits(0).out
    rows = oracle.json_rows(out)
    wanted = [b'say "hi"', b"b\\c", b"\ttab", b"\xc3\xa9"]
    check_equal([row[0] for row in rows], wanted, "keys, in the order of the input")
    check_equal([row[1][b"s"] for row in rows], wanted, "values")


@test
def with_a_virtual_clock_two_runs_print_the_same(place):
    place.write("in/a.txt", "a b a\nc\n" * 2000)
    jobs.script(place, "lines:map(function(s) return {s, mill.now()} end)"
                ":to_stdout()\nlines:flat_map(mill.words):count_by_value():print()")
    options = ("--clock", "virtual", "--option", "batch_bytes=4096B")
    outs = [jobs.run_once(place, "job.lua", *options, "--data", f"data{n}").exits(0).out
            for n in range(2)]
    times = re.findall(rb"Time: (\d+) ms", outs[0])
    check(len(times) > 1, "only {} batches", len(times))
    check_equal(outs[0].split(b"Time")[1:], outs[1].split(b"Time")[1:], "what two runs print")


@test
def explain_shows_graph_and_code(place):
    place.write("in/a.txt", "a\n")
    jobs.script(place, "lines:map(function(s) return #s end):to_files('out')")
    end = place.run("explain", "job.lua").exits(0)
    for text in (b"text_file_stream", b"map", b"to_files", b"for i = ", b"compiled"):
        check(text in end.out, "{} is not in it", text)
    check(not (place / "out").exists(), "the output was made")
    check_equal([p.name for p in place.folder.glob("tidemill-*")], [], "left in TMPDIR")


@test
def test_runs_the_tests_of_a_script(place):
    jobs.script(place, "lines:flat_map(mill.words):count_by_value():to_stdout()\n"
                "job:test('good', function(t) t:input('a b a') t:advance('1s')\n"
                "   t:expect({{'a', 2}, {'b', 1}}) end)\n"
                "job:test('bad', function(t) t:input('a') t:advance('1s')\n"
                "   t:expect({{'a', 2}}) end)")
    end = place.run("test", "job.lua").exits(1)
    check(b"# 1 passed, 1 failed" in end.out, "it prints {}", end.out)
    check(b"bad" in end.out and b"job.lua:8" in end.out and b"- [" in end.out,
          "the failure shows no name, line or difference: {}", end.out)
    check_equal([p.name for p in place.folder.glob("tidemill-*")], [], "left in TMPDIR")


# --- what is said, and how ------------------------------------------------------------------------

NOISY = ("local mill = require 'tidemill'\nlocal job = mill.job('job', {workers = 1})\n"
         "local lines = job:text_file_stream('in')\nlines:map(function(s) return s end)\n"
         "lines:map(function(s) print('print\\t' .. s, '\\xff') return s end):to_files('out')\n"
         "return job\n")


def say(place, *options):
    place.write("in/a.txt", "a\n")
    place.write("job.lua", NOISY)
    return jobs.run_once(place, "job.lua", *options)


@test
def a_log_of_json_has_one_object_a_line_with_all_that_is_said(place):
    say(place, "--log-format", "json", "--allow", "io").exits(0)
    (place / "in/a.txt").write_text("b\n" + "x" * 9)
    end = say(place, "--log-format", "json", "--set", "x=1", "--reread", "nope").exits(2)
    first = jobs.run_once(place, "job.lua", "--log-format", "json", "--fresh").exits(0).err
    said = [json.loads(line) for line in (end.err + first).splitlines()]
    check_equal({tuple(line) for line in said}, {("time", "level", "message")}, "keys")
    for one in said:
        check(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z", one["time"]), "time of {}", one)
    levels = {(s["level"], re.sub(r" at .*|:.*|\t.*", "", s["message"])) for s in said}
    check_equal(levels, {("warn", "map"), ("warn", "--set x"), ("error", "--reread nope"),
                         ("info", "map")}, "what is said")


@test
def the_level_says_what_is_worth_a_line(place):
    say(place).exits(0).says("warning: map at .* leads to no output", "print\ta")
    for options in (("--log-level", "error"), ("-q",), ("--quiet", "--log-level", "debug")):
        check_equal(say(place, *options).exits(0).err, "", f"what is said with {options}")
    warned = say(place, "--log-level", "warn").exits(0)
    warned.says("leads to no output").says_not("nothing new")
    say(place, "--log-level", "debug").exits(0).says("nothing new")
    say(place, "-q", "--reread", "nope").exits(2).says("--reread nope")


@test
def nothing_that_is_said_has_colour(place):
    """So NO_COLOR, which asks for that, has nothing to switch off."""
    for env in ({}, {"NO_COLOR": "1"}, {"TERM": "xterm-256color", "CLICOLOR_FORCE": "1"}):
        end = jobs.run_once(place, "missing.lua", env=env).exits(2)
        check("\x1b" not in end.err + end.out.decode(), "there is an escape in {}", end.err)
