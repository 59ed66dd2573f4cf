"""Outputs that are slower than the input."""
from harness import check, test
from pressure import GROWTH_MAX, LINE_BYTES, Flow, Peak


@test
def a_slow_reader_holds_the_input_and_gets_all_in_order(place):
    lines = 1_000_000
    # On a slow disk an epoch takes all that came meanwhile: so small that there must be many.
    flow = Flow(place, lines, "--option", "batch=20ms", "--option", "batch_bytes=1MiB")
    warm = flow.warm_up(10 << 20)
    peak = Peak(flow.running.pid)
    peak.start()
    flow.reader.slowly(200_000, until=flow.is_held)
    check(flow.reader.read < lines * LINE_BYTES // 2, "it was not slow: {}", flow.reader.read)
    flow.finish()
    grown = peak.end() - warm
    check(grown <= GROWTH_MAX, "{} bytes of memory more", grown)
