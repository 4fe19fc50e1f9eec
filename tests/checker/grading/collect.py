"""
STAND-IN, to be removed: writes what `python -m tests.checker --json` will write.

    python -m pytest tests/test_stage01_echo.py --project DIR \
        -p tests.checker.grading.collect --grade-json FILE

Only `checks.py` knows of it.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checker import explain
from tests.checker.explain.source import Source
from tests.checker.report import check_sentence

LINES = 12  # Of what was seen.


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--grade-json")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if path := config.getoption("--grade-json"):
        config.pluginmanager.register(Lines(path), "lines")


class Lines:
    """Writes a line for each check, as soon as it has ended."""

    def __init__(self, path: str) -> None:
        self.file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115
        self.counts = dict.fromkeys(
            ("kept", "broken", "not reached", "could not be checked"), 0
        )
        self.begun = time.monotonic()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo
    ) -> Iterator[None]:
        report = yield
        if failure := getattr(report, "failure", None):
            project = item.funcargs.get("project")
            source = Source.of(project) if project else None
            report.told = explain.explain(**failure, source=source)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        verdict = {
            "passed": "kept",
            "failed": "broken",
            "skipped": "could not be checked",
        }[report.outcome]
        self.counts[verdict] += 1
        told = getattr(report, "told", None)
        crash = getattr(report.longrepr, "reprcrash", None)
        seen = crash.message if crash else str(report.longrepr or "")
        self.write(
            check=report.nodeid,
            sentence=check_sentence(report.nodeid),
            promise=report.nodeid.rpartition("::")[2].partition("[")[0],
            verdict=verdict,
            seconds=round(report.duration, 3),
            seen="\n".join(seen.splitlines()[:LINES]) if report.failed else "",
            diagnosis={
                "id": told.id,
                "witness": ("output", "source", "crash", "source", "wire")[
                    told.witness
                ],
                "sentence": told.sentence,
            }
            if told and told.sentence
            else None,
            reason=report.longrepr[2] if report.skipped else "",
        )

    def pytest_sessionfinish(self) -> None:
        seconds = round(time.monotonic() - self.begun, 3)
        self.write(summary=self.counts, versions={}, seconds=seconds)

    def write(self, **line: object) -> None:
        print(json.dumps(line), file=self.file, flush=True)
