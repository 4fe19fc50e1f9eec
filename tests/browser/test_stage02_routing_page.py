"""
Stage 2's pages in a real browser: the address names the room and the client.
"""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import (
    OpenPage,
    message,
    send_file,
    send_raw,
    send_text,
    unanswered,
    wire,
)

# Each would do harm where it is taken for HTML, or for a part of the address.
NAMES = [
    "<b>x",
    "ana maría",
    "a&b=c",
    "100%25 #1 + ?/;",
    "<img src=x onerror=alert(1)>",
]


@pytest.fixture
def index(open_page: OpenPage, url: str) -> Page:
    """The page that offers rooms."""
    return open_page(f"{url}/")


@pytest.fixture
def page(open_page: OpenPage, url: str) -> Page:
    """The page of the garden, where we are ana."""
    page = open_page(f"{url}/rooms/garden/?name=ana")
    expect(page.locator("#status")).to_have_text("Connected to garden as ana.")
    return page


@pytest.mark.parametrize("room", ["garden", "kitchen"])
def test_index_offers_rooms_and_a_name(index: Page, url: str, room: str) -> None:
    index.get_by_label("Name").fill("ana")
    index.get_by_role("button", name=f"Enter the {room}").click()
    expect(index.locator("#status")).to_have_text(f"Connected to {room} as ana.")
    http = url.replace("ws://", "http://")
    expect(index).to_have_url(f"{http}/rooms/{room}/?name=ana")
    expect(index.get_by_role("heading", level=1)).to_have_text(f"Room {room}")
    assert wire(index)[0][3] == f"GET {url}/ws/rooms/{room}/?name=ana"
    index.get_by_role("link", name="Other rooms").click()
    expect(index).to_have_url(f"{http}/")
    assert index.errors == []


def test_index_is_for_a_guest_until_told_a_name(index: Page) -> None:
    index.get_by_role("button", name="Enter the garden").click()
    expect(index.locator("#status")).to_have_text("Connected to garden as guest.")


def test_index_keeps_a_name_that_is_too_long_and_says_so(index: Page) -> None:
    name = index.get_by_label("Name")
    # In characters, as the server counts: this one is two units of UTF-16.
    name.fill("🎉" * 31)
    index.get_by_role("button", name="Enter the garden").click()
    expect(name).to_be_focused()
    expect(name).to_have_value("🎉" * 31)
    # The browser shows its own words, and these.
    expect(name).to_have_accessible_description("At most 30 characters.")
    assert name.evaluate("name => name.validity.patternMismatch")
    name.fill("🎉" * 30)
    index.get_by_role("button", name="Enter the garden").click()
    expect(index.locator("#status")).to_have_text(
        f"Connected to garden as {'🎉' * 30}."
    )


@pytest.mark.parametrize("name", NAMES)
def test_name_from_the_index_stays_as_it_is(index: Page, name: str) -> None:
    index.get_by_label("Name").fill(name)
    index.get_by_role("button", name="Enter the garden").click()
    expect_name(index, name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "encode",
    [lambda name: urlencode({"name": name}), lambda name: f"name={quote(name)}"],
    ids=["plus", "percent"],
)
def test_name_from_the_address_stays_as_it_is(
    open_page: OpenPage, url: str, encode: Callable[[str], str], name: str
) -> None:
    expect_name(open_page(f"{url}/rooms/garden/?{encode(name)}"), name)


def expect_name(page: Page, name: str) -> None:
    """Fail unless the page and the server have this name, and it is text to both."""
    expect(page.locator("#status")).to_have_text(f"Connected to garden as {name}.")
    send_text(page, "hi")
    expect(page.locator("#messages li")).to_have_text([f"{name}: hi"])
    expect(page.locator("b, img")).to_have_count(0)
    assert page.errors == []


def test_page_without_a_name_is_a_guest(open_page: OpenPage, url: str) -> None:
    page = open_page(f"{url}/rooms/garden/")
    expect(page.locator("#status")).to_have_text("Connected to garden as guest.")


@pytest.mark.parametrize("name", ["", "x" * 31], ids=["empty", "long"])
def test_page_says_in_words_that_a_bad_name_is_refused(
    open_page: OpenPage, url: str, name: str
) -> None:
    page = open_page(f"{url}/rooms/garden/?name={name}")
    expect(page.locator("#status")).to_have_text(
        "The server refused, or is away (code 1006)."
    )
    expect(page.locator("#countdown")).to_contain_text("Attempt")
    send_text(page, "lost?")
    expect(page.get_by_label("Text")).to_have_value("lost?")


