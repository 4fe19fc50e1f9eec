"""
What 200 clients leave behind in a server when all of them go at once: nothing.

The contract's own check counts what Redis holds. This one counts inside our server, by
a page that only the copy under test has. It counts before anybody else comes: a message
to somebody who has just gone may lie in Redis still, and channels_redis keeps what the
next who comes reads of it. That is in tests/docs/test_facts_03.py.
"""

import json
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.checker.crowd import crowd
from tests.checker.rooms import fresh_room, join
from tests.checker.servers.runserver import Server
from tests.proofs.records import Proof, Recorded, Seen
from tests.proofs.runs import ROOT, copy_of, proof_of, replace

CENSUS = """
import asyncio
import gc

from channels.layers import get_channel_layer
from chat.consumers import ChatConsumer
from chat.faults import clients
from django.http import JsonResponse


async def census(request):
    gc.collect()
    layer = get_channel_layer()
    counts = {
        "tasks": len(asyncio.all_tasks()),
        "consumers": sum(isinstance(each, ChatConsumer) for each in gc.get_objects()),
        "clients": len(clients),
    }
    # The first two are the in-memory layer's, the third is that of Redis.
    for name in ("groups", "channels", "receive_buffer"):
        if hasattr(layer, name):
            counts[name] = len(getattr(layer, name))
    return JsonResponse(counts)


urlpatterns.insert(0, path("census/", census))
"""

# In memory, what nobody has read stays for a minute, until the next event comes. The
# copy under test keeps it for a second.
CONFIG = '"CONFIG": {"capacity": 10_000}'
EXPIRY = '"CONFIG": {"capacity": 10_000, "expiry": 1}'

# An event that channels_redis reads for a channel whose reader has just gone makes a
# new buffer, which nobody removes. That was one of 200, once in some twenty runs.
LATE = 4

DONE = 30  # Seconds that a server may take to hear of 200 closes.


def census(server: Server) -> dict[str, int]:
    """Return how many of each thing a server has, when asked by nobody else."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", "/census/")
    counts = json.loads(connection.getresponse().read())
    connection.close()
    return counts


@pytest.mark.parametrize(
    ("proof", "kind"),
    [
        (proof_of("leaks", layer, "stage03_groups", Path(__file__)), layer)
        for layer in ("in memory", "on Redis")
    ],
    ids=["in memory", "on Redis"],
)
def test_200_clients_that_close_at_once_leave_nothing_behind(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    proof: Proof,
    kind: str,
    recorded: Recorded,
) -> None:
    def prove() -> Seen:
        environment = {}
        if kind == "on Redis":
            environment["REDIS_URL"] = request.getfixturevalue("redis").url
        return leave(tmp_path, environment)

    seen = recorded(proof, prove)
    assert seen["after"] == seen["before"]
    assert "Traceback" not in seen["printed"]


def leave(folder: Path, environment: dict[str, str]) -> Seen:
    """Let 200 clients come and go, and return what there was before and after."""
    project = copy_of(ROOT / "stage03_groups", folder / "project")
    urls = project / "config" / "urls.py"
    urls.write_text(urls.read_text(encoding="utf-8") + CENSUS, encoding="utf-8")
    replace(project / "config" / "settings.py", CONFIG, EXPIRY)
    room = fresh_room()
    with Server(project, folder / "server.log", environment=environment) as server:
        before = census(server)
        with crowd(server, room, 200, at_once=True):
            assert census(server)["consumers"] >= 200
        deadline = time.monotonic() + DONE
        while (after := census(server)) != before and time.monotonic() < deadline:
            if 0 < after.get("receive_buffer", 0) <= LATE:
                after["receive_buffer"] = 0
                if after == before:
                    break
            time.sleep(0.1)
            if not environment:
                with join(server, room):
                    pass  # An event, at which the layer forgets what has expired.
        printed = server.printed_within("Traceback")
    tracebacks = printed[printed.find("Traceback") :] if "Traceback" in printed else ""
    return {"before": before, "after": after, "printed": tracebacks}
