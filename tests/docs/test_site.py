"""
The site builds with both builders, and its pages show what the repository holds.
"""

import hashlib
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser, Error, expect
from playwright.sync_api import Page as Tab

from docs.macros import define_env
from docs.shown import objects, repository
from docs.shown.minutes import minutes as minutes_of
from tests.docs.pages import blocks, steps
from tests.docs.repository import ROOT, copy_repository
from tests.docs.site import BUILDERS, Page, build, read_site
from tests.proofs.records import Proof, Recorded, Seen

PATIENCE = 20_000  # Milliseconds. The search needs some hundreds.
CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
WHOLE_FILE = re.compile(r'\[\[ include\("([^"]+)"\) \]\]')
ONE_OBJECT = re.compile(r'\[\[ include\("([^"]+)", "([^"]+)"\) \]\]')


def test_both_builders_show_the_same_code(sites: dict[str, Path]) -> None:
    mkdocs, zensical = (
        {path.name: page.codes for path, page in read_site(folder).items()}
        for folder in (sites["mkdocs"], sites["zensical"])
    )
    assert mkdocs == zensical


def test_links_lead_somewhere(pages: dict[Path, Page]) -> None:
    broken = []
    for path, page in pages.items():
        if path.name == "404.html":  # A server may send it from any address.
            continue
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path.parent / unquote(parts.path) if parts.path else path
            target = target.resolve()
            if not target.exists() or (
                parts.fragment
                and target.suffix == ".html"
                and not parts.fragment.startswith("__")
                and unquote(parts.fragment) not in pages[target].ids
            ):
                broken.append(f"{path.name}: {link}")
    assert not broken


