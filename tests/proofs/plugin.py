"""
The pytest plugin of those who maintain the course. A learner's run never sees it.

It keeps the records of proofs: workers of pytest-xdist prove, the process above them
writes. It lets what takes long begin first, and in CI a skip is a failure.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.checker.servers.forks import quick_starts
from tests.proofs.records import (
    LONG,
    ROOT,
    TIMES,
    Proof,
    Recorded,
    Seen,
    records,
    versions,
    write,
)

REQUIREMENTS = ROOT / "requirements.txt"
# The first check of each stage.
COLD = "test_handshake_switches_from_http_to_websocket"
FIRST = 3  # Tests of a worker that come before the long ones.

# Of a test that is a proof as a whole: the proof, and whether its record stands for it.
WHOLE = pytest.StashKey[Proof]()
IS_TAKEN = pytest.StashKey[bool]()


def proof_of(item: pytest.Item) -> Proof | None:
    """Return the proof that a test is, or makes, if a record may stand for it."""
    callspec = getattr(item, "callspec", None)
    proof = callspec.params.get("proof") if callspec else None
    return proof if isinstance(proof, Proof) else item.stash.get(WHOLE, None)


def pytest_addoption(parser: pytest.Parser) -> None:
    words = "take no proof from its record: prove everything anew"
    parser.getgroup("the course").addoption("--live", action="store_true", help=words)


def seconds(item: pytest.Item) -> float:
    """Return how long a test took last time, if that is known: 0 for what is quick."""
    if not (proof := proof_of(item)):
        return records(TIMES).get("others", {}).get("slow", {}).get(item.nodeid, 0)
    if proof.record() and not item.config.getoption("live"):
        return 0
    return records(proof.file).get(proof.name, {}).get("seconds", 0)


def long_ones_first(items: list[Any], times: list[float], workers: int) -> list[Any]:
    """
    Begin the share of each worker of pytest-xdist with what takes longest.

    At the end of a run, one of them would keep everybody waiting. A few quick ones come
    first of all, to be heard of at once.
    """
    timed = sorted(zip(times, items, strict=True), key=lambda each: -each[0])
    long = [item for time, item in timed if time >= LONG]
    quick = [item for time, item in zip(times, items, strict=True) if time < LONG]
    shares = []
    for worker in range(workers):
        mine = long[worker::workers]
        # As `--dist worksteal` deals: what is left, by how many are left.
        size = (len(items) - len(shares)) // (workers - worker)
        others = quick[: max(0, size - len(mine))]
        shares += [*others[:FIRST], *mine, *others[FIRST:]]
        quick = quick[len(others) :]
    return [*shares, *quick]


def marked(item: pytest.Item, depends: tuple[Path, ...]) -> Proof:
    """Return the proof that a marked test is. It depends on its own file, too."""
    file = item.path.stem.removeprefix("test_")
    name = item.nodeid.partition("::")[2]
    return Proof(f"others/{file}", name, (item.path, REQUIREMENTS, *depends))


def take_if_it_stands(item: pytest.Item) -> None:
    """Let the record of a test that is a proof as a whole stand for it, if it fits."""
    proof = item.stash.get(WHOLE, None)
    if proof and proof.record() and not item.config.getoption("live"):
        item.stash[IS_TAKEN] = True
        item.fixturenames = []  # It needs nothing: it will not run.
        item.user_properties.append(("taken", [proof.file, proof.name]))


# Shares are made of what -k and -m have left, in the order that the checker gives it:
# tests/conftest.py names this plugin after the checker's, and the last comes last.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    for item in items:
        # How processes, servers and browsers behave elsewhere, no record of ours knows.
        marker = item.get_closest_marker("recorded")
        if marker and sys.platform == "linux":
            item.stash[WHOLE] = marked(item, marker.args)
        take_if_it_stands(item)
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    if workers > 1:  # A learner's checks keep the order of the contract.
        items[:] = long_ones_first(items, [seconds(item) for item in items], workers)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Let a test pass for which its record stands."""
    return pyfuncitem.stash.get(IS_TAKEN, None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> pytest.TestReport:
    """Note what a whole test has proved. Let nothing pass in CI that was not run."""
    proof = item.stash.get(WHOLE, None)
    is_live = proof and not item.stash.get(IS_TAKEN, False)
    if is_live and call.when == "call" and call.excinfo is None:
        proved = made(proof, call.duration, proof.seen)
        item.user_properties.append(("proved", [proof.file, proof.name, proved]))
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"CI allows no skip: {report.longrepr[2]}"
    return report


@pytest.fixture(autouse=True)
def quick_contracts(request: pytest.FixtureRequest) -> Iterator[None]:
    """
    Fork the servers of our own stages' checks, where several workers run them.

    Each worker starts all kinds of them, and to import the same libraries forty times
    is most of what they cost. Each stage has a server, too, that starts as a reader's.
    """
    with quick_starts() if may_fork_servers(request.node) else nullcontext():
        yield


def may_fork_servers(item: pytest.Item) -> bool:
    """Tell whether a test is a check of our stages, and not the one that is cold."""
    path = item.path
    is_contract = path.parent.name == "tests" and path.name.startswith("test_stage")
    is_cold = item.originalname == COLD
    return is_contract and not is_cold and hasattr(item.config, "workerinput")


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
        proved = made(proof, time.monotonic() - begin, seen)
        notes.append(("proved", [proof.file, proof.name, proved]))
        return json.loads(json.dumps(seen))  # As a record would have it.

    return recorded


def made(proof: Proof, seconds: float, seen: Seen) -> dict[str, Any]:
    """Return the record of a proof that was live."""
    return {
        "depends": proof.hash(),
        "day": datetime.now(UTC).date().isoformat(),
        "with": versions(),
        "seconds": round(seconds, 1),
        "seen": seen,
    }


class Bookkeeper:
    """Counts which proofs came from records, and writes those that were proved."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.taken: list[dict[str, Any]] = []
        self.proved: dict[str, dict[str, dict[str, Any]]] = {}
        self.renewed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown" and report.failed:
            self.forget(report)
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

    def forget(self, report: pytest.TestReport) -> None:
        """Write nothing of a test that has passed, and failed when it was over."""
        for kind, value in report.user_properties:
            if kind == "proved":
                file, name, _proved = value
                self.proved.get(file, {}).pop(name, None)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if os.environ.get("CI"):
            is_held = not self.config.getoption("live")
            if self.renewed and is_held and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
            return
        for file, proved in self.proved.items():
            write(file, proved)

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        say = terminalreporter.write_line
        if self.taken:
            days = sorted({record["day"] for record in self.taken})
            span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
            say(f"{len(self.taken)} proofs were taken from records of {span}, made")
            for found in sorted({record["with"] for record in self.taken}):
                say(f"  with {found}.")
        if not self.renewed:
            return
        say(f"{len(self.renewed)} proofs had no record that fits, and were proved:")
        for name in self.renewed[:10]:
            say(f"  {name}")
        if len(self.renewed) > 10:
            say(f"  and {len(self.renewed) - 10} more")
        if os.environ.get("CI") and not self.config.getoption("live"):
            say("Their records must be committed. This renews them, where CI is not")
            say("set: python3 learn.py test", red=True)


def pytest_configure(config: pytest.Config) -> None:
    words = "a record may stand for the test while these files are the same"
    config.addinivalue_line("markers", f"recorded(*depends): {words}")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As a script's `&` has set it, and as all that we start would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput"):
        return
    config.pluginmanager.register(Bookkeeper(config))
    if not config.getoption("learner", False) and "CHECKS_READY" not in os.environ:
        # Databases and keys are made once, for all workers and for all that they start.
        folder = TemporaryDirectory(prefix="checks-ready-")
        os.environ["CHECKS_READY"] = folder.name
        config.add_cleanup(folder.cleanup)
        config.add_cleanup(lambda: os.environ.pop("CHECKS_READY"))
