"""
The site for everybody: by keyboard, by ear, on a phone, on paper, over a slow line.

What axe-core finds on a page is a proof: its record stands while the built page, with
all that it loads, is the same byte for byte.
"""

import gzip
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Page as Tab
from playwright.sync_api import Route, expect

from tests.docs.repository import ROOT
from tests.docs.visits import Watched, address
from tests.proofs.records import Proof, Recorded, Seen

SIZES = [(1280, 640), (400, 800)]  # A low projector, and a phone.
HEAVIEST = 200_000  # Bytes that a server sends of a page, without its pictures.
NAMES = sorted(path.stem for path in ROOT.glob("docs/*.md"))
PROOFS = [Proof("access", name, ()) for name in [*NAMES, "404"]]
LOADED = re.compile(r'(?:href|src)="([^":]+\.(?:css|js))"')
WORKER = re.compile(r'"search": ?"([^"]+)"')

# On these, axe-core measures all contrasts, too, at a second or two for each look.
# contrast.js takes a hundredth, and sees more, but for what lies behind a text without
# being around it. For that, axe-core looks at the other pages once.
JUDGED_BY_AXE = {"404", "index", "workbench"}

CONTRAST = Path(__file__).with_name("contrast.js")
MEASURE = CONTRAST.read_text(encoding="utf-8")

# The thousands of coloured words of listings: test_site.py measures those. What is left
# of a listing is its text, and what can be worked in it.
UNCOLOUR = """() => {
  for (const span of [...document.querySelectorAll("pre > code span")].reverse()) {
    if (!span.children.length && !span.hidden) span.replaceWith(...span.childNodes);
  }
  for (const code of document.querySelectorAll("pre > code")) code.normalize();
}"""

RUN = """async (options) => await axe.run(
  { exclude: [["pre > code > span"]] },
  { resultTypes: ["violations"], ...options },
)"""
# What axe-core is told to look for, by the colour scheme, in the order of the looks.
# Where it is None, contrast.js looks alone.
ALL = {}
ONLY_CONTRAST = {"runOnly": ["color-contrast"]}
NO_CONTRAST = {"rules": {"color-contrast": {"enabled": False}}}
JUDGED = {"light": ALL, "dark": ONLY_CONTRAST}
FIRST = {"light": ALL, "dark": None}
NARROW = {"dark": None, "light": NO_CONTRAST}

# Of some dozens of colours, axe-core reads each hundreds of times.
READ_COLOURS_ONCE = """() => {
  const { prototype } = axe.commons.color.Color;
  const { parseString } = prototype;
  const known = new Map();
  prototype.parseString = function (words) {
    if (!known.has(words)) {
      const { r, g, b, alpha } = parseString.call(this, words);
      known.set(words, { r, g, b, alpha });
    }
    return Object.assign(this, known.get(words));
  };
}"""


def loaded(page: Path) -> list[Path]:
    """Return the style sheets and scripts of a page, and the one that searches."""
    html = page.read_text(encoding="utf-8")
    names = [*LOADED.findall(html), *WORKER.findall(html)]
    assert len(names) > 5, f"{page.name} names no scripts that this test can read."
    return [page.parent / name.lstrip("/") for name in names]


def serve(tab: Tab, site: Path) -> list[str]:
    """Answer as a server of the site would. Return what is asked of it."""
    asked = []
    begin = address(site)

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(begin).partition("?")[0]
        asked.append(path)
        is_there = (site / path).is_file()
        file = site / (path if is_there else "404.html")
        route.fulfill(path=file, status=200 if is_there else 404)

    tab.route(f"{begin}**", answer)
    return asked


@pytest.fixture
def visit(quick_chromium: Watched) -> Iterator[Tab]:
    """A tab, without what moves."""
    context = quick_chromium.new_context(
        viewport={"width": 1280, "height": 640}, reduced_motion="reduce"
    )
    yield context.new_page()
    context.close()


@pytest.fixture
def built(sites: dict[str, Path]) -> Path:
    """The site of MkDocs, for what does not depend on the theme."""
    return sites["mkdocs"]


# What axe-core finds


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.name)
def test_page_can_be_read_and_worked_by_all(
    proof: Proof, sites: dict[str, Path], recorded: Recorded, visit: Tab
) -> None:
    page = sites["mkdocs"] / f"{proof.name}.html"
    files = [page, *loaded(page), Path(__file__), CONTRAST]
    hashes = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    seen = recorded(
        replace(proof, depends=tuple(hashes)), lambda: faults_of(page, visit)
    )
    assert seen["faults"] == []


