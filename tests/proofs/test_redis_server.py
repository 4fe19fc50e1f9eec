"""
The Redis of the tests: it comes back where it was, and does not outlive them.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis as client

from tests.checker.servers.redis import RedisServer, find_redis
from tests.checker.servers.runserver import ServerError
from tests.proofs.runs import ROOT, recorded_with
from tests.proofs.waiting import REST, ports_of_what_dies, wait_until_refused

pytestmark = recorded_with(Path(__file__).with_name("waiting.py"))

HOLD_A_REDIS = """
import pathlib, sys, time
from tests.checker.servers.redis import RedisServer

with RedisServer(pathlib.Path(sys.argv[1])) as redis:
    print(redis.port, flush=True)
    REST
""".replace("REST", REST)


def test_redis_answers(redis: RedisServer) -> None:
    assert redis.command("PING") is True


def test_redis_shows_what_it_holds(redis: RedisServer) -> None:
    redis.command("SET", "looked:b", "tea")
    redis.command("SET", "looked:a", b"\xff\x00")
    assert redis.keys("looked:*") == ["looked:a", "looked:b"]
    assert redis.command("GET", "looked:b") == "tea"
    assert redis.command("GET", "looked:a") == "\ufffd\x00"
    assert redis.command("DEL", "looked:a", "looked:b") == 2


def test_redis_shows_what_is_in_another_database(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as own:
        assert own.databases() == []
        own.command("SET", "first", "tea")
        own.command("SET", "second", "cake", "EX", 50, database=1)
        assert own.databases() == [0, 1]
        assert own.keys() == ["first", "second"]
        assert own.keys(database=0) == ["first"]
        assert own.command("TTL", "second", database=1) <= 50


def test_redis_listens_on_loopback_only(redis: RedisServer) -> None:
    assert redis.command("CONFIG GET", "bind") == {"bind": "127.0.0.1"}


def test_redis_starts_again_on_the_same_port_with_nothing_in_it(
    redis: RedisServer, tmp_path: Path
) -> None:
    with RedisServer(tmp_path) as own:
        assert own.port != redis.port
        own.command("SET", "kept", "no")
        own.stop()
        with pytest.raises(client.ConnectionError):
            own.command("PING")
        own.start()
        assert own.keys() == []
        assert own.url == f"redis://127.0.0.1:{own.port}"
    assert [file.name for file in tmp_path.iterdir()] == ["redis.log"]


def test_redis_that_cannot_start_says_why(redis: RedisServer, tmp_path: Path) -> None:
    own = RedisServer(tmp_path)
    own.port = redis.port
    own.url = f"redis://127.0.0.1:{own.port}"
    with pytest.raises(ServerError, match="Address already in use"), own:
        pass


@pytest.mark.posix("Windows has one way to end a process, and no signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_redis_dies_with_the_tests(
    redis: RedisServer, tmp_path: Path, name: str
) -> None:
    [port] = ports_of_what_dies(HOLD_A_REDIS, tmp_path, by=name)
    wait_until_refused(port)


# What kills the lifeline kills its program, too: other systems know no such wish.
SIGNALS = ["SIGINT", "SIGTERM", *["SIGKILL"] * (sys.platform == "linux")]


@pytest.mark.posix("Windows has one way to end a process, and no signals")
@pytest.mark.parametrize("name", SIGNALS)
def test_redis_dies_with_its_lifeline(
    redis: RedisServer, tmp_path: Path, name: str
) -> None:
    with RedisServer(tmp_path) as own:
        own.process.send_signal(getattr(signal, name))
        own.process.wait(5)
        wait_until_refused(own.port)


def test_missing_redis_is_a_skip_that_says_how_to_install_it(tmp_path: Path) -> None:
    missing = {"REDIS_SERVER": str(tmp_path / "redis-server")}
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", f"{Path(__file__)}::test_redis_answers"),
            # Its own record would stand for it, and it would not look for a Redis.
            *("--live", "-p", "no:cacheprovider", "-p", "no:xdist"),
        ],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if k != "CI"} | missing,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert "1 skipped" in run.stdout
    assert "apt install redis-server" in run.stdout
    assert "brew install redis" in run.stdout


def test_missing_redis_does_not_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REDIS_SERVER", str(tmp_path / "redis-server"))
    assert find_redis() is None
    with (
        pytest.raises(ServerError, match="apt install redis-server"),
        RedisServer(tmp_path),
    ):
        pass
