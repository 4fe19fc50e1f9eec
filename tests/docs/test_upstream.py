"""
What the page for the authors of Daphne and Channels says, observed again.

Whether Daphne has tidied up is not left to chance: each test sees to that. How far a
change goes stands in docs/upstream.json; that it has an effect is seen here.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from channels.consumer import AsyncConsumer
from channels.generic import http, websocket

from docs.shown.repository import CannotShow
from docs.shown.upstream import upstream_effect
from tests.docs import upstream
from tests.docs.repository import ROOT
from tests.docs.upstream import CAUSE, NOT_TOLD, TOLD, changed

HERE = Path(__file__).parent
PROGRAMS = ("daphne_empty.py", "channels_trip.py", "daphne_stop.py")
pytestmark = pytest.mark.recorded(
    HERE / "upstream.py",
    *(HERE / program for program in PROGRAMS),
    *(ROOT / f"docs/{name}" for name in ("upstream.json", "servers.json")),
    ROOT / "docs/shown/upstream.py",
)

run = partial(upstream.run, "daphne_stop.py")


def run_apart(coroutine: Coroutine) -> None:
    """Run a coroutine in a thread: a browser of other tests has a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, coroutine).result()


NEVER_TIDIES_UP = "Server.application_checker = lambda self: None\n"
FIRST = f"from daphne.server import Server\n{NEVER_TIDIES_UP}"

STOPS = "        reactor.callFromThread(reactor.stop)\n"
SENDS = "        other.sendall(HALF_A_REQUEST)\n"
ACCEPTS = '    await send({"type": "websocket.accept"})\n'
ANSWERS = """    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"A page."})
        return
"""
ENDS = """    if scope["path"] == "/ends":
        return
"""
COMES_TOO = """        ends = f"ws://{host}:{port}/ends"
        stays = connect(ends, proxy=None).__enter__()
"""


