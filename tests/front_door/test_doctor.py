"""`learn.py doctor`: what it finds at servers that are ill, and at well ones."""

import itertools
import socket
import time
from collections.abc import Callable

import pytest
from websockets.http11 import Request
from websockets.sync.server import ServerConnection

from tests.checker.doctor import reach
from tests.front_door.doctored import (
    PAGE,
    RIGHT,
    SCRIPT,
    Sick,
    echo,
    examine,
    ids,
    raw,
    steps,
    twice,
    unused_port,
)

pytestmark = pytest.mark.usefixtures("alone")


def with_script(code: str) -> dict[str, str]:
    """Return the page whose script asks for this."""
    return {"/": SCRIPT.format(code)}


def test_a_well_server_has_nothing_and_gets_one_message() -> None:
    heard = []

    def listen(client: ServerConnection) -> None:
        for message in client:
            heard.append(message)
            client.send(message)

    with Sick(sockets={"/ws/echo/": listen}) as server:
        report = examine(server.url())
    assert ids(report) == []
    assert len(heard) == 1
    said = "I send one message: " + heard[0]
    texts = [text for _, text in report.steps]
    # It says so before it does so.
    assert texts.index(said) < texts.index("answer: the same text, so this is an echo")


# The page's script: what it asks for, and what is found. {port} is the server's.
SCRIPTS = [
    (RIGHT, []),
    ('"/ws/echo/"', []),
    ("`ws:${location.host}/ws/echo/`", []),
    ('"ws://" + location.host + "/ws/echo"', ["slash-in-script"]),
    ('"ws://" + location.host + "/echo/"', ["no-ws-in-script"]),
    ('"ws://" + location.host + "/ws/ecco/"', ["path-in-script"]),
    ('"ws://127.0.0.1:{port}/ws/echo/"', ["hard-coded"]),
    ('"ws://localhost:{port}/ws/echo/"', ["another-name-works"]),
    ('"ws://127.0.0.1:{unused}/ws/echo/"', ["another-port"]),
    ('"ws://localhost:{unused}/ws/echo/"', ["another-port"]),
    ('"ws://0.0.0.0:{port}/ws/echo/"', ["script-all-addresses"]),
    ('"ws://chat.example/ws/echo/"', ["another-host"]),
    ('"wss://" + location.host + "/ws/echo/"', ["tls-from-plain-page"]),
    ('"ws://" + location.host + "/ws/echo/#top"', ["fragment"]),
    ('"localhost:8000/ws/echo/"', ["no-address"]),
    ('"ws://127.0.0.1:80000/ws/echo/"', ["bad-address"]),
    ('"/ws/" + location.href', ["address-in-address"]),
    ('"ws://" + location.host + "/ws/echo/", "chat"', ["subprotocol-not-chosen"]),
]


@pytest.mark.parametrize(("code", "found"), SCRIPTS)
def test_the_pages_script_is_held_against_the_server(
    code: str, found: list[str]
) -> None:
    with Sick() as server:
        code = code.replace("{port}", str(server.port))
        server.pages = with_script(code.replace("{unused}", str(unused_port())))
        assert ids(examine(server.url())) == found


def test_what_keeps_a_page_from_opening_any_websocket() -> None:
    with Sick({"/": "<p>Hello</p>"}) as server:
        assert ids(examine(server.url())) == ["no-script"]
        server.pages = {"/": "<script>import './chat.js'</script>"}
        assert ids(examine(server.url())) == []
        server.pages = {"/": PAGE.replace(RIGHT, f"[{RIGHT}")}
        assert "brackets" in ids(examine(server.url()))


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ("default-src 'self'", []),
        ("default-src 'none'; connect-src 'self'", []),
        ("default-src 'none'; connect-src ws: wss:", []),
        ("img-src 'none'", []),
        ("default-src 'self'; connect-src 'none'", ["policy"]),
        ("default-src https://cdn.example", ["policy"]),
    ],
)
def test_a_policy_of_the_page_is_read(rules: str, found: list[str]) -> None:
    headers = {"Content-Security-Policy": rules}
    with Sick({"/": (200, headers, PAGE)}) as server:
        assert ids(examine(server.url())) == found


