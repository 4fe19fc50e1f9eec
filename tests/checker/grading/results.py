"""
The folder of results: a row is written as soon as it is there.

results.json has a line for each hand-in, and is what the others are made from;
results.csv is for spreadsheets; summary.md is for people; run.json says what was run.
"""

import contextlib
import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from tests.checker.grading import checks
from tests.checker.grading.rows import (
    VERDICTS,
    WEIGHTS_FILE,
    Row,
    from_json,
    in_line,
    to_json,
)
from tests.checker.grading.summary import summary
from tests.checker.system import Refusal, typed

RUN, ROWS, TABLE, SUMMARY = "run.json", "results.json", "results.csv", "summary.md"
LOCK = ".running.json"  # Who writes here now.
FORMULA = tuple("=+-@")  # What a spreadsheet takes for the start of a formula.
LETTERS = "utf-8-sig"  # Without its mark, Excel shows no umlauts.


def cell(value: Any) -> Any:
    """Return what a spreadsheet shows, and does not calculate."""
    if value is None or isinstance(value, int | float):
        return "" if value is None else value
    text = in_line(value)
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text


def new_folder(folder: Path, stage: str) -> Path:
    """Return a name for results that is not taken yet, beside the hand-ins."""
    first = folder.parent / f"{folder.name}-{stage}-results"
    found, number = first, 2
    while os.path.lexists(found):
        found, number = first.with_name(f"{first.name}-{number}"), number + 1
    return found


class Results:
    """
    The results of one run, in a folder of their own.

    Where the folder holds those of a run that was interrupted, this one goes on.
    Raises Refusal where the folder holds anything else.
    """

    def __init__(
        self, folder: Path, about: Mapping[str, Any], promises: Iterable[str]
    ) -> None:
        self.folder = folder
        self.promises = list(promises)
        self.about = json.loads(json.dumps(dict(about)))
        self.rows: dict[str, Row] = {}
        try:
            if os.path.lexists(folder):
                self.go_on()
            else:
                folder.mkdir(parents=True)
            self.lock()
            self.begin()
        except OSError as error:
            raise Refusal(
                f"nothing can be written to {typed(folder)} ({error.strerror}): "
                f"name another folder with --out"
            ) from None

    def lock(self) -> None:
        """Keep another run out, as long as this one lives. Raises Refusal."""
        mine = psutil.Process()
        text = json.dumps({"pid": mine.pid, "started": mine.create_time()})
        try:
            with (self.folder / LOCK).open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            if pid := running_in(self.folder / LOCK):
                raise Refusal(
                    f"another run of grade, process {pid}, writes to "
                    f"{typed(self.folder)}: wait for it, or name another folder with "
                    f"--out"
                ) from None
            # Whoever wrote it was killed.
            self.write(LOCK, text)

    def close(self) -> None:
        """Let other runs in again."""
        (self.folder / LOCK).unlink(missing_ok=True)

    def begin(self) -> None:
        """Write what is there already, as a whole: a row may have been cut short."""
        self.write(RUN, json.dumps(self.about, indent=2) + "\n")
        self.write(ROWS, "".join(f"{to_json(row)}\n" for row in self.rows.values()))
        lines = [self.head(), *map(self.line, self.rows.values())]
        self.write(TABLE, as_csv(lines), LETTERS)

    def go_on(self) -> None:
        """Read what an earlier run has left."""
        folder = self.folder
        if not folder.is_dir():
            raise Refusal(f"{typed(folder)} is a file, and no folder")
        names = {path.name for path in folder.iterdir()}
        if not names - {LOCK}:
            return
        try:
            before = dict(json.loads((folder / RUN).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            raise Refusal(
                f"{typed(folder)} is not empty, and holds no results of grade: "
                f"nothing was written there. Name another folder with --out"
            ) from None
        if before != self.about:
            keys = {**self.about, **before}
            other = [key for key in keys if before.get(key) != self.about.get(key)]
            raise Refusal(
                f"{typed(folder)} holds results of another run, which differs in its "
                f"{', '.join(other) or 'words'}: nothing was written there. "
                f"Name another folder with --out"
            )
        try:
            lines = (folder / ROWS).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return
        except UnicodeDecodeError:  # Edited by what does not write UTF-8.
            raise Refusal(
                f"{typed(folder / ROWS)} cannot be read, and stays as it is: save it "
                f"as UTF-8, or name another folder with --out"
            ) from None
        for line in lines:
            with contextlib.suppress(ValueError, TypeError):  # Cut short.
                row = from_json(line)
                self.rows[row.name] = row

    def add(self, row: Row) -> None:
        """Write a row. What was written before stays, whatever happens now."""
        self.rows[row.name] = row
        with (self.folder / ROWS).open("a", encoding="utf-8") as file:
            file.write(f"{to_json(row)}\n")
        with (self.folder / TABLE).open("a", encoding="utf-8", newline="") as file:
            file.write(as_csv([self.line(row)]))
        self.sum_up()

    def sum_up(self) -> None:
        """Write the summary of all rows so far."""
        self.write(
            SUMMARY, summary(self.about, self.promises, list(self.rows.values()))
        )

    def head(self) -> list[str]:
        """Return the first line of the table."""
        return [
            *("submission", "state", "result"),
            *(("points", "of") if WEIGHTS_FILE in self.about else ()),
            *(*VERDICTS, "diagnosis"),
            *("sentence", "departs", "seconds", "unchanged", "why", "notes"),
            *map(checks.in_words, self.promises),
        ]

    def line(self, row: Row) -> list[Any]:
        """Return a line of the table."""
        return [
            *(row.name, row.state, row.result),
            *(self.points(row) if WEIGHTS_FILE in self.about else ()),
            *map(row.count, VERDICTS),
            *(row.diagnosis, row.sentence, row.departs, row.seconds),
            *(row.unchanged, row.why, "; ".join(row.notes)),
            *(row.promises[each] for each in self.promises),
        ]

    def points(self, row: Row) -> list[float | None]:
        """Return the points of a row, and of how many: nothing where it has none."""
        found = row.points or {}
        return [found.get("points"), found.get("of")]

    def write(self, name: str, text: str, encoding: str = "utf-8") -> None:
        """Replace a file as a whole: nobody ever finds half of it."""
        unfinished = self.folder / f".{name}.unfinished"
        with unfinished.open("w", encoding=encoding, newline="") as file:
            file.write(text)
        unfinished.replace(self.folder / name)


def running_in(lock: Path) -> int:
    """Return which process has written a lock, or 0 if it lives no more."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, psutil.Error):
        text = json.loads(lock.read_text(encoding="utf-8"))
        process = psutil.Process(text["pid"])
        # A number is given anew, to another process, when its time has come.
        is_same = abs(process.create_time() - text["started"]) < 1
        if is_same and process.pid != os.getpid():
            return process.pid
    return 0


def as_csv(lines: Sequence[Sequence[Any]]) -> str:
    """Return lines of a table, as spreadsheets read them."""
    text = io.StringIO()
    csv.writer(text).writerows([map(cell, line) for line in lines])
    return text.getvalue()
