"""
Every page of every stage, for those who see little or nothing: axe-core finds no fault.

It reads a page as a screen reader would, and measures contrasts. It runs from the disk,
inside the page: no other host is asked.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Page, expect

from tests.browser.pages import OpenPage, send_raw, send_text
from tests.checker.accounts import Visitors
from tests.checker.servers.runserver import Server
from tests.checker.stages import STAGES, Stage
from tests.proofs.runs import ROOT, recorded_with

# That a page works in the reader's browser is never taken from a record. That it can be
# read by all is the same in each.
HERE = Path(__file__).parent
pytestmark = recorded_with(
    *(HERE / name for name in ("chromium.py", "conftest.py", "pages.py")),
    *(ROOT / stage for stage in STAGES),
)

# A projector, a low one, a phone, and the 320 pixels of WCAG 1.4.10, which is 400 %.
SIZES = [(1300, 900), (1280, 640), (400, 800), (320, 640)]

RUN = """async (rules) => await axe.run({
  resultTypes: ["violations"],
  ...(rules ? { runOnly: rules } : { rules: { "target-size": { enabled: true } } }),
})"""


@pytest.fixture(params=STAGES.values(), ids=STAGES)
def stage(request: pytest.FixtureRequest) -> Stage:
    """Each stage in turn."""
    return request.param


@pytest.fixture
def environment(database: dict[str, str]) -> dict[str, str]:
    return database


@pytest.fixture
def open_as_ana(
    open_page: OpenPage, server: Server, stage: Stage, visitors: Visitors
) -> Callable[[str], Page]:
    """Open a page of the stage, where there is a login as ana."""

    def open_as_ana(path: str) -> Page:
        visitor = visitors.browser(server, "ana") if stage.has_login else None
        return open_page(server.url + path, visitor=visitor)

    return open_as_ana


def expect_access(page: Page, sizes: list[tuple[int, int]] = SIZES) -> None:
    """Fail if axe-core finds a fault, or the page is wider than the window."""
    page.evaluate(AXE_SCRIPT)
    # What is fading in has no contrast yet.
    page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")
    for width, height in sizes:
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for scheme, rules in (("light", None), ("dark", ["color-contrast"])):
            page.emulate_media(color_scheme=scheme)
            results = AxeResults(page.evaluate(RUN, rules))
            where = f"{page.url} at {width} px, {scheme}"
            assert not results.violations_count, f"{where}: {results.generate_report()}"


def test_chat_can_be_read_and_worked_by_all(
    open_as_ana: Callable[[str], Page], stage: Stage, room: str
) -> None:
    is_echo = stage.name == "stage01_echo"
    page = open_as_ana("/" if is_echo else f"/rooms/{room}/?name=ana")
    expect(page.locator("#status")).to_contain_text("Connected")
    # Each kind of line that a page can show.
    send_text(page, "hi")
    expect(page.locator("#messages li").last).to_contain_text("hi")
    if not is_echo:
        send_raw(page, "no JSON")
        expect(page.locator("#messages .error")).to_be_visible()
    page.evaluate("show('leave', 'ben has left.'); show('announcement', 'Dinner!')")
    page.evaluate("expectAnswer('lost', 'lost'); giveUp(); clearTimeout(timer)")
    expect(page.get_by_role("button", name="Send again")).to_be_visible()
    expect_access(page)
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#status")).to_contain_text("Connected")
    expect_access(page, SIZES[:1])  # It shows less than before.


@pytest.mark.parametrize(
    "stage", list(STAGES.values())[1:], indirect=True, ids=lambda stage: stage.name
)
def test_first_page_can_be_read_and_worked_by_all(
    open_as_ana: Callable[[str], Page],
) -> None:
    page = open_as_ana("/")
    expect(page).to_have_title("Rooms")
    expect_access(page)


@pytest.mark.parametrize(
    "stage", list(STAGES.values())[3:], indirect=True, ids=lambda stage: stage.name
)
def test_login_can_be_read_and_worked_by_all(
    open_page: OpenPage, server: Server
) -> None:
    page = open_page(f"{server.url}/login/")
    expect_access(page)
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    # The title is what is read first, then what has the focus.
    expect(page).to_have_title("Error: Log in")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("enter a correct username")
    expect_access(page)
