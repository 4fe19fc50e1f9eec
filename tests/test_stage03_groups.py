"""
Stage 3, groups: everyone in the room hears every message, and nobody else.

The contract of `/ws/rooms/<room>/?name=…`, in the order handshake, messages, close. It
is checked twice: in memory, and through a Redis that the checks start.
"""

import json
import re
import time
from contextlib import ExitStack, suppress
from functools import partial
from itertools import count

import pytest

from tests import test_stage02_routing
from tests.checker.client import PATIENCE, WireError, connect, expect_refused, vanish
from tests.checker.crowd import crowd
from tests.checker.promises import kept
from tests.checker.rooms import address, enter, join, texts_until
from tests.checker.servers.redis import NOT_USED
from tests.checker.servers.runserver import manage
from tests.checker.wire import WIRE

# Of the promises of stage 2, these are made anew, or otherwise.
REPLACED = {
    "test_message_is_answered_to_the_sender_only": "it reaches everyone in the room",
    "test_messages_are_answered_in_order": "they reach everyone in order",
    "test_close_without_a_goodbye_costs_the_others_nothing": "the others are told",
}
globals().update(kept(test_stage02_routing, REPLACED))

IDLE = 8  # Seconds. Longer than any layer waits for Redis at a time.
RETURN = 5  # Seconds that a server has to find a Redis that is back.
EMPTY = 20  # Seconds that a server may take to hear of 200 closes.
MINUTE = range(61)  # Seconds.
AWAY = 4503  # The code that a connection is closed with while Redis is away.
FROZEN = 20  # Seconds until everybody knows that Redis no longer answers.
# What each client of Redis says when it comes, and what the checks ask.
OF_CHECKS = {"hello", "client", "config", "info", "keys", "pubsub", "select", "ttl"}


@pytest.fixture
def environment(layer):
    return layer


@pytest.fixture(scope="session")
def users_of_redis():
    """Whether a project keeps its rooms in Redis, by its folder."""
    return {}


@pytest.fixture(autouse=True)
def is_asked_on_redis(request, users_of_redis):
    """Skip what is asked on Redis of a project that has none: memory would answer."""
    variant = getattr(request.node, "callspec", None)
    if variant is None or variant.params.get("layer") != "on Redis":
        yield
        return
    project, redis = map(request.getfixturevalue, ("project", "redis"))
    if users_of_redis.get(project) is False:
        pytest.skip(NOT_USED)
    before = 0 if project in users_of_redis else calls(redis)
    yield
    if project in users_of_redis:
        return
    if calls(redis) > before:
        users_of_redis[project] = True
    # A join comes from a layer. Who heard none may have been refused.
    elif any('"join"' in event.words for event in WIRE.events):
        users_of_redis[project] = False
        pytest.skip(NOT_USED)


def calls(redis):
    """Return how often Redis was asked for what a layer asks, and no check."""
    found = redis.command("INFO", "commandstats")
    names = {name: name.removeprefix("cmdstat_").partition("|")[0] for name in found}
    return sum(found[each]["calls"] for each in found if names[each] not in OF_CHECKS)


def in_redis(redis):
    """Return all that Redis knows: in each database, and what somebody listens to."""
    return {*redis.keys(), *redis.command("PUBSUB", "CHANNELS")}


def expect_in_redis(redis):
    """Fail unless a Redis that was empty knows something, now that somebody is in."""
    if not in_redis(redis):
        raise WireError("not in Redis", "Nothing of the room is in Redis.")


@pytest.fixture
def enter_room(server, room):
    """Join the room of this test, and read the welcome and the join."""
    return partial(join, server, room)


def test_handshake_is_told_to_everyone_in_the_room(enter_room):
    # Entering reads the newcomer's own join, after the welcome.
    with enter_room("ana") as ana, enter_room("ben") as ben, enter_room("cleo"):
        ana.expect_json(type="join", name="ben")
        ana.expect_json(type="join", name="cleo")
        ben.expect_json(type="join", name="cleo")


