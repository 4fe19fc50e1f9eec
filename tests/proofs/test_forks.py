"""
Programs that are forked from libraries that are imported already: the same programs.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.checker.servers import launch
from tests.checker.servers.forks import Forked, fork_server, may_fork
from tests.checker.servers.runserver import clean_environment
from tests.proofs.runs import ROOT, recorded_with
from tests.proofs.waiting import REST

pytestmark = [
    pytest.mark.posix("Windows does not fork"),
    recorded_with(Path(__file__).with_name("waiting.py")),
]

# What a program can see of how it was started.
TELL = """
import json, os, random, sys

print(json.dumps({
    "name": __name__,
    "file": __file__,
    "arguments": sys.argv,
    "folder": os.getcwd(),
    "path": [each for each in sys.path if each],
    "bytecode": sys.dont_write_bytecode,
    "unbuffered": sys.stdout.write_through,
    "encoding": sys.stdout.encoding,
    "environment": dict(os.environ),
    "checks": sorted(name for name in sys.modules if name.startswith("tests")),
    "signals": [str(__import__("signal").getsignal(n)) for n in (2, 15, 17)],
    "open": sorted(os.listdir("/dev/fd"))[:3],
}))
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder for a manage.py."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def start(project: Path) -> Iterator[Callable]:
    """Start a manage.py that is this code, forked if that can be."""
    started = []

    def start(code: str, *, is_forked: bool = True, **environment: str) -> Forked:
        (project / "manage.py").write_text(code, encoding="utf-8")
        process = launch.start(
            [sys.executable, "manage.py", "a", "b c"],
            cwd=project,
            env=clean_environment() | environment,
            forks=fork_server().address if is_forked else None,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()


def test_forked_program_sees_what_a_cold_one_sees(
    start: Callable, tmp_path: Path
) -> None:
    folders = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{tmp_path / 'b'}"}
    told = []
    for is_forked in (False, True):
        process = start(TELL, is_forked=is_forked, PYTHONUNBUFFERED="1", **folders)
        assert isinstance(process, Forked) == is_forked
        printed, _nothing = process.communicate(timeout=30)
        assert process.returncode == 0, printed
        told.append(json.loads(printed))
    cold, forked = told
    assert forked == cold


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("", 0, ""),
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('in words')", 1, "in words"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero"),
        ("def", 1, "SyntaxError"),
        ("import os; os.abort()", -signal.SIGABRT, ""),
        ("import atexit; atexit.register(print, 'the end')", 0, "the end"),
        ("import sys; sys.exit(256 + 5)", 5, ""),
        ("raise KeyboardInterrupt", -signal.SIGINT, "KeyboardInterrupt"),
        (
            "from threading import Timer; Timer(0.1, print, ['later']).start()",
            0,
            "later",
        ),
    ],
)
def test_forked_program_ends_as_it_would_alone(
    start: Callable, code: str, status: int, words: str
) -> None:
    for is_forked in (False, True):
        process = start(code, is_forked=is_forked)
        printed, _nothing = process.communicate(timeout=30)
        assert process.returncode == status, printed
        assert process.poll() == status
        assert words in printed


def test_forked_program_is_stopped_and_killed(start: Callable) -> None:
    wait = "print('here', flush=True); __import__('time').sleep(60)"
    for stop, number in ((Forked.terminate, 15), (Forked.kill, 9)):
        process = start(wait)
        assert process.stdout.readline() == "here\n"
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        stop(process)
        assert process.wait(30) == -number
        stop(process)  # Of what has ended: nothing.


def test_forked_programs_do_not_share_their_chance(start: Callable) -> None:
    numbers = {
        start("import random; print(random.random())").communicate(timeout=30)[0]
        for _ in range(3)
    }
    assert len(numbers) == 3


def test_forked_program_logs_frames_as_one_without_click(start: Callable) -> None:
    code = "import click; from autobahn.util import hl; print(hl('frame'))"
    process = start(code)
    assert process.communicate(30) == ("frame\n", None)  # Not painted.
    assert process.returncode == 0  # Who wants click has it.


def test_program_that_takes_too_long_is_told_with_what_it_printed(
    start: Callable,
) -> None:
    process = start("print('so far', flush=True); __import__('time').sleep(60)")
    with pytest.raises(subprocess.TimeoutExpired) as late:
        process.communicate(timeout=0.5)
    assert late.value.output == "so far\n"


def test_forked_program_is_not_taken_apart_at_its_end(start: Callable) -> None:
    code = "class A:\n    def __del__(self): print('apart')\na = A()\nprint('done')"
    printed = {}
    for is_forked in (False, True):
        process = start(code, is_forked=is_forked)
        printed[is_forked] = process.communicate(timeout=30)[0].split()
        assert process.returncode == 0
    assert printed == {False: ["done", "apart"], True: ["done"]}


