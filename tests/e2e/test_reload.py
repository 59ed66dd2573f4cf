"""Every start on an existing data directory is a reload: what may change in a script, what keeps
its state, what is refused, and what a script that fails in its first epoch leaves behind."""
import signal

import jobs
import oracle
from harness import DEBUG, check, check_equal, test

SUM = """function(values, state)
   state = state or 0
   for _, v in ipairs(values) do state = state + v end
   return state
end, {emit = "changed"}"""
PAIRS = "lines:map_to_pair(function(s) return s:match('^(%S+) (%d+)$') end)"
NUMBERS = PAIRS + ":map_values(function(v) return tonumber(v) end)"


def sums(name="", function=SUM, out="out", to_files=""):
    return f"{NUMBERS}:update_state_by_key({function}){name}:to_files('{out}'{to_files})"


def counts(name="", out="out2"):
    """Another pipeline with a stateful operator: how often each key came."""
    return (f"{PAIRS}:map_values(function() return 1 end):filter(function() return true end)"
            f":update_state_by_key({SUM}){name}:to_files('{out}')")


class Reloads:
    """A job that is started with one script after the other, each time with new input."""

    def __init__(self, place):
        self.place, self.files = place, 0

    def run(self, body, text=None, options="", **more):
        if text:
            self.files += 1
            self.place.write(f"in/{self.files}.txt", text)
        jobs.script(self.place, body, options)
        return jobs.run_once(self.place, **more)

    def rows(self, out="out"):
        return oracle.part_rows(self.place / out)

    def refused(self, body, *patterns, text=None):
        """A refusal changes nothing, and what it refused can be taken back."""
        folders = [p for p in (self.place / "out", jobs.data_of(self.place)) if p.exists()]
        before = oracle.snapshot(*folders)
        end = self.run(body, text).exits(3).says(*patterns)
        check(before == oracle.snapshot(*folders), "the refused start changed something")
        return end


# --- what is accepted -----------------------------------------------------------------------------

@test
def a_changed_function_keeps_the_state(place):
    job = Reloads(place)
    job.run(sums(), "a 1\n").exits(0)
    job.run(sums(function=SUM.replace("+ v", "+ 10 * v")), "a 2\n").exits(0)
    check_equal(job.rows(), [[b"a", 1], [b"a", 21]], "totals")


@test
def a_name_that_is_given_keeps_the_state(place):
    job = Reloads(place)
    job.run(sums() + "\n" + counts(), "a 5\n").exits(0)
    job.run(sums(":named('sums')") + "\n" + counts(":named('counts')"), "a 6\n").exits(0)
    check_equal((job.rows(), job.rows("out2")), ([[b"a", 5], [b"a", 11]], [[b"a", 1], [b"a", 2]]),
                "totals")
    # Now that they are named their order does not matter.
    job.run(counts(":named('counts')") + "\n" + sums(":named('sums')"), "a 7\n").exits(0)
    check_equal((job.rows()[-1], job.rows("out2")[-1]), ([b"a", 18], [b"a", 3]), "totals")


@test
def was_says_which_operator_it_was(place):
    job = Reloads(place)
    job.run(sums() + "\n" + counts(), "a 5\n").exits(0)
    job.run(counts(":named('counts', {was = 'update_state_by_key#2'})") + "\n"
            + sums(":named('sums', {was = 'update_state_by_key'})"), "a 6\n").exits(0)
    check_equal((job.rows()[-1], job.rows("out2")[-1]), ([b"a", 11], [b"a", 2]), "totals")
    # was may stay in the script.
    job.run(counts(":named('counts', {was = 'update_state_by_key#2'})") + "\n"
            + sums(":named('sums', {was = 'update_state_by_key'})"), "a 7\n").exits(0)
    check_equal((job.rows()[-1], job.rows("out2")[-1]), ([b"a", 18], [b"a", 3]), "totals")


@test
def a_renamed_operator_keeps_its_state_by_was(place):
    job = Reloads(place)
    job.run(sums(":named('old')"), "a 5\n").exits(0)
    job.run(sums(":named('new', {was = 'old'})"), "a 6\n").exits(0)
    check_equal(job.rows(), [[b"a", 5], [b"a", 11]], "totals")


@test
def names_alone_are_taken_over_by_place(place):
    job = Reloads(place)
    job.run(sums(":named('one')"), "a 5\n").exits(0)
    job.run(sums(":named('two')"), "a 6\n").exits(0)
    check_equal(job.rows(), [[b"a", 5], [b"a", 11]], "totals")