def test_another_port_with_a_websocket_may_be_meant() -> None:
    with Sick() as other, Sick() as server:
        server.pages = with_script(f'"ws://127.0.0.1:{other.port}/ws/echo/"')
        assert "another-port-works" in ids(examine(server.url()))


def test_no_other_host_is_ever_asked() -> None:
    with Sick() as other, Sick() as server:
        # By its other name this is another host, also where it is the same machine.
        away = f"http://localhost:{other.port}/"
        server.pages = {"/": (302, {"Location": away}, "")}
        report = examine(server.url())
        assert ids(report) == ["leads-elsewhere"]
        assert away in steps(report)
        server.pages = {"/": f'{PAGE}<script src="{away}chat.js"></script>'}
        assert ids(examine(server.url())) == []
        assert other.asked == []


def test_files_of_the_page_are_there_or_named() -> None:
    page = '<script src="/static/chat.js"></script>'
    files = {"/": page, "/static/chat.js": f"new WebSocket({RIGHT})"}
    with Sick(files) as server:
        assert ids(examine(server.url())) == []
        del server.pages["/static/chat.js"]
        report = examine(server.url())
        assert ids(report) == ["files-missing"]
        assert "/static/chat.js (404)" in report.findings[0].diagnosis


def test_a_link_is_asked_for_as_a_browser_does() -> None:
    page = '<script src="/static/my ü.js"></script>'
    files = {"/": page, "/static/my%20%C3%BC.js": f"new WebSocket({RIGHT})"}
    with Sick(files) as server:
        assert ids(examine(server.url())) == []
        away = "/static/my ü.js".encode().decode("latin-1")  # As headers are sent.
        server.pages["/a/"] = (302, {"Location": away}, "")
        examine(server.url("/a/"))
        assert server.asked.count("/static/my%20%C3%BC.js") == 2


# A page: status, headers, text; and what is found.
PAGES = [
    ((500, {}, "<title>NameError at /</title>"), "page-500"),
    ((403, {}, ""), "page-403"),
    ((400, {}, "<h1>Bad Request (400)</h1>"), "page-400"),
    ((502, {"Server": "nginx"}, ""), "bad-gateway"),
    ((504, {"Server": "nginx"}, ""), "gateway-waits"),
    ((301, {"Location": "https://chat.example/"}, ""), "leads-to-https"),
    ((301, {"Location": "https://127.0.0.1:1/"}, ""), "leads-to-nobody"),
    ((302, {"Location": "/"}, ""), "redirect-circle"),
    ((301, {"Location": "https://localhost:PORT/"}, ""), "leads-elsewhere"),
    ((301, {"Location": "http://[x/"}, ""), "leads-elsewhere"),
    ((500, {"Content-Type": "text/html; charset=undefined"}, ""), "page-500"),
    ("<title>Directory listing for /</title>", "file-server"),
    ('<meta name="generator" content="mkdocs-1.6">', "this-is-the-book"),
    ("The install worked successfully! Congratulations!", "django-welcome"),
    ("{% load static %} <p>Hello</p>", "raw-template"),
]


@pytest.mark.parametrize(("page", "found"), PAGES)
def test_what_is_wrong_with_a_page_is_named(page: object, found: str) -> None:
    with Sick({"/": page}) as server:
        assert found in ids(examine(server.url()))


def test_a_page_that_is_missing_counts_only_if_it_was_asked_for() -> None:
    with Sick({}) as server:
        assert ids(examine(server.url())) == []
        assert ids(examine(server.url("/garden/"))) == ["page-404"]
    with Sick({}, server="SimpleHTTP/0.6") as server:
        assert ids(examine(server.url("/garden/"))) == ["file-server"]