@pytest.mark.parametrize("library", ["channels.py", "json.py", "redis/__init__.py"])
def test_file_that_is_called_like_a_library_starts_cold(
    project: Path, start: Callable, library: str
) -> None:
    file = project / library
    file.parent.mkdir(exist_ok=True)
    file.write_text("print('not the library')")
    name = library.partition("/")[0].removesuffix(".py")
    process = start(f"import {name}")
    assert isinstance(process, subprocess.Popen)
    assert process.communicate(timeout=30)[0] == "not the library\n"


def test_what_reads_more_than_we_imitate_starts_cold() -> None:
    clean = clean_environment()
    serve = [sys.executable, "manage.py", "runserver"]
    assert may_fork(serve, clean)
    assert may_fork([sys.executable, "-m", "daphne", "-e", "ssl:8443"], clean)
    assert not may_fork(serve, {**clean, "PYTHONWARNINGS": "error"})
    assert not may_fork(["python3", *serve[1:]], clean)
    assert not may_fork([sys.executable, "-c", "1"], clean)


# OpenSSL reads its configuration when it is loaded. Ask what it allows a client.
OLD_TLS = """
from OpenSSL import SSL
context = SSL.Context(SSL.TLS_METHOD)
context.set_max_proto_version(SSL.TLS1_2_VERSION)
client = SSL.Connection(context)
client.set_connect_state()
try:
    client.do_handshake()
except SSL.WantReadError:
    print("It says hello.")
except SSL.Error as error:
    print(error)
"""
MODERN = """\
openssl_conf = defaults
[defaults]
ssl_conf = tls
[tls]
system_default = modern
[modern]
MinProtocol = TLSv1.3
"""


def test_what_configures_openssl_is_forked_from_what_is_configured_alike(
    project: Path, start: Callable
) -> None:
    variables = {"OPENSSL_CONF": "openssl.cnf"}

    def expect_from_cold_to_forked(words: str) -> None:
        """The first starts as the reader's. From which one on they do not, depends."""
        process = start(OLD_TLS, **variables)
        assert isinstance(process, subprocess.Popen)
        while isinstance(process, subprocess.Popen):
            assert process.communicate(timeout=30)[0] == words
            process = start(OLD_TLS, **variables)
        assert process.communicate(timeout=30)[0] == words

    (project / "openssl.cnf").write_text(MODERN)
    expect_from_cold_to_forked("[('SSL routines', '', 'no protocols available')]\n")
    told = []
    for is_forked in (False, True):
        process = start(TELL, is_forked=is_forked, **variables)
        told.append(json.loads(process.communicate(timeout=30)[0]))
    cold, forked = told
    assert forked == cold
    (project / "openssl.cnf").write_text(MODERN.replace("1.3", "1.2"))
    expect_from_cold_to_forked("It says hello.\n")  # Not from the one before.
    process = start(OLD_TLS)
    assert isinstance(process, Forked)
    assert process.communicate(timeout=30)[0] == "It says hello.\n"


@pytest.mark.parametrize("content", [None, ".include more.cnf\n", "A = $ENV::HOME\n"])
def test_what_configures_openssl_by_more_than_a_file_starts_cold(
    project: Path, start: Callable, content: str | None
) -> None:
    if content:
        (project / "openssl.cnf").write_text(content)
    (project / "more.cnf").write_text(MODERN)
    for _time in range(2):
        process = start("print('here')", OPENSSL_CONF="openssl.cnf")
        assert isinstance(process, subprocess.Popen)
        assert process.communicate(timeout=30)[0] == "here\n"


HOLD = """
import pathlib, subprocess, sys, time
from tests.checker.servers import launch
from tests.checker.servers.forks import ForkServer
from tests.checker.servers.runserver import clean_environment

project = pathlib.Path(sys.argv[1])
configured = {"OPENSSL_CONF": sys.argv[2]} if sys.argv[2] else {}
with ForkServer() as forks:
    def start(folder):
        return launch.start(
            [sys.executable, "manage.py"],
            cwd=folder,
            env=clean_environment() | configured,
            forks=forks.address,
            stdin=subprocess.DEVNULL,
            stdout=None,
            stderr=None,
        )
    # With a configuration, some start cold.
    while isinstance(process := start(project / "empty"), subprocess.Popen):
        process.wait()
    process.wait()
    assert not isinstance(start(project), subprocess.Popen)
    REST
""".replace("REST", REST)
CONNECT = """
import socket, time
connection = socket.create_connection(("127.0.0.1", {port}))
time.sleep(60)
"""


@pytest.mark.parametrize("configuration", ["", "openssl.cnf"])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_forked_program_dies_with_those_who_asked_for_it(
    project: Path, name: str, configuration: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        code = CONNECT.format(port=listener.getsockname()[1])
        (project / "empty").mkdir()
        for folder, words in ((project, code), (project / "empty", "")):
            (folder / "manage.py").write_text(words, encoding="utf-8")
            (folder / "openssl.cnf").touch()
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, project, configuration],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with holder, listener.accept()[0] as connection:
            holder.send_signal(getattr(signal, name))
            connection.settimeout(10)
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b""
