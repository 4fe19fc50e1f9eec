"""The visit: the steps in their order, each only if the one before makes it useful."""

import re
import socket as system_socket
import ssl
from typing import NamedTuple

from tests.checker.doctor import certificates, pages, reach, script_says, talk
from tests.checker.doctor.address import Address
from tests.checker.doctor.handshake import FOREIGN, Knock, knock, readable
from tests.checker.doctor.pages import ROOM, Seen
from tests.checker.doctor.refusals import Door
from tests.checker.doctor.report import Report
from tests.checker.doctor.site import ANSWER, Clock, NoAnswerError, Site

GOOD_ROOM = r"[A-Za-z0-9_-]{1,50}"
LATE = 2.5  # Seconds of a handshake.


class Wishes(NamedTuple):
    """What the command line says besides the address."""

    trust: ssl.SSLContext
    origin: str | None = None
    login: tuple[str, str] | None = None


class Goal(NamedTuple):
    """Where the WebSocket should be, and who says so: "you", "script" or "guess"."""

    target: str
    source: str
    protocols: tuple[str, ...] = ()


def visit(address: Address, wishes: Wishes, report: Report, clock: Clock) -> None:
    """Look at a server, as far as one gets."""
    if address.said:
        report.step("", address.said)
    if address.host in ("0.0.0.0", "::"):  # noqa: S104  # Nothing listens because of us.
        here = address._replace(host="127.0.0.1" if address.host != "::" else "::1")
        words = {"host": address.host, "instead": here.origin + address.target}
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
    if seen is None or is_stopped(seen, report):
        return
    plain_words_for_tls = "HTTPS port" in seen.answer.text
    if seen.answer.status == 400 and plain_words_for_tls:
        certificates.asked_in_clear(site, report)
        return
    has_login = seen.leads_to_login
    if has_login and not wishes.login:
        report.step("ok", "the page is for those who have logged in")
    if wishes.login:
        if not log_in(site, wishes.login, report):
            return
        again = pages.fetch(site, seen_target(site), None)
        seen = again or seen
    pages.look_at_files(site, seen, report)
    look_at_socket(site, seen, wishes, has_login, report)


def seen_target(site: Site) -> str:
    """Return the page to ask for again, after a login."""
    return site.address.page_path


