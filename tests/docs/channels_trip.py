"""Give events to a consumer, in a project that has no database: what do they cost?"""

import asyncio
import time

import django
from asgiref.sync import sync_to_async
from channels.consumer import AsyncConsumer
from django.conf import settings

EVENTS = 5_000
EVENT = {"type": "an.event"}

settings.configure()  # DATABASES is empty, as it is by default.
django.setup()


class Consumer(AsyncConsumer):
    async def an_event(self, event):
        pass


async def main():
    consumer = Consumer()
    begun = time.perf_counter()
    for _ in range(EVENTS):
        await consumer.dispatch(EVENT)
    print(f"{EVENTS / (time.perf_counter() - begun):.0f} events a second")

    # Somebody else does something synchronous, as a view or a library would.
    other = asyncio.create_task(sync_to_async(time.sleep)(1))
    await asyncio.sleep(0.1)  # By now it has begun.
    begun = time.perf_counter()
    await consumer.dispatch(EVENT)
    print(f"one event, while somebody sleeps: {time.perf_counter() - begun:.1f} s")
    await other


asyncio.run(main())
