"""All links to other sites stand in one file, docs/links.txt, by their names."""

import re
from pathlib import Path

import pytest

from docs.shown.glossary import terms
from tests.docs.pages import blocks
from tests.docs.repository import ROOT

LINKS = ROOT / "docs/links.txt"
PAGES = sorted(ROOT.glob("docs/*.md"))
DEFINED = re.compile(r"\[([a-z0-9.-]+)\]: (https://\S+)")
USED = re.compile(r"\]\[([^\]]+)\]")
OUTSIDE = re.compile(
    r"(\]\(|<|href=\"|src=\")https?://(?!127\.|localhost|[\w.]+\.localhost)"
)


def defined() -> list[tuple[str, str]]:
    """Return the names of all links, and where they lead."""
    lines = LINKS.read_text(encoding="utf-8").splitlines()
    found = [DEFINED.fullmatch(line) for line in lines]
    assert all(found), f"{LINKS.name}:{found.index(None) + 1} is no link to https."
    return [match.groups() for match in found]


def prose(page: Path) -> list[str]:
    """Return the lines of a page that are not in its blocks."""
    lines = page.read_text(encoding="utf-8").splitlines()
    for block in blocks("\n".join(lines)):
        if block.language not in {"heading", "act", "hidden", "include"}:
            for number in range(block.line - 1, block.line + len(block.lines)):
                lines[number] = ""
    return lines


def used() -> set[str]:
    """Return the names of the links that pages and the glossary use."""
    names = {entry["source"][1] for entry in terms()}
    return names | {
        name for page in PAGES for name in USED.findall("\n".join(prose(page)))
    }


def test_each_link_has_one_name_and_stands_in_order() -> None:
    names, addresses = zip(*defined(), strict=True)
    assert list(names) == sorted(set(names))
    assert len(set(addresses)) == len(addresses)


def test_each_link_is_used_and_each_that_is_used_is_there() -> None:
    assert used() == {name for name, _ in defined()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_leads_to_another_site_by_itself(page: Path) -> None:
    found = [line for line in prose(page) if OUTSIDE.search(line)]
    assert not found, f"This link belongs into {LINKS.name}: {found[0]}"
