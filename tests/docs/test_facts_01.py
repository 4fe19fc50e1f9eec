"""
What chapter 1 says about Daphne, Channels and browsers, observed again.
"""

import inspect
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from daphne.server import Server as Daphne
from django.conf import global_settings
from playwright.sync_api import Browser, Page
from websockets.proxy import get_proxy
from websockets.sync.server import ServerConnection, serve
from websockets.uri import parse_uri
from websockets.utils import accept_key as accept_for

from tests.checker import client
from tests.checker.endpoint import Endpoint
from tests.checker.servers.runserver import Server
from tests.checker.servers.tls import BackendServer
from tests.docs.own_tests import own_tests
from tests.docs.pages import blocks
from tests.proofs.runs import ROOT, copy_of, replace

ECHO = ROOT / "stage01_echo"
PAGE = ROOT / "docs" / "01-echo.md"
PATH = "/ws/echo/"

# What the page lets somebody type at a browser's console, line by line.
CONSOLE = [
    's = new WebSocket("ws://127.0.0.1:8000/ws/echo/"); s.readyState',
    "s.readyState",
    "s.close(); s.readyState",
    "s.readyState",
]

TALKATIVE = """
import asyncio

from channels.generic.websocket import AsyncWebsocketConsumer


class EchoConsumer(AsyncWebsocketConsumer):
    async def connect(self):
        await self.accept()
        if "binary" in self.scope["path"]:
            await self.send(bytes_data=b"1")

    async def receive(self, text_data):
        match text_data.split():
            case ["close", code]:
                await self.close(int(code))
            case ["wait"]:
                # The next message of another client ends this, see below.
                await asyncio.wait_for(released.wait(), 5)
                await self.send("waited")
            case ["release"]:
                released.set()
                await self.send("released")
            case _:
                await self.send(text_data)

    async def disconnect(self, code):
        print("disconnect", code, flush=True)


released = asyncio.Event()
"""


