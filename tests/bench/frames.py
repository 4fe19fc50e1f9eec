"""
The frames of a client that costs far less than any server in Python.

They are short, and whole, and those that it sends have always the same mask, where
RFC 6455, section 5.3, wants a new one each time.
"""

import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

from tests.checker.client import HANDSHAKE, WireError, open_tcp
from tests.checker.endpoint import Endpoint

# Opcodes. RFC 6455, section 5.2.
TEXT = 0x1
CLOSE = 0x8
PING = 0x9
PONG = 0xA

FIN = 0x80  # The message ends with this frame.
MASKED = 0x80  # As every frame from the client must be, and none from the server.
MASK = b"\x37\xfa\x21\x3d"  # From the examples of RFC 6455, section 5.7.
LONGEST = 125  # Bytes of payload: what one byte can say.
CHUNK = 65536  # Bytes: the most that is read at once.
AT_ONCE = 4  # Handshakes: more would wait too long for each other on a busy machine.

# The example of RFC 6455, section 1.3, and its answer.
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
END = b"\r\n\r\n"


def from_client(opcode: int, payload: bytes) -> bytes:
    """Return the frame in which a client sends a payload of 125 bytes at most."""
    masked = bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))
    return bytes([FIN | opcode, MASKED | len(payload)]) + MASK + masked


def from_server(opcode: int, payload: bytes) -> bytes:
    """Return the frame in which a server sends a payload of 125 bytes at most."""
    return bytes([FIN | opcode, len(payload)]) + payload


def first_frame(came: bytes) -> tuple[int, bytes, bytes] | None:
    """
    Return the opcode and the payload of the first frame, and what came after it.

    None if the frame is not complete. Raises WireError if it is not short and whole.
    """
    if len(came) < 2:
        return None
    if not came[0] & FIN or came[1] > LONGEST:
        raise WireError("another message", f"{came[:20]!r} is no short, whole frame.")
    end = 2 + came[1]
    if len(came) < end:
        return None
    return came[0] & 0xF, came[2:end], came[end:]


def read(tcp: socket.socket) -> bytes:
    """Return what has come, or comes within 7 seconds. Raises WireError otherwise."""
    try:
        came = tcp.recv(CHUNK)
    except TimeoutError:
        raise WireError(
            "silence", f"Nothing came within {HANDSHAKE} seconds."
        ) from None
    except OSError:
        came = b""
    if not came:
        raise WireError("close 1006", "The server dropped a connection.")
    return came


def read_frame(tcp: socket.socket, came: bytes) -> tuple[int, bytes, bytes]:
    """Return what `first_frame` does, and wait for what is lacking of it."""
    while (frame := first_frame(came)) is None:
        came += read(tcp)
    return frame


@contextmanager
def connected(server: Endpoint, path: str) -> Iterator[tuple[socket.socket, bytes]]:
    """
    Open a WebSocket. Gives its TCP connection, and what came after the handshake.

    Raises WireError unless it opens.
    """
    with open_tcp(server) as tcp:
        tcp.sendall(request(server, path))
        yield tcp, answered(tcp, path)


def crowd(
    stack: ExitStack, server: Endpoint, paths: Sequence[str]
) -> Iterator[tuple[socket.socket, bytes]]:
    """
    Open many WebSockets, some at once, and yield what `connected` gives for each.

    So neither side waits for the other before each handshake: on a busy machine, that
    takes longer than the handshakes. Raises WireError unless all open.
    """
    for start in range(0, len(paths), AT_ONCE):
        some = paths[start : start + AT_ONCE]
        connections = [stack.enter_context(open_tcp(server)) for _ in some]
        for tcp, path in zip(connections, some, strict=True):
            tcp.sendall(request(server, path))
        for tcp, path in zip(connections, some, strict=True):
            yield tcp, answered(tcp, path)


def request(server: Endpoint, path: str) -> bytes:
    """Return what a client says first."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {urlsplit(server.url).netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
        *(f"{name}: {value}" for name, value in server.identify(path).items()),
    ]
    return "\r\n".join(lines).encode("latin-1") + END


def answered(tcp: socket.socket, path: str) -> bytes:
    """Read the answer, and return what came after it. Raises WireError unless 101."""
    came = b""
    while END not in came:
        came += read(tcp)
    head, _, rest = came.partition(END)
    status = head.split(b" ", 2)[1].decode()
    if status != "101" or ACCEPT not in head:
        raise WireError(
            f"HTTP {status}",
            f"The handshake of {path} was answered with HTTP {status}, not with "
            f"101 and the right Sec-WebSocket-Accept.",
        )
    return rest
