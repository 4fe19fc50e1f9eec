"""
`--learner`: a report for somebody who checks their own server.

A line for each check, which begins with a word:

ok      the promise is kept
FAIL    it is broken
same    it fails for the reason that was told above
skip    it could not be checked, and the end says why
stop    nothing could be checked: the server does not start, for one

Below a failure stands what was seen, what went over the wire, what the server printed,
and last what that most likely means. No stack frames of the checks: their code is not
at fault.
"""

import json
import os
import re
import sys
import time
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from typing import Any, NamedTuple, TextIO

import pytest
from _pytest.terminal import TerminalReporter

from tests.checker import exercises, stuck, work
from tests.checker.hint import named_folder
from tests.checker.printed import best, clean, fitting, telling, wrap
from tests.checker.system import learn
from tests.checker.verdict import (
    BROKEN,
    COULD_NOT,
    KEPT,
    NOT_REACHED,
    VERDICTS,
    Judge,
    Result,
    check_sentence,
)

__all__ = ["LearnerReporter", "check_sentence"]

TITLES = {"handshake": "Handshake", "message": "Messages", "close": "Close"}
INDENT = " " * 8
WIDTH = 80  # Characters of a line: it fits a terminal, and a page.
ROOM = WIDTH - len(INDENT)
LINES = 23  # Of a failure: with what counts the checks below it, 25.
SEEN = 8  # Of them, for what was seen.
TALE = 2_000  # Lines with --all-output.
LONG = 3 * ROOM  # Characters of a printed line.
SAID = 10 * ROOM  # Columns of a diagnosis: an exception may name all that was sent.

PACKAGES = ("django", "channels", "daphne", "channels-redis", "redis", "websockets")


class Block(NamedTuple):
    """Some lines of a report that belong together."""

    heading: str
    lines: list[str]
    is_yellow: bool = False


