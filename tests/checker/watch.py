"""
Run pytest now, and again on every save in a folder: `learn.py check N --watch`.

After each run it says what has changed since the one before. Where a system tells of no
saves, it looks for them itself: in the drives of Windows under WSL, and over a network.
The variable WATCH_POLL=1 makes it do so anywhere, and WATCH_POLL=0 nowhere.
"""

import json
import os
import re
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import Empty, Queue
from tempfile import TemporaryDirectory

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver
from watchdog.observers.polling import PollingObserver

from tests.checker.servers import launch
from tests.checker.servers.forks import quick_starts

SAVING = {"created", "modified", "moved", "deleted"}  # Reading makes events too.

# What people write. A run itself leaves .pyc, .sqlite3 and .log behind, and must not
# be the reason for the next run.
SOURCES = {".py", ".html", ".js", ".css", ".ini", ".toml", ".json", ".txt"}

QUIET = 0.2  # Seconds. An editor saves a file in several steps: wait for the last one.


class Saves(FileSystemEventHandler):
    """Keeps the source files that were saved, until they are asked for."""

    def __init__(self) -> None:
        self.saved: Queue[Path] = Queue()

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Note a save. Many editors write another file, then move it into place."""
        for path in Path(event.src_path), Path(event.dest_path):
            is_source = path.suffix in SOURCES and not path.name.startswith(".")
            if is_source and event.event_type in SAVING:
                self.saved.put(path)

    def wait(self) -> Path:
        """Wait, without end, for a save, and return the last file of it."""
        saved = None
        while True:
            try:
                # On Windows, Ctrl-C has to wait for a `get` that has no timeout.
                saved = self.saved.get(timeout=QUIET)
            except Empty:
                if saved:
                    return saved


# Kinds of file systems whose changes come from another machine, or another system.
POLLED = {
    "9p",  # The drives of Windows, in WSL 2.
    "drvfs",  # And in WSL 1.
    "afs",
    "cifs",
    "fuse.grpcfuse",  # Docker Desktop.
    "fuse.sshfs",
    "nfs",
    "nfs4",
    "prl_fs",  # Parallels.
    "smb3",
    "smbfs",
    "vboxsf",
    "virtiofs",
    "vmhgfs",
    "fuse.vmhgfs-fuse",
}
LOOK = 0.5  # Seconds between two looks.
MOST = 5  # Promises that are named.

Verdicts = dict[str, tuple[str, str]]  # By check: the promise in words, the verdict.


def file_system_of(folder: Path, mounts: str) -> str:
    """Return the kind of the file system of a folder, by Linux's table of mounts."""
    found = {}
    for line in mounts.splitlines():
        fields, _, about = line.partition(" - ")
        if about and len(fields.split()) > 4:
            place = re.sub(
                r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields.split()[4]
            )
            found[Path(place)] = about.split()[0]  # A later mount hides the earlier.
    holding = [place for place in found if folder.is_relative_to(place)]
    return found[max(holding, key=lambda place: len(place.parts))] if holding else ""


def must_look(folder: Path) -> bool:
    """Tell whether this system tells of no saves in a folder."""
    wanted = os.environ.get("WATCH_POLL", "")
    if wanted in ("0", "1"):
        return wanted == "1"
    if os.name == "nt":
        import ctypes

        remote = 4  # DRIVE_REMOTE.
        root = f"{folder.resolve().drive}\\"
        return ctypes.windll.kernel32.GetDriveTypeW(root) == remote
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return file_system_of(folder.resolve(), mounts) in POLLED


def run(arguments: list[str]) -> Verdicts:
    """
    Run pytest to its end, and return the verdicts.

    Ctrl-C reaches it too: it stops its servers first.
    """
    with TemporaryDirectory(prefix="checks-") as folder:
        lines = Path(folder, "lines.json")
        command = [sys.executable, "-m", "pytest", "--json", str(lines), *arguments]
        pytest = launch.start(
            command, cwd=Path.cwd(), env={**os.environ, "PYTHONUTF8": "1"}
        )
        try:
            pytest.wait()
        except KeyboardInterrupt:
            pytest.wait()
            raise
        return verdicts(lines)


def verdicts(file: Path) -> Verdicts:
    """Return the verdicts that a run has written: none if it has not come so far."""
    found = {}
    with suppress(OSError, ValueError):
        for line in file.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if "check" in record:
                found[record["check"]] = (record["sentence"], record["verdict"])
    return found


def news(before: Verdicts, now: Verdicts) -> list[str]:
    """Say what has changed from one run to the next, in lines."""
    if not before or not now:
        return []

    def became(verdict: str) -> list[str]:
        return [
            words
            for check, (words, found) in now.items()
            if found == verdict and before.get(check, ("", ""))[1] != verdict
        ]

    changes = {
        "kept now": became("kept"),
        "broken now": became("broken"),
        "not checked now": became("could not be checked"),
    }
    lines = []
    for title, promises in changes.items():
        lines += [f"  {title}: {words}" for words in promises[:MOST]]
        if len(promises) > MOST:
            lines.append(f"  {title}: {len(promises) - MOST} more")
    return ["Since the last run:", *lines] if lines else ["Nothing has changed."]


def watch(folder: Path, arguments: list[str]) -> None:
    """
    Run pytest with these arguments after every save in a folder, until Ctrl-C.

    Pytest and its servers are forked, if that can be: the answer comes a second sooner.
    """
    sys.stdout.reconfigure(errors="replace")  # A console may lack a letter.
    with ExitStack() as stack:
        with suppress(OSError):
            stack.enter_context(quick_starts())
        watch_saves(folder, arguments)


def observer_of(folder: Path, saves: Saves) -> BaseObserver:
    """Return who tells of saves in a folder, from now on."""
    if not must_look(folder):
        # Linux limits how many folders all programs together may be told of.
        with suppress(OSError):
            return started(Observer(), folder, saves)
    return started(PollingObserver(timeout=LOOK), folder, saves)


def started(observer: BaseObserver, folder: Path, saves: Saves) -> BaseObserver:
    """Let an observer tell of saves in a folder, and return it."""
    observer.schedule(saves, str(folder), recursive=True)
    observer.start()
    return observer


def watch_saves(folder: Path, arguments: list[str]) -> None:
    """Run pytest after every save in a folder, until Ctrl-C."""
    saves = Saves()
    observer = observer_of(folder, saves)
    looks = isinstance(observer, PollingObserver)
    how = f", which is looked at every {LOOK} s" if looks else ""
    before: Verdicts = {}
    try:
        while True:
            now = run(arguments)
            for line in news(before, now):
                print(line)
            before = now or before
            print(f"\nWatching {folder}{how}. Ctrl-C ends it.", flush=True)
            print(f"\n{saves.wait().name} was saved:", flush=True)
    except KeyboardInterrupt:
        print()
    finally:
        observer.stop()
        observer.join()
