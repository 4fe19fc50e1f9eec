"""Show code in rows that one reads on a slide, or on paper."""

import re
from html import escape
from pathlib import Path
from textwrap import wrap

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from docs.shown.listings import LANGUAGES

MARK = "↩"  # Where a line goes on below.
HANGING = 4  # By how many letters the rest of a long line stands further in.
SHORTEST_ROW = 2  # Letters: a bracket alone is no row.


def joined(found):
    """Yield the lines of hunks, with a line between them that stands for the others."""
    for number, hunk in enumerate(found):
        if number:
            yield "@@\n"
        yield from hunk


def is_blank(line):
    """Tell whether a line of code or of a diff says nothing."""
    return not line.strip("+-@ \n")


def listing(lines, piece, title="", width=0, where="", mark=""):
    """
    Show code in rows. What is left of a line that is too long stands further in.

    With a `width`, in letters, a call is broken at its arguments, and a comment becomes
    several. With a `mark`, every line that is too long is broken, at a space if nowhere
    else, and the mark stands where it goes on below. `where` is HTML that says where
    the lines stand. In a diff, what comes and what stays is coloured as the code that
    it is. Empty lines at both ends are left out.
    """
    said = [place for place, line in enumerate(lines) if not is_blank(line)]
    lines = lines[said[0] : said[-1] + 1]
    if width:
        lines = [part for line in lines for part in comments(line, width)]
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
            kind = {"+": " gi", "-": " gd"}.get(sign, " around")
        if sign == "@":
            sign, html = "", "…"
        else:
            html = escape(code, quote=False) if sign == "-" else next(coloured)
        # A line is never broken in front of its first word.
        begins = re.match("((?:<span[^>]*>)*)( *)", html)
        html = begins[1] + html[begins.end() :]
        ends = broken_at(f"{sign}{code}", width, mark) if width else []
        for at in reversed(ends):
            html = broken(html, at - len(sign) - len(begins[2]), mark)
        html = f'<span class="first">{sign}{begins[2]}</span>{html}'
        shown.append(
            f'<span class="row{kind}" style="--in: {indent(line)}ch">{html}\n</span>'
        )
        if not code.strip():  # What stands between empty lines is not torn apart.
            shown.append('</span><span class="kept">')
    kind = "diff" if is_diff else language
    return (
        f'<div class="language-{kind} highlight" markdown="0">'
        f'<span class="filename">{escape(title or piece.path)}</span>{where}'
        # Markdown would end a block of HTML at an empty line.
        f'<pre><code><span class="kept">'
        f"{''.join(shown).replace(chr(10), '&#10;')}</span></code></pre></div>\n"
    )


def comments(line, width):
    """Return a comment that is too long as several. Any other line stays as it is."""
    begins = re.match(r"[-+ ]? *# ", line)
    if not begins or len(line.rstrip()) <= width:
        return [line]
    sign = begins[0]
    return [f"{sign}{part}\n" for part in wrap(line[begins.end() :], width - len(sign))]


def indent(line):
    """Return how far in what is left of a line stands, in letters."""
    return re.match("[-+@]? *", line).end() + HANGING


def code_rows(line, width):
    """Return how many rows of so many letters a line of code takes."""
    parts = comments(line, width)
    return sum(1 + len(broken_at(part, width, MARK)) for part in parts)


def breaks(line, width):
    """
    Return where a line of code that is too long is broken: at arguments of a call.

    Of all places that fit, that is the last of the outermost. Where there is none, the
    line is left to whoever shows it.
    """
    line = line.rstrip("\n")
    if re.match("[-+ ]? *(#|<!--|//)", line):
        return []
    found, begins, room = [], 0, width
    while len(line) - begins > room:
        near = [
            (depth, -place)
            for place, depth in arguments(line)
            if begins + SHORTEST_ROW < place <= begins + room
        ]
        if not near:
            return found
        begins = -min(near)[1]
        found.append(begins)
        room = width - min(indent(line), width // 2)
    return found


def broken_at(line, width, mark):
    """Return where a line is broken: at arguments; with a mark, anywhere if need be."""
    if not mark:
        return breaks(line, width)
    line, found, begins = line.rstrip("\n"), [], 0
    if len(line) <= width:
        return []
    width -= len(mark) + 1
    rest = min(indent(line), width // 2)
    ends = breaks(line, width)
    while len(line) - begins > (room := width - (rest if begins else 0)):
        near = [end for end in ends if begins < end <= begins + room]
        space = line.rfind(" ", begins + rest, begins + room + 1) + 1
        begins = near[0] if near else space or begins + room
        found.append(begins)
    return found


def arguments(line):
    """Yield the places in a line of code where an argument begins, and how deep."""
    depth, quote = 0, ""
    for place, letter in enumerate(line):
        if quote:
            quote = "" if letter == quote and line[place - 1] != "\\" else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "([{":
            depth += 1
            if line[place + 1 : place + 2] not in ("", ")", "]", "}"):
                yield place + 1, depth
        elif letter in ")]}":
            depth -= 1
        elif letter == " " and line[place - 1] == "," and depth:
            yield place + 1, depth


def broken(html, at, mark=""):
    """Break a row of HTML in front of one of its letters, with a mark where it ends."""
    end = f'<span class="goes-on">{mark}</span><br>' if mark else "<br>"
    seen = 0
    for token in re.finditer("<[^>]*>|&[^;]+;|.", html):
        if token[0][0] == "<":
            continue
        if seen == at:
            return f"{html[: token.start()]}{end}{html[token.start() :]}"
        seen += 1
    return html
