"""Text to count words in, and whether a program counted them right."""
import json
import os
import shutil
from collections import Counter
from pathlib import Path

from .places import DATA, FILES
from .programs import call, say


class Folder:
    """A folder of files that programs read."""

    def __init__(self, folder):
        self.folder = folder

    def files(self):
        return sorted(self.folder.iterdir())


class Text(Folder):
    """A folder of files, how many words are in them, and how often each: counted here in Python,
    once, and kept beside the folder."""

    def __init__(self, folder, counts):
        super().__init__(folder)
        self.counts = counts
        self.words = sum(counts.values())


def replace_whole(path, make):
    """Make a file or folder under another name first, so that it is there whole or not at all."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    if unfinished.is_dir():
        shutil.rmtree(unfinished)
    make(unfinished)
    os.replace(unfinished, path)


def _count(folder):
    counts = Counter()
    for path in folder.iterdir():
        with open(path, encoding="ascii") as f:
            for line in f:
                counts.update(line.split())
    return counts


def generated(build, words):
    """Text of our own generator; made when it is not there."""
    folder = DATA / f"words-{words}"
    expected = folder.with_suffix(".expected")

    def generate(into):
        say(f"making {words} words")
        into.mkdir()
        call([build.generate(), into, words, FILES])

    def count(into):
        say("counting them in Python")
        into.write_text(json.dumps(_count(folder)), encoding="ascii")

    replace_whole(folder, generate)
    replace_whole(expected, count)
    return Text(folder, json.loads(expected.read_text(encoding="ascii")))


def copied(text, times):
    """The same files several times. Copies, not links: the engine knows a file by its inode."""
    if times == 1:
        return text
    folder = text.folder.with_name(f"{text.folder.name}-x{times}")

    def copy(into):
        into.mkdir()
        for i in range(times):
            for path in text.files():
                shutil.copyfile(path, into / f"copy-{i}-{path.name}")

    replace_whole(folder, copy)
    return Text(folder, {word: count * times for word, count in text.counts.items()})


def _rows(path):
    lines = path.read_text(encoding="ascii").splitlines()
    return json.loads("[" + ",".join(lines) + "]")


def parts(folder):
    """Files with rows; what begins with a dot is not published."""
    return sorted(p for p in Path(folder).iterdir() if not p.name.startswith("."))


def check_counts(paths, counts):
    """Do the rows ["word", n] of all files, summed by word, equal the counts?

    @return what is wrong; None when nothing is
    """
    got = Counter()
    try:
        for path in paths:
            for word, count in _rows(path):
                got[word] += count
    except (ValueError, TypeError, OSError) as e:
        return f"rows that cannot be read: {e}"
    if dict(got) == counts:
        return None
    missing = sum(1 for word in counts if word not in got)
    foreign = sum(1 for word in got if word not in counts)
    wrong = sum(1 for word, count in got.items() if counts.get(word, count) != count)
    return (f"{missing} words missing, {foreign} foreign, {wrong} with a wrong count; "
            f"{sum(got.values())} words in all instead of {sum(counts.values())}")
