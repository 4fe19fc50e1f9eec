"""
Stage 3, exercise 3: who reconnects gets what was said meanwhile.

One server knows what was said in its rooms, so all of this happens on one.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.checker.client import connect, expect_refused
from tests.checker.rooms import address, join, texts_until

KEPT = 100  # Messages of a room.
ATTEMPTS = 20
RETURNING = 10  # Clients at once.
SAID = 30  # Messages while they return.


@pytest.fixture
def environment(layer):
    return layer


@pytest.fixture
def come_back(server, room):
    """Open a WebSocket to the room of this test, since a number, and read nothing."""
    return lambda since: connect(server, f"{address(room, 'ben')}&since={since}")


def say(client, text):
    """Let a client say something, and hear it. Returns the message's number."""
    client.send_json(type="message", text=text)
    message = client.expect_json(type="message", text=text)
    number = message.get("number")
    assert type(number) is int, (
        f"A message carries its number, as an integer, under the key number. This one "
        f"has the keys {', '.join(message)}."
    )
    return number


def test_messages_are_numbered_one_by_one(enter_room):
    with enter_room("ana") as ana:
        first = say(ana, "one")
        assert [say(ana, "two"), say(ana, "three")] == [first + 1, first + 2]


def test_messages_that_were_missed_come_once_and_in_order(enter_room, come_back):
    with enter_room("ana") as ana:
        number = say(ana, "one")
        for text in ("two", "three"):
            say(ana, text)
        with come_back(number) as ben:
            ana.expect_json(type="join", name="ben")
            say(ana, "four")
            assert texts_until(ben, "four") == ["two", "three", "four"]


def test_messages_that_are_said_meanwhile_come_once_too(enter_room, come_back):
    def hear(number, last):
        with come_back(number) as ben:
            return texts_until(ben, last)

    # Only chance brings somebody in between two steps of the server: so many try.
    with enter_room("ana") as ana, ThreadPoolExecutor(RETURNING) as threads:
        for attempt in range(ATTEMPTS):
            ana.send_json(type="message", text=f"attempt {attempt}")
            while (message := ana.expect_json()).get("text") != f"attempt {attempt}":
                pass  # The leaves of those who have just tried.
            texts = [f"{attempt}: {number}" for number in range(SAID)]
            returning = [
                threads.submit(hear, message["number"], texts[-1])
                for _ in range(RETURNING)
            ]
            for text in texts:
                ana.send_json(type="message", text=text)
            heard = [each.result() for each in returning]
            texts_until(ana, texts[-1])
            for each in heard:
                assert each == texts


def test_messages_are_kept_for_100_numbers(enter_room, come_back):
    with enter_room("ana") as ana:
        texts = [str(number) for number in range(KEPT + 20)]
        numbers = [say(ana, text) for text in texts]
        with come_back(numbers[0]) as ben:
            assert texts_until(ben, texts[-1]) == texts[-KEPT:]


def test_messages_of_the_past_come_to_nobody_who_did_not_ask(enter_room):
    with enter_room("ana") as ana:
        say(ana, "old")
        with enter_room("ben") as ben:
            ana.expect_json(type="join", name="ben")
            say(ana, "new")
            assert texts_until(ben, "new") == ["new"]


def test_messages_stay_in_their_room(enter_room, come_back, server, room):
    with enter_room("ana") as ana, join(server, f"{room}-2", "cleo") as cleo:
        number = say(ana, "one")
        say(cleo, "not yours")
        say(ana, "two")
        with come_back(number) as ben:
            ana.expect_json(type="join", name="ben")
            say(ana, "three")
            assert texts_until(ben, "three") == ["two", "three"]


@pytest.mark.parametrize(
    "since", ["", "yesterday", "1.5"], ids=["empty", "word", "dot"]
)
def test_handshake_since_what_is_no_number_is_refused_with_403(server, room, since):
    expect_refused(server, f"{address(room, 'ben')}&since={since}")