def test_images_have_a_text(pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        for image in page.images:
            assert image.get("alt"), f"{path.name}: {image['src']} has no alt text."


@pytest.mark.parametrize(
    "source", sorted(ROOT.glob("docs/*.md")), ids=lambda path: path.name
)
def test_code_on_the_page_is_the_file(pages: dict[Path, Page], source: Path) -> None:
    markdown = source.read_text(encoding="utf-8")
    [page] = [page for path, page in pages.items() if path.stem == source.stem]
    for path in WHOLE_FILE.findall(markdown):
        shown = [code.text for code in page.codes if code.title == title_of(path)]
        # The page ends every block with one newline.
        is_shown = (ROOT / path).read_text(encoding="utf-8").rstrip() + "\n" in shown
        assert is_shown, f"{source.name} does not show {path} as it is."
    for path, name in ONE_OBJECT.findall(markdown):
        lines = repository.read(path)
        first, last = objects.find(path, lines, name)
        shown = [code.text for code in page.codes if code.title == title_of(path)]
        is_shown = "".join(lines[first:last]) in shown
        assert is_shown, f"{source.name} does not show {name} of {path} as it is."


def test_methods_are_shown_as_they_stand_in_their_class(
    pages: dict[Path, Page],
) -> None:
    for path, page in pages.items():
        for code in page.codes:
            is_method = re.match(r"(async )?def \w+\(self", code.text)
            assert not is_method, f"{path.name}, {code.title}: {code.text}"


def title_of(path: str) -> str:
    """Return a file's title on a page: a stage's is typed into the reader's copy."""
    return f"work/{path}" if path.startswith("stage") else path


# In the browser


COPIES = """language => [...document.querySelectorAll(`.language-${language}`)].map(
  block => block.dataset.copy ?? null)"""
# Python says that it cannot reach a server before it has asked for one.
OFFLINE = """\
import sys
def refuse(event, arguments):
    if event in {"socket.connect", "socket.sendto", "subprocess.Popen", "os.system"}:
        raise OSError("not now")

sys.addaudithook(refuse)
"""


def at_the_prompt(pasted: str) -> str:
    """Return what an interactive Python says about what is pasted into it."""
    run = subprocess.run(
        [sys.executable, "-i", "-q", "-c", OFFLINE],
        input=pasted,
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    return run.stderr


# All scripts have run, and nobody has anything to do.
SETTLED = """new Promise((done) => requestIdleCallback(() =>
  requestAnimationFrame(() => done())))"""
PAGES = [path.stem for path in sorted(ROOT.glob("docs/*.md"))]


@pytest.mark.parametrize(
    "proof",
    [Proof("pages", f"{each}: {page}", ()) for each in BUILDERS for page in PAGES],
    ids=lambda proof: proof.name,
)
def test_page_is_quiet_asks_no_other_host_and_has_contrast(
    proof: Proof,
    sites: dict[str, Path],
    request: pytest.FixtureRequest,
    recorded: Recorded,
) -> None:
    """A record stands while the page, and all that pages load, is the same."""
    builder, name = proof.name.split(": ")
    page = sites[builder] / f"{name}.html"
    depends = (digest_of([page]), assets_of(sites[builder]), CONTRAST)

    def look() -> Seen:
        # Asked for here, so that no browser starts where there is a record.
        return seen_of(page, request.getfixturevalue("quick_chromium"))

    seen = recorded(replace(proof, depends=depends), look)
    assert (seen["complaints"], seen["asked"], seen["weak"]) == ([], [], [])
    # What is copied from a prompt is all that is typed, and nothing else.
    prompts = [
        [line for step in steps(block) for line in step.source.split("\n")]
        for block in blocks((ROOT / f"docs/{name}.md").read_text(encoding="utf-8"))
        if block.language == "pycon"
    ]
    assert [[line for line in each.split("\n") if line] for each in seen["copied"]] == [
        [line for line in each if line] for each in prompts
    ]
    assert "SyntaxError" not in seen["said"]
    assert "IndentationError" not in seen["said"]
    assert not prompts or "'NoSuchName' is not defined" in seen["said"]


def digest_of(files: Iterable[Path]) -> str:
    """Return the hash of what files hold."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


@cache
def assets_of(site: Path) -> str:
    """Return the hash of all scripts and styles of a site."""
    suffixes = {".css", ".js"}
    files = [file for file in site.rglob("*") if file.suffix in suffixes]
    return digest_of(
        file for file in sorted(files) if not file.name.startswith("search")
    )


def seen_of(page: Path, browser: Browser) -> Seen:
    """Open a page from its file. Return what it does, and what a prompt says to it."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    tab = context.new_page()
    complaints, requests, weak = [], [], []
    tab.on(
        "console", lambda said: said.type == "error" and complaints.append(said.text)
    )
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda each: requests.append(each.url))
    schemes = [("light", "default"), ("dark", "slate")]
    if page.parent.name == "zensical":  # So each page is opened in each scheme once.
        schemes.reverse()
    tab.emulate_media(color_scheme=schemes[0][0])
    tab.goto(page.as_uri())
    for scheme, name in schemes:
        # From here on, no colour fades into another.
        tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        body = tab.locator("body")
        expect(body).to_have_attribute("data-md-color-scheme", name)
        tab.evaluate(SETTLED)
        weak += [f"{scheme}: {each}" for each in tab.evaluate(CONTRAST)]
    copied = tab.evaluate(COPIES, "pycon")
    context.close()
    assert requests, "Nothing was asked for, not even the page."
    asked = [url for url in requests if not url.startswith(("file:", "data:"))]
    # After the last line, the reader presses Enter, twice after a block.
    pasted = "\n\n".join([*copied, "NoSuchName", ""])
    said = at_the_prompt(pasted) if copied else ""
    seen = {"complaints": complaints, "asked": asked, "weak": weak, "copied": copied}
    return seen | {"said": "\n".join(re.findall(r"^\w+Error: .*", said, re.MULTILINE))}


def search_for(tab: Tab, builder: str, words: str) -> None:
    """Type words into the search, by keyboard."""
    # Each builder's theme has a key for its search, once its index is loaded.
    key = "s" if builder == "mkdocs" else "Control+k"
    field = tab.locator("input:focus")
    for _ in range(10):
        tab.keyboard.press(key)
        with suppress(Error):
            field.wait_for(timeout=2_000)
            break
    # Not letter by letter: each would bring results that replace the last ones.
    field.fill(words)
    field.press("End")


def test_search_works_from_a_file_by_keyboard(site: Path, tab: Tab) -> None:
    tab.goto((site / "index.html").as_uri())
    search_for(tab, site.name, "RemoteSigned")  # A word that only one page has.
    result = tab.get_by_role("link").or_(tab.get_by_role("option"))
    expect(result.filter(has_text="Activate the environment").first).to_be_visible(
        timeout=PATIENCE
    )
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(re.compile(r"/setup\.html(#|$)"), timeout=PATIENCE)


def test_chapter_weighs_more_in_the_search_than_what_is_beside_it(mkdocs: Path) -> None:
    index = json.loads((mkdocs / "search/search_index.json").read_text("utf-8"))
    weights = {
        each["location"].partition("#")[0]: each.get("boost") for each in index["docs"]
    }
    assert weights["03-groups.html"] == 2
    assert weights["03-groups-deeper.html"] == 0.5
    assert weights["troubleshooting.html"] == 0.5
    assert None not in weights.values()


def test_first_result_of_the_search_leads_to_the_section(
    mkdocs: Path, tab: Tab
) -> None:
    tab.goto((mkdocs / "glossary.html").as_uri())
    search_for(tab, "mkdocs", "four states")
    first = tab.locator(".md-search-result__link").first
    expect(first).to_have_attribute(
        "href", re.compile(r"01-echo\.html#four-states$"), timeout=PATIENCE
    )
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(re.compile(r"/01-echo\.html#four-states$"))
    expect(tab.get_by_role("heading", name="Four states")).to_be_in_viewport()


def test_colours_follow_the_system_until_the_reader_chooses(
    site: Path, tab: Tab
) -> None:
    def wait_for(scheme: str) -> None:
        expect(tab.locator("body")).to_have_attribute("data-md-color-scheme", scheme)

    tab.emulate_media(color_scheme="dark")
    tab.goto((site / "index.html").as_uri())
    wait_for("slate")
    tab.emulate_media(color_scheme="light")
    wait_for("default")
    # The toggle goes from the system's choice to light to dark.
    for name in ("Switch to light mode", "Switch to dark mode"):
        tab.get_by_title(name).click()
    wait_for("slate")


def test_block_without_an_empty_line_is_an_error_before_python_3_13() -> None:
    pasted = "def one():\n    return 1\n{}one()\n"
    assert "SyntaxError" not in at_the_prompt(pasted.format("\n"))
    if sys.version_info < (3, 13):
        assert "SyntaxError" in at_the_prompt(pasted.format(""))


def test_copy_button_copies_what_is_typed(site: Path, tab: Tab) -> None:
    # A browser without a screen has a clipboard of its own, but only for https: we look
    # at what is written into it.
    tab.add_init_script(
        """Object.defineProperty(navigator, "clipboard", {
          value: { writeText: async (text) => { window.copied = text; } } });
        document.addEventListener("copy", () => {
          window.copied = getSelection().toString() || document.activeElement.value;
        });"""
    )
    tab.goto((site / "02-routing-deeper.html").as_uri())
    block = tab.locator(".language-pycon", has_text="def handshake(path)")
    block.hover()
    block.locator("button").first.click()
    tab.wait_for_function("window.copied")
    copied = tab.evaluate("window.copied")
    assert copied == block.evaluate("block => block.dataset.copy.trimEnd()")
    assert '.decode())\n\nhandshake("/ws/rooms/garden/")\nhandshake(' in copied


def test_copy_of_a_diff_is_what_comes(site: Path, tab: Tab) -> None:
    tab.goto((site / "01-echo-deeper.html").as_uri())
    copied = tab.evaluate(COPIES, "diff")
    assert "        self.send(text_data=text_data, bytes_data=bytes_data)" in copied
    assert not any(line.startswith("+") for each in copied if each for line in each)
    # What comes in two places has a button for each.
    block = tab.locator(".language-diff", has_text="import ProtocolTypeRouter")
    first, second = block.get_by_role("button").all()
    expect(first).to_have_accessible_name("Copy these 2 lines, part 1")
    expect(second).to_have_accessible_name("Copy this line, part 2")
    parts = [each.get_attribute("data-copy") for each in (first, second)]
    assert parts[0].startswith('"""The server calls `application`')
    assert parts[1] == "from channels.routing import ProtocolTypeRouter, URLRouter"
    # The buttons are no part of the code's text.
    assert "Copy" not in block.locator("code").text_content()
    heights = block.locator("code .gi").first.bounding_box()
    assert abs(first.bounding_box()["y"] - heights["y"]) < 8


def test_link_to_a_page_has_a_title_and_a_picture(site: Path) -> None:
    # The site has no address of its own yet, so a page names the way to the picture.
    for name, title in (("index", "WebSockets with Django"), ("01-echo", "1 · Echo")):
        page = (site / f"{name}.html").read_text(encoding="utf-8")
        told = dict(re.findall(r'<meta property="og:(.+?)" content="(.*?)"', page))
        assert told["title"].startswith(title)
        assert told["description"].startswith("A course in five small Django projects")
        assert (site / told["image"]).is_file()


def test_drawing_can_be_read_on_a_phone(site: Path, tab: Tab) -> None:
    tab.set_viewport_size({"width": 400, "height": 800})
    tab.goto((site / "01-echo.html").as_uri())
    drawing = tab.locator("figure.drawing svg").first
    assert drawing.get_attribute("role") == "img"
    # A unit of the drawing, in pixels, times the sizes of its letters, in units.
    sizes = drawing.locator("text").evaluate_all(
        "texts => texts.map(text => text.getScreenCTM().a"
        " * parseFloat(getComputedStyle(text).fontSize))"
    )
    assert min(sizes) >= 12
    assert tab.evaluate("document.documentElement.scrollWidth") <= 400


def test_set_up_ends_where_chapter_1_begins(site: Path) -> None:
    page = (site / "setup.html").read_text(encoding="utf-8")
    text, footer = page.split('<footer class="md-footer">')
    article = text[text.index("<article") : text.rindex("</article>")]
    # The last link of the text, and the footer's. What is beside it is for later.
    assert re.findall(r'href="([^"]+)"', article)[-1] == "01-echo.html"
    beside = r'href="(?:\./)?([^"]+)" class="beside'
    assert re.findall(beside, footer)[-1] == "01-echo.html"
    chapter = (site / "01-echo.html").read_text(encoding="utf-8")
    assert re.findall(beside, chapter)[0] == "setup.html"


def test_what_set_up_had_before_is_found_by_its_old_address(
    pages: dict[Path, Page],
) -> None:
    setup = next(page for path, page in pages.items() if path.name == "setup.html")
    moved = {"when-you-are-stuck", "when-it-does-not-work", "without-learnpy"}
    moved |= {"begin-a-file-anew-or-look-at-ours"}
    moved |= {"on-another-machine-or-without-a-network"}
    assert moved <= set(setup.ids)


def test_home_shows_at_once_what_it_is_and_how_to_begin(site: Path, tab: Tab) -> None:
    tab.set_viewport_size({"width": 1280, "height": 640})
    tab.goto((site / "index.html").as_uri())
    figure = tab.locator("#session-home")
    expect(figure).to_have_class(re.compile("is-live"))
    command = tab.get_by_text("python3 learn.py run 1").first
    start = tab.get_by_role("link", name="Start", exact=True)
    for part in (figure, command, start):
        box = part.bounding_box()
        assert 0 <= box["y"] <= box["y"] + box["height"] <= 640, part
    # And what each stage takes.
    cards = tab.locator(".home-stages li").all()
    chapters = sorted(each.stem for each in ROOT.glob("docs/0?-*.md"))
    chapters = [each for each in chapters if not each.endswith("-deeper")]
    for card, chapter in zip(cards, chapters, strict=True):
        minutes = minutes_of(chapter)
        expect(card).to_contain_text(f"At least {minutes} minutes")
        link = card.get_by_role("link").get_attribute("href")
        assert link == f"{chapter}.html"
    # There is no menu beside it, so one is above it, in a single line.
    menu = tab.get_by_role("navigation", name="Pages of the course").get_by_role("link")
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    nav = text[text.index("\nnav:") : text.index("\ntheme:")]
    assert menu.all_inner_texts() == re.findall(r"^  - ([^:\n]+):", nav, re.M)[1:]
    heights = {link.bounding_box()["y"] for link in menu.all()}
    assert len(heights) == 1
    for link in menu.all():
        assert (site / link.get_attribute("href")).is_file()
    tab.set_viewport_size({"width": 400, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 400
    expect(tab.locator(".home-menu")).to_be_hidden()  # The theme's button has it.
    expect(tab.get_by_role("button", name="Menu")).to_be_visible()


# The macros


@pytest.fixture
def macros(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """All that docs/shown/ has, which looks at a small repository of two stages."""
    names = sorted(path.stem for path in (ROOT / "docs/shown").glob("*.py"))
    modules = [importlib.import_module(f"docs.shown.{name}") for name in names]
    found = {key: each for module in modules for key, each in vars(module).items()}
    monkeypatch.setattr(repository, "ROOT", tmp_path)
    write(tmp_path, "tests/start/settings.py", "A = 1\nB = 2\n")
    write(tmp_path, "stage01_echo/settings.py", "A = 1\nB = 3\n")
    write(tmp_path, "stage01_echo/new.py", "NEW = True\n")
    write(tmp_path, "docs/pitfalls.json", '{"lines": {}, "said": {}, "seen": {}}')
    write(tmp_path, "stage02_routing/settings.py", "A = 1\nB = 3\nC = 4\n")
    return SimpleNamespace(**found, define_env=define_env)


def write(folder: Path, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text, encoding="utf-8")


PYTHON = """\
import os

# The comment
# belongs to it.
@decorator
class Consumer:
    async def connect(self):
        await self.accept()

    # Why.
    @classmethod
    def receive(cls):
        return 1

urlpatterns = [
    1,
]
"""
JAVASCRIPT = """\
let socket;

// Opens it.
async function connect() {
  if (1) {
  }
}

function close() {
}
"""


@pytest.mark.parametrize(
    ("path", "name", "code"),
    [
        (
            "a.py",
            "Consumer.connect",
            "    async def connect(self):\n        await self.accept()",
        ),
        (
            "a.py",
            "Consumer.receive",
            "    # Why.\n    @classmethod\n    def receive(cls):\n        return 1",
        ),
        ("a.py", "urlpatterns", "urlpatterns = [\n    1,\n]"),
        ("a.js", "connect", JAVASCRIPT[13:69].rstrip()),
        ("a.js", "close", "function close() {\n}"),
    ],
)
def test_include_shows_one_object(
    macros: SimpleNamespace, tmp_path: Path, path: str, name: str, code: str
) -> None:
    write(tmp_path, "a.py", PYTHON)
    write(tmp_path, "a.js", JAVASCRIPT)
    assert macros.include(path, name).splitlines()[1:-1] == code.splitlines()


def test_include_highlights_what_is_new_in_a_stage(macros: SimpleNamespace) -> None:
    shown = macros.include("stage02_routing/settings.py")
    assert 'hl_lines="3"' in shown
    assert 'hl_lines="1"' in macros.include("stage02_routing/settings.py", "C")
    assert "hl_lines" not in macros.include("stage02_routing/settings.py", "A")
    # What is new in the first stage is new against plain Django.
    assert 'hl_lines="2"' in macros.include("stage01_echo/settings.py")
    assert "hl_lines" not in macros.include("stage01_echo/new.py")


TYPED = """\
[[ include("stage02_routing/settings.py", "A") ]]

``` python title="work/stage02_routing/settings.py"
C = 4
```

[[ include("stage02_routing/settings.py") ]]
"""


def test_what_the_page_had_typed_above_is_not_new(
    macros: SimpleNamespace, tmp_path: Path
) -> None:
    path = "stage02_routing/settings.py"
    write(tmp_path, path, "A = 1\nB = 3\nC = 4\nDATABASES = {}\n")
    assert 'hl_lines="3 4"' in macros.include(path)
    at = macros.stands_at(TYPED, "include", (path,))
    assert TYPED[at:].startswith(f'[[ include("{path}") ]]')
    typed = macros.typed_above(TYPED[:at], path)
    assert typed == {"A = 1", "C = 4"}
    # What says little is as new as the line above it.
    assert 'hl_lines="4"' in macros.include(path, typed=typed)
    assert 'hl_lines="3"' in macros.include(path, typed={"DATABASES = {}"})
    diff = f'``` diff title="work/{path}"\n B = 3\n-C = 3\n+C = 4\n```\n'
    assert macros.typed_above(diff, path) == {"C = 4"}


def test_include_is_titled_as_the_file_that_the_reader_types(
    macros: SimpleNamespace, tmp_path: Path
) -> None:
    write(tmp_path, "tests/attacker/attack.js", "1;")
    shown = macros.include("stage01_echo/new.py")
    assert 'title="work/stage01_echo/new.py"' in shown
    assert 'title="tests/attacker/' in macros.include("tests/attacker/attack.js")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["stage01_echo/none.py"], "stage01_echo/none.py: there is no such file."),
        (
            ["stage01_echo/new.py", "Old"],
            "stage01_echo/new.py has no object named Old.",
        ),
        (["stage01_echo/new.py", "NEW.x"], "has no object named NEW.x."),
    ],
)
def test_what_is_not_there_is_named(
    macros: SimpleNamespace, arguments: list[str], sentence: str
) -> None:
    with pytest.raises(macros.CannotShow, match=re.escape(sentence)):
        macros.include(*arguments)


REASONS = '"new.py" = "Is new."\n["settings.py"]\n"B = 3" = "Is three."\n'


def test_changes_come_with_their_reasons(
    macros: SimpleNamespace, tmp_path: Path
) -> None:
    write(tmp_path, "docs/reasons/stage01_echo.toml", REASONS)
    shown = macros.changes("stage01_echo")
    assert "`new.py` is new. Is new.\n" in shown
    assert 'Is three.\n{ .reason }\n\n``` diff title="settings.py"\n A = 1\n-B' in shown


@pytest.mark.parametrize(
    ("reasons", "sentence"),
    [
        ("", "gives no reason for new.py, which changed"),
        (
            '"new.py" = "x"\n["settings.py"]\n',
            "this piece of settings.py has no reason",
        ),
        (
            REASONS + '"A = 1" = "x"\n',
            "no line of settings.py that changed has 'A = 1'",
        ),
        (REASONS + '"B" = "x"\n', "this piece of settings.py has 2 reasons"),
        ('"old.py" = "x"\n' + REASONS, "explains old.py, which did not change"),
    ],
)
def test_every_piece_has_one_reason(
    macros: SimpleNamespace, tmp_path: Path, reasons: str, sentence: str
) -> None:
    write(tmp_path, "docs/reasons/stage01_echo.toml", reasons)
    with pytest.raises(macros.CannotShow, match=re.escape(sentence)):
        macros.changes("stage01_echo")


def test_commands_are_shown_for_each_shell(macros: SimpleNamespace) -> None:
    shown = macros.commands("source .venv/bin/activate", "python3 a.py --port 1")
    assert r"    .venv\Scripts\Activate.ps1" in shown.splitlines()
    assert r"    .venv\Scripts\activate.bat" in shown.splitlines()
    assert shown.count("    py a.py --port 1\n") == 2
    shown = macros.commands('export A="b c"', "unset A")
    assert shown.count("=== ") == 3
    for line in ('$env:A = "b c"', "Remove-Item Env:A", "set A=b c", "set A="):
        assert f"    {line}\n" in shown
    shown = macros.commands("ls docs", ".venv/bin/python -m pip")
    assert shown.startswith('=== "macOS, Linux"\n\n    ``` text\n    ls docs\n')
    assert '=== "Windows"\n\n    ``` powershell\n    dir docs\n' in shown
    assert r"    .venv\Scripts\python -m pip" in shown.splitlines()
    shown = macros.commands("mkdir -p work/a", "cp -r stage/chat/. work/a")
    assert r"    mkdir work\a" in shown.splitlines()
    assert r"    xcopy /e /q /y stage\chat work\a" in shown.splitlines()


def test_question_needs_a_right_choice(macros: SimpleNamespace, tmp_path: Path) -> None:
    question = """[[question]]
asks = "What is `1 < 2`?"
choices = ["`True`", "No."]
right = {}
hints = ["", "Count."]
why = "Less & less."
told = "a.md#b"
"""
    write(tmp_path, "docs/questions/01.toml", question.format(0))
    shown = macros.questions("01")
    assert "<legend>1. What is <code>1 &lt; 2</code>?</legend>" in shown
    assert 'Less &amp; less. <a href="a.html#b">' in shown
    write(tmp_path, "docs/questions/01.toml", question.format(2))
    with pytest.raises(macros.CannotShow, match="question 1 has no right choice"):
        macros.questions("01")


def test_numbers_come_from_the_result(macros: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(macros.CannotShow, match=r"bench\.json: there is no such file"):
        macros.bench_table("echo")
    write(
        tmp_path,
        "docs/bench.json",
        '{"echo": {"environment": {"Python": "3.13"}, "rows": ['
        '{"name": "stage 1", "messages_per_s": 12345.6, "ratio": 1.94}]}}',
    )
    table = macros.bench_table("echo")
    assert text_of(table) == (
        "Measured with Python 3.13. server messages/s ratio stage 1 12,346 1.94"
    )
    assert macros.bench("echo", "stage 1") == "1.94"
    with pytest.raises(macros.CannotShow, match="no results named groups"):
        macros.bench_table("groups")
    with pytest.raises(macros.CannotShow, match="no ratio of 'stage 2'"):
        macros.bench("echo", "stage 2")


def test_table_has_the_columns_of_its_benchmark(
    macros: SimpleNamespace, tmp_path: Path
) -> None:
    write(
        tmp_path,
        "docs/bench.json",
        '{"fanout": {"environment": {"Python": "3.13"}, "rows": ['
        '{"name": "stage 3", "p99_ms": 9.87, "p50_ms": 4.56, "ratio": 1.04,'
        ' "deliveries_per_s": 6000, "stage_3_ratio": 1.0, "client_busy": 0.05}]}}',
    )
    assert text_of(macros.bench_table("fanout")) == (
        "Measured with Python 3.13. server deliveries/s ratio p50, ms p99, ms "
        "stage 3 6,000 1.04 4.56 9.87"
    )
    assert macros.bench("fanout", "stage 3", "stage_3_ratio") == "1.00"


def test_table_has_the_rows_that_are_asked_for(
    macros: SimpleNamespace, tmp_path: Path
) -> None:
    names = ["stage 3", "stage 4, again", "stage 5", "after stage 4"]
    rows = [{"name": name, "ratio": 1.0} for name in names]
    result = {"handshake": {"environment": {"Python": "3.13"}, "rows": rows}}
    write(tmp_path, "docs/bench.json", json.dumps(result))
    table = text_of(macros.bench_table("handshake", "stage 3", "stage 4"))
    assert table.endswith("server ratio stage 3 1.00 stage 4, again 1.00")
    with pytest.raises(macros.CannotShow, match="no stage 6 or stage 7 among"):
        macros.bench_table("handshake", "stage 6", "stage 7")


def test_table_says_once_what_its_rows_have_in_common(
    macros: SimpleNamespace, tmp_path: Path
) -> None:
    names = ["a; 10 members", "b; 10 members", "a; 20 members"]
    rows = [
        {"name": name, "ratio": ratio}
        for name, ratio in zip(names, [1, 2, 4], strict=True)
    ]
    result = {"fanout": {"environment": {"CPUs": 2}, "rows": rows}}
    write(tmp_path, "docs/bench.json", json.dumps(result))
    table = macros.bench_table("fanout")
    assert text_of(table).endswith("10 members a 1.00 b 2.00 20 members a 4.00")
    assert re.findall(r'rect width="(\d+)"', table) == ["25", "50", "100"]


def test_screenshot_is_as_large_as_its_pictures(
    macros: SimpleNamespace, tmp_path: Path
) -> None:
    (tmp_path / "docs/assets").mkdir(parents=True)
    for scheme in ("light", "dark"):
        size = (1800).to_bytes(4) + (1200).to_bytes(4)  # Two pixels for each of a page.
        path = tmp_path / f"docs/assets/echo-{scheme}.png"
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + size)
    shown = macros.screenshot("echo", 'It says "hi".', "Stage 1.")
    assert shown.count('width="900" height="600" alt="It says &quot;hi&quot;."') == 2
    assert '<a class="only-dark" href="assets/echo-dark.png">' in shown
    with pytest.raises(macros.CannotShow, match=r"docs/assets/none-light\.png: there"):
        macros.screenshot("none", "", "")


def test_flame_graph_takes_the_colours_of_the_page(
    macros: SimpleNamespace, tmp_path: Path
) -> None:
    drawing = '<svg viewBox="0 0 1 1">\n<style>text { fill: red; }</style>\n'
    drawing += (
        '<rect width="100%" height="100%" fill="#fff"/>\n<rect width="2"/>\n</svg>'
    )
    write(tmp_path, "docs/assets/flames.svg", drawing)
    shown = macros.flames("flames.svg", "Who waits")
    assert '<svg aria-label="Who waits" viewBox' in shown
    assert '<rect width="2"/>' in shown
    assert not re.search("style|100%|\n\n", shown)


def text_of(html: str) -> str:
    """Return the words of a piece of HTML."""
    return " ".join(re.sub("<[^>]+>", " ", html).split())


@pytest.mark.parametrize("prefix", ["", "    ", "> "])
def test_macros_are_indented_like_their_call(
    macros: SimpleNamespace, tmp_path: Path, prefix: str
) -> None:
    page = SimpleNamespace(path="page.md")
    offered = {}
    env = SimpleNamespace(
        page=page, macro=lambda macro, name: offered.update({name: macro})
    )
    macros.define_env(env)
    write(
        tmp_path,
        "docs/page.md",
        f'# Title\n\n{prefix}[[ include("stage01_echo/new.py") ]]\n',
    )
    shown = offered["include"]("stage01_echo/new.py")
    assert f"\n{prefix}NEW = True\n{prefix}```" in shown
    with pytest.raises(macros.CannotShow, match=r"docs/page\.md: .* must stand alone"):
        offered["include"]("stage01_echo/settings.py")


WRONG_CALLS = {
    'include("stage01_echo/none.py")': (
        "docs/setup.md: stage01_echo/none.py: there is no such file."
    ),
    "nothing": "'nothing' is undefined",
}
RIGHT_CALL = 'include("stage01_echo/manage.py")'


def build_with(builder: str, call: str, folder: Path) -> Seen:
    """Build a site of one page, which calls a macro; return what comes of that."""
    copy_repository(folder)
    for page in folder.glob("docs/*.md"):
        page.unlink()
    text = f"# Set up\n\n[[ {call} ]]\n"
    (folder / "docs/setup.md").write_text(text, encoding="utf-8")
    settings = folder / "mkdocs.yml"
    words = settings.read_text(encoding="utf-8")
    words, count = re.subn(r"(?m)^nav:\n(  .+\n)+", "nav:\n  - setup.md\n", words)
    assert count == 1, "Where does mkdocs.yml name the pages?"
    settings.write_text(words, encoding="utf-8")
    code, output = build(builder, folder)
    output = re.sub(r" in [\d.]+s\b", "", output.replace(str(folder), ""))
    return {"code": code, "output": output}


def proof_with(builder: str, call: str) -> Proof:
    """Return the proof of what comes of a call of a macro."""
    shown = (ROOT / "docs/macros.py", ROOT / "docs/shown", ROOT / "mkdocs.yml")
    here = (Path(__file__), ROOT / "tests/docs/site.py")
    depends = (*shown, ROOT / "requirements.txt", *here, call)
    return Proof("site", f"{builder}: {call}", depends)


@pytest.mark.parametrize(
    ("proof", "builder", "call"),
    [
        pytest.param(proof_with(builder, call), builder, call, id=f"{builder}-{call}")
        for builder in BUILDERS
        for call in WRONG_CALLS
    ],
)
def test_a_wrong_call_fails_the_build(
    proof: Proof, builder: str, call: str, tmp_path: Path, recorded: Recorded
) -> None:
    seen = recorded(proof, lambda: build_with(builder, call, tmp_path / "course"))
    assert seen["code"]
    assert WRONG_CALLS[call] in seen["output"]


@pytest.mark.parametrize(
    "proof",
    [proof_with(builder, RIGHT_CALL) for builder in BUILDERS],
    ids=BUILDERS,
)
def test_the_same_page_with_a_right_call_builds(
    proof: Proof, tmp_path: Path, recorded: Recorded
) -> None:
    builder = proof.name.partition(":")[0]
    seen = recorded(proof, lambda: build_with(builder, RIGHT_CALL, tmp_path / "course"))
    assert not seen["code"], seen["output"]
    assert "warning" not in seen["output"].lower()
