"""The server under test: the project's own `manage.py runserver`, in a subprocess."""

import os
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.checker.endpoint import Endpoint
from tests.checker.servers import launch, output
from tests.checker.servers.effort import Effort, effort_of

INSIDE_SERVER = Path(__file__).parent / "inside_server"
INSIDE_PROJECT = Path(__file__).parent / "inside_project"

START = 30  # Seconds. It takes one; a busy machine may take many.
STOP = 10  # Seconds.

ATTEMPTS = 3
IN_USE = r"Errno (48|98|10048)|[Aa]ddress already in use"

# Daphne looks for crashed consumers once a second: only then it prints a traceback.
CRASH = r"Traceback \(most recent call last\)|was never awaited"
CRASH_CHECK = 1.5  # Seconds.

# The server, or a library in front of it, has said no, and has said it itself.
ANSWERED = r"(.* )?[1-4]\d\d|TLS.*|redirects|another Location|check --deploy.*"

# What it prints when the tests ask for that: inside_server/.
COUNTS = re.compile(rb"(unfinished tasks|unseen exceptions): (\d+)\n")

# These would lead the server to other settings than the project's own.
LEFT_OUT = {
    "ALLOWED_HOSTS",
    "DJANGO_SETTINGS_MODULE",
    "PYTHONWARNINGS",
    "BEHIND_PROXY",
    "OPENSSL_CONF",
    "REDIS_URL",
    "SECRET_KEY",
    "SITE",
    "TRUSTED_ORIGINS",
}


class ServerError(Exception):
    """The server did not start. `printed` is what it said about that."""

    printed = ""


class PortTakenError(ServerError):
    """Somebody else listens where the server should."""


