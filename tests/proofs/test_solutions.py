"""
The checks promise what the contract says, and nothing else.

They pass on solutions that look nothing like ours, and fail on what is no solution.
"""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.checker.client import WireError
from tests.checker.explain.source import Source
from tests.checker.verdict import NO_FAULT
from tests.exercises import stage04_auth_3 as speaks_too_fast
from tests.proofs.records import Proof, Recorded, Seen
from tests.proofs.runs import (
    ROOT,
    SLOW,
    SOLUTIONS,
    Run,
    check,
    diagnosis,
    proof_of,
    replace,
    solution,
)

pytestmark = pytest.mark.timeout(SLOW)

PLAIN = "tests/start"

STAGES = [path.name for path in sorted(ROOT.glob("stage*"))]
EXERCISES = sorted(path.stem for path in ROOT.glob("tests/exercises/stage*.py"))

# Crowds take most of a minute, and the rest of a suite some seconds.
WITHOUT_CROWDS = ("-m", "not crowd")


def stage_of(name: str) -> str:
    """Return the stage that a solution or an exercise is of."""
    return next(stage for stage in STAGES if stage[:7] == name[:7])


# What is asked of a channel layer is asked twice. Of another solution CI asks it once:
# of one of a stage in memory, and of one on Redis. Stage 5 is asked through nginx.
LAYERS = {
    "stage03_pubsub": "not memory",
    "stage03_synchronous": "not Redis",
    "stage04_polling": "not Redis",
    "stage04_synchronous": "not memory",
}


def quick(name: str) -> tuple[str, ...]:
    """Return the options that leave out, for a solution, what takes long."""
    stage = stage_of(name)
    if stage != "stage05_wss":
        # What one of an exercise does on Redis, the checks of the exercise say.
        others = "not Redis" if "exercise" in name else ""
        return (*WITHOUT_CROWDS, "-k", LAYERS.get(name, others))
    suite = (ROOT / "tests" / f"test_{stage}.py").read_text(encoding="utf-8")
    new = re.findall(r"^def (test_\w+)", suite, re.MULTILINE)
    return (*WITHOUT_CROWDS, "-k", " or ".join(["through", *new]))


def suite_of(exercise: str) -> str:
    """Return the file of the checks of an exercise, such as "stage03_groups_4"."""
    return f"tests/exercises/{exercise}.py"


def check_exercise(exercise: str, project: Path, *options: str) -> Run:
    """Run the checks of an exercise as learn.py does."""
    suites = (suite_of(exercise),)
    return check(stage_of(exercise), "--project", project, *options, suites=suites)


def exercise_proof(name: str, exercise: str, *more: Path | str) -> Proof:
    """Return a proof about an exercise, which depends on its own checks, too."""
    sources = (ROOT / suite_of(exercise), ROOT / "tests/exercises/conftest.py")
    return proof_of("exercises", name, stage_of(exercise), *sources, *more)


def solution_of(exercise: str) -> Path:
    """Return the folder of the solution of an exercise."""
    return SOLUTIONS / f"{exercise[:7]}_exercise_{exercise[-1]}"


@pytest.mark.parametrize(
    ("proof", "name"),
    [
        pytest.param(
            proof_of(
                "solutions", path.name, stage_of(path.name), path, *quick(path.name)
            ),
            path.name,
            id=path.name,
        )
        for path in sorted(SOLUTIONS.iterdir())
        if "exercise" not in path.name
    ],
)
def test_another_correct_solution_passes(
    tmp_path: Path, proof: Proof, name: str, recorded: Recorded
) -> None:
    def prove() -> Seen:
        # Whole, they were run by hand: crowds take minutes.
        project = solution(name, tmp_path / "project")
        return check(stage_of(name), "--project", project, *quick(name)).passed()

    assert " checks pass" in recorded(proof, prove)["passed"]


@pytest.mark.parametrize(
    ("proof", "stage"),
    [
        pytest.param(proof_of("solutions", "our own", stage), stage, id=stage)
        for stage in STAGES[:2]  # The others take a minute each.
    ],
)
def test_our_own_stage_passes_once_more(
    proof: Proof, stage: str, recorded: Recorded
) -> None:
    # Its suite is part of this run, too. 20 and more in a row were run by hand.
    def prove() -> Seen:
        return check(stage, *WITHOUT_CROWDS, cold=True).passed()

    assert " checks pass" in recorded(proof, prove)["passed"]


