"""What must come out, computed without the engine, and what came out, read from its files.

Everything is bytes: a word need not be UTF-8. JSON is read as Latin-1, in which every byte is one
character, so that a string's characters are the bytes that the engine wrote.
"""
import base64
import collections
import json
import re
import struct

from harness import Wrong, check, check_equal

PART_NAME = re.compile(r"^part-([0-9a-f]{8})-(\d{10})-(\d{4})\.(json|txt)$")


# --- what must come out ---------------------------------------------------------------------------

def lines_of(data):
    """Records of a text: without \\n or \\r\\n; a last line counts without its line end, too."""
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return [line[:-1] if line.endswith(b"\r") else line for line in lines]


def seen_files(folder):
    """The files that a source sees, in the order in which one listing numbers them."""
    files = [f for f in folder.iterdir() if f.is_file() and f.name[0] not in "._"
             and not f.name.endswith(".tmp")]
    return sorted(files, key=lambda f: (f.stat().st_mtime_ns, f.name.encode()))


def lines_in(folder):
    return [line for file in seen_files(folder) for line in lines_of(file.read_bytes())]


def word_counts(lines):
    return collections.Counter(word for line in lines for word in line.split())


# --- what came out --------------------------------------------------------------------------------

def as_bytes(value):
    """A JSON value whose strings become the bytes that they stand for."""
    if isinstance(value, str):
        return value.encode("latin-1")
    if isinstance(value, list):
        return [as_bytes(v) for v in value]
    if isinstance(value, dict):
        return {as_bytes(k): as_bytes(v) for k, v in value.items()}
    return value


def json_rows(data, where="output"):
    """The rows of an output: one JSON document a line."""
    check(data == b"" or data.endswith(b"\n"), "{}: the last row has no line end", where)
    rows = []
    for line in data.split(b"\n")[:-1]:
        try:
            rows.append(as_bytes(json.loads(line.decode("latin-1"))))
        except ValueError as why:
            raise Wrong(f"{where}: {why} in the row {line[:300]!r}") from None
    return rows


def parts_of(folder):
    """Parts in order: [(epoch, path)]. Nothing else may stand beside them but a hidden folder."""
    found = []
    if not folder.exists():
        return found
    for path in folder.iterdir():
        name = PART_NAME.match(path.name)
        if name:
            found.append((int(name[2]), int(name[3]), path))
        else:
            check(path.name.startswith(".tidemill-"), "{} has a file that is no part: {}", folder,
                  path.name)
    return [(epoch, path) for epoch, _, path in sorted(found)]


def part_bytes(folder):
    return b"".join(path.read_bytes() for _, path in parts_of(folder))


def part_rows(folder):
    return [row for _, path in parts_of(folder) for row in json_rows(path.read_bytes(), path)]


def sum_by_key(rows):
    counts = collections.Counter()
    for key, count in rows:
        counts[key] += count
    return counts


def dead_letters(data_folder):
    """[{"operator":, "reason":, "offset":, "record":, ...}] with the record as bytes."""
    letters = part_rows(data_folder / "dead_letters")
    for letter in letters:
        for name in [n for n in letter if n.endswith(b"_base64")]:
            letter[name[:-7]] = base64.b64decode(letter.pop(name))
    return [{name.decode(): value for name, value in letter.items()} for letter in letters]


LINES, PART = 1, 5  # kinds of records in a receiver log
RECORD_HEAD = struct.Struct(">QIBBHQQQ")


def received_records(data_folder, source=1):
    """[(kind, connection, bytes)] of what is in a receiver log now. Its end may be torn."""
    found = []
    for path in sorted((data_folder / "received" / str(source)).glob("*.log")):
        data, at = path.read_bytes(), 0
        while at + RECORD_HEAD.size <= len(data):
            _, size, kind, _, _, connection, _, _ = RECORD_HEAD.unpack_from(data, at)
            at += RECORD_HEAD.size
            if not LINES <= kind <= PART or at + size > len(data):
                break
            found.append((kind, connection, data[at:at + size]))
            at += size
    return found


def received_lines(data_folder, source=1):
    """The whole lines in a receiver log."""
    return b"".join(data for kind, _, data in received_records(data_folder, source)
                    if kind == LINES)


def received_bytes(data_folder, source=1):
    """All that a receiver log holds now."""
    return b"".join(data for _, _, data in received_records(data_folder, source))


def check_same_counts(came, wanted, what):
    """Compare two counters; say what differs, not all that is equal."""
    if came == wanted:
        return
    keys = sorted(k for k in set(came) | set(wanted) if came.get(k, 0) != wanted.get(k, 0))
    shown = ", ".join(f"{k!r}: came {came.get(k, 0)}, wanted {wanted.get(k, 0)}" for k in keys[:8])
    raise Wrong(f"{what}: {len(keys)} of {len(wanted)} differ: {shown}")


def check_word_count(place, out="out", input_folder="in"):
    """The parts' counts, summed by word, are those of the input."""
    check_same_counts(sum_by_key(part_rows(place / out)),
                      word_counts(lines_in(place / input_folder)), "counts of words")


# --- what may be left -----------------------------------------------------------------------------

DATA_ENTRIES = {"LOCK", "EPOCHS", "store", "outbox", "spill", "dead_letters",
                "received", "late"}


def check_nothing_temporary(data_folder, *out_folders):
    """No temporary file, no half done --fresh: what oracle check 5 asks for."""
    check_equal({p.name for p in data_folder.iterdir()} - DATA_ENTRIES, set(),
                f"strangers in {data_folder}")
    for name in ("outbox", "spill"):
        check_equal([p.name for p in (data_folder / name).iterdir()], [], f"left in {name}")
    for folder in (data_folder / "dead_letters", data_folder / "late", *out_folders):
        hidden = [p for p in folder.glob(".tidemill-*")]
        check(len(hidden) <= 1, "{} has {} hidden folders", folder, len(hidden))
        for path in hidden:
            check_equal([p.name for p in path.iterdir()], ["STORE"], f"left in {path}")


def snapshot(*folders):
    """Names, sizes and contents below folders: whether something changed. The store's own files
    and the lock are left out."""
    state = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder).parts
            if path.is_file() and inside[0] not in ("store", "LOCK"):
                state[str(path)] = path.read_bytes()
            elif path.is_dir():
                state[str(path)] = None
    return state
