"""Small servers in this process that are ill in one way each, for the doctor."""

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve
from websockets.utils import accept_key

from tests.checker.doctor import address, certificates
from tests.checker.doctor.report import Report
from tests.checker.doctor.site import Clock
from tests.checker.doctor.visit import Wishes, visit

Socket = Callable[[ServerConnection], None]
Answer = int | tuple[int, dict[str, str], str]
Page = str | tuple[int, dict[str, str], str]

SCRIPT = "<title>Echo</title><script>new WebSocket({})</script>"
RIGHT = '"ws://" + location.host + "/ws/echo/"'
PAGE = SCRIPT.format(RIGHT)


def echo(client: ServerConnection) -> None:
    """Send every message back."""
    for message in client:
        client.send(message)


def twice(client: ServerConnection) -> None:
    """Send every message back twice."""
    for message in client:
        client.send(message)
        client.send(message)


class Sick:
    """
    A web server with pages and WebSockets by path. What it lacks gets `otherwise`.

    `refuse` returns an answer to a handshake, or None to let it in.
    """

    def __init__(
        self,
        pages: dict[str, Page] | None = None,
        sockets: dict[str, Socket] | None = None,
        *,
        server: str = "daphne",
        otherwise: int = 404,
        refuse: Callable[[Request], Answer | None] = lambda _request: None,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        **options: object,
    ) -> None:
        self.pages = {"/": PAGE} if pages is None else pages
        self.sockets = {"/ws/echo/": echo} if sockets is None else sockets
        self.name = server
        self.otherwise = otherwise
        self.refuse = refuse
        self.asked: list[str] = []  # Each path, in order.
        self.hosts: list[str] = []
        self.heard: list[str] = []
        self.server = serve(
            self.talk,
            host,
            0,
            family=socket.AF_INET6 if ":" in host else socket.AF_INET,
            process_request=self.answer,
            ssl=tls,
            server_header=server or None,
            **options,
        )
        self.port = self.server.socket.getsockname()[1]

    def response(
        self, status: int, body: str = "", headers: dict[str, str] | None = None
    ) -> Response:
        """Return an answer over HTTP."""
        all_headers = {
            "Content-Type": "text/html",
            "Content-Length": str(len(body.encode())),
            "Connection": "close",
            **({"Server": self.name} if self.name else {}),
            **(headers or {}),
        }
        phrase = HTTPStatus(status).phrase
        return Response(status, phrase, Headers(all_headers), body.encode())

    def answer(self, client: ServerConnection, request: Request) -> Response | None:
        """Answer a request, or let a handshake in."""
        path = request.path.partition("?")[0]
        self.asked.append(path)
        self.hosts.append(request.headers.get("Host", ""))
        if "Upgrade" not in request.headers:
            page = self.pages.get(path, (self.otherwise, {}, ""))
            status, headers, body = (200, {}, page) if isinstance(page, str) else page
            if path.endswith(".js"):
                headers = {"Content-Type": "text/javascript", **headers}
            return self.response(status, body, headers)
        status = self.refuse(request)
        if status is None and path not in self.sockets:
            status = self.otherwise
        if isinstance(status, tuple):
            return self.response(status[0], status[2], status[1])
        return None if status is None else self.response(status)

    def talk(self, client: ServerConnection) -> None:
        """Speak as the path says."""
        self.sockets[client.request.path.partition("?")[0]](client)

    def url(self, path: str = "/", scheme: str = "http") -> str:
        """Return an address of it."""
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def __enter__(self) -> "Sick":
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.server.shutdown()
        self.thread.join()


@contextlib.contextmanager
def raw(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    """Give the port of a server that does this with each connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                tcp, _ = listener.accept()
            except OSError:
                return
            kept.append(tcp)
            with contextlib.suppress(OSError):
                behave(tcp)

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):  # macOS: it is not connected.
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for tcp in kept:
            tcp.close()


def by_hand(speak: Callable[[socket.socket, str], None]) -> Callable:
    """Serve a page, and do this with a handshake, given what it must be answered."""

    def behave(tcp: socket.socket) -> None:
        request = tcp.recv(65_536).decode("latin-1")
        key = re.search("Sec-WebSocket-Key: (.+)\r\n", request)
        if key:
            speak(tcp, accept_key(key[1]))
            return
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(PAGE)}\r\n\r\n"
        tcp.sendall(f"{head}{PAGE}".encode())

    return behave


def unused_port() -> int:
    """Return a port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def examine(url: str, **wishes: object) -> Report:
    """Look at a server as the command does, in this process, and print nothing."""
    report = Report(is_json=True)
    trust = wishes.pop("trust", None) or certificates.trust_in(None)
    visit(address.read(url), Wishes(trust, **wishes), report, Clock())
    return report


def ids(report: Report) -> list[str]:
    """Return what was found, by id."""
    return [each.id for each in report.findings]


def steps(report: Report) -> str:
    """Return the steps as one text."""
    return "\n".join(f"{mark} {text}" for mark, text in report.steps)
