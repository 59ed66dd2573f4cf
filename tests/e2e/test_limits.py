"""max_bytes_per_batch: no epoch takes more of a source, and nothing is lost, over kills."""
import random
import signal
import time

import jobs
import oracle
from harness import check, check_equal, test, wait_until

LINE, LINES = 10, 2000
TEXT = b"".join(b"%09d\n" % n for n in range(LINES))


def job_of(place, source, options=""):
    place.write("job.lua", f"local mill = require 'tidemill'\n"
                           f"local job = mill.job('job', {{{options}}})\n"
                           f"job:{source}:to_files('out', {{format = 'text'}})\nreturn job\n")


def check_parts(place, at_most):
    check_equal(oracle.part_bytes(place / "out"), TEXT, "lines")
    sizes = [p.stat().st_size for p in (place / "out").glob("part-*")]
    check(max(sizes) <= at_most, "an epoch took {} bytes", max(sizes))
    return len(sizes)


@test(each=(1, 4))
def once_takes_so_many_bytes_of_files_in_each_epoch(place, workers):
    place.write("in/1.txt", TEXT[:LINE * 1234])
    place.write("in/2.txt", TEXT[LINE * 1234:])
    job_of(place, "text_file_stream('in', {max_bytes_per_batch = '1000B'})", f"workers = {workers}")
    jobs.run_once(place).exits(0)
    check_equal(check_parts(place, 1000), LINES * LINE // 1000, "epochs")


@test
def a_limit_ends_with_its_last_line(place):
    place.write("in/1.txt", TEXT)
    job_of(place, "text_file_stream('in', {max_bytes_per_batch = '1001B'})")
    jobs.run_once(place).exits(0)
    check_parts(place, 1010)


@test
def once_takes_so_many_bytes_of_standard_input_in_each_epoch(place):
    place.write("text", TEXT)
    job_of(place, "stdin{max_bytes_per_batch = '1000B'}")
    with open(place / "text", "rb") as file:
        jobs.run_once(place, stdin=file).exits(0)
    check_equal(check_parts(place, 1000), LINES * LINE // 1000, "epochs")


@test(each=(1, 4))
def limited_epochs_go_on_after_kills(place, workers):
    place.write("in/1.txt", TEXT)
    job_of(place, "text_file_stream('in', {max_bytes_per_batch = '500B'})",
           f"batch = '20ms', workers = {workers}")
    chance = random.Random(workers)
    for _ in range(4):
        running = place.start("run", "job.lua")
        time.sleep(0.1 + chance.random() * 0.3)
        running.kill()
    running = place.start("run", "job.lua")
    wait_until(lambda: len(oracle.part_bytes(place / "out")) == len(TEXT), "all is read")
    running.signal(signal.SIGTERM).wait(10, may_die=True)  # it may still be starting
    check_parts(place, 500)
