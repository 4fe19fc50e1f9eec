"""
A hundred hand-ins, many of them nasty, and what grading them costs.

    python -m tests.proofs.hundred FOLDER            # makes them, grades, measures
    python -m tests.proofs.hundred FOLDER --only ana # some of them, by their names

FOLDER must be new. The nastiest are made only where the system has a sandbox: outside
of one they would end every program of whoever runs this.
"""

import argparse
import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.checker.grading import sandbox
from tests.checker.system import ROOT
from tests.proofs.runs import RESIDUE, SOLUTIONS
from tests.proofs.wrong.stage01 import STAGE01

STAGE = ROOT / "stage01_echo"
SETTINGS, CONSUMERS = "config/settings.py", "chat/consumers.py"

# Added to settings.py, so it runs at each start of the server.
AT_START = {
    "hangs at start": "import time\ntime.sleep(10**6)\n",
    "raises": "raise RuntimeError('no')\n",
    "exits": "raise SystemExit(0)\n",
    "prints without end": "while True: print('again and again ' * 100)\n",
    "prints in the background": (
        "import threading\n"
        "def talk():\n"
        "    while True: print('again and again ' * 100, flush=True)\n"
        "threading.Thread(target=talk, daemon=True).start()\n"
    ),
    "forks without end": (
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n"
    ),
    "starts threads without end": (
        "import threading, time\n"
        "while True:\n"
        "    try: threading.Thread(target=time.sleep, args=[10**6]).start()\n"
        "    except RuntimeError: time.sleep(0.1)\n"
    ),
    "fills the disk": (
        "import os\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    with open(os.path.join(os.environ['TMPDIR'], f'fill{n}'), 'wb') as f:\n"
        "        f.write(bytes(4_000_000))\n"
    ),
    "writes one large file": (
        "with open('large', 'wb') as f:\n    while True: f.write(bytes(1_000_000))\n"
    ),
    "makes files without end": (
        "import os\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    open(os.path.join(os.environ['TMPDIR'], f'empty{n}'), 'wb').close()\n"
    ),
    "fills the memory": (
        "import time\nkept = []\nwhile True: kept.append(b'x' * 50_000_000)\n"
    ),
    "fills the memory with many": (
        "import os, time\n"
        "for _ in range(30):\n"
        "    if os.fork() == 0:\n"
        "        kept = b'x' * 400_000_000\n"
        "        time.sleep(10**6)\n"
        "time.sleep(10**6)\n"
    ),
    "leaves a server behind": (
        "import os, signal, socket, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        for n in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):\n"
        "            signal.signal(n, signal.SIG_IGN)\n"
        "        os.closerange(0, 100)\n"
        "        os.chdir('/')\n"
        "        with socket.socket() as s:\n"
        "            s.bind(('127.0.0.1', 0)); s.listen()\n"
        "            time.sleep(10**6)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
    ),
    "leaves a nameless daemon": (
        "import os, sys\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        os.closerange(0, 100)\n"
        "        os.chdir('/')\n"
        "        os.execve('/bin/sleep', ['nameless', '86421'], {})\n"
        "    os._exit(0)\n"
        "os.wait()\n"
    ),
    "kills its parent": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n",
    "stops its parent": "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\n",
    "deletes its own files": (
        "import pathlib, shutil\n"
        "shutil.rmtree(pathlib.Path(__file__).parent.parent, ignore_errors=True)\n"
    ),
    "calls somebody outside": (
        "import socket\n"
        "try: socket.create_connection(('192.0.2.1', 80), timeout=5)\n"
        "except OSError as error: raise RuntimeError(f'no network: {error}')\n"
    ),
    "recursion": "def f(): return f()\nf()\n",
    "dies": "import ctypes\nctypes.string_at(0)\n",
    "reads its input": "input()\n",
}

