"""
`--learner`: a report for somebody who checks their own server.

A line for each check, and for a failure what was seen, what it most likely means, and
what the server printed. No stack frames of the checks: their code is not at fault.
"""

import re
import textwrap

import pytest
from _pytest.terminal import TerminalReporter

from tests.checker import work

TITLES = {"handshake": "Handshake", "message": "Messages", "close": "Close"}
INDENT = " " * 8
WIDTH = 80  # Characters of a line of prose: it fits a terminal, and a page.
MOST = 40  # Lines of what was seen or printed: a traceback fits.
LOGGED = ("HTTP ", "WebSocket ")  # How runserver's access log begins its lines.


class LearnerReporter(TerminalReporter):
    """Speaks of checks, not of tests."""

    title = ""

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.reasons: dict[str, None] = {}  # Why checks were skipped, in order.
        self.chosen = 0
        self.is_whole = True  # Nothing was left out with -k.
        self.state = work.state_of(self.config.getoption("project"))

    def pytest_collection(self) -> None:
        """Print nothing: on a terminal, pytest would say "collecting …" here."""

    def report_collect(self, final: bool = False) -> None:
        """Print nothing of what has been collected so far."""

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.chosen = len(session.items)

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Count nothing: what was left out with -k is not missed."""
        self.is_whole = False

    def pytest_runtest_logstart(self, *arguments: object) -> None:
        """Print nothing yet: a check is one line, written when it has ended."""

    def pytest_runtest_logfinish(self, *arguments: object) -> None:
        """Print no progress: the lines themselves are the progress."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # A test has three reports. Its call speaks for it, unless it never got there.
        if report.when != "call" and report.passed:
            return
        self.counts[report.outcome] += 1
        sentence = check_sentence(report.nodeid)
        title = TITLES.get(sentence.split()[0].rstrip("s"), self.title)
        if title != self.title:
            self.title = title
            self.write_line(f"\n{title}", bold=True)
        if report.passed:
            self.write("  ok    ", green=True)
            self.write_line(sentence)
        elif report.skipped:
            self.write_line(f"  --    {sentence}")
            self.reasons[report.longrepr[2].removeprefix("Skipped: ")] = None
        else:
            self.write("  FAIL  ", red=True, bold=True)
            self.write_line(sentence)
            self.write_failure(report)

    def write_failure(self, report: pytest.TestReport) -> None:
        """Print what was seen, the likely mistake, and what the server printed."""
        crash = getattr(report.longrepr, "reprcrash", None)
        seen = crash.message if crash else str(report.longrepr)
        seen = re.sub(r"^[\w.]*(?:Error|Exception|Failed): ", "", seen)
        # Below a sentence of ours, what pytest knows of the comparison is noise.
        seen = re.sub(r"(?s)(?<=.)\nassert .*", "", seen)
        self.write_line("")
        for line in seen.splitlines()[:MOST]:
            self.write_lines(wrapped(line))
        sections = dict(report.sections)
        if mistake := sections.get("The likely mistake"):
            self.write_line(f"\n{INDENT}The likely mistake:", bold=True)
            self.write_lines(wrapped(mistake), yellow=True)
        if printed := sections.get("What the server printed"):
            self.write_line(f"\n{INDENT}What the server printed:", bold=True)
            lines = printed.strip().splitlines()
            if "Traceback" in printed:
                # It must not be pushed out of sight by what is logged of every client.
                lines = [line for line in lines if not line.startswith(LOGGED)]
            self.write_lines(lines[-MOST:])

    def write_lines(self, lines: list[str], **style: bool) -> None:
        """Print lines under the check that they belong to."""
        for line in lines:
            self.write_line(f"{INDENT}{line}".rstrip(), **style)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        self.note_pass(exitstatus)
        passed, failed = self.counts["passed"], self.counts["failed"]
        skipped = self.counts["skipped"]
        untried = self.chosen - sum(self.counts.values())
        for reason in self.reasons:
            self.write_line("\nNot checked:", bold=True)
            self.write_lines(wrapped(reason))
        if failed:
            words = f"{passed} checks passed, {failed} failed"
            if untried:
                words += f", {untried} not tried yet: mend this one first"
            self.write_line(f"\n{words}.", red=True)
        elif passed and skipped and not untried:
            self.write_line(f"\n{passed} checks pass, {skipped} could not be tried.")
        elif passed and not untried:
            self.write_line(f"\nAll {passed} checks pass.", green=True)
        else:
            self.write_line(f"\n{passed} checks passed, {untried} not tried.")

    def note_pass(self, exitstatus: int) -> None:
        """Note for `learn.py diff` that all checks of a stage pass, as it was then."""
        file = re.fullmatch(r"tests/test_(stage\d\d_\w+)\.py", self.config.args[0])
        if file and self.state and self.is_whole and exitstatus == 0:
            work.note_pass(file[1], self.config.getoption("project"), self.state)

    def pytest_terminal_summary(self, *arguments: object) -> None:
        """Print no summary: each failure was told where it happened."""


def wrapped(text: str) -> list[str]:
    """Break prose into lines. Paths and names with hyphens stay whole."""
    return textwrap.wrap(text, WIDTH - len(INDENT), break_on_hyphens=False) or [""]


def check_sentence(nodeid: str) -> str:
    """Turn `…::test_message_comes_back[text]` into `message comes back (text)`."""
    name = nodeid.rpartition("::")[2].removeprefix("test_")
    name, _, variant = name.partition("[")
    words = name.replace("_", " ").replace(" mib", " MiB").replace("redis", "Redis")
    words = words.replace("websocket", "WebSocket").replace("utf 8", "UTF-8")
    words = re.sub(r"\b(https?|tls|ca|ec)\b", lambda word: word[0].upper(), words)
    words = words.replace("TLS 1 2", "TLS 1.2")
    return f"{words} ({variant.rstrip(']')})" if variant else words