def faults_of(page: Path, tab: Tab) -> Seen:
    """Return what axe-core finds on a page, and where it is wider than the window."""
    serve(tab, page.parent)
    # A server sends the last one, from any address.
    name = "no/such/page" if page.stem == "404" else page.name
    tab.goto(address(page.parent) + name)
    tab.wait_for_load_state("networkidle")
    tab.evaluate(UNCOLOUR)
    tab.evaluate(AXE_SCRIPT)
    tab.evaluate(READ_COLOURS_ONCE)
    faults = []
    for (width, height), looks in zip(SIZES, (FIRST, NARROW), strict=True):
        tab.set_viewport_size({"width": width, "height": height})
        wide = tab.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            faults.append(f"{width} px: the page is {wide} px wide")
        is_judged = page.stem in JUDGED_BY_AXE
        faults += look(tab, f"{width} px", JUDGED if is_judged else looks)
    if page.stem == "index":  # What opens is the same on all pages.
        tab.get_by_role("button", name="Menu").click()
        faults += look(tab, "the menu", JUDGED)
        tab.keyboard.press("Escape")
        tab.get_by_role("button", name="Search").click()
        tab.get_by_role("textbox", name="Search").fill("consumer")
        expect(tab.locator(".md-search-result__item").first).to_be_visible()
        faults += look(tab, "the search", JUDGED)
    return {"faults": faults}


def look(tab: Tab, where: str, looks: dict[str, dict | None]) -> list[str]:
    """Return what axe-core and contrast.js find in both colour schemes."""
    faults = []
    for scheme, options in looks.items():
        tab.emulate_media(color_scheme=scheme)
        name = "slate" if scheme == "dark" else "default"
        body = tab.locator("body")
        expect(body).to_have_attribute("data-md-color-scheme", name)
        tab.evaluate("new Promise(requestAnimationFrame)")
        weak = tab.evaluate(MEASURE, "body")
        faults += [f"{where}, {scheme}: contrast of {each}" for each in weak]
        if options is None:
            continue
        results = AxeResults(tab.evaluate(RUN, options))
        if results.violations_count:
            faults.append(f"{where}, {scheme}: {results.generate_report()}")
    return faults


FAINT = """
<p>strong</p> <p style="color: #777">grey</p> <p style="opacity: 0.5">half</p>
<div style="background: #000; color: #fff; opacity: 0.5">both <p>halves</p></div>
<svg><text fill="#777">drawn</text></svg> <input style="color: #777">
<p hidden style="color: #777">hidden</p> <p style="opacity: 0">unseen</p>
"""


def test_contrast_is_measured_as_it_is_seen(visit: Tab) -> None:
    visit.set_content(f'<body style="background: #fff"><main>{FAINT}</main>')
    weak = [each.split()[1] for each in visit.evaluate(MEASURE, "main")]
    assert weak == ["grey", "half", "both", "halves", "drawn", "a"]
    visit.evaluate("document.querySelector('main').style = 'background: #000'")
    assert "strong" in str(visit.evaluate(MEASURE, "body"))


# By keyboard

REACHED = """() => {
  const each = document.activeElement;
  return each.getAttribute("aria-label") ?? each.textContent.trim();
}"""


def press_until(tab: Tab, name: str) -> None:
    """Press Tab until something of this name has the focus."""
    passed = []
    while (reached := tab.evaluate(REACHED)) != name:
        passed.append(reached)
        assert len(passed) < 40, f"Tab does not reach {name!r}, but {passed}."
        tab.keyboard.press("Tab")


