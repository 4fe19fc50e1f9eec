"""Build the site as readers do, and look at its pages as data."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

BUILDERS = {
    "mkdocs": ["mkdocs", "build", "--strict"],
    "zensical": ["zensical", "build", "--strict"],
}


def build(builder: str, folder: Path) -> tuple[int, str]:
    """Build the site of a copy of the repository; return exit code and complaints."""
    run = subprocess.run(
        [sys.executable, "-m", *BUILDERS[builder]],
        cwd=folder,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,  # It takes 7 s of CPU, and beside much else it took 60 s and more.
        check=False,
    )
    return run.returncode, re.sub(
        r"\x1b\[[\d;]*m|^INFO .*\n", "", run.stdout, flags=re.M
    )


@dataclass
class Code:
    """A code block: its title, its text, and the lines that are highlighted."""

    title: str = ""
    text: str = ""
    highlighted: str = ""


@dataclass
class Page:
    """What the tests want to know of a page."""

    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    images: list[dict[str, str | None]] = field(default_factory=list)
    codes: list[Code] = field(default_factory=list)


class Reader(HTMLParser):
    """Fills a Page."""

    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self.title = ""
        self.open: list[str] = []  # The elements around the text, in a code block.

    def handle_starttag(self, tag: str, attributes: list) -> None:
        found = dict(attributes)
        kind = found.get("class") or ""
        self.page.ids |= {found[name] for name in ("id", "name") if found.get(name)}
        self.page.links += [found[name] for name in ("href", "src") if found.get(name)]
        if tag == "img":
            self.page.images.append(found)
        if tag == "pre":
            self.page.codes.append(Code(self.title))
            self.title = ""
            self.open = ["pre"]
        elif self.open or kind == "filename":
            self.open.append(kind)

    def handle_endtag(self, tag: str) -> None:
        if self.open:
            self.open.pop()

    def handle_data(self, text: str) -> None:
        if self.open == ["filename"]:
            self.title = text
        elif self.open[:1] == ["pre"]:  # And not in what a title has in it.
            self.page.codes[-1].text += text
            if "hll" in self.open:
                self.page.codes[-1].highlighted += text


def read_site(folder: Path) -> dict[Path, Page]:
    """Return all pages of a built site."""
    pages = {}
    for path in sorted(folder.rglob("*.html")):
        reader = Reader()
        reader.feed(path.read_text(encoding="utf-8"))
        pages[path] = reader.page
    return pages
