"""
A WebSocket client whose every wait is bounded.

What the server does wrong becomes an exception that says what was seen on the wire.
"""

import json
import socket
import ssl
import struct
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from email import message_from_string
from email.message import Message
from selectors import EVENT_READ, DefaultSelector
from threading import Lock
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.protocol import State
from websockets.sync import client as sync

PATIENCE = 3  # Seconds. Daphne answers in milliseconds, but takes one to see a crash.
HANDSHAKE = 7  # Seconds. Daphne gives up a handshake after five.

# What a client sees of a handshake that is never answered: it waits in vain, or the
# server hangs up.
NO_ANSWER = (TimeoutError, InvalidMessage, ConnectionResetError)


class WireError(AssertionError):
    """The server broke the contract; `symptom` names how, for explain/."""

    def __init__(self, symptom: str, message: str) -> None:
        super().__init__(message)
        self.symptom = symptom


class Client(sync.ClientConnection):
    """A connection of the `websockets` library that waits 3 seconds at most."""

    def recv(self, **options: Any) -> str | bytes:
        """Return the next message. Raises WireError if none comes."""
        __tracebackhide__ = True
        try:
            return super().recv(timeout=PATIENCE, **options)
        except TimeoutError:
            raise WireError(
                "silence",
                f"The connection is open, but no message came within {PATIENCE} "
                f"seconds.",
            ) from None
        except ConnectionClosed as closed:
            raise ended(closed) from None

    def recv_within(self, seconds: float) -> str | bytes:
        """
        Return the next message. Raises TimeoutError if none comes in that time.

        Raises WireError if the connection is closed.
        """
        __tracebackhide__ = True
        try:
            return super().recv(timeout=seconds)
        except ConnectionClosed as closed:
            raise ended(closed) from None

    def send(self, message: Any, **options: Any) -> None:
        """Send a message. Raises WireError if the connection is closed."""
        __tracebackhide__ = True
        try:
            super().send(message, **options)
        except ConnectionClosed as closed:
            raise ended(closed) from None

    def expect(self, message: str | bytes) -> None:
        """Fail unless the next message is this one."""
        __tracebackhide__ = True
        received = self.recv()
        if received != message:
            raise WireError(
                "another message",
                f"Expected {show(message)}, but {show(received)} came.",
            )

    def send_json(self, **message: Any) -> None:
        """Send a JSON object in a text frame. Raises WireError if that is too late."""
        __tracebackhide__ = True
        self.send(json.dumps(message))

    def expect_json(self, **expected: Any) -> dict[str, Any]:
        """
        Fail unless the next message is a JSON object with these keys and values.

        Returns the whole object: a contract allows more keys than it names.
        """
        __tracebackhide__ = True
        return compare_json(self.recv(), expected)

    def is_closed(self) -> bool:
        """Say whether the connection has ended, as far as this side knows."""
        return self.state is not State.OPEN

    def expect_close(self, code: int) -> None:
        """Fail unless the server closes the connection with this code."""
        __tracebackhide__ = True
        try:
            while True:
                super().recv(timeout=PATIENCE)
        except TimeoutError:
            raise WireError(
                "left open",
                f"The server left the connection open. It must close it with {code}.",
            ) from None
        except ConnectionClosed as closed:
            if closed.rcvd is None or closed.rcvd.code != code:
                raise WireError(
                    f"{ended(closed).symptom} for {code}",
                    f"{ended(closed)} It must be {code}.",
                ) from None

    def expect_open(self) -> None:
        """Fail unless the server still answers a ping (RFC 6455, section 5.5.3)."""
        __tracebackhide__ = True
        try:
            answered = self.ping().wait(PATIENCE)
        except ConnectionClosed as closed:
            raise ended(closed) from None
        if not answered:
            raise WireError(
                "no pong", f"The server did not answer a ping within {PATIENCE} s."
            )


