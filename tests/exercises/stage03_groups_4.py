"""
Stage 3, exercise 4: who is in the room, also after a server has died.
"""

import time

import pytest

from tests.checker.rooms import join

FORGOTTEN = 60  # Seconds that a name may outlive its server.


@pytest.fixture
def environment(layer):
    return layer


def who_is_here(client):
    """Ask as a client, and return the names in order. Other messages are passed by."""
    client.send_json(type="who")
    message = client.expect_json()
    while message.get("type") not in {"here", "error"}:
        message = client.expect_json()
    assert message["type"] == "here", f"Who is here? This came: {message}"
    return sorted(message["names"])


def test_message_who_is_answered_with_the_names_in_this_room(enter_room, server, room):
    with (
        enter_room("ana") as ana,
        enter_room("ben") as ben,
        join(server, f"{room}-2", "cleo") as cleo,
    ):
        for client in (ana, ben):
            assert who_is_here(client) == ["ana", "ben"]
        assert who_is_here(cleo) == ["cleo"]


def test_message_who_is_answered_to_the_sender_only(enter_room):
    with enter_room("ana") as ana, enter_room("ben") as ben:
        who_is_here(ana)
        # Had ben got the answer too, it would have come before this.
        ana.send_json(type="message", text="next")
        ben.expect_json(type="message", text="next")


def test_close_takes_the_name_off_the_list(enter_room):
    with enter_room("ana") as ana:
        with enter_room("ben"):
            assert who_is_here(ana) == ["ana", "ben"]
        ana.expect_json(type="leave", name="ben")
        assert who_is_here(ana) == ["ana"]


@pytest.mark.timeout(2 * FORGOTTEN)
def test_close_of_a_killed_server_leaves_no_name_for_a_minute(start, redis, room):
    first, second = start(REDIS_URL=redis.url), start(REDIS_URL=redis.url)
    with join(second, room, "ben") as ben:
        with join(first, room, "ana"):
            assert who_is_here(ben) == ["ana", "ben"]
            first.process.kill()
        deadline = time.monotonic() + FORGOTTEN
        while (names := who_is_here(ben)) != ["ben"]:
            assert time.monotonic() < deadline, (
                f"Ana's server was killed {FORGOTTEN} seconds ago, and still {names} "
                f"are said to be here."
            )
            time.sleep(0.2)