@test
def a_new_stateful_operator_starts_empty(place):
    job = Reloads(place)
    job.run(sums(":named('sums')"), "a 5\n").exits(0)
    job.run(sums(":named('sums')") + "\n" + counts(":named('counts')"), "a 6\n").exits(0)
    check_equal((job.rows(), job.rows("out2")), ([[b"a", 5], [b"a", 11]], [[b"a", 1]]), "totals")


@test
def operators_without_state_may_change(place):
    job = Reloads(place)
    job.run(sums(), "a 5\n").exits(0)
    job.run(sums().replace(":update", ":filter(function() return true end):update"),
            "a 6\n").exits(0)
    check_equal(job.rows(), [[b"a", 5], [b"a", 11]], "totals")


@test
def another_input_folder_is_a_new_source(place):
    place.write("in2/b.txt", "a 100\n")
    job = Reloads(place)
    job.run(sums(), "a 1\n").exits(0)
    text = jobs.script(place, sums()).read_text()
    place.write("job.lua", text.replace('stream("in")', 'stream("in2")'))
    jobs.run_once(place).exits(0)
    check_equal(job.rows(), [[b"a", 1], [b"a", 101]], "totals")
    # The first one is known still: only what is new in it is read.
    job.run(sums(), "a 2\n").exits(0)
    check_equal(job.rows(), [[b"a", 1], [b"a", 101], [b"a", 103]], "totals")


@test
def a_second_source_is_added(place):
    place.write("in2/b.txt", "a 100\n")
    job = Reloads(place)
    job.run(sums(), "a 1\n").exits(0)
    both = sums().replace("lines:", "lines:union(job:text_file_stream('in2')):")
    job.run(both, "a 2\n").exits(0)
    check_equal(job.rows()[-1], [b"a", 103], "total")


# --- what is refused ------------------------------------------------------------------------------

@test
def a_removed_stateful_operator_is_refused(place):
    job = Reloads(place)
    job.run(sums(), "a 1\n").exits(0)
    job.refused("lines:to_files('out')", "update_state_by_key", "bring it back", "--drop-state",
                text="a 2\n")
    job.run(sums()).exits(0)
    check_equal(job.rows(), [[b"a", 1], [b"a", 3]], "totals")


@test
def a_removed_named_stateful_operator_is_refused_by_its_name(place):
    job = Reloads(place)
    job.run(sums(":named('sums')"), "a 1\n").exits(0)
    job.refused("lines:to_files('out')", "sums", "--drop-state sums")
    job.refused(sums(":named('other')", out="out2"), "sums", r'was = "sums"')


@test
def reordered_unnamed_operators_are_refused_with_lines_to_paste(place):
    job = Reloads(place)
    job.run(sums() + "\n" + counts(), "a 5\n").exits(0)
    paste = r':named\("\w+", \{ ?was = "update_state_by_key(#2)?" ?\}\)'
    end = job.refused(counts() + "\n" + sums(), paste, text="a 6\n")
    check_equal(sum("was = " in line for line in end.err.splitlines()), 2, "lines to paste")
    job.run(sums() + "\n" + counts()).exits(0)
    check_equal((job.rows()[-1], job.rows("out2")[-1]), ([b"a", 11], [b"a", 2]), "totals")


@test
def another_number_of_unnamed_operators_is_refused(place):
    job = Reloads(place)
    job.run(sums(), "a 5\n").exits(0)
    job.refused(sums() + "\n" + counts(), "name", "update_state_by_key")


@test
def a_was_that_the_store_does_not_know_is_refused(place):
    job = Reloads(place)
    job.run(sums(":named('sums')"), "a 5\n").exits(0)
    job.refused(sums(":named('totals', {was = 'smus'})", out="out2"), "smus")


SWAPS = {
    "sources of one folder": (
        "job:text_file_stream('in', {pattern = '*.%s'}):to_files('out%s')", "text_file_stream:in"),
    "queues": ("job:queue_stream({{'%s'}, {'x'}}):to_files('out%s')", "queue_stream"),
    "functions in one place": (
        "lines:for_each_batch(function() return '%s' end)\nlines:to_files('out%s')",
        "for_each_batch"),
    "functions": ("lines:filter(function(s) return s > '%s' end):for_each_batch(function() end)\n"
                  "lines:to_files('out%s')", "for_each_batch"),
}


