"""
The fixtures of the tests of the site, and of what its pages state.

What a page states of the libraries is a proof: a record may stand for the whole test.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.browser.chromium import browser_type, chromium, quick_chromium
from tests.checker.servers.forks import quick_starts
from tests.docs.pages import blocks
from tests.proofs.plugin import WHOLE
from tests.proofs.records import Proof
from tests.proofs.runs import CHECKER, HARNESS, ROOT

__all__ = ["browser_type", "chromium", "quick_chromium"]


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
