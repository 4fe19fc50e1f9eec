"""
Record what clients and each finished stage say to each other.

    python -m tests.docs.sessions --write
    python -m tests.docs.sessions --write stage03_groups home

plays the sessions anew, or some of them, and writes them to docs/assets/sessions.json,
from which the macro `session` makes the figures of the pages. Nobody writes there by
hand: test_sessions.py plays them again, and compares their shape.

Each client speaks through a tap of its own name. What varies is kept as it was, such as
keys, masks and ports, but for cookies: whoever has one is let in.
"""

import argparse
import json
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from playwright.sync_api import BrowserType, Page, expect, sync_playwright
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.http11 import Response
from websockets.uri import parse_uri

from tests.browser.chromium import find_chromium, launch
from tests.browser.pages import message, send_text
from tests.checker.accounts import PASSWORD, Accounts, Visitors
from tests.checker.accounts import Browser as Visitor
from tests.checker.servers.runserver import Server
from tests.checker.servers.tls import TlsServer, copy_with_keys
from tests.docs.tap import AT_ONCE, Event, Stream, Tap
from tests.proofs.records import versions
from tests.proofs.runs import ROOT, copy_of

RECORDED = ROOT / "docs/assets/sessions.json"
PATIENCE = 15  # Seconds. What is waited for comes in milliseconds.
QUIET = 0.15  # Seconds in which nothing passes: then nothing more is on its way.
THINKING = 1.9  # Seconds until somebody at a page answers.
COOKIE = re.compile(r"\b(sessionid|csrftoken)=(\w{4})\w+")
GARDEN = "/ws/rooms/garden/"
# Headers of the handshake that mean something for it. A browser sends many more.
MEANT = {"host", "upgrade", "connection", "origin", "cookie"}


class Peer:
    """A client of one WebSocket, which speaks through a tap, under a name."""

    def __init__(
        self,
        stage: "Stage",
        name: str,
        path: str,
        *,
        trust: ssl.SSLContext | None = None,
        **headers: str,
    ) -> None:
        self.stage = stage
        stage.peers.append(self)  # Whom nobody knows any more hangs up.
        self.name = name
        self.protocol = ClientProtocol(
            parse_uri(stage.server.url + path), max_size=None
        )
        self.heard: list[Response | Frame] = []
        self.inside = {name: Stream(is_tls=False), "server": Stream(is_tls=False)}
        self.is_sealed = trust is not None
        place = ("127.0.0.1", stage.tap.door(name))
        self.socket = socket.create_connection(place, PATIENCE)
        if trust:
            self.socket = trust.wrap_socket(self.socket, server_hostname="localhost")
            stage.wait_until_quiet()  # The server's tickets come after its handshake.
        request = self.protocol.connect()
        request.headers.update(headers)
        self.protocol.send_request(request)
        self.flush()

    def note(self, speaker: str, data: bytes) -> None:
        """Note what was said inside of TLS, where only the two of them can read."""
        listener = "server" if speaker == self.name else self.name
        for event in self.inside[speaker].feed(data):
            about = {"from": speaker, "to": listener}
            self.stage.tap.note(inside=True, **about, **event)

    def flush(self) -> None:
        """Send what the protocol wants to be sent."""
        for data in self.protocol.data_to_send():
            if not data:
                continue  # The end, which is for `end()` to make.
            if self.is_sealed:
                self.note(self.name, data)
            self.socket.sendall(data)

    def hear(self, count: int) -> None:
        """Wait until so many more answers and frames have come."""
        wanted = len(self.heard) + count
        while len(self.heard) < wanted:
            data = self.socket.recv(65_536)
            if self.is_sealed:
                self.note("server", data)
            if data:
                self.protocol.receive_data(data)
            else:  # A refusal may last until the end.
                self.protocol.receive_eof()
            self.heard += self.protocol.events_received()
            self.flush()
            is_there = data or len(self.heard) >= wanted
            assert is_there, f"{self.name} waits for more than {self.heard}."

    def say(self, text: str) -> None:
        """Send a text in one frame."""
        self.protocol.send_text(text.encode())
        self.flush()

    def close(self, code: int) -> None:
        """Begin to close, and wait for the answer."""
        self.protocol.send_close(code)
        self.flush()
        self.hear(1)

    def end(self) -> None:
        """Wait until the server hangs up, and hang up."""
        with suppress(ConnectionResetError):
            while self.socket.recv(65_536):
                pass
        self.socket.close()
        self.stage.wait_until_quiet()

    def vanish(self) -> None:
        """Be gone, as after a crash: the system says so, and nobody says goodbye."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self.socket.close()


class Stage(NamedTuple):
    """A stage that is served, and the tap before it. `visitors` are who can log in."""

    server: Server
    tap: Tap
    peers: list[Peer]
    browser_type: BrowserType | None = None
    visitors: Visitors | None = None

    def peer(self, name: str, path: str, **headers: Any) -> Peer:
        """Ask for a WebSocket, as a page of the server's own does."""
        return Peer(self, name, path, **{"Origin": self.server.origin} | headers)

    def wait_until_quiet(self) -> None:
        """Wait until nothing more has passed for a while."""
        deadline = time.monotonic() + PATIENCE
        while True:
            count = len(self.tap.events)
            time.sleep(QUIET)
            if len(self.tap.events) == count:
                return
            assert time.monotonic() < deadline, "It is never quiet."


