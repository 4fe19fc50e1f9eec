"""Show the terms of the course, from docs/glossary.toml."""

import re

from docs.shown.repository import CannotShow, read_toml
from docs.shown.text import plain


def terms():
    """Return the terms of the glossary, in its order."""
    return read_toml("docs/glossary.toml")["term"]


def id_of(term):
    """Return the anchor of a term in the glossary."""
    return re.sub("[^a-z0-9]+", "-", term.lower())


def glossary():
    """Show all terms: what each means, where the course explains it, and the source."""
    return "\n".join(map(in_glossary, terms()))


def in_glossary(entry):
    """Write a term as a heading of its own, so that the search finds it."""
    name, address = entry["source"]
    links = f"[{chapter_of(entry['here'])}]({entry['here']}) · [{name}][{address}]"
    return (
        f"## {entry['term']} {{ #{id_of(entry['term'])} .entry }}\n\n"
        f"{plain(entry['meaning'])}\n\n{links}\n"
    )


def chapter_of(link):
    """Name the page that a link leads to: 01-echo-deeper.md#x is Chapter 1, deeper."""
    if found := re.match(r"0(\d)-[a-z]+(-deeper)?\.md#", link):
        return f"Chapter {found[1]}" + (", deeper" if found[2] else "")
    raise CannotShow(f"docs/glossary.toml: {link} is no place in a chapter.")