@pytest.mark.parametrize(
    ("proof", "exercise"),
    [
        pytest.param(
            exercise_proof(exercise, exercise, solution_of(exercise)),
            exercise,
            id=exercise,
        )
        for exercise in EXERCISES
    ],
)
def test_solution_of_an_exercise_passes(
    tmp_path: Path, proof: Proof, exercise: str, recorded: Recorded
) -> None:
    def prove() -> Seen:
        name = solution_of(exercise).name
        project = solution(name, tmp_path / "project")
        stage = check(stage_of(exercise), "--project", project, *quick(name)).passed()
        return {
            "stage": stage["passed"],
            "exercise": check_exercise(exercise, project).passed()["passed"],
        }

    assert "checks pass" in " ".join(recorded(proof, prove).values())


class Slow:
    """A client of a right solution of exercise 4.3, on a machine of this speed."""

    def __init__(self, speed: float) -> None:
        self.speed = speed  # Messages/s, there and back.
        self.now = 0.0
        self.tokens = float(speaks_too_fast.BURST)
        self.refused = 0
        self.sent: list[str] = []

    def send(self, text: str) -> None:
        self.sent.append(text)

    def send_json(self, **message: str) -> None:
        self.sent.append(message["type"])

    def expect_json(self) -> dict[str, str]:
        self.now += 1 / self.speed
        filled = self.tokens + speaks_too_fast.RATE / self.speed
        self.tokens = min(speaks_too_fast.BURST, filled)
        is_message = self.sent.pop(0) == "message"
        if self.tokens < 1:
            self.refused += 1
            if self.refused > 100:
                raise WireError("close 4429", "The limit was meant for others.")
            return {"type": "error", "code": "slow-down"}
        self.tokens -= 1
        return (
            {"type": "message"} if is_message else {"type": "error", "code": "bad-json"}
        )


