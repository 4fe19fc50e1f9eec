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
from _pytest.runner import (
    runtestprotocol,
)  # As pytest-rerunfailures does: no other way.

from tests.checker import client, explain
from tests.checker import report as reports
from tests.checker.accounts import ODD_USER, PASSWORD, USERS, Accounts, Visitors
from tests.checker.endpoint import Endpoint
from tests.checker.printed import telling
from tests.checker.rooms import fresh_room
from tests.checker.servers.launch import FORKS
from tests.checker.servers.redis import MISSING, RedisServer, find_redis
from tests.checker.servers.runserver import (
    CRASH,
    CRASH_CHECK,
    Server,
    ServerError,
    cut_earlier_clients,
    may_be_a_crash,
)
from tests.checker.servers.tls import copy_with_keys, serve
from tests.checker.stages import Stage, stage_of
from tests.checker.verdict import (
    Diagnosis,
    diagnosis_of,
    is_of_the_machine,
    reason_of,
)
from tests.checker.wire import WIRE

ROOT = Path(__file__).parent.parent.parent

EVENTS = 8  # On the wire, of a failure: the last of them tell.
MOST_PRINTED = 200  # Lines, where plain pytest reports.


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("the course")
    group.addoption("--project", type=Path, help="check the project in this folder")
    group.addoption("--url", help="check the server that listens at this ws:// address")
    group.addoption(
        "--login",
        action="append",
        default=[],
        metavar="NAME:PASSWORD",
        help="with --url, a user that the checks may log in as; give it several times",
    )
    group.addoption("--learner", action="store_true", help="report in plain words")
    group.addoption(
        "--all-output",
        action="store_true",
        help="with --learner, cut nothing of what the server printed",
    )
    group.addoption(
        "--json",
        metavar="FILE",
        help="with --learner, also write a line of JSON for each check; - is stdout",
    )


