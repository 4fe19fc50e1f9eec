"""A handshake that was not let in: try what differs, and say why."""

import re
import time
from collections.abc import Callable

from tests.checker.doctor.handshake import FOREIGN, NOBODY, Knock, knock
from tests.checker.doctor.pages import PROXIES, joined, serves
from tests.checker.doctor.report import Report
from tests.checker.doctor.site import NoAnswerError, Site

NOWHERE = "/ws/a-path-that-has-no-route/"
SOON = 3  # Seconds. Daphne waits five for accept(), by a clock that may be one late.
BUSY = 5  # Seconds that a page may take after that.
LATE = 1  # Second. Who is not busy answers at once.
OTHER_NAMES = {"localhost": "127.0.0.1", "127.0.0.1": "localhost"}


class Door:
    """A WebSocket that did not let us in, and what is known around it."""

    def __init__(
        self,
        site: Site,
        seen: Knock,
        origin: str,
        report: Report,
        *,
        has_login: Callable[[], bool],
        page_server: str = "",
    ) -> None:
        self.site = site
        self.seen = seen
        self.origin = origin
        self.report = report
        self.has_login = has_login
        answer = seen.answer
        self.server = (answer.server if answer else "") or page_server
        self.words = {
            "path": seen.target,
            "status": seen.status,
            "seen": seen.shown,
            "origin": origin,
            "server": serves(answer) if answer and answer.server else self.server,
            "seconds": f"{seen.seconds:.0f}",
            "words": seen.words,
        }

    def find(self, which: str, /, **words: object) -> None:
        """Note what is wrong here."""
        self.report.find(which, **(self.words | words))

    def judge(self) -> None:
        """Say why nobody is let in."""
        kind, status = self.seen.kind, self.seen.status
        if kind in ("silence", "hung up"):
            self.unanswered()
        elif kind == "no end":
            self.find("headers-without-end")
        elif kind == "no way":
            self.gone()
        elif kind == "broken":
            is_choice = "subprotocol" in self.words["words"]
            self.find("unasked-subprotocol" if is_choice else "broken-101")
        elif kind != "status":
            self.find("strange-answer")
        elif status in (401, 403):
            self.refused()
        elif 300 <= status < 400:
            self.redirected()
        elif status in (502, 503, 504):
            self.find("socket-bad-gateway")
        elif status >= 500:
            self.raised()
        elif self.server.startswith(PROXIES):
            is_own = re.search(r"<center>\s*nginx", self.seen.answer.text)
            self.find("proxy-has-no-path" if is_own else "upgrade-lost")
        else:
            self.ordinary()

    def gone(self) -> None:
        """No connection, where there was one a moment ago."""
        address, words = self.site.address, self.seen.words
        if words == NOBODY:
            self.find("nobody-listens", port=address.port)
        else:
            self.find("no-way-there", host=address.host, words=words)

    def ordinary(self) -> None:
        """An answer that an ordinary web server gives to an ordinary request."""
        status, server = self.seen.status, self.server
        if server == "SimpleHTTP":
            self.find("file-server")
        elif server == "WSGIServer" or "WSGI" in server:
            self.find("wsgi-server")
        elif server == "uvicorn" and status in (404, 400, 200):
            self.find("uvicorn-without-websockets")
        elif server in ("gunicorn", "Werkzeug"):
            self.find("no-asgi-server")
        elif status == 426 or (server == "daphne" and status in (400, 404, 200)):
            self.find("upgrade-lost")
        elif status == 400:
            self.find("handshake-400")
        elif status == 200:
            self.find("answered-200")
        elif status == 404:
            self.find("no-websocket-here")
        else:
            self.find("other-status")

    def redirected(self) -> None:
        """A redirect, which no client follows with a WebSocket."""
        where = self.seen.answer.headers.get("Location", "")
        url = joined(self.site.address.origin, where)
        if url.scheme == "https" and not self.site.address.is_tls:
            socket = f"wss://{url.netloc}{url.path}"
            here = self.site.address.origin
            self.find("leads-to-https", url=where, socket=socket, here=here)
        elif "WSGI" in self.server:
            self.find("wsgi-server")
        elif "/login" in where:
            self.find("page-answers-login", where=where)
        else:
            self.find("handshake-redirect", where=where)

    def try_origin(self, origin: str | None) -> bool:
        """Tell whether who comes from there is let in, and hang up."""
        tried = knock(self.site, self.seen.target, origin, patience=3)
        tried.close()
        return tried.is_open

    def refused(self) -> None:
        """403: is it the Origin, the login, or the room?"""
        address = self.site.address
        # With the same port: a name that the server may know better.
        other = OTHER_NAMES.get(address.host)
        origins: list[tuple[str | None, str]] = [(None, "no Origin at all")]
        if other:
            near = address._replace(host=other).origin
            origins.insert(0, (near, f"the Origin {near}"))
        if self.origin != address.origin:
            origins.insert(0, (address.origin, f"the Origin {address.origin}"))
        stranger = (FOREIGN, f"a stranger's Origin, {FOREIGN}")
        for origin, name in [*origins, stranger]:
            if self.try_origin(origin):
                self.report.step("?", f"with {name}: let in")
                self.find("origin-refused", good=name)
                return
        shown = f"{len(origins) + 1} other Origins"
        self.report.step("?", f"with {shown} it is refused, too")
        if self.site.cookies:
            self.find("refused-logged-in")
        elif self.has_login():
            self.find("needs-login")
        else:
            nowhere = knock(self.site, NOWHERE, self.origin, patience=3)
            nowhere.close()
            same = nowhere.kind == "status" and nowhere.status == self.seen.status
            self.report.step("?", f"a path that nobody has: {nowhere.shown}")
            self.find("refused-everywhere" if same else "refused-by-connect")

    def raised(self) -> None:
        """500: is there a route at all?"""
        nowhere = knock(self.site, NOWHERE, self.origin, patience=3)
        nowhere.close()
        self.report.step("?", f"a path that nobody has: {nowhere.shown}")
        same = nowhere.kind == "status" and nowhere.status == self.seen.status
        self.find("error-everywhere" if same else "connect-raises")

    def unanswered(self) -> None:
        """No answer: at once, after Daphne's five seconds, or never."""
        if self.seen.kind == "hung up" and self.seen.seconds < SOON:
            self.find("dropped")
            return
        start = time.monotonic()
        try:
            page = self.site.get("/", seconds=BUSY)
        except NoAnswerError as error:
            is_busy = error.kind == "silence" or error.seconds > LATE
        except OSError:
            is_busy = True
        else:
            seconds = time.monotonic() - start
            is_busy = seconds > LATE
            late = f" after {seconds:.1f} s" if is_busy else ""
            self.report.step("?", f"but its pages answer, {page.status}{late}")
        self.find("server-blocked" if is_busy else "no-accept")
