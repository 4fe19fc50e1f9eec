"""
The fixtures of the checks, and the options that point them at other servers.

    pytest tests/test_stage01_echo.py --project work/stage01_echo
    pytest tests/test_stage01_echo.py --url ws://127.0.0.1:8000
"""

import os
import re
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests import client, explain
from tests.learner import LearnerReporter
from tests.redis_server import MISSING, RedisServer, find_redis
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
    config.addinivalue_line("markers", "long: takes a minute or more")
    config.addinivalue_line(
        "markers", "posix(why): runs on Linux and macOS only, for this reason"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for a layer twice, the whole file in memory and then on Redis."""
    if "layer" in metafunc.fixturenames:
        there = metafunc.config.getoption("url")
        layers = ["as it is"] if there else ["in memory", "on Redis"]
        metafunc.parametrize("layer", layers, indirect=True, scope="session")


def section(item: pytest.Item) -> int:
    """Return the place of a check in its contract: handshake, messages, close."""
    words = ("test_handshake", "test_message", "test_close")
    places = [n for n, word in enumerate(words) if item.name.startswith(word)]
    return places[0] if places else len(words)


def long_ones_first(
    config: pytest.Config, items: list[pytest.Item]
) -> list[pytest.Item]:
    """
    Begin the share of each worker of pytest-xdist with tests that take minutes.

    At the end of a run, one of them would keep everybody waiting.
    """
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    long = [item for item in items if item.get_closest_marker("long")]
    rest = [item for item in items if not item.get_closest_marker("long")]
    shares = []
    for worker in range(workers):
        mine = long[worker::workers]
        # As `--dist worksteal` deals: what is left, by how many are left.
        size = (len(items) - len(shares)) // (workers - worker)
        others = max(0, size - len(mine))
        shares += [*mine, *rest[:others]]
        rest = rest[others:]
    return [*shares, *rest]


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """
    Put the checks of a stage in the order of its contract.

    A stage also imports checks from the stage before. What this system can never run
    is left out here; what it could run is skipped.
    """
    if all(item.path.name.startswith("test_stage") for item in items):
        items.sort(key=lambda item: (item.path, section(item)))
    items[:] = long_ones_first(config, items)
    if sys.platform == "win32":
        left_out = [item for item in items if item.get_closest_marker("posix")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


class Servers:
    """The servers of one test run: each is started when first asked for."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.started: dict[tuple, Server | ServerError] = {}

    def of(self, project: Path, environment: Mapping[str, str]) -> Server:
        """Return the running server of a project. Raises ServerError."""
        key = (project.resolve(), *environment.items())
        if key not in self.started:
            log = self.folder / f"{len(self.started)}-{project.name}.log"
            server = Server(project, log, environment=environment)
            try:
                self.started[key] = self.stack.enter_context(server)
            except ServerError as error:
                # It will not start the next time either: keep what it printed.
                error.printed = server.printed()
                self.started[key] = error
        started = self.started[key]
        if isinstance(started, ServerError):
            raise started
        return started


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The servers of this run. They stop at its end."""
    with ExitStack() as stack:
        yield Servers(stack, tmp_path_factory.mktemp("servers"))


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The Redis of this run, which holds nothing else. Skips where there is none."""
    if find_redis() is None:
        pytest.skip(MISSING)
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> str:
    """The stage that the test file names. Tests of several stages override it."""
    return re.search(r"stage\d\d_[a-z]+", request.path.stem)[0]


@pytest.fixture
def project(request: pytest.FixtureRequest, stage: str) -> Path:
    """The folder under test: --project, or the stage itself."""
    return request.config.getoption("project") or ROOT / stage


@pytest.fixture(scope="session")
def layer(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment that makes a project's channel layer what the test asks for."""
    if request.param == "on Redis":
        return {"REDIS_URL": request.getfixturevalue("redis").url}
    return {}


@pytest.fixture
def environment() -> dict[str, str]:
    """The environment of the server. Stages with a channel layer override it."""
    return {}


@pytest.fixture
def server(
    request: pytest.FixtureRequest,
    project: Path,
    servers: Servers,
    environment: dict[str, str],
) -> Server:
    """The server of the project under test."""
    if request.config.getoption("url"):
        pytest.skip("needs to see what the server prints, which --url does not show")
    server = servers.of(project, environment)
    request.node.server = server
    request.node.position = server.position()
    return server


@pytest.fixture
def start(
    request: pytest.FixtureRequest, project: Path, tmp_path: Path
) -> Iterator[Callable[..., Server]]:
    """Start more servers of the project under test: `start(REDIS_URL="redis://…")`."""
    if request.config.getoption("url"):
        pytest.skip("needs servers of its own, and --url names one that runs already")
    with ExitStack() as stack:

        def start(**environment: str) -> Server:
            log = tmp_path / f"server-{uuid.uuid4()}.log"
            server = Server(project, log, environment=environment)
            request.node.server = stack.enter_context(server)
            request.node.position = 0
            return server

        yield start


@pytest.fixture
def url(request: pytest.FixtureRequest, environment: dict[str, str]) -> str:
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
    if mistake := explain.likely_mistake(symptom, printed, item.nodeid):
        report.sections.append(("The likely mistake", mistake))
    if printed:
        report.sections.append(("What the server printed", printed))
