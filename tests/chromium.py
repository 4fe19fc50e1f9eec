"""The browser of the tests: the Chromium, Chrome or Edge that this machine has."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

NAMES = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
]

# A browser that phones home would spoil the count of the requests that a page makes.
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]

MISSING = (
    "No Chromium, Chrome or Edge was found. Install one (Debian: apt install chromium,"
    " macOS: brew install --cask chromium, Windows: winget install Google.Chrome),"
    " or set CHROMIUM to the path of yours."
)

RUNNING: list[Browser] = []


def find_chromium() -> str | None:
    """Return the path of a browser, or None. The variable CHROMIUM wins."""
    names = [os.environ["CHROMIUM"]] if "CHROMIUM" in os.environ else NAMES
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """
    Yield a Playwright `Browser`, one for all tests; skip where there is none.

    A conftest.py imports this fixture, for the tests beside it. While the browser runs,
    this thread has a running event loop, so `asyncio.run()` fails in it.
    """
    if RUNNING:  # Another conftest.py was first. It also closes the browser.
        yield RUNNING[0]
        return
    path = find_chromium()
    if path is None:
        pytest.skip(MISSING)
    # Chromium's sandbox refuses to run as root, which is what containers often do.
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    flags = [*FLAGS, "--no-sandbox"] if is_root else FLAGS
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=flags)
        except Error as error:
            pytest.fail(f"{path} does not start.\n\n{error}", pytrace=False)
        RUNNING.append(browser)
        yield browser
        RUNNING.clear()
        browser.close()