# What is played


def echo(stage: Stage) -> None:
    """Say hi, and close with a code of one's own."""
    client = stage.peer("client", "/ws/echo/")
    client.hear(1)
    client.say("Hi")
    client.hear(1)
    client.close(4000)
    client.end()


def routing(stage: Stage) -> None:
    """Ask with a name that is too short, then with a good one, and say no JSON."""
    client = stage.peer("client", f"{GARDEN}?name=")
    client.hear(1)
    client.end()
    client = stage.peer("client", f"{GARDEN}?name=ana")
    client.hear(2)
    client.say("Hi")
    client.hear(1)
    client.say(json.dumps({"type": "message", "text": "Hi"}))
    client.hear(1)
    client.close(1000)
    client.end()


def groups(stage: Stage) -> None:
    """Be two in a room, until one of them is gone without a word."""
    ana = stage.peer("ana", f"{GARDEN}?name=ana")
    ana.hear(3)
    ben = stage.peer("ben", f"{GARDEN}?name=ben")
    ben.hear(3)
    ana.hear(1)
    ben.say(json.dumps({"type": "message", "text": "Hi"}))
    for each in (ana, ben):
        each.hear(1)
    ben.vanish()
    ana.hear(1)
    stage.wait_until_quiet()


def auth(stage: Stage) -> None:
    """Come from nowhere, then from our own page; then log out in another tab."""
    browser = stage.visitors.browser(stage.server, "ana")
    headers = browser.headers_at(stage.server.url)
    stranger = Peer(stage, "page", GARDEN, Cookie=headers["Cookie"])
    stranger.hear(1)
    stranger.end()
    page = Peer(stage, "page", GARDEN, **headers)
    page.hear(3)
    tab = Visitor(f"ws://127.0.0.1:{stage.tap.door('other tab')}")
    for cookie in browser.jar:  # Both tabs are of one browser.
        tab.jar.set_cookie(cookie)
    tab.log_out()
    page.hear(1)
    page.end()


def wss(stage: Stage) -> None:
    """Say in a room what nobody on the way shall know."""
    headers = stage.visitors.headers(stage.server, "ana")
    ana = Peer(stage, "ana", GARDEN, trust=stage.server.trust, **headers)
    ana.hear(3)
    ana.say(json.dumps({"type": "message", "text": "The key is under the mat."}))
    ana.hear(1)
    ana.close(1000)
    ana.end()


# What a page shows, noted with the page's own clock.
WATCH = """() => {
  window.shown = [];
  const note = ({ className, textContent }) => {
    shown.push([performance.timeOrigin + performance.now(), className, textContent]);
  };
  addEventListener("DOMContentLoaded", () => {
    const messages = document.querySelector("#messages ul");
    const look = (records) => {
      for (const { addedNodes } of records) {
        addedNodes.forEach(note);
      }
    };
    new MutationObserver(look).observe(messages, { childList: true });
  });
}"""