@pytest.mark.parametrize("send", [speaks_too_fast.say, speaks_too_fast.babble])
@pytest.mark.parametrize("speed", [5, 20, 27, 40, 46, 48, 50, 60, 200, 10_000])
def test_no_machine_is_too_slow_for_a_right_solution(
    speed: float, send: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Slow(speed)
    clock = SimpleNamespace(monotonic=lambda: client.now)
    monkeypatch.setattr(speaks_too_fast, "time", clock)
    if speed > 25:
        assert speaks_too_fast.too_many(client, send) >= speaks_too_fast.BURST
        assert client.refused
    else:  # Nobody is too fast for the limit there, and nobody is to blame.
        with pytest.raises(WireError, match="This is too slow") as error:
            speaks_too_fast.too_many(client, send)
        assert error.value.symptom in NO_FAULT


# What the stage that an exercise begins with is told by the checks of the exercise.
NOT_DONE = {
    "stage01_echo_3": "was refused with HTTP 500. It must be 403.",
    "stage02_routing_4": "and the server accepted None.",
    "stage03_groups_3": "A message carries its number",
    "stage03_groups_4": "Who is here? This came: {'type': 'error'",
    "stage03_groups_5": "The welcome has no channel",
    "stage04_auth_3": "came through, not 120 to",
    "stage04_auth_4": "It must close it with 4429",
    "stage04_auth_5": "POST /ticket/ is answered with 404",
    "stage05_wss_6": "without a close frame. It must be 4001.",
}


@pytest.mark.parametrize(
    ("proof", "exercise"),
    [
        pytest.param(exercise_proof(f"{each} not done", each), each, id=each)
        for each in NOT_DONE
    ],
)
def test_stage_as_it_is_fails_the_checks_of_an_exercise(
    proof: Proof, exercise: str, recorded: Recorded
) -> None:
    stage = ROOT / stage_of(exercise)
    seen = recorded(proof, lambda: check_exercise(exercise, stage).failed())
    assert NOT_DONE[exercise] in seen["message"]


def test_every_exercise_can_be_not_done() -> None:
    assert list(NOT_DONE) == EXERCISES


DOORS = """        for reader in reactor.getReaders():
            if IListeningPort.providedBy(reader):
                reader.stopListening()
        return Deferred.fromFuture(asyncio.ensure_future(self.say_goodbye()))
"""
# So long that somebody comes in.
DOORS_STAY_OPEN = """        goodbyes = self.say_goodbye(), asyncio.sleep(PATIENCE)
        return Deferred.fromFuture(asyncio.gather(*goodbyes))
"""

OF_ITSELF = f"""            if not self.is_stopping:
                task.cancel()
            raise

    def stop(self):
        self.is_stopping = True
        # Who comes from now on is refused, and a proxy asks the next server.
{DOORS}"""
WHEN_CANCELLED = f"""            await close(send)
            await task
            raise

    def stop(self):
{DOORS.partition("        return")[0]}"""

# A line of a solution, what is wrong in its place, and the check that sees it.
WRONG = [
    (
        "stage02_routing_4",
        "SUBPROTOCOL if is_offered else None",
        "SUBPROTOCOL",
        "handshake that offers only what is unknown is answered",
    ),
    (
        "stage02_routing_4",
        'SUBPROTOCOL in self.scope["subprotocols"]',
        'bool(self.scope["subprotocols"])',
        "handshake that offers only what is unknown is answered",
    ),
    (
        "stage03_groups_3",
        "number is None or number > self.last",
        "True",
        "messages that are said meanwhile come once too (on Redis)",
    ),
    (
        "stage03_groups_3",
        'each["number"] > int(since)',
        'each["number"] >= int(since)',
        "messages that were missed come once and in order (in memory)",
    ),
    (
        "stage03_groups_3",
        "for each in kept[self.room] if",
        "for past in kept.values() for each in past if",
        "messages that were missed come once and in order (in memory)",
    ),
    (
        "stage03_groups_3",
        "KEPT = 100",
        "KEPT = 200",
        "messages are kept for 100 numbers (in memory)",
    ),
    (
        "stage03_groups_3",
        'if "since" in query:',
        "if True:",
        "messages of the past come to nobody who did not ask (in memory)",
    ),
    (
        "stage03_groups_4",
        "group_send(group_of(self.room), event)",
        "group_send(group_of('everywhere'), event)",
        "message who is answered with the names in this room (in memory)",
    ),
    (
        "stage03_groups_4",
        "answer = {",
        'await self.send_json({"type": "asked"}); answer = {',
        "message who is answered to the sender only (in memory)",
    ),
    (
        "stage03_groups_5",
        "except TypeError:",
        "except ZeroDivisionError:",
        "message whispered that is bad is answered (in memory-signs)",
    ),
    (
        "stage03_groups_5",
        "except ChannelFull:",
        "except ZeroDivisionError:",
        "message whispered to a full mailbox harms nobody (in memory)",
    ),
    (
        "stage03_groups_5",
        "await self.channel_layer.send(channel, event)",
        'await self.channel_layer.group_send(f"room.{self.room}", event)',
        "message whispered reaches the one that is meant (in memory)",
    ),
    (
        "stage04_auth_3",
        "self.tokens -= 1",
        "globals().update(BURST=BURST - 1)",
        "messages of others are not slowed down (in memory)",
    ),
    (
        "stage04_auth_3",
        "if self.refused > PATIENCE:",
        "if False:",
        "close with 4429 of whoever sends on (in memory)",
    ),
    (
        "stage04_auth_3",
        "RATE * (now - self.filled_at)",
        "0",
        "messages after a second of silence are passed on (in memory)",
    ),
    (
        "stage04_auth_4",
        "connections.subtract, [user]",
        "connections.subtract, []",
        "handshake that was refused counts for nothing (in memory)",
    ),
    (
        "stage04_auth_4",
        "connections.subtract, [user]",
        "connections.subtract, [user] * (not self.is_one_too_many)",
        "handshake that was refused counts for nothing (in memory)",
    ),
    (
        "stage04_auth_4",
        'user = scope["user"].pk',
        "user = None",
        "handshake of another user is accepted (in memory)",
    ),
    (
        "stage04_auth_5",
        "return session_key if cache.delete(name_of(ticket)) else None",
        "return session_key",
        "handshake with a ticket works once (in memory)",
    ),
    (
        "stage04_auth_5",
        "request.session.session_key, VALID)",
        "request.session.session_key)",
        "handshake with an old ticket is refused with 403 (in memory)",
    ),
    (
        "stage04_auth_5",
        "with_cookie = AllowedHostsOriginValidator(with_session)",
        "with_cookie = with_session",
        "handshake with a cookie still needs our origin (in memory)",
    ),
    (
        "stage05_wss_6",
        "GOING_AWAY = 4001",
        "GOING_AWAY = 1001",  # Daphne gives it to no application.
        "close with 4001 when the server is stopped (Daphne cancels)",
    ),
    (
        "stage05_wss_6",
        "await asyncio.wait(self.running, timeout=PATIENCE)",
        "[task.cancel() for task in self.running]",  # And disconnect() never runs.
        "close with 4001 when the server is stopped (Daphne cancels)",
    ),
    (
        "stage05_wss_6",
        "await asyncio.shield(task)",
        "await task",  # Nor does it, where Daphne cancels.
        "close with 4001 when the server is stopped (Daphne cancels)",
    ),
    (
        "stage05_wss_6",
        OF_ITSELF,
        WHEN_CANCELLED,
        "close with 4001 when the server is stopped (Daphne cancels nobody)",
    ),
    (
        "stage05_wss_6",
        DOORS,
        DOORS_STAY_OPEN,
        "close with 4001 comes when nobody is let in any more",
    ),
]


def wrong_case(exercise: str, right: str, wrong: str, fails: str) -> Any:
    """Return the case of a wrong solution, with its proof."""
    name = f"{exercise}: {right.strip()} → {wrong.strip()}"
    proof = exercise_proof(name, exercise, solution_of(exercise), right, wrong)
    return pytest.param(proof, exercise, right, wrong, fails, id=name)


@pytest.mark.parametrize(
    ("proof", "exercise", "right", "wrong", "fails"),
    [wrong_case(*each) for each in WRONG],
)
def test_wrong_solution_of_an_exercise_fails(
    tmp_path: Path,
    proof: Proof,
    exercise: str,
    right: str,
    wrong: str,
    fails: str,
    recorded: Recorded,
) -> None:
    def prove() -> Seen:
        ours = solution_of(exercise)
        project = solution(ours.name, tmp_path / "project")
        [file] = (
            path.relative_to(ours)
            for path in ours.rglob("*.py")
            if right in path.read_text(encoding="utf-8")
        )
        replace(project / file, right, wrong)
        return check_exercise(exercise, project).failed()

    assert recorded(proof, prove)["fails"] == fails


# Where a learner begins is not yet where they go.
STARTS = [
    ("stage01_echo", PLAIN, 'Put "daphne" first in INSTALLED_APPS'),
    ("stage02_routing", "stage01_echo", "There is no route for rooms yet"),
    ("stage02_routing", PLAIN, 'Put "daphne" first in INSTALLED_APPS'),
    ("stage03_groups", "stage02_routing", "did not hear its own join"),
    ("stage03_groups", PLAIN, 'Put "daphne" first in INSTALLED_APPS'),
    ("stage04_auth", "stage03_groups", "settings.py needs DATABASES"),
    ("stage04_auth", PLAIN, "settings.py needs DATABASES"),
    ("stage05_wss", "stage04_auth", "make_keys"),
]


@pytest.mark.parametrize(
    ("proof", "stage", "start", "words"),
    [
        pytest.param(
            proof_of("mistakes", f"still {start}", stage, ROOT / start),
            *(stage, start, words),
            id=f"{stage}-{Path(start).name}",
        )
        for stage, start, words in STARTS
    ],
)
def test_starting_point_of_a_stage_fails(
    proof: Proof, stage: str, start: str, words: str, recorded: Recorded
) -> None:
    seen = recorded(proof, lambda: check(stage, "--project", ROOT / start).failed())
    assert words in diagnosis(seen, Source.of(ROOT / start)), seen["printed"]
