"""
Stage 4, exercise 3: who speaks too fast is told so, and who does not listen must go.
"""

import time

import pytest

from tests.checker.client import WireError

BURST = 120  # Messages that a connection may send at once,
RATE = 20  # and then in each second.
MANY = 200
# A machine may be so slow that this is not too fast. Then more come, as many at once as
# may all be refused: who is refused a hundred times since the beginning is closed.
SOME = 50
LOTS = 8
TOO_MANY = 4429


@pytest.fixture
def environment(layer):
    return layer


def say(client, text):
    """Send a message."""
    client.send_json(type="message", text=text)


def babble(client, text):
    """Send what is no JSON."""
    client.send(f"no JSON: {text}")


USUAL = {say: "message", babble: "bad-json"}


def answers(client, number, send=say):
    """
    Send messages as fast as can be.

    Returns how many were answered as usual, and how many refused.
    """
    for each in range(number):
        send(client, str(each))
    came = [client.expect_json() for _ in range(number)]
    kinds = [each.get("code", each["type"]) for each in came]
    usual = USUAL[send]
    unknown = set(kinds) - {usual, "slow-down"}
    assert not unknown, f"Messages were answered with {unknown}."
    return kinds.count(usual), kinds.count("slow-down")


def too_many(client, send=say):
    """
    Send messages until one of them is refused.

    Returns how many were answered as usual, which was no more than the limit allows.
    """
    answered = sent = 0
    start = time.monotonic()
    for number in (MANY, *[SOME] * LOTS):
        more, refused = answers(client, number, send)
        answered, sent = answered + more, sent + number
        seconds = time.monotonic() - start
        most = limit(seconds)
        assert BURST <= answered <= most, (
            f"{answered} of {sent} came through, not {BURST} to {most:.0f}."
        )
        if refused:
            return answered
    raise too_slow(sent, seconds)


def limit(seconds):
    """Return how many messages may come through in so many seconds, at most."""
    return BURST + RATE * (seconds + 1)


def too_slow(sent, seconds):
    """Return what to raise when nobody can send too fast here."""
    sentence = (
        f"In {seconds:.0f} seconds, this machine brought {sent} messages to the server "
        f"and back. This is too slow for enough of them to be refused."
    )
    return WireError("too slow here", sentence)


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
        for _ in range(too_many(ana)):
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
        too_many(ana, babble)


def test_close_with_4429_of_whoever_sends_on(enter_room):
    with enter_room("ben") as ben, enter_room("ana") as ana:
        ben.expect_json(type="join", name="ana")
        refused = sent = 0
        start = time.monotonic()
        try:
            while refused < MANY and sent < 3 * MANY:
                refused += answers(ana, SOME)[1]
                sent += SOME
        except WireError:
            pass  # What the close is, is looked at below.
        else:
            seconds = time.monotonic() - start
            if refused < MANY and sent - refused <= limit(seconds):
                raise too_slow(sent, seconds)
        ana.expect_close(TOO_MANY)
        message = ben.expect_json()
        while message["type"] != "leave":
            message = ben.expect_json()