class LearnerReporter(TerminalReporter):
    """Speaks of checks, not of tests."""

    title = ""

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self.judge = Judge()
        self.results: dict[str, Result] = {}
        self.chosen: list[str] = []
        self.reasons: dict[str, None] = {}  # Why checks were skipped, in order.
        self.is_whole = True  # Nothing was left out with -k.
        self.state = work.state_of(self.config.getoption("project"))
        self.machine = self.config.stash.get(MACHINE, None)
        self.above = ""  # What the check before has referred to.
        self.needs_gap = False

    def pytest_collection(self) -> None:
        """Print nothing: on a terminal, pytest would say "collecting …" here."""

    def report_collect(self, final: bool = False) -> None:
        """Print nothing of what has been collected so far."""

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.chosen = [item.nodeid for item in session.items]

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Count nothing: what was left out with -k is not missed."""
        # Not above: pytest has to be the first to import it, and this may come first.
        from tests.checker.plugin import can_run

        # What this system can never run is left out of every run.
        self.is_whole = self.is_whole and not any(map(can_run, items))

    def pytest_runtest_logstart(self, *arguments: object) -> None:
        """Print nothing yet: a check is one line, written when it has ended."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.judge.hear(report)

    def pytest_runtest_logfinish(self, nodeid: str, *_location: object) -> None:
        result = self.judge.judge(nodeid)
        if result is None:
            return
        self.results[nodeid] = result
        if self.machine:
            self.machine.write(result.record())
        self.write_result(result)

    def write_result(self, result: Result) -> None:
        """Write the line of a check, and what there is to say of a failure."""
        sentence = result.sentence
        title = TITLES.get(sentence.split()[0].rstrip("s"), self.title)
        if title != self.title:
            self.title, self.above = title, ""
            self.write_line(f"\n{title}", bold=True)
        elif self.needs_gap:
            self.write_line("")
        self.needs_gap = False
        match result.verdict:
            case "kept":
                self.write("  ok    ", green=True)
            case "broken":
                self.write("  FAIL  ", red=True, bold=True)
            case "not reached":
                self.write("  same  ", red=True)
            case _:
                self.write(f"  {'skip' if result.is_skipped else 'stop'}  ")
        self.write_line(sentence)
        if result.is_skipped:
            self.reasons[result.reason] = None
        elif result.above:
            if result.above != self.above:
                self.write_lines(wrapped(f"as above: {result.above}"))
        elif result.verdict != KEPT:
            self.needs_gap = True
            whole = self.config.getoption("all_output")
            most = TALE if whole else LINES - 1
            hint, later = self.hint_command(result.check), self.kept_back(result)
            for block in failure(result, most, hint, later):
                self.write_line("")
                if block.heading:
                    self.write_line(f"{INDENT}{block.heading}:", bold=True)
                self.write_lines(block.lines, yellow=block.is_yellow)
        self.above = result.above

    def write_lines(self, lines: list[str], **style: bool) -> None:
        """Print lines under the check that they belong to."""
        for line in lines:
            self.write_line(f"{INDENT}{line}".rstrip(), **style)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        self.note_pass(exitstatus)
        untried = [each for each in self.chosen if each not in self.results]
        if self.machine:
            for nodeid in untried:
                self.machine.write(Result(nodeid, NOT_REACHED).record())
            self.machine.end([*self.results.values()], len(untried))
        for reason in self.reasons:
            self.write_line("\nNot checked:", bold=True)
            self.write_lines(wrapped(reason))
        words, is_well = in_words([*self.results.values()], len(untried))
        style = {"green": True} if is_well else {"red": self.has_failed()}
        self.write_line("")
        for line in wrapped(words, WIDTH):
            self.write_line(line, **style)
        if hint := self.hint():
            self.write_line(f"\n{hint}")

    def kept_back(self, result: Result) -> str:
        """Return what is said in place of the answer to an exercise, or nothing."""
        exercise = exercises.of(result.check)
        project = self.config.getoption("project")
        if not exercise or not project:
            return ""
        mine = work.of(int(exercise[5:7])).folder
        if project.resolve() != mine.resolve():
            return ""  # Somebody else's: who looks at it wants to know.
        found = self.results.values()
        kept = [each.check for each in found if each.verdict == KEPT]
        return exercises.kept_back(result.check, result.diagnosis.id, kept)

    def hint_command(self, check: str) -> str:
        """Return what gives a hint for a check, or nothing: there may be no folder."""
        stage = re.match(r"tests/test_(stage0(\d)_\w+)\.py", check)
        if not stage or self.config.getoption("url"):
            return ""
        project = self.config.getoption("project")
        more = named_folder(stage[1], project.resolve()) if project else ""
        return learn(f"hint {stage[2]}{more}")

    def hint(self) -> str:
        """Offer a hint where one's own folder gets the same answer a third time."""
        found = re.fullmatch(r"tests/test_(stage0?(\d)\w+)\.py", self.config.args[0])
        project = self.config.getoption("project")
        # With --watch, --json names a file, too: people read this all the same.
        if not found or not project or self.config.getoption("json") == "-":
            return ""
        stage, mine = found[1], work.of(int(found[2]))
        if project.resolve() != mine.folder.resolve():
            return ""
        results = [*self.results.values()]
        # There are hints for a server that does not start, too.
        broken = [r for r in results if r.verdict == BROKEN or r.symptom == "no start"]
        if not broken:
            stuck.all_is_well(stage)
            return ""
        kept = [each.check for each in results if each.verdict == KEPT]
        told = broken[0].diagnosis.id or broken[0].check
        if not stuck.comes_a_third_time(stage, told, kept):
            return ""
        return f"Is it still the same? A little help: {learn(f'hint {mine.number}')}"

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo) -> bool:
        """
        Leave it to pytest, which writes a fault of ours to the standard error.

        That who reads it has left is none, and is told to nobody.
        """
        return excinfo.errisinstance(BrokenPipeError)

    def has_failed(self) -> bool:
        """Tell whether any promise is broken."""
        return any(each.verdict == BROKEN for each in self.results.values())

    def note_pass(self, exitstatus: int) -> None:
        """Note for `learn.py diff` that all checks of a stage pass, as it was then."""
        file = re.fullmatch(r"tests/test_(stage\d\d_\w+)\.py", self.config.args[0])
        if file and self.state and self.is_whole and exitstatus == 0:
            work.note_pass(file[1], self.config.getoption("project"), self.state)

    def pytest_terminal_summary(self, *arguments: object) -> None:
        """Print no summary: each failure was told where it happened."""