@pytest.hookimpl(trylast=True)  # After pytest's own reporter is there.
def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("learner"):
        reports.use(config)
    project, url = config.getoption("project"), config.getoption("url")
    if project and not (project / "manage.py").is_file():
        raise pytest.UsageError(f"--project: there is no manage.py in {project}.")
    if url and not url.startswith(("ws://", "wss://")):
        raise pytest.UsageError(f"--url: {url} does not begin with ws:// or wss://.")
    for login in config.getoption("login"):
        if not re.fullmatch(r"[^:]+:.+", login):
            raise pytest.UsageError(f"--login: {login} is not NAME:PASSWORD.")
    config.addinivalue_line("markers", "crowd: hundreds of clients; comes last")
    config.addinivalue_line(
        "markers", "patient: takes seconds; comes after what is quick"
    )
    config.addinivalue_line(
        "markers", "posix(why): runs on Linux and macOS only, for this reason"
    )
    config.addinivalue_line(
        "markers", "linux(why): runs on Linux only, for this reason"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """
    Run what asks for a layer twice, the whole file in memory and then on Redis.

    Stage 5 is in memory when it is asked directly, and on Redis behind its nginx.
    """
    marks = metafunc.definition.iter_markers("parametrize")
    if any(mark.args[0] == "layer" for mark in marks):
        return  # A check of one layer only.
    if "layer" in metafunc.fixturenames:
        stage = stage_of(metafunc.definition.path)
        layers = ["in memory", "on Redis"]
        if stage and stage.has_tls:
            layers = ["directly", "through nginx"]
        if metafunc.config.getoption("url"):
            layers = ["as it is"]
        metafunc.parametrize("layer", layers, indirect=True, scope="session")


def place(item: pytest.Item) -> tuple[int, int, bool]:
    """Return what decides when a check comes: its cost, its section, its age."""
    # A crowd takes many seconds, most mistakes are found without one, and on a busy
    # machine the server may still be occupied with it when the next check begins. What
    # waits for seconds, or starts servers, comes after all that answers at once.
    costs = ("crowd", "patient")
    marked = [2 - n for n, name in enumerate(costs) if item.get_closest_marker(name)]
    words = ("test_handshake", "test_message", "test_close")
    sections = [n for n, word in enumerate(words) if item.name.startswith(word)]
    # An imported check is one that an earlier stage has promised already.
    is_imported = item.function.__module__ != item.module.__name__
    return max(marked, default=0), sections[0] if sections else len(words), is_imported


def can_run(item: pytest.Item) -> bool:
    """Tell whether a test can run on this system, whatever is installed."""
    for_posix, for_linux = map(item.get_closest_marker, ("posix", "linux"))
    is_allowed = for_posix is None or sys.platform != "win32"
    return is_allowed and (for_linux is None or sys.platform == "linux")


@pytest.hookimpl(trylast=True)  # pytest itself puts together what shares a layer.
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """
    Put the checks of a stage in the order of its contract, what is new in it first.

    A stage also imports checks from the stage before. What takes long comes last. What
    this system can never run is left out here; what it could run is skipped.
    """
    if sys.platform != "linux":
        left_out = [item for item in items if not can_run(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    checks = [item for item in items if item.path.match("tests/test_stage*.py")]
    checks.sort(key=lambda item: (item.path, *place(item)))
    others = [item for item in items if item not in checks]
    items[:] = [*checks, *others]


class Servers:
    """The servers of one test run: each is started when first asked for."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.started: dict[tuple, Server | ServerError] = {}

    def of(
        self,
        project: Path,
        environment: Mapping[str, str],
        server_type: Callable[..., Server] = Server,
    ) -> Server:
        """Return the running server of a project. Raises ServerError."""
        start = os.environ.get(
            FORKS
        )  # One that was forked is not taken for a cold one.
        key = (project.resolve(), server_type, start, *environment.items())
        if key not in self.started:
            log = self.folder / f"{len(self.started)}-{project.name}.log"
            server = server_type(project, log, environment=environment)
            try:
                self.started[key] = self.stack.enter_context(server)
            except ServerError as error:
                # It will not start the next time either: keep what it printed.
                error.printed = error.printed or server.printed()
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
def all_accounts() -> Iterator[dict[Path, Accounts | ServerError]]:
    """The databases of this run, by project."""
    found: dict[Path, Accounts | ServerError] = {}
    yield found
    for accounts in found.values():
        if isinstance(accounts, Accounts):
            accounts.close()


@pytest.fixture
def accounts(
    request: pytest.FixtureRequest,
    project: Path,
    all_accounts: dict[Path, Accounts | ServerError],
    tmp_path_factory: pytest.TempPathFactory,
) -> Accounts:
    """The users of the checks, in a database that they have for themselves."""
    if request.config.getoption("url"):
        pytest.skip("needs the project's manage.py, which --url does not show")
    if project not in all_accounts:
        try:
            all_accounts[project] = Accounts(project, tmp_path_factory.mktemp("db"))
        except ServerError as error:
            all_accounts[project] = error
    if isinstance(all_accounts[project], ServerError):
        raise all_accounts[project]
    return all_accounts[project]


@pytest.fixture(scope="session")
def all_visitors() -> dict[Path, Visitors]:
    """Who has logged in during this run, by project."""
    return {}


@pytest.fixture
def visitors(
    request: pytest.FixtureRequest, project: Path, all_visitors: dict[Path, Visitors]
) -> Visitors:
    """The users of the checks, or those that --login names."""
    passwords = dict.fromkeys((*USERS, ODD_USER), PASSWORD)
    if request.config.getoption("url"):
        passwords = dict(each.split(":", 1) for each in request.config.option.login)
    return all_visitors.setdefault(project, Visitors(passwords))


@pytest.fixture
def database(request: pytest.FixtureRequest, stage: Stage) -> dict[str, str]:
    """The environment that names the database, where there is a login."""
    return request.getfixturevalue("accounts").environment if stage.has_login else {}


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The Redis of this run, which holds nothing else. Skips where there is none."""
    if find_redis() is None:
        pytest.skip(MISSING)
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def own_redis(redis: RedisServer, tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that no other test uses. That there can be one is what `redis` says."""
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
def room() -> str:
    """The name of a room that nobody is in."""
    return fresh_room()


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Stage:
    """The stage that the test file names. Tests of several stages override it."""
    return stage_of(request.path)


@pytest.fixture(scope="session")
def copies() -> dict[Path, Path | ServerError]:
    """The copies of this run, by project."""
    return {}


@pytest.fixture
def project(
    request: pytest.FixtureRequest,
    stage: Stage,
    copies: dict[Path, Path | ServerError],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """
    The folder under test: --project, or the stage itself.

    Where there is TLS, a copy with keys of its own: the learner's are never touched.
    """
    project = request.config.getoption("project") or ROOT / stage.name
    if not stage.has_tls:
        return project
    if project not in copies:
        folder = tmp_path_factory.mktemp("copies") / project.name
        try:
            copies[project] = copy_with_keys(project, folder)
        except ServerError as error:
            copies[project] = error
    if isinstance(copies[project], ServerError):
        raise copies[project]
    return copies[project]


@pytest.fixture(scope="session")
def layer(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment that makes a project's channel layer what the test asks for."""
    if request.param in ("in memory", "directly", "as it is"):
        return {}
    layer = {"REDIS_URL": request.getfixturevalue("redis").url}
    return layer if request.param == "on Redis" else {**layer, "BEHIND_PROXY": "1"}


@pytest.fixture
def server_type(stage: Stage) -> Callable[..., Server]:
    """How the project is served: by its runserver, or with TLS as it is for all."""
    return serve if stage.has_tls else Server


@pytest.fixture
def environment() -> dict[str, str]:
    """The environment of the server. Stages with a channel layer override it."""
    return {}


@pytest.fixture
def identity(request: pytest.FixtureRequest, stage: Stage) -> Visitors | None:
    """As whom clients come: where there is a login, as the user that `?name=` names."""
    return request.getfixturevalue("visitors") if stage.has_login else None


@pytest.fixture
def launched(
    request: pytest.FixtureRequest,
    project: Path,
    servers: Servers,
    database: dict[str, str],
    environment: dict[str, str],
    server_type: Callable[..., Server],
    identity: Visitors | None,
) -> Server:
    """The server under test, to be looked at from inside: a process of this run."""
    if request.config.getoption("url"):
        pytest.skip("needs to see what the server prints, which --url does not show")
    server = servers.of(project, database | environment, server_type)
    server.visitors = identity
    if "REDIS_URL" in environment:
        server.rest(is_long=not request.node.name.startswith("test_handshake"))
    request.node.server = server
    request.node.position = server.position()
    return server


@pytest.fixture
def server(
    request: pytest.FixtureRequest,
    environment: dict[str, str],
    identity: Visitors | None,
) -> Endpoint:
    """The server under test, as its clients see it: that of --url, or `launched`."""
    if url := request.config.getoption("url"):
        return Endpoint(url.rstrip("/"), visitors=identity)
    return request.getfixturevalue("launched")


@pytest.fixture
def start(
    request: pytest.FixtureRequest,
    project: Path,
    database: dict[str, str],
    server_type: Callable[..., Server],
    identity: Visitors | None,
    tmp_path: Path,
) -> Iterator[Callable[..., Server]]:
    """Start more servers of the project under test: `start(REDIS_URL="redis://…")`."""
    if request.config.getoption("url"):
        pytest.skip("needs servers of its own, and --url names one that runs already")
    with ExitStack() as stack:

        def start(**environment: str) -> Server:
            log = tmp_path / f"server-{uuid.uuid4()}.log"
            server = server_type(project, log, environment=database | environment)
            server.visitors = identity
            request.node.server = stack.enter_context(server)
            request.node.position = 0
            return server

        yield start


@pytest.fixture
def url(server: Endpoint) -> str:
    """The address of the server under test: ws://, host and port."""
    return server.url


@pytest.fixture
def path(stage: Stage) -> str:
    """The path of a WebSocket of the stage under test."""
    return stage.path


@pytest.fixture
def connect(server: Endpoint) -> Callable:
    """Open a WebSocket to a path of the server under test."""
    return partial(client.connect, server)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> bool | None:
    """
    Run a check once more, all of it, where a right server may have failed by chance.

    That is what `may_be_chance` says, of the end of a connection. Only a server that
    does it twice fails.
    """
    if not stage_of(item.path):
        return None  # As pytest does it.
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    told = runtestprotocol(item, log=False, nextitem=nextitem)
    if any(getattr(report, "may_be_chance", False) for report in told):
        told = runtestprotocol(item, log=False, nextitem=nextitem)
    for report in told:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Begin the history of a check."""
    WIRE.begin()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo
) -> pytest.TestReport:
    """Add to a failure what the server printed, and what that most likely means."""
    report = yield
    if report.failed and call.excinfo.errisinstance((Exception, pytest.fail.Exception)):
        explain_failure(report, item, call.excinfo.value)
        report.may_be_chance = getattr(call.excinfo.value, "may_be_chance", False)
    return report


def folder_of(item: pytest.Item) -> Path | None:
    """Return the folder of the project under test, as its author sees it."""
    config, stage = item.config, stage_of(item.path)
    if config.getoption("url"):
        return None
    return config.getoption("project") or (ROOT / stage.name if stage else None)


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
        seconds = CRASH_CHECK if may_be_a_crash(symptom) else 0
        printed = item.server.printed_within(CRASH, item.position, seconds)
        printed = cut_earlier_clients(printed)
    # What the diagnosis is a function of, beside the source.
    report.failure = {
        "symptom": symptom,
        "printed": printed,
        "check": item.nodeid,
        "answered": WIRE.answered > 0,
    }
    folder = folder_of(item)
    files = explain.read(folder, item.nodeid) if folder else {}
    found = explain.explain(**report.failure, **files)
    told = diagnosis_of(found, item.nodeid, files.get("source"))
    reason = reason_of(error, symptom, printed)
    if is_of_the_machine(symptom, reason) and not told.is_plain:
        told = Diagnosis()  # Nothing speaks for a guess: no mistake was seen.
    if not hasattr(item.config, "workerinput"):  # No worker could send it.
        report.told = told
    report.reason = reason
    report.wire = tuple(WIRE.lines(EVENTS))
    if printed:
        lines = telling(printed)[-MOST_PRINTED:]
        report.sections.append(("What the server printed", "\n".join(lines)))
    if told.sentence:
        report.sections.append((told.heading, told.sentence))
