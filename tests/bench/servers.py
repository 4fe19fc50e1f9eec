"""
The servers that are measured: each on one core, and the load on another.

Where a start or memory is measured, they are started as a reader starts them, and else
forked, which saves a third of a run. What the checks watch inside a server is left out.
"""

import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from socket import create_connection
from typing import Any

import psutil

from tests.checker.servers.forks import quick_starts
from tests.checker.servers.runserver import INSIDE_PROJECT, Server
from tests.checker.servers.tls import NginxSite, TlsServer

HERE = Path(__file__).parent
STYLES = HERE / "styles"
LIFELINE = HERE / "inside" / "lifeline"
NO_CLICK = HERE / "inside" / "no_click"

HAS_UVICORN = importlib.util.find_spec("uvicorn") is not None


def cores() -> list[int]:
    """Return the cores that this process may use, if it can say which of them."""
    can_choose = hasattr(os, "sched_setaffinity")  # Linux.
    return sorted(os.sched_getaffinity(0)) if can_choose else []


def can_pin() -> bool:
    """Tell whether server and load can have a core each."""
    return len(cores()) >= 2


@contextmanager
def load_core() -> Iterator[list[int]]:
    """
    Let this process use one core only, the last, and give the others.

    Where it cannot be done, nothing changes, and there are no others.
    """
    if not can_pin():
        yield []
        return
    *others, last = all_of_them = cores()
    os.sched_setaffinity(0, {last})
    try:
        yield others
    finally:
        os.sched_setaffinity(0, all_of_them)


def pin(server: Server, others: list[int]) -> None:
    """
    Let a server use one core: the first. Nothing happens where there are no others.

    An nginx with its two Daphnes keeps them all: to use two is what it is for.
    """
    if not isinstance(server, NginxSite):
        pin_process(server.process.pid, others)


def pin_process(pid: int, others: list[int]) -> None:
    """Let a process use the first of these cores only, if there are any."""
    if others:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(
                int(thread.name), {others[0]}
            )  # New threads inherit it.


@contextmanager
def ending(servers: Iterable[Server]) -> Iterator[None]:
    """
    End servers with this block, at once, and before their clients leave.

    To take leave of 2,000 clients takes a server as long as to let them in, and nobody
    measures that. An nginx needs time for its own processes.
    """
    try:
        yield
    finally:
        for server in servers:
            if not isinstance(server, NginxSite):
                server.process.kill()


def quick() -> AbstractContextManager[None]:
    """
    Start the servers of this block from a process that has imported the libraries.

    That is a tenth of the work, and what a message costs there is the same: tried side
    by side, in rounds. Not for a server whose start or memory is measured.
    """
    return quick_starts()


def python_path(*, click: bool = False) -> str:
    """Return the PYTHONPATH of a server that is measured."""
    folders = [LIFELINE, INSIDE_PROJECT] + ([] if click else [NO_CLICK])
    return os.pathsep.join(map(str, folders))


def measured(environment: Mapping[str, str], *, click: bool = False) -> dict[str, str]:
    """Return the environment of a server, with what it is measured with."""
    return {"PYTHONPATH": python_path(click=click), **environment}


def memory_of(pid: int) -> float:
    """Return how much memory a process keeps, in MiB."""
    return psutil.Process(pid).memory_info().rss / 1024**2


class Uvicorn(Server):
    """Run a project's asgi.py on uvicorn, with its defaults. It needs click."""

    banner_end = "Uvicorn running on"

    def __init__(self, project: Path, log: Path, **options: Any) -> None:
        options["environment"] |= {"PYTHONPATH": python_path(click=True)}
        super().__init__(project, log, **options)

    def command(self) -> list[str | Path]:
        """Return the command that its manual has."""
        address = ["--host", "127.0.0.1", "--port", str(self.port)]
        return [sys.executable, "-m", "uvicorn", *address, "config.asgi:application"]


class Program(Server):
    """Run a server that is one file, and is told its port, and some words."""

    def __init__(self, file: Path, log: Path, words: tuple[str, ...]) -> None:
        super().__init__(file.parent, log, environment=measured({}))
        self.file = file
        self.words = words

    def command(self) -> list[str | Path]:
        """Return the command that the file's first lines name."""
        return [self.python, self.file.name, str(self.port), *self.words]

    def knock(self) -> None:
        """Raise OSError unless the port takes connections."""
        create_connection(("127.0.0.1", self.port), timeout=1).close()


KINDS = {"daphne": Server, "uvicorn": Uvicorn, "tls": TlsServer, "nginx": NginxSite}
