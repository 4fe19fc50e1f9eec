"""`learn.py doctor`: other names and machines, logins, and servers made by hand."""

import socket
import time
from collections.abc import Callable

import pytest
from websockets.http11 import Request

from tests.checker.doctor import address, login, reach, sockets
from tests.checker.doctor.handshake import Knock, why
from tests.checker.doctor.refusals import Door
from tests.checker.doctor.report import Report
from tests.checker.doctor.site import Clock, NoAnswerError, Site
from tests.front_door.doctored import (
    PAGE,
    SCRIPT,
    Sick,
    by_hand,
    examine,
    ids,
    raw,
    steps,
)

pytestmark = pytest.mark.usefixtures("alone")


@pytest.mark.parametrize(
    ("answer", "host", "found"),
    [
        ("silent", "192.0.2.1", "silent-port"),
        ("refused", "192.0.2.1", "refused-elsewhere"),
        ("Network is unreachable", "192.0.2.1", "no-way-there"),
    ],
)
def test_another_machine_that_cannot_be_reached(
    answer: str, host: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "knock", lambda *_arguments: answer)
    assert ids(examine(f"http://{host}:8000/")) == [found]


def test_localhost_can_be_two_servers() -> None:
    with Sick() as server:
        try:
            second = socket.create_server(("::1", server.port), family=socket.AF_INET6)
        except OSError:
            pytest.skip("needs IPv6 and the same port there")
        with second:
            report = examine(f"http://localhost:{server.port}/")
            assert "two-servers" in ids(report)
            assert "'Echo'" in report.findings[0].diagnosis
        assert ids(examine(f"http://localhost:{server.port}/")) == []


def test_a_script_that_asks_the_visitors_own_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reach, "find_ips", lambda *_arguments: ["127.0.0.1"])
    with Sick() as server:
        url = f"http://chat.example:{server.port}/"
        assert ids(examine(url)) == []
        server.pages = {"/": SCRIPT.format('"ws://localhost:8000/ws/echo/"')}
        assert ids(examine(url)) == ["own-machine"]


def test_a_script_that_asks_by_another_name_and_is_refused() -> None:
    def refuse(request: Request) -> int | None:
        return 403 if "localhost" in request.headers["Host"] else None

    with Sick(refuse=refuse) as server:
        server.pages = {
            "/": SCRIPT.format(f'"ws://localhost:{server.port}/ws/echo/"'),
        }
        assert ids(examine(server.url())) == ["another-name"]


def test_a_redirect_to_a_port_that_speaks_no_tls() -> None:
    with Sick() as server:
        server.pages = {"/": (301, {"Location": server.url(scheme="https")}, "")}
        assert ids(examine(server.url())) == ["leads-to-plain"]


def test_socket_io_is_another_protocol() -> None:
    with Sick({"/": "<script>const socket = io();</script>"}) as server:
        assert ids(examine(server.url())) == ["socket-io"]


@pytest.mark.parametrize(
    ("answer", "name", "found"),
    [
        ((404, {}, "<center>nginx</center>"), "nginx", "proxy-has-no-path"),
        ((404, {}, "<h1>Not Found</h1>"), "nginx", "upgrade-lost"),
        ((302, {"Location": "/login/?next=/"}, ""), "daphne", "page-answers-login"),
        ((302, {"Location": "/ws/echo/x/"}, ""), "WSGIServer", "wsgi-server"),
        ((301, {"Location": "https://x:8443/"}, ""), "nginx", "leads-to-https"),
    ],
)
def test_a_refusal_is_told_by_what_comes_with_it(
    answer: tuple[int, dict[str, str], str], name: str, found: str
) -> None:
    with Sick(server=name, refuse=lambda _request: answer) as server:
        assert ids(examine(server.url())) == [found]


# Logins


