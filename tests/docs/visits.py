"""
Visits: tests that look at the built site in a browser, and at nothing else.

A visit is a proof. What it depends on is observed: the test itself, and each file of
the site that the browser asked for. Its record stands while all these are the same.
"""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from tests.docs.site import BUILDERS
from tests.proofs.records import ROOT, Proof, Seen, records

HERE = Path(__file__).parent
SHARED = (
    *(HERE / name for name in ("conftest.py", "contrast.js", "site.py", "visits.py")),
    ROOT / "tests/browser/chromium.py",
    ROOT / "requirements.txt",
)
MISSING = "404.html"  # What a server sends in place of a file that it has not.
# All words of all pages. Each page of Zensical's loads it, whether one searches or not.
INDEX = "zensical/search.js"
# To read them takes Chromium half as long again as to show the page.
NO_WORDS = 'var __index = {"config": {"lang": ["en"], "separator": " "}, "items": []};'


def address(site: Path) -> str:
    """Return where a server of a built site would be, for `Watched` to know it by."""
    return f"http://{site.name}.example/"


@dataclass(frozen=True)
class Visit(Proof):
    """The proof that a test of the built site is. `asked` is what was loaded."""

    sites: Path | None = None
    asked: tuple[str, ...] = ()

    @classmethod
    def of(cls, item: pytest.Item) -> Self:
        """Return the visit that a test is. What it depends on is known later."""
        file = item.path.stem.removeprefix("test_")
        return cls(f"visits/{file}", item.nodeid.partition("::")[2], ())

    def at(self, sites: Path, test: Path) -> Self:
        """Return this visit to sites that are built, to look at what it asked for."""
        known = records(self.file).get(self.name)
        asked = tuple(known["seen"]["asked"]) if known else ()
        depends = (*SHARED, *imported(test))
        return replace(self, depends=depends, sites=sites, asked=asked)

    def hash(self) -> str:
        """Return the hash of the test, and of all that its browser asked for."""
        files = [f"{name} {hash_of_built(self.sites / name)}" for name in self.asked]
        parts = [super().hash(), *files]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def having_asked(self, files: set[str]) -> Self:
        """Return this visit when its browser has asked for these files."""
        if not searches(self.name):
            files = files - {INDEX}
        return replace(self, asked=tuple(sorted(files)))

    @property
    def seen(self) -> Seen:
        """What the browser asked for, which is all that is recorded of a visit."""
        return {"asked": list(self.asked)}


def searches(name: str) -> bool:
    """Return whether a test searches. One that does not sees no other page's words."""
    return "search" in name


@cache
def hash_of_built(file: Path) -> str:
    """Return the hash of a file of the site, or a word where there is none."""
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "none"


@cache
def imported(test: Path) -> tuple[Path, ...]:
    """Return a test's own file, and those of the site's and its tests' that it uses."""
    names = set()
    for node in ast.walk(ast.parse(test.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{e.name}" for e in node.names)}
    files = (ROOT / f"{name.replace('.', '/')}.py" for name in sorted(names))
    return (test, *(file for file in files if file.is_file()))


class Watched:
    """A browser whose pages tell what they ask for, for as long as one test runs."""

    def __init__(self, browser: Browser, sites: Path, test: str) -> None:
        self.browser = browser
        self.sites = sites
        self.searches = searches(test)
        self.asked: set[str] = set()

    def new_context(self, **options: Any) -> BrowserContext:
        context = self.browser.new_context(**options)
        self.watch(context)
        return context

    def new_page(self, **options: Any) -> Page:
        page = self.browser.new_page(**options)
        self.watch(page)
        return page

    def watch(self, tabs: BrowserContext | Page) -> None:
        """Note what tabs ask for, and spare them the words of all pages."""
        tabs.on("request", self.note)
        if not self.searches:
            tabs.route(
                f"**/{INDEX}",
                lambda route: route.fulfill(
                    body=NO_WORDS, content_type="text/javascript"
                ),
            )

    def note(self, request: Request) -> None:
        """Note a file of the site, by its builder and its name."""
        parts = urlsplit(request.url)
        path = Path(unquote(parts.path))
        builder = parts.netloc.removesuffix(".example")
        if parts.scheme == "file" and path.is_relative_to(self.sites):
            self.asked.add(path.relative_to(self.sites).as_posix())
        elif builder in BUILDERS:
            file = f"{builder}/{path.as_posix().lstrip('/')}"
            self.asked.add(file)
            if not (self.sites / file).is_file():
                self.asked.add(f"{builder}/{MISSING}")


def visits(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """Yield the tests that are visits: they open a browser, and are no other proof."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        is_proof = callspec and isinstance(callspec.params.get("proof"), Proof)
        is_here = item.path.parent == HERE
        if is_here and "quick_chromium" in item.fixturenames and not is_proof:
            yield item
