"""Where the WebSocket is, whether it lets us in, and what is said there."""

import re
from typing import NamedTuple
from urllib.parse import unquote

from tests.checker.doctor import pages, script_says, talk
from tests.checker.doctor.handshake import FOREIGN, Knock, knock
from tests.checker.doctor.pages import ROOM, Seen
from tests.checker.doctor.refusals import Door
from tests.checker.doctor.report import Report
from tests.checker.doctor.site import NoAnswerError, Site

GOOD_ROOM = r"[A-Za-z0-9_-]{1,50}"
LATE = SLOW = 2.5  # Seconds of a handshake.


class Way(NamedTuple):
    """How we come: the Origin, and as whom."""

    origin: str
    has_login: bool  # A page leads to a login.
    name: str  # Who has logged in, or "".


class Goal(NamedTuple):
    """Where the WebSocket should be, and who says so: "you", "script" or "guess"."""

    target: str
    source: str
    protocols: tuple[str, ...] = ()


def look(site: Site, seen: Seen, way: Way, report: Report) -> None:
    """Find the WebSocket, knock there, and speak."""
    room = report.own_room = pages.own_room()
    page = seen
    if "WebSocket" not in "".join(seen.scripts) and not seen.leads_to_login:
        found = pages.room_page(site, seen, room)
        if found and found.document.sources != seen.document.sources:
            report.step("ok", f"page of a room of my own, {found.path}")
            pages.look_at_files(site, found, report)
            page = found
    script_says.look(site, page, report)
    goal = goal_of(site, page, room, report)
    if goal is None:
        return
    report.room = room_in(site, goal, report)
    first, goal = try_all(site, goal, room, way)
    mark = "ok" if first.is_open else "?" if first.status in (401, 403) else "!!"
    ours = " (a room of my own)" if room in first.target else ""
    report.step(mark, f"WebSocket {unquote(first.target)}{ours}: {first.shown}")
    may_speak = True
    if not first.is_open and first.kind == "status":
        other = elsewhere(site, goal, room, way)
        if other:
            may_speak = tell_elsewhere(site, goal, first, other, report)
            first = other
    if first.is_open:
        try:
            converse(site, first, goal, way, may_speak, report)
        finally:
            first.close()
        return
    if any(each.id == "page-500" for each in report.wrong):
        return  # The same fault may be behind it.
    options = {
        "has_login": lambda: way.has_login or has_login_page(site),
        "page_server": seen.answer.server,
    }
    Door(site, first, way.origin, report, **options).judge()


def try_all(site: Site, goal: Goal, room: str, way: Way) -> tuple[Knock, Goal]:
    """Knock where the WebSocket should be; return what tells most, and of where."""
    goals = [goal] if goal.source != "guess" else guesses(site, room, way)
    first = None
    for each in goals:
        options = {"subprotocols": each.protocols}
        tried = knock(site, each.target, way.origin, **options)
        if tried.kind == "hung up" and tried.seconds < LATE:
            # On a machine with much to do, once more: who never answers does it twice.
            tried = knock(site, each.target, way.origin, **options)
        if first is None or weight(tried) > weight(first):
            first, goal = tried, each
        if tried.is_open or tried.kind in ("silence", "hung up"):
            break
    return first, goal


def room_in(site: Site, goal: Goal, report: Report) -> str:
    """Return the room that was meant where we take one of our own, or ""."""
    if report.own_room not in goal.target:
        return ""
    return named_room(site)


def named_room(site: Site) -> str:
    """Return the room in the address that was typed, or one of the course."""
    found = ROOM.match(site.address.path)
    return found[2] if found else "garden"


def weight(tried: Knock) -> int:
    """Return how much a refusal tells: of several guesses the best is shown."""
    return {403: 3, 401: 3, 500: 1, 101: 9}.get(
        tried.status, 2 if not tried.status else 0
    )


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
    if address.is_socket and address.path != "/":
        return Goal(quiet(address.target, room), "you", ())
    if target:
        return Goal(quiet(target.target, room), "script", wanted.protocols)
    return Goal("", "guess")


def guesses(site: Site, room: str, way: Way) -> list[Goal]:
    """Return where the WebSocket of a page like this may be."""
    path = site.address.path
    own = [quiet(f"/ws{path}", room)] if path != "/" else []
    rooms = [f"/ws/rooms/{room}/", f"/ws/chat/{room}/"]
    # Who has a login has rooms.
    paths = (
        [*own, *rooms, "/ws/echo/"] if way.has_login else [*own, "/ws/echo/", *rooms]
    )
    return [Goal(each, "guess") for each in dict.fromkeys(paths)]


def elsewhere(site: Site, goal: Goal, room: str, way: Way) -> Knock | None:
    """Return a WebSocket at a path like the one that does not let us in, or None."""
    path, mark, query = goal.target.partition("?")
    turned = path.rstrip("/") if path.endswith("/") else f"{path}/"
    near = [turned]
    if not path.startswith("/ws"):
        both = f"/ws{path}"
        near += [both, f"{both}/" if not both.endswith("/") else both]
    elif path.startswith("/ws/"):
        near += [path.removeprefix("/ws")]
    if room in path:  # Perhaps the server knows its own rooms only.
        near.insert(0, path.replace(room, named_room(site)))
    if goal.source != "guess":
        near += ["/ws/echo/", f"/ws/rooms/{room}/"]
    for each in dict.fromkeys(near):
        if each in ("", path):
            continue
        tried = knock(
            site,
            each + mark + query,
            way.origin,
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
    report.step("ok", f"WebSocket {unquote(right)}: {other.shown}")
    meant = asked.replace(report.own_room, named_room(site))
    if report.own_room in asked and right == meant:
        return False  # Only rooms that exist are let in: this is one, with people in.
    words = {"asked": unquote(asked), "right": unquote(right), "seen": first.shown}
    is_script = goal.source == "script"
    named = ROOM.match(asked)
    if named and ROOM.match(right) and not re.fullmatch(GOOD_ROOM, named[2]):
        report.find("bad-room-name", **words)
    elif asked.rstrip("/") == right.rstrip("/"):
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
    way: Way,
    may_speak: bool,
    report: Report,
) -> None:
    """The WebSocket is open: look at how it was opened, and speak."""
    if goal.protocols and not door.protocol:
        offered = ", ".join(goal.protocols)
        report.step("!!", f"the page offers {offered}; the server chooses none")
        report.find("subprotocol-not-chosen", offered=offered)
    if door.seconds > SLOW:
        report.find("slow-handshake", seconds=f"{door.seconds:.0f}")
    talk.talk(door, report, may_speak)
    stranger = knock(site, door.target, FOREIGN, patience=3)
    stranger.close()
    if not stranger.is_open:
        report.step("ok", f"a page of another site: {stranger.shown}")
    elif way.name:
        report.step("!!", "a page of another site is let in, with your session")
        report.find("foreign-origin", name=way.name, origin=FOREIGN)
    else:
        report.step("ok", "a page of another site is let in, too: see chapter 4")