@pytest.fixture
def logged_in(monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A name and a password that every server takes."""
    monkeypatch.setattr(login, "cookies", lambda *_all: ({"Cookie": "a=1"}, []))
    return ("ana", "swordfish")


def with_a_session(request: Request) -> int | None:
    """Let in whoever has a session."""
    return None if request.headers.get("Cookie") else 403


def with_a_session_from_here(request: Request) -> int | None:
    """Let in whoever has a session, and comes from a page of ours."""
    is_ours = "127.0.0.1" in request.headers.get("Origin", "")
    return None if is_ours and request.headers.get("Cookie") else 403


def test_with_a_login_a_stranger_is_looked_for(logged_in: tuple[str, str]) -> None:
    with Sick(refuse=with_a_session_from_here) as server:
        assert ids(examine(server.url(), login=logged_in)) == []
    with Sick(refuse=with_a_session) as server:
        report = examine(server.url(), login=logged_in)
    assert ids(report) == ["foreign-origin"]
    assert "swordfish" not in str(report.as_json())


def test_who_has_logged_in_and_is_refused(logged_in: tuple[str, str]) -> None:
    with Sick(refuse=lambda _request: 403) as server:
        assert ids(examine(server.url(), login=logged_in)) == ["refused-logged-in"]


class Tired(Sick):
    """Answers one request for its page, and hangs up on the next."""

    def answer(self, client, request):
        """Answer the first."""
        if self.asked:
            client.socket.close()
            raise OSError
        return super().answer(client, request)


def test_a_server_that_ends_after_the_login(logged_in: tuple[str, str]) -> None:
    with Tired() as server:
        assert ids(examine(server.url(), login=logged_in)) == ["hung-up"]


def test_a_cookie_for_tls_needs_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = ({"Cookie": "sessionid=1"}, ["sessionid"])
    monkeypatch.setattr(login, "cookies", lambda *_arguments: answer)
    with Sick(refuse=with_a_session_from_here) as server:
        found = ids(examine(server.url(), login=("ana", "swordfish")))
    assert found == ["cookie-needs-tls"]


def test_a_login_that_raises_or_is_forbidden() -> None:
    with Sick() as server:
        for status, found in ((500, "login-raises"), (403, "login-forbidden")):
            server.pages["/login/"] = (status, {}, "")
            assert ids(examine(server.url(), login=("ana", "x"))) == [found]


def test_a_login_that_does_not_work_is_said_without_the_password() -> None:
    with Sick({"/": PAGE, "/login/": "no form"}) as server:
        report = examine(server.url(), login=("ana", "swordfish"))
    assert ids(report) == ["login-failed"]
    assert "swordfish" not in str(report.as_json())


def test_a_login_takes_the_password_to_no_other_host() -> None:
    with Sick() as other, Sick() as server:
        away = f"http://localhost:{other.port}/login/"
        server.pages["/login/"] = (302, {"Location": away}, "")
        report = examine(server.url(), login=("ana", "swordfish"))
        assert ids(report) == ["login-failed"]
        assert "leads to another host" in report.findings[0].diagnosis
        assert other.asked == []


# Made by hand


def let_in(tcp: socket.socket, accept: str, *more: str) -> None:
    """Answer a handshake with 101."""
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept}",
        *more,
    ]
    tcp.sendall("\r\n".join([*lines, "", ""]).encode())


def no_goodbye(tcp: socket.socket, accept: str) -> None:
    """Answer the message, and then nothing any more."""
    let_in(tcp, accept)
    tcp.recv(1000)
    tcp.sendall(b"\x81\x05hello")
    while tcp.recv(1000):
        pass


def no_end(tcp: socket.socket, _accept: str = "") -> None:
    """Begin an answer, and hang up before its empty line."""
    tcp.sendall(b"HTTP/1.1 200 OK\r\nServer: mine\r\n")
    tcp.shutdown(socket.SHUT_WR)


def test_headers_without_an_end_are_not_taken_for_silence() -> None:
    def behave(tcp: socket.socket) -> None:
        tcp.recv(65_536)
        no_end(tcp)

    with raw(behave) as port:
        report = examine(f"http://127.0.0.1:{port}/")
        assert ids(report) == ["headers-without-end"]
        assert "HTTP/1.1 200 OK" in report.findings[0].diagnosis
        assert ids(examine(f"https://127.0.0.1:{port}/")) == ["plain-port"]


@pytest.mark.parametrize(
    ("speak", "found"),
    [
        (lambda tcp, _accept: let_in(tcp, "wrong"), "broken-101"),
        (
            lambda tcp, accept: let_in(tcp, accept, "Sec-WebSocket-Protocol: chat"),
            "unasked-subprotocol",
        ),
        (lambda tcp, _accept: tcp.sendall(b"-ERR\r\n"), "strange-answer"),
        (no_goodbye, "no-goodbye"),
        (no_end, "headers-without-end"),
    ],
)
def test_an_answer_that_is_not_right(
    speak: Callable[[socket.socket, str], None], found: str
) -> None:
    with raw(by_hand(speak)) as port:
        report = examine(f"http://127.0.0.1:{port}/")
    assert ids(report) == [found], steps(report)


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (ConnectionRefusedError(), "nobody-listens"),
        (TimeoutError(), "no-way-there"),
    ],
)
def test_a_server_that_is_gone_when_it_is_knocked_at(
    error: OSError, found: str
) -> None:
    report = Report(is_json=True)
    here = Site(address.read("http://127.0.0.1:1/"), "127.0.0.1", Clock())
    seen = Knock("no way", 0, "/ws/echo/", words=why(error))
    Door(here, seen, here.address.origin, report, has_login=lambda: False).judge()
    assert ids(report) == [found]


def test_bytes_that_are_no_text_are_said_to_be_none() -> None:
    assert NoAnswerError("not HTTP", b"\0\1").words == "bytes that are no text"
    assert NoAnswerError("not HTTP", b"-ERR\r\n").words == "-ERR"


def test_a_slow_handshake_is_let_in_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SLOW", 0.2)

    def slowly(_request: Request) -> None:
        time.sleep(0.3)

    with Sick(refuse=slowly) as server:
        assert ids(examine(server.url())) == ["slow-handshake"]