def test_a_name_that_django_refuses_is_told_from_another_400() -> None:
    class Picky(Sick):
        def answer(self, client, request):
            is_known = request.headers["Host"].startswith("localhost")
            answer = super().answer(client, request)
            is_page = "Upgrade" not in request.headers
            return self.response(400) if is_page and not is_known else answer

    with Picky() as server:
        report = examine(server.url())
        assert ids(report) == ["host-refused"]
        assert "Under the name localhost it answers" in report.findings[0].diagnosis
        assert ids(examine(f"http://localhost:{server.port}/")) == []


# A handshake: how the server answers, what it is called, and what is found.
ANSWERS = [
    (404, "WSGIServer/0.2", "wsgi-server"),
    (404, "SimpleHTTP/0.6", "file-server"),
    (404, "nginx/1.28", "upgrade-lost"),
    (400, "nginx", "upgrade-lost"),
    (426, "Python/3.11 websockets/17.4", "upgrade-lost"),
    (404, "daphne", "upgrade-lost"),
    (404, "uvicorn", "uvicorn-without-websockets"),
    (404, "gunicorn", "no-asgi-server"),
    (404, "", "no-websocket-here"),
    (400, "", "handshake-400"),
    (200, "", "answered-200"),
    (410, "", "other-status"),
    (302, "", "handshake-redirect"),
    (502, "nginx", "socket-bad-gateway"),
    (504, "nginx", "socket-bad-gateway"),
    (500, "daphne", "error-everywhere"),
    (403, "daphne", "refused-everywhere"),
]


@pytest.mark.parametrize(("status", "name", "found"), ANSWERS)
def test_a_refused_handshake_is_told_by_its_answer(
    status: int, name: str, found: str
) -> None:
    with Sick(server=name, refuse=lambda _request: status) as server:
        assert ids(examine(server.url())) == [found]


@pytest.mark.parametrize(
    ("status", "found"), [(403, "refused-by-connect"), (500, "connect-raises")]
)
def test_a_path_that_nobody_has_tells_that_there_is_a_route(
    status: int, found: str
) -> None:
    def refuse(request: Request) -> int | None:
        return status if request.path == "/ws/echo/" else 404

    with Sick(refuse=refuse) as server:
        assert ids(examine(server.url())) == [found]


def from_where(good: Callable[[str | None], bool]) -> Callable[[Request], int | None]:
    """Let in whose Origin is good."""
    return lambda request: None if good(request.headers.get("Origin")) else 403


def test_a_refused_origin_is_told_from_a_refused_client() -> None:
    def only_localhost(origin: str | None) -> bool:
        return bool(origin) and "//localhost" in origin

    with Sick(refuse=from_where(only_localhost)) as server:
        report = examine(server.url())
        assert ids(report) == ["origin-refused"]
        assert "http://localhost:" in report.findings[0].diagnosis
        good = f"http://localhost:{server.port}"
        assert ids(examine(server.url(), origin=good)) == []
    with Sick(refuse=from_where(lambda origin: origin is None)) as server:
        report = examine(server.url())
        assert "With no Origin at all: let in" in report.findings[0].diagnosis
        assert "with no Origin at all: let in" in steps(report)


def test_where_there_is_a_login_a_refusal_is_no_fault() -> None:
    login = '<form><input type="password"></form>'
    with Sick({"/": PAGE, "/login/": login}, refuse=lambda _request: 403) as server:
        report = examine(server.url())
        assert ids(report) == ["needs-login"]
        assert report.wrong == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("/ws/echo/", []),
        ("/ws/echo", ["given-slash"]),
        ("/echo/", ["given-no-ws"]),
        ("/socket/", ["given-path"]),
    ],
)
def test_the_given_path_is_held_against_the_right_one(
    asked: str, found: list[str]
) -> None:
    with Sick() as server:
        assert ids(examine(server.url(asked, "ws"))) == found


class Rooms(Sick):
    """Lets in to each room whose name is well-formed."""

    def answer(self, client, request):
        """Answer, and make the room that is asked for."""
        parts = request.path.split("/")
        if parts[1:3] == ["ws", "rooms"] and parts[3].isalnum():
            self.sockets[request.path] = echo
        return super().answer(client, request)


