"""
The browsers of the tests: the Chromium, Chrome or Edge that this machine has.

Where it is there, a browser without any window shows the pages for two thirds of the
CPU: the same engine, without what the program around it says of a certificate.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, BrowserType, Error, sync_playwright

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

WITHOUT_WINDOWS = "chromium-headless-shell"

FLAGS = [
    # A browser that phones home would spoil the count of a page's requests.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # Processes that keep pages apart, and draw them, cost more than what a test does.
    "--disable-gpu",
    "--disable-site-isolation-trials",
    "--disable-software-rasterizer",
    "--in-process-gpu",
    "--process-per-site",
    "--renderer-process-limit=1",
]

MISSING = (
    "No Chromium, Chrome or Edge was found. Install one (Debian: apt install chromium,"
    " macOS: brew install --cask chromium, Windows: winget install Google.Chrome),"
    " or set CHROMIUM to the path of yours."
)

# On Linux, Chromium trusts what this program has put into a database of NSS.
CERTUTIL_MISSING = (
    "No certutil was found, which tells Chromium whom to trust. Install it (Debian: apt"
    " install libnss3-tools)."
)

# A conftest.py imports the fixtures for the tests beside it, and each that does has its
# own. So the first one starts what these hold, and ends it; the others share it.
PLAYWRIGHT: list[BrowserType] = []
RUNNING: dict[str, Browser] = {}  # By the path of its program.


def find_chromium(*better: str) -> str | None:
    """Return the path of a browser, or None. The variable CHROMIUM wins."""
    names = [*better, *NAMES]
    if "CHROMIUM" in os.environ:
        names = [os.environ["CHROMIUM"]]
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def browser_type() -> Iterator[BrowserType]:
    """
    Yield what starts browsers; skip where there is none to start.

    From now on this thread has a running event loop, so `asyncio.run()` fails in it.
    """
    if find_chromium() is None:
        pytest.skip(MISSING)
    if PLAYWRIGHT:
        yield PLAYWRIGHT[0]
        return
    with sync_playwright() as playwright:
        PLAYWRIGHT.append(playwright.chromium)
        yield playwright.chromium
        PLAYWRIGHT.clear()


@pytest.fixture(scope="session")
def chromium(browser_type: BrowserType) -> Iterator[Browser]:
    """Yield a Playwright `Browser`, one for all tests: the one that readers have."""
    yield from shared(browser_type, find_chromium())


@pytest.fixture(scope="session")
def quick_chromium(browser_type: BrowserType) -> Iterator[Browser]:
    """Yield the same, without windows if it can be, for what a page itself does."""
    yield from shared(browser_type, find_chromium(WITHOUT_WINDOWS))


def shared(browser_type: BrowserType, path: str) -> Iterator[Browser]:
    """Yield the one browser of a program."""
    if path in RUNNING:
        yield RUNNING[path]
        return
    RUNNING[path] = launch(browser_type, path=path)
    yield RUNNING[path]
    RUNNING.pop(path).close()


def launch(
    browser_type: BrowserType,
    *more_flags: str,
    path: str | None = None,
    **options: Any,
) -> Browser:
    """Start the browser of this machine, or the one at a path, or fail."""
    path = path or find_chromium()
    # Chromium's sandbox refuses to run as root, which is what containers often do.
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    flags = [*FLAGS, *more_flags, *(["--no-sandbox"] if is_root else [])]
    try:
        return browser_type.launch(executable_path=path, args=flags, **options)
    except Error as error:
        pytest.fail(f"{path} does not start.\n\n{error}", pytrace=False)


@contextmanager
def trusting(browser_type: BrowserType, keys: Path, home: Path) -> Iterator[Browser]:
    """
    Start another browser, which trusts the CA in a folder of keys.

    The folder `home` becomes its user's. It finds every name under `example` on this
    machine. Skips where there is no certutil.
    """
    flags = ["--host-resolver-rules=MAP *.example 127.0.0.1"]
    options = {}
    if sys.platform == "linux":
        trust(keys / "ca.pem", home)
        options["env"] = {**os.environ, "HOME": str(home)}
    else:
        # There the user's own list of CAs counts, which is not ours to change. This
        # excuses one certificate from all checks, that of its name included.
        flags.append(f"--ignore-certificate-errors-spki-list={spki(keys)}")
    browser = launch(browser_type, *flags, **options)
    try:
        yield browser
    finally:
        browser.close()


def trust(ca: Path, home: Path) -> None:
    """Trust a CA as the chapter says, for whoever has this folder as a home."""
    if shutil.which("certutil") is None:
        pytest.skip(CERTUTIL_MISSING)
    folder = home / ".pki" / "nssdb"
    folder.mkdir(parents=True)
    certutil = ["certutil", "-d", f"sql:{folder}"]
    subprocess.run([*certutil, "-N", "--empty-password"], check=True)
    words = ["-A", "-t", "C,,", "-n", "course", "-i", ca]
    subprocess.run([*certutil, *words], check=True)


def spki(keys: Path) -> str:
    """Return what Chromium calls a certificate by: a hash of its public key."""
    certificate = x509.load_pem_x509_certificate((keys / "server.pem").read_bytes())
    form = PublicFormat.SubjectPublicKeyInfo
    key = certificate.public_key().public_bytes(Encoding.DER, form)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()