class OneAtATime(ssl.SSLSocket):
    """
    A TLS socket that one thread may read from while another one writes to it.

    `websockets` does that, and OpenSSL does not allow it. Before Python 3.13, which
    keeps the two apart itself, one connection in some hundreds then hung for ever.
    """

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        self = super().__new__(cls, *arguments, **options)
        self.lock = Lock()
        return self

    def recv(self, size: int = 1024, flags: int = 0) -> bytes:
        """Return the next bytes. Raises TimeoutError after the socket's timeout."""
        while True:
            # Who holds the lock must not wait: the other thread might wait for it.
            with self.lock:
                timeout = self.gettimeout()
                self.settimeout(0)
                try:
                    return super().recv(size, flags)
                except ssl.SSLWantReadError:
                    pass  # Nothing yet, half a record, or one of TLS's own.
                finally:
                    self.settimeout(timeout)
            with DefaultSelector() as selector:
                selector.register(self, EVENT_READ)
                if not selector.select(timeout):
                    raise TimeoutError("The read operation timed out")

    def sendall(self, data: bytes, flags: int = 0) -> None:
        """Send all bytes."""
        with self.lock:
            super().sendall(data, flags)


def tls_context(**options: Any) -> ssl.SSLContext:
    """Return what `ssl.create_default_context` does, safe for two threads."""
    context = ssl.create_default_context(**options)
    context.sslsocket_class = OneAtATime
    return context


# The certificates that a client trusts: those of the system, unless a check of stage 5
# puts others here.
trust = tls_context()


def open_tcp(server: str, timeout: float) -> socket.socket:
    """Open a TCP connection to a server, with TLS in it if its address says wss."""
    parts = urlsplit(server)
    tcp = socket.create_connection((parts.hostname, parts.port), timeout)
    if parts.scheme == "ws":
        return tcp
    try:
        return trust.wrap_socket(tcp, server_hostname=parts.hostname)
    except BaseException as error:
        tcp.close()
        if isinstance(error, ssl.SSLError):
            raise no_tls(error) from None
        raise


def identify(_server: str, _path: str) -> dict[str, str]:
    """
    Return the headers that a handshake sends along, unless a check says otherwise.

    None, in stages 1 to 3. The checks of stage 4 put another function in its place.
    """
    return {}


@contextmanager
def connect(server: str, path: str, **options: Any) -> Iterator[Client]:
    """
    Open a WebSocket to a path of a server, and close it at the end.

    `options` are those of `websockets.sync.client.connect`.
    Raises WireError unless the handshake succeeds.
    """
    __tracebackhide__ = True
    options = {
        "create_connection": Client,
        "open_timeout": HANDSHAKE,
        "proxy": None,  # A proxy in the environment would take even 127.0.0.1.
        "max_size": None,
        "compression": None,
        **options,
    }
    options.setdefault("additional_headers", identify(server, path))
    if server.startswith("wss:"):
        options.setdefault("ssl", trust)
    with ExitStack() as stack:
        try:
            try:
                client = stack.enter_context(sync.connect(server + path, **options))
            except NO_ANSWER:
                # On a machine with much else to do, Daphne's own five seconds can
                # be too few. Once more: only a server that never answers fails twice.
                client = stack.enter_context(sync.connect(server + path, **options))
        except InvalidStatus as refused:
            status = refused.response.status_code
            raise WireError(
                f"HTTP {status}",
                f"The handshake of {path} was answered with HTTP {status}, "
                f"not with 101.",
            ) from None
        except ssl.SSLError as error:
            raise no_tls(error) from None
        except ConnectionRefusedError:
            raise WireError(
                "nobody listens", f"Nobody listens at {server}. Is the server running?"
            ) from None
        except NO_ANSWER:
            raise WireError(
                "no answer",
                f"The handshake of {path} got no answer. The server kept the client "
                f"waiting, then hung up.",
            ) from None
        yield client


def refusal(server: str, path: str, **options: Any) -> int:
    """Return the HTTP status that a handshake is refused with. Raises WireError."""
    __tracebackhide__ = True
    try:
        with connect(server, path, **options):
            pass
    except WireError as error:
        if error.symptom.startswith("HTTP "):
            return int(error.symptom.removeprefix("HTTP "))
        raise
    raise WireError(
        "not refused",
        f"The handshake of {path} was accepted with 101, but it must be refused.",
    )