@test(each=SWAPS)
def what_is_told_apart_by_order_alone_may_not_change_it(place, what):
    """Their input was read twice, and nothing was said."""
    text, identity = SWAPS[what]
    a, b = text % ("a", "1"), text % ("b", "2")
    if what == "functions":
        b = b.replace("lines:filter", "lines:map(function(s) return s end):filter")
    for name in "ab":
        place.write(f"in/1.{name}", f"{name} 1\n")
    job = Reloads(place)
    job.run(f"{a}\n{b}").exits(0)
    rows = job.rows("out1"), job.rows("out2")
    swapped = [f"{b}\n{a}", a, f"{a}\n{b}\n{b.replace('out2', 'out3')}"]
    for body in swapped:
        end = job.refused(body, "number or order changed", f'was = "{identity}#2"')
        check_equal(sum("was = " in line for line in end.err.splitlines()), 2, "lines to paste")
    job.run(f"{a}\n{b}").exits(0)
    check_equal((job.rows("out1"), job.rows("out2")), rows, "rows")


@test(each=["./in", "in/"])
def a_source_s_folder_may_be_written_differently(place, folder):
    """Its input was read twice, and nothing was said."""
    job = Reloads(place)
    job.run(sums(), "a 1\n").exits(0)
    stream = f"job:text_file_stream('{folder}')"
    job.run(sums().replace("lines", stream), "a 2\n").exits(0)
    check_equal(job.rows(), [[b"a", 1], [b"a", 3]], "rows")
    job.run(sums(out="moved"), "a 3\n").exits(0)
    check_equal(job.rows("moved"), [[b"a", 6]], "rows behind the move")


# --- rows that wait to be published ---------------------------------------------------------------

def kill_before_publishing(job, body, text):
    """Rows are committed and not yet published."""
    end = job.run(body, text, program=DEBUG, may_die=True,
                  env={"TIDEMILL_FAILPOINT": "publish_before:kill@1"})
    check_equal(end.code, -signal.SIGKILL, "exit code")
    check_equal(job.rows(), [], "published rows")


@test(each=["", ":named('result')"])
def a_moved_output_publishes_what_waits_at_the_old_place(place, name):
    job = Reloads(place)
    kill_before_publishing(job, sums() + name, "a 1\n")
    job.run(sums(out="moved") + name, "a 2\n").exits(0)
    check_equal((job.rows(), job.rows("moved")), ([[b"a", 1]], [[b"a", 3]]), "rows")
    oracle.check_nothing_temporary(jobs.data_of(place), place / "out", place / "moved")


@test(each=["./out", "out/", "out/../out"])
def an_output_s_folder_may_be_written_differently(place, out):
    """It is the same folder: what waits in it is not swept away."""
    job = Reloads(place)
    kill_before_publishing(job, sums(), "a 1\n")
    job.run(sums(out=out), "a 2\n").exits(0)
    check_equal(job.rows(), [[b"a", 1], [b"a", 3]], "rows")
    rolling = sums(to_files=", {roll = '1GiB'}")
    job.run(rolling, "a 3\n" * 3000, program=DEBUG, may_die=True,
            env={"TIDEMILL_FAILPOINT": "commit_after_write:kill@2"},
            options="batch_bytes = '4096B'")
    job.run(sums(out=out), "a 1\n", options="batch_bytes = '4096B'").exits(0)
    rows = job.rows()
    check_equal(rows[-1], [b"a", 9004], "the last total")
    check(len(rows) >= 5, "rows of the open file are missing: {}", rows)


@test
def a_removed_output_publishes_what_waits(place):
    job = Reloads(place)
    kill_before_publishing(job, sums() + "\n" + NUMBERS + ":to_files('out2')", "a 1\n")
    job.run(NUMBERS + ":to_files('out2')\n" + sums().replace(":to_files('out')", ":print()"),
            "a 2\n").exits(0)
    check_equal((job.rows(), job.rows("out2")), ([[b"a", 1]], [[b"a", 1], [b"a", 2]]), "rows")


@test
def another_format_publishes_what_waits_in_the_old_one(place):
    job = Reloads(place)
    kill_before_publishing(job, sums(), "a 1\n")
    job.run(sums(to_files=", {format = 'text'}"), "a 2\n").exits(0)
    texts = [path.read_bytes() for _, path in oracle.parts_of(place / "out")]
    check_equal(texts, [b'["a",1]\n', b"(a,3)\n"], "parts")


