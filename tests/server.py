"""The server under test: the project's own `manage.py runserver`, in a subprocess."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

INSIDE_SERVER = Path(__file__).parent / "inside_server"

START = 30  # Seconds. It takes one; a busy machine may take many.
STOP = 10  # Seconds.

# Daphne looks for crashed consumers once a second: only then it prints a traceback.
CRASH_CHECK = 1.5  # Seconds.

# These would lead the server to other settings than the project's own.
LEFT_OUT = {
    "ALLOWED_HOSTS",
    "DJANGO_SETTINGS_MODULE",
    "PYTHONWARNINGS",
    "REDIS_URL",
}


class ServerError(Exception):
    """The server did not start. `printed` is what it said about that."""

    printed = ""


class Server:
    """
    Run the command that the reader runs, so that a pass here is a pass there.

    The server listens on a free port of 127.0.0.1. It ends with the `with` block,
    and with this process, whatever way that ends.
    """

    def __init__(
        self,
        project: Path,
        log: Path,
        *,
        port: int | None = None,
        environment: Mapping[str, str] | None = None,
        python: Path | str = sys.executable,
    ) -> None:
        self.project = project
        self.log = log
        self.port = port or free_port()
        self.url = f"ws://127.0.0.1:{self.port}"
        self.environment = environment or {}
        self.python = python

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(self.python, "manage.py"),
                    *("runserver", "--noreload", f"127.0.0.1:{self.port}"),
                ],
                cwd=self.project,
                env=clean_environment()
                | {"PYTHONPATH": str(INSIDE_SERVER), "PYTHONUNBUFFERED": "1"}
                | self.environment,
                stdin=subprocess.PIPE,  # Its end tells the server that we are gone.
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self.wait_until_it_listens()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop the server as an operator does; kill it if it does not listen."""
        self.process.terminate()
        try:
            self.process.wait(STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP)
        self.process.stdin.close()

    def wait_until_it_listens(self) -> None:
        """
        Return as soon as the port takes connections.

        Raises ServerError if the process ends, or after 30 seconds.
        """
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ServerError(
                    f"{self.project.name} did not start: `manage.py runserver` ended "
                    f"with exit status {self.process.returncode}."
                )
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise ServerError(
            f"{self.project.name} did not start: after {START} seconds it still "
            f"takes no connections."
        )

    def position(self) -> int:
        """Return how many bytes the server has printed so far."""
        return self.log.stat().st_size

    def printed(self, since: int = 0) -> str:
        """Return what the server printed, other people's stack frames cut."""
        text = self.log.read_bytes()[since:].decode(errors="replace")
        return cut_library_frames(text.replace("\r\n", "\n"), self.project)

    def printed_within(
        self, pattern: str, since: int = 0, seconds: float = CRASH_CHECK
    ) -> str:
        """
        Wait until the server has printed what the pattern matches, and no longer.

        Returns all that it printed by then, also when the pattern never came.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            if re.search(pattern, self.printed(since)):
                break
            time.sleep(0.02)
        return self.printed(since)


def clean_environment() -> dict[str, str]:
    """Return our environment, without what would lead a project elsewhere."""
    inherited = {k: v for k, v in os.environ.items() if k not in LEFT_OUT}
    return inherited | {
        "PYTHONDONTWRITEBYTECODE": "1",  # Leave the reader's folder clean.
        "PYTHONUTF8": "1",
    }


def manage(
    project: Path, *words: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of the project's manage.py, for 30 seconds at most."""
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=project,
        env=clean_environment() | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=START,
        check=False,
    )


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return unused.getsockname()[1]


def cut_library_frames(text: str, project: Path) -> str:
    """Keep the frames of a traceback that show the project's own code."""

    def keep(frame: re.Match[str]) -> str:
        # In a virtual environment inside the project there is other people's code too.
        own = frame["file"].startswith(str(project.resolve()))
        return frame[0] if own and "site-packages" not in frame["file"] else ""

    text = re.sub(
        r'^  File "(?P<file>[^"\n]*)", line .*\n(    .*\n)*',
        keep,
        text,
        flags=re.MULTILINE,
    )
    return text.replace(f"{project.resolve()}{os.sep}", "")