def test_handshake_that_is_refused_is_told_to_nobody(enter_room, server, room):
    with enter_room("ana") as ana:
        before = server.tasks()
        expect_refused(server, address(room, "x" * 31))
        server.settle(before)  # Or the stranger may take ana's message along.
        # A join or a leave would come before this.
        ana.send_json(type="message", text="nobody new")
        ana.expect_json(type="message", text="nobody new")


def test_message_reaches_everyone_in_the_room(enter_room, room):
    with enter_room("ana") as ana, enter_room("ben") as ben, enter_room("cleo") as cleo:
        for client, newcomers in [(ana, ["ben", "cleo"]), (ben, ["cleo"])]:
            for name in newcomers:
                client.expect_json(type="join", name=name)
        ben.send_json(type="message", text="¡olé! 🎉")
        for client in (ana, ben, cleo):
            client.expect_json(type="message", room=room, name="ben", text="¡olé! 🎉")


def test_message_stays_in_its_room(server, room):
    # Two rooms whose names differ as little as can be.
    with (
        join(server, f"{room}-a", "ana") as ana,
        join(server, f"{room}-a", "cleo") as cleo,
        join(server, f"{room}-A", "ben") as ben,
    ):
        ana.expect_json(type="join", name="cleo")
        ana.send_json(type="message", text="for ana")
        for client in (ana, cleo):  # An echo stays in its room, too, and is no room.
            client.expect_json(type="message", text="for ana")
        # If the first message had leaked, it would reach ben before this one.
        ben.send_json(type="message", text="for ben")
        ben.expect_json(type="message", text="for ben")


def test_messages_reach_everyone_in_order(enter_room):
    with enter_room("ana") as ana, enter_room("ben") as ben:
        ana.expect_json(type="join", name="ben")
        for start in range(0, 100, 20):
            numbers = range(start, start + 20)
            for number in numbers:
                ana.send_json(type="message", text=str(number))
            for client in (ana, ben):
                for number in numbers:
                    client.expect_json(type="message", text=str(number))


def test_message_that_is_bad_is_answered_to_its_sender_only(enter_room):
    with enter_room("ana") as ana, enter_room("ben") as ben:
        ana.expect_json(type="join", name="ben")
        ana.send("no JSON")
        ana.expect_json(type="error", code="bad-json")
        # If the error had leaked, it would reach ben before this.
        ana.send_json(type="message", text="next")
        ben.expect_json(type="message", text="next")


def test_message_with_half_a_character_harms_nobody(enter_room):
    with enter_room("ana") as ana, enter_room("ben") as ben:
        ana.expect_json(type="join", name="ben")
        ana.send('{"type": "message", "text": "\\ud83c"}')
        # The contract does not say what becomes of it. The next message arrives.
        ana.expect_json()
        ana.send_json(type="message", text="next")
        ana.expect_json(type="message", text="next")
        while ben.expect_json().get("text") != "next":
            pass


# What only a crowd can show takes long. So a few come first: most mistakes that a crowd
# would meet, they meet in a second.


def test_messages_of_3_speakers_at_once_reach_everyone(server, room):
    expect_all_heard(server, room, speakers=3, messages=3)


@pytest.mark.patient
def test_messages_of_20_speakers_at_once_reach_everyone(server, room):
    expect_all_heard(server, room, speakers=20, messages=20)


def expect_all_heard(server, room, speakers, messages):
    """Fail unless everybody hears all that everybody says, each speaker in order."""
    every = speakers * messages
    with crowd(server, room, speakers) as clients:
        for number in range(messages):
            for speaker, client in enumerate(clients):
                client.send_json(type="message", text=f"{speaker}: {number}")
        for client in clients:
            heard = list(texts_of(client, every))
            if len(heard) < every:
                raise WireError(
                    "lost",
                    f"{speakers} clients said {messages} things each, and some were "
                    f"not heard.",
                )
            for speaker in range(speakers):
                numbers = [text for text in heard if text.startswith(f"{speaker}: ")]
                wanted = [f"{speaker}: {number}" for number in range(messages)]
                assert numbers == wanted, (
                    f"What one client said came in another order: {numbers[:10]}."
                )


