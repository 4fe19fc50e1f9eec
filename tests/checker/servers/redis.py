"""A Redis for the tests: a real `redis-server`, which holds nothing but theirs."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.checker.client import PATIENCE
from tests.checker.servers import output
from tests.checker.servers.launch import start_with_lifeline
from tests.checker.servers.runserver import START, STOP, ServerError, free_port

MISSING = (
    "No redis-server was found. Install it (Debian: apt install redis-server,"
    " macOS: brew install redis, Windows: use WSL, or install Memurai),"
    " or set REDIS_SERVER to the path of yours."
)

# Why a check is skipped that memory would keep. `checks.LACKS` knows how it begins.
NOT_USED = (
    "No room of this project is in Redis, though REDIS_URL names one. What is asked"
    " there would be asked in memory once more."
)


def find_redis() -> str | None:
    """Return the path of a redis-server, or None. The variable REDIS_SERVER wins."""
    return shutil.which(os.environ.get("REDIS_SERVER", "redis-server"))


class RedisServer:
    """
    Run a Redis on a free port of 127.0.0.1, empty at each start.

    It keeps its files in `folder`. It ends with the `with` block, and with this
    process, whatever way that ends.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "redis.log"
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """
        Start it, or start it again: on the same port, with nothing in it.

        Returns when it answers. Raises ServerError if it ends, or after 30 seconds, or
        if there is no redis-server.
        """
        if (program := find_redis()) is None:
            raise ServerError(MISSING)
        with self.log.open("ab") as log:
            self.process = start_with_lifeline(
                program,
                *("--port", str(self.port), "--bind", "127.0.0.1"),
                *("--protected-mode", "yes", "--dir", self.folder.resolve()),
                *("--save", "", "--appendonly", "no"),
                log=log,
            )
        try:
            self.wait_until_it_answers()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it, and return when it is gone. All connections to it break."""
        self.process.stdin.close()
        try:
            self.process.wait(STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP)

    def wait_until_it_answers(self) -> None:
        """Return as soon as it answers. Raises ServerError as `start` does."""
        import redis  # Here, as in command().

        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ServerError(f"redis-server did not start:\n{self.printed()}")
            with suppress(redis.ConnectionError, redis.TimeoutError):
                # Another Redis may have been quicker to take the port.
                folder = self.command("CONFIG GET", "dir")["dir"]
                if Path(folder) == self.folder.resolve():
                    return
            time.sleep(0.02)
        raise ServerError(
            f"redis-server did not start: after {START} seconds it still answers "
            f"nothing."
        )

    def command(self, *words: str | int, database: int = 0) -> Any:
        """
        Return the answer to a command, such as `command("ZCARD", "asgi:group:tea")`.

        A project may keep its rooms in any `database`: `redis://…/1` names the second.
        Raises redis.RedisError if Redis refuses, or is not there.
        """
        # Here, since most runs of checks end before a Redis, and this takes a while.
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        with redis.Redis.from_url(
            self.url,
            db=database,
            decode_responses=True,
            encoding_errors="replace",  # Channels' messages are no text.
            socket_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),  # A stopped Redis is seen at once.
        ) as client:
            return client.execute_command(*words)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop its process for a while. Its port takes connections, as ever."""
        pid = self.command("INFO", "server")["process_id"]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def databases(self) -> list[int]:
        """Return which of its databases hold anything."""
        held = self.command("INFO", "keyspace")
        return sorted(int(name.removeprefix("db")) for name in held)

    def keys(self, pattern: str = "*", database: int | None = None) -> list[str]:
        """Return the names of the keys that match, in order: in one database or all."""
        some = self.databases() if database is None else [database]
        return sorted(
            key for each in some for key in self.command("KEYS", pattern, database=each)
        )

    def printed(self) -> str:
        """Return what it printed, since its first start."""
        return output.read(self.log).decode(errors="replace")
