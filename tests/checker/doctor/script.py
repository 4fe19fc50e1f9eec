"""
What `new WebSocket(…)` in a page's scripts asks for, worked out without running them.

What cannot be known is "…" (javascript.py).
"""

import re
from typing import NamedTuple
from urllib.parse import urljoin

from tests.checker.doctor.document import Document
from tests.checker.doctor.javascript import UNKNOWN, NotReadError, Reader

OPENS = re.compile(r"\bnew\s+(?:window\.|self\.)?(?:Reconnecting)?WebSocket\s*\(")
COMMENT = re.compile(
    r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)"""
    r"""|//[^\n]*|/\*.*?\*/""",
    re.DOTALL,
)


ELSEWHERE = "http://elsewhere.invalid:1/"


class Asked(NamedTuple):
    """An address that a script opens a WebSocket to, and how it is written."""

    url: str  # As a browser would open it; "…" for what cannot be known.
    code: str  # The first argument, as it stands there.
    protocols: tuple[str, ...]  # The subprotocols that are offered.
    is_fixed: bool  # The host is written down, and is not the page's own.

    @property
    def is_known(self) -> bool:
        """Whether the address could be worked out."""
        return UNKNOWN not in self.url and bool(self.url)


def asked(page: str, document: Document, scripts: list[str]) -> list[Asked]:
    """Return what the scripts of a page ask for, each address once."""
    bare = [COMMENT.sub(lambda found: found[1] or " ", each) for each in scripts]
    source = "\n;\n".join(bare)
    found: dict[str, Asked] = {}
    for opens in OPENS.finditer(source):
        place = (document, opens.start())
        reader = Reader(source, opens.end(), page, *place)
        try:
            value = reader.expression()
            end = reader.at
            offered = reader.expression() if reader.take(",") else []
            # From elsewhere the same page would ask for another host, or for this one.
            there = Reader(source, opens.end(), ELSEWHERE, *place).expression()
            url = absolute(value, page)
            is_fixed = "elsewhere.invalid" not in absolute(there, ELSEWHERE)
        except (NotReadError, RecursionError, ValueError):  # Of urllib, of int().
            continue
        code = " ".join(source[opens.end() : end].split())
        if url == UNKNOWN:
            # A function's parameter, often. What is written out may be its value.
            literal = re.search(r"""["'`](wss?://[^"'`$\s]+)["'`]""", source)
            if not literal:
                continue
            url, code, is_fixed = literal[1], literal[0], True
        offered = [offered] if isinstance(offered, str) else offered
        names = [str(each) for each in offered if each != UNKNOWN]
        found.setdefault(url, Asked(url, code, tuple(names), is_fixed))
    return list(found.values())


def absolute(value: object, page: str) -> str:
    """Return the address that a browser makes of an argument of WebSocket()."""
    if not isinstance(value, str):
        return UNKNOWN
    if re.match(r"[\w.-]+:\d+(/|$)", value):
        return value  # A host and a port, without a scheme.
    value = re.sub("^(wss?):/*(?=[^/])", r"\1://", value)  # As browsers read it.
    # Current browsers take a relative one, and http for ws.
    is_whole = re.match(r"[A-Za-z][\w+.-]*:", value) or value.startswith(UNKNOWN)
    url = value if is_whole else urljoin(page, value)
    return re.sub("^http", "ws", url)
