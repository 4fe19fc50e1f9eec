"""
Stage 5's pages in a real browser: before it trusts the CA, after, and behind nginx.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Error, Page, expect

from tests.browser.conftest import PATIENCE
from tests.browser.pages import OpenPage, attempts, message, note_attempts, send_text
from tests.checker.accounts import PASSWORD, Visitors
from tests.checker.plugin import Servers
from tests.checker.rooms import join
from tests.checker.servers.redis import RedisServer
from tests.checker.servers.runserver import Server, terminate
from tests.checker.servers.tls import serve

Start = Callable[..., Server]

# What a page learns of a socket: all its events, and how it closed.
TRY = """url => new Promise((resolve) => {
  const events = [];
  const socket = new WebSocket(url);
  for (const name of ["open", "error", "message"]) {
    socket.addEventListener(name, () => events.push(name));
  }
  socket.addEventListener("close", ({ code, reason, wasClean }) => {
    resolve({ events, code, reason, wasClean });
  });
})"""


@pytest.fixture
def environment(database: dict[str, str]) -> dict[str, str]:
    return database


@pytest.fixture
def either_url(
    servers: Servers, project: Path, database: dict[str, str], layer: Mapping[str, str]
) -> str:
    """The address of the server: directly, and then through nginx."""
    return servers.of(project, database | layer, serve).url


@pytest.fixture
def stranger(chromium: Chromium) -> Iterator[Page]:
    """A page of a browser that does not trust the CA. `page.errors` as ever."""
    context = chromium.new_context(
        viewport={"width": 900, "height": 600}, device_scale_factor=2
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.errors = []
    page.on("console", lambda said: page.errors.append(said.text))
    yield page
    context.close()


@pytest.fixture
def other_site(tmp_path: Path) -> Iterator[str]:
    """The address of another site, over http, with one empty page."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<!doctype html><title>Other</title>")
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "site")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def expect_warning(page: Page, url: str, error: str) -> None:
    """Fail unless the browser shows its own warning in the place of a page."""
    with pytest.raises(Error, match=f"net::{error}"):
        page.goto(url)
    expect(page.locator("body")).to_contain_text(error)
    expect(page.get_by_role("button", name="Log in")).to_have_count(0)


def test_page_without_trust_in_the_ca_is_the_browsers_warning(
    server: Server, stranger: Page, take_screenshot: Callable[[Page, str], None]
) -> None:
    start = server.position()
    expect_warning(stranger, server.origin, "ERR_CERT_AUTHORITY_INVALID")
    # Not even the request was sent.
    assert "GET" not in server.printed(start)
    for scheme in ("light", "dark"):
        stranger.emulate_media(color_scheme=scheme)
        take_screenshot(stranger, f"wss-warning-{scheme}.png")


@pytest.mark.linux("elsewhere the browser is told to look at no name")
def test_page_under_a_name_that_the_certificate_lacks_is_a_warning(
    browser: Chromium, url: str
) -> None:
    context = browser.new_context()
    port = urlsplit(url).port
    address = f"https://chat.example:{port}/"
    expect_warning(context.new_page(), address, "ERR_CERT_COMMON_NAME_INVALID")
    context.close()


def test_socket_without_trust_in_the_ca_tells_its_page_1006_and_no_reason(
    server: Server, stranger: Page, room: str, other_site: str
) -> None:
    dialogs = []
    stranger.on("dialog", lambda dialog: dialogs.append(dialog.message))
    stranger.goto(other_site)
    start = server.position()
    told = stranger.evaluate(TRY, f"{server.url}/ws/rooms/{room}/")
    assert told == {"events": ["error"], "code": 1006, "reason": "", "wasClean": False}
    # Nobody is asked whether to go on, as with a page.
    assert dialogs == []
    expect(stranger).to_have_title("Other")
    # Who knows where to look finds it in the console.
    [reason] = (error for error in stranger.errors if "WebSocket" in error)
    assert "net::ERR_CERT_AUTHORITY_INVALID" in reason
    assert "WebSocket" not in server.printed(start)


def test_room_over_https_is_styled_and_connects_over_wss_after_the_login(
    open_page: OpenPage, either_url: str, room: str
) -> None:
    page = open_page(f"{either_url}/rooms/{room}/")
    expect(page).to_have_title("Log in")
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    with page.expect_websocket() as opened:
        page.get_by_role("button", name="Log in").click()
    assert opened.value.url == f"{either_url}/ws/rooms/{room}/"
    expect(page.locator("#status")).to_have_text(f"Connected to {room} as ana.")
    send_text(page, "hi")
    expect(message(page, "ana: hi")).to_be_visible()
    margin = page.evaluate("getComputedStyle(document.body).margin")
    assert margin != "8px", "The page has the margin of one without a stylesheet."
    assert page.evaluate("document.cookie") == "", "A script can read the cookies."
    kept = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert kept["sessionid"]["httpOnly"]
    assert kept["sessionid"]["secure"]
    assert page.errors == []


def test_page_over_http_leads_to_https(
    open_page: OpenPage, server: Server, room: str
) -> None:
    page = open_page(f"{server.http}/rooms/{room}/")
    expect(page).to_have_url(f"{server.origin}/login/?next=/rooms/{room}/")
    expect(page).to_have_title("Log in")


@pytest.mark.posix("Windows has no SIGTERM")
def test_page_whose_server_is_stopped_is_back_at_once_at_the_other(
    open_page: OpenPage,
    start: Start,
    redis: RedisServer,
    visitors: Visitors,
    take_screenshot: Callable[[Page, str], None],
) -> None:
    site = start(REDIS_URL=redis.url, BEHIND_PROXY="1")
    ana = visitors.browser(site, "ana")
    address = f"{site.url}/rooms/garden/"
    page = open_page(address, "Math.random = () => 0;", ana)
    expect(message(page, "ana has joined.")).to_be_visible()
    note_attempts(page)
    connected = re.compile("WSCONNECT /ws/rooms/garden/")
    first, second = site.daphnes
    if connected.search(second.printed()):
        first, second = second, first
    start_of_log = second.position()
    terminate(first.process)
    words = "Connection lost (code 1006). Attempt 1 in 0.3 s."
    assert attempts(page, 1) == [words]
    expect(page.locator("#status")).to_have_text("Connected to garden as ana.")
    assert connected.search(second.printed_within(connected.pattern, start_of_log))
    expect(message(page, "ana has joined.")).to_have_count(2)
    # So the chapter shows it.
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        take_screenshot(page, f"wss-{scheme}.png")
    with join(site, "garden", "ben") as ben:
        ben.send_json(type="message", text="still here")
        expect(message(page, "ben: still here")).to_be_visible()
    expect(message(page, "ben has left.")).to_be_visible()
    assert attempts(page, 1) == [words]
