"""A full disk: the engine stops accepting, says so, and goes on when there is space. The disk is a
small tmpfs where this user may mount one; a process that may not still runs the failpoints of
tests/crash."""
import contextlib
import os
import signal
import subprocess
import time

import jobs
import oracle
from harness import DEBUG, RELEASE, Skip, check, test, wait_until

MIB = 2**20


@contextlib.contextmanager
def small_disk(folder, mebibytes):
    folder.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "none", folder],
                           capture_output=True, check=False)
    if mount.returncode != 0:
        raise Skip("this user cannot mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder, keep=0):
    """Leave `keep` bytes."""
    with open(folder / "filler", "wb", buffering=0) as file:
        space = os.statvfs(folder)
        left = space.f_bavail * space.f_frsize - keep
        with contextlib.suppress(OSError):
            while left > 0:
                left -= file.write(b"x" * min(left, 65_536))


def make_input(place, lines):
    place.write("in/a", b"".join(b"%060d\n" % n for n in range(lines)))


def free_space_and_wait(running, folder):
    """It waits, says so, and goes on by itself when there is space."""
    running.wait_for_text("No space left on device.*waiting for space")
    time.sleep(1.5)
    check(running.is_running(), "it did not wait: {}", running.err())
    (folder / "filler").unlink()
    return running.wait().exits(0)


def check_lines(place, came):
    check(sorted(came) == oracle.lines_in(place / "in"), "lines differ")


@test
def a_full_output_disk_is_waited_for(place):
    make_input(place, 100_000)
    with small_disk(place / "disk", 32) as disk:
        fill(disk, keep=2 * MIB)
        jobs.script(place, "lines:to_files('disk/out', {format = 'text'})")
        running = place.start("run", "--once", "--option", "batch_bytes=1MiB", "job.lua")
        free_space_and_wait(running, disk)
        check_lines(place, jobs.lines_out(place, "disk/out"))
        oracle.check_nothing_temporary(jobs.data_of(place), disk / "out")


NEEDS_SPACE = {
    "state": "lines:map_to_pair(function(s) return s, 1 end)"
             ":update_state_by_key(function(v, s) return (s or 0) + #v end, {emit = 'changed'})"
             ":keys():to_files('out', {format = 'text'})",
    "spill": "lines:map_to_pair(function(s) return s, s:rep(2) end)"
             ":reduce_by_key(function(a) return a end):keys():to_files('out', {format = 'text'})",
    "outbox": "lines:to_stdout({format = 'text'})",
    "dead letters": "lines:map(function() error(('x'):rep(300)) end):print()",
}


@test(each=NEEDS_SPACE)
def a_full_data_disk_is_waited_for(place, what):
    make_input(place, 100_000)
    with small_disk(place / "disk", 128) as disk:
        fill(disk, keep=3 * MIB)
        jobs.script(place, NEEDS_SPACE[what],
                    options="shuffle_memory = '1MiB', max_error_ratio = 1, workers = 1")
        running = place.start("run", "--once", "--data", "disk/data", "job.lua")
        end = free_space_and_wait(running, disk)
        if what == "outbox":
            came = end.out.splitlines()
        elif what == "dead letters":
            came = [letter["record"] for letter in oracle.dead_letters(disk / "data")]
        else:
            came = jobs.lines_out(place)
        check_lines(place, came)
        oracle.check_nothing_temporary(disk / "data")


@test
def a_data_disk_that_fills_up_between_commits_is_waited_for(place):
    """The disk is too small for the room that the store would like to set aside for its log."""
    make_input(place, 20_000)
    with small_disk(place / "disk", 8) as disk:
        jobs.copy_lines(place)
        running = place.start("run", "--once", "--data", "disk/data", "--option",
                              "batch_bytes=64KiB", "job.lua", program=DEBUG,
                              env={"TIDEMILL_FAILPOINT": "commit_before_write:delay@1+"})
        wait_until(lambda: jobs.lines_out(place), "the first epoch is published")
        fill(disk)
        free_space_and_wait(running, disk)
        check_lines(place, jobs.lines_out(place))
        jobs.run_once(place, "job.lua", "--data", "disk/data").exits(0).says("nothing new")


@test(each=["-n 16", "-n 24", "-n 40"])
def too_few_open_files_are_said_and_lose_nothing(place, limit):
    make_input(place, 1000)
    jobs.copy_lines(place)
    end = place.run("-c", f'ulimit {limit}; exec "$0" "$@"', RELEASE, "run", "--once", "job.lua",
                    program="/bin/sh")
    end.exits(0, 1, 3)
    if end.code != 0:
        end.says("[Tt]oo many open files")
        jobs.run_once(place).exits(0)
    check_lines(place, jobs.lines_out(place))


@test
def a_limit_of_file_sizes_is_like_a_kill_or_said(place):
    make_input(place, 10_000)
    jobs.copy_lines(place)
    end = place.run("-c", 'ulimit -f 300; exec "$0" "$@"', RELEASE, "run", "--once", "job.lua",
                    program="/bin/sh", may_die=True)
    if end.code != -signal.SIGXFSZ:
        end.exits(1, 3).says("[Ff]ile too large")
    jobs.run_once(place).exits(0)
    check_lines(place, jobs.lines_out(place))


@test
def a_run_that_waits_for_space_can_be_stopped_and_started_again(place):
    make_input(place, 100_000)
    with small_disk(place / "disk", 32) as disk:
        fill(disk, keep=2 * MIB)
        jobs.script(place, "lines:to_files('disk/out', {format = 'text'})")
        running = place.start("run", "--once", "--option", "batch_bytes=1MiB", "job.lua")
        running.wait_for_text("waiting for space")
        running.signal(signal.SIGTERM).wait(10).exits(1).says("are left")
        (disk / "filler").unlink()
        jobs.run_once(place).exits(0)
        check_lines(place, jobs.lines_out(place, "disk/out"))


@test(each=["data", "out"])
def a_disk_that_is_full_at_the_start_is_named(place, which):
    place.write("in/a", "1\n")
    with small_disk(place / "disk", 8) as disk:
        fill(disk)
        jobs.script(place, f"lines:to_files('{'disk/out' if which == 'out' else 'out'}',"
                    " {format = 'text'})")
        options = ["--data", "disk/data"] if which == "data" else []
        running = place.start("run", "--once", *options, "job.lua").wait_for_handler()
        time.sleep(1)
        running.signal(signal.SIGTERM)
        running.wait(10).exits(1, 3).says("No space left on device", "disk|to_files at")
        (disk / "filler").unlink()
        jobs.run_once(place, "job.lua", *options).exits(0)
        check_lines(place, jobs.lines_out(place, "disk/out" if which == "out" else "out"))
