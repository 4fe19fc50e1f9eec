"""
Grade what a class has handed in: `learn.py grade` hands over to it.

    python -m tests.checker.grade stage01_echo hand-ins/

Each folder or ZIP file there is one hand-in. Its checks run in a process with limits,
in a sandbox where the system has one, and on a copy: nothing is written there.
"""

import sys

try:
    import argparse
    import os
    import textwrap
    import time
    from contextlib import closing
    from pathlib import Path
    from typing import Any

    from tests.checker import work
    from tests.checker.grading import checks, hand_ins, running, sandbox
    from tests.checker.grading.hand_ins import HandIn
    from tests.checker.grading.options import add_options, limits_of, words_of
    from tests.checker.grading.results import SUMMARY, Results, new_folder
    from tests.checker.grading.rows import (
        KEPT,
        NOT_GRADED,
        WEIGHTS_FILE,
        Row,
        by_points,
        in_line,
        in_points,
        row_of,
        weights_of,
    )
    from tests.checker.grading.running import Run
    from tests.checker.grading.sandbox import Sandbox
    from tests.checker.grading.summary import points_in_short
    from tests.checker.system import ROOT, Refusal, exit_with, says_why, sentence, typed
except KeyboardInterrupt:
    sys.exit(130)

WIDTH = 80  # Characters of a line of prose.
BELOW = {"initial_indent": " " * 4, "subsequent_indent": " " * 6}
POLL = 0.05  # Seconds between two looks at what runs.
ALARM = "files of the course have changed meanwhile"


class CourseChanged(Exception):  # noqa: N818
    """A hand-in has written to the course: no later result would mean anything."""


def warn(walls: Sandbox) -> str:
    """Say first whose rights other people's code gets. Return it in short."""
    words = "This runs other people's code with your rights"
    if walls.words:
        print(f"{words}, in a sandbox (unshare).")
        print("It has no network but loopback, and can write to no file of yours.")
        print("It can read what you can read.", flush=True)
        return "unshare"
    print(f"{words}, and without a sandbox: {sentence(walls.why_not)}")
    print("It can do to your files, and on your network, what you can do.")
    print("To be safe, run this in a container, or as another user.", flush=True)
    return f"none: {walls.why_not}"


class Class:
    """The hand-ins of a class, and what grades them."""

    def __init__(self, options: argparse.Namespace, walls: Sandbox) -> None:
        self.walls = walls
        self.stage: str = options.stage
        self.jobs: int = options.jobs
        self.limits = limits_of(options)
        self.promises = checks.promises(self.stage)
        self.weights = weights_of(options.weights, self.promises)
        self.weighed: Path | None = options.weights
        self.missing = checks.missing(self.stage)
        self.known = hand_ins.known(int(self.stage[5:7]))
        self.running: list[Run] = []

    def about(self, folder: Path, in_short: str) -> dict[str, Any]:
        """Return what must be the same for a run to go on."""
        weighed = {} if self.weighed is None else {WEIGHTS_FILE: self.weighed.name}
        return weighed | {
            "stage": self.stage,
            "folder": str(folder),
            "sandbox": in_short,
            "limits": self.limits._asdict(),
            "weights": {k: v for k, v in self.weights.items() if v != 1},
            "promises": self.promises,
            "missing programs": self.missing,
        }

    def grade(self, found: list[HandIn], results: Results, hidden: list[str]) -> None:
        """Run the checks of all that have no row yet. Ctrl-C ends what runs."""
        waiting = [each for each in found if each.name not in results.rows]
        done = len(found) - len(waiting)
        # In a sandbox nobody can write there.
        state = dict if self.walls.words else checks.state_of_course
        course = state()
        try:
            while waiting or self.running:
                while waiting and len(self.running) < self.jobs:
                    words = (self.stage, self.limits, self.walls, hidden)
                    self.running.append(Run(waiting.pop(0), *words))
                for run in [each for each in self.running if each.poll()]:
                    row = self.row(run)
                    if changed := changes(course, state()):
                        row.notes.append(f"{ALARM}: {changed}")
                    results.add(row)
                    done += 1
                    tell(row, done, len(found))
                    if changed:
                        raise CourseChanged(f"{in_line(row.name)}: {ALARM}: {changed}")
                time.sleep(POLL)
        finally:
            for run in self.running:
                run.close()
            self.running.clear()

    def row(self, run: Run) -> Row:
        """Return the row of a hand-in whose checks have ended, or must."""
        ended = run.end()
        self.running.remove(run)
        words = (self.promises, self.weights, self.known)
        weighed = self.weighed is not None
        return row_of(run.hand_in.name, ended, *words, weighed=weighed)


