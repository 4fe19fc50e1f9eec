"""Run pytest now, and again on every save in a folder: `learn.py check N --watch`."""

import subprocess
import sys
from pathlib import Path
from queue import Empty, Queue

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

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
    pytest = subprocess.Popen([sys.executable, "-m", "pytest", *arguments])
    try:
        pytest.wait()
    except KeyboardInterrupt:
        pytest.wait()
        raise


def watch(folder: Path, arguments: list[str]) -> None:
    """Run pytest with these arguments after every save in a folder, until Ctrl-C."""
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
