"""
The options of grade, for learn.py, too.

Standard library only: learn.py imports it before anything is installed.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.checker.system import Refusal

MOST = 1_000_000  # A terabyte, or twelve days: no system takes far more.


class Limits(NamedTuple):
    """What one hand-in may take: seconds, MB, and processes at once."""

    seconds: int = 600
    memory: int = 2_000
    disk: int = 500
    output: int = 20
    processes: int = 100


HELP = {
    "seconds": "limit for each submission: seconds, {} if not given",
    "memory": "MB of memory, {} if not given",
    "disk": "MB that it may write, {} if not given",
    "output": "MB that it may print, {} if not given",
    "processes": "at once, {} if not given",
}


def whole_number(name: str) -> Callable[[str], int]:
    """Return what reads a whole number from 1 to MOST. It raises Refusal."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = 0
        if not 1 <= value <= MOST:
            words = f"--{name} is a whole number from 1 to {MOST}, and not {text}"
            raise Refusal(words)
        return value

    return read


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of grade to a parser."""
    option = parser.add_argument
    words = "check K at once, 1 if not given"
    option("--jobs", type=whole_number("jobs"), default=1, metavar="K", help=words)
    words = "what each promise counts, such as close_is_answered = 2 (TOML)"
    option("--weights", type=Path, metavar="FILE", help=words)
    words = "where the results go; a run that was interrupted goes on there"
    option("--out", type=Path, metavar="DIR", help=words)
    for name, default in Limits()._asdict().items():
        read, words = whole_number(name), HELP[name].format(default)
        option(f"--{name}", type=read, default=default, metavar="N", help=words)
    words = "do without the system's sandbox"
    option("--no-sandbox", action="store_true", help=words)


def limits_of(options: argparse.Namespace) -> Limits:
    """Return the limits among the options."""
    return Limits(**{name: getattr(options, name) for name in Limits._fields})


def words_of(options: argparse.Namespace) -> list[str]:
    """Return the options as words that mean the same, from any folder."""
    words = []
    for name, default in ({"jobs": 1} | Limits()._asdict()).items():
        if (value := getattr(options, name)) != default:
            words += [f"--{name}", str(value)]
    for name in "weights", "out":
        if path := getattr(options, name):
            words += [f"--{name}", str(path.resolve())]
    return words + ["--no-sandbox"] * options.no_sandbox