def changes(before: dict[str, tuple], now: dict[str, tuple]) -> str:
    """Return which files of the course are others than they were, or nothing."""
    if now == before:
        return ""
    paths = sorted(
        path for path in before.keys() | now.keys() if before.get(path) != now.get(path)
    )
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(map(in_line, paths[:3])) + more


def tell(row: Row, done: int, whole: int) -> None:
    """Print the line of a hand-in."""
    place = f"{done:{len(str(whole))}} of {whole}"
    if row.state == NOT_GRADED:
        told = f"could not be graded: {row.why}"
    else:
        told = f"{in_points(row.points)}, " if row.points else ""
        told += f"{row.count(KEPT)} of {len(row.promises)} promises kept"
        told += f", {row.diagnosis}" * bool(row.diagnosis)
        told += f", stopped: {row.why}" * bool(row.why)
        told += f", {row.unchanged}" * bool(row.unchanged)
    print(f"{place}  {in_line(row.name)}: {in_line(told)}", flush=True)
    for which, promises in by_points(row.points or {}).items():
        print(textwrap.fill(f"{which}: {promises}", WIDTH, **BELOW), flush=True)


def grade(options: argparse.Namespace) -> int:
    """Grade a folder, and return the exit code."""
    running.adopt()
    walls = sandbox.none("--no-sandbox") if options.no_sandbox else sandbox.find()
    in_short = warn(walls)
    folder = options.folder.resolve()
    found = hand_ins.found_in(folder)
    klass = Class(options, walls)
    options.out = out = (options.out or new_folder(folder, klass.stage)).resolve()
    if out.is_relative_to(folder):
        raise Refusal(f"{typed(out)} is among the submissions: choose another --out")
    results = Results(out, klass.about(folder, in_short), klass.promises)
    with closing(results):
        hidden = sandbox.hidden(folder, out)
        print(f"Grading {len(found)} in {typed(folder)}.")
        print(f"The results go to {typed(out)}.", flush=True)
        for missing in klass.missing:
            print(textwrap.fill(missing, WIDTH, break_on_hyphens=False), flush=True)
        try:
            klass.grade(found, results, hidden)
        except KeyboardInterrupt:
            results.sum_up()
            print(f"\nInterrupted. {again(options, folder)}")
            return 130
        except CourseChanged as alarm:
            results.sum_up()
            print(f"\nlearn.py: {sentence(str(alarm))}", file=sys.stderr)
            print("Grading has ended: set the course up anew first.", file=sys.stderr)
            return 1
        except BrokenPipeError:  # Who reads what we print has left: no fault of a disk.
            raise
        except OSError as problem:
            print(f"\nlearn.py: {sentence(str(problem))}", file=sys.stderr)
            print(again(options, folder), file=sys.stderr)
            return 2
        results.sum_up()
        if short := points_in_short(results.about, [*results.rows.values()]):
            print(short)
        print(f"Done. Read {typed(out / SUMMARY)} first.")
        return 0


def again(options: argparse.Namespace, folder: Path) -> str:
    """Return the words for the end of a run, and the command with which it goes on."""
    # From any folder: we are in the course's, and who typed the first one may not be.
    python, number = (
        "py" if os.name == "nt" else "python3",
        str(int(options.stage[5:7])),
    )
    words = [python, str(ROOT / "learn.py"), "grade", number, str(folder)]
    command = " ".join(map(quoted, [*words, *words_of(options)]))
    return f"What is done is kept. To go on:\n{command}"


def quoted(word: str) -> str:
    """Return a word as it is typed."""
    return f'"{word}"' if " " in word and '"' not in word else word


def stage_of(text: str) -> str:
    """Read a stage: its number, or its name. Raises Refusal."""
    for number, folder in work.folders().items():
        if text in (str(number), folder.name):
            return folder.name
    raise Refusal(f"there is no stage {text} in this checkout")


@says_why
def main() -> int:
    """Read the command line, and grade."""
    parser = argparse.ArgumentParser(prog="python -m tests.checker.grade")
    parser.add_argument("stage", metavar="N")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    add_options(parser)
    for stream in sys.stdout, sys.stderr:
        stream.reconfigure(errors="backslashreplace")  # A console may lack a letter.
    options = parser.parse_args()
    options.stage = stage_of(options.stage)
    return grade(options)


if __name__ == "__main__":
    exit_with(main)
