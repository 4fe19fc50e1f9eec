"""
A WebSocket client whose every wait is bounded, and which needs no thread.

What the server does wrong becomes an exception that says what was seen on the wire.
"""

import json
import socket
import ssl
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from email import message_from_string
from email.message import Message
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidMessage, InvalidStatus
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from tests.checker.endpoint import Endpoint
from tests.checker.show import (
    another_message,
    another_object,
    facts,
    in_short,
    sent_in_short,
    show,
)
from tests.checker.wire import WIRE, short

PATIENCE = 3  # Seconds. Daphne answers in milliseconds, but takes one to see a crash.
LOOK = 0.5  # Seconds, the last of them, in which a server is looked at: is it at work?
AT_WORK = 0.1  # Seconds of CPU, used or waited for, in that time: it is.
ENDLESS = 8  # Seconds of CPU. Who has used so many for one message never ends.
LONGEST = 60  # Seconds, until the machine is too slow for that.
HANDSHAKE = 7  # Seconds. Daphne gives up a handshake after five.
GOODBYE = 10  # Seconds that a server has to answer a close, and to hang up.
ROUNDED = 0.25  # Seconds after a whole one, in which an end that Daphne rounds is seen.

CHUNK = 65_536  # Bytes: the most that is read at once.
OVERHEAD = 1024  # Bytes that a message costs us, besides what it says.
WAITING = 64 * 1024 * 1024  # Bytes of messages that nobody has asked for.

# What a client sees of a handshake that is never answered: it waits in vain, or the
# server hangs up.
NO_ANSWER = (TimeoutError, InvalidMessage, ConnectionResetError)


class WireError(AssertionError):
    """
    The server broke the contract; `symptom` names how, for explain/.

    `facts` are lines below the sentence: what was sent, expected and got.
    """

    may_be_chance = False  # Whether a right server can be seen like that, too.

    def __init__(self, symptom: str, message: str, **named: str) -> None:
        super().__init__(message)
        self.symptom = symptom
        self.facts = named

    def __str__(self) -> str:
        return "\n".join([self.sentence, *facts(**self.facts)])

    @property
    def sentence(self) -> str:
        """What was seen, without the facts below it."""
        return self.args[0]


