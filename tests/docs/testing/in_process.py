"""What a test in process can do: chat/in_process.py, in a copy of stage 4."""

import time

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.exceptions import ChannelFull
from channels.layers import channel_layers, get_channel_layer
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser

from chat.consumers import ChatConsumer, send_to_room
from chat.faults import guard
from chat.routing import websocket_urlpatterns
from chat.tests import enter


@pytest.fixture(autouse=True)
def fresh_layer():
    """A layer without the groups of the test before."""
    channel_layers.backends.clear()


async def test_consumer_by_itself_has_met_no_router():
    client = WebsocketCommunicator(ChatConsumer.as_asgi(), "/ws/rooms/garden/")
    with pytest.raises(KeyError, match="user"):
        await client.connect()


async def test_stranger_is_refused_without_a_database():
    client = WebsocketCommunicator(
        URLRouter(websocket_urlpatterns), "/ws/rooms/garden/"
    )
    client.scope["user"] = AnonymousUser()
    assert await client.connect() == (False, 1000)


async def test_guard_empties_the_prefix():
    seen = []

    async def application(scope, receive, send):
        seen.append(scope["root_path"])

    scope = {"type": "websocket", "root_path": "/elsewhere"}
    await ApplicationCommunicator(guard(application), scope).wait()
    assert seen == [""]


@pytest.mark.django_db(transaction=True)
async def test_message_stays_in_its_room():
    ana, ben = await enter("garden", "ana"), await enter("kitchen", "ben")
    await ana.send_json_to({"type": "message", "text": "for the garden"})
    assert (await ana.receive_json_from())["text"] == "for the garden"
    # Had it leaked, it would have come to ben before this one.
    await send_to_room("kitchen", {"type": "announcement", "text": "dinner"})
    assert (await ben.receive_json_from())["text"] == "dinner"
    await ana.disconnect()
    await ben.disconnect()


async def test_full_mailbox_takes_no_more(settings):
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels.layers.InMemoryChannelLayer",
            "CONFIG": {"capacity": 2},
        }
    }
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add("room.garden", channel)
    for number in range(3):  # The third is dropped, without a word.
        await layer.group_send("room.garden", {"type": "x", "number": number})
    with pytest.raises(ChannelFull):
        await layer.send(channel, {"type": "x"})


class Bucket:
    """Let so many messages through at once, and then so many in each second."""

    def __init__(self, burst, rate, clock=time.monotonic):
        self.burst = self.left = burst
        self.rate = rate
        self.clock = clock
        self.seen = clock()

    def takes_one(self):
        now = self.clock()
        self.left = min(self.burst, self.left + (now - self.seen) * self.rate)
        self.seen = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


def test_bucket_fills_again():
    now = 0
    bucket = Bucket(burst=2, rate=1, clock=lambda: now)
    assert [bucket.takes_one() for _ in range(3)] == [True, True, False]
    now = 1
    assert [bucket.takes_one() for _ in range(2)] == [True, False]
