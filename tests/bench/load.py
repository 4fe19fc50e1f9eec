"""
A client that costs far less than any server in Python.

It builds its one frame beforehand, and compares what comes back as bytes: nothing is
masked, parsed or decoded while the time runs.
"""

import selectors
import time
from contextlib import ExitStack
from typing import NamedTuple

from tests.bench.frames import CHUNK, TEXT, connected, from_client, from_server
from tests.bench.record import Cost
from tests.checker.client import PATIENCE, WireError
from tests.checker.endpoint import Endpoint

# Whoever decodes this and encodes it again writes the same bytes.
MESSAGE = b'{"message": "32 bytes, as JSON"}'
SENT = from_client(TEXT, MESSAGE)
ECHO = from_server(TEXT, MESSAGE)

ECHOES = ECHO * (CHUNK // len(ECHO) + 2)


class Load(NamedTuple):
    """What a server did under a load, and what it cost the client to make it."""

    messages_per_s: float
    """Messages that were sent and came back, per second."""

    client_busy: float
    """The part of the time in which the client computed. At 1, it is the limit."""

    cost: Cost
    """What it cost the server, handshakes apart."""

    messages: int
    """How many came back."""


def load(
    server: Endpoint, path: str, *, clients: int, window: int, seconds: float
) -> Load:
    """
    Send text messages to a server that echoes, and count what comes back.

    Each client keeps `window` messages in flight: every echo lets it send one more.
    After `seconds`, no more are sent, and the measurement ends with the last echo.
    Raises WireError if anything but the echo comes, or nothing for 3 seconds.
    """
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        connections = []
        for _ in range(clients):
            tcp, _came = stack.enter_context(connected(server, path))
            connections.append(tcp)
            # Beside each connection: how much of an unfinished echo has come, in bytes.
            selector.register(tcp, selectors.EVENT_READ, [0])

        echoed = 0
        in_flight = clients * window
        before = server.effort()
        cpu, start = time.process_time(), time.perf_counter()
        for tcp in connections:
            tcp.sendall(SENT * window)
        while in_flight:
            if not (ready := selector.select(PATIENCE)):
                raise WireError(
                    "silence", f"No echo came back within {PATIENCE} seconds."
                )
            over = time.perf_counter() - start > seconds
            for key, _events in ready:
                came = key.fileobj.recv(CHUNK)
                [begun] = key.data
                if not came or came != ECHOES[begun : begun + len(came)]:
                    raise WireError("another message", "What came is not the echo.")
                complete, key.data[0] = divmod(begun + len(came), len(ECHO))
                echoed += complete
                if over:
                    in_flight -= complete
                elif complete:
                    key.fileobj.sendall(SENT * complete)
        elapsed = time.perf_counter() - start
        busy = (time.process_time() - cpu) / elapsed
        effort = server.effort().minus(before)
        cost = Cost(elapsed, effort.worked, effort.waited)
        return Load(echoed / elapsed, busy, cost, echoed)