# Only where a sandbox holds them: whoever runs this would lose every program.
ONLY_INSIDE = {
    "kills all it may": (
        "import os, signal\n"
        "for who in (1, -1):\n"
        "    try: os.kill(who, signal.SIGKILL)\n"
        "    except OSError: pass\n"
    ),
    "kills parent after parent": (
        "import os, signal\n"
        "for pid in sorted(map(int, filter(str.isdecimal, os.listdir('/proc')))):\n"
        "    if pid != os.getpid():\n"
        "        try: os.kill(pid, signal.SIGKILL)\n"
        "        except OSError: pass\n"
    ),
    "writes into the course": (
        f"with open({str(ROOT / 'stage01_echo' / 'INTRUDER')!r}, 'w') as f:\n"
        f"    f.write('I was here')\n"
    ),
    "writes into the checks": (
        f"with open({str(ROOT / 'tests' / 'conftest.py')!r}, 'a') as f:\n"
        f"    f.write('')\n"
    ),
    "mounts": (
        "import subprocess\n"
        "subprocess.run(['mount', '-o', 'remount,rw', '/'], check=True)\n"
    ),
}

# Instead of the consumer's answer.
ANSWER = "await self.send(text_data=text_data, bytes_data=bytes_data)"
IN_ANSWERS = {
    "needs ten minutes": f"import asyncio; await asyncio.sleep(600); {ANSWER}",
    "hangs when asked": "import time; time.sleep(10**6)",
    "prints when asked": "while True: print('again ' * 1000)",
    "forks when asked": "import os\n        while True: os.fork()",
    "says nothing": "return",
    "answers without end": f"while True: {ANSWER}",
}
LANGUAGES = {
    "in JavaScript": {"package.json": "{}", "index.js": "console.log(1)\n"},
    "in Java": {"src/Main.java": "class Main {}\n"},
    "a report only": {"report.docx": "PK"},
    "FastAPI": {"main.py": "app = 1\n"},
    "another manage.py": {"manage.py": "print('hello')\n"},
    "an empty manage.py": {"manage.py": ""},
    "no Python": {"manage.py": "this is ( no Python\n"},
}
# Names as they come from a learning platform, or from a joker.
NAMES = (
    "Müller, Änne",
    "two\nlines",
    "\"quoted\" and 'quoted'",
    "a|b|c",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1",
    "@SUM(A1)",
    "<script>alert(1)</script>",
    "![](http:evil.example)",
    "# heading",
    "100%s{x}$HOME`id`",
    "\x1b[31mred",
    "Ωmega ☃ 🦄",
    " leading space",
    "trailing space ",
    "x" * 200,
)


def project(target: Path, change: Callable[[Path], None] | None = None) -> Path:
    """Make a right hand-in, and change it."""
    shutil.copytree(STAGE, target, ignore=RESIDUE)
    if change:
        change(target)
    return target


def append(code: str) -> Callable[[Path], None]:
    """Return what lets code run at the start of a project."""

    def change(folder: Path) -> None:
        with (folder / SETTINGS).open("a") as file:
            file.write(f"\n{code}")

    return change


def replace(name: str, right: str, wrong: str) -> Callable[[Path], None]:
    """Return what makes a mistake."""

    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert right in text, (name, right)
        (folder / name).write_text(text.replace(right, wrong))

    return change


def files(target: Path, found: dict[str, str]) -> None:
    """Write files into a new folder."""
    for name, text in found.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(text)


def zip_of(target: Path, folder: Path, prefix: str = "") -> None:
    """Pack a folder."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, f"{prefix}{path.relative_to(folder)}")


def bomb() -> bytes:
    """Return a small ZIP file of a large file."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("project/manage.py", "w", force_zip64=True) as file,
    ):
        for _ in range(200):
            file.write(bytes(1_000_000))
    return packed.getvalue()


