"""Write texts and numbers as Markdown and HTML have them."""

import re
from html import escape


def plain(text):
    """Write a text so that Markdown shows it as it is, but for what is `code`."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([\\*_\[\]<>{}|#])", r"\\\1", part) for part in parts[::2]]
    parts[1::2] = [f"`{part}`" for part in parts[1::2]]
    return "".join(parts)


def with_code(text):
    """Write a text as HTML, with what stands between backticks as code."""
    parts = escape(text, quote=False).split("`")
    parts[1::2] = [f"<code>{part}</code>" for part in parts[1::2]]
    return "".join(parts)


def slug(heading):
    """Return the place of a heading on its page."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


def cells(*texts):
    """Write one line of a table."""
    return f"| {' | '.join(map(str, texts))} |"


def at(minutes):
    """Write 95 minutes as 1:35."""
    return f"{minutes // 60}:{minutes % 60:02}"


def number(value):
    """Write 12345.6 as 12,346, 12.34 as 12.3, and 1.234 as 1.23."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}"


def indented(text):
    """Write a text as a part of what stands above it, as Markdown wants it."""
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())
