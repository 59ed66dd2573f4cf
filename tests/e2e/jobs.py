"""Scripts that the tests run, and short ways to run them."""
import oracle
from harness import REPOSITORY

WORDCOUNT = REPOSITORY / "scripts" / "wordcount.lua"


def script(place, body, options="", name="job", path="job.lua"):
    """A script around statements that may use `mill`, `job` and `lines` (the files in `in`).
    The statements begin in line 4."""
    return place.write(path, f'local mill = require "tidemill"\n'
                             f'local job = mill.job("{name}", {{{options}}})\n'
                             f'local lines = job:text_file_stream("in")\n{body}\nreturn job\n')


def run_once(place, path="job.lua", *options, **more):
    return place.run("run", "--once", *options, path, **more)


def run_wordcount(place, *options, **more):
    return place.run("run", "--once", "--set", "input=in", "--set", "output=out", *options,
                     WORDCOUNT, **more)


def copy_lines(place, source_options="{}", path="job.lua"):
    """A job that copies its input's lines to `out`, as they are."""
    return place.write(path, f'local mill = require "tidemill"\n'
                             f'local job = mill.job("job")\n'
                             f'job:text_file_stream("in", {source_options})\n'
                             f'   :to_files("out", {{format = "text"}})\n'
                             f'return job\n')


def lines_out(place, folder="out"):
    """The rows of a text output, in order."""
    return oracle.part_bytes(place / folder).split(b"\n")[:-1]


def data_of(place, name="job"):
    return place / ".tidemill" / name


def letters_of(place, name="job"):
    return oracle.dead_letters(data_of(place, name))
