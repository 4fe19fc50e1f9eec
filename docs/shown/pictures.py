"""Show drawings, a flame graph and screenshots, in the colours of the page."""

import re
import struct
from html import escape

from docs.shown import repository
from docs.shown.repository import CannotShow, read


def svg(name):
    """Draw a file of assets/ into the page, where it takes the page's colours."""
    # Markdown ends a block of HTML at an empty line.
    drawing = "".join(line for line in read(f"docs/assets/{name}") if line.strip())
    return f'<figure class="drawing" markdown="0">\n{drawing.rstrip()}\n</figure>\n'


def flames(name, alternative):
    """Draw a flame graph of assets/ into the page, in the page's colours."""
    drawing = "".join(read(f"docs/assets/{name}"))
    # Its own style and its white ground are for where it stands alone.
    drawing = re.sub(r'<style>.*?</style>|<rect width="100%"[^>]*>', "", drawing)
    drawing = drawing.replace("<svg ", f'<svg aria-label="{escape(alternative)}" ', 1)
    drawing = "\n".join(filter(str.strip, drawing.splitlines()))
    return f'<figure class="wide flames" markdown="0">\n{drawing}\n</figure>\n'


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