def home(stage: Stage) -> None:
    """Let two people talk in their browsers."""
    with closing(launch(stage.browser_type, path=find_chromium())) as browser:
        pages = {}

        def enter(name: str) -> Page:
            page = browser.new_page()
            page.add_init_script(f"({WATCH})()")
            door = f"http://127.0.0.1:{stage.tap.door(name)}"
            page.goto(f"{door}/rooms/garden/?name={name}")
            expect(message(page, f"{name} has joined.")).to_be_visible()
            pages[name] = page
            return page

        ana = enter("ana")
        time.sleep(THINKING)
        ben = enter("ben")
        expect(message(ana, "ben has joined.")).to_be_visible()
        for page, text in ((ben, "Is anybody there?"), (ana, "I am.")):
            time.sleep(THINKING)
            send_text(page, text)
            for each in (ana, ben):
                expect(each.locator("#messages li").last).to_contain_text(text)
        time.sleep(THINKING)
        # A page that is closed says so: what it has shown must be asked before.
        shown = {name: page.evaluate("shown") for name, page in pages.items()}
        ben.close()
        expect(message(ana, "ben has left.")).to_be_visible()
        stage.wait_until_quiet()
        shown["ana"] = ana.evaluate("shown")
        # What follows is the end of the browser. How it ends TCP is its own business.
        kept = [each for each in stage.tap.events if each["kind"] != "tcp"]
        for name, lines in shown.items():
            for at, kind, text in lines:
                seconds = at / 1000 - stage.tap.wall - stage.tap.begun
                line = {"from": name, "kind": "page", "class": kind, "shows": text}
                kept.append({"at": round(seconds, 5), **line})
    stage.wait_until_quiet()
    stage.tap.events[:] = sorted(kept, key=lambda event: event["at"])


class Script(NamedTuple):
    """How a session is made: the stage, the clients' names, and what they do."""

    stage: str
    clients: tuple[str, ...]
    play: Callable[[Stage], None]
    asked: tuple[bytes, ...] = ()


SCRIPTS = {
    "stage01_echo": Script("stage01_echo", ("client",), echo),
    "stage02_routing": Script("stage02_routing", ("client",), routing),
    "stage03_groups": Script("stage03_groups", ("ana", "ben"), groups),
    "stage04_auth": Script(
        "stage04_auth", ("page", "other tab"), auth, (b"GET /ws/", b"POST /logout/")
    ),
    "stage05_wss": Script("stage05_wss", ("ana",), wss),
    "home": Script("stage03_groups", ("ana", "ben"), home, (b"GET /ws/",)),
}


def record(name: str, browser_type: BrowserType | None = None) -> list[Event]:
    """Play a session, and return what was said in it."""
    script = SCRIPTS[name]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        source, project = ROOT / script.stage, folder / "project"
        is_tls = script.stage == "stage05_wss"
        (copy_with_keys if is_tls else copy_of)(source, project)
        environment: Mapping[str, str] = {}
        visitors = None
        if script.stage >= "stage04":
            accounts = stack.enter_context(closing(Accounts(project, folder)))
            environment = accounts.environment
            visitors = Visitors({"ana": PASSWORD})
        kind = TlsServer if is_tls else Server
        log = folder / "server.log"
        server = stack.enter_context(kind(project, log, environment=environment))
        if visitors:
            visitors.browser(server, "ana")  # It logs in: that is no part of it.
        tap = Tap(server.port, *script.asked, is_tls=is_tls)
        stack.enter_context(tap)
        stage = Stage(server, tap, [], browser_type, visitors)
        script.play(stage)
        events = [without_secrets(event) for event in tap.events]
        for peer in stage.peers:
            peer.socket.close()
    return from_zero(sealed(events) if is_tls else events)


def without_secrets(event: Event) -> Event:
    """Shorten cookies to their beginnings."""
    if "head" not in event:
        return event
    return event | {"head": [COOKIE.sub(r"\1=\2…", line) for line in event["head"]]}


def from_zero(events: list[Event]) -> list[Event]:
    """Count the seconds from the first event."""
    first = events[0]["at"]
    return [event | {"at": round(event["at"] - first, 4)} for event in events]


