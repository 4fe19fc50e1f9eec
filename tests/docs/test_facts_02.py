"""
What chapter 2 says about URLs, Daphne, Channels and browsers, observed again.
"""

import http.client
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from asgiref.typing import WebSocketScope
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import InMemoryChannelLayer
from django.urls.converters import get_converters
from playwright.sync_api import Browser, Page, expect
from websockets.exceptions import InvalidMessage
from websockets.sync.client import connect as bare_connect

from tests.checker import client
from tests.checker.servers.runserver import Server
from tests.docs.test_facts_01 import pytest_in
from tests.proofs.runs import ROOT, copy_of, replace

ROUTING = ROOT / "stage02_routing"
PATH = "/ws/rooms/garden/"
ATTACK = "<img src=x onerror=alert(1)>"  # 28 characters: a good name.

TALKATIVE = """
import json

from channels.generic.websocket import AsyncWebsocketConsumer


class ChatConsumer(AsyncWebsocketConsumer):
    heard = None

    async def connect(self):
        match self.scope["query_string"].decode():
            case "refuse":
                await self.close(4001)
            case "accept-and-close":
                await self.accept()
                await self.close(4001)
            case "chat.v1":
                await self.accept(subprotocol="chat.v1")
            case _:
                await self.accept()

    async def receive(self, text_data):
        self.heard = text_data
        match text_data:
            case "scope":
                await self.send(json.dumps(sorted(self.scope)))
            case "paths":
                paths = [self.scope["path"], self.scope["raw_path"].decode()]
                await self.send(json.dumps(paths))
            case "half":
                await self.send(json.dumps("\\ud800", ensure_ascii=False))
            case "raise":
                raise RuntimeError("oops")

    async def disconnect(self, code):
        print("disconnect", code, "heard", self.heard, flush=True)
"""


