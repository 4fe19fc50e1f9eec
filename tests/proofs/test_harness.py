"""
The harness: servers die with the tests, nothing waits for ever, a skip is no pass.
"""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.checker import client, explain
from tests.checker.endpoint import Endpoint
from tests.checker.plugin import explain_failure
from tests.checker.servers.redis import NOT_USED, RedisServer
from tests.checker.servers.runserver import (
    CRASH_CHECK,
    Server,
    ServerError,
    cut_earlier_clients,
    cut_library_frames,
    free_port,
    printed_at_rest,
    wait_for_the_end,
)
from tests.proofs.plugin import (
    FIRST,
    long_ones_first,
    pytest_collection_modifyitems,
)
from tests.proofs.runs import (
    ROOT,
    check,
    contract,
    copy_of,
    recorded_with,
    replace,
    run_pytest,
)
from tests.proofs.waiting import REST, ports_of_what_dies, wait_until_refused

ECHO = ROOT / "stage01_echo"

pytestmark = recorded_with(
    ECHO,
    ROOT / "stage03_groups",
    *contract("stage05_wss"),
    *(Path(__file__).with_name(name) for name in ("plugin.py", "waiting.py")),
)

HOLD_A_SERVER = """
import pathlib, sys, time
from tests.checker.servers.runserver import Server

with Server(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])) as server:
    print(server.port, flush=True)
    REST
""".replace("REST", REST)


@pytest.mark.posix("Windows has one way to end a process, and no signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_server_dies_with_the_tests(tmp_path: Path, name: str) -> None:
    words = (ECHO, tmp_path / "server.log")
    [port] = ports_of_what_dies(HOLD_A_SERVER, *words, by=name)
    wait_until_refused(port)


SLOW_TO_SAY_SO = """
import socketserver, time

def listen_first(server, listen=socketserver.TCPServer.server_activate):
    listen(server)
    time.sleep(0.5)

socketserver.TCPServer.server_activate = listen_first
"""


def test_what_a_server_prints_of_its_start_is_over_when_it_has_started(
    tmp_path: Path,
) -> None:
    project = copy_of(ROOT / "tests" / "start", tmp_path / "project")
    (project / "config" / "slow.py").write_text(SLOW_TO_SAY_SO, encoding="utf-8")
    replace(project / "manage.py", "import os", "import config.slow\nimport os")
    with Server(project, tmp_path / "server.log") as server:
        assert "Quit the server" in server.printed()
        start = server.position()
        time.sleep(0.5)
        assert server.printed(start) == ""


def test_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    project = copy_of(ECHO, tmp_path / "project")
    replace(project / "config" / "urls.py", "urlpatterns = [", "urlpatterns = [[")
    server = Server(project, tmp_path / "server.log")
    with pytest.raises(ServerError, match="ended with exit status 1"), server:
        pass
    assert "SyntaxError" in server.printed()


def test_server_leaves_no_files_in_the_project(tmp_path: Path) -> None:
    project = copy_of(ECHO, tmp_path / "project")
    before = sorted(project.rglob("*"))
    with (
        Server(project, tmp_path / "server.log") as server,
        client.connect(server, "/ws/echo/"),
    ):
        pass
    assert sorted(project.rglob("*")) == before


CRASHES_LATE = """
    async def disconnect(self, code):
        raise RuntimeError("late")
"""


@pytest.mark.parametrize("crash", ["", CRASHES_LATE], ids=["none", "late"])
def test_crash_after_the_close_is_waited_for_and_where_there_is_none_nobody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crash: str
) -> None:
    monkeypatch.setattr("tests.checker.servers.runserver.CRASH_CHECK", 60)
    # Real servers: what Daphne does once a second, and what it has done by then.
    project = copy_of(ECHO, tmp_path / "project")
    with (project / "chat" / "consumers.py").open("a", encoding="utf-8") as file:
        file.write(crash)
    with Server(project, tmp_path / "server.log") as server:
        for _again in range(3):  # Somewhere between two of Daphne's looks.
            start = server.position()
            with client.connect(server, "/ws/echo/"):
                pass
            begin = time.monotonic()
            printed = printed_at_rest(server, start)
            assert ("RuntimeError: late" in printed) == bool(crash)
            assert time.monotonic() - begin < 60


