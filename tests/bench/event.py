"""
What one event costs in the consumers themselves, and in the layers that carry it.

A delivery as a whole takes far longer, and varies by more than this: see fanout.py. So
only these parts are run here, in a process of their own, and by its CPU time.
"""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.groups import IN_MEMORY, PLAIN, STAGE, Variant, project_of
from tests.checker.servers.runserver import ServerError, clean_environment

ROUNDS = 10
SECONDS = 0.2

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


def measure(rounds: int, seconds: float) -> dict[str, Any]:
    """
    Handle an event again and again, as stage 3 and as the plain consumer, in turn.

    `consumer_us` is from the event to the frame, `copy_us` what the in-memory layer
    does for each member, `unpack_us` what the layer on Redis does for each process: in
    microseconds of CPU time, medians over the rounds. `ratio` is how many times as fast
    as the plain consumer the first is.
    """
    with TemporaryDirectory() as folder:
        projects = {
            consumer: project_of(Variant(consumer, IN_MEMORY), Path(folder) / consumer)
            for consumer in (STAGE, PLAIN)
        }
        costs: dict[str, list[dict[str, float]]] = {each: [] for each in projects}
        for _ in range(rounds):
            for consumer, project in projects.items():
                costs[consumer].append(cost(project, seconds))
    medians = {
        consumer: {key: median(cost[key] for cost in each) for key in each[0]}
        for consumer, each in costs.items()
    }
    rows = [
        {
            "name": consumer,
            "ratio": medians[PLAIN]["consumer_us"] / each["consumer_us"],
            **each,
        }
        for consumer, each in medians.items()
    ]
    return {"rows": rows}


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
