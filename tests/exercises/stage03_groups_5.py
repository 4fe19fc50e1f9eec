"""
Stage 3, exercise 5: a word for one client in the room, and nobody else.
"""

import pytest

from tests.checker.client import connect
from tests.checker.rooms import address


@pytest.fixture
def environment(layer):
    return layer


def channel_of(client, name):
    """Read a client's welcome and join, and return its channel."""
    welcome = client.expect_json(type="welcome", name=name)
    assert "channel" in welcome, f"The welcome has no channel: {welcome}"
    client.expect_json(type="join", name=name)
    return welcome["channel"]


def test_handshake_is_answered_with_the_channel(server, room):
    with connect(server, address(room, "ana")) as ana:
        channel = channel_of(ana, "ana")
        with connect(server, address(room, "ben")) as ben:
            assert channel_of(ben, "ben") != channel, "Each client has its own channel."


def test_message_whispered_reaches_the_one_that_is_meant(enter_room, server, room):
    with connect(server, address(room, "ben")) as ben:
        channel = channel_of(ben, "ben")
        with enter_room("ana") as ana, enter_room("cleo") as cleo:
            for name in ("ana", "cleo"):
                ben.expect_json(type="join", name=name)
            ana.expect_json(type="join", name="cleo")
            ana.send_json(type="whisper", to=channel, text="psst")
            ben.expect_json(type="whisper", name="ana", text="psst")
            # Had anybody else heard it, it would have come before this.
            ana.send_json(type="message", text="next")
            for client in (ana, ben, cleo):
                client.expect_json(type="message", text="next")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"to": "no such channel!", "text": "psst"}, "bad-message"),
        ({"to": "x" * 200, "text": "psst"}, "bad-message"),
        ({"to": 7, "text": "psst"}, "bad-message"),
        ({"to": ["ana"], "text": "psst"}, "bad-message"),
        ({"text": "psst"}, "bad-message"),
        ({"to": "specific.a!b"}, "bad-message"),
        ({"to": "specific.a!b", "text": ""}, "bad-message"),
        ({"to": "specific.a!b", "text": "x" * 2_001}, "too-long"),
    ],
    ids=["signs", "long", "number", "list", "nobody", "nothing", "empty", "long text"],
)
def test_message_whispered_that_is_bad_is_answered(enter_room, message, code):
    with enter_room("ana") as ana:
        ana.send_json(type="whisper", **message)
        ana.expect_json(type="error", code=code)
        ana.send_json(type="message", text="next")
        ana.expect_json(type="message", text="next")


def test_message_whispered_with_half_a_character_harms_nobody(enter_room, server, room):
    with connect(server, address(room, "ben")) as ben:
        channel = channel_of(ben, "ben")
        with enter_room("ana") as ana:
            ben.expect_json(type="join", name="ana")
            ana.send_json(type="whisper", to=channel, text="\ud83c")
            # What becomes of it is open. The next message arrives.
            ana.send_json(type="message", text="next")
            for client in (ana, ben):
                while client.expect_json().get("text") != "next":
                    pass


def test_message_whispered_to_who_has_gone_harms_nobody(enter_room, server, room):
    with enter_room("ana") as ana:
        with connect(server, address(room, "ben")) as ben:
            channel = channel_of(ben, "ben")
        ana.expect_json(type="join", name="ben")
        ana.expect_json(type="leave", name="ben")
        ana.send_json(type="whisper", to=channel, text="psst")
        ana.send_json(type="message", text="next")
        # An error may come first: what becomes of a word for nobody is open.
        while ana.expect_json()["type"] != "message":
            pass


@pytest.mark.parametrize("layer", ["in memory"], indirect=True, scope="session")
@pytest.mark.crowd
def test_message_whispered_to_a_full_mailbox_harms_nobody(enter_room):
    with enter_room("ana") as ana:
        # Nobody empties it, and the layer keeps 10,000 events for each channel.
        for _ in range(10_100):
            ana.send_json(type="whisper", to="specific.nobody!mailbox", text="psst")
            ana.catch_up()  # An answer to each would fill what the system keeps for us.
        ana.send_json(type="message", text="next")
        while ana.expect_json().get("text") != "next":
            pass
