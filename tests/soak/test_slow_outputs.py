"""Outputs that are slow, or down, for minutes: bounded memory, a source that waits, nothing lost."""
import time

from harness import check, test
from pressure import GROWTH_MAX, LINE_BYTES, Flow, Peak

WARM_BYTES = 200 << 20
INPUT_BYTES = 3 << 30
SLOW_S = 120
MEBIBYTE = 1 << 20


def begin(place):
    flow = Flow(place, INPUT_BYTES // LINE_BYTES, "--option", "batch=100ms")
    begin_s = time.monotonic()
    warm = flow.warm_up(WARM_BYTES)
    speed = WARM_BYTES / (time.monotonic() - begin_s)
    peak = Peak(flow.running.pid)
    peak.start()
    return flow, warm, speed, peak


def end(flow, warm, speed, peak, held):
    check(flow.is_held(), "it did not say that no input is taken:\n{}", flow.running.err())
    flow.finish()
    grown = peak.end() - warm
    print(f"   {speed / 1e6:.0f} MB/s at full speed; memory {warm / MEBIBYTE:.0f} MiB, "
          f"+{grown / MEBIBYTE:.0f} MiB at most; {held / MEBIBYTE:.0f} MiB ahead of the reader "
          "when the writer stood", flush=True)
    check(grown <= GROWTH_MAX, "{} bytes of memory more", grown)


@test(slow=True)
def an_output_at_one_per_cent_of_the_speed_loses_nothing(place):
    flow, warm, speed, peak = begin(place)
    stop = time.monotonic() + SLOW_S
    flow.reader.slowly(speed / 100, until=lambda: time.monotonic() > stop)
    end(flow, warm, speed, peak, flow.writer.written - flow.reader.read)


@test(slow=True)
def an_output_that_is_down_for_two_minutes_loses_nothing(place):
    flow, warm, speed, peak = begin(place)
    stop = time.monotonic() + SLOW_S
    flow.wait_until_the_writer_is_held(SLOW_S)
    held = flow.writer.written
    time.sleep(max(0, stop - time.monotonic()))
    check(flow.writer.written == held, "the source was read on: {} bytes",
          flow.writer.written - held)
    end(flow, warm, speed, peak, held - flow.reader.read)
