"""Groups of the channel layer in which this process is one member, for many clients."""

import asyncio
from contextlib import asynccontextmanager, suppress

import redis
from channels.layers import get_channel_layer

from chat.faults import UNAVAILABLE, clients, logger

MOMENT = 0.5  # Seconds: the most that a client who cannot stay waits for Redis.

groups = {}  # Those of this process: a channel, the clients here, and who listens.


async def listen(channel, members):
    """Tell every event of a group to its members in this process."""
    try:
        while True:
            event = await get_channel_layer().receive(channel)
            for member in tuple(members):
                await member.hear(event)
    except Exception as error:
        logger.warning("Closed with 4503: %s %s", type(error).__name__, error)
        # Nobody here hears this group any more, and it is hardly the only one.
        for tell in tuple(clients):
            await tell({"type": "websocket.close", "code": UNAVAILABLE})


@asynccontextmanager
async def membership(group, member):
    """Let a client hear the events of a group, until it is no longer open."""
    layer = get_channel_layer()
    if group not in groups or groups[group][2].done():
        channel, members = await layer.new_channel(), set()
        groups[group] = channel, members, asyncio.create_task(listen(channel, members))
    channel, members, listener = groups[group]
    members.add(member)
    try:
        # Once more for each client: the layer forgets a channel a day after it joined.
        await layer.group_add(group, channel)
        yield
    finally:
        members.discard(member)
        member.is_open = False
        if not members:
            groups.pop(group, None)
            while not listener.done():
                # Again, since redis-py may not notice it: Python 3.11.
                listener.cancel()
                await asyncio.wait([listener], timeout=1)
            with suppress(redis.RedisError, TimeoutError):
                async with asyncio.timeout(MOMENT):
                    await layer.group_discard(group, channel)