@pytest.fixture(scope="module")
def talkative(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose consumer does what query strings and messages say."""
    folder = tmp_path_factory.mktemp("talkative")
    project = copy_of(ROUTING, folder / "project")
    (project / "chat" / "consumers.py").write_text(TALKATIVE, encoding="utf-8")
    with Server(project, folder / "server.log") as server:
        yield server


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of stage 2."""
    with Server(ROUTING, tmp_path_factory.mktemp("ours") / "server.log") as server:
        yield server


def get(server: Server, path: str) -> http.client.HTTPResponse:
    """Ask a server for a page, and follow no redirect."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


def with_consumer(folder: Path, right: str, wrong: str) -> Path:
    """Copy stage 2 with one piece of its consumers changed."""
    project = copy_of(ROUTING, folder / "project")
    replace(project / "chat" / "consumers.py", right, wrong)
    return project


# The scope


def test_scope_of_daphne_lacks_four_keys_of_the_specification(
    talkative: Server,
) -> None:
    with client.connect(talkative, PATH) as ana:
        ana.send("scope")
        keys = set(json.loads(ana.recv()))
    missing = {"scheme", "http_version", "extensions", "state"}
    assert set(WebSocketScope.__annotations__) - keys == missing


def test_what_stands_behind_a_semicolon_is_in_neither_path(talkative: Server) -> None:
    with client.connect(talkative, f"{PATH};x?name=ana") as ana:
        ana.send("paths")
        assert json.loads(ana.recv()) == [PATH, PATH]


def test_daphne_answers_bytes_beyond_ascii_before_our_code_runs(ours: Server) -> None:
    start = ours.position()
    for path in ("/ws/rooms/café/", f"{PATH}?name=josé"):
        raw = path.encode().decode("latin-1")
        with client.raw_handshake(ours, raw) as (response, _tcp):
            assert response.status == HTTPStatus.BAD_REQUEST
    # What comes after is in the log, so what is missing before it never comes.
    with client.connect(ours, PATH):
        printed = ours.printed_within("CONNECT", start)
    assert printed.count("HANDSHAKING") == 1


def test_browser_encodes_an_accent_in_a_url(page: Page) -> None:
    url = page.evaluate(
        """() => {
          const socket = new WebSocket(`ws://${location.host}/ws/nowhere/?name=josé`);
          socket.close();
          return socket.url;
        }"""
    )
    assert url.endswith("?name=jos%C3%A9")


# Routes


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("str", "[^/]+"), ("slug", "[-a-zA-Z0-9_]+"), ("int", "[0-9]+"), ("path", ".+")],
)
def test_converter_matches_this(name: str, pattern: str) -> None:
    assert get_converters()[name].regex == pattern


def test_consumer_gets_what_the_converter_makes(tmp_path: Path) -> None:
    project = copy_of(ROUTING, tmp_path / "project")
    (project / "chat" / "tests.py").write_text(
        "import pytest\n"
        "from channels.routing import URLRouter\n"
        "from django.urls import path\n\n\n"
        '@pytest.mark.parametrize("kind", ["int", "uuid", "slug"])\n'
        "async def test_kind(kind):\n"
        "    async def application(scope, receive, send):\n"
        '        value = scope["url_route"]["kwargs"]["room"]\n'
        '        names = {"int": "int", "uuid": "UUID", "slug": "str"}\n'
        "        assert type(value).__name__ == names[kind]\n\n"
        '    router = URLRouter([path(f"<{kind}:room>/", application)])\n'
        '    paths = {"uuid": "075194d3-6885-417e-a8a8-6c931e272f00"}\n'
        '    scope = {"type": "websocket", "path": f"/{paths.get(kind, 7)}/"}\n'
        "    await router(scope, None, None)\n",
        encoding="utf-8",
    )
    pytest_in(project)


def test_converter_of_uuids_knows_small_letters_and_hyphens_only() -> None:
    assert "A-F" not in get_converters()["uuid"].regex
    assert get_converters()["uuid"].regex.count("-[") == 4


def test_unrouted_path_is_a_500_with_a_traceback_without_the_last_route(
    tmp_path: Path,
) -> None:
    project = copy_of(ROUTING, tmp_path / "project")
    last = '    re_path(r"", refuse),\n'
    replace(project / "chat" / "routing.py", last, "")
    with Server(project, tmp_path / "server.log") as server:
        assert client.refusal(server, "/ws/rooms/garden") == 500
        assert "No route found" in server.printed_within("Traceback")


def test_page_without_its_last_slash_is_redirected_and_a_socket_is_not(
    ours: Server,
) -> None:
    response = get(ours, "/rooms/garden")
    assert response.status == HTTPStatus.MOVED_PERMANENTLY
    assert response.headers["Location"] == "/rooms/garden/"
    assert client.refusal(ours, "/ws/rooms/garden") == 403


@pytest.mark.parametrize("path", ["/rooms/a.b/", "/ws/rooms/garden/"])
def test_page_that_is_none_is_404(ours: Server, path: str) -> None:
    assert get(ours, path).status == HTTPStatus.NOT_FOUND


def test_group_of_stage_3_may_have_no_accent() -> None:
    with pytest.raises(TypeError, match="ASCII"):
        InMemoryChannelLayer().require_valid_group_name("café")


def test_group_of_stage_3_may_have_digits_of_other_scripts() -> None:
    InMemoryChannelLayer().require_valid_group_name("٣")


def test_words_of_hindi_are_not_all_letters_to_a_pattern() -> None:
    assert not re.fullmatch(r"[\w-]+", "हिन्दी")
    assert re.fullmatch(r"[\w-]+", "日本語")


def test_nobody_checks_a_pattern_before_the_first_client_comes(tmp_path: Path) -> None:
    project = copy_of(ROUTING, tmp_path / "project")
    pattern = 're_path("^ws/rooms/(?p<room>[a-z]+)/$"'
    replace(project / "chat" / "routing.py", 'path("ws/rooms/<room:room>/"', pattern)
    assert run(project, "manage.py", "check").returncode == 0
    with Server(project, tmp_path / "server.log") as server:
        assert "not a valid" not in server.printed()
        assert client.refusal(server, PATH) == 500
        assert "not a valid" in server.printed_within("Traceback")


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a Python program in a project."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# The handshake


def test_close_before_accept_is_403_whatever_its_code(talkative: Server) -> None:
    assert client.refusal(talkative, f"{PATH}?refuse") == 403


@pytest.mark.parametrize(
    ("query", "code"), [("refuse", 1006), ("accept-and-close", 4001)]
)
def test_page_is_told_a_code_only_after_accept(
    page: Page, query: str, code: int
) -> None:
    assert closed(page, f"{PATH}?{query}") == {"code": code, "reason": ""}


def test_subprotocol_that_was_not_offered_is_five_seconds_of_silence(
    talkative: Server,
) -> None:
    url = f"{talkative.url}{PATH}?chat.v1"
    offering = {"subprotocols": ["chat.v1"], "proxy": None}
    with bare_connect(url, **offering) as ana:
        assert ana.subprotocol == "chat.v1"
    with pytest.raises(InvalidMessage), bare_connect(url, proxy=None):
        pass


def test_log_does_not_name_a_subprotocol_that_was_not_offered(tmp_path: Path) -> None:
    project = with_consumer(
        tmp_path, "await self.accept()", 'await self.accept(subprotocol="chat.v1")'
    )
    with Server(project, tmp_path / "server.log") as server:
        with (
            pytest.raises(InvalidMessage),
            bare_connect(server.url + PATH, proxy=None),
        ):
            pass
        printed = server.printed_within("not been accepted")
    assert "Socket has not been accepted" in printed
    assert "chat.v1" not in printed


def test_subprotocol_that_is_offered_and_not_accepted(
    talkative: Server, page: Page
) -> None:
    offering = {"subprotocols": ["chat.v1"], "proxy": None}
    with bare_connect(talkative.url + PATH, **offering) as ana:
        assert ana.subprotocol is None
    assert closed(page, PATH, ["chat.v1"])["code"] == 1006


def closed(page: Page, path: str, subprotocols: list[str] | None = None) -> dict:
    """Open a page's socket, and return what the event "close" tells about its end."""
    return page.evaluate(
        """([path, subprotocols]) => new Promise((resolve) => {
          const socket = new WebSocket(`ws://${location.host}${path}`, subprotocols);
          socket.onclose = ({ code, reason }) => resolve({ code, reason });
        })""",
        [path, subprotocols or []],
    )


# Messages


def test_send_json_of_channels_does_not_call_a_send_of_ones_own() -> None:
    # Exercise 1. The one that it calls is the parent's, whatever a subclass has.
    assert "await super().send(" in inspect.getsource(AsyncJsonWebsocketConsumer)


def test_exception_ends_the_connection_and_disconnect_is_not_called(
    talkative: Server,
) -> None:
    start = talkative.position()
    with client.connect(talkative, PATH) as ana:
        ana.send("raise")
        with pytest.raises(client.WireError) as error:
            ana.recv()
    assert error.value.symptom == "close 1011"
    # The disconnect() of a client that comes later is called.
    with client.connect(talkative, PATH) as ben:
        ben.close(4321)
    printed = talkative.printed_within("disconnect 4321 heard None", start)
    assert "disconnect 4321 heard None" in printed
    assert "heard raise" not in printed
    assert "RuntimeError: oops" in printed


def test_half_a_character_goes_out_as_ascii_only(
    talkative: Server, ours: Server
) -> None:
    with client.connect(ours, PATH) as ana:
        ana.expect_json(type="welcome")
        ana.send('{"type": "message", "text": "\\ud800"}')
        ana.expect_json(type="message", text="\ud800")
    with client.connect(talkative, PATH) as ana:
        ana.send("half")
        with pytest.raises(client.WireError) as error:
            ana.recv()
    assert error.value.symptom == "close 1011"


def test_javascript_counts_units_of_utf_16_and_a_pattern_counts_characters(
    page: Page,
) -> None:
    assert page.evaluate("'🎉'.length") == 2
    page.set_content('<input id="length" maxlength="3"><input id="pattern">')
    page.locator("#length").press_sequentially("🎉🎉")
    assert page.locator("#length").input_value() == "🎉"
    valid = page.locator("#pattern").evaluate_all(
        """([field]) => ["🎉".repeat(2), "🎉".repeat(3)].map((text) => {
          field.pattern = ".{1,2}";
          field.value = text;
          return field.checkValidity();
        })"""
    )
    assert valid == [True, False]


def test_query_string_of_a_page_is_logged(ours: Server) -> None:
    start = ours.position()
    get(ours, "/rooms/garden/?name=logged")
    assert "?name=logged" in ours.printed_within("logged", start)


# asgi.py


def test_imports_in_the_wrong_order_fail_under_daphne_only(tmp_path: Path) -> None:
    project = with_consumer(
        tmp_path,
        "from channels.generic",
        "from chat.models import Room\nfrom channels.generic",
    )
    (project / "chat" / "models.py").write_text(
        "from django.db import models\n\n\n"
        "class Room(models.Model):\n"
        "    name = models.CharField(max_length=50, primary_key=True)\n",
        encoding="utf-8",
    )
    load = "import config.asgi"  # What `daphne config.asgi:application` does first.
    assert run(project, "-c", load).returncode == 0
    line = "from chat.routing import websocket_urlpatterns\n"
    replace(project / "config" / "asgi.py", line, "")
    replace(project / "config" / "asgi.py", "# Must run", f"{line}\n# Must run")
    failed = run(project, "-c", load)
    assert "AppRegistryNotReady: Apps aren't loaded yet." in failed.stderr
    very_top = copy_of(project, tmp_path / "very top")
    asgi = very_top / "config" / "asgi.py"
    asgi.write_text(line + asgi.read_text(encoding="utf-8"), encoding="utf-8")
    assert "settings are not configured" in run(very_top, "-c", load).stderr
    with (
        Server(project, tmp_path / "server.log") as server,
        client.connect(server, PATH) as ana,
    ):
        ana.expect_json(type="welcome")


# The page


@pytest.fixture
def page(chromium: Browser, talkative: Server) -> Iterator[Page]:
    """A page of the server's own origin, in which a test runs its script."""
    page = chromium.new_page()
    page.goto(talkative.url.replace("ws://", "http://"))
    yield page
    page.close()


def link(server: Server) -> str:
    """Return the link of the chapter, which names the client in HTML."""
    return f"{server.url.replace('ws://', 'http://')}/rooms/garden/?name={ATTACK}"


def test_name_that_is_html_is_shown_as_text(chromium: Browser, ours: Server) -> None:
    with closing(chromium.new_page()) as page:
        page.goto(link(ours))
        status = page.locator("#status")
        expect(status).to_have_text(f"Connected to garden as {ATTACK}.")
        assert status.locator("img").count() == 0


def test_name_that_is_html_runs_in_inner_html(
    chromium: Browser, tmp_path: Path
) -> None:
    project = copy_of(ROUTING, tmp_path / "project")
    script = project / "chat" / "static" / "chat" / "page.js"
    replace(script, '"#status").textContent = words', '"#status").innerHTML = words')
    with (
        Server(project, tmp_path / "server.log") as server,
        closing(chromium.new_page()) as page,
        page.expect_event("dialog") as alert,
    ):
        page.on("dialog", lambda dialog: dialog.dismiss())
        page.goto(link(server))
    assert alert.value.message == "1"


# Tests without a server


def test_consumer_without_its_router_and_client_that_waited_in_vain(
    tmp_path: Path,
) -> None:
    project = copy_of(ROUTING, tmp_path / "project")
    (project / "chat" / "tests.py").write_text(
        "import asyncio\n"
        "import pytest\n"
        "from channels.testing import WebsocketCommunicator\n"
        "from chat.consumers import ChatConsumer\n"
        "from config.asgi import application\n\n\n"
        "async def test_no_router():\n"
        f'    client = WebsocketCommunicator(ChatConsumer.as_asgi(), "{PATH}")\n'
        '    with pytest.raises(KeyError, match="url_route"):\n'
        "        await client.connect()\n\n\n"
        "async def test_in_vain():\n"
        f'    client = WebsocketCommunicator(application, "{PATH}")\n'
        "    await client.connect()\n"
        "    await client.receive_json_from()\n"
        "    assert await client.receive_nothing()\n"
        '    await client.send_json_to({"type": "message", "text": "hi"})\n'
        "    await client.receive_json_from()\n"
        "    with pytest.raises(TimeoutError):\n"
        "        await client.receive_json_from(timeout=0.1)\n"
        "    with pytest.raises(asyncio.CancelledError):\n"
        '        await client.send_json_to({"type": "message", "text": "hi"})\n',
        encoding="utf-8",
    )
    pytest_in(project)


def test_what_a_test_without_a_server_does_not_see(tmp_path: Path) -> None:
    project = copy_of(ROUTING, tmp_path / "project")
    (project / "chat" / "tests.py").write_text(
        "from channels.testing import WebsocketCommunicator\n"
        "from config.asgi import application\n\n\n"
        "async def test_refusal():\n"
        '    client = WebsocketCommunicator(application, "/ws/nowhere/")\n'
        "    assert await client.connect() == (False, 1000)\n\n\n"
        "async def test_subprotocol():\n"
        f'    client = WebsocketCommunicator(application, "{PATH}")\n'
        '    assert await client.connect() == (True, "chat.v1")\n'
        "    await client.disconnect()\n\n\n"
        "async def test_accent():\n"
        f'    client = WebsocketCommunicator(application, "{PATH}?name=josé")\n'
        "    assert (await client.connect())[0]\n"
        '    assert (await client.receive_json_from())["name"] == "josé"\n'
        "    await client.disconnect()\n",
        encoding="utf-8",
    )
    replace(
        project / "chat" / "consumers.py",
        "await self.accept()",
        'await self.accept(subprotocol="chat.v1")',
    )
    pytest_in(project)
