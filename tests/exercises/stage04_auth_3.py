"""
Stage 4, exercise 3: who speaks too fast is told so, and who does not listen must go.
"""

import time
from contextlib import suppress

import pytest

from tests.checker.client import WireError

BURST = 120  # Messages that a connection may send at once,
RATE = 20  # and then in each second.
MANY = 200
ROUNDS = 5  # Of so many. A machine may be so slow that the first is not too fast.
TOO_MANY = 4429


@pytest.fixture
def environment(layer):
    return layer


def answers(client, number):
    """
    Send messages as fast as can be.

    Returns how many were passed on, and how many refused.
    """
    for each in range(number):
        client.send_json(type="message", text=str(each))
    came = [client.expect_json() for _ in range(number)]
    kinds = [each.get("code", each["type"]) for each in came]
    unknown = set(kinds) - {"message", "slow-down"}
    assert not unknown, f"Messages were answered with {unknown}."
    return kinds.count("message"), kinds.count("slow-down")


def test_messages_of_others_are_not_slowed_down(enter_room):
    with enter_room("ana") as ana, enter_room("ben") as ben:
        ana.expect_json(type="join", name="ben")
        answers(ana, MANY)
        ben.send_json(type="message", text="at my own pace")
        message = ben.expect_json()
        while message.get("name") != "ben":
            assert message["type"] == "message", f"Ben has said one thing: {message}"
            message = ben.expect_json()


def test_messages_that_keep_to_the_limit_are_passed_on(enter_room):
    with enter_room("ana") as ana, enter_room("ben") as ben:
        ana.expect_json(type="join", name="ben")
        passed_on, _refused = answers(ana, BURST)
        assert passed_on == BURST
        for each in range(BURST):
            ben.expect_json(type="message", text=str(each))


def test_messages_over_the_limit_are_answered_with_slow_down(enter_room):
    with enter_room("ana") as ana, enter_room("ben") as ben:
        ana.expect_json(type="join", name="ben")
        passed_on = sent = 0
        start = time.monotonic()
        for _ in range(ROUNDS):
            more, refused = answers(ana, MANY)
            passed_on, sent = passed_on + more, sent + MANY
            most = BURST + RATE * (time.monotonic() - start + 1)
            assert BURST <= passed_on <= most, (
                f"{passed_on} of {sent} came through, not {BURST} to {most:.0f}."
            )
            if refused:
                break
        assert refused, "Nothing was refused."
        for _ in range(passed_on):
            ben.expect_json(type="message", name="ana")
        # What was refused has reached nobody: this comes next.
        ben.send_json(type="message", text="next")
        ben.expect_json(type="message", name="ben", text="next")


def test_messages_after_a_second_of_silence_are_passed_on(enter_room):
    with enter_room("ana") as ana:
        answers(ana, MANY)
        with pytest.raises(TimeoutError):
            ana.recv_within(1)
        passed_on, _refused = answers(ana, RATE // 2)
        assert passed_on == RATE // 2


def test_messages_that_are_bad_count_too(enter_room):
    with enter_room("ana") as ana:
        codes = set()
        for _ in range(ROUNDS):
            for _each in range(MANY):
                ana.send("no JSON")
            codes |= {ana.expect_json(type="error")["code"] for _ in range(MANY)}
            if "slow-down" in codes:
                break
        assert codes == {"bad-json", "slow-down"}


def test_close_with_4429_of_whoever_sends_on(enter_room):
    with enter_room("ben") as ben, enter_room("ana") as ana:
        ben.expect_json(type="join", name="ana")
        with suppress(WireError):  # What the close is, is looked at below.
            for each in range(10 * MANY):
                ana.send_json(type="message", text=str(each))
        ana.expect_close(TOO_MANY)
        message = ben.expect_json()
        while message["type"] != "leave":
            message = ben.expect_json()
