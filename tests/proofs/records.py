"""
Recorded proofs: what a live proof saw, beside a hash of all that it depends on.

A proof that is costly and rarely changes is taken from its record as long as the hash
fits. Where it does not fit, or with --live, it is proved live. Only a live proof that
passed writes a record, and never where CI is set: there, a record that does not fit
fails the run in the end.

    @pytest.mark.parametrize("proof", PROOFS, ids=str)
    def test_something_dear(proof: Proof, recorded: Recorded) -> None:
        seen = recorded(proof, lambda: what_a_live_run_saw())
        assert "words" in seen["printed"]  # Of each run, live or not.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
EVIDENCE = Path(__file__).parent / "evidence"

# The file of records that says how long the tests take that no record stands for.
TIMES = "times"
LONG = 5  # Seconds. What takes longer begins first.

Seen = dict[str, Any]  # What can be written as JSON.
Recorded = Callable[["Proof", Callable[[], Seen]], Seen]

PACKAGES = ("django", "channels", "daphne", "channels-redis", "redis", "websockets")


@dataclass(frozen=True)
class Proof:
    """
    Something that a record can stand for.

    `file` is where the record is kept, such as "mistakes/stage01_echo"; a file holds
    many. `depends` are files and folders of this repository, and words, that decide
    what a live proof sees.
    """

    file: str
    name: str
    depends: tuple[Path | str, ...]

    def __str__(self) -> str:
        return f"{self.file}-{self.name}"

    @property
    def seen(self) -> Seen:
        """What a test that is this proof as a whole has seen when it has passed."""
        return {"passed": True}

    def hash(self) -> str:
        """Return the hash of all that this proof depends on."""
        parts = [
            hash_of(each) if isinstance(each, Path) else f"words {each}"
            for each in self.depends
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def record(self) -> dict[str, Any] | None:
        """Return the record of this proof, or None where none fits."""
        found = records(self.file).get(self.name)
        return found if found and found["depends"] == self.hash() else None


@cache
def ignored() -> tuple[str, ...]:
    """Return the patterns of what is no part of the repository."""
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    return tuple(line.strip("/") for line in lines if line and line[0] != "#")


def files_in(path: Path) -> Iterator[Path]:
    """Yield the files of a folder, in order, without what runs leave behind."""
    if path.is_file():
        yield path
        return
    for entry in sorted(path.iterdir()):
        if not any(fnmatch(entry.name, pattern) for pattern in ignored()):
            yield from files_in(entry)


@cache
def hash_of(path: Path) -> str:
    """Return a line that changes with the name or the content of any file in a path."""
    digest = hashlib.sha256()
    for file in files_in(path):
        name = file.relative_to(ROOT).as_posix()
        # Without what Git may do to the ends of lines.
        content = file.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
    return f"{path.relative_to(ROOT).as_posix()} {digest.hexdigest()}"


@cache
def records(file: str) -> dict[str, dict[str, Any]]:
    """Return what a file of records holds, by the names of the proofs."""
    path = EVIDENCE / f"{file}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write(file: str, new: dict[str, dict[str, Any]]) -> None:
    """Write records into a file. Others that it holds stay."""
    records.cache_clear()  # Somebody else may have written meanwhile.
    path = EVIDENCE / f"{file}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(records(file) | new, indent=1, sort_keys=True, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")
    records.cache_clear()


def forget_what_is_gone(proofs: Iterable[Proof], *, is_only_told: bool) -> list[str]:
    """
    Remove the records of which no proof is there any more, and return their names.

    `proofs` are all that there are. Nothing is removed if it `is_only_told`.
    """
    known = {(proof.file, proof.name) for proof in proofs} | {(TIMES, "others")}
    gone = []
    for path in sorted(EVIDENCE.rglob("*.json")):
        file = path.relative_to(EVIDENCE).with_suffix("").as_posix()
        found = records(file)
        kept = {name: each for name, each in found.items() if (file, name) in known}
        gone += [f"{file}: {name}" for name in found if name not in kept]
        if len(kept) < len(found) and not is_only_told:
            path.unlink()
            records.cache_clear()
            if kept:
                write(file, kept)
    return gone


def versions() -> str:
    """Return what a live proof runs on, in words."""
    python = f"Python {sys.version.split()[0]}"
    return ", ".join([python, *(f"{each} {version(each)}" for each in PACKAGES)])
