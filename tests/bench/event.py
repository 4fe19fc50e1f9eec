"""
What one event costs in the consumers themselves, and in the layers that carry it.

A delivery as a whole takes far longer, and varies by more than this: see fanout.py. So
only these parts are run here, in a process of their own, and by its CPU time.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.record import Record, Scope, with_quartiles
from tests.bench.rows import IN_MEMORY, PLAIN, STAGE, Variant, in_turn, project_of
from tests.bench.servers import load_core
from tests.bench.spread import ratios, spread
from tests.checker.servers.runserver import ServerError, clean_environment

WHOLE = Scope(rounds=6, seconds=0.15)
QUICK = Scope(rounds=1, seconds=0.05, is_quick=True)

# Runs in a project's folder, for so many seconds, and prints microseconds.
PROGRAM = """
import asyncio
import copy
import json
import sys
import time

import django
import msgpack

django.setup()

from channels.consumer import get_handler_name
from channels.layers import get_channel_layer
from chat.consumers import ChatConsumer


async def send(message):
    pass


async def an_event():
    "Return a consumer, and the event that it is given when somebody speaks."
    consumer = ChatConsumer()
    consumer.base_send = send
    consumer.channel_layer = layer = get_channel_layer()
    consumer.room, consumer.name, consumer.group = "room-1", "member-0", "room.room-1"
    channel = await layer.new_channel()
    await layer.group_add(consumer.group, channel)
    text = json.dumps({"type": "message", "text": "x" * 32})
    await consumer.receive(text_data=text)
    return consumer, await layer.receive(channel)


async def microseconds(call):
    calls, start = 0, time.process_time()
    while (elapsed := time.process_time() - start) < float(sys.argv[1]):
        for _ in range(1000):
            result = call()
            if asyncio.iscoroutine(result):
                await result
        calls += 1000
    return elapsed / calls * 1_000_000


async def main():
    consumer, event = await an_event()
    handler = getattr(consumer, get_handler_name(event))
    packed = msgpack.packb(event)
    costs = {
        "consumer_us": lambda: handler(event),
        "copy_us": lambda: copy.deepcopy(event),
        "unpack_us": lambda: msgpack.unpackb(packed),
    }
    print(json.dumps({name: await microseconds(costs[name]) for name in costs}))


asyncio.run(main())
"""


def servers(_scope: Scope) -> int:
    """Return how many servers are started: none."""
    return 0


def seconds(scope: Scope) -> float:
    """Return how long the measuring takes: three costs of each, and what it imports."""
    return scope.rounds * 2 * (3 * scope.seconds + 0.8)


def measure(scope: Scope, record: Record) -> None:
    """Handle an event again and again, as stage 3 and as the plain consumer."""
    with TemporaryDirectory() as folder, load_core():
        projects = {
            consumer: project_of(Variant(consumer, IN_MEMORY), Path(folder) / consumer)
            for consumer in (STAGE, PLAIN)
        }
        record.begin(projects)
        for consumer, project in in_turn(projects, scope):
            record.add(consumer, **cost(project, scope.seconds))


def result(record: Record) -> dict[str, Any]:
    """
    Return the table.

    `consumer_us` is from the event to the frame, `copy_us` what the in-memory layer
    does for each member, `unpack_us` what the layer on Redis does for each process: in
    microseconds of CPU time. `ratio` is how many times as fast as the plain consumer
    the first is.
    """
    found = record.rows()
    table = []
    for consumer, mine in found.items():
        ratio = ratios(mine, found[PLAIN], "consumer_us", inverse=True)
        cells = {"name": consumer} | with_quartiles("ratio", ratio)
        for key in ("consumer_us", "copy_us", "unpack_us"):
            cells |= with_quartiles(key, spread([each[key] for each in mine]))
        table.append(cells)
    return {"rows": table}


def cost(project: Path, seconds: float) -> dict[str, float]:
    """Return what an event costs in this project. Raises ServerError if it fails."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(seconds)],
        cwd=project,
        env=clean_environment() | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if run.returncode:
        raise ServerError(f"{project.name} handles no event:\n{run.stderr}")
    return json.loads(run.stdout)
