"""A page of a stage, open in Chromium."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, expect

from tests.browser.chromium import browser_type, chromium, quick_chromium, trusting
from tests.checker.accounts import Browser as Visitor
from tests.checker.servers.forks import quick_starts
from tests.checker.stages import Stage

__all__ = ["browser_type", "chromium", "quick_chromium"]

ASSETS = Path(__file__).parent.parent.parent / "docs" / "assets"

PATIENCE = 10_000  # Milliseconds. A page answers within tens of them.
expect.set_options(timeout=PATIENCE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--screenshots",
        action="store_true",
        help="write the screenshots of the site anew, into docs/assets",
    )


@pytest.fixture(scope="package", autouse=True)
def forked() -> Iterator[None]:
    """Start servers quickly. That they start as a reader's do, the checks see."""
    with quick_starts():
        yield


@pytest.fixture(scope="session")
def trusting_browsers() -> Iterator[tuple[dict[Path, Browser], ExitStack]]:
    """The browsers that trust a project's CA, by project. They close at the end."""
    with ExitStack() as stack:
        yield {}, stack


@pytest.fixture
def browser(
    request: pytest.FixtureRequest,
    browser_type: BrowserType,
    stage: Stage,
    project: Path,
    trusting_browsers: tuple[dict[Path, Browser], ExitStack],
    tmp_path_factory: pytest.TempPathFactory,
) -> Browser:
    """The browser that opens the pages of a stage. With TLS, it trusts its CA."""
    if not stage.has_tls:
        return request.getfixturevalue("quick_chromium")
    browsers, stack = trusting_browsers
    if project not in browsers:
        home = tmp_path_factory.mktemp("home")
        trusts = trusting(browser_type, project / "keys", home)
        browsers[project] = stack.enter_context(trusts)
    return browsers[project]


class Profiles:
    """
    The profiles of the browsers, each with its own cookies, kept for the next test.

    Chromium starts a process for each new profile, and for each page of a site of which
    no page is open. That costs most of a second of CPU. So each profile keeps a page
    open that shows nothing. A profile whose clock a test has replaced is not kept.
    """

    HAS_OWN_CLOCK = "Function.prototype.toString.call(setTimeout).includes('native')"

    def __init__(self) -> None:
        self.kept: dict[tuple[Browser, int], BrowserContext] = {}
        self.still: dict[tuple[BrowserContext, str], Page] = {}  # By site.

    def take(self, browser: Browser, number: int) -> BrowserContext:
        """Return a profile of a browser. It has no cookies and no pages to be seen."""
        if (browser, number) not in self.kept:
            context = browser.new_context(
                viewport={"width": 900, "height": 900}, device_scale_factor=2
            )
            context.set_default_timeout(PATIENCE)
            self.kept[browser, number] = context
        return self.kept[browser, number]

    def keep_open(self, context: BrowserContext, url: str) -> None:
        """Keep a page of this address's site open, which nobody serves."""
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.hostname}:1/"  # A site has no port.
        if (context, site) not in self.still:
            page = context.new_page()
            page.route(
                site, lambda route: route.fulfill(body="", content_type="text/html")
            )
            page.goto(site)
            self.still[context, site] = page

    def tidy_up(self, context: BrowserContext) -> None:
        """Close what a test has opened, and forget who has logged in."""
        still = {key: page for key, page in self.still.items() if key[0] == context}
        # Playwright replaces it in all pages of a profile, and in all that come.
        if not all(page.evaluate(self.HAS_OWN_CLOCK) for page in still.values()):
            context.close()
            self.still = {k: v for k, v in self.still.items() if k not in still}
            self.kept = {k: v for k, v in self.kept.items() if v != context}
            return
        for page in context.pages:
            if page not in still.values():
                page.close()
        context.clear_cookies()


@pytest.fixture(scope="session")
def profiles() -> Profiles:
    """The profiles of this run. They end with their browsers."""
    return Profiles()


@pytest.fixture
def open_page(browser: Browser, profiles: Profiles) -> Iterator[Callable[..., Page]]:
    """
    Open a page by its address, as in a fresh browser. A script can run before its own.

    Pages of one visitor share a browser, with the cookies of that visitor in it. At the
    end the page must have raised no exception and asked no other host. `page.errors`
    holds what it wrote to the console as an error.
    """
    contexts: dict[Visitor | None, BrowserContext] = {}
    hosts, exceptions = set(), []

    def browser_of(visitor: Visitor | None) -> BrowserContext:
        if visitor not in contexts:
            context = profiles.take(browser, len(contexts))
            for cookie in visitor.jar if visitor else []:
                named = {"name": cookie.name, "value": cookie.value}
                context.add_cookies([{**named, "url": visitor.origin}])
            contexts[visitor] = context
        return contexts[visitor]

    def open_page(url: str, script: str = "", visitor: Visitor | None = None) -> Page:
        context = browser_of(visitor)
        url = re.sub("^ws", "http", url)
        profiles.keep_open(context, url)
        page = context.new_page()
        page.add_init_script(script)
        page.errors = []
        page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        page.on("websocket", lambda socket: hosts.add(urlsplit(socket.url).hostname))
        page.on("pageerror", lambda error: exceptions.append(str(error)))
        page.on("console", lambda message: note(page, message.type, message.text))
        page.goto(url)
        return page

    def note(page: Page, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            page.errors.append(text)

    yield open_page
    for context in contexts.values():
        profiles.tidy_up(context)
    assert not exceptions
    # A data: address has no host. The last is the attacker's, in stage 4.
    assert hosts <= {"127.0.0.1", "localhost", None, "evil.localhost"}


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
