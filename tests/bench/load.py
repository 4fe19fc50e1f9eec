"""
A client that costs far less than any server in Python.

It builds its one frame beforehand, and compares what comes back as bytes: nothing is
masked, parsed or decoded while the time runs. The price is that every frame has the
same mask, where RFC 6455, section 5.3, wants a new one each time.
"""

import selectors
import time
from contextlib import ExitStack
from typing import NamedTuple

from tests.client import PATIENCE, WireError, raw_handshake

TEXT = b"A text message, 32 bytes of it.\n"
MASK = b"\x37\xfa\x21\x3d"  # From the examples of RFC 6455, section 5.7.

# FIN and opcode 1, text. Then the length: with the top bit if a mask follows, as it
# must from the client and must not from the server. RFC 6455, section 5.2.
SENT = (
    bytes([0x81, 0x80 | len(TEXT)])
    + MASK
    + bytes(byte ^ MASK[i % 4] for i, byte in enumerate(TEXT))
)
ECHO = bytes([0x81, len(TEXT)]) + TEXT

CHUNK = 65536  # Bytes: the most that is read at once.
ECHOES = ECHO * (CHUNK // len(ECHO) + 2)


class Load(NamedTuple):
    """What a server did under a load, and what it cost the client to make it."""

    messages_per_s: float
    """Messages that were sent and came back, per second."""

    client_busy: float
    """The part of the time in which the client computed. At 1, it is the limit."""


def load(server: str, path: str, *, clients: int, window: int, seconds: float) -> Load:
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
            response, tcp = stack.enter_context(raw_handshake(server, path))
            if response.status != 101:
                raise WireError(
                    f"HTTP {response.status}",
                    f"The handshake of {path} was answered with HTTP "
                    f"{response.status}, not with 101.",
                )
            connections.append(tcp)
            # Beside each connection: how much of an unfinished echo has come, in bytes.
            selector.register(tcp, selectors.EVENT_READ, [0])

        echoed = 0
        in_flight = clients * window
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
        return Load(echoed / elapsed, (time.process_time() - cpu) / elapsed)
