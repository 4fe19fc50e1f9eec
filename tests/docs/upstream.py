"""
Try what docs/upstream.md proposes on copies of Daphne and Channels, and measure it.

    python3 -m tests.docs.upstream --write

takes about five minutes, and writes docs/upstream.json. Everything is measured with the
package as it is and with a changed copy of it, in turn. The copies are made in a
temporary folder: nothing here changes what is installed. What servers do is measured in
their own seconds on a CPU, so that it matters less what else the machine does.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from websockets.sync.client import connect

from tests.bench import fanout
from tests.checker.servers.effort import effort_of
from tests.checker.servers.runserver import Server
from tests.docs.repository import ROOT
from tests.proofs.runs import copy_of

HERE = Path(__file__).parent
RESULT = ROOT / "docs" / "upstream.json"
PACKAGES = ("Daphne", "Channels", "Django", "Twisted", "autobahn")

LONGEST = 60  # Seconds that a program may take.
ROUNDS = 30
SECONDS = 0.4  # How long a room is measured in a round.
ECHOES = 1_000
IN_FLIGHT = 16
STOPS = 20
EMPTY = 100  # Messages of each kind.

# What the programs print.
TOLD = "received 4001 (private use); then sent 4001 (private use)\n"
NOT_TOLD = "no close frame received or sent\n"
CAUSE = "KeyError: 'application_instance'"
TRIP = re.compile(r"(\d+) events a second\n.*: (\d+\.\d) s\n")

NO_DATABASE = """

through_a_thread = aclose_old_connections


async def aclose_old_connections():
    from django.db import connections

    engines = {each["ENGINE"] for each in connections.settings.values()}
    if engines != {"django.db.backends.dummy"}:
        await through_a_thread()
"""


def replaced(source: str, *pairs: tuple[str, str], times: int = 1) -> str:
    """Replace words of a source. Raises ValueError unless each is there so often."""
    for old, new in pairs:
        if source.count(old) != times:
            raise ValueError(f"{old!r} stands there {source.count(old)} times.")
        source = source.replace(old, new)
    return source


def sends_what_is_empty(source: str) -> str:
    """Let Daphne ask whether there is a content, and not whether it is true."""
    keys = [f'message.get("{key}", None)' for key in ("bytes", "text")]
    return replaced(source, *((key, f"{key} is not None") for key in keys), times=2)


def stops_all(source: str) -> str:
    """Let Daphne's stop pass over connections without an application."""
    return replaced(
        source,
        ('details["application_instance"]\n', 'details.get("application_instance")\n'),
        (
            "if not application_instance.",
            "if application_instance and not application_instance.",
        ),
    )


def makes_no_trip(source: str) -> str:
    """Let Channels close no connections where no database is configured."""
    return source + NO_DATABASE


class Change(NamedTuple):
    """A change that we propose: in which file of which package, and how."""

    package: str
    file: str
    made: Callable[[str], str]


CHANGES = {
    "empty": Change("daphne", "ws_protocol.py", sends_what_is_empty),
    "trip": Change("channels", "db.py", makes_no_trip),
    "stop": Change("daphne", "server.py", stops_all),
}


def changed(name: str, folder: Path) -> Path:
    """Copy a package into a new folder, and change it. Return the folder."""
    change = CHANGES[name]
    [installed] = find_spec(change.package).submodule_search_locations
    copy = folder / change.package
    shutil.copytree(installed, copy, ignore=shutil.ignore_patterns("__pycache__"))
    file = copy / change.file
    file.write_text(change.made(file.read_text("utf-8")), "utf-8")
    return folder