def texts_of(client, most):
    """Yield the texts that a client hears, until no more come."""
    for _ in range(most):
        try:
            yield client.expect_json(type="message")["text"]
        except WireError as error:
            if error.symptom != "silence":
                raise
            return


def test_messages_reach_10_clients_in_order(server, room):
    expect_order(server, room, clients=10, messages=5)


@pytest.mark.crowd
def test_messages_reach_300_clients_in_order(server, room):
    expect_order(server, room, clients=300, messages=20)


def expect_order(server, room, clients, messages):
    """Fail unless everybody hears what one of them says, in order."""
    with crowd(server, room, clients) as members:
        for number in range(messages):
            members[0].send_json(type="message", text=str(number))
        for member in members:
            for number in range(messages):
                member.expect_json(type="message", text=str(number))


@pytest.mark.patient
def test_messages_of_two_servers_on_one_redis_reach_both(start, redis, room):
    first, second = start(REDIS_URL=redis.url), start(REDIS_URL=redis.url)
    with join(first, room, "ana") as ana:
        with join(second, room, "ben") as ben:
            ana.expect_json(type="join", name="ben")
            ana.send_json(type="message", text="from the first")
            ben.expect_json(type="message", name="ana", text="from the first")
            ben.send_json(type="message", text="from the second")
            for text in ("from the first", "from the second"):
                ana.expect_json(type="message", text=text)
        ana.expect_json(type="leave", name="ben")


@pytest.mark.patient
def test_message_after_8_idle_seconds_on_redis_arrives(start, own_redis, room):
    server = start(REDIS_URL=own_redis.url)
    with join(server, room, "ana") as ana, join(server, room, "ben") as ben:
        ana.expect_json(type="join", name="ben")
        expect_in_redis(own_redis)  # In memory, it would arrive as well.
        with pytest.raises(TimeoutError):
            ana.recv_within(IDLE)
        ana.send_json(type="message", text="still here?")
        ana.expect_json(type="message", text="still here?")
        ben.expect_json(type="message", text="still here?")


@pytest.mark.patient
def test_message_of_the_command_announce_reaches_the_room(start, redis, project, room):
    server = start(REDIS_URL=redis.url)
    with join(server, room) as ana, join(server, f"{room}-2") as ben:
        run = manage(project, "announce", room, "¡a comer!", REDIS_URL=redis.url)
        expect_sent(run)
        ana.expect_json(type="announcement", text="¡a comer!")
        # If it had leaked, it would reach ben before this one.
        run = manage(project, "announce", f"{room}-2", "and you", REDIS_URL=redis.url)
        expect_sent(run)
        ben.expect_json(type="announcement", text="and you")


def expect_sent(run):
    if run.returncode != 0:
        raise WireError(f"announce: {telling_line(run.stdout)}", run.stdout)


def telling_line(printed):
    lines = printed.splitlines()
    telling = [each for each in lines if re.match(r"Unknown|\w*Error\b", each)]
    return (telling or lines or [""])[-1]


@pytest.mark.patient
@pytest.mark.parametrize(
    ("words", "environment"),
    [
        (["garden", "dinner"], {}),
        (["garden", "dinner"], {"REDIS_URL": "redis://127.0.0.1:1"}),
        # Without a Redis that takes them, these would be refused for that.
        (["no room", "dinner"], None),
        (["garden", ""], None),
        (["garden", "x" * 2_001], None),
    ],
    ids=["no Redis", "Redis away", "bad room", "no words", "long text"],
)
def test_message_that_announce_cannot_send_is_refused_in_words(
    request, project, words, environment
):
    if request.config.getoption("url"):
        pytest.skip("needs the project's manage.py, which --url does not show")
    if environment is None:
        environment = {"REDIS_URL": request.getfixturevalue("redis").url}
    run = manage(project, "announce", *words, **environment)
    # Django refuses a command that it does not know just so: with 1, and in words.
    if (told := telling_line(run.stdout)).startswith("Unknown command"):
        raise WireError(f"announce: {told}", run.stdout)
    if run.returncode != 1:
        raise WireError(
            f"announce: exit status {run.returncode}",
            f"Exit status {run.returncode}:\n{run.stdout}",
        )
    if "Traceback" in run.stdout:
        raise WireError(f"announce: {telling_line(run.stdout)}", run.stdout)
    assert run.stdout.strip(), "It exits with 1, but does not say why."


