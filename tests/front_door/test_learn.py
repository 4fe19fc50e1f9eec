"""
learn.py, as a user meets it: run from another folder, in a copy of its own.

The copy is quick to set up, because it needs one tiny package and no network. Its
stage, pytest, ruff and mkdocs only tell, as JSON, what they were told.
"""

import argparse
import ast
import contextlib
import hashlib
import importlib.util
import ipaddress
import json
import os
import queue
import re
import runpy
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import types
import zipfile
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from watchdog.events import (
    FileClosedNoWriteEvent,
    FileModifiedEvent,
    FileOpenedEvent,
    FileSystemEvent,
)

from tests.checker import client, watch
from tests.checker.accounts import Browser
from tests.checker.endpoint import Endpoint
from tests.checker.servers.runserver import Server, free_port, manage
from tests.checker.servers.tls import trust
from tests.proofs.runs import copy_of

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 30  # Seconds: the bound of every wait here. None takes more than a few.
WHEEL = "tiny-1.0-py3-none-any.whl"

TELL = """\
import importlib.util, json, os, pathlib, sys

def tell(program):
    told = {
        "program": program,
        "pid": os.getpid(),
        "arguments": sys.argv[1:],
        "folder": os.getcwd(),
        "installed": importlib.util.find_spec("tiny") is not None,
        "environment": dict(os.environ),
    }
    print(json.dumps(told), flush=True)
"""

TOOL = """\
import tell, os, pathlib, sys, threading

name = pathlib.Path(__file__).stem
try:
    tell.tell(name)
    if "HANG" in os.environ:
        threading.Event().wait(60)
except KeyboardInterrupt:
    sys.exit(5)
if "RESIDUE" in os.environ:
    folder = pathlib.Path(os.environ["RESIDUE"])
    for residue in "db.sqlite3", "server.log", "chat/__pycache__/consumers.pyc":
        (folder / residue).parent.mkdir(exist_ok=True)
        (folder / residue).write_text("left behind")
sys.exit(int(os.environ.get(f"EXIT_{name.upper()}", 0)))
"""

MANAGE = """\
import http.server, os, sys

sys.path.append(os.environ["TELL"])
import tell

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<title>\\n  Echo &amp; more</title>")

host, _, port = sys.argv[2].rpartition(":")
with http.server.HTTPServer((host, int(port)), Page) as server:
    try:
        tell.tell("manage")
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(7)
"""


def wheel(folder: Path) -> str:
    """Make the one package that can be installed, and return what requires it."""
    with zipfile.ZipFile(folder / WHEEL, "w") as archive:
        info = "tiny-1.0.dist-info"
        archive.writestr("tiny.py", "")
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        names = ["tiny.py", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD"]
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in names))
    digest = hashlib.sha256((folder / WHEEL).read_bytes()).hexdigest()
    return f"tiny==1.0 --hash=sha256:{digest}\n"


def kill_group(process: subprocess.Popen) -> None:
    """End a process at once, and everything that it started."""
    if os.name == "nt":
        kill = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        subprocess.run(kill, capture_output=True, timeout=PATIENCE)
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=PATIENCE)


class Running:
    """A learn.py that runs, in a process group of its own."""

    def __init__(self, command: list[str | Path], **options: object) -> None:
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            **options,
        )
        self.printed = ""
        self.lines: queue.Queue[str] = queue.Queue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("")

    def until(self, words: str) -> str:
        """Wait until a line has these words, and return it."""
        while True:
            try:
                line = self.lines.get(timeout=PATIENCE)
            except queue.Empty:
                line = ""
            self.printed += line
            if words in line:
                return line
            if not line:
                pytest.fail(f"learn.py did not print {words!r}, but:\n{self.printed}")

    def told(self) -> dict:
        """Wait until the command in .venv tells what it was told."""
        return json.loads(self.until('{"program"'))

    def interrupt(self) -> None:
        """Press Ctrl-C, which the whole group gets."""
        os.killpg(self.process.pid, signal.SIGINT)

    def terminate(self) -> None:
        """Send SIGTERM, which learn.py alone gets."""
        self.process.terminate()

    def end(self) -> int:
        """Wait until it has ended, and everything that it started; return its code."""
        code = self.process.wait(timeout=PATIENCE)
        self.reader.join(timeout=PATIENCE)
        assert not self.reader.is_alive(), "A process that learn.py started lives on."
        if os.name != "nt":
            with pytest.raises(ProcessLookupError):  # Nobody is left in the group.
                os.killpg(self.process.pid, 0)
        while line := self.lines.get_nowait():
            self.printed += line
        return code

    def kill(self) -> None:
        """End it, and everything that it started, at once."""
        kill_group(self.process)
        self.reader.join(timeout=PATIENCE)
        self.process.stdout.close()


