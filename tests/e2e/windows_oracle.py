"""Windows of event time, computed record by record from what the documentation says. Inputs are
files of lines "key time value" that a --once run reads one after the other."""
import collections

import oracle

NONE = float("-inf")


def parse(line):
    key, time, value = line.split(b" ")
    return key, int(time), int(value)


def read_files(folder):
    """[(file number, [line, with its line end])] in the order in which they are read."""
    files = oracle.seen_files(folder)
    return [file.read_bytes().splitlines(keepends=True) for file in files]


def epochs_of(files, batch_bytes):
    """What each epoch of a --once run reads: lists of (file number, line)."""
    epoch, size, epochs = [], 0, []
    for number, lines in enumerate(files):
        for line in lines:
            epoch.append((number, line.rstrip(b"\n")))
            size += len(line)
            if size >= batch_bytes:
                epochs.append(epoch)
                epoch, size = [], 0
    return epochs + [epoch] if epoch else epochs


class Watermark:
    """Of a --once run: files that were not begun hold it, files that are read do not count."""

    def __init__(self, files, max_delay):
        self.left = [len(lines) for lines in files]
        self.sizes = list(self.left)
        self.seen = [NONE] * len(files)
        self.max_delay, self.now = max_delay, NONE

    def saw(self, file, time):
        self.left[file] -= 1
        self.seen[file] = max(self.seen[file], time)

    def end_epoch(self):
        if any(left == size for left, size in zip(self.left, self.sizes)):
            return
        open_files = [seen for seen, left in zip(self.seen, self.left) if left > 0]
        least = min(open_files) if open_files else max(self.seen)
        self.now = max(self.now, least - self.max_delay)


class Aligned:
    """Tumbling and sliding windows."""

    def __init__(self, size, slide):
        self.size, self.slide = size, slide
        self.open = collections.defaultdict(list)  # (key, start) -> [(time, value)]

    def starts(self, time):
        first = (time - self.size) // self.slide * self.slide + self.slide
        return range(first, time + 1, self.slide)

    def add(self, key, time, value, watermark):
        """@return whether it was taken; else it is late"""
        starts = [s for s in self.starts(time) if s + self.size > watermark]
        for start in starts:
            self.open[key, start].append((time, value))
        return bool(starts)

    def close(self, watermark):
        closed = [w for w in self.open if w[1] + self.size <= watermark]
        return [(key, start, start + self.size, self.open.pop((key, start)))
                for key, start in closed]


class Sessions:
    def __init__(self, gap):
        self.gap = gap
        self.open = collections.defaultdict(list)  # key -> [[(time, value)]]

    def add(self, key, time, value, watermark):
        if time + self.gap <= watermark:
            return False
        joined, others = [(time, value)], []
        for session in self.open[key]:
            times = [t for t, _ in session]
            touches = min(times) - self.gap <= time <= max(times) + self.gap
            if touches:
                joined = session + joined
            else:
                others.append(session)
        self.open[key] = others + [joined]
        return True

    def close(self, watermark):
        closed = []
        for key, sessions in self.open.items():
            ends = [max(t for t, _ in s) + self.gap for s in sessions]
            closed += [(key, min(t for t, _ in s), end, s) for s, end in zip(sessions, ends)
                       if end <= watermark]
            self.open[key] = [s for s, end in zip(sessions, ends) if end > watermark]
        return closed


def by_time(records):
    return [value for _, value in sorted(records, key=lambda r: r[0])]


AGGREGATES = {
    "count": len,
    "sum": lambda records: sum(v for _, v in records),
    "min": lambda records: min(v for _, v in records),
    "max": lambda records: max(v for _, v in records),
    "avg": lambda records: sum(v for _, v in records) / len(records),
    "distinct": lambda records: len({v for _, v in records}),
    "list": by_time,
    "top": lambda records: sorted((v for _, v in records), reverse=True)[:3],
    "reduce": lambda records: max(v for _, v in records),
    "aggregate": lambda records: [len(records), sum(v for _, v in records)],
}


def run(files, windows, aggregate, max_delay, batch_bytes, keep_open=False):
    """@return rows [[key, value, {window}]] in any order, and the late lines"""
    watermark, rows, late = Watermark(files, max_delay), [], []
    epochs = epochs_of(files, batch_bytes)
    for number, epoch in enumerate(epochs):
        in_force = watermark.now
        for file, line in epoch:
            key, time, value = parse(line)
            watermark.saw(file, time)
            if not windows.add(key, time, value, in_force):
                late.append(line)
        watermark.end_epoch()
        is_last = number == len(epochs) - 1 and not keep_open
        for key, start, end, records in windows.close(float("inf") if is_last else watermark.now):
            rows.append([key, AGGREGATES[aggregate](records),
                         {b"start_ms": start, b"end_ms": end}])
    return rows, late