def run(
    program: str,
    *words: str,
    copies: Path | None = None,
    first: str = "",
    changes: dict[str, str] | None = None,
) -> tuple[str, str]:
    """
    Run a minimal program. Returns what it prints, and its log.

    `copies` is a folder with changed packages. `first` is code that comes before the
    program, `changes` are lines of the program that are others.
    """
    source = (HERE / program).read_text(encoding="utf-8")
    source = replaced(source, *(changes or {}).items())
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    if copies:
        environment["PYTHONPATH"] = str(copies)
    done = subprocess.run(
        [sys.executable, "-c", f"{first}{source}", *words],
        cwd=copies,  # Python would find the packages of the current folder first.
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    return done.stdout, done.stderr


def say(words: str) -> None:
    """Tell who waits what is measured now."""
    print(words, file=sys.stderr, flush=True)


# What is counted


def counted(name: str, of: int, before: int, after: int) -> dict[str, Any]:
    """Return a row: how many of so many, with the package as it is, and changed."""
    return {"name": name, "of": of, "before": before, "after": after}


def arrive(content: str | bytes, copies: Path | None) -> int:
    """Return how many of 100 messages arrive."""
    many = {'["text", "", b"", b"bytes"]': f"[{content!r}] * {EMPTY}"}
    said, _ = run("daphne_empty.py", copies=copies, changes=many)
    return said.partition("received:")[2].count(repr(content))


def empty(copies: Path) -> Iterator[dict[str, Any]]:
    """Count the empty messages that arrive, and others."""
    for content, name in (("", "empty text"), (b"", "empty binary"), ("a", "other")):
        say(f"  {name} messages")
        before, after = arrive(content, None), arrive(content, copies)
        yield counted(f"{name} messages that arrive", EMPTY, before, after)


def ends_in_the_middle(copies: Path | None, words: tuple[str, ...]) -> bool:
    """Stop a Daphne, and tell whether its stop ended in the middle."""
    said, logged = run("daphne_stop.py", *words, copies=copies)
    is_cut_short = logged.rstrip().endswith(CAUSE)
    if said != (NOT_TOLD if is_cut_short else TOLD):
        raise ValueError(f"daphne_stop.py printed {said!r}, and {logged!r}.")
    return is_cut_short


def stop(copies: Path) -> Iterator[dict[str, Any]]:
    """Count the stops that end in the middle, at ages that are spread evenly."""
    ages = [f"{2 * number / STOPS:.1f}" for number in range(STOPS)]
    when = f"{ages[0]} to {ages[-1]} s after a handshake"
    cases = {
        f"stops that end in the middle, {when}": (),
        "the same, while one client has sent half a request": ("half",),
    }
    with ThreadPoolExecutor(max_workers=2) as pool:
        for name, more in cases.items():
            say(f"  {name}")
            words = [(age, *more) for age in ages]
            counts = [
                sum(pool.map(partial(ends_in_the_middle, place), words))
                for place in (None, copies)
            ]
            yield counted(name, STOPS, *counts)


# What is timed


def timed(name: str, pairs: list[tuple[float, float]]) -> dict[str, Any]:
    """Return a row: medians of both, and the ratios, which are made round by round."""
    before, after = zip(*pairs, strict=True)
    ratios = sorted(new / old for old, new in pairs)
    quarter = len(ratios) // 4
    return {
        "name": name,
        "before": float(f"{median(before):.3g}"),
        "after": float(f"{median(after):.3g}"),
        "ratio": float(f"{median(ratios):.3g}"),
        "low": float(f"{ratios[quarter]:.3g}"),
        "high": float(f"{ratios[-1 - quarter]:.3g}"),
    }


def in_turn(
    name: str, measures: list[Callable[[], float]]
) -> list[tuple[float, float]]:
    """Measure two in each of the rounds, first the one and then the other first."""
    for measure in measures:
        measure()  # Python specializes the code that runs often.
    pairs = []
    for number in range(ROUNDS):
        say(f"  {name}: round {number + 1} of {ROUNDS}")
        order = (0, 1) if number % 2 else (1, 0)
        seen = {which: measures[which]() for which in order}
        pairs.append((seen[0], seen[1]))
    return pairs


def by_itself(copies: Path | None) -> tuple[float, float]:
    """Return events a second of a consumer that no server runs, and what one waits."""
    said, logged = run("channels_trip.py", copies=copies)
    if not (found := TRIP.fullmatch(said)):
        raise ValueError(f"channels_trip.py printed {said!r}, and {logged!r}.")
    return float(found[1]), float(found[2])


def per_second_of(server: Server, work: Callable[[], int]) -> float:
    """Return how much a server does in a second in which it has a CPU for itself."""
    before = effort_of(server.process.pid)
    done = work()
    return done / effort_of(server.process.pid).minus(before).worked


def echo(server: Server) -> int:
    """Let stage 1 echo, and keep some messages in flight. Return how many came back."""
    with connect(f"{server.url}/ws/echo/", proxy=None) as client:
        for number in range(ECHOES + IN_FLIGHT):
            if number < ECHOES:
                client.send("A text message, 32 bytes of it.\n")
            if number >= IN_FLIGHT:
                client.recv()
    return ECHOES


def deliver(room: fanout.Room) -> int:
    """Speak in a room of stage 3, and return how many deliveries that made."""
    return len(room.talk(8, SECONDS).delays)


def projects(stage: str, copies: Path, folder: Path) -> tuple[Path, Path]:
    """Return two copies of a stage. The second has the changed package beside it."""
    as_it_is = copy_of(ROOT / stage, folder / f"{stage}-before")
    other = copy_of(ROOT / stage, folder / f"{stage}-after")
    if stage == "stage03_groups":
        for each in (as_it_is, other):
            fanout.hush(each)
    # Python looks there first, as in the folder of any program.
    shutil.copytree(copies / "channels", other / "channels")
    return as_it_is, other


def trip(copies: Path) -> Iterator[dict[str, Any]]:
    """Time events, and what comes of them in stages 1 and 3."""
    name = "events of a consumer by itself"
    both = [lambda: by_itself(None)[0], lambda: by_itself(copies)[0]]
    yield timed(name, in_turn(name, both))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))

        def running(stage: str) -> list[Server]:
            return [
                stack.enter_context(Server(project, folder / f"{project.name}.log"))
                for project in projects(stage, copies, folder)
            ]

        measures = [
            partial(per_second_of, each, partial(echo, each))
            for each in running("stage01_echo")
        ]
        name = f"echoes of stage 1, {IN_FLIGHT} in flight"
        yield timed(name, in_turn(name, measures))
        measures = []
        for each in running("stage03_groups"):
            room = fanout.Room(stack, each, "room", 100)
            measures.append(partial(per_second_of, each, partial(deliver, room)))
        name = "deliveries of stage 3, to a room of 100, in memory"
        yield timed(name, in_turn(name, measures))


