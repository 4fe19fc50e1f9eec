"""
What a page does in a network that goes silent without closing: it asks for an answer.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import (
    OpenPage,
    message,
    send_file,
    send_raw,
    send_text,
    unanswered,
)
from tests.browser.relay import Relay, relaying
from tests.checker.accounts import Visitors
from tests.checker.rooms import join
from tests.checker.servers.runserver import Server
from tests.checker.stages import STAGES, Stage

LOST = "No answer for 10 s: the connection is lost."


# Stage 5's page is stage 4's, and its server refuses a page from another port.
@pytest.fixture(params=list(STAGES.values())[:4], ids=list(STAGES)[:4])
def stage(request: pytest.FixtureRequest) -> Stage:
    """Each stage in turn, unless a test names one."""
    return request.param


@pytest.fixture
def environment(database: dict[str, str]) -> dict[str, str]:
    return database


@pytest.fixture
def relay(server: Server) -> Iterator[Relay]:
    """A network to the server under test."""
    with relaying(urlsplit(server.url).port) as relay:
        yield relay


@pytest.fixture
def page(
    open_page: OpenPage,
    relay: Relay,
    stage: Stage,
    server: Server,
    visitors: Visitors,
    room: str,
) -> Page:
    """A page that is connected through this network."""
    visitor = visitors.browser(server, "ana") if stage.has_login else None
    path = "/" if stage.name == "stage01_echo" else f"/rooms/{room}/?name=ana"
    page = open_page(relay.url + path, visitor=visitor)
    expect_connection(page)
    return page


def expect_connection(page: Page) -> None:
    expect(page.locator("#status")).to_contain_text("Connected")


def only(*names: str) -> pytest.MarkDecorator:
    """Let a test be of these stages."""
    stages = [STAGES[name] for name in names]
    return pytest.mark.parametrize("stage", stages, indirect=True, ids=names)


def stop_clock(page: Page) -> None:
    """Let no time pass on this page but what a test says, until its clock resumes."""
    page.clock.install(time=0)
    page.clock.pause_at(1_000)


def last(page: Page, text: str) -> None:
    """Wait until this is the newest message."""
    expect(page.locator("#messages li").last).to_contain_text(text)


def test_text_is_being_sent_until_its_answer_comes(page: Page, relay: Relay) -> None:
    relay.silence()
    send_text(page, "one")
    send_text(page, "two")
    expect(unanswered(page)).to_have_text(["one sending …", "two sending …"])
    expect(page.get_by_label("Text")).to_have_value("")
    expect(message(page, "two")).to_have_count(0)
    relay.speak()
    last(page, "two")
    expect(unanswered(page)).to_have_count(0)
    assert page.errors == []


def test_text_without_an_answer_is_kept_and_sent_again_by_hand_alone(
    page: Page, relay: Relay
) -> None:
    stop_clock(page)
    relay.silence()
    relay.forget()
    send_text(page, "one")
    page.clock.fast_forward(5_000)
    send_text(page, "two")
    page.clock.fast_forward(4_999)
    expect_connection(page)
    page.clock.fast_forward(1)
    expect(page.locator("#status")).to_have_text(LOST)
    kept = unanswered(page)
    question = "No answer: it may be lost. Send again Discard"
    expect(kept).to_have_text([f"one {question}", f"two {question}"])
    # The next handshake has no answer, either.
    with page.expect_websocket():
        page.clock.fast_forward(500)
    expect(page.locator("#status")).to_have_attribute("data-state", "connecting")
    page.clock.fast_forward(10_000)
    expect(page.locator("#countdown")).to_contain_text("Attempt 2 in")
    relay.forget()
    relay.speak()
    page.clock.resume()
    expect_connection(page)
    # Connected again, and nothing has been sent by itself.
    send_text(page, "three")
    last(page, "three")
    for text in ("one", "two"):
        expect(page.locator("#messages").get_by_text(text)).to_have_count(0)
    kept.first.get_by_role("button", name="Send again").click()
    last(page, "one")
    expect(page.get_by_label("Text")).to_be_focused()
    expect(kept).to_have_text([f"two {question}"])
    kept.get_by_role("button", name="Discard").click()
    expect(kept).to_have_count(0)
    send_text(page, "four")
    last(page, "four")
    expect(page.locator("#messages").get_by_text("one")).to_have_count(1)


# What the status says is noted, since it may say so for a quarter of a second only.
NOTE_STATUS = """() => {
  window.said = [];
  const status = document.querySelector("#status");
  const note = () => window.said.push(status.textContent);
  new MutationObserver(note).observe(status, { childList: true });
}"""


@only("stage03_groups")
def test_page_waits_ten_seconds_and_not_minutes(page: Page, relay: Relay) -> None:
    page.evaluate(NOTE_STATUS)
    relay.silence()
    relay.forget()
    start = time.monotonic()
    with page.expect_websocket(timeout=20_000):
        send_text(page, "hello?")
        relay.speak()
    assert time.monotonic() - start > 9.5
    assert page.evaluate("said[0]") == LOST
    expect_connection(page)
    expect(unanswered(page)).to_contain_text("hello?")


@only("stage01_echo")
def test_answer_that_is_late_changes_nothing(page: Page, relay: Relay) -> None:
    page.clock.install()
    relay.silence()
    send_text(page, "slow")
    page.clock.fast_forward(10_000)
    expect(page.locator("#status")).to_have_text(LOST)
    relay.speak()
    expect_connection(page)
    send_text(page, "quick")
    last(page, "quick")
    expect(page.locator("#messages li")).to_have_count(1)
    expect(unanswered(page)).to_contain_text("slow")


@only("stage01_echo")
def test_empty_text_is_not_sent_since_no_answer_would_come(page: Page) -> None:
    send_text(page, "")
    expect(page.get_by_label("Text")).to_be_focused()
    expect(unanswered(page)).to_have_count(0)
    send_text(page, "something")
    last(page, "something")
    expect(page.locator("#messages li")).to_have_count(1)


@only("stage01_echo")
def test_empty_file_is_not_sent_either(page: Page, tmp_path: Path) -> None:
    send_file(page, tmp_path / "empty.bin", b"")
    expect(page.locator("#status")).to_have_text(
        "empty.bin is empty: nothing was sent."
    )


@only("stage01_echo", "stage03_groups")
def test_bytes_are_being_sent_until_their_answer_comes(
    page: Page, relay: Relay, tmp_path: Path
) -> None:
    relay.silence()
    send_text(page, "before")
    send_file(page, tmp_path / "four.bin", b"\x00\x01\xfe\xff")
    expect(unanswered(page)).to_have_text(["before sending …", "4 bytes sending …"])
    relay.speak()
    expect(unanswered(page)).to_have_count(0)


@only("stage02_routing", "stage03_groups")
@pytest.mark.parametrize(
    "raw", ['{"type": "message", "text": "caf\\u00e9"}', "{"], ids=["right", "wrong"]
)
def test_raw_text_has_its_answer_whatever_that_is(
    page: Page, relay: Relay, raw: str
) -> None:
    relay.silence()
    send_text(page, "before")
    send_raw(page, raw)
    send_text(page, "after")
    expect(unanswered(page)).to_have_count(3)
    relay.speak()
    expect(unanswered(page)).to_have_count(0)
    last_words = page.locator("#messages li").filter(has_text="after")
    expect(last_words).to_have_count(1)


@only("stage03_groups")
def test_text_of_another_is_no_answer(
    page: Page, relay: Relay, server: Server, room: str
) -> None:
    relay.silence("there")
    send_text(page, "mine")
    with join(server, room, "ben") as ben, join(server, room, "ana") as namesake:
        ben.send_json(type="message", text="mine")
        namesake.send_json(type="message", text="another")
        expect(message(page, "ana: another")).to_be_visible()
        expect(message(page, "ben: mine")).to_be_visible()
        expect(unanswered(page)).to_have_text(["mine sending …"])
        relay.speak()
        expect(message(page, "ana: mine")).to_be_visible()
        expect(unanswered(page)).to_have_count(0)


@only("stage04_auth")
def test_page_that_is_left_while_it_waits_raises_nothing(
    page: Page, relay: Relay
) -> None:
    relay.silence("there")
    send_text(page, "bye")
    relay.speak()
    page.get_by_role("link", name="Other rooms").click()
    expect(page).to_have_title("Rooms")
    assert page.errors == []


@only("stage02_routing")
def test_connect_is_at_hand_while_the_page_counts_down(page: Page) -> None:
    button = page.get_by_role("button", name="Connect")
    expect(button).to_be_disabled()
    stop_clock(page)
    page.evaluate("attempt = 9")
    page.get_by_role("button", name="Drop the network").click()
    status, countdown = page.locator("#status"), page.locator("#countdown")
    expect(status).to_have_text("Connection lost (code 1006).")
    expect(countdown).to_contain_text("Attempt 10 in")
    seconds = float(countdown.inner_text().split()[-2])
    assert 4 <= seconds <= 8, "Somebody is watching: half a minute is too long."
    page.clock.fast_forward(1_000)
    expect(countdown).to_have_text(f"Attempt 10 in {seconds - 1:.1f} s.")
    # A screen reader reads what the status says, and that has not changed.
    expect(status).to_have_text("Connection lost (code 1006).")
    assert countdown.evaluate("line => !line.closest('[role], [aria-live]')")
    page.get_by_role("button", name="Restore the network").click()
    button.click()
    expect_connection(page)
    expect(countdown).to_be_empty()
    expect(page.get_by_label("Text")).to_be_focused()
    # Whoever comes back to the page waits no longer, either. No time has passed.
    page.get_by_role("button", name="Drop the network").click()
    expect(status).to_have_text("Connection lost (code 1006).")
    page.get_by_role("button", name="Restore the network").click()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect_connection(page)
