"""Figures of many runs as a table. What compares two programs is taken round by round: in each
round they ran one after the other, on the same machine in the same mood."""
import os
from dataclasses import dataclass
from statistics import median


@dataclass
class Measure:
    """A figure of a run, and how it is shown."""

    key: str
    title: str
    digits: int = 2
    scale: float = 1
    in_full: bool = False  # median, min, max, spread; else the median alone
    ratio: bool = False  # to the same figure of the variant that this one is compared with


def quantile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def values_of(records, variant, key):
    """By round. Wrong results count for nothing."""
    return {r["round"]: r[key] for r in records
            if r["variant"] == variant and r["correct"] and r.get(key) is not None}


def ratios(records, variant, base, key):
    """One ratio for each round in which both were right."""
    ours, theirs = values_of(records, variant, key), values_of(records, base, key)
    return [ours[n] / theirs[n] for n in ours if theirs.get(n)]


def _measure_cells(records, variant, base, measure):
    values = [v * measure.scale for v in values_of(records, variant, measure.key).values()]
    show = f"{{:.{measure.digits}f}}".format
    cells = [(measure.title, show(median(values)) if values else "-")]
    if measure.in_full:
        full = [show(min(values)), show(max(values)),
                f"{(max(values) - min(values)) / median(values):.0%}"] if values else ["-"] * 3
        cells += zip(("min", "max", "spread"), full)
    if measure.ratio:
        found = ratios(records, variant, base, measure.key) if base else []
        cells.append(("ratio", f"{median(found):.2f} of {base}" if found else ""))
    return cells


def _machine_cells(records, variant):
    mine = [r for r in records if r["variant"] == variant]
    shares = [r["others_cpu_s"] / r["wall_s"] / os.cpu_count() for r in mine
              if r.get("wall_s") and "others_cpu_s" in r]
    return [("load", f"{max(r['load_before'] for r in mine):.1f}" if mine else "-"),
            ("others", f"{max(shares):.0%}" if shares else "-")]


def _aligned(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
    return lines


def table(workload, records):
    """@return lines: a heading, a row for each variant, notes, what was wrong"""
    rows = []
    for variant in workload.variants:
        base = workload.base.get(variant)
        cells = [("", variant), ("runs", str(sum(r["variant"] == variant for r in records)))]
        for measure in workload.measures:
            cells += _measure_cells(records, variant, base, measure)
        cells += _machine_cells(records, variant)
        rows = rows or [[title for title, _ in cells]]
        rows.append([text for _, text in cells])
    lines = ["", f"{workload.name}: {workload.title}", "", *_aligned(rows), ""]
    lines += workload.notes(records)
    lines += [f"WRONG: {r['variant']}, round {r['round']}: {r['note']}"
              for r in records if not r["correct"]]
    return lines
