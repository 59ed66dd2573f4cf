"""Functions that fail, run too long or take too much memory: which records become dead letters,
that all others are right, and when the job stops."""
import re
import signal
import time

import jobs
import oracle
from harness import check, check_equal, test

PAIR = "lines:map_to_pair(function(s) return s:match('^(%S+) (.*)$') end)"


def numbers(place, count=10_000, name="a.txt"):
    place.write(f"in/{name}", "".join(f"{n}\n" for n in range(count)))


def check_letters(place, records, operator, reason):
    letters = jobs.letters_of(place)
    check_equal([letter["record"] for letter in letters], records, "records of dead letters")
    for letter in letters:
        check(letter["operator"].decode().startswith(operator), "operator {}", letter["operator"])
        check(re.search(reason.encode(), letter["reason"]), "reason {}", letter["reason"])


# --- errors ---------------------------------------------------------------------------------------

@test(each=[1, 4])
def one_error_in_ten_thousand_costs_that_record_only(place, workers):
    for n in range(4):
        place.write(f"in/{n}.txt", "".join(f"word{(7 * i + n) % 100} {n} {i}\n"
                                           for i in range(10_000)))
    jobs.script(place, """lines:flat_map(function(line)
       if line:match(" 5000$") then error("not this one") end
       local list = {}
       for word in line:gmatch("%S+") do list[#list + 1] = word end
       return list
    end):count_by_value():to_files("out")""")
    jobs.run_once(place, "job.lua", "--option", f"workers={workers}", "--option",
                  "batch_bytes=128KiB").exits(0)
    lines = oracle.lines_in(place / "in")
    bad = [line for line in lines if line.endswith(b" 5000")]
    good = [line for line in lines if not line.endswith(b" 5000")]
    check_equal(len(bad), 4, "bad records")
    oracle.check_same_counts(oracle.sum_by_key(oracle.part_rows(place / "out")),
                             oracle.word_counts(good), "counts of the others")
    check_letters(place, bad, "flat_map at", r"job\.lua:5: not this one")
    for letter, name in zip(jobs.letters_of(place), range(4)):
        text = (place / f"in/{name}.txt").read_bytes()
        check_equal(letter["partition"], f"in/{name}.txt".encode(), "partition")
        at = letter["offset"]
        check_equal(text[at:at + len(letter["record"])], letter["record"], f"what is at {at}")


@test
def a_dead_letter_holds_the_original_bytes(place):
    lines = [b"good", b"bad \xff\xfe\x00 bytes", b'bad "quoted" \\', "bad \u00e9".encode()]
    place.write("in/a.txt", b"\r\n".join(lines) + b"\r\n")
    jobs.script(place, "lines:map(function(s) if s:match('^bad') then error(s) end return s end)"
                ":to_files('out', {format = 'text'})")
    jobs.run_once(place).exits(0)
    check_letters(place, lines[1:], "map at", "bad")
    check_equal(jobs.lines_out(place), [b"good"], "rows")


@test
def a_list_whose_function_fails_gives_none_of_its_elements(place):
    place.write("in/a.txt", "a\nb\nc\n")
    jobs.script(place, """lines:flat_map(function(s, emit)
       emit(s .. "1")
       if s == "b" then error("half way") end
       emit(s .. "2")
    end):to_files("out", {format = "text"})""")
    jobs.run_once(place).exits(0)
    check_equal(jobs.lines_out(place), [b"a1", b"a2", b"c1", b"c2"], "rows")
    check_letters(place, [b"b"], "flat_map at", "half way")


@test
def elements_that_fail_after_a_list_are_told_apart(place):
    place.write("in/a.txt", "a b c\nd x e\n")
    jobs.script(place, "lines:flat_map(mill.words)"
                ":map(function(w) if w == 'x' then error('x!') end return w end)"
                ":to_files('out', {format = 'text'})")
    jobs.run_once(place).exits(0)
    check_equal(jobs.lines_out(place), [b"a", b"b", b"c", b"d", b"e"], "rows")
    check_letters(place, [b"d x e"], "map at", "x!")


