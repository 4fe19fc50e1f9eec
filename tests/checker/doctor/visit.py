"""The visit: the steps in their order, each only if the one before makes it useful."""

import ssl
from typing import NamedTuple

from tests.checker.doctor import certificates, pages, reach, sockets
from tests.checker.doctor.address import Address
from tests.checker.doctor.report import Report
from tests.checker.doctor.site import ANSWER, Clock, NoAnswerError, Site


class Wishes(NamedTuple):
    """What the command line says besides the address."""

    trust: ssl.SSLContext
    origin: str | None = None
    login: tuple[str, str] | None = None


def visit(address: Address, wishes: Wishes, report: Report, clock: Clock) -> None:
    """Look at a server, as far as one gets."""
    if address.said:
        report.step("", address.said)
    if address.host in ("0.0.0.0", "::"):  # noqa: S104  # Nothing listens because of us.
        here = address._replace(host="127.0.0.1" if address.host != "::" else "::1")
        words = {"host": address.host, "instead": here.url}
        report.step("?", f"{address.host} means all addresses: I take {here.host}")
        report.find("all-addresses", **words)
        address = here
    reach.look_at_proxies(address, report)
    ips = reach.find_open(address, clock, report)
    if not ips:
        return
    site = Site(address, ips[0], clock, wishes.trust)
    if address.is_tls and not certificates.look_at_tls(site, report):
        return
    try:
        seen = pages.look_at_page(site, report)
    except (NoAnswerError, OSError) as error:
        no_page(site, error, report)
        return
    if seen is None or is_stopped(report):
        return
    has_login = seen.leads_to_login
    if has_login and not wishes.login:
        report.step("ok", "the page is for those who have logged in")
    if wishes.login:
        if not log_in(site, wishes.login, report):
            return
        try:
            again = pages.fetch(site, address.page_path, None)
        except (NoAnswerError, OSError) as error:
            no_page(site, error, report)
            return
        seen = again or seen
    pages.look_at_files(site, seen, report)
    name = wishes.login[0] if wishes.login else ""
    way = sockets.Way(wishes.origin or address.origin, has_login, name)
    sockets.look(site, seen, way, report)


def is_stopped(report: Report) -> bool:
    """Tell whether the page's fault says all, so that more would only be noise."""
    enough = {
        "host-refused",
        "bad-gateway",
        "gateway-waits",
        "file-server",
        "this-is-the-book",
        "redirect-circle",
        "tls-port",
    }
    return any(each.id in enough for each in report.findings)


def no_page(site: Site, error: Exception, report: Report) -> None:
    """The page got no answer that is HTTP: say what speaks there."""
    port = site.address.port
    kind = error.kind if isinstance(error, NoAnswerError) else "hung up"
    if not site.address.is_tls and certificates.asked_in_clear(site, report):
        return
    if kind == "silence":
        report.step("!!", f"page: no answer within {ANSWER} s")
        report.find("took-and-said-nothing", seconds=ANSWER)
    elif kind == "no end":
        report.step("!!", f"page: an answer whose headers do not end: {error.words}")
        report.find("headers-without-end", words=error.words)
    elif kind == "not HTTP":
        report.step("!!", f"page: an answer that is not HTTP: {error.words}")
        words = {"words": error.words, "guess": certificates.guess(error.began)}
        report.find("no-web-server", port=port, **words)
    else:
        report.step("!!", "page: the server hung up without an answer")
        report.find("hung-up", port=port)


def log_in(site: Site, login: tuple[str, str], report: Report) -> bool:
    """Log in as a browser does, at this server only."""
    from tests.checker.doctor.login import LoginError, cookies

    try:
        site.cookies, secure = cookies(site, *login)
    except LoginError as error:
        report.step("!!", f"login as {login[0]}: it does not work")
        found = "login-raises" if error.status >= 500 else "login-failed"
        found = "login-forbidden" if error.status == 403 else found
        report.find(found, words=str(error))
        return False
    report.step("ok", f"login as {login[0]}: a session")
    if secure and not site.address.is_tls:
        report.step("!!", f"the cookie {secure[0]} is for TLS only, and there is none")
        report.find("cookie-needs-tls", cookie=", ".join(secure))
    return True