def test_close_is_told_to_everyone_who_stays(enter_room):
    with enter_room("ana") as ana, enter_room("ben") as ben:
        ana.expect_json(type="join", name="ben")
        with enter_room("cleo"):
            for client in (ana, ben):
                client.expect_json(type="join", name="cleo")
        for client in (ana, ben):
            client.expect_json(type="leave", name="cleo")
        ana.expect_open()


def test_close_without_a_goodbye_is_told_to_the_others(enter_room, server, room):
    with enter_room("ana") as ana:
        vanish(server, address(room, "ben"))
        ana.expect_json(type="join", name="ben")
        ana.expect_json(type="leave", name="ben")
        ana.send_json(type="message", text="still here?")
        ana.expect_json(type="message", text="still here?")


@pytest.mark.patient  # Those who have no Redis yet first hear of what is lost.
def test_message_is_not_kept_where_other_projects_keep_theirs(start, own_redis, room):
    server = start(REDIS_URL=own_redis.url)
    with join(server, room, "ana"):
        expect_in_redis(own_redis)  # What is nowhere has no prefix.
        # A database of its own keeps a project's keys apart, as a prefix does.
        shared = own_redis.keys("asgi*", database=0)
        shared += own_redis.command("PUBSUB", "CHANNELS", "asgi*")
    if shared:
        raise WireError(
            "shared prefix",
            f"Redis holds {shared[0]}. Every project of Channels does so, unless it has"
            f" a prefix of its own: two of them on one Redis hear each other.",
        )


@pytest.mark.patient  # So here.
def test_close_of_5_clients_leaves_nothing_in_redis(start, own_redis, room):
    expect_nothing_left(start, own_redis, room, clients=5, seconds=PATIENCE)


@pytest.mark.crowd
def test_close_of_200_clients_leaves_nothing_in_redis(start, own_redis, room):
    expect_nothing_left(start, own_redis, room, clients=200, seconds=EMPTY)


def expect_nothing_left(start, redis, room, clients, seconds):
    """Fail unless Redis soon is as it was, when all who have come have left at once."""
    # Not in the Redis of the other checks: a crowd of theirs may still be leaving.
    server = start(REDIS_URL=redis.url)
    before = traces(redis)
    with crowd(server, room, clients, at_once=True):
        if not traces(redis) - before:
            raise WireError("not in Redis", "Nothing of the room is in Redis.")
    deadline = time.monotonic() + seconds
    while (left := traces(redis) - before) and time.monotonic() < deadline:
        time.sleep(0.05)
    if left:
        raise WireError(
            "kept in Redis",
            f"The room is empty, but Redis still knows it: {', '.join(sorted(left))}.",
        )


def traces(redis):
    """Return what Redis holds for long, and what somebody has subscribed to."""
    # A message to somebody who has just gone stays for a minute, and harms nobody. So
    # does one that was under way when the last reader left: the next puts it back.
    lasting = {
        key
        for database in redis.databases()
        for key in redis.keys("*", database)
        if not key.endswith("!$inflight")
        and redis.command("TTL", key, database=database) not in MINUTE
    }
    return {*lasting, *redis.command("PUBSUB", "CHANNELS")}


