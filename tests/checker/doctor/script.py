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


class Asked(NamedTuple):
    """An address that a script opens a WebSocket to, and how it is written."""

    url: str  # As a browser would open it; "…" for what cannot be known.
    code: str  # The first argument, as it stands there.
    protocols: tuple[str, ...]  # The subprotocols that are offered.

    @property
    def is_known(self) -> bool:
        """Whether the address could be worked out."""
        return UNKNOWN not in self.url and "//" in self.url


def asked(page: str, document: Document, scripts: list[str]) -> list[Asked]:
    """Return what the scripts of a page ask for, each address once."""
    source = "\n;\n".join(
        COMMENT.sub(lambda found: found[1] or " ", s) for s in scripts
    )
    found: dict[str, Asked] = {}
    for opens in OPENS.finditer(source):
        reader = Reader(source, opens.end(), page, document, opens.start())
        try:
            value = reader.expression()
            end = reader.at
            offered = reader.expression() if reader.take(",") else []
        except NotReadError:
            continue
        url = absolute(value, page)
        code = " ".join(source[opens.end() : end].split())
        if not url or url == UNKNOWN:
            # A function's parameter, often. What is written out may be its value.
            literal = re.search(r"""["'`](wss?://[^"'`$\s]+)["'`]""", source)
            if not literal:
                continue
            url = code = literal[1]
        offered = [offered] if isinstance(offered, str) else offered
        names = tuple(str(each) for each in offered if each != UNKNOWN)
        found.setdefault(url, Asked(url, code, names))
    return list(found.values())


def absolute(value: object, page: str) -> str:
    """Return the address that a browser makes of an argument of WebSocket()."""
    if not isinstance(value, str):
        return UNKNOWN
    # Current browsers take a relative one, and http for ws.
    url = value if "://" in value or value.startswith(UNKNOWN) else urljoin(page, value)
    if re.match("wss?:/*[^/]", value) and "://" not in value:
        url = value  # A scheme without slashes.
    return re.sub("^http", "ws", url)