def asks(request: bytes) -> str:
    """Return what makes the other client send a request and wait for the answer."""
    return f"        other.sendall({request!r})\n        assert other.recv(1)\n"


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that makes a folder with a changed package."""
    return lambda name: changed(name, tmp_path)


# What is empty


ALL = ["text", "", b"", b"bytes"]
SENT = f"sent: {ALL}\n"
BOTH = {"key: content": '"text": "", "bytes": b"bytes"'}


def test_what_is_empty_is_not_sent_and_nothing_says_so() -> None:
    said, logged = upstream.run("daphne_empty.py")
    assert said == f"{SENT}received: {['text', b'bytes']}\n"
    assert not logged


def test_what_is_empty_is_sent_when_it_is_mended(copy: Callable) -> None:
    said, _ = upstream.run("daphne_empty.py", copies=copy("empty"))
    assert said == f"{SENT}received: {ALL}\n"


def test_of_both_contents_the_one_that_is_not_empty_is_sent() -> None:
    said, logged = upstream.run("daphne_empty.py", changes=BOTH)
    assert said == f"{SENT}received: {[b'bytes'] * 4}\n"
    assert not logged


def test_both_contents_are_an_error_when_it_is_mended(copy: Callable) -> None:
    sends = '        await send({"type": "websocket.send", key: content})\n'
    refused = sends.replace("key: content", '"text": "ValueError"')
    tries = (
        f"        try:\n    {sends.replace('key: content', BOTH['key: content'])}"
        f"        except ValueError:\n    {refused}"
    )
    said, _ = upstream.run(
        "daphne_empty.py", copies=copy("empty"), changes={sends: tries}
    )
    assert said == f"{SENT}received: {['ValueError'] * 4}\n"


def test_what_comes_empty_from_the_client_reaches_the_application() -> None:
    changes = {
        "    for content in SENT:\n": (
            "    for _ in range(3):\n"
            '        content = repr((await receive()).get("text", "connect"))\n'
        ),
        "        received =": '        client.send("")\n        client.send("a")\n'
        "        received =",
    }
    said, _ = upstream.run("daphne_empty.py", changes=changes)
    assert (
        said.splitlines()[-1] == f"received: {[repr(x) for x in ('connect', '', 'a')]}"
    )


@pytest.mark.parametrize("content", [{"text_data": ""}, {"bytes_data": b""}])
def test_channels_hands_on_what_is_empty(content: dict[str, str | bytes]) -> None:
    sent = []

    async def send(message: dict) -> None:
        sent.append(message)

    consumer = websocket.AsyncWebsocketConsumer()
    consumer.base_send = send
    run_apart(consumer.send(**content))
    [message] = sent
    assert [*content.values()] == [v for k, v in message.items() if k != "type"]


def test_other_servers_send_what_is_empty() -> None:
    seen = json.loads((ROOT / "docs/servers.json").read_text("utf-8"))["servers"]
    echoed = {
        name: server["seen"]["messages"]["an empty message, echoed"]
        for name, server in seen.items()
    }
    others = dict.fromkeys(("uvicorn", "hypercorn"), "comes back")
    assert echoed == {"Daphne": "nothing comes", **others}


# The trip


WITH_DATABASE = {
    "settings.configure()": "settings.configure(DATABASES={'default': "
    "{'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}})"
}


def waited(**options: object) -> float:
    """Return how long an event waits for somebody else, in seconds."""
    said, logged = upstream.run("channels_trip.py", **options)
    assert not logged
    return float(upstream.TRIP.fullmatch(said)[2])


def test_event_waits_for_somebody_else_in_the_thread() -> None:
    assert waited() >= 0.7  # Of one second, 0.1 and a start have gone by.


def test_event_waits_for_nobody_when_there_is_no_trip(copy: Callable) -> None:
    assert waited(copies=copy("trip")) <= 0.5


def test_with_a_database_all_stays_as_it_is(copy: Callable) -> None:
    assert waited(copies=copy("trip"), changes=WITH_DATABASE) >= 0.7


def test_the_trip_is_made_before_each_event_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trips = []

    async def note(where: str) -> None:
        trips.append(where)

    for module in ("channels.consumer", "channels.generic.websocket"):
        monkeypatch.setattr(f"{module}.aclose_old_connections", partial(note, module))

    class Consumer(websocket.AsyncWebsocketConsumer):
        groups = ()

        async def connect(self) -> None: ...

    async def events() -> None:
        consumer = Consumer()
        await consumer.dispatch({"type": "websocket.connect"})
        await consumer.dispatch({"type": "websocket.receive", "text": "a"})
        with pytest.raises(websocket.StopConsumer):
            await consumer.dispatch({"type": "websocket.disconnect", "code": 1000})

    run_apart(events())
    assert trips == ["channels.consumer"] * 3 + ["channels.generic.websocket"]
    names = http.AsyncHttpConsumer.http_disconnect.__code__.co_names
    assert "aclose_old_connections" in names
    assert AsyncConsumer.dispatch.__module__ == "channels.consumer"


# The stop


def test_all_are_told_when_the_handshake_is_two_seconds_old() -> None:
    # Daphne has tidied up: its timer of a second ends before ours of two.
    assert run("2") == (TOLD, "")


def test_nobody_is_told_right_after_a_handshake() -> None:
    said, logged = run("0", first=FIRST)
    assert said == NOT_TOLD
    assert logged.splitlines()[-1] == CAUSE


def test_nobody_is_told_while_half_a_request_has_come() -> None:
    said, logged = run("2", "half")
    assert said == NOT_TOLD
    assert logged.splitlines()[-1] == CAUSE


def test_nobody_is_told_after_a_request_that_was_refused_early() -> None:
    bad = asks(b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n")
    said, logged = run("2", changes={STOPS: f"        {NEVER_TIDIES_UP}{bad}{STOPS}"})
    assert said == NOT_TOLD
    assert logged.splitlines()[-1] == CAUSE


def test_nobody_is_told_while_a_client_stays_whose_application_has_ended() -> None:
    said, logged = run("2", changes={ACCEPTS: ACCEPTS + ENDS, SENDS: COMES_TOO})
    assert said == NOT_TOLD
    assert logged.splitlines()[-1] == CAUSE


def test_all_are_told_right_after_a_page() -> None:
    page = asks(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    stop = f"        {NEVER_TIDIES_UP}{page}{STOPS}"
    assert run("2", changes={STOPS: stop, ACCEPTS: ANSWERS + ACCEPTS}) == (TOLD, "")


@pytest.mark.parametrize("words", [("0",), ("2",), ("2", "half")], ids=" ".join)
def test_all_are_told_when_it_is_mended(words: tuple[str, ...], copy: Callable) -> None:
    assert run(*words, copies=copy("stop")) == (TOLD, "")


def test_nothing_of_it_is_logged_by_default() -> None:
    assert run("2", "half", changes={"verbosity=2": "verbosity=1"}) == (NOT_TOLD, "")


def test_program_without_an_argument_says_what_it_wants() -> None:
    said, logged = run()
    assert said == ""
    assert logged == "usage: python3 tests/docs/daphne_stop.py SECONDS [half]\n"


# What is told of the changes


def test_each_round_is_told_while_it_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(upstream, "ROUNDS", 2)
    pairs = upstream.in_turn("echoes", [lambda: 1.0, lambda: 2.0])
    assert pairs == [(1.0, 2.0)] * 2
    told = capsys.readouterr().err
    assert told == "  echoes: round 1 of 2\n  echoes: round 2 of 2\n"


@pytest.mark.parametrize("name", upstream.CHANGES)
def test_page_names_the_file_of_each_change(name: str) -> None:
    change = upstream.CHANGES[name]
    page = (ROOT / "docs/upstream.md").read_text("utf-8")
    assert f"The file is `{change.package}/{change.file}`" in page


EFFECTS = json.loads(upstream.RESULT.read_text("utf-8"))["effects"]


def test_each_change_was_measured_and_helps() -> None:
    assert EFFECTS.keys() == upstream.CHANGES.keys()
    empty, trip, stop = (EFFECTS[name] for name in ("empty", "trip", "stop"))
    assert [row["after"] for row in empty] == [row["of"] for row in empty]
    assert all(row["ratio"] > 1 for row in trip)
    assert all(row["before"] > row["after"] == 0 for row in stop)


def test_change_that_fits_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match="'if not ready' stands there 0 times"):
        upstream.replaced("if ready:", ("if not ready", "if ready"))


def test_effects_are_shown_as_they_were_measured() -> None:
    assert "| empty text messages that arrive | 0 of 100 | 100 of 100 |" in (
        upstream_effect("empty")
    )
    row = EFFECTS["trip"][0]
    assert f"| {row['ratio']:.1f} ({row['low']:.1f} to " in upstream_effect("trip")
    with pytest.raises(CannotShow, match="no effect called nothing"):
        upstream_effect("nothing")
