"""
The fixtures of the tests of the site, and of what its pages state.

What a page states of the libraries is a proof: a record may stand for the whole test.
So is what a browser sees on the built site: visits.py.
"""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import repeat
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from tests.browser.chromium import browser_type, chromium
from tests.browser.chromium import quick_chromium as running
from tests.checker.servers.forks import quick_starts
from tests.docs.pages import blocks
from tests.docs.parts import build_parts
from tests.docs.repository import copy_repository
from tests.docs.site import BUILDERS, Page, build, read_site
from tests.docs.visits import Visit, Watched, visits
from tests.proofs.plugin import IS_TAKEN, WHOLE, take_if_it_stands
from tests.proofs.records import Proof
from tests.proofs.runs import CHECKER, HARNESS, ROOT

__all__ = ["browser_type", "chromium", "running"]

LONGEST_BUILD = 150  # Seconds. Each builder ends within 120.


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
    for item in visits(items):
        item.stash[WHOLE] = Visit.of(item)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Take a visit from its record, if all that it asked for is as it was."""
    visit = item.stash.get(WHOLE, None)
    if isinstance(visit, Visit):
        item.stash[WHOLE] = visit.at(built(item.config), item.path)
        take_if_it_stands(item)


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Let a visit that is over tell what its browser asked for."""
    result = yield
    visit = item.stash.get(WHOLE, None)
    if isinstance(visit, Visit) and not item.stash.get(IS_TAKEN, False):
        asked = item.funcargs["quick_chromium"].asked
        item.stash[WHOLE] = visit.having_asked(asked)
    return result


@pytest.fixture(scope="package", autouse=True)
def forked() -> Iterator[None]:
    """Start servers quickly: each fact has a server of its own."""
    with quick_starts():
        yield


# The site, built


def built(config: pytest.Config) -> Path:
    """
    Return the folder of the built sites, one for each builder, named after it.

    Of several workers of pytest-xdist, the first builds them, and the others wait.
    """
    # What the fixture tmp_path_factory is, before any fixture is there.
    place = config._tmp_path_factory.getbasetemp()
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
    return place / "course"


def build_both(folder: Path) -> str:
    """Build the site with both at once, and return what was wrong, or nothing."""
    folder.mkdir()
    with ThreadPoolExecutor() as pool:
        words = pool.map(build_one, BUILDERS, repeat(folder))
        build_parts(folder / "parts")
        return "\n\n".join(filter(None, words))


def build_one(builder: str, folder: Path) -> str:
    """Build the site with one, in a copy, and return what was wrong, or nothing."""
    copy = copy_repository(folder.with_name(f"with-{builder}"))
    code, output = build(builder, copy)
    if code or "warning" in output.lower():
        return f"{builder} does not build the site:\n\n{output}"
    (copy / "site").rename(folder / builder)
    return ""


@pytest.fixture(scope="session")
def sites(request: pytest.FixtureRequest) -> dict[str, Path]:
    """The site as both builders make it, by the name of the builder, and its parts."""
    folder = built(request.config)
    return {name: folder / name for name in (*BUILDERS, "parts")}


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
def quick_chromium(
    running: Browser, sites: dict[str, Path], request: pytest.FixtureRequest
) -> Watched:
    """The browser, which notes what this test asks for."""
    return Watched(running, sites["mkdocs"].parent, request.node.name)


@pytest.fixture
def tab(quick_chromium: Watched) -> Iterator[Tab]:
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
