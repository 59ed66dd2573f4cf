"""What the end-to-end and the crash tests stand on: a folder for each test, the program run in it
as a user would, and a runner that prints the protocol of tools/test.

A test is a function with @test; its name, with blanks, says what it shows. It gets a Place, uses
it, and raises Wrong when something is not as it should be. Tests run side by side, so a test may
touch nothing but its Place. A program that a test started is ended by its process id.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SLOW = os.environ.get("TIDEMILL_TEST_SLOW") == "yes"
TIMEOUT_S = 120  # for a program that should end
WAIT_S = 30
DEADLINE_S = 300  # for a whole test; see Watch
DEADLINE_SLOW_S = 90 * 60
socket.setdefaulttimeout(TIMEOUT_S)  # a peer that never comes must not hold a test for ever


def program(variable, path):
    return str((REPOSITORY / os.environ.get(variable, path)).resolve())


RELEASE = program("TIDEMILL", "build/tidemill")
DEBUG = program("TIDEMILL_DEBUG", "build/debug/tidemill")  # has failpoints


class Wrong(Exception):
    """Something is not as the contract says."""


class Skip(Exception):
    """This machine or user cannot show it; the text says why."""


def check(condition, text, *values):
    if not condition:
        raise Wrong(text.format(*values) if values else text)


def check_equal(came, wanted, what):
    if came != wanted:
        raise Wrong(f"{what}: came {shorten(came)}, wanted {shorten(wanted)}")


def shorten(value, limit=600):
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def wait_until(condition, what, seconds=WAIT_S):
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, "after {} s: {} has not happened", seconds, what)
        time.sleep(0.01)


class Result:
    """How a run ended."""

    def __init__(self, command, code, out, err):
        self.command, self.code, self.out = command, code, out
        self.err = err.decode("utf-8", "backslashreplace")

    def describe(self):
        return f"$ {' '.join(self.command)}\nexit code {self.code}\n{self.err[-3000:]}"

    def exits(self, *codes):
        if self.code not in codes:
            raise Wrong(f"wanted exit code {' or '.join(map(str, codes))}\n{self.describe()}")
        return self

    def says(self, *patterns):
        """Each pattern (a regular expression) is found in what went to standard error."""
        for pattern in patterns:
            if not re.search(pattern, self.err):
                raise Wrong(f"the message does not say {pattern!r}\n{self.describe()}")
        return self

    def says_not(self, *patterns):
        for pattern in patterns:
            if re.search(pattern, self.err):
                raise Wrong(f"the message says {pattern!r}\n{self.describe()}")
        return self


class Running:
    """A program that was started and not yet waited for. Output goes to files of its own."""

    def __init__(self, place, command, environment, options):
        self.command = command
        self.out_file = place.new_path("stdout")
        self.err_file = place.new_path("stderr")
        given = {"stdin": subprocess.DEVNULL, "stdout": open(self.out_file, "wb"),
                 "stderr": open(self.err_file, "wb")}
        given.update(options)
        self.process = subprocess.Popen(command, cwd=place.folder, env=environment, **given)
        for name in ("stdout", "stderr"):
            if hasattr(given[name], "close"):
                given[name].close()
        self.pid = self.process.pid

    def err(self):
        return self.err_file.read_text("utf-8", "backslashreplace")

    def out(self):
        return self.out_file.read_bytes()

    def signal(self, number):
        if self.process.poll() is None:
            os.kill(self.pid, number)
        return self

    def kill(self):
        """End it as a power cut would, if it still runs. @return whether it ran until then"""
        ran = self.process.poll() is None
        if ran:
            os.kill(self.pid, signal.SIGKILL)
        self.process.wait()
        return ran and self.process.returncode == -signal.SIGKILL

    def is_running(self):
        return self.process.poll() is None

    def wait_for_handler(self):
        """Until the program has a handler for SIGTERM: before, it ends by it."""
        def has():
            try:
                status = pathlib.Path(f"/proc/{self.pid}/status").read_text("ascii")
            except FileNotFoundError:
                return True
            caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
            return not self.is_running() or int(caught[1], 16) >> (signal.SIGTERM - 1) & 1
        wait_until(has, "it has a handler for SIGTERM")
        return self

    def wait(self, timeout=TIMEOUT_S, may_die=False):
        """@param may_die: ending by a signal is no failure"""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Wrong(f"did not end within {timeout} s\n"
                        f"$ {' '.join(self.command)}\n{self.err()[-3000:]}") from None
        result = Result(self.command, code, self.out(), self.err_file.read_bytes())
        if code < 0 and not may_die:
            raise Wrong(f"ended by signal {-code}\n{result.describe()}")
        return result

    def wait_for_text(self, pattern, seconds=WAIT_S):
        """Until standard error says it. The program must go on meanwhile."""
        def seen():
            if re.search(pattern, self.err()):
                return True
            check(self.is_running(), "ended before it said {!r}:\n{}", pattern, self.err()[-3000:])
            return False
        wait_until(seen, f"standard error says {pattern!r}", seconds)


class Place:
    """A test's own folder, and the programs started in it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.started = []
        self.paths = 0

    def __truediv__(self, name):
        return self.folder / name

    def new_path(self, kind):
        self.paths += 1
        (self.folder / ".run").mkdir(exist_ok=True)
        return self.folder / ".run" / f"{self.paths}.{kind}"

    def write(self, name, data):
        """A file, with its folders. Text is written as UTF-8."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def append(self, name, data):
        with open(self.folder / name, "ab") as file:
            file.write(data if isinstance(data, bytes) else data.encode())

    def start(self, *arguments, program=RELEASE, env=None, **options):
        environment = {**os.environ, "TMPDIR": str(self.folder), **(env or {})}
        running = Running(self, [program, *map(str, arguments)], environment, options)
        self.started.append(running)
        return running

    def run(self, *arguments, timeout=TIMEOUT_S, may_die=False, **options):
        return self.start(*arguments, **options).wait(timeout, may_die)

    def close(self):
        for running in self.started:
            running.kill()


# --- the runner -----------------------------------------------------------------------------------

TESTS = []


class Test:
    def __init__(self, function, argument, is_slow, is_last):
        self.function, self.argument = function, argument
        self.is_slow, self.is_last = is_slow, is_last
        shown = "" if argument is None else f": {getattr(argument, '__name__', argument)}"
        self.name = function.__name__.strip("_").replace("_", " ") + shown


def test(function=None, *, each=(None,), slow=False, last=False):
    """Make a function a test, or one test for each of several values of its second parameter.
    slow: only with TIDEMILL_TEST_SLOW=yes. last: after all others, when all others were run."""
    def add(f):
        TESTS.extend(Test(f, argument, slow, last) for argument in each)
        return f
    return add(function) if function else add


class Watch:
    """Ends what tests started when one is over its deadline, so that one that hangs is a failure
    that says where, and not a suite without a result. A test that goes on hanging is given up: its
    thread stays, and the suite ends without it."""

    GIVE_UP_S = 30  # after its programs were killed

    def __init__(self):
        self.lock = threading.Lock()
        self.running = {}  # thread id -> [test, place, begin, what was seen at the deadline or ""]

    def begin(self, one, place):
        with self.lock:
            self.running[threading.get_ident()] = [one, place, time.monotonic(), ""]

    def end(self):
        """@return what was seen at the deadline, "" when it was kept"""
        with self.lock:
            return self.running.pop(threading.get_ident())[3]

    def look(self):
        """Kill the programs of tests that are late. @return {test: text} of those to give up"""
        given_up = {}
        with self.lock:
            for thread, entry in self.running.items():
                one, place, begin, seen = entry
                limit = DEADLINE_SLOW_S if one.is_slow else DEADLINE_S
                late = time.monotonic() - begin - limit
                if late < 0:
                    continue
                if not seen:
                    entry[3] = f"not ended after {limit} s\n{stack_of(thread)}{programs_of(place)}"
                    place.close()
                elif late > self.GIVE_UP_S:
                    given_up[one] = seen
        return given_up


def stack_of(thread):
    frame = sys._current_frames().get(thread)
    return "".join(traceback.format_stack(frame)[-6:]) if frame else ""


def programs_of(place):
    """What each program of a test does just now: its threads, what they wait for, what it said."""
    text = ""
    for running in place.started:
        if not running.is_running():
            continue
        text += f"$ {' '.join(running.command)}\n"
        for task in sorted(pathlib.Path(f"/proc/{running.pid}/task").glob("*")):
            try:
                shown = [(task / name).read_text().strip() for name in ("comm", "wchan", "syscall")]
                state = re.search(r"State:\s+(.*)", (task / "status").read_text())[1]
            except OSError as why:
                shown, state = [task.name], str(why)
            text += f"   {' | '.join(shown)} | {state}\n"
        text += running.err()[-2000:]
    return text


WATCH = Watch()


def run_one(one, keep):
    """@return (kind, text, seconds); kind is ok, not ok or skip"""
    begin = time.monotonic()
    place = Place(tempfile.mkdtemp(prefix="tidemill-test-"))
    kind, text = "ok", ""
    WATCH.begin(one, place)
    try:
        one.function(place, *(() if one.argument is None else (one.argument,)))
    except Skip as why:
        kind, text = "skip", str(why)
    except Wrong as why:
        kind, text = "not ok", str(why)
    except Exception:  # a test that is itself broken fails, it does not stop the others
        kind, text = "not ok", traceback.format_exc()
    finally:
        place.close()
        late = WATCH.end()
    if late:
        kind, text = "not ok", f"{late}\n{text}"
    if kind == "not ok" and keep:
        text += f"\nkept: {place.folder}"
    else:
        shutil.rmtree(place.folder, ignore_errors=True)
    return kind, text, time.monotonic() - begin


def report(one, outcome, counts):
    kind, text, seconds = outcome
    counts[kind] += 1
    if kind == "skip":
        print(f"skip {one.name}: {text}", flush=True)
        return
    print(f"{kind} {one.name} ({seconds:.1f} s)", flush=True)
    if text:
        print("   " + text.replace("\n", "\n   "), flush=True)


def chosen(patterns):
    tests = [t for t in TESTS if SLOW or not t.is_slow]
    if patterns:
        tests = [t for t in tests if any(re.search(p, t.name) for p in patterns)]
    return tests


def main(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("patterns", nargs="*", help="regular expressions of test names")
    parser.add_argument("--jobs", type=int, default=(os.cpu_count() or 1) + 2,
                        help="tests at a time (they mostly wait for the disk)")
    parser.add_argument("--keep", action="store_true", help="keep the folders of failed tests")
    parser.add_argument("--list", action="store_true", help="name the tests and end")
    options = parser.parse_args()
    tests = chosen(options.patterns)
    if options.list:
        print("\n".join(t.name for t in tests))
        return 0
    counts = {"ok": 0, "not ok": 0, "skip": 0}
    run_all([t for t in tests if not t.is_last], options.jobs, options.keep, counts)
    run_all([t for t in tests if t.is_last and not options.patterns], 1, options.keep, counts)
    if counts["skip"]:
        print(f"{counts['skip']} skipped")
    print(f"# {counts['ok']} passed, {counts['not ok']} failed", flush=True)
    return 0 if counts["not ok"] == 0 else 1


def run_all(tests, jobs_at_a_time, keep, counts):
    """So many at a time, each reported as it ends."""
    pool = concurrent.futures.ThreadPoolExecutor(jobs_at_a_time)
    pending = {pool.submit(run_one, t, keep): t for t in tests}
    while pending:
        done, _ = concurrent.futures.wait(pending, timeout=1,
                                          return_when=concurrent.futures.FIRST_COMPLETED)
        for future in done:
            report(pending.pop(future), future.result(), counts)
        stuck = WATCH.look()
        if stuck and len(stuck) == min(len(pending), jobs_at_a_time):  # nothing else can run
            for one in pending.values():
                text = stuck.get(one, "not run: the tests before it hang")
                report(one, ("not ok", text, 0), counts)
            break
    pool.shutdown(wait=not pending, cancel_futures=True)


def start(description):
    """The last line of a `run`."""
    code = main(description)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # without waiting for the threads of tests that hang