class Answer(NamedTuple):
    """The answer to a handshake, unjudged."""

    status: int
    headers: Message


@contextmanager
def raw_handshake(
    server: str, path: str, key: str = "dGhlIHNhbXBsZSBub25jZQ=="
) -> Iterator[tuple[Answer, socket.socket]]:
    """
    Send a handshake by hand. Gives the answer and the TCP socket.

    The key is the example of RFC 6455, section 1.3. The path is sent as it is, in
    Latin-1. Nothing is read from the socket but the head of the answer.
    """
    parts = urlsplit(server)
    request = (
        f"GET {path} HTTP/1.1\r\n"
        f"Host: {parts.netloc}\r\n"
        f"Upgrade: websocket\r\n"
        f"Connection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\n"
        f"Sec-WebSocket-Version: 13\r\n"
    )
    for header, value in identify(server, path).items():
        request += f"{header}: {value}\r\n"
    with open_tcp(server, HANDSHAKE) as tcp:
        tcp.sendall(f"{request}\r\n".encode("latin-1"))
        head = b""
        # Byte by byte, because the server's first frame may follow at once.
        while not head.endswith(b"\r\n\r\n"):
            byte = tcp.recv(1)
            if not byte:
                raise WireError("no answer", f"The handshake of {path} got no answer.")
            head += byte
        status_line, _, headers = head.decode("latin-1").partition("\r\n")
        yield Answer(int(status_line.split()[1]), message_from_string(headers)), tcp


def vanish(server: str, path: str) -> None:
    """Open a WebSocket and reset its TCP connection: no close frame, no goodbye."""
    with raw_handshake(server, path) as (_response, tcp):
        # SO_LINGER on, for zero seconds: closing then sends RST, not FIN.
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def expect_refused(server: str, path: str, **options: Any) -> None:
    """Fail unless the handshake is refused with HTTP 403."""
    __tracebackhide__ = True
    status = refusal(server, path, **options)
    if status != 403:
        raise WireError(
            f"refused with {status}",
            f"The handshake of {path} was refused with HTTP {status}. It must be 403.",
        )


def compare_json(received: str | bytes, expected: dict[str, Any]) -> dict[str, Any]:
    """Return a message's JSON object. Raises WireError unless it has these values."""
    __tracebackhide__ = True
    try:
        message = json.loads(received) if isinstance(received, str) else None
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise WireError(
            "no JSON",
            f"Expected a JSON object in a text frame, but {show(received)} came.",
        )
    if message | expected != message:
        raise WireError(
            difference(message, expected),
            f"Expected {show(json.dumps(expected, ensure_ascii=False))}, but "
            f"{show(received)} came.",
        )
    return message


def difference(message: dict[str, Any], expected: dict[str, Any]) -> str:
    """Name what is wrong with a JSON message: its type, or the first key that is."""
    if message.get("type") != expected.get("type"):
        return f"{message.get('type')} for {expected.get('type')}"
    wrong = next(key for key in expected if message.get(key) != expected[key])
    return f"another {wrong}" if wrong in message else f"no {wrong}"


def ended(closed: ConnectionClosed) -> WireError:
    """Say how a connection ended that should have stayed open."""
    if closed.rcvd is None:
        return WireError(
            "close 1006", "The server dropped the connection without a close frame."
        )
    code = closed.rcvd.code
    return WireError(
        f"close {code}", f"The server closed the connection with code {code}."
    )


def no_tls(error: ssl.SSLError) -> WireError:
    """Say why there is no TLS. What is wrong with a certificate, OpenSSL can say."""
    reason = getattr(error, "verify_message", "") or error.reason or str(error)
    reason = reason.rstrip(".")
    return WireError(f"TLS: {reason}", f"The TLS handshake failed: {reason}.")


def show(message: str | bytes) -> str:
    """Show a message so that text and binary can be told apart, and long ones cut."""
    kind = "the text" if isinstance(message, str) else "the bytes"
    shown = repr(message)
    if len(shown) > 160:  # Two lines: a message of a room, with its name and text.
        shown = f"{shown[:160]}… ({len(message):,} long)"
    return f"{kind} {shown}"