def in_words(results: list[Result], untried: int) -> tuple[str, bool]:
    """Count the verdicts in a sentence, and tell whether all promises are kept."""
    kept = sum(each.verdict == KEPT for each in results)
    failed = sum(each.verdict == BROKEN for each in results)
    same = sum(each.verdict == NOT_REACHED for each in results)
    skipped = sum(each.is_skipped for each in results)
    stopped = sum(each.verdict == COULD_NOT for each in results) - skipped
    if kept == len(results) and not untried:
        if kept > 1:
            return f"All {kept} checks pass.", True
        return ("The check passes." if kept else "There was nothing to check."), True
    if kept + skipped == len(results) and not untried:
        passes = f"{checks(kept)} pass" if kept != 1 else "1 check passes"
        return f"{passes}, {skipped} could not be tried.", False
    words = [f"{checks(kept)} passed"]
    if failed:
        words.append(f"{failed} failed")
    if same:
        words.append(f"{same} failed for the reason above")
    if skipped + stopped:
        words.append(f"{skipped + stopped} could not be checked")
    if untried:
        words.append(f"{untried} not tried" + (" yet" if failed or stopped else ""))
    sentence = ", ".join(words)
    if untried and failed:
        sentence += ": mend this one first"
    elif failed == 1:
        sentence += ": mend this one"
    return f"{sentence}.", False


def checks(number: int) -> str:
    """Return a number of checks, in words."""
    return f"{number} check{'s' * (number != 1)}"


