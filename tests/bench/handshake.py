"""
How many clients a second a server lets in, and how long one waits for its welcome.

Each has a room of its own: what it costs to tell others of it is for fanout.py.
"""

import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.frames import CLOSE, TEXT, from_client, read_frame
from tests.bench.groups import (
    IN_MEMORY,
    NGINX,
    PLAIN,
    RESUMED,
    REUSE,
    SESSION,
    STAGE,
    TLS,
    VARIANTS,
    Pace,
    Trust,
    Variant,
    entered,
    in_turn,
    percentiles,
    project_of,
    ratio,
    row,
    running,
)
from tests.checker.endpoint import Endpoint
from tests.checker.rooms import fresh_room

SESSIONS = [Variant(SESSION, IN_MEMORY), Variant(REUSE, IN_MEMORY)]
WITH_TLS = [Variant(consumer, IN_MEMORY) for consumer in (TLS, NGINX, RESUMED)]

ROUNDS = 12
SECONDS = 0.5
WARM_UP = 0.2  # Seconds. Python specializes the code that runs often.

CLIENTS = 8  # At once, each in a thread: they wait for most of the time.
GOODBYE = from_client(CLOSE, (1000).to_bytes(2, "big"))


def measure(rounds: int, seconds: float) -> dict[str, Any]:
    """
    Let clients in and out of every server, for `seconds` in each of the rounds.

    Numbers are medians over the rounds, and so are ratios.
    """
    measured: dict[Variant, list[Pace]] = defaultdict(list)
    with TemporaryDirectory() as folder:
        projects = {
            variant: project_of(variant, Path(folder) / str(variant))
            for variant in [*VARIANTS, *SESSIONS, *WITH_TLS]
        }
        with running(projects) as servers:
            for server in servers.values():
                shake_hands(server, WARM_UP)
            for variant, server in in_turn(servers, rounds):
                measured[variant].append(shake_hands(server, seconds))
    return {
        "clients": CLIENTS,
        "rows": [
            row(
                str(variant),
                "handshakes_per_s",
                paces,
                measured[Variant(PLAIN, variant.layer)],
                measured[Variant(STAGE, variant.layer)],
            )
            | {"stage_4_ratio": ratio(paces, measured[SESSIONS[0]])}
            for variant, paces in measured.items()
        ],
    }


def shake_hands(server: Endpoint, seconds: float) -> Pace:
    """
    Let 8 clients at once come and go, each again and again.

    The percentiles are of the time to the welcome. Raises WireError if a client gets
    another answer than its welcome, or is not let go.
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
    return Pace(
        len(waited) / elapsed,
        *percentiles(waited),
        (time.process_time() - cpu) / elapsed,
    )


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