def test_nobody_in_a_room_is_disturbed() -> None:
    with Rooms({}, {}) as server:
        for url in (
            server.url("/ws/rooms/garden/", "ws"),
            server.url("/rooms/garden/"),
            server.url("/"),
        ):
            report = examine(url)
            assert "101, open" in steps(report)
        assert "/ws/rooms/garden/" not in server.asked


def test_a_room_whose_name_is_refused_is_named() -> None:
    with Rooms({}, {}) as server:
        assert ids(examine(server.url("/ws/rooms/my%20room/", "ws"))) == [
            "bad-room-name"
        ]


def test_where_only_some_rooms_exist_nothing_is_said_in_them() -> None:
    heard = []

    def listen(client: ServerConnection) -> None:
        heard.extend(client)

    with Sick({}, {"/ws/rooms/garden/": listen}) as server:
        report = examine(server.url("/ws/rooms/garden/", "ws"))
        assert ids(report) == []
        assert heard == []
        assert "I send nothing" in steps(report)


def closing(code: int, after: int = 0) -> Callable[[ServerConnection], None]:
    """Close with this code, after so many messages."""

    def talk(client: ServerConnection) -> None:
        for _ in range(after):
            client.recv()
        client.close(code)

    return talk


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize(
    ("code", "found"),
    [
        *((code, f"closed-{code}") for code in (1000, 1001, 1008, 1009, 1011)),
        *((code, f"closed-{code}") for code in (4401, 4503)),
        (4000, "closed-other"),
    ],
)
def test_a_close_is_told_by_its_code(code: int, found: str, after: int) -> None:
    with Sick(sockets={"/ws/echo/": closing(code, after)}) as server:
        report = examine(server.url())
        assert ids(report) == [found]
        when = "after my message" if after else "before I said anything"
        assert when in report.findings[0].title + report.findings[0].diagnosis


def cut(client: ServerConnection) -> None:
    """Drop the connection."""
    client.socket.shutdown(socket.SHUT_RDWR)


def as_bytes(client: ServerConnection) -> None:
    """Send every text back as bytes."""
    for message in client:
        client.send(message.encode())


def mute(client: ServerConnection) -> None:
    """Hear, and say nothing."""
    for _message in client:
        pass


def tick(client: ServerConnection) -> None:
    """Say something again and again, as a clock does, and hear nothing."""
    for number in itertools.count():
        client.send(str(number))
        time.sleep(0.02)


def errors(client: ServerConnection) -> None:
    """Answer with an error."""
    for _message in client:
        client.send('{"type": "error", "code": "bad-message"}')


def error_first(client: ServerConnection) -> None:
    """Begin with an error."""
    client.send('{"type": "error", "code": "no"}')
    echo(client)


@pytest.mark.parametrize(
    ("talk", "found"),
    [
        (echo, []),
        (twice, ["answered-twice"]),
        (as_bytes, ["binary-answer"]),
        (mute, ["no-answer"]),
        (tick, []),
        (errors, ["answered-error"]),
        (error_first, ["first-is-error"]),
        (cut, ["closed-1006"]),
    ],
)
def test_an_answer_is_told_by_what_it_is(
    talk: Callable[[ServerConnection], None], found: list[str]
) -> None:
    with Sick(sockets={"/ws/echo/": talk}) as server:
        assert ids(examine(server.url())) == found


# Nobody there, or somebody who speaks otherwise


def test_nobody_listens_and_somebody_does() -> None:
    report = examine(f"http://127.0.0.1:{unused_port()}/")
    assert ids(report) in (["nobody-listens"], ["other-port-open"])


