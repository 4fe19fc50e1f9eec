"""A server as it is knocked at: one address of it, each wait with a bound."""

import contextlib
import html
import re
import socket
import ssl
import time
import zlib
from collections.abc import Mapping
from email.message import Message
from email.parser import Parser
from typing import NamedTuple

from tests.checker.doctor.address import Address

WHOLE = 55  # Seconds for everything.
ANSWER = 5  # Seconds for one request.
CONNECT = 2  # Seconds until somebody takes a connection.
MOST = 1_500_000  # Bytes that are read of an answer.
HEAD = 65_536  # Bytes that its head may have.


class OutOfTimeError(Exception):
    """The time for everything is over."""


class NoAnswerError(Exception):
    """
    A server took the connection, and gave no answer that is HTTP.

    `kind` is "silence", "hung up", "not HTTP" or "no end", where the headers do not
    end. In the last two `began` is how it began.
    """

    def __init__(self, kind: str, began: bytes = b"", seconds: float = 0) -> None:
        super().__init__(kind)
        self.kind = kind
        self.began = began
        self.seconds = seconds

    @property
    def words(self) -> str:
        """How the answer began, as far as it can be read."""
        text = self.began[:40].decode("latin-1")
        text = "".join(each if each.isprintable() else " " for each in text).strip()
        return text or "bytes that are no text"


class Clock:
    """The time that is left for everything."""

    def __init__(self, whole: float = WHOLE) -> None:
        self.end = time.monotonic() + whole

    def left(self, most: float) -> float:
        """Return so many seconds, or what is left. Raises OutOfTimeError."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise OutOfTimeError
        return min(most, left)


class Answer(NamedTuple):
    """What a server answered over HTTP."""

    status: int
    headers: Message
    text: str
    rest: bytes = b""  # What came behind the head, as it came.

    @property
    def server(self) -> str:
        """The server's own name, without its version."""
        return re.split(r"[/ ]", self.headers.get("Server", ""))[0][:30]

    @property
    def title(self) -> str:
        """The title of the page."""
        found = re.search(r"<title[^>]*>(.*?)</title>", self.text, re.S | re.I)
        return " ".join(html.unescape(found[1]).split())[:60] if found else ""


class Site:
    """Where a server listens: an address as typed, and the IP that it stands for."""

    def __init__(
        self,
        address: Address,
        ip: str,
        clock: Clock,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.address = address
        self.ip = ip
        self.clock = clock
        self.trust = trust
        self.cookies: dict[str, str] = {}  # Of who has logged in.

    def at(self, address: Address, ip: str | None = None) -> "Site":
        """Return another address, looked at with the same clock and trust."""
        return Site(address, ip or self.ip, self.clock, self.trust)

    def connect(self) -> socket.socket:
        """Open a connection, with TLS if it is so asked. Raises OSError."""
        seconds = self.clock.left(CONNECT)
        tcp = socket.create_connection((self.ip, self.address.port), seconds)
        tcp.settimeout(self.clock.left(ANSWER))
        if not self.address.is_tls:
            return tcp
        try:
            trust = self.trust or ssl.create_default_context()
            return trust.wrap_socket(tcp, server_hostname=self.address.host)
        except BaseException:
            tcp.close()
            raise

    def get(
        self,
        target: str,
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """Ask for a page. Raises NoAnswerError or OSError."""
        asked = {
            "Host": self.address.authority,
            "User-Agent": "doctor of a course on Django Channels",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Connection": "close",
            **self.cookies,
            **(headers or {}),
        }
        with contextlib.closing(self.connect()) as tcp:
            send(tcp, target, asked)
            return receive(tcp, self.clock.left(seconds or ANSWER))


def send(tcp: socket.socket, target: str, headers: Mapping[str, str]) -> None:
    """Send the head of a request. A server that hangs up already is read later."""
    lines = [f"GET {target} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    with contextlib.suppress(ConnectionError):
        tcp.sendall("\r\n".join([*lines, "", ""]).encode("latin-1", "replace"))


def more(tcp: socket.socket, deadline: float) -> bytes:
    """Return what comes next, b"" at the end. Raises TimeoutError at the deadline."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    tcp.settimeout(left)
    try:
        return tcp.recv(65_536)
    except TimeoutError:
        raise
    except OSError:
        return b""


def receive(tcp: socket.socket, seconds: float, patience: float = 1) -> Answer:
    """
    Read an answer, within so many seconds. Raises NoAnswerError.

    A body that does not come to its end is cut after `patience` seconds of silence.
    101 has none: what follows is another protocol.
    """
    start = time.monotonic()
    came = b""
    while b"\r\n\r\n" not in came and b"\n\n" not in came:
        try:
            piece = more(tcp, start + seconds)
        except TimeoutError:
            kind = "silence"
        else:
            came += piece
            kind = "" if piece else "hung up"
        is_http = b"HTTP/".startswith(came[:5]) or came.startswith(b"HTTP/")
        if came and not is_http:
            kind = "not HTTP"
        elif came and (kind or len(came) > HEAD):
            kind = "no end"
        if kind:
            raise NoAnswerError(kind, came, time.monotonic() - start)
    head, rest = re.split(rb"\r?\n\r?\n", came, maxsplit=1)
    line, _, fields = head.decode("latin-1").replace("\r\n", "\n").partition("\n")
    found = re.match(r"HTTP/\d(?:\.\d)? (\d{3})", line)
    if not found:
        raise NoAnswerError("not HTTP", came, time.monotonic() - start)
    status, headers = int(found[1]), Parser().parsestr(fields)
    if status == 101:
        return Answer(status, headers, "", rest)
    if status not in (204, 304):
        rest = body(tcp, headers, rest, start + seconds, patience)
    charset = headers.get_content_charset("utf-8")
    try:
        text = rest.decode(charset, "replace")
    except (LookupError, ValueError):  # Not every codec of Python is for pages.
        text = rest.decode("utf-8", "replace")
    return Answer(status, headers, text, rest)


def body(
    tcp: socket.socket, headers: Message, came: bytes, deadline: float, patience: float
) -> bytes:
    """Return the body of an answer, as far as it comes."""
    is_chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
    length = headers.get("Content-Length", "")
    most = min(MOST, int(length)) if length.isdecimal() and not is_chunked else MOST
    try:
        while len(came) < most and not (is_chunked and came.endswith(b"0\r\n\r\n")):
            piece = more(tcp, min(deadline, time.monotonic() + patience))
            if not piece:
                break
            came += piece
    except TimeoutError:
        pass  # What has come will do.
    if is_chunked:
        came = joined(came)
    packing = headers.get("Content-Encoding", "").lower()
    if packing in ("gzip", "deflate"):  # Some send it unasked.
        with contextlib.suppress(zlib.error):
            came = zlib.decompressobj(47).decompress(came, MOST)
    return came


def joined(came: bytes) -> bytes:
    """Return a body that came in chunks (RFC 9112, section 7.1)."""
    whole = b""
    while came:
        size, _, came = came.partition(b"\r\n")
        try:
            length = int(size.split(b";")[0], 16)
        except ValueError:
            break
        if not length:
            break
        whole, came = whole + came[:length], came[length + 2 :]
    return whole
