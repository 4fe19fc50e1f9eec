"""A port that a server cannot have is refused in words, and a free one is offered."""

import ipaddress
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.checker import system
from tests.checker.system import Refusal, need_free

LOCAL = ipaddress.ip_address("127.0.0.1")


class Page(BaseHTTPRequestHandler):
    """Serves a page with a title."""

    def do_GET(self) -> None:
        """Serve it at any path."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<title>\n  Echo &amp; more</title>")

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""


@pytest.fixture
def site() -> Iterator[int]:
    """The port of a site that has a title."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_port_in_use_is_said_with_its_title_and_the_offered_one_works(
    site: int,
) -> None:
    with pytest.raises(Refusal) as refusal:
        need_free(LOCAL, {"--port": site})
    words = str(refusal.value)
    assert f"port {site} is in use by another program" in words
    assert "which serves 'Echo & more'" in words
    need_free(LOCAL, {"--port": int(re.search(r"--port (\d+)\.$", words)[1])})


def test_port_of_a_silent_program_is_in_use_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(Refusal, match="in use by another program: stop it"):
            need_free(LOCAL, {"--port": port})


def test_port_that_was_in_use_a_moment_ago_is_not_offered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(system, "page_title", lambda *_: "Rooms")
    monkeypatch.setattr(system, "is_free", lambda *_: True)
    with pytest.raises(Refusal, match=r"--port 8001\.$"):
        need_free(LOCAL, {"--port": 8000})


def test_port_that_the_same_server_needs_is_not_offered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    titles = {8000: None, 8443: "Rooms"}
    monkeypatch.setattr(system, "page_title", lambda _host, port: titles[port])
    monkeypatch.setattr(system, "is_free", lambda *_: True)
    with pytest.raises(Refusal, match=r"--tls-port 8001\.$"):
        need_free(ipaddress.ip_address("::1"), {"--port": 8000, "--tls-port": 8443})


def test_port_of_a_connection_that_is_over_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            # Who closes first keeps the port for a minute, in TIME_WAIT.
            server.accept()[0].close()
            assert client.recv(1) == b""
    need_free(LOCAL, {"--port": port})


def test_port_that_the_system_reserves_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def reserved(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(system, "is_free", reserved)
    with pytest.raises(Refusal, match="the system reserves port 443: choose"):
        need_free(ipaddress.ip_address("192.0.2.7"), {"--port": 443})
