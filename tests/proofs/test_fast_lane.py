"""
What the chapter says of the fast lane, and of the smallest step before it.

That they keep their stages' contracts, test_solutions.py proves.
"""

import ast
import io
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

from tests.checker.rooms import fresh_room, join
from tests.checker.servers.redis import MISSING, RedisServer, find_redis
from tests.checker.servers.runserver import Server, clean_environment
from tests.proofs.runs import ROOT, SOLUTIONS, copy_of, solution

pytestmark = pytest.mark.recorded(
    *sorted(SOLUTIONS.glob("*_fast")),
    *(ROOT / stage for stage in ("stage01_echo", "stage03_groups", "stage04_auth")),
    *(ROOT / f"tests/checker/{name}" for name in ("client.py", "rooms.py", "servers")),
)

MOST = 60  # Lines.

FAST = [
    path.relative_to(SOLUTIONS).as_posix()
    for path in sorted(SOLUTIONS.glob("*_fast/chat/*.py"))
    if path.name in ("fast.py", "local.py")
]

# Two consumers, one of which says that it has no database, and uses it all the same.
PRICE = """
import asyncio

import django
from django.conf import settings

database = {"ENGINE": "django.db.backends.sqlite3", "NAME": "price.sqlite3"}
settings.configure(DATABASES={"default": database})
django.setup()

from asgiref.sync import sync_to_async
from channels.consumer import AsyncConsumer, get_handler_name
from django.db import Error, connection


def query():
    with connection.cursor() as cursor:
        return cursor.execute("SELECT 1").fetchone()


class Usual(AsyncConsumer):
    async def an_event(self, event):
        await sync_to_async(query)()


class WithoutDatabase(Usual):
    async def dispatch(self, message):
        await getattr(self, get_handler_name(message))(message)


async def main():
    for consumer in (Usual(), WithoutDatabase()):
        answers = []
        for number in range(4):
            try:
                await consumer.dispatch({"type": "an.event"})
            except Error:
                answers.append("fails")
            else:
                answers.append("works")
            if number == 0:  # As when the server of the database starts again.
                await sync_to_async(lambda: connection.connection.close())()
        print(*answers)


asyncio.run(main())
"""

# One listener serves all clients of a process: what one meets, no other may feel.
RACE = """
import asyncio

import pytest
from django.contrib.auth import get_user_model

from chat import fast, local
from chat.tests import enter

pytestmark = pytest.mark.django_db(transaction=True)


async def test_who_leaves_while_we_ask_harms_nobody(monkeypatch):
    ana, ben = await enter(name="ana"), await enter("attic", "ben")
    ask, has_asked, may_go_on = fast.ask, asyncio.Event(), asyncio.Event()

    async def ask_slowly(session_key):
        has_asked.set()
        await may_go_on.wait()
        return await ask(session_key)

    monkeypatch.setattr(fast, "ask", ask_slowly)
    user = await get_user_model().objects.aget(username="ana")
    user.is_active = False
    await user.asave()
    await has_asked.wait()
    await ana.disconnect()
    may_go_on.set()
    await ben.send_json_to({"type": "message", "text": "still here"})
    assert (await ben.receive_json_from())["text"] == "still here"
    assert not local.groups["sessions"][2].done()
    await ben.disconnect()
    assert not local.groups


async def test_logout_while_we_ask_closes_whoever_has_just_come(monkeypatch):
    ask = fast.ask

    async def ask_and_log_out(session_key):
        user = await ask(session_key)
        if user.is_active:  # As it was a moment ago.
            monkeypatch.setattr(fast, "ask", ask)
            user.is_active = False
            await user.asave()
            await asyncio.sleep(0.1)  # Until it has been told.
        return user

    monkeypatch.setattr(fast, "ask", ask_and_log_out)
    ana = await enter(name="ana")
    assert await ana.receive_output() == {"type": "websocket.close", "code": 4401}
    await ana.disconnect()
"""

COUNT = """
import pytest
from asgiref.sync import SyncToAsync
from django.db.backends.utils import CursorWrapper

from chat.tests import enter, log_in

pytestmark = pytest.mark.django_db(transaction=True)


async def test_of_what_a_client_costs(monkeypatch):
    browser = await log_in("ana")
    call, execute = SyncToAsync.__call__, CursorWrapper.execute
    trips, queries = [], []

    async def counted_call(*arguments, **options):
        trips.append(arguments)
        return await call(*arguments, **options)

    def counted_execute(*arguments, **options):
        queries.append(arguments)
        return execute(*arguments, **options)

    monkeypatch.setattr(SyncToAsync, "__call__", counted_call)
    monkeypatch.setattr(CursorWrapper, "execute", counted_execute)
    client = await enter("garden", "ana", browser)
    print("handshake", len(trips), len(queries))
    del trips[:], queries[:]
    await client.send_json_to({"type": "message", "text": "hi"})
    await client.receive_json_from()
    print("message", len(trips), len(queries))
    await client.disconnect()
"""


