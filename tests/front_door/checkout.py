"""
A copy of the course in which learn.py can do everything, and does it in a moment.

It installs two tiny packages, one for each layer, and needs no network. Its stage, its
pytest and its mkdocs only tell, as JSON, what they were told.
"""

import contextlib
import hashlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.proofs.runs import copy_of
from tests.proofs.waiting import REST

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 30  # Seconds: the bound of every wait here. None takes more than a few.

# Without -S, Python would offer learn.py the packages of these tests.
LEARN = [sys.executable, "-S"]

TELL = """\
import importlib.util, json, os, sys, time

def tell(program, words):
    told = {
        "program": program,
        "words": words,
        "folder": os.getcwd(),
        "installed": [
            name for name in ("tiny", "more") if importlib.util.find_spec(name)
        ],
        "environment": dict(os.environ),
    }
    print(json.dumps(told), flush=True)
    if "RESIDUE" in os.environ:
        for residue in "db.sqlite3", "server.log", "consumers.pyc":
            with open(os.path.join(os.environ["RESIDUE"], residue), "w") as file:
                file.write("left behind")
    while "TALK" in os.environ:
        print("and more", flush=True)
    if "HANG" in os.environ:
        REST
    return int(os.environ.get("EXIT", 0))
""".replace("REST", REST)

PYTEST = """\
import sys
import tell

def main(words):
    return tell.tell("pytest", words)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""

PROOFS = """\
import sys
import tell

try:
    sys.exit(tell.tell("proofs", sys.argv[1:]))
except KeyboardInterrupt:
    sys.exit(5)
"""

MANAGE = """\
import os, sys

sys.path.append(os.environ["TELL"])
import tell

if sys.argv[1] == "shell":
    sys.exit("There is no Django here to ask.")
try:
    sys.exit(tell.tell("manage", sys.argv[1:]))
except KeyboardInterrupt:
    sys.exit(7)
"""


def wheel(folder: Path, name: str) -> str:
    """Make a package that can be installed, and return what requires it."""
    file = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": (
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in files)
    with zipfile.ZipFile(file, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    pin = f"{name}==1.0 \\\n    --hash=sha256:{digest}\n"
    return f"{pin}    # via -r requirements.in\n"


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
        (tests / "__init__.py").touch()
        copy_of(ROOT / "tests" / "checker", tests / "checker")
        (tests / "exercises").mkdir()
        for name in "stage01_echo_3.py", "stage01_echo_4.py", "stage02_routing_1.py":
            (tests / "exercises" / name).touch()
        (tests / "proofs").mkdir()
        (tests / "proofs" / "__main__.py").write_text(PROOFS)
        shutil.copy(ROOT / ".gitignore", self.root)
        (self.root / "tell.py").write_text(TELL)
        (self.root / "pytest.py").write_text(PYTEST)
        self.stage = self.root / "stage01_echo"
        for project in self.stage, tests / "start":
            (project / "chat").mkdir(parents=True)
            (project / "chat" / "consumers.py").write_text(f"# {project.name}\n")
            (project / "manage.py").write_text(MANAGE)
        (self.root / "requirements.in").write_text("tiny\n\n# The rest\n\nmore\n")
        pins = wheel(folder, "more") + wheel(folder, "tiny")
        (self.root / "requirements.txt").write_text(f"# Made by uv\n{pins}")
        uv = shutil.which("uv", path=Path(sys.executable).parent)
        assert uv, "uv is among our requirements, but not beside this Python."
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PIP_", "UV_", "PYTEST_", "PYTHON"))
            and not name.lower().endswith("_proxy")
            and name not in ("ALLOWED_HOSTS", "CI", "VIRTUAL_ENV")
        }
        self.environment = inherited | {
            "PATH": os.pathsep.join([str(Path(uv).parent), os.environ["PATH"]]),
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
            [*LEARN, self.root / "learn.py", *arguments],
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

    def check(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Check the stage, for which the first layer is enough."""
        return self.learn("check", "1", "--project", self.stage, **environment)

    def start(self, *arguments: str | Path, **environment: str) -> Running:
        """Start learn.py. It ends with the test at the latest."""
        running = Running(
            [*LEARN, self.root / "learn.py", *arguments],
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
                name = self.path.rstrip("/").rpartition("/")[2]
                content = f'<a href="/{name}-1.0-py3-none-any.whl">{name}</a>'.encode()
                if self.path.endswith(".whl"):
                    content = (folder / name).read_bytes()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(content)

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


def told(result: subprocess.CompletedProcess[str]) -> dict:
    """Return what the command in .venv was told."""
    [line] = [each for each in result.stdout.splitlines() if each.startswith("{")]
    return json.loads(line)


def sentence(result: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence with which learn.py refuses, and nothing more."""
    assert result.returncode == 2, result
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("learn.py: ")
    assert lines[0].endswith(".")
    assert "Traceback" not in result.stdout
    return lines[0]
