"""What one test does to a profile of the browser, the next does not meet."""

from pathlib import Path

from playwright.sync_api import Browser, BrowserContext

from tests.browser.conftest import Profiles
from tests.proofs.runs import recorded_with

HERE = Path(__file__).parent
pytestmark = recorded_with(*(HERE / name for name in ("chromium.py", "conftest.py")))

SITE = "http://localhost/"
NUMBER = 99  # Of a profile that no other test takes.


def visit(profiles: Profiles, browser: Browser) -> BrowserContext:
    """Take the profile, as a test does that opens a page."""
    context = profiles.take(browser, NUMBER)
    profiles.keep_open(context, SITE)
    return context


def test_profile_is_kept_without_its_cookies_and_pages(chromium: Browser) -> None:
    profiles = Profiles()
    context = visit(profiles, chromium)
    context.add_cookies([{"name": "sessionid", "value": "ana", "url": SITE}])
    context.new_page()
    profiles.tidy_up(context)
    assert visit(profiles, chromium) == context
    assert context.cookies() == []
    [still] = context.pages
    assert still.evaluate(Profiles.HAS_OWN_CLOCK)
    context.close()


def test_profile_with_a_stopped_clock_is_not_kept(chromium: Browser) -> None:
    profiles = Profiles()
    context = visit(profiles, chromium)
    page = context.new_page()
    page.clock.install()
    page.close()
    profiles.tidy_up(context)
    fresh = visit(profiles, chromium)
    assert fresh != context, "The next test would get a profile whose clock stands."
    assert fresh.new_page().evaluate(Profiles.HAS_OWN_CLOCK)
    fresh.close()
