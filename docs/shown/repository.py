"""Read the files of this repository, for the pages."""

import tomllib
from functools import lru_cache
from pathlib import Path, PurePath

# A test may set another one.
ROOT = Path(__file__).parent.parent.parent
# Folders: of Python, and of stage 5 with its keys and what is for nginx.
LEFT = {"__pycache__", "keys", "collected", "run"}


class CannotShow(Exception):  # noqa: N818  # It reads as the sentence that it starts.
    """A page asks for something that the repository doesn't have."""


def read(path):
    """Return the lines of a file of this repository."""
    try:
        return (ROOT / path).read_text(encoding="utf-8").splitlines(keepends=True)
    except OSError:
        raise CannotShow(f"{path}: there is no such file.") from None
    except UnicodeDecodeError:
        raise CannotShow(f"{path} is no text in UTF-8.") from None


def read_toml(path):
    """Return what a file in TOML says. Nobody may change it: the next gets the same."""
    return parsed("".join(read(path)))


@lru_cache(maxsize=100)
def parsed(text):
    """Return what a text in TOML says. Parsing the catalogue takes long."""
    return tomllib.loads(text)


def before(stage):
    """Return the folder that a stage starts from: the first one, from plain Django."""
    stages = [
        "tests/start",
        *sorted(path.name for path in ROOT.glob("stage*_*")),
    ]
    if stage not in stages[1:]:
        raise CannotShow(f"{stage}: there is no such stage.")
    return stages[stages.index(stage) - 1]


def files(folder):
    """Return the lines of each file of a folder, without what a run leaves."""
    return {
        path.relative_to(ROOT / folder).as_posix(): read(path)
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not is_left(path.relative_to(ROOT / folder))
    }


def is_left(path):
    """
    Tell whether a run leaves a file at a path, below the root: what Git ignores.

    A database has a journal beside it for a moment, which is gone when it is read.
    """
    path = PurePath(path)
    return path.suffix.startswith((".pyc", ".sqlite3")) or any(
        part.startswith(".") or part in LEFT for part in path.parts
    )
