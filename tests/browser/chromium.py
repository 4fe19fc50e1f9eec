"""The browser of the tests: the Chromium, Chrome or Edge that this machine has."""

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

# On Linux, Chromium trusts what this program has put into a database of NSS.
CERTUTIL_MISSING = (
    "No certutil was found, which tells Chromium whom to trust. Install it (Debian: apt"
    " install libnss3-tools)."
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
    if find_chromium() is None:
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        browser = launch(playwright.chromium)
        RUNNING.append(browser)
        yield browser
        RUNNING.clear()
        browser.close()


def launch(browser_type: BrowserType, *more_flags: str, **options: Any) -> Browser:
    """Start the browser of this machine, or fail."""
    path = find_chromium()
    # Chromium's sandbox refuses to run as root, which is what containers often do.
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    flags = [*FLAGS, *more_flags, *(["--no-sandbox"] if is_root else [])]
    try:
        return browser_type.launch(executable_path=path, args=flags, **options)
    except Error as error:
        pytest.fail(f"{path} does not start.\n\n{error}", pytrace=False)


@contextmanager
def trusting(chromium: Browser, keys: Path, home: Path) -> Iterator[Browser]:
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
    browser = launch(chromium.browser_type, *flags, **options)
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