@test(each=["out", "moved"])
def an_open_file_of_an_output_that_moved_or_no_longer_rolls_is_published(place, out):
    job = Reloads(place)
    rolling = sums(to_files=", {roll = '1GiB'}")
    job.run(rolling, "a 1\n" * 3000, program=DEBUG, may_die=True,
            env={"TIDEMILL_FAILPOINT": "commit_after_write:kill@2"},
            options="batch_bytes = '4096B'")
    check_equal(job.rows(), [], "published rows")
    job.run(sums(out=out), "a 2\n", options="batch_bytes = '4096B'").exits(0)
    rows = job.rows() + (job.rows(out) if out != "out" else [])
    check_equal(rows[-1], [b"a", 3002], "the last total")
    check(len(rows) >= 3, "rows of the open file are missing: {}", rows)
    oracle.check_nothing_temporary(jobs.data_of(place), place / "out", place / out)


@test
def a_batch_function_that_is_gone_with_rows_waiting_is_refused(place):
    job = Reloads(place)
    failing = NUMBERS + ":for_each_batch(function() error('not now') end):named('send')"
    job.run(failing, "a 1\n").exits(1)
    job.refused(NUMBERS + ":to_files('out')", "for_each_batch|send", "--drop-output",
                "1 of its rows")
    seen = failing.replace("function() error('not now') end",
                           "function(rows) for k, v in rows:each() do print(k, v) end end")
    job.run(seen).exits(0).says(r"a\t1")
    job.run(NUMBERS + ":to_files('out')", "a 2\n").exits(0)
    check_equal(job.rows(), [[b"a", 2]], "rows")


# --- probation ------------------------------------------------------------------------------------

FAILING = {
    "an error with on_error fail": (SUM.replace("return", "error('broken') return"),
                                    "on_error = 'fail'", "broken"),
    "a deadline": (SUM.replace("return", "while true do end return"), "deadline = '200ms'",
                   "deadline|too long"),
}


@test(each=FAILING)
def a_new_script_that_fails_in_its_first_epoch_commits_nothing(place, how):
    function, options, message = FAILING[how]
    job = Reloads(place)
    job.run(sums(), "a 1\n").exits(0)
    job.run(sums(function=function), "a 2\n", options=options).exits(1).says(message)
    check_equal(job.rows(), [[b"a", 1]], "rows")
    check_equal(jobs.letters_of(place), [], "dead letters")
    job.run(sums()).exits(0)
    check_equal(job.rows(), [[b"a", 1], [b"a", 3]], "totals with the old script")


@test
def a_new_script_with_more_errors_than_the_old_one_commits_nothing(place):
    job = Reloads(place)
    text = "".join(f"k{n} {n}\n" for n in range(10_000))
    good = "lines:map(function(s) return s end):to_files('out', {format = 'text'})"
    worse = good.replace("return s end", "if s:match('0$') then error('tens') end return s end")
    job.run(good, text).exits(0)
    before = oracle.part_bytes(place / "out")
    end = job.run(worse, text, options="max_error_ratio = 1").exits(1)
    end.says("nothing was committed|new", "1000 of 10000|errors|fails")
    check(oracle.part_bytes(place / "out") == before, "rows were published")
    check_equal(jobs.letters_of(place), [], "dead letters")
    job.run(good).exits(0)
    check_equal(oracle.part_bytes(place / "out"), 2 * before, "rows with the old script")


@test
def a_changed_module_is_a_changed_script(place):
    place.write("helper.lua", "return function(s) return s end\n")
    body = "lines:map(require('helper')):to_files('out', {format = 'text'})"
    job = Reloads(place)
    job.run(body, "1\n", options="on_error = 'fail'").exits(0)
    place.write("helper.lua", "return function(s) error('broken') end\n")
    job.run(body, "2\n", options="on_error = 'fail'").exits(1).says(r"helper\.lua:1: broken")
    place.write("helper.lua", "return function(s) return s .. '!' end\n")
    job.run(body, options="on_error = 'fail'").exits(0)
    check_equal(jobs.lines_out(place), [b"1", b"2!"], "rows")


@test
def the_same_script_is_not_on_probation(place):
    """What a new script may not do, a known one may: an endless loop costs its record."""
    job = Reloads(place)
    body = ("lines:map(function(s) while s == 'spin' do end return s end)"
            ":to_files('out', {format = 'text'})")
    job.run(body, "1\n", options="deadline = '200ms'").exits(0)
    job.run(body, "spin\n2\n", options="deadline = '200ms'").exits(0)
    check_equal(jobs.lines_out(place), [b"1", b"2"], "rows")
    check_equal([letter["record"] for letter in jobs.letters_of(place)], [b"spin"], "dead letters")
