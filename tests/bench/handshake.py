"""
How many clients a second a server lets in, and how long one waits for its welcome.

Each has a room of its own: what it costs to tell others of it is for fanout.py.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tests.bench.frames import CLOSE, TEXT, from_client, read_frame
from tests.bench.record import Record, Scope, cost_of, naming, row
from tests.bench.rows import (
    AUTOBAHN,
    BARE,
    FAST,
    IN_MEMORY,
    LAYERS,
    NGINX,
    PLAIN,
    RESUMED,
    REUSE,
    SESSION,
    SESSION_FAST,
    STAGE,
    TLS,
    TUTORIAL,
    UVICORN_FAST,
    UVICORN_STAGE,
    WEBSOCKETS,
    Trust,
    Variant,
    entered,
    in_turn,
    percentiles,
    project_of,
    running,
    those_that_run,
)
from tests.bench.servers import cores, load_core, quick
from tests.bench.spread import ratios
from tests.checker.endpoint import Endpoint
from tests.checker.rooms import fresh_room
from tests.checker.servers.runserver import Server

WHOLE = Scope(rounds=8, seconds=0.3, warm_up=0.15)
QUICK = Scope(rounds=1, seconds=0.1, warm_up=0.03, is_quick=True)

CLIENTS = 8  # At once, each in a thread: they wait for most of the time.
GOODBYE = from_client(CLOSE, (1000).to_bytes(2, "big"))

ANONYMOUS = [
    *(Variant(each, layer) for layer in LAYERS for each in (STAGE, PLAIN)),
    *(Variant(each, IN_MEMORY) for each in (TUTORIAL, FAST)),
    *(Variant(each) for each in (BARE, AUTOBAHN, WEBSOCKETS)),
    *(Variant(each, IN_MEMORY) for each in (UVICORN_STAGE, UVICORN_FAST)),
]
SESSIONS = [Variant(each, IN_MEMORY) for each in (SESSION, REUSE, SESSION_FAST)]
WITH_TLS = [Variant(each, IN_MEMORY) for each in (TLS, NGINX, RESUMED)]


class Pace(NamedTuple):
    """How clients came and went."""

    waited: list[float]
    """Seconds to the welcome, of each."""
    elapsed: float
    client_busy: float
    """The part of the time in which the client computed. At 1, it is the limit."""


def rows(scope: Scope) -> tuple[list[Variant], list[str]]:
    """Return the rows that this machine has, and sentences on the others."""
    asked = [*ANONYMOUS, *SESSIONS, *WITH_TLS]
    if scope.is_quick:
        left_out = (NGINX, RESUMED)
        asked = [
            each
            for each in asked
            if each.layer in ("", IN_MEMORY) and each.consumer not in left_out
        ]
    return those_that_run(asked)


def servers(scope: Scope) -> int:
    """Return how many servers are started: those with a session make a database."""
    found, _ = rows(scope)
    more = [each for each in found if each in SESSIONS or each in WITH_TLS]
    return len(found) + len(more)


def seconds(scope: Scope) -> float:
    """Return how long the measuring takes, on a quiet machine."""
    return len(rows(scope)[0]) * (scope.warm_up + scope.rounds * (scope.seconds + 0.05))


def measure(scope: Scope, record: Record) -> None:
    """Let clients in and out of every server, in each of the rounds."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        variants, record.left_out = rows(scope)
        with quick():
            projects = {each: project_of(each, folder / str(each)) for each in variants}
            found = stack.enter_context(running(projects, cores()))
        stack.enter_context(load_core())
        for variant, server in found.items():
            with naming(variant):
                shake_hands(server, scope.warm_up)
        record.begin(map(str, found))
        for variant, server in in_turn(found, scope):
            record.add(str(variant), **sample(server, scope.seconds))


def sample(server: Server, seconds: float) -> dict[str, float]:
    """Return what was seen of one server in one round."""
    pace, cost = cost_of(server, lambda: shake_hands(server, seconds))
    p50, p99 = percentiles(pace.waited)
    return {
        "handshakes_per_s": len(pace.waited) / pace.elapsed,
        "p50_ms": p50,
        "p99_ms": p99,
        "client_busy": pace.client_busy,
        **cost.each(len(pace.waited)),
    }


def result(record: Record) -> dict[str, Any]:
    """
    Return the table.

    `ratio` and `cheaper` compare with the plain consumer on the same layer.
    """
    found = record.rows()
    table = []
    for name, mine in found.items():
        layer = next((each for each in reversed(LAYERS) if each in name), IN_MEMORY)
        plain, stage = (found[str(Variant(each, layer))] for each in (PLAIN, STAGE))
        numbers = ["handshakes_per_s", "p50_ms", "p99_ms"]
        compared = {
            "stage_3_ratio": ratios(mine, stage, numbers[0]).median,
            "stage_4_ratio": ratios(mine, found[str(SESSIONS[0])], numbers[0]).median,
        }
        table.append(row(name, mine, plain, numbers) | compared)
    return {"clients": CLIENTS, "rows": table}


def shake_hands(server: Endpoint, seconds: float) -> Pace:
    """
    Let 8 clients at once come and go, each again and again.

    Raises WireError if a client gets another answer than its welcome, or is not let go.
    """
    cpu, start = time.process_time(), time.perf_counter()

    def come_and_go(_client: int) -> list[float]:
        waited = [visit(server)]
        while time.perf_counter() - start < seconds:
            waited.append(visit(server))
        return waited

    with ThreadPoolExecutor(CLIENTS) as threads:
        waited = [
            each for some in threads.map(come_and_go, range(CLIENTS)) for each in some
        ]
    elapsed = time.perf_counter() - start
    return Pace(waited, elapsed, (time.process_time() - cpu) / elapsed)


def visit(server: Endpoint) -> float:
    """Enter a room that nobody is in, and leave. Return the seconds to the welcome."""
    room = fresh_room()
    start = time.perf_counter()
    with entered(server, room, "ana") as (tcp, came):
        waited = time.perf_counter() - start
        if isinstance(server.trust, Trust):
            server.trust.remember(tcp)
        tcp.sendall(GOODBYE)
        opcode = TEXT
        while opcode != CLOSE:  # Its own arrival may come first.
            opcode, _payload, came = read_frame(tcp, came)
    return waited
