"""Run pytest now, and again on every save in a folder: `learn.py check N --watch`."""

import os
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import Empty, Queue

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

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


def run(arguments: list[str]) -> None:
    """Run pytest to its end. Ctrl-C reaches it too: it stops its servers first."""
    command = [sys.executable, "-m", "pytest", *arguments]
    pytest = launch.start(
        command, cwd=Path.cwd(), env={**os.environ, "PYTHONUTF8": "1"}
    )
    try:
        pytest.wait()
    except KeyboardInterrupt:
        pytest.wait()
        raise


def watch(folder: Path, arguments: list[str]) -> None:
    """
    Run pytest with these arguments after every save in a folder, until Ctrl-C.

    Pytest and its servers are forked, if that can be: the answer comes a second sooner.
    """
    with ExitStack() as stack:
        with suppress(OSError):
            stack.enter_context(quick_starts())
        watch_saves(folder, arguments)


def watch_saves(folder: Path, arguments: list[str]) -> None:
    """Run pytest after every save in a folder, until Ctrl-C."""
    saves = Saves()
    observer = Observer()
    observer.schedule(saves, folder, recursive=True)
    observer.start()
    try:
        while True:
            run(arguments)
            print(f"\nWatching {folder}. Ctrl-C ends it.", flush=True)
            print(f"\n{saves.wait().name} was saved:", flush=True)
    except KeyboardInterrupt:
        print()
    finally:
        observer.stop()
        observer.join()