class Client:
    """
    One end of a WebSocket. What comes waits in the system until it is asked for.

    Pings are answered whenever it reads. `response` is the answer to the handshake.
    """

    def __init__(
        self, server: Endpoint, tcp: socket.socket, protocol: ClientProtocol
    ) -> None:
        self.server = server
        self.socket = tcp
        self.protocol = protocol
        self.response: Response | None = None
        self.messages: deque[str | bytes] = deque()
        self.came = 0  # Bytes, since a message was asked for.
        self.frames: list[Frame] = []  # Of a message that is not complete.
        self.pong = b""
        self.name = "client"
        self.has_sent = False
        self.sent = ""  # The last message, in words.
        self.has_ended = False
        self.ended_at = 0.0  # Seconds, as time.time() counts them.

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that the server has accepted."""
        return self.protocol.subprotocol

    def flush(self) -> None:
        """Send what the protocol wants to be sent. Raises WireError if that hangs."""
        self.socket.settimeout(PATIENCE)
        try:
            self.socket.sendall(b"".join(self.protocol.data_to_send()))
        except TimeoutError:
            raise WireError(
                "silence",
                f"The connection is open, but the server took nothing within "
                f"{PATIENCE} seconds.",
            ) from None
        except OSError:
            self.protocol.receive_eof()

    def read(self, seconds: float) -> bool:
        """Read what has come, or comes in that time. Returns whether anything did."""
        self.socket.settimeout(seconds)
        try:
            came = self.socket.recv(CHUNK)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            came = b""
        if came:
            self.protocol.receive_data(came)
        else:
            self.protocol.receive_eof()
        for event in self.protocol.events_received():
            self.take(event)
        self.note_the_end()
        self.flush()
        return True

    def note_the_end(self) -> None:
        """Take down, once, how the other side has ended the connection."""
        if self.protocol.state is State.OPEN or self.has_ended or not self.response:
            return
        self.has_ended = True
        self.ended_at = time.time()
        close = self.protocol.close_rcvd
        words = (
            f"close {close.code} {close.reason}" if close else "end, without a close"
        )
        WIRE.note(self.name, f"← {words.rstrip()}")

    def take(self, event: Response | Frame) -> None:
        """Keep the answer to the handshake, a message, or the answer to a ping."""
        if isinstance(event, Response):
            self.response = event
            WIRE.note(self.name, f"← {event.status_code} {event.reason_phrase}")
        elif event.opcode is Opcode.PONG:
            self.pong = bytes(event.data)
        elif event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self.frames.append(event)
            self.came += len(event.data) + OVERHEAD
            if self.came > WAITING:
                raise WireError(
                    "flood",
                    f"The server sends without end: {len(self.messages):,} messages "
                    f"came that nobody has asked for.",
                )
            if event.fin:
                message = b"".join(frame.data for frame in self.frames)
                is_text = self.frames[0].opcode is Opcode.TEXT
                self.frames.clear()
                try:
                    self.messages.append(message.decode() if is_text else message)
                except UnicodeDecodeError:
                    self.protocol.fail(CloseCode.INVALID_DATA)
                else:
                    WIRE.answered += self.has_sent
                    WIRE.note(self.name, f"← {short(self.messages[-1])}")

    def catch_up(self) -> None:
        """Read all that has come, and wait for nothing."""
        while self.protocol.state is not State.CLOSED and self.read(0):
            pass

    def ended(self) -> WireError:
        """Say how the connection ended, which should have stayed open."""
        close = self.protocol.close_rcvd
        if close is None:
            return WireError(
                "close 1006", "The server dropped the connection without a close frame."
            )
        return WireError(
            f"close {close.code}",
            f"The server closed the connection with code {close.code}.",
        )

    def recv(self) -> str | bytes:
        """Return the next message. Raises WireError if none comes."""
        __tracebackhide__ = True
        for seconds in self.waits(PATIENCE):
            with suppress(TimeoutError):
                return self.recv_within(seconds)
        raise WireError(
            "silence",
            f"The connection is open, but no message came within {PATIENCE} seconds.",
        )

    def waits(self, seconds: float) -> Iterator[float]:
        """
        Yield how long to wait, in parts, and go on while the server is at work.

        A server that is idle has no answer. One that is not may only be slow, on a
        machine that has much to do. Raises WireError if that takes too long.
        """
        yield seconds - LOOK
        end = time.monotonic() + LONGEST
        before = at_first = self.server.effort()
        while True:
            yield LOOK
            now = self.server.effort()
            if now.minus(before).total < AT_WORK:
                return
            if now.minus(at_first).worked > ENDLESS:
                raise WireError(
                    "busy",
                    "The connection is open, but nothing came. The server has worked "
                    f"for {ENDLESS} seconds since, and works on.",
                )
            if time.monotonic() > end:
                raise WireError(
                    "too slow here",
                    f"The connection is open, but nothing came within {LONGEST} "
                    "seconds. The server is at work, but waits for a processor most "
                    "of the time: this machine has too much to do.",
                )
            before = now

    def recv_within(self, seconds: float) -> str | bytes:
        """
        Return the next message. Raises TimeoutError if none comes in that time.

        Raises WireError if the connection is closed.
        """
        __tracebackhide__ = True
        deadline = time.monotonic() + seconds
        while not self.messages:
            if self.protocol.state is not State.OPEN:
                raise self.ended()
            if not self.read(max(0, deadline - time.monotonic())):
                raise TimeoutError
        self.came = 0
        return self.messages.popleft()

    def send(self, message: str | bytes | Sequence[str]) -> None:
        """
        Send a message. Of several strings, each is a frame, and all are one message.

        Raises WireError if the connection is closed.
        """
        __tracebackhide__ = True
        # To write where the server has closed would lose what it said last.
        self.catch_up()
        if self.protocol.state is not State.OPEN:
            raise self.ended()
        if isinstance(message, bytes):
            self.protocol.send_binary(message)
        else:
            texts = [message] if isinstance(message, str) else message
            for number, text in enumerate(texts, start=1):
                is_first, is_last = number == 1, number == len(texts)
                protocol = self.protocol
                send = protocol.send_text if is_first else protocol.send_continuation
                send(text.encode(), fin=is_last)
        self.has_sent = True
        whole = message if isinstance(message, str | bytes) else "".join(message)
        self.sent = sent_in_short(whole)
        WIRE.note(self.name, f"→ {short(whole)}")
        self.flush()
        if self.protocol.state is not State.OPEN:
            raise self.ended()

    def expect(self, message: str | bytes) -> None:
        """Fail unless the next message is this one."""
        __tracebackhide__ = True
        received = self.recv_expected(lambda: show(message))
        if received != message:
            sentence, differing = another_message(message, received)
            sent = {"last_sent": self.sent}
            is_json = isinstance(message, str) and received in (
                json.dumps(message),
                json.dumps(message, ensure_ascii=False),
            )
            symptom = "message in quotes" if is_json else "another message"
            raise WireError(symptom, sentence, **sent, **differing)

    def recv_expected(self, words: Callable[[], str]) -> str | bytes:
        """Return the next message. If none comes, `words` say what it should be."""
        __tracebackhide__ = True
        try:
            return self.recv()
        except WireError as error:
            error.facts = {"last_sent": self.sent, "expected": words()}
            raise

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
        received = self.recv_expected(
            lambda: in_short(expected) if expected else "a message"
        )
        try:
            return compare_json(received, expected)
        except WireError as error:
            error.facts = {"last_sent": self.sent, **error.facts}
            raise

    def is_closed(self) -> bool:
        """Say whether the connection has ended, as far as that has come here."""
        self.catch_up()
        return self.protocol.state is not State.OPEN

    def expect_close(self, code: int, within: float = PATIENCE) -> None:
        """Fail unless the server closes with this code. `within` is in seconds."""
        __tracebackhide__ = True
        try:
            for seconds in self.waits(within):
                with suppress(TimeoutError):
                    self.recv_until_the_end(seconds)
        except WireError as end:
            if not end.symptom.startswith("close "):
                raise
            if end.symptom != f"close {code}":
                error = WireError(
                    f"{end.symptom} for {code}", f"{end.sentence} It must be {code}."
                )
                error.may_be_chance = self.may_have_lost_the_code()
                raise error from None
            return
        raise WireError(
            "left open",
            f"The server left the connection open. It must close it with {code}.",
        )

    def may_have_lost_the_code(self) -> bool:
        """
        Tell whether a close frame was perhaps written, and thrown away.

        A client has a second to answer a close frame. Autobahn, which speaks for
        Daphne, rounds the end of that down to a whole second of the clock. What it has
        written a moment before that is not on its way yet, and is lost when it hangs
        up: with TLS above all, and in a crowd without it.
        """
        is_lost = self.has_ended and self.protocol.close_rcvd is None
        return is_lost and self.ended_at % 1 < ROUNDED

    def recv_until_the_end(self, seconds: float) -> None:
        """Read until the connection ends. Raises TimeoutError, or WireError then."""
        deadline = time.monotonic() + seconds
        least = min(seconds, PATIENCE)
        while True:
            # What comes before the close gives it no more than three seconds more.
            self.recv_within(max(least, deadline - time.monotonic()))

    def expect_open(self) -> None:
        """Fail unless the server still answers a ping (RFC 6455, section 5.5.3)."""
        __tracebackhide__ = True
        if self.is_closed():
            raise self.ended()
        ping = str(time.monotonic_ns()).encode()
        self.protocol.send_ping(ping)
        self.flush()
        deadline = time.monotonic() + PATIENCE
        while self.pong != ping:
            if self.protocol.state is not State.OPEN:
                raise self.ended()
            if not self.read(max(0, deadline - time.monotonic())):
                raise WireError(
                    "no pong", f"The server did not answer a ping within {PATIENCE} s."
                )

    def close(self, code: int | None = CloseCode.NORMAL_CLOSURE) -> None:
        """
        Say goodbye, with a code or without one, and wait until the server hangs up.

        What has come by then can still be read.
        """
        with suppress(WireError):
            if not self.is_closed():
                self.protocol.send_close(code)
                WIRE.note(self.name, f"→ close {code or ''}".rstrip())
                self.flush()
            deadline = time.monotonic() + GOODBYE
            while self.protocol.state is not State.CLOSED:
                if not self.read(max(0, deadline - time.monotonic())):
                    break
        self.socket.close()


def open_tcp(
    server: Endpoint,
    *,
    trust: ssl.SSLContext | None = None,
    server_hostname: str | None = None,
    sock: socket.socket | None = None,
) -> socket.socket:
    """Open a TCP connection to a server, with TLS in it if its address says wss."""
    parts = urlsplit(server.url)
    tcp = sock or socket.create_connection((parts.hostname, parts.port), HANDSHAKE)
    # A frame must not wait for the one before it to be confirmed.
    tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    tcp.settimeout(HANDSHAKE)
    if parts.scheme == "ws":
        return tcp
    try:
        return (trust or server.trust).wrap_socket(
            tcp, server_hostname=server_hostname or parts.hostname
        )
    except BaseException as error:
        tcp.close()
        if isinstance(error, ssl.SSLError):
            raise no_tls(error) from None
        raise


def shake_hands(
    server: Endpoint,
    path: str,
    *,
    additional_headers: Mapping[str, str] | None = None,
    subprotocols: Sequence[str] | None = None,
    note: str = "",
    **tcp_options: Any,
) -> Client:
    """
    Return a client that is let in. What goes wrong is raised as it is.

    A `note` stands behind the handshake in the history.
    """
    protocol = ClientProtocol(
        parse_uri(server.url + path), subprotocols=subprotocols, max_size=None
    )
    request = protocol.connect()
    if additional_headers is None:
        additional_headers = server.identify(path)
    request.headers.update(additional_headers)
    deadline = time.monotonic() + HANDSHAKE
    with ExitStack() as stack:
        tcp = stack.enter_context(open_tcp(server, **tcp_options))
        client = Client(server, tcp, protocol)
        client.name = name_in(path)
        WIRE.go_on()
        WIRE.note(client.name, f"→ handshake {path}{note}")
        protocol.send_request(request)
        client.flush()
        while protocol.state is State.CONNECTING and not protocol.handshake_exc:
            if not client.read(max(0, deadline - time.monotonic())):
                raise TimeoutError
        if protocol.handshake_exc:
            raise protocol.handshake_exc
        stack.pop_all()
    return client


def open_websocket(
    server: Endpoint, path: str, *, asks_why: bool = True, **options: Any
) -> Client:
    """
    Open a WebSocket to a path of a server, which somebody else must close.

    Options take the place of what the server's clients do by themselves:
    `additional_headers` of who they say they are, `trust` (an SSLContext) of whom they
    trust, `server_hostname` of the name in the address, and `sock` of a new TCP
    connection. `subprotocols` are offered. Raises WireError unless the handshake
    succeeds. If a refusal is no surprise, nobody `asks_why`.
    """
    __tracebackhide__ = True
    try:
        try:
            return shake_hands(server, path, **options)
        except NO_ANSWER as error:
            note_no_answer(path, error)
            # On a machine with much else to do, Daphne's own five seconds can be too
            # few. Once more: only a server that never answers fails twice.
            return shake_hands(server, path, note=", a second try", **options)
    except InvalidStatus as refused:
        status = refused.response.status_code
        is_why = asks_why and options.get("additional_headers") is None
        raise not_let_in(server, path, status, asks_why=is_why) from None
    except socket.gaierror:
        raise WireError(
            "no such host",
            f"No machine is known by the name in {server.url}: is it spelt so?",
        ) from None
    except ConnectionRefusedError:
        raise WireError(
            "nobody listens", f"Nobody listens at {server.url}. Is the server running?"
        ) from None
    except NO_ANSWER as error:
        note_no_answer(path, error)
        raise WireError(
            "no answer",
            f"The handshake of {path} got no answer. The server kept the client "
            f"waiting, then hung up.",
        ) from None


def note_no_answer(path: str, error: Exception) -> None:
    """Take down how a handshake ended that nobody answered."""
    waited = isinstance(error, TimeoutError)
    words = f"nothing for {HANDSHAKE} seconds" if waited else "end, without an answer"
    WIRE.note(name_in(path), f"← {words}")


def not_let_in(
    server: Endpoint, path: str, status: int, *, asks_why: bool
) -> WireError:
    """Say with which status a handshake was answered, and whether Origin is why."""
    words = f"The handshake of {path} was answered with HTTP {status}, not with 101"
    if status == 403 and asks_why:
        headers = server.identify(path)
        headers.pop("Origin", None)
        with suppress(Exception):
            shake_hands(server, path, additional_headers=headers).close()
            return WireError(
                "HTTP 403 for the Origin",
                f"{words}, because of its Origin, {server.origin}: without one, the "
                f"server lets the same client in.",
            )
    return WireError(f"HTTP {status}", f"{words}.")


def name_in(path: str) -> str:
    """Return what a client is called in the history: its name, if the path has one."""
    return parse_qs(urlsplit(path).query).get("name", ["client"])[0]


@contextmanager
def connect(server: Endpoint, path: str, **options: Any) -> Iterator[Client]:
    """Open a WebSocket as `open_websocket` does, and close it at the end."""
    __tracebackhide__ = True
    with closing(open_websocket(server, path, **options)) as client:
        try:
            yield client
        except BaseException:
            WIRE.stop()
            raise


def refusal(server: Endpoint, path: str, **options: Any) -> int:
    """Return the HTTP status that a handshake is refused with. Raises WireError."""
    __tracebackhide__ = True
    try:
        with connect(server, path, asks_why=False, **options):
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
    server: Endpoint, path: str, key: str = "dGhlIHNhbXBsZSBub25jZQ=="
) -> Iterator[tuple[Answer, socket.socket]]:
    """
    Send a handshake by hand. Gives the answer and the TCP socket.

    The key is the example of RFC 6455, section 1.3. The path is sent as it is, in
    Latin-1. Nothing is read from the socket but the head of the answer.
    """
    parts = urlsplit(server.url)
    request = (
        f"GET {path} HTTP/1.1\r\n"
        f"Host: {parts.netloc}\r\n"
        f"Upgrade: websocket\r\n"
        f"Connection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\n"
        f"Sec-WebSocket-Version: 13\r\n"
    )
    for header, value in server.identify(path).items():
        request += f"{header}: {value}\r\n"
    with open_tcp(server) as tcp:
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


def vanish(server: Endpoint, path: str) -> None:
    """Open a WebSocket and reset its TCP connection: no close frame, no goodbye."""
    with raw_handshake(server, path) as (_response, tcp):
        # SO_LINGER on, for zero seconds: closing then sends RST, not FIN.
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def expect_refused(server: Endpoint, path: str, **options: Any) -> None:
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
            expected=in_short(expected) if expected else "",
        )
    if message | expected != message:
        sentence, differing = another_object(expected, message)
        raise WireError(difference(message, expected), sentence, **differing)
    return message


def difference(message: dict[str, Any], expected: dict[str, Any]) -> str:
    """Name what is wrong with a JSON message: its type, or the first key that is."""
    if message.get("type") != expected.get("type"):
        return f"{message.get('type')} for {expected.get('type')}"
    wrong = next(key for key in expected if message.get(key) != expected[key])
    return f"another {wrong}" if wrong in message else f"no {wrong}"


def no_tls(error: ssl.SSLError) -> WireError:
    """Say why there is no TLS. What is wrong with a certificate, OpenSSL can say."""
    reason = getattr(error, "verify_message", "") or error.reason or str(error)
    reason = reason.rstrip(".")
    return WireError(f"TLS: {reason}", f"The TLS handshake failed: {reason}.")