def many() -> bytes:
    """Return a ZIP file of far too many files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"project/{number}.py", b"")
    return packed.getvalue()


def zips(into: Path, right: Path) -> None:
    """Make the hand-ins that are ZIP files."""
    zip_of(into / "z right.zip", right)
    zip_of(into / "z in a folder.ZIP", right, "Hand-in 1/stage01_echo/")
    content = (into / "z right.zip").read_bytes()
    for name, entries in {
        "z in a zip.zip": {"part.zip": content, "__MACOSX/._part.zip": b"\0"},
        "z path up.zip": {"../../evil.py": b"", "manage.py": b""},
        "z path from the root.zip": {"/tmp/evil.py": b""},  # noqa: S108  # Refused.
        "z path with a drive.zip": {"C:/evil.py": b""},
        "z bomb in a zip.zip": {"bomb.zip": bomb()},
        "z of nothing.zip": {},
    }.items():
        with zipfile.ZipFile(into / name, "w") as archive:
            for path, data in entries.items():
                archive.writestr(path, data)
    with zipfile.ZipFile(into / "z link.zip", "w") as archive:
        link = zipfile.ZipInfo("chat")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc")
        archive.writestr("manage.py", (right / "manage.py").read_bytes())
    (into / "z bomb.zip").write_bytes(bomb())
    (into / "z many.zip").write_bytes(many())
    (into / "z broken.zip").write_bytes(content[: len(content) // 2])
    (into / "z damaged.zip").write_bytes(content[:300] + b"\xff" * 50 + content[350:])
    (into / "z no zip.zip").write_text("Hello")
    (into / "moodle_123_file").mkdir()
    shutil.copy(into / "z right.zip", into / "moodle_123_file" / "ana.zip")


def odd_folders(into: Path, right: Path) -> None:
    """Make the hand-ins that are folders of another shape."""
    (into / "empty").mkdir()
    (into / "empty folders" / "a" / "b").mkdir(parents=True)
    shutil.copytree(right, into / "two deep" / "hand-in" / "stage01_echo")
    for name in "first", "second":
        shutil.copytree(right, into / "two projects" / name)
    shutil.copytree(right, into / "with an environment")
    files(into / "with an environment" / "venv", {"pyvenv.cfg": "", "lib/a.py": "1"})
    files(into / "with an environment" / "node_modules", {"a/b.js": ""})
    shutil.copytree(right, into / "too large")
    (into / "too large" / "film.mp4").write_bytes(bytes(60_000_000))
    shutil.copytree(right, into / "with links")
    (into / "with links" / "loop").symlink_to("..")
    (into / "with links" / "passwd").symlink_to("/etc/passwd")
    if hasattr(os, "mkfifo"):
        shutil.copytree(right, into / "with a pipe")
        os.mkfifo(into / "with a pipe" / "pipe")
    (into / "a link").symlink_to(into / "two deep")
    (into / "archive.rar").write_bytes(b"Rar!")
    deep = into / "very deep"
    for _ in range(60):
        deep = deep / "d"
    deep.mkdir(parents=True)
    shutil.copytree(ROOT / "tests" / "start", into / "nothing done", ignore=RESIDUE)
    shutil.copytree(ROOT / "stage02_routing", into / "next stage", ignore=RESIDUE)


def make(into: Path, count: int = 100) -> list[str]:
    """Make hand-ins in a new folder: the odd ones first, then right and wrong ones."""
    into.mkdir(parents=True)
    right = into.parent / f".{into.name}.right"
    project(right)
    is_safe = bool(sandbox.find().words)
    for name, code in (AT_START | (ONLY_INSIDE if is_safe else {})).items():
        project(into / name, append(code))
    for name, code in IN_ANSWERS.items():
        project(into / name, replace(CONSUMERS, ANSWER, code))
    for name, found in LANGUAGES.items():
        files(into / name, found)
    zips(into, right)
    odd_folders(into, right)
    for solution in SOLUTIONS.glob("stage01_*"):
        target = project(into / solution.name)
        shutil.copytree(solution, target, dirs_exist_ok=True)
    mistakes = list(STAGE01)
    for name in NAMES:
        mistake = mistakes.pop(0)
        project(into / name, replace(mistake.file, mistake.right, mistake.wrong))
    while mistakes and len(os.listdir(into)) < count:
        mistake = mistakes.pop(0)
        name = f"wrong {re.sub(r'[^a-z ]', '', mistake.name)}"
        project(into / name, replace(mistake.file, mistake.right, mistake.wrong))
    shutil.rmtree(right)
    return sorted(os.listdir(into))


class Meter:
    """Measures the grader: its own memory, that of all below it, and its disk."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = psutil.Process(process.pid)
        self.own = self.all = self.disk = 0
        self.over = threading.Event()
        self.disk_before = shutil.disk_usage("/").used
        self.thread = threading.Thread(target=self.measure, daemon=True)
        self.thread.start()

    def measure(self) -> None:
        """Look four times a second."""
        while not self.over.wait(0.25):
            with contextlib.suppress(psutil.Error):
                own = self.process.memory_info().rss
                self.own = max(self.own, own)
                whole = own
                for each in self.process.children(recursive=True):
                    with contextlib.suppress(psutil.Error):
                        whole += each.memory_info().rss
                self.all = max(self.all, whole)
            used = shutil.disk_usage("/").used - self.disk_before
            self.disk = max(self.disk, used)


