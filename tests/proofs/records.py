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
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
EVIDENCE = Path(__file__).parent / "evidence"

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


def versions() -> str:
    """Return what a live proof runs on, in words."""
    python = f"Python {sys.version.split()[0]}"
    return ", ".join([python, *(f"{each} {version(each)}" for each in PACKAGES)])


# The pytest plugin. Workers of pytest-xdist prove, the process above them writes.


def pytest_addoption(parser: pytest.Parser) -> None:
    words = "take no proof from its record: prove everything anew"
    parser.getgroup("the course").addoption("--live", action="store_true", help=words)


@pytest.fixture
def recorded(request: pytest.FixtureRequest) -> Recorded:
    """Take a proof from its record if that fits, or else prove it, and say which."""

    def recorded(proof: Proof, prove: Callable[[], Seen]) -> Seen:
        notes = request.node.user_properties
        record = None if request.config.getoption("live") else proof.record()
        if record:
            notes.append(("taken", [proof.file, proof.name]))
            return record["seen"]
        begin = time.monotonic()
        seen = prove()
        proved = {
            "depends": proof.hash(),
            "day": datetime.now(UTC).date().isoformat(),
            "with": versions(),
            "seconds": round(time.monotonic() - begin, 1),
            "seen": seen,
        }
        notes.append(("proved", [proof.file, proof.name, proved]))
        return json.loads(json.dumps(seen))  # As a record would have it.

    return recorded


class Bookkeeper:
    """Counts which proofs came from records, and writes those that were proved."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.taken: list[dict[str, Any]] = []
        self.proved: dict[str, dict[str, dict[str, Any]]] = {}
        self.renewed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" or not report.passed:
            return
        for kind, value in report.user_properties:
            if kind == "taken":
                file, name = value
                self.taken.append(records(file)[name])
            if kind == "proved":
                file, name, proved = value
                old = records(file).get(name)
                if old is None or old["depends"] != proved["depends"]:
                    self.renewed.append(f"{file}: {name}")
                    self.proved.setdefault(file, {})[name] = proved

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if os.environ.get("CI"):
            is_held = not self.config.getoption("live")
            if self.renewed and is_held and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
            return
        for file, proved in self.proved.items():
            path = EVIDENCE / f"{file}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            # What others have written meanwhile stays.
            records.cache_clear()
            lines = json.dumps(records(file) | proved, indent=1, sort_keys=True)
            path.write_text(f"{lines}\n", encoding="utf-8")

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        write = terminalreporter.write_line
        if self.taken:
            days = sorted({record["day"] for record in self.taken})
            span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
            write(f"{len(self.taken)} proofs were taken from records of {span}, made")
            for found in sorted({record["with"] for record in self.taken}):
                write(f"  with {found}.")
        if not self.renewed:
            return
        write(f"{len(self.renewed)} proofs had no record that fits, and were proved:")
        for name in self.renewed[:10]:
            write(f"  {name}")
        if len(self.renewed) > 10:
            write(f"  and {len(self.renewed) - 10} more")
        if os.environ.get("CI") and not self.config.getoption("live"):
            write("Their records must be committed. This renews them, where CI is not")
            write("set: python3 learn.py test", red=True)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Bookkeeper(config))
