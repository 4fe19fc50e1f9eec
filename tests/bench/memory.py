"""
How much memory a connection keeps that is open and silent.

Rooms have ten members, who hear of each other as they come. What a server keeps is
counted when all are in; the memory of Redis is not counted, for none is used. One round
is enough: what a process keeps hardly varies.
"""

import selectors
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.fanout import ENTER_US, LOOK, Member, allow_open_files
from tests.bench.frames import connected, crowd
from tests.bench.record import Record, Scope
from tests.bench.rows import (
    AUTOBAHN,
    BARE,
    ECHO_STAGE,
    FAST,
    IN_MEMORY,
    RECIPES,
    STAGE,
    UVICORN_STAGE,
    WEBSOCKETS,
    Missing,
    Variant,
    all_entered,
    entered,
    project_of,
    running,
    those_that_run,
)
from tests.bench.servers import cores, ending, load_core, memory_of
from tests.checker.servers.runserver import Server

WHOLE = Scope(rounds=1, seconds=0)
QUICK = Scope(rounds=1, seconds=0, is_quick=True)

SIZES = (1000, 5000)
ROOM = 10  # Members.

ROWS = [
    Variant(ECHO_STAGE),
    *(Variant(each, IN_MEMORY) for each in (STAGE, FAST)),
    *(Variant(each) for each in (BARE, AUTOBAHN, WEBSOCKETS)),
    Variant(UVICORN_STAGE, IN_MEMORY),
]


def sizes(scope: Scope) -> tuple[int, ...]:
    """Return how many connections are open when a server is looked at."""
    return SIZES[:1] if scope.is_quick else SIZES


def rows(scope: Scope) -> tuple[list[Variant], list[str]]:
    """Return the rows that this machine has, and sentences on the others."""
    return those_that_run(ROWS[:3] if scope.is_quick else ROWS)


def servers(scope: Scope) -> int:
    """Return how many servers are started."""
    return len(rows(scope)[0])


def seconds(scope: Scope) -> float:
    """Return how long the measuring takes, on a quiet machine."""
    each = sizes(scope)[-1] * ENTER_US / 1e6
    return servers(scope) * (0.5 + each)  # These are not forked.


def measure(scope: Scope, record: Record) -> None:
    """Let clients into one server after the other, and let them stay."""
    variants, record.left_out = rows(scope)
    asked = []
    for size in sizes(scope):
        try:
            allow_open_files(size + 200)
            asked.append(size)
        except Missing as missing:
            record.left_out.append(str(missing))
    for variant in variants if asked else []:
        with TemporaryDirectory() as folder, ExitStack() as stack:
            project = project_of(variant, Path(folder) / "project")
            found = stack.enter_context(running({variant: project}, cores()))
            stack.enter_context(load_core())
            record.begin(name_of(variant, size) for size in asked)
            with ExitStack() as clients, ending(found.values()):
                fill(clients, variant, found[variant], asked, record)


def name_of(variant: Variant, connections: int) -> str:
    """Return the name of a row."""
    return f"{variant}; {connections} connections"


def fill(
    stack: ExitStack,
    variant: Variant,
    server: Server,
    sizes: Sequence[int],
    record: Record,
) -> None:
    """Open connections, and note what the server keeps before and after."""
    recipe = RECIPES.get(variant.consumer)
    is_echo = bool(recipe) and recipe.stage == "stage01_echo"
    selector = stack.enter_context(selectors.DefaultSelector())
    with connected(server, "/ws/echo/") if is_echo else entered(server, "first", "ana"):
        pass  # What comes with the first client is no client's own.
    empty = memory_of(server.process.pid)
    members = [(f"room-{each // ROOM}", f"member-{each}") for each in range(max(sizes))]
    opened = (
        crowd(stack, server, ["/ws/echo/"] * len(members))
        if is_echo
        else all_entered(stack, server, members)
    )
    looked = time.monotonic()
    for number, (tcp, came) in enumerate(opened):
        selector.register(tcp, selectors.EVENT_READ, Member(tcp, came))
        if time.monotonic() - looked > LOOK:  # Daphne waits 10 seconds for a pong.
            listen(selector)
            looked = time.monotonic()
        if number + 1 in sizes:
            listen(selector)
            kept = memory_of(server.process.pid)
            record.add(
                name_of(variant, number + 1),
                memory_mib=kept,
                each_kib=(kept - empty) * 1024 / (number + 1),
            )


def listen(selector: selectors.BaseSelector) -> None:
    """Read what has come, such as who else is here, and answer pings."""
    for key, _events in selector.select(0):
        for _payload in key.data.payloads():
            pass


def result(record: Record) -> dict[str, Any]:
    """Return the table, the smaller number of connections first."""
    table = [{"name": name, **samples[0]} for name, samples in record.rows().items()]
    table.sort(key=lambda each: int(each["name"].rpartition("; ")[2].split()[0]))
    return {"rows": table}
