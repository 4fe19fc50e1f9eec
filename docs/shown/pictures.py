"""Show drawings, a flame graph and screenshots, in the colours of the page."""

import re
import struct
from html import escape
from pathlib import Path
from xml.etree import ElementTree

from docs.shown import repository
from docs.shown.repository import CannotShow, read

SVG = "http://www.w3.org/2000/svg"
ElementTree.register_namespace("", SVG)


def svg(name, step=None):
    """
    Draw a file of assets/ into the page, where it takes the page's colours.

    Some are drawn in steps: then all of them, or those up to this one.
    """
    return figure(drawing(name, step))


def figure(shown):
    """Put a drawing into the page."""
    # Markdown ends a block of HTML at an empty line.
    shown = "\n".join(filter(str.strip, shown.splitlines()))
    return f'<figure class="drawing" markdown="0">\n{shown}\n</figure>\n'


def drawing(name, step=None):
    """
    Return a drawing as it is at a step, or at its last.

    An element with `data-step="2"` is there from step 2 on, one with "2-3" not after
    step 3. Of its description, each line is of a step.
    """
    text = "".join(read(f"docs/assets/{name}"))
    last = max(map(int, re.findall(r'data-step="(\d+)', text)), default=0)
    if step is not None and not 1 <= step <= last:
        raise CannotShow(f"docs/assets/{name} has {last} steps, and no step {step}.")
    if not last:
        return text
    now = step or last
    root = ElementTree.fromstring(text)  # noqa: S314  # It is ours.
    for parent in root.iter():
        for child in list(parent):
            if during := child.attrib.pop("data-step", None):
                first, _, end = during.partition("-")
                if not int(first) <= now <= int(end or last):
                    parent.remove(child)
    told = root.find(f"{{{SVG}}}desc")
    lines = told.text.strip().splitlines()
    if len(lines) != last:
        raise CannotShow(f"docs/assets/{name}: {last} steps, {len(lines)} lines tell.")
    told.text = " ".join(map(str.strip, lines[:now]))
    # One page may show it at several steps.
    for element in root.iter():
        for key in ("id", "aria-labelledby"):
            if value := element.get(key):
                numbered = rf"{Path(name).stem}-{now}-\1"
                value = re.sub(rf"{Path(name).stem}-(title|desc)", numbered, value)
                element.set(key, value)
    return ElementTree.tostring(root, encoding="unicode")


def flames(name, alternative):
    """Draw a flame graph of assets/ into the page, in the page's colours."""
    drawing = "".join(read(f"docs/assets/{name}"))
    # Its own style and its white ground are for where it stands alone.
    drawing = re.sub(r'<style>.*?</style>|<rect width="100%"[^>]*>', "", drawing)
    drawing = drawing.replace("<svg ", f'<svg aria-label="{escape(alternative)}" ', 1)
    drawing = "\n".join(filter(str.strip, drawing.splitlines()))
    return f'<figure class="wide flames" markdown="0">\n{drawing}\n</figure>\n'


def flame_share(name, function):
    """Return the share of a function in a flame graph, where it is widest."""
    drawing = "".join(read(f"docs/assets/{name}"))
    found = re.findall(rf"<title>{re.escape(function)}(?: \([^<]*\))?: (\d+)%", drawing)
    if not found:
        raise CannotShow(f"docs/assets/{name} has no function called {function}.")
    return f"{max(map(int, found))}%"


def screenshot(name, alternative, caption):
    """
    Show a screenshot of assets/ in the colours of the page, with a link to all of it.

    Of its two pictures, a browser loads the one that it shows.
    """
    pictures = []
    for scheme in ("light", "dark"):
        path = f"assets/{name}-{scheme}.png"
        width, height = size_of(path)
        pictures.append(
            f'<a class="only-{scheme}" href="{path}"><img loading="lazy" '
            f'src="{path}" width="{width}" height="{height}" '
            f'alt="{escape(alternative)}"></a>\n'
        )
    caption = f"<figcaption>{escape(caption)}</figcaption>"
    return (
        f'<figure class="shot" markdown="0">\n{"".join(pictures)}{caption}\n</figure>\n'
    )


def size_of(picture):
    """Return width and height of a PNG, which was taken with two pixels for each."""
    try:
        with (repository.ROOT / "docs" / picture).open("rb") as file:
            width, height = struct.unpack(">II", file.read(24)[16:])
    except OSError:
        raise CannotShow(f"docs/{picture}: there is no such file.") from None
    return width // 2, height // 2
