"""
The fixtures of the tests of the site, and of what its pages state.

What a page states of the libraries is a proof: a record may stand for the whole test.
"""

import os
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from tests.browser.chromium import browser_type, chromium, quick_chromium
from tests.checker.servers.forks import quick_starts
from tests.docs.pages import blocks
from tests.docs.repository import copy_repository
from tests.docs.site import BUILDERS, Page, build, read_site
from tests.proofs.plugin import WHOLE
from tests.proofs.records import Proof
from tests.proofs.runs import CHECKER, HARNESS, ROOT

__all__ = ["browser_type", "chromium", "quick_chromium"]

LONGEST_BUILD = 150  # Seconds. Either builder ends within 60.


# What the facts of a chapter are observed on.
STAGES = {
    "01": ("stage01_echo",),
    "02": ("stage02_routing",),
    "03": ("stage03_groups",),
    "04": ("stage04_auth",),
    "05": ("stage05_wss",),
    "tunnel": ("stage01_echo", "stage02_routing", "stage03_groups", "stage04_auth"),
}


def fact(item: pytest.Item) -> Proof:
    """Return the proof that a test of a page's statement is."""
    chapter = item.path.stem.removeprefix("test_facts_")
    name = item.nodeid.partition("::")[2]
    return Proof(f"facts/{chapter}", name, depends(chapter))


@cache
def depends(chapter: str) -> tuple[Path | str, ...]:
    """Return what decides whether the statements of a chapter are true."""
    here = Path(__file__).parent
    return (
        *(ROOT / stage for stage in STAGES[chapter]),
        *sorted(here.glob("test_facts_*.py")),  # They share helpers.
        *(here / "pages.py", ROOT / "tests/browser/chromium.py"),
        *(*code_of(chapter), ROOT / "docs/bench.json"),
        *(*CHECKER, *HARNESS),
    )


def code_of(chapter: str) -> Iterator[str]:
    """Yield the programs that stand on a page, since some facts run them."""
    for page in ROOT.glob(f"docs/{chapter}-*.md"):
        for block in blocks(page.read_text(encoding="utf-8")):
            if block.language not in {"console", "pycon", "text"}:
                yield "\n".join(block.lines)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.name.startswith("test_facts_"):
            item.stash[WHOLE] = fact(item)


@pytest.fixture(scope="package", autouse=True)
def forked() -> Iterator[None]:
    """Start servers quickly: each fact has a server of its own."""
    with quick_starts():
        yield


# The site, built


@pytest.fixture(scope="session")
def sites(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """
    The site as both builders make it, by the name of the builder.

    Of several workers of pytest-xdist, the first builds it, and the others wait.
    """
    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent
    place /= "site"
    said = place / "said"
    try:
        place.mkdir()
    except FileExistsError:
        deadline = time.monotonic() + LONGEST_BUILD
        while not said.exists():
            assert time.monotonic() < deadline, "Another worker builds the site."
            time.sleep(0.1)
    else:
        words = "It was interrupted."
        try:
            words = build_both(place / "course")
        finally:
            (place / "saying").write_text(words, encoding="utf-8")
            (place / "saying").rename(said)
    if words := said.read_text(encoding="utf-8"):
        pytest.fail(words, pytrace=False)
    return {builder: place / "course" / builder for builder in BUILDERS}


def build_both(folder: Path) -> str:
    """Build the site with both, and return what was wrong, or nothing."""
    copy_repository(folder)
    for builder in BUILDERS:
        code, output = build(builder, folder)
        if code or "warning" in output.lower():
            return f"{builder} does not build the site:\n\n{output}"
        (folder / "site").rename(folder / builder)
    return ""


@pytest.fixture(scope="session", params=BUILDERS)
def site(request: pytest.FixtureRequest, sites: dict[str, Path]) -> Path:
    """The site, made by one builder after the other."""
    return sites[request.param]


@pytest.fixture
def mkdocs(sites: dict[str, Path]) -> Path:
    """The site of MkDocs, for what is the same in both."""
    return sites["mkdocs"]


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[Path, Page]:
    """What is on the pages of the site."""
    return read_site(site)


@pytest.fixture
def tab(quick_chromium: Browser) -> Iterator[Tab]:
    """A tab that allows no request to another host, and no error in the console."""
    context = quick_chromium.new_context(viewport={"width": 1280, "height": 800})
    tab = context.new_page()
    complaints = []
    tab.on(
        "console",
        lambda message: message.type == "error" and complaints.append(message.text),
    )
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    requests = []
    tab.on("request", lambda request: requests.append(request.url))
    yield tab
    context.close()
    assert requests, "The test has opened no page."
    assert not [url for url in requests if not url.startswith(("file:", "data:"))]
    assert not complaints
