"""
How long it takes from the command to the first handshake, and what the server keeps.

Beside it stands a process that imports what a server needs of Django, Channels and
Daphne, and does nothing: no server in Python can be there before.
"""

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.frames import connected
from tests.bench.record import Record, Scope, with_quartiles
from tests.bench.rows import (
    AUTOBAHN,
    BARE_ECHO,
    ECHO_FAST,
    ECHO_STAGE,
    IN_MEMORY,
    STAGE,
    UVICORN_ECHO_STAGE,
    WEBSOCKETS,
    Variant,
    in_turn,
    project_of,
    server_of,
    those_that_run,
)
from tests.bench.servers import load_core, measured, memory_of, pin, pin_process
from tests.bench.spread import ratios, spread
from tests.checker.client import WireError
from tests.checker.rooms import address
from tests.checker.servers.effort import Effort, effort_of
from tests.checker.servers.runserver import (
    START,
    Server,
    ServerError,
    clean_environment,
)

WHOLE = Scope(rounds=7, seconds=0)
QUICK = Scope(rounds=1, seconds=0, is_quick=True)

IMPORTS = "Django, Channels and Daphne imported, and no server"
MIGRATIONS = "the same, and Django's migrations, as runserver imports them"
ROWS = [
    *(Variant(each) for each in (ECHO_STAGE, ECHO_FAST, BARE_ECHO)),
    Variant(STAGE, IN_MEMORY),
    *(Variant(each) for each in (AUTOBAHN, WEBSOCKETS, UVICORN_ECHO_STAGE)),
]
ECHOES = (ECHO_STAGE, ECHO_FAST, BARE_ECHO, AUTOBAHN, WEBSOCKETS, UVICORN_ECHO_STAGE)

# What stage 1 imports of the three, by the names under which it asks for them.
PROGRAM = """
import channels.generic.websocket
import channels.routing
import django.conf
import django.core.asgi
import django.urls
django.conf.settings.configure()
import daphne.management.commands.runserver
import django.contrib.staticfiles.handlers
{more}
print("imported", flush=True)
input()
"""

# Before it serves, runserver looks for migrations that are not applied. It imports all
# that they need, whether or not there is a database.
PROGRAMS = {
    IMPORTS: PROGRAM.format(more=""),
    MIGRATIONS: PROGRAM.format(more="import django.db.migrations.executor"),
}


def servers(scope: Scope) -> int:
    """Return how many servers are started before the rounds: none."""
    return 0


def seconds(scope: Scope) -> float:
    """Return how long the measuring takes, on a quiet machine."""
    return scope.rounds * (len(PROGRAMS) + len(those_that_run(ROWS)[0])) * 0.7


def measure(scope: Scope, record: Record) -> None:
    """Start each server, and end it, in each of the rounds."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        variants, record.left_out = those_that_run(ROWS)
        projects = {each: project_of(each, folder / str(each)) for each in variants}
        others = stack.enter_context(load_core())
        record.begin([*PROGRAMS, *map(str, projects)])
        for variant, project in in_turn({**PROGRAMS, **projects}, scope):
            if variant in PROGRAMS:
                record.add(variant, **imported(PROGRAMS[variant], others))
            else:
                server = server_of(variant, project, folder / "log", {})
                record.add(str(variant), **started(server, variant, others))


def imported(program: str, others: list[int]) -> dict[str, float]:
    """Return what it takes to import the three. Raises ServerError if it fails."""
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env=clean_environment() | measured({}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        pin_process(process.pid, others)
        if process.stdout.readline() != "imported\n":
            raise ServerError("Django, Channels and Daphne cannot be imported.")
        seconds = time.perf_counter() - start
        effort, memory = effort_of(process.pid), memory_of(process.pid)
        process.kill()
    return sample(seconds, effort, memory)


def sample(seconds: float, effort: Effort, memory: float) -> dict[str, float]:
    """Return what was seen of a process, so many seconds after the command."""
    return {
        "first_ms": seconds * 1000,
        "cpu_ms": effort.worked * 1000,
        "waited": effort.waited / seconds,
        "memory_mib": memory,
    }


def started(server: Server, variant: Variant, others: list[int]) -> dict[str, float]:
    """Return what it takes until a server has let its first client in."""
    path = "/ws/echo/" if variant.consumer in ECHOES else address("room", "ana")
    start, took = time.perf_counter(), []

    def wait_for_the_first() -> None:
        pin(server, others)
        let_in(server, path)
        took.append(time.perf_counter() - start)

    server.wait_until_it_listens = wait_for_the_first
    server.launch()
    try:
        return sample(took[-1], server.effort(), memory_of(server.process.pid))
    finally:
        server.stop()


def let_in(server: Server, path: str) -> None:
    """Try until the server lets a client in. Raises ServerError after 30 seconds."""
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            with connected(server, path):
                return
        except (OSError, WireError):
            time.sleep(0.001)
    raise ServerError(f"{server.project.name} let nobody in.\n{server.printed()}")


def result(record: Record) -> dict[str, Any]:
    """Return the table: `of_imports` compares with the imports alone."""
    found = record.rows()
    table = []
    for name, mine in found.items():
        cells = {"name": name}
        for key in ("first_ms", "cpu_ms", "memory_mib"):
            cells |= with_quartiles(key, spread([each[key] for each in mine]))
        cells["waited"] = median(each["waited"] for each in mine)
        of_imports = ratios(mine, found[IMPORTS], "first_ms")
        table.append(cells | with_quartiles("of_imports", of_imports))
    return {"rows": table}