def failure(result: Result, most: int, hint: str = "", later: str = "") -> list[Block]:
    """
    Return what there is to say of a failure, in that order, in so many lines at most.

    The diagnosis comes last, and is never cut. First of all what was printed is cut,
    and what went over the wire, then what was seen. `hint` is the command for a hint.
    `later` is said in place of a diagnosis that is not told yet.
    """
    last = advice(result, hint, later)
    left = most - height(last)
    seen = seen_block(result, min(left, SEEN if most < TALE else TALE))
    left -= height(seen)
    is_plain = result.diagnosis.is_plain
    wire = [] if is_plain else [*map(event, result.wire)]
    whole = most >= TALE
    printed = clean(result.printed).splitlines() if whole else telling(result.printed)
    printed = [line for line in printed if line.strip()]
    needed = sum(len(printed_line(line)) for line in printed)
    # Where nobody but the wire speaks, it has the larger half.
    for_wire = min(left, len(wire) + 2) if wire else 0
    for_printed = min(left, needed + 2) if printed else 0
    if for_wire + for_printed > left:
        for_printed = max(left - for_wire, min(for_printed, left // 3))
        for_wire = left - for_printed
    blocks = [
        seen,
        wire_block(wire, for_wire - 2),
        printed_block(printed, for_printed - 2),
        last,
    ]
    return [block for block in blocks if block.lines]


def height(block: Block) -> int:
    """Return how many lines a block takes, with the empty one before it."""
    return len(block.lines) + 1 + bool(block.heading) if block.lines else 0


def seen_block(result: Result, most: int) -> Block:
    """Say what was seen, long things cut in the middle."""
    lines = [*chain.from_iterable(map(wrapped, clean(result.seen).splitlines()))]
    if result.reason and result.reason not in result.seen:
        lines = [*wrapped(clean(result.reason)), "", *lines]
    if len(lines) > most:
        end = max(1, most // 2)
        start = max(1, most - end - 1)
        out = len(lines) - start - end
        lines = [*lines[:start], left_out(out), *lines[-end:]]
    return Block("", lines)


def wire_block(lines: list[str], most: int) -> Block:
    """Show the last events on the wire."""
    if most < 1:
        return Block("", [])
    kept = lines[-most:]
    if len(kept) < len(lines) and most > 1:
        kept = [f"… {len(lines) - most + 1} before", *lines[1 - most :]]
    return Block("On the wire", kept)


def printed_block(lines: list[str], most: int) -> Block:
    """Show what the server printed, and say how much of it is left out."""
    number = max(0, most)
    while number > 0:
        kept, out = best(lines, number)
        broken = [*map(printed_line, kept)]
        shown = [*chain.from_iterable(broken)]
        if out:
            shown.append(left_out(out))
        if len(shown) <= most:
            return Block("What the server printed", shown)
        # A long line takes several, so fewer fit. Of many, one by one takes minutes.
        number -= max(1, (len(shown) - most) // max(map(len, broken)))
    return Block("", [])


def left_out(number: int) -> str:
    """Say how many lines are not shown, and how to see them."""
    return f"… {number} line{'s' * (number != 1)} left out: --all-output shows all"


def advice(result: Result, hint: str, later: str = "") -> Block:
    """Return what most likely is the mistake, or where to get a hint."""
    if later:
        return Block("", wrapped(later), is_yellow=True)
    told = result.diagnosis
    if told.sentence:
        # A name of a file may be of any length.
        heading = told.heading if len(told.heading) < ROOM else "Perhaps"
        lines = [
            each for part in told.sentence.split("\n") for each in said(clean(part))
        ]
        return Block(heading, lines, is_yellow=True)
    if result.reason:
        return Block("", [])
    words = "Nothing here is known to the checks."
    words += f" A hint may help: {hint}" if hint else ""
    return Block("", wrapped(words), is_yellow=True)


def said(words: str) -> list[str]:
    """Break a part of a diagnosis into lines. Code, which is set in, stays as it is."""
    if words.startswith("  "):
        return [words]
    if fitting(words, SAID) < len(words):
        words = f"{words[: fitting(words, SAID // 2)]} … {words[-SAID // 4 :]}"
    return wrapped(words)


def wrapped(text: str, width: int = ROOM) -> list[str]:
    """Break prose into lines."""
    return wrap(text, width) or [""]


def printed_line(line: str) -> list[str]:
    """Break a line that a program printed. It keeps its indentation."""
    line = f"{line[:LONG]}…" if len(line) > LONG else line
    indent = line[: len(line) - len(line.lstrip())][: ROOM // 2]
    return wrap(
        line.strip(), ROOM, initial_indent=indent, subsequent_indent=f"{indent}  "
    )


def event(line: str) -> str:
    """Cut a line of the wire to the width of a report."""
    line = clean(line)
    is_whole = fitting(line, ROOM) == len(line)
    return line if is_whole else f"{line[: fitting(line, ROOM - 1)]}…"


# For machines


class Machine:
    """Writes a line of JSON for each check, as soon as it has ended."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.begin = time.monotonic()

    def write(self, record: dict[str, Any]) -> None:
        """Write a line, and let others read it at once."""
        self.file.write(json.dumps(record) + "\n")
        self.file.flush()

    def end(self, results: Iterable[Result], untried: int) -> None:
        """Write the last line: the counts, and what it was run with."""
        counts = dict.fromkeys(VERDICTS, 0)
        for result in results:
            counts[result.verdict] += 1
        counts[NOT_REACHED] += untried
        seconds = round(time.monotonic() - self.begin, 3)
        self.write({"summary": counts, "versions": versions(), "seconds": seconds})


MACHINE = pytest.StashKey[Machine]()


def versions() -> dict[str, str]:
    """Return the versions of Python and of what the stages are made of."""
    found = {"python": sys.version.split()[0], "system": sys.platform}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def use(config: pytest.Config) -> None:
    """Let this report take the place of pytest's own. Raises UsageError."""
    plugins = config.pluginmanager
    plugins.unregister(plugins.getplugin("terminalreporter"))
    # A traceback of the checks is shown to nobody, and takes long to be made.
    config.option.tbstyle = "line"
    name, file = config.getoption("json"), None
    if name == "-":
        # Nothing but the lines goes to the standard output.
        config.stash[MACHINE] = Machine(sys.stdout)
        file = opened(config, os.devnull)
    elif name:
        config.stash[MACHINE] = Machine(opened(config, name))
    plugins.register(LearnerReporter(config, file), "terminalreporter")


def opened(config: pytest.Config, name: str) -> TextIO:
    """Open a file to be written, as long as this run takes. Raises UsageError."""
    try:
        file = open(name, "w", encoding="utf-8", newline="\n")  # noqa: PTH123, SIM115
    except OSError as error:
        raise pytest.UsageError(f"--json: {error.strerror}: {name}") from None
    config.add_cleanup(file.close)
    return file
