"""Two hundred clients send ten million lines while the engine is killed again and again."""
import collections
import random
import selectors
import signal
import socket
import time

import jobs
import oracle
from harness import check, check_equal, test

CLIENTS = 200
LINES = 50_000  # of each
KILLS = 10
SLICE = 64 << 10

SCRIPT = """local mill = require "tidemill"
local job = mill.job("clients", {batch = "200ms", max_error_ratio = 1})
local lines = job:listen("unix://SOCKET")
lines:to_files("out", {format = "text"})
lines:map_to_pair(function(line) return tonumber(line:sub(1, 3)), 1 end)
   :update_state_by_key(function(values, n) return (n or 0) + #values end, {emit = "changed"})
   :named("counts"):to_files("counts", {format = "json"})
return job
"""


def text_of(client):
    """What a client sends: its number, the line's number, something to carry."""
    return b"".join(b"%03d %05d the tide\n" % (client, n) for n in range(LINES))


LINE_BYTES = len(b"000 00000 the tide\n")


class Client:
    """Sends its lines one after the other. When the connection breaks it goes on, on a new one, with
    the first line of which it has sent nothing."""

    def __init__(self, number):
        self.text, self.at, self.socket = text_of(number), 0, None

    def is_done(self):
        return self.at == len(self.text)

    def connect(self, path):
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        try:
            s.connect(str(path))
        except OSError:
            s.close()
            return False
        self.socket = s
        return True

    def drop(self):
        self.socket.close()
        self.socket = None
        self.at += -self.at % LINE_BYTES

    def send(self):
        """@return False when the connection is gone"""
        try:
            self.at += self.socket.send(self.text[self.at:self.at + SLICE])
        except BlockingIOError:
            pass
        except OSError:
            self.drop()
            return False
        return True


class Crowd:
    """All clients, in one loop."""

    def __init__(self, path):
        self.path = path
        self.clients = [Client(n) for n in range(CLIENTS)]
        self.selector = selectors.DefaultSelector()

    def sent(self):
        return sum(c.at for c in self.clients)

    def connect_all(self):
        for c in self.clients:
            if c.socket is None and not c.is_done() and c.connect(self.path):
                self.selector.register(c.socket, selectors.EVENT_WRITE, c)

    def forget(self, client, handle):
        self.selector.unregister(handle)
        if client.socket is not None:
            client.socket.close()
            client.socket = None

    def run(self, until):
        """Send until all is sent or the condition holds."""
        while not until() and not all(c.is_done() for c in self.clients):
            self.connect_all()
            for key, _ in self.selector.select(0.05):
                if not key.data.send() or key.data.is_done():
                    self.forget(key.data, key.fileobj)


def waiting_lines(place):
    """Whole lines in the log that no commit covers yet, or that the last one has just covered."""
    return [line for line in oracle.received_lines(jobs.data_of(place, "clients")).split(b"\n")
            if line]


def check_lines(place, logged):
    seen = collections.Counter()
    last, gaps = [-1] * CLIENTS, [0] * CLIENTS
    for line in oracle.part_bytes(place / "out").split(b"\n")[:-1]:
        client, number = int(line[:3]), int(line[4:9])
        check(line == b"%03d %05d the tide" % (client, number), "a line that nobody sent: {}", line)
        check(number > last[client], "client {}: line {} after {}", client, number, last[client])
        gaps[client] += number > last[client] + 1
        last[client] = number
        seen[client] += 1
    check(max(gaps) <= KILLS, "lines are missing where nothing was killed: {} times", max(gaps))
    totals = {}
    for client, count in oracle.json_rows(oracle.part_bytes(place / "counts")):
        totals[client] = count
    check_equal(totals, dict(seen), "the running counts")
    missing = logged - set(oracle.part_bytes(place / "out").split(b"\n"))
    check(not missing, "{} lines were in the log and did not come: {}", len(missing),
          sorted(missing)[:5])
    return sum(seen.values())


@test(slow=True)
def ten_million_lines_of_two_hundred_clients_count_once_over_kills(place):
    """What a client has handed over counts when it was in the log; the rest was on the wire."""
    place.write("job.lua", SCRIPT.replace("SOCKET", "in.sock"))
    crowd, logged, chance = Crowd(place / "in.sock"), set(), random.Random(20261126)
    total = CLIENTS * LINES * LINE_BYTES
    begin = time.monotonic()
    for n in range(KILLS):
        running = place.start("run", "job.lua")
        goal = total * (n + chance.random()) / (KILLS + 1)
        crowd.run(until=lambda: crowd.sent() >= goal)
        check(running.kill(), "it ended by itself:\n{}", running.err())
        logged.update(waiting_lines(place))
    running = place.start("run", "job.lua")
    crowd.run(until=lambda: False)
    running.signal(signal.SIGTERM).wait(60).exits(0)
    place.run("run", "--once", "job.lua").exits(0)  # what was received and not read
    came = check_lines(place, logged)
    sent = CLIENTS * LINES
    print(f"   {came} of {sent} lines came, {sent - came} were on the wire at a kill; "
          f"{len(logged)} were seen in the log at one; {time.monotonic() - begin:.0f} s",
          flush=True)
    check(came > sent / 2, "most must come: {}", came)  # the kernel holds 200 KB a client