def test_library_frames_are_cut_and_our_own_stay(tmp_path: Path) -> None:
    own = tmp_path.resolve() / "chat" / "consumers.py"
    printed = (
        "Traceback (most recent call last):\n"
        '  File "/usr/lib/python3/asyncio/tasks.py", line 1, in step\n'
        "    run()\n"
        f'  File "{own}", line 7, in receive\n'
        "    raise ValueError\n"
        "    ^^^^^^^^^^^^^^^^\n"
        "ValueError\n"
    )
    relative = Path("chat") / "consumers.py"
    assert cut_library_frames(printed, tmp_path) == (
        "Traceback (most recent call last):\n"
        f'  File "{relative}", line 7, in receive\n'
        "    raise ValueError\n"
        "    ^^^^^^^^^^^^^^^^\n"
        "ValueError\n"
    )


def test_end_of_an_earlier_client_is_cut_and_of_a_later_one_stays() -> None:
    earlier = "WebSocket DISCONNECT /ws/echo/ [127.0.0.1:40001]\n"
    later = (
        "WebSocket HANDSHAKING /ws/echo/ [127.0.0.1:40000]\n"
        "WebSocket CONNECT /ws/echo/ [127.0.0.1:40000]\n"
        "WebSocket DISCONNECT /ws/echo/ [127.0.0.1:40000]\n"
    )
    assert cut_earlier_clients(earlier + later) == later
    assert cut_earlier_clients(later + earlier) == later


class Silent:
    """A server that prints nothing, and keeps for how long it was looked at."""

    def printed_within(self, _pattern: str, _since: int, seconds: float) -> str:
        self.seconds = seconds
        return ""


@pytest.mark.parametrize(
    ("symptom", "seconds"),
    [
        *(
            (symptom, CRASH_CHECK)
            for symptom in (
                *("HTTP 500", "refused with 500", "login 500", "no answer", "silence"),
                *("close 1011", "close 1000", "close 1011 for 4401", "left open"),
                *("lost", "no pong", "leave for message", "not refused", ""),
            )
        ),
        *(
            (symptom, 0)
            for symptom in (
                *("HTTP 403", "HTTP 404", "refused with 404", "login 403", "http 200"),
                *("TLS: certificate has expired", "check --deploy: security.W004"),
            )
        ),
    ],
)
def test_failure_waits_for_a_crash_where_one_could_explain_it(
    symptom: str, seconds: float
) -> None:
    report = SimpleNamespace(sections=[])
    item = SimpleNamespace(
        server=Silent(),
        position=0,
        nodeid="tests/test_stage.py",
        path=Path("tests/test_stage.py"),
        config=SimpleNamespace(getoption=lambda _name: None),
    )
    explain_failure(report, item, client.WireError(symptom, "what was seen"))
    assert item.server.seconds == seconds


def test_client_that_finds_no_server_says_so() -> None:
    nobody = Endpoint(f"ws://127.0.0.1:{free_port()}")
    with (
        pytest.raises(client.WireError, match="Is the server running") as error,
        client.connect(nobody, "/ws/echo/"),
    ):
        pass
    assert explain.diagnose(error.value.symptom, "")


def test_client_ignores_the_proxy_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
    with (
        Server(ECHO, tmp_path / "server.log") as server,
        client.connect(server, "/ws/echo/") as ana,
    ):
        ana.send("hello")
        ana.expect("hello")


