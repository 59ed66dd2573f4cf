"""Rows come in an order that depends on the input only: not on the workers, the load, or JIT."""
import random

import jobs
import oracle
from harness import check, check_equal, test


def make_input(place, files=5, lines=3000):
    chance = random.Random(11)
    for n in range(files):
        text = "".join(f"w{chance.randint(0, 400)} w{chance.randint(0, 400)} {n} {i}\n"
                       for i in range(lines))
        place.write(f"in/{n}.txt", text)


JOBS = {
    "records": "lines:filter(function(s) return #s % 3 ~= 0 end)"
               ":map(function(s) return s:upper() end):to_files('out')",
    "lists": "lines:flat_map(mill.words):map(function(w) return {w, #w} end):to_files('out')",
    "emitted": "lines:flat_map(function(s, emit) emit(s) emit(#s) end):to_files('out')",
    "pairs": "lines:map_to_pair(function(s) return #s, s end):to_files('out')",
    "counts": "lines:flat_map(mill.words):count_by_value():to_files('out')",
    "reduced": "lines:flat_map(mill.words):map_to_pair(function(w) return w, 1 end)"
               ":reduce_by_key(function(a, b) return a + b end):to_files('out')",
    "after a shuffle": "lines:flat_map(mill.words):count_by_value()"
                       ":map_to_pair(function(w, n) return n, w end)"
                       ":reduce_by_key(function(a, b) return a < b and a or b end):to_files('out')",
    "state": "lines:map_to_pair(function(s) return s:match('^%S+'), s end)"
             ":update_state_by_key(function(values, state)\n"
             "   state = state or ''\n"
             "   for _, v in ipairs(values) do state = (state .. v):sub(-40) end\n"
             "   return state end):to_files('out')",
    "union": "lines:union(lines:map(function(s) return s:reverse() end)):to_files('out')",
    "top": "lines:flat_map(mill.words):count_by_value()"
           ":top(20, function(_, n) return n end):to_files('out')",
    "two outputs": "lines:to_files('out')\nlines:flat_map(mill.words):count_by_value()"
                   ":to_files('out2')",
    "printed": "lines:flat_map(mill.words):count_by_value():print(50)",
}


def output_of(place, data, *options):
    """What one run over the whole input gives; its parts are removed."""
    end = place.run("run", "--once", "--clock", "virtual", "--option", "batch_bytes=64KiB",
                    "--data", data, *options, "job.lua").exits(0)
    result = [end.out]
    for name in ("out", "out2"):
        result += [(epoch, path.read_bytes()) for epoch, path in oracle.parts_of(place / name)]
        if (place / name).exists():
            (place / name).rename(place / f"{name}-{data}")
    size = sum(len(part if isinstance(part, bytes) else part[1]) for part in result)
    check(size > 200, "there is hardly any output: {} bytes", size)
    return result


@test(each=JOBS)
def the_rows_are_the_same_for_1_2_and_4_workers(place, name):
    make_input(place)
    jobs.script(place, JOBS[name])
    one = output_of(place, "one", "--option", "workers=1")
    check(len(one) > 4 or name == "printed", "only {} parts", len(one) - 1)
    for workers in (2, 4):
        came = output_of(place, f"w{workers}", "--option", f"workers={workers}")
        check(came == one, "with {} workers the rows differ from those with one", workers)


@test(each=JOBS)
def the_rows_are_the_same_when_everything_is_interpreted(place, name):
    make_input(place, files=2, lines=1000)
    jobs.script(place, JOBS[name])
    compiled = output_of(place, "on", "--jit", "on")
    check(output_of(place, "off", "--jit", "off") == compiled, "the rows differ")


@test
def records_keep_the_order_of_the_input(place):
    make_input(place)
    jobs.copy_lines(place)
    jobs.run_once(place, "job.lua", "--option", "workers=4", "--option",
                  "batch_bytes=16KiB").exits(0)
    check_equal(jobs.lines_out(place), oracle.lines_in(place / "in"), "lines")

