"""The checks find what they must find: output of a good run is tampered with, in one way each."""
import shutil

import oracle
from harness import check, test
from scenarios import Batches, Folders, Stdout, Totals, WordCount
from test_damage import Backup


def last_part(folder):
    return oracle.parts_of(folder)[-1][1]


def edit(path, change):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(change(lines)))


def swap_ends(lines):
    return [lines[-1], *lines[1:-1], lines[0]]


def second_batch(lines):
    begins = [n for n, line in enumerate(lines) if line.startswith(b"begin ")]
    return [b"\n", *lines[begins[1]:]]


def later_copy(folder):
    path = last_part(folder)
    shutil.copy(path, folder / path.name.replace("-0000.", "-0001."))


def hidden(folder):
    return next(folder.glob(".tidemill-*"))


BY_SIZE = "out/by_size"
TAMPERINGS = {
    Totals: {
        "row lost": lambda s: edit(last_part(s.place / BY_SIZE), lambda x: x[:-1]),
        "row doubled": lambda s: edit(last_part(s.place / BY_SIZE), lambda x: [*x, x[-1]]),
        "rows of two batches swapped": lambda s: edit(last_part(s.place / "out/by_time"),
                                                      swap_ends),
        "sum changed": lambda s: edit(last_part(s.place / BY_SIZE), lambda x: [
            *x[:-1], x[-1].replace(b'"sum":', b'"sum":1')]),
        "part lost": lambda s: last_part(s.place / BY_SIZE).unlink(),
        "first part lost": lambda s: oracle.parts_of(s.place / BY_SIZE)[0][1].unlink(),
        "part doubled": lambda s: later_copy(s.place / BY_SIZE),
        "dead letter lost": lambda s: edit(last_part(s.data / "dead_letters"), lambda x: x[1:]),
        "dead letter doubled": lambda s: edit(last_part(s.data / "dead_letters"),
                                              lambda x: [x[0], *x]),
        "temporary file": lambda s: (hidden(s.place / BY_SIZE) / "open-1-0000000001").touch(),
        "second hidden folder": lambda s: (s.place / BY_SIZE / ".tidemill-01234567").mkdir(),
        "file in outbox": lambda s: (s.data / "outbox" / "0000000001-1").touch(),
        "file in spill": lambda s: (s.data / "spill" / "spill-abc").touch(),
        "half done fresh": lambda s: (s.data / "FRESH").touch(),
        "stranger in the output": lambda s: (s.place / BY_SIZE / "x").touch(),
        "input that was not read": lambda s: s.add_file(),
    },
    WordCount: {
        "count changed": lambda s: edit(last_part(s.out), lambda x: [
            *x[:-1], x[-1].replace(b",", b",1")]),
        "row lost": lambda s: edit(last_part(s.out), lambda x: x[1:]),
        "part doubled": lambda s: later_copy(s.out),
        "dead letter": lambda s: (s.data / "dead_letters" / "part-01234567-0000000001-0000.json")
        .write_text('{"record":"x"}\n'),
    },
    Folders: {
        "folder lost": lambda s: shutil.rmtree(next(s.place.folder.glob("out-*.txt"))),
        "temporary file": lambda s: (hidden(s.place.folder) / "epoch-1-0000000001").touch(),
    },
    Batches: {
        "first batch lost": lambda s: edit(s.out, second_batch),
        "row lost": lambda s: edit(s.out, lambda x: x[:2] + x[3:]),
        "batch doubled without a kill": lambda s: edit(s.out, lambda x: x + x),
        "batch cut short": lambda s: edit(s.out, lambda x: x[:-1]),
        "other time": lambda s: edit(s.out, lambda x: x + [
            line.replace(b"begin 1 1", b"begin 1 2") for line in x]),
    },
    Stdout: {
        "row lost": lambda s: set_out(s, lambda out: out[out.find(b"\n") + 1:]),
        "doubled without a kill": lambda s: set_out(s, lambda out: out + out),
        "end lost": lambda s: set_out(s, lambda out: out[:-20]),
    },
}


def set_out(scenario, change):
    scenario.ends[-1].out = change(scenario.ends[-1].out)


@test(each=[s.__name__ for s in TAMPERINGS])
def the_checks_find_each_tampering(place, name):
    make, tamperings = next((s, t) for s, t in TAMPERINGS.items() if s.__name__ == name)
    scenario = make(place)
    scenario.prepare()
    end = scenario.run_once().exits(0)
    out = end.out
    backup = Backup(place)
    shutil.copytree(place / "in", place / "backup" / "in")
    for what, tamper in tamperings.items():
        tamper(scenario)
        scenario.ends[:] = scenario.ends[:1]
        try:
            scenario.check_output()
            oracle.check_nothing_temporary(scenario.data, *(place / o for o in scenario.outputs))
            if name == "Folders":
                scenario.check_hidden()
            found = False
        except Exception:  # rows may have any shape
            found = True
        check(found, "nothing finds: {}", what)
        backup.restore()
        end.out = out
        for path in set((place / "in").iterdir()):
            if not (place / "backup/in" / path.name).exists():
                path.unlink()
