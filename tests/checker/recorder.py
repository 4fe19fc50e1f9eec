"""
A plugin of pytest that keeps what a run of checks saw: `-p tests.checker.recorder`.

It keeps whole runs only, those of one stage's checks on one project: see last.py.
"""

import re
from pathlib import Path

import pytest

from tests.checker import explain, last
from tests.checker.verdict import seen_of
from tests.checker.wire import WIRE

EVENTS = 60  # Lines of the wire that are kept.
PRINTED = 200  # Lines of what a server printed.
LONGEST = 2_000  # Characters of such a line.


def bounded(text: str) -> str:
    """Return the end of a text, no more of it than a helper reads."""
    return "\n".join(line[:LONGEST] for line in text.splitlines()[-PRINTED:])


class Recorder:
    """Takes down which promises are kept, and the first that is broken."""

    def __init__(self, project: Path, place: Path) -> None:
        self.project, self.place = project, place
        self.state = last.state_of(project)
        self.kept: dict[str, None] = {}
        self.skipped: dict[str, None] = {}
        self.broken: last.Broken | None = None
        self.is_whole = True

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Keep nothing of a run from which somebody left something out."""
        # Not above: pytest has to be the first to import it, and this one comes first.
        from tests.checker.plugin import can_run

        # What this system can never run is left out of every run.
        self.is_whole = self.is_whole and not any(map(can_run, items))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take down how a check ended."""
        if report.skipped:
            self.skipped[report.longrepr[2].removeprefix("Skipped: ")] = None
        elif report.failed and not self.broken and is_broken(report):
            self.broken = broken_by(report, self.project)
        elif report.passed and report.when == "call":
            name = report.nodeid.rpartition("::")[2].partition("[")[0]
            self.kept[name] = None

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Keep it, if the run came to its end or to a failure."""
        is_over = exitstatus == pytest.ExitCode.OK or self.broken
        if self.is_whole and is_over and exitstatus != pytest.ExitCode.INTERRUPTED:
            if self.broken:
                self.kept.pop(self.broken.promise, None)
            seen = last.Last(tuple(self.kept), self.broken, tuple(self.skipped))
            last.note(self.place, self.state, seen)


def is_broken(report: pytest.TestReport) -> bool:
    """Tell whether a promise is broken: nobody is at fault for a slow machine."""
    symptom = getattr(report, "failure", {}).get("symptom")
    return symptom == "no start" or not getattr(report, "reason", "")


def broken_by(report: pytest.TestReport, project: Path) -> last.Broken:
    """Return what is known of a failure."""
    failure = getattr(report, "failure", None)
    if failure is None:
        return last.Broken(report.nodeid, seen=bounded(seen_of(report)))
    told = explain.explain(**failure, **explain.read(project, report.nodeid))
    return last.Broken(
        check=report.nodeid,
        symptom=failure["symptom"],
        seen=bounded(seen_of(report)),
        printed=bounded(failure["printed"]),
        diagnosis=told.id,
        sentence=told.sentence,
        wire=tuple(WIRE.lines(EVENTS)),
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    words = "keep what this run sees in this file, and not in work/.last/"
    parser.getgroup("the course").addoption("--record", type=Path, help=words)


def pytest_configure(config: pytest.Config) -> None:
    """Record, if this is a run of one stage's checks on one project."""
    project = config.getoption("project", None)
    words = config.args
    file = re.fullmatch(r"tests/test_(stage\d\d_\w+)\.py", words[0]) if words else None
    if file and len(words) == 1 and project and (project / "manage.py").is_file():
        place = config.getoption("record") or last.place_of(file[1])
        config.pluginmanager.register(Recorder(project, place), "course-recorder")
