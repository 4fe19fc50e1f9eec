"""
The fixtures of the checks, and the options that point them at other servers.

    pytest tests/test_stage01_echo.py --project work/stage01_echo
    pytest tests/test_stage01_echo.py --url ws://127.0.0.1:8000
"""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests import client, explain
from tests.learner import LearnerReporter
from tests.server import Server, ServerError

ROOT = Path(__file__).parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("the course")
    group.addoption("--project", type=Path, help="check the project in this folder")
    group.addoption("--url", help="check the server that listens at this ws:// address")
    group.addoption("--learner", action="store_true", help="report in plain words")


@pytest.hookimpl(trylast=True)  # After pytest's own reporter is there.
def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("learner"):
        plugins = config.pluginmanager
        plugins.unregister(plugins.getplugin("terminalreporter"))
        plugins.register(LearnerReporter(config), "terminalreporter")
    project, url = config.getoption("project"), config.getoption("url")
    if project and not (project / "manage.py").is_file():
        raise pytest.UsageError(f"--project: there is no manage.py in {project}.")
    if url and not url.startswith(("ws://", "wss://")):
        raise pytest.UsageError(f"--url: {url} does not begin with ws:// or wss://.")
    config.addinivalue_line(
        "markers", "posix(why): runs on Linux and macOS only, for this reason"
    )


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Leave out what this system can never run. What it could run is skipped."""
    if sys.platform == "win32":
        left_out = [item for item in items if item.get_closest_marker("posix")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


class Servers:
    """The servers of one test run: each is started when first asked for."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.started: dict[Path, Server | ServerError] = {}

    def of(self, project: Path) -> Server:
        """Return the running server of a project. Raises ServerError."""
        project = project.resolve()
        if project not in self.started:
            log = self.folder / f"{len(self.started)}-{project.name}.log"
            server = Server(project, log)
            try:
                self.started[project] = self.stack.enter_context(server)
            except ServerError as error:
                # It will not start the next time either: keep what it printed.
                error.printed = server.printed()
                self.started[project] = error
        started = self.started[project]
        if isinstance(started, ServerError):
            raise started
        return started


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The servers of this run. They stop at its end."""
    with ExitStack() as stack:
        yield Servers(stack, tmp_path_factory.mktemp("servers"))


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> str:
    """The stage that the test file names. Tests of several stages override it."""
    return re.search(r"stage\d\d_[a-z]+", request.path.stem)[0]


@pytest.fixture
def project(request: pytest.FixtureRequest, stage: str) -> Path:
    """The folder under test: --project, or the stage itself."""
    return request.config.getoption("project") or ROOT / stage


@pytest.fixture
def server(request: pytest.FixtureRequest, project: Path, servers: Servers) -> Server:
    """The server of the project under test."""
    if request.config.getoption("url"):
        pytest.skip("needs to see what the server prints, which --url does not show")
    server = servers.of(project)
    request.node.server = server
    request.node.position = server.position()
    return server


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """The address of the server under test: ws://, host and port."""
    if url := request.config.getoption("url"):
        return url.rstrip("/")
    return request.getfixturevalue("server").url


@pytest.fixture
def connect(url: str) -> Callable:
    """Open a WebSocket to a path of the server under test."""
    return partial(client.connect, url)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo
) -> pytest.TestReport:
    """Add to a failure what the server printed, and what that most likely means."""
    report = yield
    if report.failed and call.excinfo.errisinstance(Exception):
        explain_failure(report, item, call.excinfo.value)
    elif report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"CI allows no skip: {report.longrepr[2]}"
    return report


def explain_failure(
    report: pytest.TestReport, item: pytest.Item, error: Exception
) -> None:
    symptom = getattr(error, "symptom", "")
    printed = ""
    if isinstance(error, ServerError):
        symptom = "no start"
        printed = error.printed
    elif hasattr(item, "server"):
        # A crash that explains the failure may not have been printed yet.
        printed = item.server.printed_within(explain.CRASH, item.position)
    if mistake := explain.likely_mistake(symptom, printed):
        report.sections.append(("The likely mistake", mistake))
    if printed:
        report.sections.append(("What the server printed", printed))
