"""Knock at a WebSocket: one handshake, and what came of it."""

import contextlib
import ssl
import time
from collections.abc import Sequence
from typing import NamedTuple

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from tests.checker.client import Client, WireError
from tests.checker.doctor.site import Answer, NoAnswerError, Site, receive
from tests.checker.endpoint import Endpoint

PATIENCE = 6  # Seconds. Daphne gives a handshake up after five.
GOODBYE = 1  # Second.
FOREIGN = "http://stranger.example"
NOBODY = "nobody listens there"

MEANINGS = {
    101: "open",
    200: "an ordinary page",
    400: "Bad Request",
    403: "refused",
    404: "Not Found",
    426: "Upgrade Required",
    500: "an error of the server",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


class Knock(NamedTuple):
    """
    What came of a handshake.

    `kind` is "open", "status", "silence" (nothing came), "hung up" (the server closed
    it), "not HTTP", "no end" (of its headers), "broken" (101, and no client may accept
    it) or "no way" (no connection). Where it is open, `client` is one that somebody
    must close.
    """

    kind: str
    seconds: float
    target: str
    status: int = 0
    answer: Answer | None = None
    client: Client | None = None
    words: str = ""
    protocol: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the WebSocket was let in."""
        return self.kind == "open"

    @property
    def shown(self) -> str:
        """What came of it, in words."""
        if self.kind in ("open", "status"):
            meaning = MEANINGS.get(self.status, "")
            if 300 <= self.status < 400:
                where = self.answer.headers.get("Location", "nowhere")
                meaning = f"leads to {where}"
            return f"{self.status}, {meaning}".rstrip(", ")
        return {
            "silence": f"no answer for {self.seconds:.0f} s",
            "hung up": f"no answer, and a hang-up after {self.seconds:.1f} s",
            "broken": f"101, but {self.words}",
            "not HTTP": "an answer that is not HTTP",
            "no end": "an answer whose headers do not end",
        }.get(self.kind, self.words)

    def close(self) -> None:
        """Say goodbye, if it is open, wait a second for the answer, and hang up."""
        if self.client is None:
            return
        protocol = self.client.protocol
        deadline = time.monotonic() + GOODBYE
        with contextlib.suppress(WireError):
            if protocol.state is State.OPEN:
                protocol.send_close(1000)
                self.client.flush()
            while protocol.state is not State.CLOSED:
                if not self.client.read(max(0, deadline - time.monotonic())):
                    break
        self.client.socket.close()


def knock(
    site: Site,
    target: str,
    origin: str | None,
    *,
    subprotocols: Sequence[str] = (),
    patience: float = PATIENCE,
) -> Knock:
    """Send a handshake as a browser does. `origin` None is none at all."""
    start = time.monotonic()
    try:
        tcp = site.connect()
    except (OSError, ValueError) as error:
        return Knock("no way", 0, target, words=why(error))
    address = site.address
    protocol = ClientProtocol(
        parse_uri(address.socket_origin + target),
        subprotocols=[Subprotocol(each) for each in subprotocols] or None,
    )
    request = protocol.connect()
    if origin is not None:
        request.headers["Origin"] = origin
    request.headers.update(site.cookies)
    protocol.send_request(request)
    with contextlib.ExitStack() as stack:
        stack.enter_context(tcp)
        with contextlib.suppress(OSError):  # Who hangs up is heard below.
            tcp.sendall(b"".join(protocol.data_to_send()))
        try:
            answer = receive(tcp, site.clock.left(patience), patience=0.3)
        except NoAnswerError as error:
            return Knock(error.kind, error.seconds, target, words=error.words)
        seconds = time.monotonic() - start
        if answer.status != 101:
            return Knock("status", seconds, target, answer.status, answer)
        lines = [f"{key}: {value}" for key, value in answer.headers.items()]
        head = "\r\n".join(["HTTP/1.1 101 Switching Protocols", *lines, "", ""])
        endpoint = Endpoint(address.socket_origin, site.trust)
        client = Client(endpoint, tcp, protocol)
        protocol.receive_data(head.encode("latin-1", "replace") + answer.rest)
        if protocol.handshake_exc:
            words = broken(protocol.handshake_exc)
            return Knock("broken", seconds, target, 101, answer, words=words)
        for event in protocol.events_received():
            client.take(event)
        stack.pop_all()
    said = protocol.subprotocol or ""
    return Knock("open", seconds, target, 101, answer, client, protocol=said)


def broken(error: Exception | None) -> str:
    """Say what is wrong with an answer of 101."""
    words = str(error) if isinstance(error, InvalidHandshake) else "it is not complete"
    return words[:100]


def why(error: Exception) -> str:
    """Say why there is no connection."""
    if isinstance(error, ConnectionRefusedError):
        return NOBODY
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is refused: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return "TLS fails there"
    if isinstance(error, TimeoutError):
        return "no answer"
    return getattr(error, "strerror", None) or str(error)
