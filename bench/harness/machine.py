"""The machine: is it quiet, how busy were others meanwhile, how long does its disk take to sync."""
import os
import time

BUSY_MAX = 0.10  # of all cores: below, the machine counts as quiet
LOOK_S = 1.0
TICKS = os.sysconf("SC_CLK_TCK")


def busy_s():
    """CPU seconds of all programs so far; idle time and time taken by the host are not in it."""
    with open("/proc/stat", encoding="ascii") as f:
        user, nice, system, _idle, _wait, irq, soft = (int(x) for x in f.readline().split()[1:8])
    return (user + nice + system + irq + soft) / TICKS


class Calm:
    """Waits for a quiet machine, but not longer than allowed, all waiting taken together."""

    def __init__(self, allowed_s):
        self.left_s = allowed_s

    def wait(self):
        while self.left_s > 0:
            begin = busy_s()
            time.sleep(LOOK_S)
            self.left_s -= LOOK_S
            if busy_s() - begin < BUSY_MAX * LOOK_S * os.cpu_count():
                return


def load():
    return round(os.getloadavg()[0], 2)


def warm(paths):
    """Read files so that they are in the page cache."""
    for path in paths:
        with open(path, "rb", buffering=0) as f:
            while f.read(1 << 22):
                pass


def sync_ms(path):
    """Append 64 KiB to a file and sync it: what the disk alone takes."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    begin = time.monotonic()
    os.write(fd, bytes(64 << 10))
    os.fdatasync(fd)
    took = time.monotonic() - begin
    os.close(fd)
    return took * 1000