@pytest.mark.patient
def test_close_with_4503_while_redis_is_away_and_everyone_is_back_after(
    start, own_redis, room
):
    with ExitStack() as stack:
        server = start(REDIS_URL=own_redis.url)
        members = {
            name: stack.enter_context(join(server, room, name))
            for name in ("ana", "ben")
        }
        members["ana"].send_json(type="message", text="before")
        for client in members.values():
            texts_until(client, "before")

        own_redis.stop()
        for name in ("cleo", "ana"):
            with connect(server, address(room, name)) as newcomer:
                newcomer.expect_close(AWAY)
        # A member is closed too, at the latest when it speaks, or hears again later.
        with suppress(WireError):
            members["ana"].send_json(type="message", text="lost")

        own_redis.start()
        deadline = time.monotonic() + RETURN
        names = ("ana", "ben", "cleo")
        for attempt in count():
            assert time.monotonic() < deadline, (
                f"Redis was back for {RETURN} seconds, and not all of ana, ben and "
                f"cleo could connect and hear each other."
            )
            for name in names:
                if name not in members or members[name].is_closed():
                    with suppress(WireError):
                        members[name] = stack.enter_context(join(server, room, name))
            if len(members) == len(names) and hear(members, attempt):
                break

        members["cleo"].send_json(type="message", text="once")
        members["cleo"].send_json(type="message", text="end")
        for name, client in members.items():
            texts = texts_until(client, "end")
            assert texts.count("once") == 1, f"{name} heard {texts}."


@pytest.mark.patient
def test_close_with_4503_while_redis_refuses_and_all_is_well_after(
    start, own_redis, room
):
    server = start(REDIS_URL=own_redis.url)
    with join(server, room, "ana") as ana, join(server, room, "ben") as ben:
        ana.expect_json(type="join", name="ben")
        # As with a full disk, but publishing is refused as well: so to each layer.
        denied = ("-@write", "-publish", "-subscribe")
        own_redis.command("ACL", "SETUSER", "default", *denied)
        with connect(server, address(room, "cleo")) as newcomer:
            newcomer.expect_close(AWAY)
        for member in (ana, ben):
            with suppress(WireError):  # Who is told before it speaks is gone by now.
                member.send_json(type="message", text="does anybody hear me?")
            member.expect_close(AWAY)
        own_redis.command("ACL", "SETUSER", "default", "+@all")
    expect_all_is_well(server, room)


@pytest.mark.patient
@pytest.mark.posix("Windows cannot stop a process for a while")
def test_close_with_4503_within_20_seconds_while_redis_is_frozen(
    start, own_redis, room
):
    server = start(REDIS_URL=own_redis.url)
    with ExitStack() as stack:
        members = [
            stack.enter_context(join(server, room, name))
            for name in ("ana", "ben", "cleo")
        ]
        with own_redis.frozen():
            deadline = time.monotonic() + FROZEN
            with connect(server, address(room, "ben")) as newcomer:
                newcomer.expect_close(AWAY, deadline - time.monotonic())
            for member in members:
                member.expect_close(AWAY, deadline - time.monotonic())
    expect_all_is_well(server, room)


def expect_all_is_well(server, room):
    """Fail unless somebody comes in and hears another, soon after Redis is back."""
    deadline = time.monotonic() + RETURN
    while True:
        try:
            # The leave of those who had to go may come first, when Redis answers.
            with enter(server, room, "ana") as ana, enter(server, room, "ben") as ben:
                ana.send_json(type="message", text="again")
                assert texts_until(ben, "again") == ["again"]
                return
        except WireError:
            # What Redis has refused before may be heard of only now.
            if time.monotonic() > deadline:
                raise


def hear(members, attempt):
    """Let everyone say something. Returns whether everyone heard everyone."""
    try:
        for name, client in members.items():
            client.send_json(type="message", text=f"{name} {attempt}")
        for client in members.values():
            missing = {f"{name} {attempt}" for name in members}
            while missing:
                missing.discard(json.loads(client.recv_within(1)).get("text"))
    except (WireError, TimeoutError):
        return False
    return True
