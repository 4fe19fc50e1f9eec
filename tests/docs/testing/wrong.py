"""Tests that look right: chat/wrong.py, in a copy of stage 4."""

import asyncio
import time

import pytest
from channels.layers import get_channel_layer
from django.contrib.auth import get_user_model

from chat.tests import enter


@pytest.fixture
def ana(db):
    return get_user_model().objects.create(username="ana")


async def test_consumer_would_find_ana(ana):
    assert await get_user_model().objects.filter(username="ana").aexists()


@pytest.mark.django_db
@pytest.mark.parametrize("attempt", ["first", "second"])
async def test_user_can_be_made(attempt):
    await get_user_model().objects.acreate(username="ana")


@pytest.mark.django_db(transaction=True)
async def test_silence_and_then_a_message():
    ana = await enter()
    with pytest.raises(TimeoutError):
        await ana.receive_from(timeout=0.1)
    await ana.send_json_to({"type": "message", "text": "hi"})
    await ana.receive_json_from()


@pytest.mark.django_db(transaction=True)
async def test_somebody_enters_and_is_forgotten():
    await enter()


async def test_room_is_empty():
    assert get_channel_layer().groups == {}


async def test_stopped_clock_stops_no_loop(monkeypatch):
    begun = time.perf_counter()
    monkeypatch.setattr(time, "time", lambda: 0)
    await asyncio.sleep(0.2)
    assert time.perf_counter() - begun < 0.1