# What a record of TLS 1.3 has besides what it carries (RFC 8446, section 5.2): its
# head, the kind of what is inside, and the proof that nobody changed it.
OVERHEAD = 5 + 1 + 16


def sealed(events: list[Event]) -> list[Event]:
    """
    Put what was said inside of TLS into the record that carried it: their sizes fit.

    Other records of the same side in a row become one event.
    """
    found: list[Event] = []
    says = [event for event in events if event.get("inside")]
    for event in events:
        if event.get("inside"):
            continue
        if event["kind"] != "tls":
            found.append(event)
            continue
        record = {key: event.pop(key) for key in ("type", "hex")}
        event["records"] = [record | {"size": event["size"]}]
        if inside := carried(event, says):
            says = [each for each in says if each not in inside]
            kept = ("at", "from", "to", "inside")
            event["inside"] = [
                {key: each[key] for key in each if key not in kept} for each in inside
            ]
        elif found and can_go_on(found[-1], event["from"]):
            found[-1]["records"] += event["records"]
            found[-1]["size"] += event["size"]
            continue
        found.append(event)
    assert not says, says
    return found


def carried(event: Event, says: list[Event]) -> list[Event]:
    """Return what a record carried of what is still to be said, the oldest first."""
    if not says:
        return []
    found: list[Event] = []
    size = 0
    for each in says:
        if each["from"] != event["from"]:
            continue
        found.append(each)
        size += each["size"]
        if size + OVERHEAD >= event["size"]:
            break
    # The server says nothing before it is asked, but its part of the handshake.
    is_asked = event["from"] != "server" or says[0]["from"] == "server"
    return found if is_asked and size + OVERHEAD == event["size"] else []


def can_go_on(event: Event, side: str) -> bool:
    """Tell whether more records of this side belong to an event."""
    return event["kind"] == "tls" and event["from"] == side and "inside" not in event


def shape(events: list[Event]) -> list[list[Any]]:
    """
    Return what must be the same each time: who says what, in which order, with what.

    Two connections may be served in any order, so each is told by itself. Not compared
    are times, keys, masks, ports, and what TLS says for itself.
    """
    told: dict[str, list[Any]] = {}
    for event in events:
        if event["kind"] == "tls" and not event.keys() & {"server_name", "inside"}:
            continue  # How many records that takes is TLS's own business.
        key = str(event.get("connection", f"page of {event['from']}"))
        told.setdefault(key, []).append([event["from"], *parts(event)])
    return [told[key] for key in sorted(told)]


def parts(event: Event) -> list[Any]:
    """Return what an event says that does not vary."""
    match event["kind"]:
        case "http":
            first, *lines = event["head"]
            names = [line.partition(":")[0].lower() for line in lines]
            meant = [n for n in names if n in MEANT or n.startswith("sec-websocket")]
            return [first, sorted(meant)]
        case "frame":
            names = ("fin", "rsv", "opcode", "masked", "length")
            said = event.get("text", event.get("code"))
            return [*(event[name] for name in names), said]
        case "tls":
            inside = event.get("inside", [])
            return [event.get("server_name"), *map(parts, inside)]
        case "page":
            return [event["class"], event["shows"]]
        case "tcp":
            return [event["how"]]


def recorded() -> dict[str, Any]:
    """Return what was recorded, by the names of the sessions."""
    return json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else {}


def write(names: list[str]) -> None:
    """Play sessions anew, and write them down."""
    found = recorded()
    with sync_playwright() as playwright:
        for name in names:
            found[name] = {
                "day": datetime.now(UTC).date().isoformat(),
                "with": versions(),
                "clients": SCRIPTS[name].clients,
                "events": record(name, playwright.chromium),
            }
            print(f"{name}: {len(found[name]['events'])} events")
    in_order = {name: found[name] for name in SCRIPTS if name in found}
    text = json.dumps(in_order, indent=1, ensure_ascii=False)
    RECORDED.write_text(f"{text}\n", encoding="utf-8")


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs.sessions")
    parser.add_argument("--write", nargs="*", metavar="SESSION", required=True)
    names = parser.parse_args().write or list(SCRIPTS)
    write(names)


if __name__ == "__main__":
    main()