def test_page_connects_and_shows_an_answer_without_an_error(
    page: Page, url: str
) -> None:
    send_text(page, "hi")
    expect(page.locator("#messages li")).to_have_text(["ana: hi"])
    assert wire(page) == [
        ["→ out", "handshake", "", f"GET {url}/ws/rooms/garden/?name=ana"],
        ["← in", "handshake", "", "101 Switching Protocols"],
        [
            *("← in", "text (0x1)", "52"),
            '{"type": "welcome", "room": "garden", "name": "ana"}',
        ],
        ["→ out", "text (0x1)", "30", '{"type":"message","text":"hi"}'],
        [
            *("← in", "text (0x1)", "66"),
            '{"type": "message", "room": "garden", "name": "ana", "text": "hi"}',
        ],
    ]
    expect(page.get_by_label("Text")).to_have_value("")
    assert page.errors == []


def test_page_keeps_a_text_that_is_too_long_and_says_so(page: Page) -> None:
    text = page.get_by_label("Text")
    send_text(page, "🎉" * 2_001)
    expect(text).to_be_focused()
    expect(text).to_have_value("🎉" * 2_001)
    expect(text).to_have_accessible_description("At most 2000 characters.")
    assert text.evaluate("text => text.validity.patternMismatch")
    send_text(page, "🎉" * 2_000)
    # Nothing came before it, so nothing was sent before it.
    expect(page.locator("#messages li")).to_have_text([f"ana: {'🎉' * 2_000}"])


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ("hi", "Error bad-json: This is not JSON."),
        ('{"type": "shout"}', "Error bad-message: Expected"),
        ('{"type": "message", "text": "' + "x" * 2_001 + '"}', "Error too-long: "),
        ("", "Error bad-json: "),
        ('{"type": "message", "text": "by hand"}', "ana: by hand"),
    ],
    ids=["words", "another type", "long", "nothing", "right"],
)
def test_page_sends_without_json_around_it_and_keeps_what_was_tried(
    page: Page, raw: str, line: str
) -> None:
    send_raw(page, raw)
    expect(page.locator("#messages li")).to_contain_text([line])
    size, payload = wire(page)[3][2:]
    assert (size, payload.rstrip("…")) == (str(len(raw)), raw[:200])
    expect(page.get_by_label("Raw")).to_have_value(raw)
    expect(unanswered(page)).to_have_count(0)
    # The connection stays open.
    send_text(page, "next")
    expect(message(page, "ana: next")).to_be_visible()
    assert page.errors == []


def test_page_shows_that_a_file_is_refused(page: Page, tmp_path: Path) -> None:
    send_file(page, tmp_path / "four.bin", b"\x00\x01\xfe\xff")
    expect(page.locator("#messages li")).to_have_text(
        ["Error binary: Send text frames, not binary ones."]
    )
    assert page.errors == []


def test_second_tab_in_the_same_room_hears_nothing(
    page: Page, open_page: OpenPage, url: str
) -> None:
    ben = open_page(f"{url}/rooms/garden/?name=ben")
    expect(ben.locator("#status")).to_have_text("Connected to garden as ben.")
    for tab, text in [(page, "one"), (ben, "two"), (page, "three")]:
        send_text(tab, text)
        expect(tab.locator("#messages li").last).to_contain_text(text)
    # What leaked from one tab to the other would stand before or between these.
    expect(page.locator("#messages li")).to_have_text(["ana: one", "ana: three"])
    expect(ben.locator("#messages li")).to_have_text(["ben: two"])


def test_pages_are_worked_by_keyboard_alone(index: Page) -> None:
    press(index, "Tab")
    expect(index.get_by_label("Name")).to_be_focused()
    index.keyboard.type("ana")
    press(index, "Enter")
    expect(index.locator("#status")).to_have_text("Connected to garden as ana.")
    # The other rooms, and the messages, which scroll. Connect is disabled.
    press(index, "Tab", "Tab", "Tab")
    expect(index.get_by_label("Text")).to_be_focused()
    index.keyboard.type("hello")
    press(index, "Enter")
    expect(message(index, "ana: hello")).to_be_visible()
    press(index, "Tab", "Tab")
    index.keyboard.type("no JSON")
    press(index, "Enter")
    expect(message(index, "Error bad-json: This is not JSON.")).to_be_visible()
    press(index, *["Shift+Tab"] * 4, "Enter")
    expect(index.get_by_role("heading", level=1)).to_have_text("Rooms")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screenshot_for_the_chapter(
    page: Page, take_screenshot: Callable[[Page, str], None], scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    send_text(page, "hello")
    send_raw(page, "hello")
    expect(page.locator("#messages li")).to_have_count(2)
    take_screenshot(page, f"routing-{scheme}.png")