MEASURES = {"empty": empty, "trip": trip, "stop": stop}


def measure(names: list[str]) -> dict[str, Any]:
    """Return what some changes, by their names, have an effect on."""
    effects = {}
    for name in names:
        say(f"Measuring {name!r}, as it is and changed.")
        with TemporaryDirectory() as folder:
            effects[name] = list(MEASURES[name](changed(name, Path(folder))))
    return effects


def main() -> None:
    """Measure, print, and keep the result if asked to."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.docs.upstream")
    parser.add_argument("changes", nargs="*", help=f"of {', '.join(CHANGES)}; or all")
    parser.add_argument("--write", action="store_true", help="docs/upstream.json")
    options = parser.parse_args()
    if unknown := set(options.changes) - CHANGES.keys():
        parser.error(f"there is no change called {', '.join(sorted(unknown))}.")
    begun = time.monotonic()
    effects = measure(options.changes or list(CHANGES))
    say(f"It took {time.monotonic() - begun:.0f} s.")
    print(json.dumps(effects, indent=1))
    if options.write:
        old = json.loads(RESULT.read_text("utf-8")) if RESULT.exists() else {}
        result = {
            "command": "python -m tests.docs.upstream --write",
            "date": datetime.now(UTC).date().isoformat(),
            "rounds": ROUNDS,
            "versions": {"Python": platform.python_version()}
            | {name: version(name) for name in PACKAGES},
            "effects": old.get("effects", {}) | effects,
        }
        text = json.dumps(result, indent=1, ensure_ascii=False)
        RESULT.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