def digest(folder: Path) -> list[tuple]:
    """Return what changes if somebody writes to the hand-ins."""
    found = []
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            about = os.lstat(Path(place, name))
            found.append((place, name, about.st_size, about.st_mtime_ns))
    return sorted(found)


def strays(before: set[int]) -> list[str]:
    """Return who runs now, did not before, and is not one of the system's own."""
    found = []
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = " ".join(each.cmdline())
            if each.pid not in before and re.search("grade-|hand-in|nameless", words):
                found.append(f"{each.pid} {words[:100]}")
    return found


def main() -> int:
    """Make the hand-ins, grade them, and print what it cost."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.hundred")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", metavar="WORDS", help="some, by a part of the name")
    parser.add_argument("--make", action="store_true", help="make them only")
    options, words = parser.parse_known_args()
    into = options.folder.resolve() / "hand-ins"
    found = make(into)
    if options.only:
        for name in found:
            path = into / name
            if options.only not in name:
                is_folder = path.is_dir() and not path.is_symlink()
                shutil.rmtree(path) if is_folder else path.unlink()
    print(f"{len(os.listdir(into))} hand-ins in {into}", flush=True)
    if options.make:
        return 0
    before, running = digest(into), set(psutil.pids())
    out = options.folder.resolve() / "results"
    command = [sys.executable, "-m", "tests.checker.grade", "1", into, "--out", out]
    begun = time.monotonic()
    grader = subprocess.Popen([*command, *words], cwd=ROOT)
    meter = Meter(grader)
    code = grader.wait()
    seconds = time.monotonic() - begun
    meter.over.set()
    rows = [json.loads(line) for line in (out / "results.json").open()]
    print(f"\nexit code {code}, {len(rows)} rows, {seconds:.0f} s")
    print(f"peak memory: grader {meter.own / 1e6:.0f} MB, with all below it (shared")
    print(f"pages counted each time) {meter.all / 1e6:.0f} MB")
    print(f"peak disk: {meter.disk / 1e6:.0f} MB")
    print(f"hand-ins unchanged: {digest(into) == before}")
    print(f"left running: {strays(running) or 'nothing'}")
    slowest = sorted(rows, key=lambda row: -row["seconds"])[:8]
    for row in slowest:
        print(
            f"  {row['seconds']:6.1f} s  {row['name']!r}: {row['why'] or row['state']}"
        )
    return code


if __name__ == "__main__":
    sys.exit(main())
