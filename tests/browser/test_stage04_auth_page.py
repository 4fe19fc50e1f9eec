"""
Stage 4's pages in a real browser: login, logout, and a page of somebody else.
"""

from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import OpenPage, close, message, note_attempts, send_text, wire
from tests.checker.accounts import PASSWORD, Accounts, Browser
from tests.checker.plugin import Servers
from tests.checker.servers.runserver import Server
from tests.proofs.runs import ROOT, copy_of, replace

Start = Callable[..., Server]
Enter = Callable[..., Page]

GUARDED = "AllowedHostsOriginValidator("
UNGUARDED = "(lambda application: application)("

LOGGED_OUT = "You have been logged out (code 4401)."


@pytest.fixture
def environment(database: dict[str, str]) -> dict[str, str]:
    return database


@pytest.fixture
def enter(open_page: OpenPage, room: str) -> Enter:
    """Open the page of a room as a visitor, and read that it is connected."""

    def enter(visitor: Browser, server: str, name: str, room: str = room) -> Page:
        page = open_page(f"{server}/rooms/{room}/", visitor=visitor)
        status = f"Connected to {room} as {name}."
        expect(page.locator("#status")).to_have_text(status)
        expect(message(page, f"{name} has joined.").first).to_be_visible()
        return page

    return enter


@pytest.fixture
def ana(server: Server) -> Browser:
    """A browser in which ana has just logged in. It may log out."""
    return Browser(server).log_in("ana")


@pytest.fixture
def ben(server: Server) -> Browser:
    return Browser(server).log_in("ben")


def fill_login(page: Page, name: str, password: str) -> None:
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def log_out(page: Page) -> None:
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_title("Log in")


def login_link(page: Page) -> Locator:
    return page.get_by_role("link", name="Log in")


def test_room_leads_to_the_login_and_the_login_back(
    open_page: OpenPage, url: str, room: str
) -> None:
    page = open_page(f"{url}/rooms/{room}/")
    expect(page).to_have_title("Log in")
    fill_login(page, "ana", "wrong")
    expect(page.get_by_text("enter a correct username and password")).to_be_visible()
    fill_login(page, "ana", PASSWORD)
    expect(page.locator("#status")).to_have_text(f"Connected to {room} as ana.")
    expect(login_link(page)).to_be_hidden()
    assert page.errors == []


def test_login_is_worked_by_keyboard_alone(open_page: OpenPage, url: str) -> None:
    page = open_page(url)
    # Nobody has to click: the first field has the focus as soon as the page is drawn.
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type("ana")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_title("Rooms")


def test_login_names_the_demo_users_while_debug_is_on(
    open_page: OpenPage, url: str
) -> None:
    page = open_page(f"{url}/login/")
    expect(page.get_by_text("ana, ben and cleo")).to_be_visible()
    expect(page.get_by_text("open-sesame")).to_be_visible()


def test_login_names_nobody_when_debug_is_off(
    open_page: OpenPage, project: Path, tmp_path: Path
) -> None:
    copy = copy_of(project, tmp_path / "copy")
    settings = copy / "config" / "settings.py"
    replace(settings, "DEBUG = True", 'DEBUG = False\nALLOWED_HOSTS = ["127.0.0.1"]')
    replace(settings, 'ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "").split()', "")
    with Server(copy, tmp_path / "server.log") as server:
        page = open_page(f"{server.url}/login/")
        expect(page).to_have_title("Log in")
        expect(page.get_by_text("open-sesame")).to_have_count(0)


def test_two_users_hear_each_other_under_their_own_names(
    enter: Enter, url: str, ana: Browser, ben: Browser
) -> None:
    first, second = enter(ana, url, "ana"), enter(ben, url, "ben")
    send_text(second, "hi, ana")
    expect(message(first, "ben: hi, ana")).to_be_visible()
    close(second, 1000)
    expect(message(first, "ben has left.")).to_be_visible()
    assert first.errors == second.errors == []


def test_logging_out_in_one_tab_is_said_in_the_other_which_offers_the_login(
    enter: Enter, url: str, room: str, ana: Browser, ben: Browser
) -> None:
    first, second = enter(ana, url, "ana"), enter(ana, url, "ana")
    other = enter(ben, url, "ben")
    note_attempts(second)
    log_out(first)
    expect(second.locator("#status")).to_have_text(LOGGED_OUT)
    code = "4401 this application's own code"
    assert any(row[3].startswith(code) for row in wire(second))
    expect(message(other, "ana has left.")).to_have_count(2)
    login_link(second).click()
    fill_login(second, "ana", PASSWORD)
    expect(second.locator("#status")).to_have_text(f"Connected to {room} as ana.")
    assert second.errors == []


def test_page_does_not_try_again_after_logging_out(
    enter: Enter, url: str, ana: Browser
) -> None:
    first, second = enter(ana, url, "ana"), enter(ana, url, "ana")
    second.clock.install()
    log_out(first)
    expect(second.locator("#status")).to_have_text(LOGGED_OUT)
    second.clock.fast_forward("01:00")
    expect(second.locator("#status")).to_have_text(LOGGED_OUT)
    assert len([row for row in wire(second) if row[3].startswith("GET ")]) == 1
    # Who asks for it gets one more attempt, and the login beside it.
    second.get_by_role("button", name="Connect").click()
    expect(second.locator("#status")).to_contain_text("The server refused, or is away")
    expect(login_link(second)).to_be_visible()