def test_menu_and_search_are_worked_by_keyboard_on_a_phone(
    site: Path, tab: Tab
) -> None:
    tab.set_viewport_size({"width": 400, "height": 800})
    tab.emulate_media(reduced_motion="reduce")
    tab.goto((site / "01-echo.html").as_uri())
    tab.wait_for_load_state("load")
    press_until(tab, "Menu")
    # What the shut menu holds takes no focus.
    while not tab.evaluate("document.activeElement.closest('.md-content') !== null"):
        assert tab.evaluate(
            "document.activeElement.closest('.md-sidebar__inner') === null"
        )
        tab.keyboard.press("Tab")
    tab.get_by_role("button", name="Menu").focus()
    tab.keyboard.press("Enter")
    menu = tab.locator("button[data-for=__drawer]")
    expect(menu).to_have_attribute("aria-expanded", "true")
    assert tab.evaluate(
        "document.activeElement.closest('.md-sidebar--primary') !== null"
    )
    if site.name == "mkdocs":
        # The section of this page covers the list of all: the way back, and forth.
        press_until(tab, "Back from 1 · Echo")
        tab.keyboard.press("Enter")
        assert tab.evaluate(REACHED) == "1 · Echo"
    press_until(tab, "2 · Routing")
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    press_until(tab, "2 · Routing")
    assert tab.evaluate("document.activeElement.href.endsWith('02-routing.html')")
    tab.keyboard.press("Escape")
    expect(menu).to_have_attribute("aria-expanded", "false")
    expect(menu).to_be_focused()
    press_until(tab, "Search")
    tab.keyboard.press("Space")
    expect(tab.locator("#__search")).to_be_checked()
    # A table that is too wide is reached, too, for as long as it is.
    wide = tab.get_by_role("group", name="Table")
    expect(wide.first).to_have_attribute("tabindex", "0")
    tab.set_viewport_size({"width": 1280, "height": 800})
    expect(wide).to_have_count(0)


def test_section_of_the_menu_unfolds_by_keyboard(
    sites: dict[str, Path], tab: Tab
) -> None:
    tab.goto((sites["mkdocs"] / "setup.html").as_uri())
    section = tab.get_by_role("button", name="3 · Groups")
    expect(section).to_have_attribute("aria-expanded", "false")
    section.focus()
    tab.keyboard.press("Enter")
    expect(section).to_have_attribute("aria-expanded", "true")
    expect(tab.get_by_role("link", name="3 · Groups")).to_be_visible()


# By ear


def test_second_copy_is_announced_like_the_first(site: Path, tab: Tab) -> None:
    tab.add_init_script(
        """Object.defineProperty(navigator, "clipboard", {
          value: { writeText: async (text) => { window.copied = text; } } });"""
    )
    tab.goto((site / "01-echo.html").as_uri())
    tab.evaluate(
        """() => {
          window.heard = [];
          const region = document.querySelector(".spoken");
          new MutationObserver(() => {
            if (region.textContent) heard.push(region.textContent);
          }).observe(region, { childList: true });
        }"""
    )
    block = tab.locator(".language-console", has_text="learn.py start 1")
    button = block.locator("button.copy")
    for count in (1, 2):
        button.focus()
        tab.keyboard.press("Enter")
        tab.wait_for_function("count => heard.length === count", arg=count)
    assert tab.evaluate("heard") == ["Copied", "Copied"]
    assert tab.evaluate("copied") == "python3 learn.py start 1"
    expect(tab.get_by_role("status").filter(has_text="Copied")).to_have_count(1)


def test_copies_where_the_browser_gives_no_clipboard(built: Path, tab: Tab) -> None:
    tab.add_init_script(
        """Object.defineProperty(navigator, "clipboard", { value: undefined });
        document.addEventListener("copy", () => {
          window.copied = document.activeElement.value;
        });"""
    )
    tab.goto((built / "01-echo.html").as_uri())
    block = tab.locator(".language-console", has_text="learn.py start 1")
    button = block.locator("button.copy")
    button.click()
    assert tab.evaluate("copied") == "python3 learn.py start 1"
    expect(button).to_be_focused()


# What is folded

TEXTS = "[...document.querySelectorAll('article pre > code')].map(e => e.textContent)"
HIDDEN = """() => [...document.querySelectorAll(".folded")].filter(
  (each) => !each.checkVisibility({ contentVisibilityAuto: true }) ||
            each.getBoundingClientRect().height === 0).length"""


def test_folding_changes_no_text_and_needs_the_script(
    built: Path, tab: Tab, quick_chromium: Watched
) -> None:
    address = (built / "03-groups-deeper.html").as_uri()
    context = quick_chromium.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(address)
    whole = plain.locator("article pre > code").all_text_contents()
    assert plain.locator(".unfold").count() == 0
    context.close()
    tab.goto(address)
    assert tab.locator(".folded").count() > 3
    assert tab.evaluate(TEXTS) == whole


