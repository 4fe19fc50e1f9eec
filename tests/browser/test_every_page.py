"""
What the pages of all stages do alike: close, lose the server and return, stay legible.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import (
    OpenPage,
    attempts,
    close,
    message,
    note_attempts,
    send_file,
    send_text,
    wire,
)
from tests.checker.accounts import Visitors
from tests.checker.servers.runserver import Server
from tests.checker.stages import STAGES, Stage


class Sort(NamedTuple):
    """In what the pages differ."""

    path: str
    connected: str  # What it says when it is connected,
    away: str  # when an attempt fails,
    answer: str  # and before the text that it sent.


ECHO = Sort("/", "Connected.", "Connection lost", "")
ROOM = Sort(
    "/rooms/tea/?name=ana",
    "Connected to tea as ana.",
    "The server refused, or is away",
    "ana: ",
)


@pytest.fixture(params=STAGES.values(), ids=STAGES)
def stage(request: pytest.FixtureRequest) -> Stage:
    """Each stage in turn."""
    return request.param


@pytest.fixture
def sort(stage: Stage) -> Sort:
    """What is to be expected of this stage's page."""
    return ECHO if stage.name == "stage01_echo" else ROOM


@pytest.fixture
def environment(database: dict[str, str]) -> dict[str, str]:
    return database


@pytest.fixture
def open_page(open_page: OpenPage, stage: Stage, visitors: Visitors) -> OpenPage:
    """Open a page, where there is a login as somebody who has logged in."""

    def open_as_ana(server: Server, path: str, script: str = "") -> Page:
        visitor = visitors.browser(server, "ana") if stage.has_login else None
        return open_page(server.url + path, script, visitor)

    return open_as_ana


@pytest.fixture
def page(open_page: OpenPage, server: Server, sort: Sort) -> Page:
    """The page of this stage, connected."""
    page = open_page(server, sort.path)
    expect(page.locator("#status")).to_have_text(sort.connected)
    return page


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", "&lt;b&gt;"])
def test_page_shows_a_text_as_it_is(page: Page, sort: Sort, text: str) -> None:
    send_text(page, text)
    expect(message(page, sort.answer + text)).to_be_visible()
    assert page.errors == []


def test_page_shows_the_newest_message(page: Page, sort: Sort) -> None:
    for number in range(20):
        send_text(page, f"number {number}")
    expect(message(page, f"{sort.answer}number 19")).to_be_in_viewport(ratio=0.9)
    # On paper, nobody can scroll.
    page.emulate_media(media="print")
    for box in (page.locator("#messages"), page.get_by_role("region", name="Wire log")):
        hidden = box.evaluate("box => box.scrollHeight - box.clientHeight")
        assert hidden <= 0


def test_wire_log_shows_its_end_whatever_is_sent(page: Page, tmp_path: Path) -> None:
    for number in range(15):
        send_text(page, f"number {number}")
    # Its bytes come into the log later than its row, and take more lines.
    send_file(page, tmp_path / "file", bytes(200))
    send_text(page, "last")
    expect(page.locator("#wire tr").last).to_contain_text("last")
    box = page.get_by_role("region", name="Wire log")
    assert box.evaluate("box => box.scrollHeight > box.clientHeight")
    end = "box => box.scrollHeight - box.clientHeight - box.scrollTop"
    assert box.evaluate(end) <= 2


def test_page_can_be_read_on_a_phone(page: Page, sort: Sort) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    words = "a text that is somewhat longer than a telephone is wide, " * 4
    send_text(page, words)
    expect(message(page, sort.answer + words.strip())).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    # The wire log scrolls sideways, and its lines are no column of single letters.
    payload = page.locator("#wire td:last-child").last
    assert payload.bounding_box()["width"] > 200
    payload.scroll_into_view_if_needed()
    expect(payload).to_be_in_viewport()


def test_page_refuses_a_file_that_the_server_would_refuse(
    page: Page, tmp_path: Path
) -> None:
    send_file(page, tmp_path / "large.bin", bytes(1024 * 1024 + 1))
    expect(page.locator("#status")).to_have_text(
        "large.bin has more than 1048576 bytes: nothing was sent."
    )


def test_page_closes_with_a_code_and_says_what_it_means(page: Page) -> None:
    close(page, 4999, "bye")
    # Daphne answers every close with 1000, and a page is told the answer's code.
    expect(page.locator("#status")).to_have_text("Closed with code 1000.")
    out, back = wire(page)[-2:]
    assert out == [
        "→ out",
        "close (0x8)",
        "5",
        "4999 this application's own code, “bye”",
    ]
    assert back == ["← in", "close (0x8)", "2", "1000 normal closure"]
    assert page.errors == []


def test_page_tells_why_the_browser_refuses_a_code(page: Page, sort: Sort) -> None:
    close(page, 1001)
    expect(page.locator("#status")).to_contain_text("1001")
    # The refusal closed nothing.
    send_text(page, "still here?")
    expect(message(page, f"{sort.answer}still here?")).to_be_visible()