def test_user_who_is_locked_out_is_told_at_the_next_message(
    enter: Enter, server: Server, accounts: Accounts
) -> None:
    name = accounts.new_user()
    page = enter(Browser(server).log_in(name), server.url, name)
    accounts.change(name, "user.is_active = False; user.save()")
    send_text(page, "may I?")
    expect(page.locator("#status")).to_have_text(LOGGED_OUT)
    expect(login_link(page)).to_be_visible()


def test_session_that_ended_while_the_network_was_away_offers_the_login(
    enter: Enter, url: str, ana: Browser
) -> None:
    page = enter(ana, url, "ana")
    page.get_by_role("button", name="Drop the network").click()
    ana.log_out()
    page.get_by_role("button", name="Restore the network").click()
    expect(page.locator("#status")).to_contain_text("The server refused, or is away")
    expect(login_link(page)).to_be_visible()


@pytest.fixture
def attacker() -> Iterator[int]:
    """The port of another site, which serves the page of an attacker."""
    handler = partial(SimpleHTTPRequestHandler, directory=ROOT / "tests" / "attacker")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


def attack(open_page: OpenPage, site: str, server: str, visitor: Browser) -> Locator:
    """Let a visitor look at the attacker's page. Returns the lines that it heard."""
    page = open_page(f"{site}/?site={urlsplit(server).netloc}", visitor=visitor)
    return page.locator("#heard li")


def test_attack_on_stage_3_reads_and_writes_in_the_room(
    open_page: OpenPage, servers: Servers, attacker: int
) -> None:
    server = servers.of(ROOT / "stage03_groups", {})
    ana = open_page(f"{server.url}/rooms/garden/?name=ana")
    expect(message(ana, "ana has joined.")).to_be_visible()
    site = f"http://evil.localhost:{attacker}"
    heard = attack(open_page, site, server.url, None)
    expect(message(ana, "guest: I owe you 100 euros.")).to_be_visible()
    send_text(ana, "the key is under the mat")
    expect(heard.filter(has_text="the key is under the mat")).to_be_visible()


def test_attack_on_stage_4_is_refused(
    enter: Enter, open_page: OpenPage, url: str, ana: Browser, attacker: int
) -> None:
    page = enter(ana, url, "ana", "garden")
    heard = attack(open_page, f"http://evil.localhost:{attacker}", url, ana)
    expect(heard).to_have_text(["Closed with code 1006."])
    send_text(page, "nobody else here")
    expect(page.locator("#messages li").last).to_have_text("ana: nobody else here")


@pytest.fixture
def unguarded(
    project: Path, environment: dict[str, str], tmp_path: Path
) -> Iterator[Server]:
    """A server of stage 4 without the Origin check."""
    copy = copy_of(project, tmp_path / "copy")
    replace(copy / "config" / "asgi.py", GUARDED, UNGUARDED)
    log = tmp_path / "server.log"
    with Server(copy, log, environment=environment) as server:
        yield server


def test_attack_without_an_origin_check_speaks_as_the_user(
    enter: Enter, open_page: OpenPage, unguarded: Server, attacker: int
) -> None:
    ana = Browser(unguarded).log_in("ana")
    page = enter(ana, unguarded.url, "ana", "garden")
    # The same host, so to the browser it is the same site: it sends the cookie along.
    attack(open_page, f"http://127.0.0.1:{attacker}", unguarded.url, ana)
    expect(message(page, "ana: I owe you 100 euros.")).to_be_visible()


def test_attack_from_another_site_gets_no_cookie_even_without_an_origin_check(
    open_page: OpenPage, unguarded: Server, attacker: int
) -> None:
    ana = Browser(unguarded).log_in("ana")
    site = f"http://evil.localhost:{attacker}"
    heard = attack(open_page, site, unguarded.url, ana)
    expect(heard).to_have_text(["Closed with code 1006."])


def test_attack_from_another_port_of_our_host_is_left_for_stage_5(
    enter: Enter, open_page: OpenPage, url: str, ana: Browser, attacker: int
) -> None:
    page = enter(ana, url, "ana", "garden")
    attack(open_page, f"http://127.0.0.1:{attacker}", url, ana)
    expect(message(page, "ana: I owe you 100 euros.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screenshot_for_the_chapter(
    enter: Enter,
    start: Start,
    accounts: Accounts,
    take_screenshot: Callable[[Page, str], None],
    scheme: str,
) -> None:
    server = start()  # Nobody else is in this garden.
    ana = Browser(server).log_in("ana")
    first = enter(ana, server.url, "ana", "garden")
    second = enter(ana, server.url, "ana", "garden")
    second.emulate_media(color_scheme=scheme)
    log_out(first)
    expect(second.locator("#status")).to_have_text(LOGGED_OUT)
    second.bring_to_front()
    take_screenshot(second, f"auth-{scheme}.png")
