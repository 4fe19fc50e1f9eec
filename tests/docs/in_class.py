"""What a room sees of the failures that a teacher causes, in a browser."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.browser.pages import send_text
from tests.checker.servers.runserver import Server
from tests.docs.repository import ROOT
from tests.proofs.records import Proof, Seen
from tests.proofs.runs import CHECKER, HARNESS, RESIDUE

PATIENCE = 20_000  # Milliseconds. A page gives up after ten seconds.


@dataclass(frozen=True)
class Failure:
    """A mistake in a stage, the pages that are open, and what is done on the first."""

    stage: str
    file: str
    right: str
    wrong: str
    paths: tuple[str, ...]
    act: Callable[[list[Page]], Seen]

    def proof(self) -> Proof:
        """Return what a record can stand for."""
        name = f"{self.stage}: {self.wrong.strip()}"
        depends = (ROOT / self.stage, Path(__file__), ROOT / "tests/browser/pages.py")
        return Proof("in_class", name, (*depends, *CHECKER, *HARNESS, self.right))

    def cause(self, browser: Browser, folder: Path) -> Seen:
        """Make it in a copy of the stage, serve that, and look."""
        work = shutil.copytree(ROOT / self.stage, folder / self.stage, ignore=RESIDUE)
        path = work / self.file
        code = path.read_text(encoding="utf-8")
        assert code.count(self.right) == 1, f"{self.file} has not once: {self.right}"
        path.write_text(code.replace(self.right, self.wrong), encoding="utf-8")
        context = browser.new_context()
        log = folder / "server.log"
        try:
            with Server(work, log) as server:
                pages = []
                for each in self.paths:
                    page = context.new_page()
                    page.goto(server.url.replace("ws:", "http:") + each)
                    pages.append(page)
                seen = self.act(pages)
        finally:
            context.close()
        printed = log.read_text(encoding="utf-8")
        return {**seen, "has_traceback": "Traceback" in printed}


def wait_for(page: Page, words: str) -> None:
    """Wait until a page shows some words."""
    page.get_by_text(words).first.wait_for(timeout=PATIENCE)


def others_hear_it(pages: list[Page]) -> Seen:
    """Send on the first page, and see where the answer comes."""
    for page in pages:
        wait_for(page, "Connected.")
    send_text(pages[0], "hello")
    wait_for(pages[1], "hello")
    wait_for(pages[0], "No answer: it may be lost.")
    return {"second": pages[1].locator("#messages").inner_text()}


def nobody_gets_in(pages: list[Page]) -> Seen:
    """See what the page says, three attempts long."""
    wait_for(pages[0], "Attempt 3")
    return {"status": pages[0].locator("#status").inner_text()}


def all_rooms_hear_it(pages: list[Page]) -> Seen:
    """Speak in the second room, and see whether the first one hears."""
    for page in pages:
        wait_for(page, "Connected to")
    send_text(pages[1], "Who is cooking?")
    wait_for(pages[0], "Who is cooking?")
    wait_for(pages[0], '"room": "kitchen"')
    return {"garden": pages[0].locator("#messages").inner_text()}


FAILURES = (
    Failure(
        "stage01_echo",
        "chat/routing.py",
        "EchoConsumer.as_asgi()",
        "EchoConsumer()",
        ("/", "/"),
        others_hear_it,
    ),
    Failure(
        "stage02_routing",
        "chat/routing.py",
        "websocket_urlpatterns = [\n",
        'websocket_urlpatterns = [\n    re_path(r"", refuse),\n',
        ("/rooms/garden/?name=ana",),
        nobody_gets_in,
    ),
    Failure(
        "stage02_routing",
        "chat/routing.py",
        "<room:room>/",
        "<room:room_name>/",
        ("/rooms/garden/?name=ana",),
        nobody_gets_in,
    ),
    Failure(
        "stage03_groups",
        "chat/consumers.py",
        'return f"room.{room}"',
        'return "room"',
        ("/rooms/garden/?name=ana", "/rooms/kitchen/?name=ben"),
        all_rooms_hear_it,
    ),
)
