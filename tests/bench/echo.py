"""
How many messages a second come back, and what one of them costs.

Daphne is run by `manage.py runserver`, as a reader runs it. It logs handshakes and
goodbyes but no message, and neither DEBUG nor the static files that runserver adds are
in a message's way: both end where the consumer begins.
"""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.load import MESSAGE, load
from tests.bench.record import Record, Scope, naming, row
from tests.bench.rows import (
    ARTICLE,
    AUTOBAHN,
    BARE_ECHO,
    ECHO_FAST,
    ECHO_STAGE,
    SYNCHRONOUS,
    TUTORIAL_ECHO,
    UVICORN_BARE_ECHO,
    UVICORN_ECHO_FAST,
    UVICORN_ECHO_STAGE,
    WEBSOCKETS,
    Variant,
    in_turn,
    project_of,
    running,
    those_that_run,
)
from tests.bench.servers import cores, load_core, quick
from tests.bench.spread import ratios
from tests.checker.servers.runserver import Server

WHOLE = Scope(rounds=12, seconds=0.2, warm_up=0.15)
QUICK = Scope(rounds=2, seconds=0.06, warm_up=0.03, is_quick=True)

ROWS = [
    *(ECHO_STAGE, SYNCHRONOUS, BARE_ECHO, ARTICLE, TUTORIAL_ECHO, ECHO_FAST),
    *(AUTOBAHN, WEBSOCKETS),
    *(UVICORN_ECHO_STAGE, UVICORN_ECHO_FAST, UVICORN_BARE_ECHO),
]

# The first is what one user at one keyboard sees. The others keep a server busy: in the
# second, what is read at once, and sent at once, is one client's.
ONE = "1 client, 1 message in flight"
SIXTEEN = "1 client, 16 messages in flight"
MANY = "8 clients, 8 messages each in flight"
TRAFFIC = {
    MANY: {"clients": 8, "window": 8},
    ONE: {"clients": 1, "window": 1},
    SIXTEEN: {"clients": 1, "window": 16},
}

PATH = "/ws/echo/"


def rows() -> tuple[list[Variant], list[str]]:
    """Return the rows that this machine has, and sentences on the others."""
    return those_that_run([Variant(name) for name in ROWS])


def servers(_scope: Scope) -> int:
    """Return how many servers are started."""
    return len(rows()[0])


def seconds(scope: Scope) -> float:
    """Return how long the measuring takes, on a quiet machine."""
    each = scope.warm_up + scope.rounds * len(TRAFFIC) * (scope.seconds + 0.02)
    return servers(scope) * each


def measure(scope: Scope, record: Record) -> None:
    """Measure every server under every traffic, in each of the rounds."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        variants, record.left_out = rows()
        projects = {each: project_of(each, folder / str(each)) for each in variants}
        with quick():
            found = stack.enter_context(running(projects, cores()))
        stack.enter_context(load_core())
        for variant, server in found.items():
            with naming(variant):
                load(server, PATH, clients=8, window=8, seconds=scope.warm_up)
        record.begin(f"{each}; {traffic}" for traffic in TRAFFIC for each in found)
        for variant, server in in_turn(found, scope):
            for traffic, shape in TRAFFIC.items():
                name = f"{variant}; {traffic}"
                record.add(name, **sample(server, scope.seconds, **shape))


def sample(server: Server, seconds: float, **shape: int) -> dict[str, float]:
    """Return what was seen of one server under one traffic."""
    done = load(server, PATH, seconds=seconds, **shape)
    return {
        "messages_per_s": done.messages_per_s,
        "client_busy": done.client_busy,
        **done.cost.each(done.messages),
    }


def result(record: Record) -> dict[str, Any]:
    """Return the table: `ratio` and `cheaper` compare with stage 1."""
    found = record.rows()
    table = []
    for traffic in TRAFFIC:
        stage = found.get(f"{ECHO_STAGE}; {traffic}", [])
        for name, mine in found.items():
            if name.endswith(f"; {traffic}"):
                times = ratios(stage, mine, "messages_per_s").median
                cells = row(name, mine, stage, ["messages_per_s"])
                table.append(cells | {"stage_1_times": times})
    return {"message": f"text, {len(MESSAGE)} bytes", "rows": table}