def lines_of_code(file: Path) -> int:
    """Return how many lines there are, without blank ones, comments and docstrings."""
    source = file.read_text(encoding="utf-8")
    blank = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER}
    blank |= {tokenize.INDENT, tokenize.DEDENT}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in blank:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines -= {*range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    return len(lines)


@pytest.mark.parametrize("name", FAST)
def test_fast_lane_is_short(name: str) -> None:
    assert lines_of_code(SOLUTIONS / name) <= MOST


def test_groups_of_a_process_are_the_same_in_both_stages() -> None:
    third, fourth = (
        (SOLUTIONS / f"{stage}_fast" / "chat" / "local.py").read_bytes()
        for stage in ("stage03", "stage04")
    )
    assert third == fourth


@pytest.mark.parametrize("name", ["stage01_fast", "stage03_fast", "stage04_fast"])
def test_fast_lane_passes_the_tests_inside_its_stage(tmp_path: Path, name: str) -> None:
    project = solution(name, tmp_path / "project")
    files = ["chat/tests.py"]
    if name == "stage04_fast":
        (project / "chat" / "test_race.py").write_text(RACE, encoding="utf-8")
        files.append("chat/test_race.py")
    run_tests(project, *files)


def run_tests(project: Path, *words: str) -> str:
    """Run the tests inside a project. Returns what they print, if they pass."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words],
        cwd=project,
        env=clean_environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert run.returncode == pytest.ExitCode.OK, run.stdout
    return run.stdout


@pytest.mark.parametrize(
    ("name", "costs"),
    [
        ("stage04_auth", ["handshake 4 4", "message 3 2"]),
        ("stage04_fast", ["handshake 1 2", "message 1 2"]),
    ],
)
def test_trips_through_the_thread_and_queries_are_fewer(
    tmp_path: Path, name: str, costs: list[str]
) -> None:
    folder = tmp_path / "project"
    is_ours = (ROOT / name).exists()
    project = copy_of(ROOT / name, folder) if is_ours else solution(name, folder)
    (project / "chat" / "test_count.py").write_text(COUNT, encoding="utf-8")
    printed = run_tests(project, "-s", "chat/test_count.py")
    assert [line for line in costs if line in printed] == costs, printed


@pytest.mark.skipif(find_redis() is None, reason=MISSING)
def test_fast_process_and_one_of_the_stage_hear_each_other(tmp_path: Path) -> None:
    # What is kept in Redis has the name of the project's folder.
    usual = copy_of(ROOT / "stage03_groups", tmp_path / "usual" / "chat")
    fast = solution("stage03_fast", tmp_path / "fast" / "chat")
    with RedisServer(tmp_path) as redis:
        environment = {"REDIS_URL": redis.url}
        room = fresh_room()
        with (
            Server(usual, tmp_path / "1.log", environment=environment) as first,
            Server(fast, tmp_path / "2.log", environment=environment) as second,
            join(first, room, "ana") as ana,
        ):
            with join(second, room, "ben") as ben, join(second, room, "cleo") as cleo:
                for name in ("ben", "cleo"):
                    ana.expect_json(type="join", name=name)
                ben.expect_json(type="join", name="cleo")
                # Two clients of one process are one member of the group.
                [members] = redis.keys("*:group:*")
                assert int(redis.command("ZCARD", members)) == 2
                ana.send_json(type="message", text="from the stage")
                cleo.send_json(type="message", text="from the fast lane")
                for client in (ana, ben, cleo):
                    texts = {client.expect_json()["text"] for _ in range(2)}
                    assert texts == {"from the stage", "from the fast lane"}
            for _ in range(2):
                ana.expect_json(type="leave")
            assert int(redis.command("ZCARD", members)) == 1


def test_consumer_that_closes_no_old_connections_keeps_a_broken_one(
    tmp_path: Path,
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PRICE],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    usual, without = run.stdout.splitlines() or [run.stderr, ""]
    assert usual == "works works works works"
    assert without == "works fails fails fails"