def test_checks_take_a_server_that_already_runs(tmp_path: Path) -> None:
    with Server(ECHO, tmp_path / "server.log") as server:
        result = check("stage01_echo", "--url", server.url)
    assert result.returncode == pytest.ExitCode.OK, result.stdout
    # What needs the server's own output cannot be checked from outside.
    assert "  skip  close raises nothing in the server" in result.stdout


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--project", "docs", "there is no manage.py in docs"),
        ("--url", "http://127.0.0.1:8000", "does not begin with ws:// or wss://"),
    ],
)
def test_options_that_name_no_server_are_refused(
    option: str, value: str, sentence: str
) -> None:
    result = check("stage01_echo", option, value)
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_checks_without_a_redis_say_how_to_install_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_SERVER", "no-such-program")
    result = check("stage03_groups", "-k", "4503 or switches or two_servers")
    assert result.returncode == pytest.ExitCode.OK, result.stdout
    assert (
        "ok    handshake switches from HTTP to WebSocket (in memory)" in result.stdout
    )
    assert "skip  handshake switches from HTTP to WebSocket (on Redis)" in result.stdout
    assert "apt install redis-server" in result.stdout
    assert "1 check passes, 5 could not be tried." in result.stdout


@pytest.mark.parametrize(
    ("condition", "verdict", "end"),
    [
        ("if False:", "skip", "1 check passes, 1 could not be tried."),
        ("if REDIS_URL:", "ok  ", "All 2 checks pass."),
    ],
    ids=["in memory", "in Redis"],
)
def test_what_memory_answers_is_not_said_to_be_kept_on_redis(
    tmp_path: Path, redis: RedisServer, condition: str, verdict: str, end: str
) -> None:
    project = copy_of(ROOT / "stage03_groups", tmp_path / "mine")
    replace(project / "config" / "settings.py", "if REDIS_URL:", condition)
    result = check("stage03_groups", "-k", "handshake_is_told", "--project", project)
    name = "handshake is told to everyone in the room"
    assert f"ok    {name} (in memory)" in result.stdout
    assert f"{verdict}  {name} (on Redis)" in result.stdout
    assert end in result.stdout
    is_told = " ".join(NOT_USED.split()) in " ".join(result.stdout.split())
    assert is_told == (verdict == "skip")


@pytest.mark.parametrize(
    ("ci", "status"), [({"CI": "true"}, pytest.ExitCode.TESTS_FAILED), ({}, 0)]
)
def test_skip_is_a_failure_in_ci_and_only_there(
    tmp_path: Path, ci: dict[str, str], status: int
) -> None:
    with Server(ECHO, tmp_path / "server.log") as server:
        result = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "tests/test_stage01_echo.py"),
                *("--url", server.url, "-k", "nothing_in_the_server"),
                *("-p", "no:cacheprovider", "-p", "no:xdist"),
            ],
            cwd=ROOT,
            env={k: v for k, v in os.environ.items() if k != "CI"} | ci,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert result.returncode == status, result.stdout


