"""Show code in rows that one reads on a slide, or on paper."""

import re
from html import escape
from pathlib import Path
from textwrap import wrap

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from docs.shown.listings import LANGUAGES

HANGING = 4  # By how many letters the rest of a long line stands further in.


def joined(found):
    """Yield the lines of hunks, with a line between them that stands for the others."""
    for number, hunk in enumerate(found):
        if number:
            yield "@@\n"
        yield from hunk


def is_blank(line):
    """Tell whether a line of code or of a diff says nothing."""
    return not line.strip("+-@ \n")


def listing(lines, piece):
    """
    Show code in rows. What is left of a line that is too long stands further in.

    In a diff, what comes and what stays is coloured as the code that it is. Empty lines
    at both ends are left out.
    """
    said = [place for place, line in enumerate(lines) if not is_blank(line)]
    lines = lines[said[0] : said[-1] + 1]
    is_diff = piece.verb != "is new"
    language = LANGUAGES.get(Path(piece.path).suffix, "text")
    text = "".join(
        line[1:] if is_diff else line
        for line in lines
        if not is_diff or line[0] not in "-@"
    )
    lexer = get_lexer_by_name(language, stripnl=False)
    coloured = iter(highlight(text, lexer, HtmlFormatter(nowrap=True)).splitlines())
    shown = []
    for line in lines:
        kind, sign, code = "", "", line.rstrip("\n")
        if is_diff:
            sign, code = code[0], code[1:]
            kind = {"+": " gi", "-": " gd"}.get(sign, "")
        if sign == "@":
            sign, html = "", "…"
        else:
            html = escape(code, quote=False) if sign == "-" else next(coloured)
        # A line is never broken in front of its first word.
        begins = re.match("((?:<span[^>]*>)*)( *)", html)
        html = begins[1] + html[begins.end() :]
        html = f'<span class="first">{sign}{begins[2]}</span>{html}'
        shown.append(
            f'<span class="row{kind}" style="--in: {indent(line)}ch">{html}\n</span>'
        )
        if not code.strip():  # What stands between empty lines is not torn apart.
            shown.append('</span><span class="kept">')
    kind = "diff" if is_diff else language
    return (
        f'<div class="language-{kind} highlight" markdown="0">'
        f'<span class="filename">{piece.path}</span>'
        # Markdown would end a block of HTML at an empty line.
        f'<pre><code><span class="kept">'
        f"{''.join(shown).replace(chr(10), '&#10;')}</span></code></pre></div>\n"
    )


def indent(line):
    """Return how far in what is left of a line stands, in letters."""
    return re.match("[-+@]? *", line).end() + HANGING


def code_rows(line, width):
    """Return how many rows of so many letters a line of code takes."""
    rest = " " * min(indent(line), width // 2)
    return len(wrap(line.rstrip("\n"), width, subsequent_indent=rest)) or 1
