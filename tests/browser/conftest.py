"""A page of a stage, open in Chromium."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.chromium import chromium

__all__ = ["chromium"]

ASSETS = Path(__file__).parent.parent.parent / "docs" / "assets"

PATIENCE = 10_000  # Milliseconds. A page answers within tens of them.


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--screenshots",
        action="store_true",
        help="write the screenshots of the site anew, into docs/assets",
    )


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """
    Open a page by its address, as in a fresh browser. A script can run before its own.

    At the end the page must have raised no exception and asked no other host.
    `page.errors` holds what it wrote to the console as an error.
    """
    context = chromium.new_context(
        viewport={"width": 900, "height": 900}, device_scale_factor=2
    )
    context.set_default_timeout(PATIENCE)
    hosts, exceptions = set(), []

    def open_page(url: str, script: str = "") -> Page:
        page = context.new_page()
        page.add_init_script(script)
        page.errors = []
        page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        page.on("websocket", lambda socket: hosts.add(urlsplit(socket.url).hostname))
        page.on("pageerror", lambda error: exceptions.append(str(error)))
        page.on("console", lambda message: note(page, message.type, message.text))
        page.goto(url.replace("ws://", "http://"))
        return page

    def note(page: Page, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            page.errors.append(text)

    yield open_page
    context.close()
    assert not exceptions
    assert hosts <= {"127.0.0.1", None}  # A data: address has no host.


@pytest.fixture
def take_screenshot(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[[Page, str], None]:
    """
    Take the screenshot of a page that a chapter shows, by its name in docs/assets.

    With --screenshots it is put there. It fails unless the chapter's picture is one of
    this page: of the same width and height.
    """

    def take_screenshot(page: Page, name: str) -> None:
        taken = page.screenshot(path=tmp_path / name)
        if request.config.getoption("screenshots"):
            (ASSETS / name).write_bytes(taken)
        header = slice(16, 24)  # Of the PNG: width and height.
        assert taken[header] == (ASSETS / name).read_bytes()[header]

    return take_screenshot
