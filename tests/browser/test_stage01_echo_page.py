"""
Stage 1's page in a real browser: it does what chapter 1 says, and shows it.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.server import Server

ASSETS = Path(__file__).parent.parent.parent / "docs" / "assets"

OpenPage = Callable[..., Page]


@pytest.fixture
def page(open_page: OpenPage, url: str) -> Page:
    """The echo page, connected."""
    page = open_page(url)
    expect(page.locator("#status")).to_have_text("Connected.")
    return page


def send_text(page: Page, text: str) -> None:
    page.get_by_label("Text").fill(text)
    page.get_by_role("button", name="Send", exact=True).click()


def close(page: Page, code: int, reason: str = "") -> None:
    page.get_by_label("Code").fill(str(code))
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name="Close").click()


def wire(page: Page) -> list[list[str]]:
    """Return the rows of the wire log, without the time."""
    rows = page.locator("#wire tr").all()
    return [row.locator("td").all_inner_texts()[1:] for row in rows]


def test_page_connects_and_echoes_text_without_an_error(page: Page, url: str) -> None:
    send_text(page, "¡olé! <b>")
    expect(page.locator("#messages li")).to_have_text(["¡olé! <b>"])
    assert wire(page) == [
        ["→ out", "handshake", "", f"GET {url}/ws/echo/"],
        ["← in", "handshake", "", "101 Switching Protocols"],
        ["→ out", "text (0x1)", "11", "¡olé! <b>"],
        ["← in", "text (0x1)", "11", "¡olé! <b>"],
    ]
    assert page.errors == []


def test_page_sends_the_bytes_of_a_file(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "four.bin"
    file.write_bytes(b"\x00\x01\xfe\xff")
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Send its bytes").click()
    expect(page.locator("#messages li")).to_have_text(["4 bytes"])
    expect(page.locator("#wire tr").last).to_contain_text("00 01 fe ff")
    assert wire(page)[-2:] == [
        ["→ out", "binary (0x2)", "4", "00 01 fe ff"],
        ["← in", "binary (0x2)", "4", "00 01 fe ff"],
    ]
    assert page.errors == []


def test_page_refuses_a_file_that_the_server_would_refuse(
    page: Page, tmp_path: Path
) -> None:
    file = tmp_path / "large.bin"
    file.write_bytes(bytes(1024 * 1024 + 1))
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Send its bytes").click()
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


def test_page_tells_why_the_browser_refuses_a_code(page: Page) -> None:
    close(page, 1001)
    expect(page.locator("#status")).to_contain_text("1001")
    # The refusal closed nothing.
    send_text(page, "still here?")
    expect(page.locator("#messages li")).to_have_text(["still here?"])


def test_page_that_was_closed_stays_closed_until_asked(page: Page) -> None:
    close(page, 1000)
    expect(page.locator("#status")).to_have_text("Closed with code 1000.")
    send_text(page, "lost?")
    expect(page.locator("#status")).to_have_text("Not connected: nothing was sent.")
    # Nothing was lost: the text is still there to be sent.
    expect(page.get_by_label("Text")).to_have_value("lost?")
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#status")).to_have_text("Connected.")


@pytest.mark.parametrize(
    ("random", "delays"), [(0, ["0.3", "0.5", "1.0"]), (1, ["0.5", "1.0", "2.0"])]
)
def test_page_backs_off_with_jitter_while_the_network_is_dropped(
    open_page: OpenPage, url: str, random: int, delays: list[str]
) -> None:
    page = open_page(url, f"Math.random = () => {random};")
    status = page.locator("#status")
    expect(status).to_have_text("Connected.")
    # Each report stands for less than a second: take them down as they come.
    page.evaluate(
        """() => {
          window.reports = [];
          const status = document.querySelector("#status");
          const note = () => window.reports.push(status.textContent);
          new MutationObserver(note).observe(status, { childList: true });
        }"""
    )
    page.get_by_role("button", name="Drop the network").click()
    page.wait_for_function("reports.some((words) => words.includes('Attempt 3'))")
    lost = [words for words in page.evaluate("reports") if "lost" in words]
    assert lost == [
        f"Connection lost (code 1006). Attempt {attempt} in {delay} s."
        for attempt, delay in enumerate(delays, start=1)
    ]
    page.get_by_role("button", name="Restore the network").click()
    expect(status).to_have_text("Connected.")
    send_text(page, "back")
    expect(page.locator("#messages li")).to_have_text(["back"])


def test_page_reconnects_after_the_server_restarts(
    open_page: OpenPage, project: Path, tmp_path: Path
) -> None:
    with Server(project, tmp_path / "first.log") as first:
        page = open_page(first.url)
        expect(page.locator("#status")).to_have_text("Connected.")
    expect(page.locator("#status")).to_contain_text("Connection lost (code 1006).")
    with Server(project, tmp_path / "second.log", port=first.port):
        expect(page.locator("#status")).to_have_text("Connected.")
        send_text(page, "again")
        expect(page.locator("#messages li")).to_have_text(["again"])
    meaning = "1006 never on the wire: the connection ended without a close frame"
    assert any(row[3].startswith(meaning) for row in wire(page))


def test_page_offers_one_connection_at_a_time(page: Page) -> None:
    close(page, 1000)
    for _ in range(3):
        page.get_by_role("button", name="Connect").click()
    expect(page.locator("#status")).to_have_text("Connected.")
    send_text(page, "once")
    expect(page.locator("#messages li")).to_have_text(["once"])


def test_page_is_worked_by_keyboard_alone(page: Page) -> None:
    page.get_by_label("Text").focus()
    page.keyboard.type("hello")
    page.keyboard.press("Enter")
    expect(page.locator("#messages li")).to_have_text(["hello"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screenshot_for_the_chapter(
    page: Page, request: pytest.FixtureRequest, tmp_path: Path, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    file = tmp_path / "hello.bin"
    file.write_bytes(b"\x48\x69\x00\xff")
    send_text(page, "hello")
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Send its bytes").click()
    expect(page.locator("#messages li")).to_have_count(2)
    close(page, 4000, "enough")
    expect(page.locator("#wire tr")).to_have_count(8)
    name = f"echo-{scheme}.png"
    page.screenshot(path=tmp_path / name)
    if request.config.getoption("screenshots"):
        (ASSETS / name).write_bytes((tmp_path / name).read_bytes())
    # The chapter's picture is of this page: the same width and height.
    header = slice(16, 24)  # Of the PNG: width and height.
    taken, shown = (tmp_path / name).read_bytes(), (ASSETS / name).read_bytes()
    assert taken[header] == shown[header]
