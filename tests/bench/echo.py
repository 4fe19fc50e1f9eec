"""
How many messages a second come back from stage 1, and from other ways to write it.

All are served by the same `manage.py runserver`, which is Daphne. It logs handshakes
and goodbyes but no message, and neither DEBUG nor the static files that runserver adds
are in a message's way: both end where the consumer begins. What the tests watch inside
a server, tests/checker/servers/inside_server, costs stage 1 up to 3 % and is left in.
"""

from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.load import MESSAGE, Load, load
from tests.checker.servers.runserver import Server
from tests.proofs.runs import ROOT, solution

ROUNDS = 20
SECONDS = 0.3
WARM_UP = 0.2  # Seconds. Python specializes the code that runs often.

STAGE = "stage 1, asynchronous consumer"
SOLUTIONS = {
    "synchronous consumer, as in many tutorials": "stage01_synchronous",
    "bare ASGI function, no Channels": "stage01_raw_asgi",
}

# The first keeps any server busy. The second is what one user at one keyboard sees.
TRAFFIC = {
    "8 clients, 8 messages each in flight": {"clients": 8, "window": 8},
    "1 client, 1 message in flight": {"clients": 1, "window": 1},
}


def measure(rounds: int, seconds: float) -> dict[str, Any]:
    """
    Measure every server under every traffic, for `seconds` in each of the rounds.

    Numbers are medians over the rounds. So is a ratio: that of one round compares what
    was measured within seconds, and outlives a change in what else the machine does.
    """
    measured: dict[tuple[str, str], list[Load]] = defaultdict(list)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        projects = {STAGE: ROOT / "stage01_echo"} | {
            name: solution(source, folder / source)
            for name, source in SOLUTIONS.items()
        }
        servers = {
            name: stack.enter_context(Server(project, folder / f"{project.name}.log"))
            for name, project in projects.items()
        }
        for server in servers.values():
            load(server, "/ws/echo/", clients=8, window=8, seconds=WARM_UP)
        for _ in range(rounds):
            for traffic, shape in TRAFFIC.items():
                for name, server in servers.items():
                    measured[traffic, name].append(
                        load(server, "/ws/echo/", seconds=seconds, **shape)
                    )
    return {
        "message": f"text, {len(MESSAGE)} bytes",
        "rows": [
            row(f"{name}; {traffic}", loads, measured[traffic, STAGE])
            for (traffic, name), loads in measured.items()
        ],
    }


def row(name: str, loads: list[Load], stage: list[Load]) -> dict[str, str | float]:
    """Return the row of one server: `ratio` is its messages per message of stage 1."""
    ratio = median(
        mine.messages_per_s / its.messages_per_s
        for mine, its in zip(loads, stage, strict=True)
    )
    return {
        "name": name,
        "messages_per_s": median(each.messages_per_s for each in loads),
        "ratio": ratio,
        "stage_1_times": 1 / ratio,
        "client_busy": median(each.client_busy for each in loads),
    }
