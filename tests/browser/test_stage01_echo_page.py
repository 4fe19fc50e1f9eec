"""
Stage 1's page in a real browser: it does what chapter 1 says, and shows it.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import OpenPage, close, send_file, send_text, wire


@pytest.fixture
def page(open_page: OpenPage, url: str) -> Page:
    """The echo page, connected."""
    page = open_page(url)
    expect(page.locator("#status")).to_have_text("Connected.")
    return page


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
    send_file(page, tmp_path / "four.bin", b"\x00\x01\xfe\xff")
    expect(page.locator("#messages li")).to_have_text(["4 bytes"])
    expect(page.locator("#wire tr").last).to_contain_text("00 01 fe ff")
    assert wire(page)[-2:] == [
        ["→ out", "binary (0x2)", "4", "00 01 fe ff"],
        ["← in", "binary (0x2)", "4", "00 01 fe ff"],
    ]
    assert page.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screenshot_for_the_chapter(
    page: Page,
    take_screenshot: Callable[[Page, str], None],
    tmp_path: Path,
    scheme: str,
) -> None:
    page.emulate_media(color_scheme=scheme)
    send_text(page, "hello")
    send_file(page, tmp_path / "hello.bin", b"\x48\x69\x00\xff")
    expect(page.locator("#messages li")).to_have_count(2)
    close(page, 4000, "enough")
    expect(page.locator("#wire tr")).to_have_count(8)
    take_screenshot(page, f"echo-{scheme}.png")