RETURNS = {
    "map nothing": ("lines:map(function(s) if s ~= '7' then return s end end)",
                    "returned nothing; use filter"),
    "map two values": ("lines:map(function(s) if s == '7' then return s, 1 end return s end)",
                       "map_to_pair"),
    "key nil": ("lines:map_to_pair(function(s) if s == '7' then return nil, 1 end return s, s end)"
                ":reduce_by_key(mill.count):map(function(k) return k end)", "key|nil"),
    "key NaN": ("lines:map_to_pair(function(s) return s == '7' and 0 / 0 or s, s end)"
                ":reduce_by_key(mill.count):map(function(k) return k end)", "key|NaN"),
    "key a function": ("lines:map_to_pair(function(s) return s == '7' and print or s, s end)"
                       ":reduce_by_key(mill.count):map(function(k) return k end)",
                       "key|function"),
    "key too long": ("lines:map_to_pair(function(s) return s == '7' and ('k'):rep(7e4) or s, s end)"
                     ":reduce_by_key(mill.count):map(function(k) return k end)", "64 KiB|key"),
    "value a function": ("lines:map(function(s) return s == '7' and print or s end)"
                         ":filter(function() return true end)", "function"),
    "table holds itself": ("lines:map(function(s) if s ~= '7' then return s end"
                           " local t = {} t[1] = t return t end)", "deep|32|itself"),
}


@test(each=RETURNS)
def a_value_that_cannot_be_used_costs_its_record(place, name):
    body, reason = RETURNS[name]
    numbers(place, 20)
    jobs.script(place, body + ":to_files('out', {format = 'text'})")
    jobs.run_once(place).exits(0)
    check_equal(sorted(jobs.lines_out(place)), sorted(b"%d" % n for n in range(20) if n != 7),
                "rows")
    check_letters(place, [b"7"], "", reason)


@test
def an_error_in_reduce_costs_the_record_being_added(place):
    numbers(place, 100)
    jobs.script(place, "lines:map_to_pair(function(s) return 'all', tonumber(s) end)"
                ":reduce_by_key(function(a, b) if b == 7 or a == 7 then error('seven') end"
                " return a + b end):to_files('out')")
    jobs.run_once(place, "job.lua", "--option", "workers=1").exits(0)
    check_equal(oracle.part_rows(place / "out"), [[b"all", sum(range(100)) - 7]], "rows")
    check_letters(place, [b"7"], "reduce_by_key at", "seven")


@test
def an_error_in_a_state_function_costs_the_values_of_that_call(place):
    body = PAIR + """:update_state_by_key(function(values, state, key)
       for _, v in ipairs(values) do if v == "bad" then error("no " .. key) end end
       return (state or "") .. table.concat(values)
    end, {emit = "changed"}):to_files("out")"""
    jobs.script(place, body)
    place.write("in/1.txt", "a 1\nb 1\n")
    jobs.run_once(place).exits(0)
    place.write("in/2.txt", "a 2\na bad\nb 2\n")
    jobs.run_once(place).exits(0)
    place.write("in/3.txt", "a 3\n")
    jobs.run_once(place).exits(0)
    check_equal(sorted(oracle.part_rows(place / "out")),
                [[b"a", b"1"], [b"a", b"13"], [b"b", b"1"], [b"b", b"12"]], "totals")
    letter, = jobs.letters_of(place)
    check_equal((letter["key"], letter["values"]), (b"a", [b"2", b"bad"]), "key and values")
    check(letter["operator"].startswith(b"update_state_by_key at"), "{}", letter["operator"])


@test
def after_a_shuffle_a_dead_letter_holds_key_and_value(place):
    place.write("in/a.txt", "a\nb\na\n")
    jobs.script(place, "lines:count_by_value()"
                ":map(function(k, n) if n == 2 then error('two') end return k end)"
                ":to_files('out', {format = 'text'})")
    jobs.run_once(place).exits(0)
    check_equal(jobs.lines_out(place), [b"b"], "rows")
    letter, = jobs.letters_of(place)
    text = repr(letter)
    check("'key': b'a'" in text and "2" in text, "the letter is {}", text)


