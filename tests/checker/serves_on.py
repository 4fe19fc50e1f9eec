"""
A project's `manage.py runserver` that comes back, whichever file mends it.

    python tests/checker/serves_on.py runserver 127.0.0.1:8000

The current folder is the project's.

Django starts its server again when a file is saved that was imported. The one whose
import failed is none of these, nor is one that is not there yet: then the server is
gone, its process stays, and the save that mends it changes nothing. So from then on,
this looks at every file of the project.

Standard library only, and nothing of the course: it becomes the project's program.
"""

import os
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

OURS = __file__
MANAGE = Path("manage.py").resolve()
NOT_READ = {"__pycache__", "node_modules", "site-packages"}
LOOK = 0.5  # Seconds between two looks.
FIRST = 1.5  # Seconds. Django looks every second: what it sees by itself is its own.
AGAIN = 3  # The exit code at which Django's first process starts the second anew.
WAITS = (
    "learn.py: the server waits, see the error above. "
    "It starts again when you save a file."
)


def saved() -> dict[Path, int]:
    """Return when each source file of the project was saved."""
    found = {}
    for folder, below, files in os.walk(MANAGE.parent):
        below[:] = [
            name
            for name in below
            if name not in NOT_READ
            and not name.startswith(".")
            and not Path(folder, name, "pyvenv.cfg").exists()
        ]
        for name in files:
            if name.endswith(".py") and not name.startswith("."):
                try:
                    path = Path(folder, name)
                    found[path] = path.stat().st_mtime_ns
                except OSError:  # It has just been moved.
                    continue
    return found


def start_again(before: dict[Path, int]) -> None:
    """Wait for a save, then end this process: Django's first one starts another."""
    while not (changed := saved().items() ^ before.items()):
        time.sleep(LOOK)
    time.sleep(FIRST)
    print(f"{min(changed)[0]} changed, reloading.", file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(AGAIN)


def look_after(before: dict[Path, int]) -> None:
    """If an error ends the thread that serves, wait for its cure."""

    def ended(failure: threading.ExceptHookArgs) -> None:
        threading.__excepthook__(failure)
        name = failure.thread.name if failure.thread else ""
        if name == "django-main-thread" and failure.exc_type is not SystemExit:
            print(WAITS, file=sys.stderr, flush=True)
            threading.Thread(target=start_again, args=(before,), daemon=True).start()

    threading.excepthook = ended


def without_us(
    kind: type[BaseException], error: BaseException, frames: TracebackType | None
) -> None:
    """Print an error that ends the program, as if manage.py had been typed."""
    while frames and frames.tb_frame.f_code.co_filename == OURS:
        frames = frames.tb_next
    sys.__excepthook__(kind, error.with_traceback(frames), frames)


if __name__ == "__main__":
    # Saves are counted from here: one may come while the project is imported.
    look_after(saved())
    sys.excepthook = without_us
    # As for `python manage.py`: modules are found beside it, and Django watches it.
    sys.path[0] = str(MANAGE.parent)
    __file__ = str(MANAGE)
    exec(compile(MANAGE.read_bytes(), __file__, "exec"))  # noqa: S102  # The reader's.
