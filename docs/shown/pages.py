"""Find what stands on a page of the site already."""

import re
from textwrap import dedent

from docs.shown.repository import CannotShow, read


def page(name):
    """Return the lines of a page, each with whether it is inside of a code block."""
    inside = False
    for line in read(f"docs/{name}.md"):
        is_fence = line.lstrip().startswith("```")
        yield line.rstrip("\n"), inside or is_fence
        inside ^= is_fence


def section(name, beginning):
    """Return the heading of a part of a page that begins so, and its lines."""
    found = None
    for line, is_code in page(name):
        if not is_code and re.match("#{1,2} ", line):
            if found is not None:
                break
            if line.lstrip("# ").startswith(beginning):
                found = []
                heading = line.lstrip("# ")
        elif found is not None:
            found.append(linked(line, name))
    if found is None:
        raise CannotShow(f"docs/{name}.md has no part {beginning!r}.")
    return heading, found


def heading(name, beginning):
    """Return the heading of a page that begins so, of whatever level."""
    for line, is_code in page(name):
        if not is_code and re.match("#+ ", line):
            words = line.lstrip("# ")
            if words.startswith(beginning):
                return words
    raise CannotShow(f"docs/{name}.md has no heading {beginning!r}.")


def linked(line, name):
    """Write the links of a line so that they lead there from another page."""
    return re.sub(r"\]\(#", f"]({name}.md#", line)


def paragraph(name, beginning):
    """Return the paragraph of a page that begins so. It may stand in a fold."""
    found = []
    for line, is_code in page(name):
        if found and not line:
            return linked(dedent("\n".join(found)), name)
        if found or (not is_code and line.lstrip().startswith(beginning)):
            found.append(line)
    raise CannotShow(f"docs/{name}.md has no paragraph that begins with {beginning!r}.")
