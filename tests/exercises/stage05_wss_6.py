"""
Stage 5, exercise 6: a stop that says goodbye.

Whether Daphne cancels its applications when it stops is not left to chance: see
docs/upstream.md. And who is told 4001 has nothing to send at that time, so nothing of
theirs can meet a connection that is closed already, and take the code away.
"""

import json
from collections import defaultdict
from contextlib import ExitStack, suppress

import pytest

from tests.checker.accounts import USERS
from tests.checker.client import (
    HANDSHAKE,
    WireError,
    connect,
    open_tcp,
    open_websocket,
    raw_handshake,
)
from tests.checker.rooms import address, join
from tests.checker.servers.runserver import terminate, wait_for_the_end

GOING_AWAY = 4001
BUSY = 30  # Seconds: for each message that all say at once, the database is asked.
TIDIES_UP = 2  # Seconds within which Daphne has done it at least once.


@pytest.mark.posix("Windows has no SIGTERM")
@pytest.mark.parametrize(
    "cancels", [True, False], ids=["Daphne cancels", "Daphne cancels nobody"]
)
def test_close_with_4001_when_the_server_is_stopped(start, redis, room, cancels):
    first, second = start(REDIS_URL=redis.url), start(REDIS_URL=redis.url)
    with (
        join(second, room, "ben") as ben,
        join(first, room, "ana") as ana,
        open_tcp(first) as another,
    ):
        ben.expect_json(type="join", name="ana")
        if cancels:
            # Once a second, Daphne forgets the handshakes, which spoil its stop.
            with pytest.raises(TimeoutError):
                ana.recv_within(TIDIES_UP)
        else:
            another.sendall(b"GET / HTTP/1.1\r\n")  # As half a request does.
        terminate(first.process)
        ana.expect_close(GOING_AWAY)
        # What is told last is heard, by those who stay.
        ben.expect_json(type="leave", name="ana")
        assert wait_for_the_end(first.process, HANDSHAKE) == 0


@pytest.mark.posix("Windows has no SIGTERM")
def test_close_with_4001_comes_when_nobody_is_let_in_any_more(start, room, visitors):
    server = start()
    session = visitors.headers(server, "ben")
    with (
        # One that never answers the close: the server gives it a second.
        raw_handshake(server, address(room)),
        join(server, room, "ana") as ana,
    ):
        terminate(server.process)
        ana.expect_close(GOING_AWAY)
        # Who is let in now is dropped a second later, without a goodbye. And a refusal
        # is handed on by a proxy, which asks the next server where nobody listens.
        try:
            with connect(server, address(room), additional_headers=session):
                seen = "and still let somebody in"
        except WireError as error:
            seen = f"and still answered. {error}"
            if error.symptom == "nobody listens":
                return
        pytest.fail(f"The server was stopped, {seen}. It must listen no more.")


class Speaker:
    """A member of a room that says numbers, and comes back when it is sent away."""

    def __init__(self, server, room, place):
        self.server = server
        self.path = address(room, USERS[place % len(USERS)])
        self.place = place
        self.codes = []
        self.said = -1
        self.enter()

    def enter(self):
        """Come in. From now on it must miss nothing."""
        self.member = open_websocket(self.server, self.path)
        self.member.expect_json(type="welcome")
        self.first = self.said + 1  # Some have said those before already.
        self.heard = defaultdict(list)

    def say(self, *numbers):
        self.said = numbers[-1]
        while self.member.is_closed():
            self.listen()
        with suppress(WireError):  # A goodbye that comes now is heard soon.
            for number in numbers:
                self.member.send_json(type="message", text=f"{self.place} {number}")

    def hear(self, place, number):
        """Listen until a number has come from somebody, or a goodbye to this one."""
        goodbyes = len(self.codes)
        while number not in self.heard[place] and len(self.codes) == goodbyes:
            self.listen()

    def listen(self):
        """Take down what comes next. After a goodbye, come back."""
        try:
            message = json.loads(self.member.recv_within(BUSY))
        except TimeoutError:
            pytest.fail(f"Nobody was heard for {BUSY} seconds.")
        except WireError:
            if (goodbye := self.member.protocol.close_rcvd) is None:
                raise
            self.codes.append(goodbye.code)
            self.member.socket.close()
            self.enter()
        else:
            if message["type"] == "message":
                place, number = map(int, message["text"].split())
                self.heard[place].append(number)


def tell_the_end(site, room, speakers):
    """Let a newcomer speak when one server is gone: by then, all have heard of it."""
    with join(site, room, USERS[0]) as newcomer:
        newcomer.send_json(type="message", text=f"{len(speakers)} 0")
        for speaker in speakers:
            speaker.hear(len(speakers), 0)


def expect_all_of(speaker, listener):
    """Fail unless a listener heard all that was said since it came, in order."""
    with suppress(WireError):
        if listener.first <= speaker.said:
            listener.hear(speaker.place, speaker.said)
    numbers = listener.heard[speaker.place]
    # One that came back in the middle of a round of two has heard some of that, too.
    firsts = range(listener.first - 2, listener.first + 1)
    assert numbers in [[*range(first, speaker.said + 1)] for first in firsts], (
        f"Somebody said the numbers up to {speaker.said}. One who was there from "
        f"{listener.first} on heard {numbers}."
    )


@pytest.mark.posix("Windows has no SIGTERM")
def test_close_with_4001_under_load_loses_no_message_of_those_who_stay(
    start, redis, room
):
    site = start(REDIS_URL=redis.url, BEHIND_PROXY="1")
    stopped = site.daphnes[0].process
    with ExitStack() as stack:
        rooms = {}
        for number in range(10):
            name = f"{room}-{number}"
            rooms[name] = [Speaker(site, name, place) for place in range(4)]
            for speaker in rooms[name]:
                stack.callback(lambda speaker=speaker: speaker.member.socket.close())
        everybody = [speaker for speakers in rooms.values() for speaker in speakers]
        for number in range(0, 10, 2):
            for speaker in everybody:
                speaker.say(number, number + 1)
            if number == 4:  # All of that is on its way.
                terminate(stopped)
            for speaker in everybody:
                speaker.hear(speaker.place, number + 1)
            if number == 4:
                assert wait_for_the_end(stopped, HANDSHAKE) == 0
                for name, speakers in rooms.items():
                    tell_the_end(site, name, speakers)
        codes = [speaker.codes for speaker in everybody]
        # nginx had shared them out evenly.
        assert sorted(codes) == [[]] * 20 + [[GOING_AWAY]] * 20, codes
        for speakers in rooms.values():
            stayed = [speaker for speaker in speakers if not speaker.codes]
            for listener in speakers:
                for speaker in stayed:
                    expect_all_of(speaker, listener)