def test_folded_lines_open_by_keyboard_and_on_paper(built: Path, tab: Tab) -> None:
    tab.goto((built / "01-echo.html").as_uri())
    button = tab.locator(".unfold").first
    lines = button.locator("+ .folded")
    height = "each => each.getBoundingClientRect().height"
    expect(button).to_have_accessible_name(
        re.compile(r"^… \d+ lines (more|as before)$")
    )
    assert lines.evaluate(height) == 0
    button.focus()
    tab.keyboard.press("Enter")
    expect(button).to_have_accessible_name("Fold these lines")
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(button).to_be_focused()
    assert lines.evaluate(height) > 50
    tab.keyboard.press("Enter")
    assert lines.evaluate(height) == 0
    tab.emulate_media(media="print")
    assert tab.evaluate(HIDDEN) == 0
    expect(button).to_be_hidden()


def test_what_is_new_and_what_is_typed_is_never_folded(built: Path, tab: Tab) -> None:
    for name in ("03-groups", "03-groups-deeper"):
        tab.goto((built / f"{name}.html").as_uri())
        assert tab.locator(".folded").count()
        assert tab.locator(".folded .hll, .folded .gp").count() == 0


def test_words_that_are_folded_are_found(built: Path, tab: Tab) -> None:
    address = (built / "01-echo.html").as_uri()
    tab.goto(address)
    hidden = tab.evaluate(HIDDEN)
    words = "message comes back to no one else"
    assert tab.locator(".folded", has_text=words).count() == 1
    tab.goto("about:blank")
    # A link to a text searches for it as the reader does.
    tab.goto(f"{address}#:~:text={words.replace(' ', '%20')}")
    tab.wait_for_function(f"({HIDDEN})() === {hidden - 1}")
    button = tab.locator(".unfold:has(+ .folded:not([hidden]))")
    expect(button).to_have_attribute("aria-expanded", "true")


# Weight


def test_page_is_light(site: Path) -> None:
    heavy = []
    for page in sorted(site.glob("*.html")):
        sent = [gzip.compress(file.read_bytes()) for file in [page, *loaded(page)]]
        if (size := sum(map(len, sent))) > HEAVIEST:
            heavy.append(f"{page.name}: {size:,} bytes")
    assert not heavy


def test_index_of_the_search_is_sent_when_it_is_asked_for(
    site: Path, visit: Tab
) -> None:
    asked = serve(visit, site)
    visit.goto(f"{address(site)}01-echo.html")
    visit.wait_for_load_state("networkidle")
    is_mkdocs = site.name == "mkdocs"
    index = "search/search_index.json" if is_mkdocs else "search.json"
    assert index not in asked
    visit.keyboard.press("s" if is_mkdocs else "Control+k")
    with visit.expect_response(address(site) + index):
        visit.keyboard.press("s" if is_mkdocs else "Control+k")


def test_only_the_picture_that_is_shown_is_sent(built: Path, visit: Tab) -> None:
    asked = serve(visit, built)
    visit.goto(f"{address(built)}01-echo.html")
    visit.wait_for_load_state("networkidle")
    assert not [path for path in asked if path.endswith(".png")]
    visit.locator(".shot").scroll_into_view_if_needed()
    visit.wait_for_function(
        "[...document.querySelectorAll('.shot img')].some(each => each.naturalWidth)"
    )
    visit.wait_for_load_state("networkidle")
    shown = [path for path in asked if path.endswith(".png")]
    assert shown == ["assets/echo-light.png"]


# The steps of a chapter


STEPS_OF = re.compile(r'<nav class="steps".*?</nav>', re.DOTALL)
STEPS = ["Limit", "Idea", "Contract", "Build", "Wire", "Check", "Deeper"]


def test_chapter_names_its_steps_and_the_page_beside_it(site: Path) -> None:
    for source in sorted(ROOT.glob("docs/0?-*-deeper.md")):
        deeper = f"{source.stem}.html"
        path = deeper.replace("-deeper", "")
        [steps] = STEPS_OF.findall((site / path).read_text(encoding="utf-8"))
        assert re.findall(r">(\w+)</a>", steps) == STEPS, path
        assert re.search(rf'href="(\./)?{deeper}"', steps)
        [back] = STEPS_OF.findall((site / deeper).read_text(encoding="utf-8"))
        assert re.search(rf'href="(\./)?{path}"', back)