def test_page_that_was_closed_stays_closed_until_asked(page: Page, sort: Sort) -> None:
    close(page, 1000)
    expect(page.locator("#status")).to_have_text("Closed with code 1000.")
    send_text(page, "lost?")
    expect(page.locator("#status")).to_have_text("Not connected: nothing was sent.")
    # Nothing was lost: the text is still there to be sent.
    expect(page.get_by_label("Text")).to_have_value("lost?")
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#status")).to_have_text(sort.connected)


@pytest.mark.parametrize(
    ("random", "delays"), [(0, ["0.3", "0.5", "1.0"]), (1, ["0.5", "1.0", "2.0"])]
)
def test_page_backs_off_with_jitter_while_the_network_is_dropped(
    open_page: OpenPage, server: Server, sort: Sort, random: int, delays: list[str]
) -> None:
    page = open_page(server, sort.path, f"Math.random = () => {random};")
    status = page.locator("#status")
    expect(status).to_have_text(sort.connected)
    note_attempts(page)
    page.get_by_role("button", name="Drop the network").click()
    causes = ["Connection lost", sort.away, sort.away]
    assert attempts(page, 3) == [
        f"{cause} (code 1006). Attempt {attempt} in {delay} s."
        for attempt, (cause, delay) in enumerate(
            zip(causes, delays, strict=True), start=1
        )
    ]
    # Each failure is announced once, and no second of the countdown is.
    announced = [f"{cause} (code 1006)." for cause in causes]
    assert page.evaluate("announced")[:3] == announced
    # The wire log shows how that is played, so the page says it, as long as it does.
    played = page.get_by_text("A page can only play that.")
    expect(played).to_be_visible()
    page.get_by_role("button", name="Restore the network").click()
    expect(played).to_be_hidden()
    expect(status).to_have_text(sort.connected)
    send_text(page, "back")
    expect(message(page, f"{sort.answer}back")).to_be_visible()


def test_page_reconnects_after_the_server_restarts(
    open_page: OpenPage,
    project: Path,
    environment: dict[str, str],
    server_type: Callable[..., Server],
    tmp_path: Path,
    sort: Sort,
) -> None:
    log = tmp_path / "first.log"
    with server_type(project, log, environment=environment) as first:
        page = open_page(first, sort.path)
        expect(page.locator("#status")).to_have_text(sort.connected)
        note_attempts(page)
    [report] = attempts(page, 1)
    assert report.partition(". Attempt 1 in ")[0] == "Connection lost (code 1006)"
    log = tmp_path / "second.log"
    with server_type(project, log, port=first.port, environment=environment):
        expect(page.locator("#status")).to_have_text(sort.connected)
        send_text(page, "again")
        expect(message(page, f"{sort.answer}again")).to_be_visible()
    meaning = "never on the wire: the connection ended without a close frame"
    assert any(meaning in row[3] for row in wire(page))


def test_page_shows_a_changed_file_at_once(
    open_page: OpenPage,
    project: Path,
    environment: dict[str, str],
    server_type: Callable[..., Server],
    tmp_path: Path,
    sort: Sort,
) -> None:
    copy = shutil.copytree(project, tmp_path / project.name)
    script = copy / "chat" / "static" / "chat" / "chat.js"
    # A browser trusts its copy of a file for a tenth of its age: RFC 9111, 4.2.2.
    os.utime(script, (0, 0))
    with server_type(copy, tmp_path / "log", environment=environment) as server:
        page = open_page(server, sort.path)
        expect(page.locator("#status")).to_have_text(sort.connected)
        with script.open("a", encoding="utf-8") as file:
            file.write('document.querySelector("h1").textContent = "Changed";\n')
        page.wait_for_function("asked => Date.now() > asked", arg=next_second(page))
        page.goto(page.url)
        expect(page.locator("h1")).to_have_text("Changed")


def next_second(page: Page) -> int:
    """Return when the next second begins. A page names its files by the second."""
    return page.evaluate("Math.ceil(Date.now() / 1000) * 1000")


def test_page_offers_one_connection_at_a_time(page: Page, sort: Sort) -> None:
    close(page, 1000)
    expect(page.locator("#status")).to_have_text("Closed with code 1000.")
    button = page.get_by_role("button", name="Connect")
    button.evaluate("button => { for (let n = 0; n < 3; n += 1) button.click(); }")
    expect(button).to_be_disabled()
    expect(page.locator("#status")).to_have_text(sort.connected)
    send_text(page, "once")
    expect(message(page, f"{sort.answer}once")).to_be_visible()
    handshakes = [row for row in wire(page) if row[3].startswith("GET ")]
    assert len(handshakes) == 2


def test_page_is_worked_by_keyboard_alone(page: Page, sort: Sort) -> None:
    page.get_by_label("Text").focus()
    page.keyboard.type("hello")
    page.keyboard.press("Enter")
    expect(message(page, f"{sort.answer}hello")).to_be_visible()
