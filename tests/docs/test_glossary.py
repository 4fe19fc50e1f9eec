"""
The glossary holds the words of the pages, and the pages show what it says of them.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from docs.shown.glossary import id_of, terms
from tests.docs.glossary import SCRIPT, forms, script
from tests.docs.visits import Watched

HEAVIEST = 12_000  # Bytes of what every page loads.
LONGEST = 150  # Characters that can be read before the mouse has gone on.
CHAPTER = "01-echo"

# What terms.js leaves out, as far as it stands in the pages' own HTML.
NOT_HERE = re.compile(
    "a|aside|button|code|details|dialog|figure|form|h[1-6]|kbd|label|nav|pre|script|"
    "style|summary|svg|th"
)
NOT_HERE_CLASSES = {"admonition-title", "tabbed-set"}
VOID = {"br", "hr", "img", "input", "link", "meta", "source", "wbr", "col"}


class Prose(HTMLParser):
    """Keeps the texts of a page in which terms may be marked."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[
            tuple[str, bool]
        ] = []  # Elements, and whether all in it counts.
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attributes: list) -> None:
        found = dict(attributes)
        classes = set((found.get("class") or "").split())
        is_prose = bool(self.open) and self.open[-1][1]
        if "md-content__inner" in classes:
            is_prose = True
        elif NOT_HERE.fullmatch(tag) or classes & NOT_HERE_CLASSES:
            is_prose = False
        if tag not in VOID:
            self.open.append((tag, is_prose))

    def handle_endtag(self, tag: str) -> None:
        names = [name for name, _ in self.open]
        if tag in names:
            del self.open[len(names) - 1 - names[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1][1]:
            self.texts.append(data)


def prose(path: Path) -> list[str]:
    """Return the texts of a built page in which terms may be marked."""
    reader = Prose()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.texts


def pattern_of(names: list[str]) -> re.Pattern:
    """Return what finds the forms of terms as whole words, the longest first."""
    words = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    spaced = words.replace(r"\ ", r"\s+")
    return re.compile(rf"(?<![\w./-])(?:{spaced})(?![\w/-]|:/)")


def uses(path: Path) -> list[tuple[str, str]]:
    """Return all uses of terms on a page, in order: the term, and how it is written."""
    entries = [each for each in terms() if path.stem not in each.get("not_on", ())]
    known = {form: each["term"] for each in entries for form in forms(each)}
    pattern = pattern_of(list(known))
    return [
        (known[" ".join(found.split())], found)
        for text in prose(path)
        for found in pattern.findall(text)
    ]


def first_uses(path: Path) -> list[str]:
    """Return how a page writes each of its terms when it comes first."""
    first: dict[str, str] = {}
    for term, found in uses(path):
        first.setdefault(term, found)
    return list(first.values())


def pages_of(folder: Path) -> Iterator[Path]:
    """Yield the pages of a site on which terms are marked."""
    for path in sorted(folder.glob("*.html")):
        if path.stem not in {"404", "glossary"}:
            yield path


# The file


def test_script_is_what_the_glossary_says_and_weighs_little() -> None:
    said = SCRIPT.read_text(encoding="utf-8")
    assert said == script(), "Run `python -m tests.docs.glossary`."
    assert len(said.encode()) < HEAVIEST


def test_glossary_is_sorted() -> None:
    names = [each["term"] for each in terms()]
    numbers = [name for name in names if name.isdecimal()]
    words = [name for name in names if not name.isdecimal()]
    assert names == sorted(numbers, key=int) + sorted(words, key=str.casefold)


def test_no_two_terms_share_a_form_or_an_anchor() -> None:
    owners: dict[str, str] = {}
    for entry in terms():
        for form in forms(entry):
            owner = owners.setdefault(form, entry["term"])
            assert owner == entry["term"], f"{form} is {owner} and {entry['term']}."
    anchors = [id_of(each["term"]) for each in terms()]
    assert len(anchors) == len(set(anchors))


@pytest.mark.parametrize("entry", terms(), ids=lambda entry: entry["term"])
def test_meaning_is_short_and_ends(entry: dict) -> None:
    assert len(entry["meaning"]) <= LONGEST
    assert entry["meaning"].endswith(".")


def test_every_form_is_on_some_page(sites: dict[str, Path]) -> None:
    found = {
        use.casefold() for path in pages_of(sites["mkdocs"]) for _, use in uses(path)
    }
    unused = [
        form
        for entry in terms()
        for form in (entry["term"], *entry.get("forms", []))
        if form.casefold() not in found
    ]
    assert not unused, f"No page has these: {', '.join(unused)}."


def test_pages_without_a_term_would_have_it(sites: dict[str, Path]) -> None:
    for entry in terms():
        for page in entry.get("not_on", ()):
            text = " ".join(prose(sites["mkdocs"] / f"{page}.html"))
            words = f"{page} has no {entry['term']} that could be taken for the term."
            assert pattern_of(forms(entry)).search(text), words


# The pages


def marked(tab: Tab) -> list[str]:
    """Return the terms that are marked on a page, as they are written there."""
    return tab.locator(".term").evaluate_all("terms => terms.map(e => e.textContent)")


@pytest.mark.parametrize("name", [CHAPTER, "troubleshooting", "index", "glossary"])
def test_first_use_of_each_term_is_marked_and_no_other(
    mkdocs: Path, tab: Tab, name: str
) -> None:
    path = mkdocs / f"{name}.html"
    tab.goto(path.as_uri())
    assert marked(tab) == ([] if name == "glossary" else first_uses(path))


def test_terms_change_neither_the_text_nor_where_it_stands(
    mkdocs: Path, tab: Tab
) -> None:
    look = """() => [document.querySelector(".md-content__inner").textContent,
      ...[...document.querySelectorAll("p, li, td, h2, pre")].map(
        (each) => JSON.stringify(each.getBoundingClientRect()))]"""
    address = (mkdocs / f"{CHAPTER}.html").as_uri()
    tab.goto(address)
    assert marked(tab)
    with_terms = tab.evaluate(look)
    tab.route("**/terms.js", lambda route: route.fulfill(body=""))
    tab.goto(address)
    assert not marked(tab)
    assert tab.evaluate(look) == with_terms


def test_term_shows_its_meaning_to_the_mouse(mkdocs: Path, tab: Tab) -> None:
    tab.goto((mkdocs / f"{CHAPTER}.html").as_uri())
    note = tab.locator("#term-note")
    tab.locator(".term", has_text="frames").hover()
    expect(note).to_contain_text("What carries a message on the wire")
    note.hover()  # It can be reached, and read.
    tab.wait_for_timeout(500)
    expect(note).to_be_visible()
    tab.locator("h1").hover()
    expect(note).to_have_count(0)


def test_term_shows_its_meaning_to_the_keyboard(site: Path, tab: Tab) -> None:
    tab.goto((site / f"{CHAPTER}.html").as_uri())
    first = tab.locator(".term").first
    # From the link before it, as the Tab key goes.
    tab.locator("h1 .headerlink").focus()
    tab.keyboard.press("Tab")
    while not first.evaluate("e => e === document.activeElement"):
        tab.keyboard.press("Tab")
    note = tab.locator("#term-note")
    expect(note).to_be_visible()
    assert first.get_attribute("aria-describedby") == "term-note"
    assert first.get_attribute("aria-expanded") == "true"
    tab.keyboard.press("Tab")
    link = note.get_by_role("link", name="WebSocket, in the glossary")
    expect(link).to_be_focused()
    tab.keyboard.press("Escape")
    expect(note).to_have_count(0)
    expect(first).to_be_focused()
    assert first.get_attribute("aria-expanded") == "false"
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.wait_for_url(re.compile(r"/glossary\.html#websocket$"))
    expect(tab.locator("h2#websocket")).to_be_in_viewport()


def test_copied_text_holds_no_meaning(mkdocs: Path, tab: Tab) -> None:
    tab.goto((mkdocs / f"{CHAPTER}.html").as_uri())
    term = tab.locator(".term", has_text="Daphne")
    term.focus()
    expect(tab.locator("#term-note")).to_be_visible()
    copied = term.evaluate(
        "e => { getSelection().selectAllChildren(e.parentElement);"
        " return getSelection().toString(); }"
    )
    assert "because Daphne, the server of this course, sends none." in copied
    assert "glossary" not in copied


@pytest.mark.parametrize("edge", ["left", "right"])
def test_meaning_stays_on_a_phone(
    mkdocs: Path, quick_chromium: Watched, edge: str
) -> None:
    with quick_chromium.new_context(
        viewport={"width": 400, "height": 800}, has_touch=True
    ) as context:
        tab = context.new_page()
        tab.goto((mkdocs / f"{CHAPTER}.html").as_uri())
        # Of the terms, the one that is nearest to this edge.
        places = tab.locator(".term").evaluate_all(
            "terms => terms.map(e => e.getBoundingClientRect().left)"
        )
        nearest = (min if edge == "left" else max)(places)
        tab.locator(".term").nth(places.index(nearest)).tap()
        note = tab.locator("#term-note")
        expect(note).to_be_visible()
        box = note.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 400
        assert tab.evaluate("document.documentElement.scrollWidth") <= 400
        tab.locator("h1").tap()
        expect(note).to_have_count(0)


def test_paper_shows_no_terms(mkdocs: Path, tab: Tab) -> None:
    tab.goto((mkdocs / f"{CHAPTER}.html").as_uri())
    term = tab.locator(".term", has_text="Daphne")
    term.focus()
    expect(tab.locator("#term-note")).to_be_visible()
    tab.emulate_media(media="print")
    expect(tab.locator("#term-note")).to_be_hidden()
    expect(term).to_have_css("text-decoration-line", "none")