def is_stopped(seen: Seen, report: Report) -> bool:
    """Tell whether the page's fault says all, so that more would only be noise."""
    enough = {
        "host-refused",
        "bad-gateway",
        "gateway-waits",
        "file-server",
        "this-is-the-book",
        "redirect-circle",
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
    elif kind == "not HTTP":
        began = error.began[:40].decode("latin-1")
        report.step("!!", f"page: an answer that is not HTTP: {began}")
        words = {"words": began, "guess": certificates.guess(error.began)}
        report.find("no-web-server", port=port, **words)
    else:
        report.step("!!", "page: the server hung up without an answer")
        report.find("hung-up", port=port)


def log_in(site: Site, login: tuple[str, str], report: Report) -> bool:
    """Log in as a browser does, at this server only."""
    from tests.checker.doctor.login import LoginError, cookies

    try:
        site.cookies = cookies(site, *login)
    except LoginError as error:
        report.step("!!", f"login as {login[0]}: it does not work")
        report.find("login-failed", words=str(error))
        return False
    report.step("ok", f"login as {login[0]}: a session")
    return True


def look_at_socket(
    site: Site, seen: Seen, wishes: Wishes, has_login: bool, report: Report
) -> None:
    """Find the WebSocket, knock there, and speak."""
    room = pages.own_room()
    page = seen
    if "WebSocket" not in "".join(seen.scripts) and not seen.leads_to_login:
        found = pages.room_page(site, seen, room)
        if found:
            report.step("ok", f"page of a room of my own, {found.path}")
            pages.look_at_files(site, found, report)
            page = found
    goal = goal_of(site, page, room, report)
    if goal is None:
        return
    origin = wishes.origin or site.address.origin
    goals = [goal] if goal.source != "guess" else guesses(site, room)
    first = None
    for each in goals:
        tried = knock(site, each.target, origin, subprotocols=each.protocols)
        if first is None or tried.is_open or weight(tried) > weight(first):
            first, goal = tried, each
        if tried.is_open or tried.kind in ("silence", "hung up"):
            break
    mark = "ok" if first.is_open else "!!"
    report.step(mark, f"WebSocket {readable(first.target)}: {first.shown}")
    if not first.is_open and first.kind == "hung up" and first.seconds < LATE:
        first = knock(site, goal.target, origin, subprotocols=goal.protocols)
    may_speak = True
    if not first.is_open and first.kind == "status":
        other = elsewhere(site, goal, room, origin, report)
        if other:
            may_speak = tell_elsewhere(site, goal, first, other, report)
            first = other
    if not first.is_open:
        has_login = has_login or has_login_page(site)
        server = seen.answer.server
        options = {"has_login": has_login, "page_server": server}
        Door(site, first, origin, report, **options).judge()
        return
    try:
        converse(site, first, goal, wishes, report, may_speak)
    finally:
        first.close()


def weight(tried: Knock) -> int:
    """Return how much a refusal tells: of several guesses the best is shown."""
    return {403: 3, 401: 3, 500: 1, 101: 9}.get(tried.status, 2 if not tried.status else 0)


def quiet(target: str, room: str) -> str:
    """Return an address with a room of our own in place of a well-formed one."""
    path, mark, query = target.partition("?")
    found = ROOM.match(path)
    if found and re.fullmatch(GOOD_ROOM, found[2]):
        path = f"{found[1]}{room}{found[3]}"
    return path + mark + query


def goal_of(site: Site, page: Seen, room: str, report: Report) -> Goal | None:
    """Return where to knock, or None if the script's address says all."""
    address = site.address
    wanted = script_says.wish(site, page, report)
    target = None
    if wanted:
        before = len(report.wrong)
        target = script_says.judge(site, page, wanted, report)
        if target is None and len(report.wrong) > before and not address.is_socket:
            return None
    if address.is_socket:
        return Goal(quiet(address.target, room), "you", ())
    if target:
        return Goal(quiet(target.target, room), "script", wanted.protocols)
    return Goal("", "guess")


def guesses(site: Site, room: str) -> list[Goal]:
    """Return where the WebSocket of a page like this may be."""
    path = site.address.path
    own = [quiet(f"/ws{path}", room)] if path != "/" else []
    paths = [*own, "/ws/echo/", f"/ws/rooms/{room}/", f"/ws/chat/{room}/", "/ws/"]
    return [Goal(each, "guess") for each in dict.fromkeys(paths)]


def elsewhere(
    site: Site, goal: Goal, room: str, origin: str, report: Report
) -> Knock | None:
    """Return a WebSocket at a path like the one that does not let us in, or None."""
    path, mark, query = goal.target.partition("?")
    turned = path.rstrip("/") if path.endswith("/") else f"{path}/"
    near = [turned]
    if not path.startswith("/ws"):
        both = f"/ws{path}"
        near += [both, f"{both}/" if not both.endswith("/") else both]
    elif path.startswith("/ws/"):
        near += [path.removeprefix("/ws")]
    asked = site.address.target
    if goal.source == "you" and asked != goal.target:
        near.insert(0, asked.partition("?")[0])
    if goal.source != "guess":
        near += ["/ws/echo/", f"/ws/rooms/{room}/"]
    for each in dict.fromkeys(near):
        if each in ("", path):
            continue
        tried = knock(
            site,
            each + mark + query,
            origin,
            subprotocols=goal.protocols,
            patience=3,
        )
        if tried.is_open:
            return tried
        if tried.kind in ("silence", "hung up"):
            return None
    return None


def tell_elsewhere(
    site: Site, goal: Goal, first: Knock, other: Knock, report: Report
) -> bool:
    """Say how the right path differs. Returns whether one may speak there."""
    right, asked = other.target.partition("?")[0], goal.target.partition("?")[0]
    report.step("ok", f"WebSocket {readable(right)}: {other.shown}")
    if goal.source == "you" and right == site.address.path and asked != right:
        return False  # Only rooms that exist are let in: this is one, with people in.
    words = {"asked": readable(asked), "right": readable(right), "seen": first.shown}
    is_script = goal.source == "script"
    if ROOM.match(asked) and ROOM.match(right) and asked.count("/") == right.count("/"):
        if not re.fullmatch(GOOD_ROOM, ROOM.match(asked)[2]):
            report.find("bad-room-name", **words)
            return True
    if asked.rstrip("/") == right.rstrip("/"):
        report.find("slash-in-script" if is_script else "given-slash", **words)
    elif right.rstrip("/") == "/ws" + asked.rstrip("/"):
        report.find("no-ws-in-script" if is_script else "given-no-ws", **words)
    else:
        report.find("path-in-script" if is_script else "given-path", **words)
    return True


def has_login_page(site: Site) -> bool:
    """Tell whether there is a page of a login, though no page leads there."""
    for path in ("/login/", "/accounts/login/"):
        try:
            seen = pages.fetch(site, path, None)
        except (NoAnswerError, OSError):
            return False
        if seen and seen.answer.status == 200 and seen.document.has_password:
            return True
    return False


def converse(
    site: Site,
    door: Knock,
    goal: Goal,
    wishes: Wishes,
    report: Report,
    may_speak: bool,
) -> None:
    """The WebSocket is open: look at how it was opened, and speak."""
    if goal.protocols and not door.protocol:
        offered = ", ".join(goal.protocols)
        report.step("!!", f"the page offers {offered}; the server chooses none")
        report.find("subprotocol-not-chosen", offered=offered)
    if door.seconds > LATE:
        report.find("slow-handshake", seconds=f"{door.seconds:.0f}")
    talk.talk(door, report, may_speak)
    stranger = knock(site, door.target, FOREIGN, patience=3)
    stranger.close()
    if not stranger.is_open:
        report.step("ok", f"a page of another site: {stranger.shown}")
    elif wishes.login:
        report.step("!!", "a page of another site is let in, with your session")
        report.find("foreign-origin", name=wishes.login[0], origin=FOREIGN)
    else:
        report.step("ok", "a page of another site is let in, too: see chapter 4")