@pytest.mark.posix("Windows has no pty")
def test_report_on_a_terminal_says_nothing_of_collecting() -> None:
    import pty  # Not on Windows.

    ours, theirs = pty.openpty()
    words = ("tests/test_stage01_echo.py", "--learner", "--url", "ws://127.0.0.1:1")
    command = (
        sys.executable,
        "-m",
        "pytest",
        *words,
        "-k",
        "switches",
        "-p",
        "no:xdist",
    )
    with subprocess.Popen(command, cwd=ROOT, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        printed = b""
        with suppress(OSError):  # Linux says so when the other end is closed.
            while some := os.read(ours, 65_536):
                printed += some
    os.close(ours)
    assert process.returncode == pytest.ExitCode.TESTS_FAILED
    assert b"stop" in printed
    assert b"collect" not in printed


def test_server_that_does_not_end_is_told_in_words() -> None:
    command = (sys.executable, "-c", "import time; time.sleep(60)")
    with subprocess.Popen(command) as process:
        with pytest.raises(
            AssertionError, match=r"asked to stop, and 0\.1 seconds later"
        ):
            wait_for_the_end(process, 0.1)
        process.kill()
        assert wait_for_the_end(process, 10)  # It was killed: no status of success.


class Leaving(Endpoint):
    """A server that has one task less each time that it is asked."""

    left = 5

    def tasks(self) -> int:
        self.left -= 1
        return self.left


def test_check_waits_until_the_clients_before_it_have_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Leaving("ws://127.0.0.1:1")
    assert server.settle(2) == 2
    # One that never comes to rest is waited for in vain, and not for ever.
    monkeypatch.setattr(Leaving, "tasks", lambda _self: 7)
    assert server.settle(2, 0.05) == 7


def collected(*arguments: str, **environment: str) -> list[str]:
    """Return the names of the tests that pytest would run, in order."""
    run = run_pytest("--collect-only", "-q", *arguments, **environment)
    assert run.returncode == pytest.ExitCode.OK, run.stdout
    return [line for line in run.stdout.splitlines() if "::test_" in line]


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("count", [8, 50])
def test_what_takes_long_begins_the_share_of_each_worker(
    workers: int, count: int
) -> None:
    times = [0.0] * count
    for place in range(0, count, count // 8):
        times[place] = 10.0 + place
    pending = long_ones_first(list(range(count)), times, workers)
    assert sorted(pending) == list(range(count))
    quick = [number for number in pending if not times[number]]
    assert quick == sorted(quick)
    firsts = []
    for left in range(workers, 0, -1):  # As `--dist worksteal` deals.
        share = [times[pending.pop(0)] for _ in range(len(pending) // left)]
        long = share[FIRST:] if count > 8 else share
        assert long == sorted(long, reverse=True)
        firsts.append(long[0])
    assert firsts == sorted(filter(None, times), reverse=True)[:workers]


def test_checks_of_a_learner_keep_the_order_of_the_contract(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Whose check takes long is known here, and must not come first there.
    known = {"others": {"slow": {"slow": 9}}}
    monkeypatch.setattr("tests.proofs.plugin.records", lambda _file: known)
    names = ("a", "b", "c", "d", "slow")
    items = [
        SimpleNamespace(nodeid=name, stash={}, get_closest_marker=lambda _name: None)
        for name in names
    ]
    kept = list(items)
    pytest_collection_modifyitems(SimpleNamespace(), items)
    assert items == kept
    worker = SimpleNamespace(workerinput={"workercount": 2})
    pytest_collection_modifyitems(worker, items)
    assert items != kept


@pytest.mark.parametrize("stage", ["stage03_groups", "stage04_auth", "stage05_wss"])
def test_crowds_come_last_of_the_checks(stage: str) -> None:
    suite = f"tests/test_{stage}.py"
    crowds = collected(suite, "-m", "crowd")
    assert sum("00_clients" in name for name in crowds) == 3
    assert collected(suite)[-len(crowds) :] == crowds


@pytest.mark.parametrize("stage", ["stage01_echo", "stage03_groups", "stage04_auth"])
def test_what_takes_seconds_comes_after_what_answers_at_once(stage: str) -> None:
    suite = f"tests/test_{stage}.py"
    late = collected(suite, "-m", "patient or crowd")
    assert late
    assert collected(suite)[-len(late) :] == late


@pytest.mark.parametrize(
    ("few", "crowd"),
    [
        ("of_3_speakers", "of_20_speakers"),
        ("reach_10_clients", "reach_300_clients"),
        ("of_5_clients", "of_200_clients"),
    ],
)
def test_few_clients_come_before_a_crowd(few: str, crowd: str) -> None:
    names = collected("tests/test_stage03_groups.py")
    first = [
        next(n for n, name in enumerate(names) if each in name) for each in (few, crowd)
    ]
    assert first == sorted(first)