@test
def on_error_fail_stops_before_the_commit(place):
    numbers(place, 100)
    jobs.script(place, "lines:map(function(s) if s == '7' then error('seven') end return s end)"
                ":to_files('out')", options="on_error = 'fail'")
    jobs.run_once(place).exits(1).says(r"job\.lua:4: seven")
    check_equal(oracle.parts_of(place / "out"), [], "parts")
    jobs.run_once(place, "job.lua", "--option", "on_error=skip").exits(0)
    check_equal(len(oracle.part_rows(place / "out")), 99, "rows")
    check_equal(jobs.letters_of(place), [], "dead letters")


@test
def too_many_errors_stop_the_job_after_the_commit(place):
    numbers(place, 20_000)
    jobs.script(place, "lines:map(function(s) if tonumber(s) % 10 == 0 then error('ten') end"
                " return s end):to_files('out', {format = 'text'})")
    end = jobs.run_once(place, "job.lua", "--option", "batch_bytes=20KiB").exits(1)
    end.says("max_error_ratio", "dead_letters", "--option max_error_ratio=1")
    rows, letters = len(jobs.lines_out(place)), len(jobs.letters_of(place))
    check(0 < rows < 18_000, "{} rows were committed", rows)
    check_equal(letters, (rows + letters + 9) // 10, "dead letters of what was committed")
    jobs.run_once(place, "job.lua", "--option", "max_error_ratio=1").exits(0)
    check_equal(jobs.lines_out(place), [b"%d" % n for n in range(20_000) if n % 10], "rows")
    check_equal(len(jobs.letters_of(place)), 2000, "dead letters")


@test
def few_errors_are_never_too_many(place):
    numbers(place, 99)
    jobs.script(place, "lines:map(function(s) error(s) end):to_files('out')")
    jobs.run_once(place).exits(0)
    check_equal(len(jobs.letters_of(place)), 99, "dead letters")


# --- deadlines ------------------------------------------------------------------------------------

SPIN = "while true do end"
ENDLESS = {
    "a map": ("lines:map(function(s) if s == '77' then while true do end end return s end)"
              ":to_files('out', {format = 'text'})", "map at"),
    "a filter": ("lines:filter(function(s) while s == '77' do end return true end)"
                 ":to_files('out', {format = 'text'})", "filter at"),
    "a list": ("lines:flat_map(function(s, emit) while s == '77' do end emit(s) end)"
               ":to_files('out', {format = 'text'})", "flat_map at"),
    "a list that grows": ("lines:flat_map(function(s, emit) while s == '77' do emit(s) end"
                          " emit(s) end):to_files('out', {format = 'text'})", "flat_map at"),
    "arithmetic": ("lines:map(function(s) local x = 0"
                   " while s == '77' do x = (x + 1) % 1000 end return s end)"
                   ":to_files('out', {format = 'text'})", "map at"),
    "protected by pcall": ("lines:map(function(s)"
                           " while s == '77' do pcall(function() while true do end end) end"
                           " return s end):to_files('out', {format = 'text'})", "map at"),
}


@test(each=ENDLESS)
def an_endless_loop_costs_its_record_only(place, name):
    body, operator = ENDLESS[name]
    numbers(place, 3000)
    jobs.script(place, body, options="deadline = '300ms'")
    begin = time.monotonic()
    jobs.run_once(place, "job.lua", "--option", "workers=2").exits(0, 1)
    seconds = time.monotonic() - begin
    check(seconds < 15, "it took {:.1f} s", seconds)
    check_equal(jobs.lines_out(place), [b"%d" % n for n in range(3000) if n != 77], "rows")
    check_letters(place, [b"77"], operator, "deadline|too long|300 ?ms|memory")


@test
def an_endless_loop_after_a_shuffle_costs_its_key_only(place):
    place.write("in/a.txt", "a b c a\nb a\n")
    jobs.script(place, "lines:flat_map(mill.words):count_by_value()"
                ":map(function(k, n) while k == 'b' do end return k end)"
                ":to_files('out', {format = 'text'})", options="deadline = '300ms'")
    jobs.run_once(place).exits(0)
    check_equal(sorted(jobs.lines_out(place)), [b"a", b"c"], "rows")
    letter, = jobs.letters_of(place)
    check_equal(letter.get("key"), b"b", "the letter's key")


@test(each=[1, 4])
def an_endless_loop_in_a_state_function_costs_its_call_only(place, workers):
    body = PAIR + """:update_state_by_key(function(values, state, key)
       for _, v in ipairs(values) do while v == "bad" do end end
       return (state or "") .. table.concat(values)
    end, {emit = "changed"}):to_files("out")"""
    jobs.script(place, body, options="deadline = '300ms'")
    place.write("in/1.txt", "a 1\nb 1\nc 1\n")
    jobs.run_once(place, "job.lua", "--option", f"workers={workers}").exits(0)
    place.write("in/2.txt", "a 2\na bad\nb 2\nc 2\n")
    jobs.run_once(place, "job.lua", "--option", f"workers={workers}").exits(0)
    place.write("in/3.txt", "a 3\n")
    jobs.run_once(place, "job.lua", "--option", f"workers={workers}").exits(0)
    check_equal(sorted(oracle.part_rows(place / "out")),
                [[b"a", b"1"], [b"a", b"13"], [b"b", b"1"], [b"b", b"12"], [b"c", b"1"],
                 [b"c", b"12"]], "totals")
    letter, = jobs.letters_of(place)
    check_equal((letter["key"], letter["values"]), (b"a", [b"2", b"bad"]), "key and values")


@test
def an_endless_loop_in_reduce_costs_the_record_being_added(place):
    numbers(place, 100)
    jobs.script(place, "lines:map_to_pair(function(s) return 'all', tonumber(s) end)"
                ":reduce_by_key(function(a, b) while b == 7 do end return a + b end)"
                ":to_files('out')", options="deadline = '300ms'")
    jobs.run_once(place, "job.lua", "--option", "workers=1").exits(0)
    check_equal(oracle.part_rows(place / "out"), [[b"all", sum(range(100)) - 7]], "rows")
    check_letters(place, [b"7"], "reduce_by_key at", "deadline|too long|300 ?ms")


@test
def up_to_max_strikes_endless_loops_in_an_epoch_are_survived(place):
    numbers(place, 1000)
    body = ("lines:map(function(s) while tonumber(s) % 300 == 7 do end return s end)"
            ":to_files('out', {format = 'text'})")
    jobs.script(place, body, options="deadline = '200ms'")
    end = jobs.run_once(place).exits(1)  # 7, 307, 607, 907
    end.says("deadline|too long", "4 times|max_strikes|strikes")
    check_equal(oracle.parts_of(place / "out"), [], "parts")
    jobs.run_once(place, "job.lua", "--option", "max_strikes=10").exits(0)
    check_equal(jobs.lines_out(place), [b"%d" % n for n in range(1000) if n % 300 != 7], "rows")
    check_letters(place, [b"7", b"307", b"607", b"907"], "map at", "deadline|too long|200 ?ms")


@test
def a_slow_function_within_its_deadline_is_not_stopped(place):
    """The deadline is of a record, not of a chunk: 80 records of 50 ms each are no offence."""
    numbers(place, 80)
    jobs.script(place, """local spin = function(s)
       local n = 0
       for i = 1, 2e7 do n = n + i % 7 end
       return s .. (n > 0 and "" or "?")
    end
    lines:map(spin):to_files("out", {format = "text"})""", options="deadline = '2s'")
    jobs.run_once(place).exits(0)
    check_equal(len(jobs.lines_out(place)), 80, "rows")


@test
def a_batch_function_that_runs_too_long_fails_the_job(place):
    numbers(place, 3)
    jobs.script(place, "lines:for_each_batch(function() while true do end end,"
                " {timeout = '200ms'})")
    jobs.run_once(place).exits(1).says("timeout|too long|deadline")


@test
def what_is_skipped_stays_skipped_over_a_restart(place):
    numbers(place, 1000)
    jobs.script(place, "lines:map(function(s) while s == '7' or s == '500' do end return s end)"
                ":to_files('out', {format = 'text'})", options="deadline = '2s'")
    running = place.start("run", "--once", "--option", "workers=1", "job.lua")
    running.wait_for_text("again without it")
    running.kill()
    end = jobs.run_once(place, "job.lua", "--option", "workers=1").exits(0)
    check_equal(end.err.count("again without it"), 1, "loops met after the restart")
    check_equal(jobs.lines_out(place), [b"%d" % n for n in range(1000) if n not in (7, 500)],
                "rows")
    check_letters(place, [b"7", b"500"], "map at", "deadline|too long|2 ?s")


# --- memory ---------------------------------------------------------------------------------------

BIG = {
    "a table": "local t = {} for i = 1, 2^27 do t[i] = i end return #t",
    "a string": "local s = s for i = 1, 30 do s = s .. s end return #s",
    "many strings": "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end return #t",
}


@test(each=BIG)
def a_record_that_takes_a_gigabyte_costs_itself_only(place, kind):
    numbers(place, 2000)
    jobs.script(place, f"lines:map(function(s) if s == '777' then {BIG[kind]} end return s end)"
                ":to_files('out', {format = 'text'})", options="memory_max = '64MiB'")
    jobs.run_once(place, "job.lua", "--option", "workers=2").exits(0)
    check_equal(jobs.lines_out(place), [b"%d" % n for n in range(2000) if n != 777], "rows")
    check_letters(place, [b"777"], "map at", "memory")


@test
def a_state_that_outgrows_memory_is_written_back_and_goes_on(place):
    """Cached states of many keys are more than memory_max; none of them is at fault."""
    place.write("in/a.txt", "".join(f"key{n % 20000} {n}\n" for n in range(60_000)))
    jobs.script(place, PAIR + """:update_state_by_key(function(values, state)
       state = state or {}
       for _, v in ipairs(values) do state[#state + 1] = v .. ("x"):rep(200) end
       return state
    end):map_values(function(state) return #state end):to_files("out")""",
                options="memory_max = '16MiB'")
    jobs.run_once(place).exits(0)
    rows = oracle.part_rows(place / "out")
    check_equal(len(rows), 20_000, "keys")
    check_equal({n for _, n in rows}, {3}, "values of a key")
    check_equal(jobs.letters_of(place), [], "dead letters")


@test
def a_state_over_16_mib_is_a_dead_letter_and_the_old_one_stays(place):
    jobs.script(place, PAIR + """:update_state_by_key(function(values, state)
       if values[1] == "grow" then
          local half = ("x"):rep(2^23)
          return half .. half .. "x"
       end
       return (state or "") .. (values[1] or "")
    end, {emit = "changed"}):to_files("out")""")
    for n, text in enumerate(("a 1\nb 1\n", "a grow\nb 2\n", "a 3\n")):
        place.write(f"in/{n}.txt", text)
        jobs.run_once(place).exits(0)
    check_equal(sorted(oracle.part_rows(place / "out")),
                [[b"a", b"1"], [b"a", b"13"], [b"b", b"1"], [b"b", b"12"]], "states")
    letter, = jobs.letters_of(place)
    check_equal((letter["key"], letter["values"]), (b"a", [b"grow"]), "key and values")


@test(slow=True)
def a_gigabyte_of_dead_letters_stops_the_job(place):
    for n in range(9):
        place.write(f"in/{n}.txt", (b"x" * 2**24 + b"\n") * 8)
    jobs.script(place, "lines:map(function(s) error('no') end):to_files('out')",
                options="max_error_ratio = 1")
    end = jobs.run_once(place, "job.lua", "--option", "batch_bytes=64MiB").exits(1)
    end.says("dead letters in .*dead_letters have 1[0-9]{9} bytes, more than "
             "dead_letters_max = 1073741824 allows", "Move its files part-\* away and start again")


@test
def an_endless_pattern_match_ends_the_process_and_says_so(place):
    """C code cannot be stopped from outside: the message names it, and nothing is committed."""
    place.write("in/a.txt", "a" * 60 + "\n")
    jobs.script(place, "lines:map(function(s) return s:match(('a*'):rep(30) .. 'b') or s end)"
                ":to_files('out')", options="deadline = '300ms'")
    running = place.start("run", "--once", "job.lua")
    try:
        end = running.wait(40)
    finally:
        running.signal(signal.SIGKILL)
    end.exits(1).says("stuck|C function|pattern")
    check_equal(oracle.parts_of(place / "out"), [], "parts")