class Checkout:
    """A clone of the course, as learn.py sees it."""

    def __init__(self, folder: Path) -> None:
        # Spaces and letters that no 8-bit code page has: paths in the world are so.
        self.root = folder / "Kurs für Ωmega"
        self.elsewhere = folder / "elsewhere"
        self.elsewhere.mkdir()
        self.started: list[Running] = []
        tests = self.root / "tests"
        tests.mkdir(parents=True)
        shutil.copy(ROOT / "learn.py", self.root)
        copy_of(ROOT / "tests" / "checker", tests / "checker")
        (tests / "exercises").mkdir()
        for name in "stage01_echo_3.py", "stage01_echo_4.py", "stage02_routing_1.py":
            (tests / "exercises" / name).touch()
        shutil.copy(ROOT / ".gitignore", self.root)
        (self.root / "tell.py").write_text(TELL)
        for name in "pytest", "ruff", "mkdocs":
            (self.root / f"{name}.py").write_text(TOOL)
        for project in self.root / "stage01_echo", tests / "start":
            (project / "chat").mkdir(parents=True)
            (project / "chat" / "consumers.py").write_text(f"# {project.name}\n")
            (project / "manage.py").write_text(MANAGE)
        (self.root / "requirements.txt").write_text(wheel(folder))
        uv = shutil.which("uv", path=Path(sys.executable).parent)
        assert uv, "uv is among our requirements, but not beside this Python."
        self.uv = str(Path(uv).parent)
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PIP_", "UV_", "PYTEST_", "PYTHON"))
            and not name.lower().endswith("_proxy")
            and name not in ("ALLOWED_HOSTS", "CI", "VIRTUAL_ENV")
        }
        self.environment = inherited | {
            "PATH": os.pathsep.join([self.uv, os.environ["PATH"]]),
            "PYTHONUTF8": "1",
            "TELL": str(self.root),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_CACHE_DIR": "1",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": folder.as_uri(),
            "UV_CACHE_DIR": str(folder / "uv"),
            "UV_NO_CONFIG": "1",
            "UV_OFFLINE": "1",  # Asks no index, but takes what the folder has.
            "UV_FIND_LINKS": folder.as_uri(),
        }

    def without_uv(self) -> None:
        """Leave pip as the only installer."""
        folders = self.environment["PATH"].split(os.pathsep)
        self.environment["PATH"] = os.pathsep.join(
            folder for folder in folders if not shutil.which("uv", path=folder)
        )

    def with_index(self, url: str) -> None:
        """Install from an index of packages, instead of a folder."""
        for name in "PIP_NO_INDEX", "PIP_FIND_LINKS", "UV_OFFLINE", "UV_FIND_LINKS":
            del self.environment[name]
        self.environment |= {"PIP_INDEX_URL": url, "UV_DEFAULT_INDEX": url}
        self.environment |= {"PIP_RETRIES": "0", "UV_HTTP_RETRIES": "0"}

    def learn(
        self, *arguments: str | Path, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run learn.py to its end."""
        with subprocess.Popen(
            [sys.executable, self.root / "learn.py", *arguments],
            cwd=cwd or self.elsewhere,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        ) as process:
            try:
                printed = process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                kill_group(process)
                raise
        return subprocess.CompletedProcess(arguments, process.returncode, *printed)

    def start(self, *arguments: str | Path, **environment: str) -> Running:
        """Start learn.py. It ends with the test at the latest."""
        running = Running(
            [sys.executable, self.root / "learn.py", *arguments],
            cwd=self.elsewhere,
            env=self.environment | environment,
        )
        self.started.append(running)
        return running

    def files(self) -> dict[str, bytes]:
        """Return what is in every file of the user, by its path."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """A clone that has not been set up yet."""
    checkout = Checkout(tmp_path)
    yield checkout
    for running in checkout.started:
        running.kill()


class Index:
    """An index of packages on this machine, which answers when it is told to."""

    def __init__(self, folder: Path) -> None:
        self.asked = threading.Event()
        self.answer = threading.Event()
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Serve a list of one wheel, or the wheel."""
                index.asked.set()
                index.answer.wait(PATIENCE)
                wheel = self.path.endswith(".whl")
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                link = f'<a href="/{WHEEL}">{WHEEL}</a>'.encode()
                self.wfile.write((folder / WHEEL).read_bytes() if wheel else link)

            do_HEAD = do_GET  # noqa: N815

            def log_message(self, *arguments: object) -> None:
                """Keep quiet."""

            def handle(self) -> None:
                """Outlive an installer that was killed while it waited."""
                with contextlib.suppress(OSError):
                    super().handle()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/simple"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """An index that keeps the installer waiting, until `index.answer.set()`."""
    index = Index(tmp_path)
    yield index
    index.answer.set()
    index.server.shutdown()
    index.server.server_close()


@pytest.fixture
def learn(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """learn.py as a module, for what should not be done for real in a test."""
    spec = importlib.util.spec_from_file_location("learn", checkout.root / "learn.py")
    learn = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(learn)
    monkeypatch.chdir(checkout.root)
    return learn


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """Let Ctrl-C work: it may not, where a script started these tests with `&`."""
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, ours)


@pytest.fixture
def port() -> int:
    """A port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def told(result: subprocess.CompletedProcess[str]) -> list[dict]:
    """Return what the commands in .venv were told."""
    lines = result.stdout.splitlines()
    return [json.loads(line) for line in lines if line.startswith('{"program"')]


def sentence(result: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence with which learn.py refuses, and nothing more."""
    assert result.returncode == 2, result
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("learn.py: ")
    assert lines[0].endswith(".")
    assert "Traceback" not in result.stdout
    return lines[0]


# Set-up


@pytest.mark.parametrize("name", ["uv", "pip"])
def test_first_use_installs_and_the_second_does_not(
    checkout: Checkout, name: str
) -> None:
    if name == "pip":
        checkout.without_uv()
    first = checkout.learn("test")
    assert f"Setting up .venv with {name}: first use." in first.stdout
    assert first.returncode == 0, first
    assert all(tool["installed"] for tool in told(first))
    second = checkout.learn("test")
    assert "Setting up" not in second.stdout
    assert second.returncode == 0
    assert all(tool["installed"] for tool in told(second))


def test_uv_that_does_not_work_is_passed_over(
    learn: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert learn.shutil.which("uv", path=Path(sys.executable).parent)
    # Any program that ends with a failure when it is asked for its version.
    monkeypatch.setattr(learn.shutil, "which", lambda name: "uv")
    failure = subprocess.CompletedProcess([], 127)
    monkeypatch.setattr(learn.subprocess, "run", lambda *_, **__: failure)
    assert learn.installer()[0] == "pip"


def test_missing_ensurepip_is_said_with_its_cure(
    learn: types.ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(learn.shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(SystemExit) as refusal:
        learn.installer()
    assert refusal.value.code == 2
    assert "sudo apt install python3-venv" in capsys.readouterr().err


def test_killed_set_up_is_done_again(checkout: Checkout, index: Index) -> None:
    checkout.with_index(index.url)
    running = checkout.start("test")
    assert index.asked.wait(PATIENCE)
    running.kill()
    index.answer.set()
    again = checkout.learn("test")
    assert "the last set-up did not finish" in again.stdout
    assert all(tool["installed"] for tool in told(again))
    assert "Setting up" not in checkout.learn("test").stdout


@pytest.mark.posix("Ctrl-C cannot be sent to one process group on Windows")
@pytest.mark.parametrize(
    ("stop", "code"), [(Running.interrupt, 130), (Running.terminate, 143)]
)
def test_set_up_that_is_stopped_ends_the_installer_and_is_done_again(
    checkout: Checkout, index: Index, stop: Callable[[Running], None], code: int
) -> None:
    checkout.with_index(index.url)
    running = checkout.start("test")
    assert index.asked.wait(PATIENCE)
    stop(running)
    assert running.end() == code
    assert "Traceback" not in running.printed
    index.answer.set()
    assert "the last set-up did not finish" in checkout.learn("test").stdout


def test_set_up_starts_from_nothing_when_requirements_change(
    checkout: Checkout,
) -> None:
    checkout.learn("test")
    left_over = checkout.root / ".venv" / "left" / "over"
    left_over.mkdir(parents=True)
    assert "Setting up" not in checkout.learn("test").stdout
    assert left_over.exists()
    with (checkout.root / "requirements.txt").open("a") as requirements:
        requirements.write("# One more line.\n")
    assert "requirements.txt has changed" in checkout.learn("test").stdout
    assert not left_over.exists()


def test_moved_folder_is_set_up_again(checkout: Checkout) -> None:
    checkout.learn("test")
    checkout.root = checkout.root.rename(checkout.root.parent / "moved")
    moved = checkout.learn("test", TELL=str(checkout.root))
    assert "Python or this folder is not where it was" in moved.stdout
    assert moved.returncode == 0


def test_removed_python_is_set_up_again(
    checkout: Checkout, learn: types.ModuleType
) -> None:
    checkout.learn("test")
    learn.PYTHON.unlink()
    again = checkout.learn("test")
    assert "Python or this folder is not where it was" in again.stdout
    assert again.returncode == 0


def test_venv_of_somebody_else_is_left_alone(checkout: Checkout) -> None:
    (checkout.root / ".venv").mkdir()
    (checkout.root / ".venv" / "pyvenv.cfg").write_text("mine")
    before = checkout.files()
    assert "was not made by learn.py" in sentence(checkout.learn("test"))
    assert checkout.files() == before


def test_empty_venv_folder_is_nobodys(checkout: Checkout) -> None:
    (checkout.root / ".venv").mkdir()
    assert checkout.learn("test").returncode == 0


@pytest.mark.parametrize("name", ["uv", "pip"])
def test_missing_network_is_said_and_the_next_call_installs(
    checkout: Checkout, port: int, name: str
) -> None:
    environment = dict(checkout.environment)
    checkout.with_index(f"http://127.0.0.1:{port}/simple")
    if name == "pip":
        checkout.without_uv()
    words = sentence(checkout.learn("test"))
    assert f"{name} failed" in words
    assert "check the network connection" in words
    checkout.environment = environment
    assert "the last set-up did not finish" in checkout.learn("test").stdout


def test_second_learn_waits_for_the_set_up_of_the_first(
    checkout: Checkout, index: Index
) -> None:
    checkout.with_index(index.url)
    first = checkout.start("test")
    assert index.asked.wait(PATIENCE)
    second = checkout.start("test")
    second.until("Waiting for another learn.py")
    index.answer.set()
    assert first.end() == 0
    assert second.end() == 0
    assert "Setting up" in first.printed
    assert "Setting up" not in second.printed


def test_old_python_is_told_which_one_is_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 18, "final", 0))
    with pytest.raises(SystemExit) as refusal:
        runpy.run_path(str(ROOT / "learn.py"))
    assert refusal.value.code == 2
    words = "learn.py: needs Python 3.11 or newer, this is 3.8.\n"
    assert capsys.readouterr().err == words


def test_old_python_can_read_the_file() -> None:
    source = (ROOT / "learn.py").read_text(encoding="utf-8")
    assert ast.parse(source, feature_version=(3, 6))


# What cannot be


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("run 9", "there is no stage 9 in this checkout, which has: 1 (stage01_echo)"),
        ("start 2", "there is no stage 2"),
        ("check one", "there is no stage one"),
        ("run", "required: N"),
        ("serve", "'serve'"),
        ("run 1 --quick", "--quick"),
        ("run 1 --port 0", "0 is not a port"),
        ("run 1 --port 65536", "65536 is not a port"),
        ("docs --port http", "http is not a port"),
        ("run 1 --host nowhere", "nowhere is not an address"),
        ("run 1 --host 203.0.113.1", "cannot listen on 203.0.113.1"),
        ("run 1 --project nowhere", "nowhere is not a Django project"),
        ("check 1", "start 1` makes it"),
        ("check 1 --exercise 9", "no checks of its own. These have: 3, 4."),
        ("check 1 --project nowhere", "nowhere is not a Django project"),
        ("check 1 --url http://127.0.0.1", "begins with ws:// or wss://"),
        ("check 1 --url ws://127.0.0.1 --watch", "--watch watches a folder"),
        ("check 1 --url ws://127.0.0.1 --project .", "is not a Django project"),
        ("check 1 --login ana:x", "make their own users"),
    ],
)
def test_mistake_is_answered_with_one_sentence_and_changes_nothing(
    checkout: Checkout, arguments: str, words: str
) -> None:
    before = checkout.files()
    assert words in sentence(checkout.learn(*arguments.split()))
    assert checkout.files() == before


def test_url_and_project_exclude_each_other(checkout: Checkout) -> None:
    project = checkout.root / "stage01_echo"
    refused = checkout.learn("check", "1", "--url", "ws://a", "--project", project)
    assert "not allowed with" in sentence(refused)


def test_no_command_prints_the_help_with_examples(checkout: Checkout) -> None:
    result = checkout.learn(cwd=checkout.root)
    assert result.returncode == 0
    for example in "run 1", "start 1", "check 1", "test", "docs":
        assert f" learn.py {example}" in result.stdout


def test_letter_that_the_console_lacks_is_replaced(checkout: Checkout) -> None:
    console = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    result = checkout.learn("start", "1", **console)
    assert result.returncode == 0, result.stderr
    assert "Kurs f?r ?mega" in result.stdout


# start


def test_start_copies_start_without_residue(checkout: Checkout) -> None:
    source = checkout.root / "tests" / "start"
    (source / "db.sqlite3").touch()
    (source / "chat" / "__pycache__").mkdir()
    (source / "chat" / "__pycache__" / "consumers.cpython-311.pyc").touch()
    result = checkout.learn("start", "1", cwd=checkout.root)
    assert result.returncode == 0, result.stderr
    work = checkout.root / "work"
    copied = {path.relative_to(work).as_posix() for path in work.rglob("*.*")}
    assert copied == {
        "stage01_echo/manage.py",
        "stage01_echo/chat/consumers.py",
    }
    consumers = work / "stage01_echo" / "chat" / "consumers.py"
    assert consumers.read_text() == "# start\n"
    python = "py" if os.name == "nt" else "python3"
    folder = Path("work", "stage01_echo")
    assert f"{python} learn.py run 1 --project {folder}\n" in result.stdout
    assert f"{python} learn.py check 1\n" in result.stdout


def test_start_of_a_later_stage_copies_the_one_before(checkout: Checkout) -> None:
    (checkout.root / "stage02_routing").mkdir()
    assert checkout.learn("start", "2").returncode == 0
    copy = checkout.root / "work" / "stage02_routing" / "chat" / "consumers.py"
    assert copy.read_text() == "# stage01_echo\n"


def test_start_prints_commands_that_work_elsewhere(checkout: Checkout) -> None:
    printed = checkout.learn("start", "1").stdout
    assert f'"{checkout.root / "learn.py"}" check 1' in printed
    assert f'--project "{checkout.root / "work" / "stage01_echo"}"' in printed


def test_start_never_overwrites(checkout: Checkout) -> None:
    (checkout.root / "work" / "stage01_echo").mkdir(parents=True)
    (checkout.root / "work" / "stage01_echo" / "mine.py").write_text("mine")
    before = checkout.files()
    assert "rename or remove it yourself" in sentence(checkout.learn("start", "1"))
    assert checkout.files() == before


def test_start_that_was_cut_short_leaves_no_project(
    checkout: Checkout, learn: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy_a_part(source: Path, target: Path, **_: object) -> None:
        target.mkdir(parents=True)
        (target / "half.py").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(learn.shutil, "copytree", copy_a_part)
    with pytest.raises(KeyboardInterrupt):
        learn.start(argparse.Namespace(stage=1))
    monkeypatch.undo()
    project = checkout.root / "work" / "stage01_echo"
    assert not project.exists()
    assert checkout.learn("start", "1").returncode == 0
    assert (project / "manage.py").exists()
    assert not (project / "half.py").exists()
    assert list(project.parent.iterdir()) == [project]


# check


def test_check_runs_the_checks_against_the_work_folder(checkout: Checkout) -> None:
    checkout.learn("start", "1")
    [pytest_] = told(checkout.learn("check", "1"))
    assert pytest_["program"] == "pytest"
    assert Path(pytest_["folder"]) == checkout.root
    work = str(checkout.root / "work" / "stage01_echo")
    options = ["--learner", "--maxfail=1", "--project", work]
    assert pytest_["arguments"] == ["tests/test_stage01_echo.py", *options]


def test_check_takes_a_folder_from_where_the_user_is(checkout: Checkout) -> None:
    shutil.copytree(checkout.root / "stage01_echo", checkout.elsewhere / "mine")
    [pytest_] = told(checkout.learn("check", "1", "--project", "mine"))
    assert pytest_["arguments"][-1] == str(checkout.elsewhere / "mine")


def test_check_takes_a_url_and_goes_on_with_all(checkout: Checkout) -> None:
    url = "wss://127.0.0.1:8443"
    [pytest_] = told(checkout.learn("check", "1", "--all", "--url", url))
    options = ["--learner", "--url", url]
    assert pytest_["arguments"] == ["tests/test_stage01_echo.py", *options]


def test_check_passes_on_who_may_log_in(checkout: Checkout) -> None:
    logins = ["--login", "ana:a", "--login", "ben:b:c"]
    [pytest_] = told(checkout.learn("check", "1", "--url", "ws://127.0.0.1", *logins))
    assert "--login=ana:a" in pytest_["arguments"]
    assert "--login=ben:b:c" in pytest_["arguments"]


def test_check_of_an_exercise_runs_its_checks_only(checkout: Checkout) -> None:
    checkout.learn("start", "1")
    [pytest_] = told(checkout.learn("check", "1", "--exercise", "3"))
    assert pytest_["arguments"][0] == "tests/exercises/stage01_echo_3.py"
    assert pytest_["arguments"][1] == "--learner"


@pytest.mark.parametrize("code", [0, 1])
def test_check_ends_with_the_exit_code_of_the_checks(
    checkout: Checkout, code: int
) -> None:
    checkout.learn("start", "1")
    assert checkout.learn("check", "1", EXIT_PYTEST=str(code)).returncode == code


def test_watch_checks_on_a_save_and_not_on_what_the_checks_leave(
    checkout: Checkout,
) -> None:
    checkout.learn("start", "1")
    project = checkout.root / "work" / "stage01_echo"
    # The real watchdog, which the tiny set-up does not have.
    watchdog = importlib.util.find_spec("watchdog").submodule_search_locations[0]
    environment = {"PYTHONPATH": str(Path(watchdog).parent), "RESIDUE": str(project)}
    running = checkout.start("check", "1", "--watch", **environment)
    assert running.told()["arguments"][-2:] == ["--project", str(project)]
    running.until("Watching")
    (project / "chat" / "consumers.py").write_text("saved")
    running.until("consumers.py was saved")
    running.until("Watching")
    # As many editors save: another file first, then moved into place.
    (project / "chat" / "urls.py~").write_text("saved")
    (project / "chat" / "urls.py~").replace(project / "chat" / "urls.py")
    running.until("urls.py was saved")
    running.until("Watching")
    assert running.printed.count('{"program"') == 3
    if os.name != "nt":
        running.interrupt()
        assert running.end() == 0
        assert "Traceback" not in running.printed


@pytest.mark.parametrize(
    "event",
    [
        FileOpenedEvent("chat/consumers.py"),
        FileClosedNoWriteEvent("chat/consumers.py"),
        FileModifiedEvent("chat/.#consumers.py"),
        FileModifiedEvent("chat/__pycache__/consumers.cpython-311.pyc"),
        FileModifiedEvent("db.sqlite3"),
        FileModifiedEvent("server.log"),
    ],
    ids=lambda event: f"{event.event_type} {event.src_path}",
)
def test_watch_takes_nothing_else_for_a_save(event: FileSystemEvent) -> None:
    saves = watch.Saves()
    saves.on_any_event(event)
    assert saves.saved.empty()


def test_watch_takes_a_save_of_two_files_as_one() -> None:
    saves = watch.Saves()
    for name in "consumers.py", "routing.py":
        saves.on_any_event(FileModifiedEvent(name))
    assert saves.wait() == Path("routing.py")
    assert saves.saved.empty()


# run


def test_run_prints_where_then_serves_the_stage(checkout: Checkout, port: int) -> None:
    running = checkout.start("run", "1", "--port", str(port))
    manage = running.told()
    assert f"Open http://127.0.0.1:{port}/" in running.printed
    assert manage["arguments"] == ["runserver", f"127.0.0.1:{port}"]
    assert Path(manage["folder"]) == checkout.root / "stage01_echo"
    assert manage["installed"]
    assert "ALLOWED_HOSTS" not in manage["environment"]


def test_run_serves_the_learners_project(checkout: Checkout, port: int) -> None:
    mine = shutil.copytree(checkout.root / "stage01_echo", checkout.elsewhere / "mine")
    running = checkout.start("run", "1", "--port", str(port), "--project", "mine")
    assert Path(running.told()["folder"]) == mine


PREPARE = """
import sys
from pathlib import Path
import learn
learn.PYTHON = sys.executable
learn.prepare(Path("{project}"))
"""


@pytest.fixture
def stage04(tmp_path: Path) -> Path:
    """A copy of stage 4, which has a database to prepare."""
    return copy_of(ROOT / "stage04_auth", tmp_path / "stage04")


def prepare(project: Path) -> str:
    """Let the real learn.py prepare a project, and return what it prints."""
    code = PREPARE.format(project=project.as_posix())
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout.decode()


def can_log_in(project: Path, password: str) -> bool:
    """Tell whether the login of ana, in a server of the project, takes a password."""
    with Server(project, project / "server.log") as server:
        fields = {"username": "ana", "password": password}
        browser = Browser(server)
        browser.submit("/login/", "/login/", **fields)
        return browser.has_session()


def test_run_loads_the_demo_users_and_says_their_password_once(stage04: Path) -> None:
    printed = prepare(stage04)
    assert "ana, ben and cleo" in printed
    [password] = re.findall(r"password of each is (\S+)\.", printed)
    assert can_log_in(stage04, password)
    assert prepare(stage04) == ""


def test_run_leaves_a_database_with_users_as_it_is(stage04: Path) -> None:
    prepare(stage04)
    change = "from django.contrib.auth.models import User as U;"
    change += "u = U.objects.get(username='ana'); u.set_password('other'); u.save()"
    assert manage(stage04, "shell", "--command", change).returncode == 0
    prepare(stage04)
    assert can_log_in(stage04, "other")


@pytest.mark.parametrize("steps", [[], [("migrate", "--verbosity", "0")]])
def test_run_goes_on_where_a_database_was_left_without_users(
    stage04: Path, steps: list[tuple[str, ...]]
) -> None:
    (stage04 / "db.sqlite3").touch()  # What a server without migrations leaves.
    for step in steps:
        assert manage(stage04, *step).returncode == 0
    assert "open-sesame" in prepare(stage04)
    assert can_log_in(stage04, "open-sesame")


def test_run_prepares_nothing_where_there_are_no_demo_users(stage04: Path) -> None:
    shutil.rmtree(stage04 / "chat" / "fixtures")
    assert prepare(stage04) == ""
    assert not (stage04 / "db.sqlite3").exists()


def test_port_in_use_is_said_by_whom_and_the_offered_one_works(
    checkout: Checkout, port: int
) -> None:
    running = checkout.start("run", "1", "--port", str(port))
    manage = running.told()
    words = sentence(checkout.learn("run", "1", "--port", str(port)))
    assert f"port {port} is in use by" in words
    assert f"(process {manage['pid']})" in words
    assert "which serves 'Echo & more'" in words
    offered = words.rpartition("--port ")[2].rstrip(".")
    manage = checkout.start("run", "1", "--port", offered).told()
    assert manage["arguments"] == ["runserver", f"127.0.0.1:{offered}"]


def test_port_that_was_in_use_a_moment_ago_is_not_offered(
    learn: types.ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(learn, "page_title", lambda *_: "Rooms")
    monkeypatch.setattr(learn, "is_free", lambda *_: True)
    with pytest.raises(SystemExit):
        learn.need_free_port(learn.host_address("127.0.0.1"), 8000)
    assert capsys.readouterr().err.rstrip().endswith("--port 8001.")


def test_port_of_a_silent_program_is_in_use_too(checkout: Checkout) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        words = sentence(checkout.learn("docs", "--port", str(port)))
    assert f"port {port} is in use by" in words
    assert f"(process {os.getpid()})" in words
    assert "which serves" not in words


def test_port_of_a_connection_that_is_over_is_free(checkout: Checkout) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            # Who closes first keeps the port for a minute, in TIME_WAIT.
            server.accept()[0].close()
            assert client.recv(1) == b""
    running = checkout.start("run", "1", "--port", str(port))
    assert running.told()["arguments"] == ["runserver", f"127.0.0.1:{port}"]


@pytest.mark.parametrize(
    ("host", "lan", "opened", "allowed"),
    [
        ("127.0.0.1", "192.0.2.7", "http://127.0.0.1:8000/", None),
        ("::1", "192.0.2.7", "http://[::1]:8000/", None),
        ("0.0.0.0", "192.0.2.7", "http://192.0.2.7:8000/", "192.0.2.7"),  # noqa: S104
        ("0.0.0.0", "", "http://127.0.0.1:8000/", ""),  # noqa: S104
        ("192.0.2.8", "192.0.2.7", "http://192.0.2.8:8000/", "192.0.2.8"),
        ("fd00::8", "192.0.2.7", "http://[fd00::8]:8000/", "[fd00::8]"),
    ],
)
def test_allowed_hosts_are_set_for_a_classroom_only(
    learn: types.ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    host: str,
    lan: str,
    opened: str,
    allowed: str | None,
) -> None:
    calls = []
    for name, replacement in {
        "need_free_port": lambda *_: None,
        "set_up": lambda: None,
        "lan_address": lambda: lan,
        "call": lambda *arguments, **options: calls.append((arguments, options)) or 0,
    }.items():
        monkeypatch.setattr(learn, name, replacement)
    monkeypatch.delenv("ALLOWED_HOSTS", raising=False)
    address = learn.host_address(host)
    learn.run(argparse.Namespace(project=None, stage=1, host=address, port=8000))
    [(arguments, options)] = calls
    bracketed = f"[{host}]" if ":" in host else host
    assert arguments == ("manage.py", "runserver", f"{bracketed}:8000")
    printed = capsys.readouterr().out
    assert opened in printed
    assert ("DEBUG is on" in printed) == (allowed is not None)
    local = ["localhost", "127.0.0.1", "[::1]"]
    hosts = None if allowed is None else [*local, *allowed.split()]
    found = options["env"].get("ALLOWED_HOSTS")
    assert (found.split() if found else found) == hosts


def test_lan_address_is_one_of_this_machine_or_none(learn: types.ModuleType) -> None:
    lan = learn.lan_address()
    assert lan == "" or not ipaddress.ip_address(lan).is_unspecified


@pytest.mark.posix("Ctrl-C cannot be sent to one process group on Windows")
def test_ctrl_c_ends_the_server_and_passes_its_exit_code_on(
    checkout: Checkout, port: int
) -> None:
    running = checkout.start("run", "1", "--port", str(port))
    running.told()
    running.interrupt()
    assert running.end() == 7
    assert "Traceback" not in running.printed


@pytest.mark.posix("Windows has no SIGTERM")
@pytest.mark.parametrize("handler", [signal.SIG_DFL, signal.SIG_IGN])
def test_sigterm_ends_the_server_too(
    checkout: Checkout, port: int, handler: signal.Handlers
) -> None:
    # What a script starts with `&` ignores Ctrl-C, and what that starts does too.
    signal.signal(signal.SIGINT, handler)
    running = checkout.start("run", "1", "--port", str(port))
    running.told()
    running.terminate()
    assert running.end() == 7
    assert "Traceback" not in running.printed


# run, with TLS


SERVE = """
import sys
import learn
learn.PYTHON = sys.executable
learn.set_up = lambda: None
sys.exit(learn.main())
"""


@pytest.fixture
def stage05(tmp_path: Path) -> Path:
    """A copy of stage 5, in a folder with a space in its name."""
    return copy_of(ROOT / "stage05_wss", tmp_path / "stage 5")


@pytest.fixture
def run_tls(
    learn: types.ModuleType, stage05: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[tuple[tuple, dict]]]:
    """Let learn.py run stage 5, and return what it called. Only keys are made."""
    calls = []

    def call(*arguments: str, **options: object) -> int:
        calls.append((arguments, options))
        if "make_keys" in arguments:
            assert manage(stage05, *arguments[1:]).returncode == 0
        return 0

    for name, replacement in {
        "need_free_port": lambda *_: None,
        "set_up": lambda: None,
        "prepare": lambda _: None,
        "lan_address": lambda: "192.0.2.7",
        "call": call,
    }.items():
        monkeypatch.setattr(learn, name, replacement)

    def run_tls(*arguments: str) -> list[tuple[tuple, dict]]:
        calls.clear()
        command = ["run", "5", *arguments, "--project", str(stage05)]
        monkeypatch.setattr(learn, "STAGES", {5: stage05})
        monkeypatch.setattr(sys, "argv", ["learn.py", *command])
        # What main() sets besides is for a process of its own.
        options, _rest = learn.parser().parse_known_args()
        assert learn.run(options) == 0
        return calls

    return run_tls


def key_names(calls: list[tuple[tuple, dict]]) -> list[str]:
    """Return the names that keys were made for."""
    return [words[-1] for words, _options in calls if "make_keys" in words]


def test_run_5_makes_keys_once(
    run_tls: Callable, stage05: Path, learn: types.ModuleType
) -> None:
    certificate = stage05 / "keys" / "server.pem"
    assert key_names(run_tls()) == ["localhost"]
    made = certificate.read_bytes()
    assert key_names(run_tls()) == []
    assert certificate.read_bytes() == made
    almost_over = certificate.stat().st_mtime - learn.RENEW
    os.utime(certificate, (almost_over, almost_over))
    assert key_names(run_tls()) == ["localhost"]
    assert certificate.read_bytes() != made


def test_run_5_makes_keys_for_a_new_name_once(run_tls: Callable) -> None:
    everywhere = ("--host", "0.0.0.0")  # noqa: S104
    assert key_names(run_tls()) == ["localhost"]
    assert key_names(run_tls("--name", "chat.lan")) == ["chat.lan"]
    assert key_names(run_tls("--name", "chat.lan")) == []
    assert key_names(run_tls("--name", "chat.la")) == ["chat.la"]
    assert key_names(run_tls(*everywhere)) == ["192.0.2.7"]
    assert key_names(run_tls(*everywhere)) == []
    assert key_names(run_tls()) == [], "localhost is in every certificate."


@pytest.mark.parametrize(
    ("arguments", "site", "interface"),
    [
        ("", "localhost:8443", "127.0.0.1"),
        ("--tls-port 9443", "localhost:9443", "127.0.0.1"),
        ("--host ::1", "localhost:8443", r"\:\:1"),
        ("--host 127.0.0.2", "127.0.0.2:8443", "127.0.0.2"),
        ("--host 0.0.0.0", "192.0.2.7:8443", "0.0.0.0"),  # noqa: S104
        ("--host 192.0.2.8", "192.0.2.8:8443", "192.0.2.8"),
        ("--host fd00::8", "[fd00::8]:8443", r"fd00\:\:8"),
        ("--host 0.0.0.0 --name chat.lan", "chat.lan:8443", "0.0.0.0"),  # noqa: S104
    ],
)
def test_run_5_serves_the_site_that_it_prints(
    run_tls: Callable,
    learn: types.ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: str,
    site: str,
    interface: str,
) -> None:
    monkeypatch.setattr(learn, "is_for", lambda *_: True)
    monkeypatch.setenv("BEHIND_PROXY", "1")
    monkeypatch.setenv("OPENSSL_CONF", os.devnull)
    words, options = run_tls(*arguments.split())[-1]
    assert f"Open https://{site}/\n" in capsys.readouterr().out
    assert words[:3] == ("-m", "daphne", "-e")
    port = site.rpartition(":")[2]
    assert words[3].startswith(f"ssl:{port}:interface={interface}:privateKey=")
    assert words[4:6] == ("-e", f"tcp:8000:interface={interface}")
    assert options["env"]["SITE"] == site
    assert "BEHIND_PROXY" not in options["env"]
    # OpenSSL says nothing about a file that is not there.
    assert (options["cwd"] / options["env"]["OPENSSL_CONF"]).is_file()


def test_run_5_without_a_network_is_for_this_machine(
    run_tls: Callable, learn: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learn, "lan_address", lambda: "")
    _words, options = run_tls("--host", "0.0.0.0")[-1]  # noqa: S104
    assert options["env"]["SITE"] == "localhost:8443"


def test_run_5_goes_no_further_without_keys(
    run_tls: Callable, learn: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learn, "call", lambda *_, **__: 3)
    monkeypatch.setattr(learn, "prepare", lambda _: pytest.fail("went further"))
    with pytest.raises(AssertionError, match="3 == 0"):
        run_tls("--name", "two words")


@pytest.mark.parametrize("option", ["--port", "--tls-port"])
def test_run_5_says_which_port_is_in_use(
    checkout: Checkout, stage05: Path, port: int, option: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        used = str(other.getsockname()[1])
        ports = {"--port": str(port), "--tls-port": "8443", option: used}
        words = [word for each in ports.items() for word in each]
        refused = checkout.learn("run", "1", "--project", stage05, *words)
    assert f"port {used} is in use by" in sentence(refused)
    assert re.search(rf"with {option} \d+\.$", sentence(refused))
    assert not (stage05 / "keys").exists()


def test_run_5_offers_no_port_that_it_needs_itself(
    learn: types.ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(learn, "page_title", lambda *_: "Rooms")
    monkeypatch.setattr(learn, "is_free", lambda *_: True)
    with pytest.raises(SystemExit):
        learn.need_free_port(learn.host_address("::1"), 8443, "--tls-port", 8000)
    assert capsys.readouterr().err.rstrip().endswith("--tls-port 8001.")


def test_run_5_needs_two_ports(checkout: Checkout, stage05: Path, port: int) -> None:
    ports = ("--port", str(port), "--tls-port", str(port))
    refused = checkout.learn("run", "1", "--project", stage05, *ports)
    assert "one is for http only" in sentence(refused)


@pytest.mark.posix("Ctrl-C cannot be sent to one process group on Windows")
def test_run_5_gives_a_site_that_works_until_ctrl_c(
    stage05: Path,
) -> None:
    # An address that no certificate has by itself. macOS has one of loopback only.
    host = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"
    http, https = free_port(), free_port()
    words = ["run", "5", "--project", stage05, "--host", host]
    words += ["--port", str(http), "--tls-port", str(https)]
    environment = {**os.environ, "BEHIND_PROXY": "1", "PYTHONUTF8": "1"}
    running = Running([sys.executable, "-c", SERVE, *words], cwd=ROOT, env=environment)
    try:
        running.until("Chrome on Linux mkdir")
        url = running.until("Open https://").split()[1].rstrip("/")
        running.until("Listening on TCP address")
        running.until("Listening on TCP address")
        server = Endpoint(url.replace("https", "wss"), trust(stage05 / "keys/ca.pem"))
        browser = Browser(server).log_in("ana", "open-sesame")
        headers = browser.headers_at(server.url)
        assert headers["Origin"] == url
        room = client.connect(server, "/ws/rooms/tea/", additional_headers=headers)
        with room as ana:
            ana.expect_json(type="welcome", name="ana")
        # TLS 1.3 only: it has read the file that OPENSSL_CONF names.
        server.trust.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(client.WireError, match="TLS"):
            Browser(server).open("/login/")
        forged = {"X-Forwarded-Proto": "https"}
        asked = HTTPConnection(host, http, timeout=PATIENCE)
        asked.request("GET", "/login/", headers=forged)
        assert asked.getresponse().getheader("Location") == f"{url}/login/"
        asked.close()
        running.interrupt()
        assert running.end() == 0
        assert "Traceback" not in running.printed
    finally:
        running.kill()
    for port in (http, https):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, port), timeout=1)


# test and docs


def test_test_runs_ruff_twice_then_pytest_with_what_was_added(
    checkout: Checkout,
) -> None:
    several = ["-n", "4", "--dist", "worksteal"]
    result = checkout.learn("test", "-k", "a or b", "tests/docs", "--maxfail=2")
    assert [(tool["program"], tool["arguments"]) for tool in told(result)] == [
        ("ruff", ["check"]),
        ("ruff", ["format", "--check"]),
        ("pytest", [*several, "-k", "a or b", "tests/docs", "--maxfail=2"]),
    ]
    assert result.returncode == 0


@pytest.mark.posix("the transcripts are bash's")
def test_test_leaves_the_crowds_to_the_transcripts(checkout: Checkout) -> None:
    # tests/docs/test_console.py sees to it that they are there.
    *_ruff, pytest_ = told(checkout.learn("test"))
    assert pytest_["arguments"][-2:] == ["-m", "not crowd"]


@pytest.mark.parametrize("tool", ["ruff", "pytest"])
def test_test_goes_on_after_a_failure_and_fails(checkout: Checkout, tool: str) -> None:
    result = checkout.learn("test", **{f"EXIT_{tool.upper()}": "1"})
    assert [tool["program"] for tool in told(result)] == ["ruff", "ruff", "pytest"]
    assert result.returncode == 1


@pytest.mark.posix("Ctrl-C cannot be sent to one process group on Windows")
def test_test_goes_no_further_after_ctrl_c(checkout: Checkout) -> None:
    running = checkout.start("test", HANG="1")
    running.told()
    running.interrupt()
    assert running.end() == 5
    assert running.printed.count('{"program"') == 1


def test_docs_serves_the_site(checkout: Checkout, port: int) -> None:
    result = checkout.learn("docs", "--port", str(port))
    [mkdocs] = told(result)
    address = f"127.0.0.1:{port}"
    assert mkdocs["arguments"] == ["serve", "--dev-addr", address]
    assert mkdocs["environment"]["NO_MKDOCS_2_WARNING"] == "1"
    assert f"Open http://{address}/" in result.stdout