@pytest.fixture(scope="module")
def talkative(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose consumer does what the messages say."""
    folder = tmp_path_factory.mktemp("talkative")
    project = copy_of(ECHO, folder / "project")
    (project / "chat" / "consumers.py").write_text(TALKATIVE, encoding="utf-8")
    echo = 'path("ws/echo/", EchoConsumer.as_asgi()),'
    binary = echo.replace("echo", "binary")
    replace(project / "chat" / "routing.py", echo, f"{echo}\n    {binary}")
    with Server(project, folder / "server.log") as server:
        yield server


@pytest.fixture
def page(chromium: Browser, talkative: Server) -> Iterator[Page]:
    """A page of the server's own origin, in which a test runs its script."""
    page = chromium.new_page()
    page.goto(talkative.url.replace("ws://", "http://"))
    yield page
    page.close()


class DaphneWith(BackendServer):
    """A Daphne that is started with some more options."""

    def __init__(
        self, project: Path, log: Path, *options: str, **environment: str
    ) -> None:
        self.options = options
        super().__init__(project, log, environment=environment)

    def command(self) -> list[str | Path]:
        """Return the command that the reader types, with these options."""
        *words, application = super().command()
        return [*words, *self.options, application]


# Coroutines


def kitchen() -> str:
    """Return the program of the page."""
    [block] = [
        each
        for each in blocks(PAGE.read_text(encoding="utf-8"))
        if each.title == "work/kitchen.py"
    ]
    return "\n".join(block.lines)


def test_who_sleeps_without_await_keeps_the_others_waiting() -> None:
    program = "import time\n" + kitchen()
    assert "await asyncio.sleep(seconds)" in program
    blocking = program.replace("await asyncio.sleep(seconds)", "time.sleep(seconds)")
    assert run(blocking) == ["soup is on", "soup is ready", "tea is on", "tea is ready"]


def test_coroutine_that_is_called_and_not_awaited_does_nothing() -> None:
    program = kitchen().replace("asyncio.run(main())", "print(type(main()).__name__)")
    assert run(program) == ["coroutine"]


def run(program: str) -> list[str]:
    """Return the lines that a program prints."""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return result.stdout.splitlines()


# Close codes


@pytest.mark.parametrize("code", [1000, 3000, 3999, 4000, 4999])
def test_consumer_may_close_with_this_code(talkative: Server, code: int) -> None:
    with client.connect(talkative, PATH) as ana:
        ana.send(f"close {code}")
        with pytest.raises(client.WireError) as error:
            ana.recv()
    assert error.value.symptom == f"close {code}"


@pytest.mark.parametrize("code", [1001, 1003, 1008, 1011, 2999, 5000])
def test_consumer_that_closes_with_another_code_gets_1011(
    talkative: Server, code: int
) -> None:
    with client.connect(talkative, PATH) as ana:
        ana.send(f"close {code}")
        with pytest.raises(client.WireError) as error:
            ana.recv()
    assert error.value.symptom == "close 1011"


def test_disconnect_gets_the_clients_code(talkative: Server) -> None:
    start = talkative.position()
    with client.connect(talkative, PATH) as ana:
        ana.close(4321)
    assert "disconnect 4321" in talkative.printed_within("disconnect", start)


def test_disconnect_gets_none_for_a_close_without_a_code(talkative: Server) -> None:
    start = talkative.position()
    with client.raw_handshake(talkative, PATH) as (_response, tcp):
        tcp.sendall(b"\x88\x80mask")
        tcp.recv(2)
    assert "disconnect None" in talkative.printed_within("disconnect", start)


def test_disconnect_gets_1006_when_the_client_vanishes(talkative: Server) -> None:
    start = talkative.position()
    client.vanish(talkative, PATH)
    assert "disconnect 1006" in talkative.printed_within("disconnect", start)


# The consumer


def test_messages_of_one_client_wait_for_each_other(talkative: Server) -> None:
    with (
        client.connect(talkative, PATH) as ana,
        client.connect(talkative, PATH) as ben,
    ):
        ana.send("wait")
        ana.send("after")
        # Ben is served while ana's first message still waits. It waits for ben.
        ben.send("release")
        ben.expect("released")
        ana.expect("waited")
        ana.expect("after")


def test_empty_and_large_messages_come_back_in_this_process_and_not_from_daphne(
    tmp_path: Path,
) -> None:
    project = copy_of(ECHO, tmp_path / "project")
    (project / "chat" / "tests.py").write_text(
        "from channels.testing import WebsocketCommunicator\n"
        "from config.asgi import application\n\n"
        "async def test_empty():\n"
        f'    client = WebsocketCommunicator(application, "{PATH}")\n'
        "    await client.connect()\n"
        '    await client.send_input({"type": "websocket.receive", "text": ""})\n'
        '    assert await client.receive_from() == ""\n'
        '    large = "x" * (1024 * 1024 + 1)\n'
        "    await client.send_to(text_data=large)\n"
        "    assert await client.receive_from() == large\n"
        "    await client.disconnect()\n",
        encoding="utf-8",
    )
    pytest_in(project)
    with (
        Server(project, tmp_path / "server.log") as server,
        client.connect(server, PATH) as ana,
    ):
        ana.send("")
        ana.send("next")
        ana.expect("next")


def test_refusal_is_4001_in_this_process_and_403_on_the_wire(tmp_path: Path) -> None:
    project = copy_of(ECHO, tmp_path / "project")
    consumers = project / "chat" / "consumers.py"
    replace(consumers, "await self.accept()", "await self.close(4001)")
    (project / "chat" / "tests.py").write_text(
        "from channels.testing import WebsocketCommunicator\n"
        "from config.asgi import application\n\n"
        "async def test_refusal():\n"
        f'    client = WebsocketCommunicator(application, "{PATH}")\n'
        "    assert await client.connect() == (False, 4001)\n",
        encoding="utf-8",
    )
    pytest_in(project)
    with Server(project, tmp_path / "server.log") as server:
        assert client.refusal(server, PATH) == 403


def pytest_in(project: Path) -> None:
    """Run the project's own tests, which must pass."""
    result = own_tests(project)
    assert result.returncode == 0, result.stdout


def test_channels_looks_after_the_database_before_each_event(tmp_path: Path) -> None:
    project = copy_of(ECHO, tmp_path / "project")
    (project / "chat" / "tests.py").write_text(
        "from channels import consumer\n"
        "from channels.testing import WebsocketCommunicator\n"
        "from config.asgi import application\n\n"
        "async def test_calls(monkeypatch):\n"
        "    calls = []\n"
        "    original = consumer.aclose_old_connections\n\n"
        "    async def counted():\n"
        "        calls.append(1)\n"
        "        await original()\n\n"
        '    monkeypatch.setattr(consumer, "aclose_old_connections", counted)\n'
        f'    client = WebsocketCommunicator(application, "{PATH}")\n'
        "    await client.connect()\n"
        "    for _ in range(3):\n"
        '        await client.send_to(text_data="hello")\n'
        "        await client.receive_from()\n"
        "    assert len(calls) == 4  # The handshake and three messages.\n"
        "    await client.disconnect()\n",
        encoding="utf-8",
    )
    pytest_in(project)


# Daphne


def test_forgotten_await_is_silent_under_daphne(tmp_path: Path) -> None:
    project = copy_of(ECHO, tmp_path / "project")
    replace(project / "chat" / "consumers.py", "await self.send", "self.send")
    # Without our sitecustomize.py, which brings the warning back.
    nothing = {"PYTHONPATH": ""}
    with (
        Server(project, tmp_path / "server.log", environment=nothing) as server,
        client.connect(server, PATH) as ana,
    ):
        ana.send("hello")
        ana.expect_open()
        assert "never awaited" not in server.printed()


def test_daphne_pings_after_20_s_and_gives_up_after_30_more() -> None:
    defaults = inspect.signature(Daphne.__init__).parameters
    assert defaults["ping_interval"].default == 20
    assert defaults["ping_timeout"].default == 30


def test_times_of_a_log_are_chicagos() -> None:
    assert global_settings.TIME_ZONE == "America/Chicago"
    for project in (ROOT / "tests/start", *ROOT.glob("stage0*")):
        text = (project / "config" / "settings.py").read_text(encoding="utf-8")
        assert "TIME_ZONE" not in text


def test_daphne_waits_five_seconds_for_an_answer_to_the_handshake() -> None:
    defaults = inspect.signature(Daphne.__init__).parameters
    assert defaults["websocket_handshake_timeout"].default == 5


def test_daphne_looks_for_crashed_applications_once_a_second() -> None:
    checker = inspect.getsource(Daphne.application_checker)
    assert "reactor.callLater(1, self.application_checker)" in checker


def test_command_comes_from_the_first_app_that_has_it(tmp_path: Path) -> None:
    program = (
        "import django; from django.conf import settings;"
        "from django.core.management import get_commands;"
        "settings.configure(INSTALLED_APPS={}); django.setup();"
        "print(get_commands()['runserver'])"
    )
    apps = ["daphne", "django.contrib.staticfiles"]
    assert run(program.format(apps)) == ["daphne"]
    assert run(program.format(apps[::-1])) == ["django.contrib.staticfiles"]


def test_client_of_the_course_follows_a_proxy_even_to_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    address = parse_uri("ws://127.0.0.1:8000/ws/echo/")
    assert get_proxy(address) == "http://proxy.example:3128"


def test_who_answers_no_ping_gets_a_ping_and_then_an_error(tmp_path: Path) -> None:
    # Its own numbers are the next test's: these make it quick.
    impatient = ("--ping-interval", "1", "--ping-timeout", "1")
    with (
        DaphneWith(ECHO, tmp_path / "server.log", *impatient) as server,
        client.raw_handshake(server, PATH) as (_response, tcp),
    ):
        tcp.settimeout(client.PATIENCE)
        ping = tcp.recv(100)
        assert ping[:2] == b"\x89\x0c"
        assert len(ping) == 2 + 12
        with pytest.raises(ConnectionResetError):
            tcp.recv(100)


def test_other_servers_answer_a_close_with_the_clients_code() -> None:
    def answer(connection: ServerConnection) -> None:
        for message in connection:
            connection.send(message)

    with serve(answer, "127.0.0.1", 0) as server:
        Thread(target=server.serve_forever).start()
        endpoint = Endpoint(f"ws://127.0.0.1:{server.socket.getsockname()[1]}")
        with client.raw_handshake(endpoint, PATH) as (_response, tcp):
            tcp.sendall(b"\x88\x82\0\0\0\0" + (4999).to_bytes(2, "big"))
            assert tcp.recv(100) == b"\x88\x02" + (4999).to_bytes(2, "big")
        server.shutdown()


def test_daphne_hangs_up_without_a_word_at_a_message_over_1_mib(
    talkative: Server,
) -> None:
    start = talkative.position()
    with client.connect(talkative, PATH) as ana:
        ana.send("x" * (1024 * 1024 + 1))
        with pytest.raises(client.WireError) as error:
            ana.recv()
        assert error.value.symptom == "close 1006"
    assert "Traceback" not in talkative.printed_within("Traceback", start)


# The browser


def test_browser_does_not_say_why_a_handshake_failed(page: Page) -> None:
    told = page.evaluate(
        """() => new Promise((resolve) => {
          const socket = new WebSocket(`ws://${location.host}/ws/nowhere/`);
          const told = {};
          socket.onerror = (event) => {
            told.error = [event.message, event.code, event.reason].filter(Boolean);
          };
          socket.onclose = ({ code, reason }) => resolve({ ...told, code, reason });
        })"""
    )
    assert told == {"error": [], "code": 1006, "reason": ""}


@pytest.mark.parametrize("code", [1001, 1002, 1008, 1011, 2999, 5000])
def test_browser_lets_no_page_close_with_this_code(page: Page, code: int) -> None:
    assert close_in(page, code) == "InvalidAccessError"


@pytest.mark.parametrize("code", [1000, 3000, 4999])
def test_browser_lets_a_page_close_with_this_code(page: Page, code: int) -> None:
    assert close_in(page, code) == "closed"


def close_in(page: Page, code: int) -> str:
    """Close a page's socket, and return "closed" or the name of the exception."""
    return page.evaluate(
        """(code) => new Promise((resolve) => {
          const socket = new WebSocket(`ws://${location.host}/ws/echo/`);
          socket.onclose = () => resolve("closed");
          socket.onopen = () => {
            try {
              socket.close(code);
            } catch (error) {
              socket.close();
              resolve(error.name);
            }
          };
        })""",
        code,
    )


def test_browser_sends_1001_when_a_page_is_left(page: Page, talkative: Server) -> None:
    page.evaluate(
        """() => new Promise((resolve) => {
          window.socket = new WebSocket(`ws://${location.host}/ws/echo/`);
          window.socket.onopen = resolve;
        })"""
    )
    start = talkative.position()
    page.goto("about:blank")
    assert "disconnect 1001" in talkative.printed_within("disconnect 1001", start)


def test_binary_message_is_a_blob_unless_the_page_wants_a_buffer(page: Page) -> None:
    kinds = page.evaluate(
        """async () => {
          const kinds = [];
          for (const type of [undefined, "arraybuffer"]) {
            const socket = new WebSocket(`ws://${location.host}/ws/binary/`);
            socket.binaryType = type ?? socket.binaryType;
            const event = await new Promise((resolve) => (socket.onmessage = resolve));
            kinds.push(event.data.constructor.name);
            socket.close();
          }
          return kinds;
        }"""
    )
    assert kinds == ["Blob", "ArrayBuffer"]


def test_lines_for_the_console_show_the_four_states(
    page: Page, talkative: Server
) -> None:
    console = page.context.new_cdp_session(page)

    def answered(line: str) -> int:
        typed = line.replace("ws://127.0.0.1:8000", talkative.url)
        said = console.send("Runtime.evaluate", {"expression": typed, "replMode": True})
        return said["result"]["value"]

    for number, line in enumerate(CONSOLE):
        if line == "s.readyState":  # Who types is slower than the network.
            page.wait_for_function(f"s.readyState === {number}")
        assert answered(line) == number


def test_send_throws_before_the_connection_is_open(page: Page) -> None:
    name = page.evaluate(
        """() => {
          const socket = new WebSocket(`ws://${location.host}/ws/echo/`);
          try {
            socket.send("early");
          } catch (error) {
            return error.name;
          } finally {
            socket.close();
          }
        }"""
    )
    assert name == "InvalidStateError"


def test_send_loses_the_message_after_the_close(page: Page) -> None:
    kept = page.evaluate(
        """() => new Promise((resolve) => {
          const socket = new WebSocket(`ws://${location.host}/ws/echo/`);
          socket.onopen = () => {
            socket.close();
            socket.send("12345");
          };
          // What send() took and the network did not: it never will.
          socket.onclose = () => {
            socket.send("67890");
            resolve(socket.bufferedAmount);
          };
        })"""
    )
    assert kept == 10


def test_browser_answers_pings_and_its_page_sees_none(page: Page) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        page.evaluate(
            """(port) => {
              window.events = [];
              const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
              for (const type of ["open", "message", "error", "close"]) {
                socket.addEventListener(type, () => window.events.push(type));
              }
            }""",
            port,
        )
        listener.settimeout(10)
        tcp, _address = listener.accept()
        with tcp:
            tcp.settimeout(10)
            request = tcp.recv(4096)
            assert len(request) > 3 * 161  # As long as the page's own by hand.
            key = header(request, "Sec-WebSocket-Key")
            tcp.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Accept: "
                + accept_for(key).encode()
                + b"\r\n\r\n\x89\x02Hi"
            )
            pong = tcp.recv(100)
        assert pong[0] == 0x8A
    page.wait_for_function("window.events.includes('close')")
    assert "message" not in page.evaluate("window.events")


def header(request: bytes, name: str) -> str:
    """Return the value of a header of a request."""
    for line in request.decode().split("\r\n"):
        if line.lower().startswith(f"{name.lower()}:"):
            return line.partition(":")[2].strip()
    raise AssertionError(f"The browser sent no {name}.")