class Server(Endpoint):
    """
    Run the command that the reader runs, so that a pass here is a pass there.

    The server listens on a free port of 127.0.0.1. It ends with the `with` block,
    and with this process, whatever way that ends.
    """

    # The last that it prints of its start, without runserver's warning.
    banner_end = "Quit the server with"

    most = output.AT_START  # Bytes: whoever prints more prints without end.

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
        self.environment = environment or {}
        self.python = python
        self.may_choose = port is None
        self.listen_on(port or free_port())

    def listen_on(self, port: int) -> None:
        """Take a port, and the address that goes with it."""
        self.port = port
        self.url = f"ws://127.0.0.1:{port}"

    def __enter__(self) -> Self:
        for attempt in range(ATTEMPTS):
            try:
                self.launch()
            except ServerError as error:
                # A port that was free a moment ago can be a client's by now.
                is_taken = isinstance(error, PortTakenError)
                is_taken = is_taken or re.search(IN_USE, self.printed())
                if attempt == ATTEMPTS - 1 or not is_taken or not self.may_choose:
                    raise
                self.listen_on(free_port())
            else:
                break
        return self

    def launch(self) -> None:
        """Start the process. Raises ServerError unless it comes to listen."""
        self.most = output.AT_START
        with self.log.open("wb") as log:
            if not is_free(self.port):  # Who is there would be taken for ours.
                raise PortTakenError(
                    f"{self.project.name} did not start: somebody else listens on "
                    f"port {self.port}."
                )
            self.process = launch.start(
                self.command(),
                cwd=self.project,
                env=clean_environment()
                | {
                    "PYTHONPATH": f"{INSIDE_SERVER}{os.pathsep}{INSIDE_PROJECT}",
                    "PYTHONUNBUFFERED": "1",
                    "DJANGO_RUNSERVER_HIDE_WARNING": "true",
                    output.LIMIT: str(output.MOST),
                }
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
        self.most = output.MOST

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def command(self) -> list[str | Path]:
        """Return the command that the reader types."""
        address = f"127.0.0.1:{self.port}"
        return [self.python, "manage.py", "runserver", "--noreload", address]

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

        Raises ServerError if the process ends, if it prints 2 MiB, or after 30 seconds.
        """
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            if output.size(self.log) >= self.most:
                raise ServerError(
                    f"{self.project.name} did not start: it prints without end."
                )
            if self.process.poll() is not None:
                raise ServerError(
                    f"{self.project.name} did not start: "
                    f"`{' '.join(map(str, self.command()[1:3]))}` ended with exit "
                    f"status {self.process.returncode}."
                )
            try:
                self.knock()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise ServerError(
            f"{self.project.name} did not start: after {START} seconds it still "
            f"takes no connections."
        )

    def knock(self) -> None:
        """Raise OSError unless the port takes connections."""
        socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        # Django's own runserver listens first. What it prints then would be taken for
        # what it says about the first client.
        self.printed_within(self.banner_end)

    def tasks(self) -> int:
        """Return how many asyncio tasks of the server have not finished."""
        return self.count(b"?")

    def unseen_exceptions(self) -> int:
        """Return how many tasks have raised what nobody has looked at, or printed."""
        return self.count(b"!")

    def count(self, what: bytes) -> int:
        """Ask what runs inside of the server for a number. Raises ServerError."""
        start = self.position()
        os.write(self.process.stdin.fileno(), what)
        deadline = time.monotonic() + START
        while not (found := COUNTS.search(output.read(self.log, start))):
            is_full = output.size(self.log) >= output.MOST
            has_ended = self.process.poll() is not None
            if time.monotonic() > deadline or has_ended or is_full:
                raise ServerError("The server does not say how many tasks it has.")
            time.sleep(0.002)
        return int(found[2])

    def effort(self) -> Effort:
        """Return how much it has worked so far."""
        return effort_of(self.process.pid)

    def position(self) -> int:
        """Return how many bytes the server has printed so far."""
        return self.log.stat().st_size

    def printed(self, since: int = 0) -> str:
        """Return what the server printed, other people's stack frames cut."""
        text = COUNTS.sub(b"", output.read(self.log, since)).decode(errors="replace")
        text = cut_library_frames(text.replace("\r\n", "\n"), self.project)
        is_endless = output.size(self.log) >= self.most
        return text + output.SAYS_SO if is_endless else text

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


def printed_at_rest(server: Any, since: Any) -> str:
    """
    Return what a server has printed, when it can print no more about what has been.

    That is when no consumer is left, and no exception that is still to be printed: so
    its absence needs no waiting. Where that cannot be seen, it waits as long as Daphne
    may take for a crash.
    """
    deadline = time.monotonic() + CRASH_CHECK
    with suppress(ServerError, OSError):
        quiet = 0
        # Twice, since between a look at an exception and its print there is a moment.
        while quiet < 2 and time.monotonic() < deadline:
            has_more = server.tasks() > server.at_rest or server.unseen_exceptions()
            quiet = 0 if has_more else quiet + 1
            if re.search(CRASH, server.printed(since)):
                break
            time.sleep(0.02)
    return server.printed(since)


def may_be_a_crash(symptom: str) -> bool:
    """Tell whether a symptom can come from a crash: a 500, a close, silence, …"""
    return not re.fullmatch(ANSWERED, symptom)


def clean_environment() -> dict[str, str]:
    """Return our environment, without what would lead a project elsewhere."""
    inherited = {k: v for k, v in os.environ.items() if k not in LEFT_OUT}
    return inherited | {
        "PYTHONDONTWRITEBYTECODE": "1",  # Leave the reader's folder clean.
        "PYTHONUTF8": "1",
    }


def launch_manage(
    project: Path, *words: str, stdin: int = subprocess.DEVNULL, **environment: str
) -> subprocess.Popen[str]:
    """Start a command of the project's manage.py. What it prints comes in one pipe."""
    return launch.start(
        [sys.executable, "manage.py", *words],
        cwd=project,
        env=clean_environment() | {"PYTHONPATH": str(INSIDE_PROJECT)} | environment,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )


def manage(
    project: Path, *words: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of the project's manage.py, for 30 seconds at most."""
    with launch_manage(project, *words, **environment) as process:
        printed = output.communicate(process, START)
    return subprocess.CompletedProcess(process.args, process.returncode, printed)


def terminate(process: subprocess.Popen[bytes]) -> None:
    """
    Ask a server to stop, with SIGTERM at the beginning of a second.

    Daphne hangs up on a client that does not answer a close within a second, and txaio
    rounds the end of that down to a whole second. A moment before that, not even the
    close would be on its way.
    """
    time.sleep(1 - time.time() % 1)
    process.terminate()


def wait_for_the_end(process: subprocess.Popen[bytes], seconds: float) -> int:
    """Return the exit status of a process that was asked to end."""
    __tracebackhide__ = True
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise AssertionError(
            f"The server was asked to stop, and {seconds} seconds later it still runs."
        ) from None


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    # Not one of those that the system gives to clients, and to the tests beside us.
    while True:
        port = random.randrange(10_000, 32_000)  # noqa: S311  # No secret.
        if is_free(port):
            return port


def is_free(port: int) -> bool:
    """Tell whether nobody listens on a port of 127.0.0.1."""
    with suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False


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


def cut_earlier_clients(text: str) -> str:
    """
    Drop the lines that say how connections ended which began before this text.

    Daphne logs the end when it notices it, and by then the next check may have begun.
    """

    def keep(line: re.Match[str]) -> str:
        began = re.search(rf"HANDSHAKING .*{re.escape(line['peer'])}", text)
        return line[0] if began else ""

    pattern = r"^WebSocket DISCONNECT .*(?P<peer>\[.*\])\n"
    return re.sub(pattern, keep, text, flags=re.MULTILINE)