def test_the_course_itself_is_no_server_of_the_readers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = {8008: "WebSockets with Django Channels"}
    monkeypatch.setattr(reach, "neighbours", lambda *_: dict(book))
    report = examine(f"http://127.0.0.1:{unused_port()}/")
    assert ids(report) == ["nobody-listens"]
    said = [text for _, text in report.steps]
    assert "port 8008 shows the pages of the course" in said
    # Another one is asked for, and not together with this.
    book[8001] = "Echo"
    report = examine(f"http://127.0.0.1:{unused_port()}/")
    assert ids(report) == ["other-port-open"]
    assert "8001 (Echo)." in report.findings[0].diagnosis
    assert "Is yours at port 8001?" in report.findings[0].cure


def test_a_name_that_nobody_knows() -> None:
    assert ids(examine("http://no-such-name.invalid/")) == ["name-unknown"]


def test_a_server_that_listens_at_the_other_address_of_this_machine() -> None:
    with Sick() as server:
        assert ids(examine(f"http://[::1]:{server.port}/")) == ["other-family-v4"]
    with Sick(host="::1") as server:
        assert ids(examine(server.url())) == ["other-family-v6"]
        url = f"http://localhost:{server.port}/"
        assert ids(examine(url)) == ["localhost-v6-only"]


def test_all_addresses_are_none_to_open() -> None:
    with Sick() as server:
        report = examine(f"http://0.0.0.0:{server.port}/")
        assert ids(report) == ["all-addresses"]
        assert report.wrong == []


def banner(tcp: object) -> None:
    """Speak first, as other programs do."""
    tcp.sendall(b"-ERR unknown command\r\n")


def test_another_program_is_no_web_server() -> None:
    with raw(banner) as port:
        report = examine(f"http://127.0.0.1:{port}/")
        assert ids(report) == ["no-web-server"]
        assert "This is a Redis" in report.findings[0].diagnosis
        assert ids(examine(f"https://127.0.0.1:{port}/")) == ["no-web-server"]


def test_a_server_that_hangs_up() -> None:
    with raw(lambda tcp: tcp.close()) as port:
        assert ids(examine(f"http://127.0.0.1:{port}/")) == ["hung-up"]


def test_a_server_that_says_nothing_is_not_waited_for_long() -> None:
    start = time.monotonic()
    with raw(lambda _tcp: None) as port:
        assert ids(examine(f"http://127.0.0.1:{port}/")) == ["took-and-said-nothing"]
    assert time.monotonic() - start < 10


class NoAccept(Sick):
    """Keeps who knocks waiting for so long, then hangs up."""

    seconds = 0.0
    is_all = False  # Its pages, too.

    def answer(self, client, request):
        """Answer pages, and hang up on handshakes."""
        is_handshake = "Upgrade" in request.headers
        if is_handshake or (self.is_all and self.asked.count("/ws/echo/")):
            self.asked.append(request.path)
            time.sleep(self.seconds)
            client.socket.close()
            raise OSError
        return super().answer(client, request)


@pytest.mark.parametrize(
    ("seconds", "is_all", "found"),
    [(0, False, "dropped"), (0.6, False, "no-accept"), (0.6, True, "server-blocked")],
)
def test_a_handshake_without_an_answer(
    seconds: float, is_all: bool, found: str
) -> None:
    with NoAccept(open_timeout=None) as server:
        server.seconds, server.is_all = seconds, is_all
        assert ids(examine(server.url())) == [found]


def test_a_proxy_of_the_system_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://ana:secret@proxy.example:3128")
    with Sick() as server:
        report = examine(server.url())
        assert ids(report) == ["proxy-variable"]
        assert "secret" not in str(report.as_json())
        # So says `websockets`: this one first. And one can be misspelt.
        monkeypatch.setenv("HTTPS_PROXY", "http://[x")
        assert "HTTPS_PROXY" in examine(server.url()).findings[0].diagnosis
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert ids(examine(server.url())) == []


def test_tls_is_not_the_matter_of_a_plain_port() -> None:
    with Sick() as server:
        for scheme in ("https", "wss"):
            report = examine(server.url("/ws/echo/", scheme))
            assert ids(report) == ["plain-port"]
            assert f"http://127.0.0.1:{server.port}" in report.findings[0].cure or (
                f"ws://127.0.0.1:{server.port}" in report.findings[0].cure
            )
