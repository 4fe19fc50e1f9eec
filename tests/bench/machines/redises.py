"""Several Redis on free ports of this machine: alone, with Sentinels, as a Cluster."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from redis import Redis as Client
from redis import RedisError

from tests.checker.servers.launch import ROOT
from tests.checker.servers.redis import MISSING, RedisServer, find_redis
from tests.checker.servers.runserver import ServerError, free_port

PATIENCE = 20  # Seconds.
DOWN_AFTER = 1  # Seconds without an answer, after which a Sentinel takes it for dead.


class Redis(RedisServer):
    """A Redis with options of its own, that can be killed as by a power cut."""

    def __init__(self, folder: Path, *options: str | int) -> None:
        folder.mkdir()
        super().__init__(folder)
        self.options = options

    def start(self) -> None:
        """Start it, or start it again, empty. Raises ServerError as its parent does."""
        self.process = launch(
            self.log,
            *("--port", self.port, "--bind", "127.0.0.1", "--protected-mode", "yes"),
            *("--dir", self.folder.resolve(), "--save", "", "--appendonly", "no"),
            *self.options,
        )
        try:
            self.wait_until_it_answers()
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """The process of the Redis itself."""
        return self.command("INFO", "server")["process_id"]

    def kill(self) -> None:
        """Kill it, and return when it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait()


class Sentinel:
    """A redis-server that watches a master, and puts its replica in its place."""

    def __init__(self, folder: Path, master: Redis, quorum: int) -> None:
        folder.mkdir()
        self.folder, self.master, self.quorum = folder, master, quorum
        self.port = free_port()

    def __enter__(self) -> "Sentinel":
        file = self.folder / "sentinel.conf"
        file.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self.folder.resolve()}\n"
            f"sentinel monitor chat 127.0.0.1 {self.master.port} {self.quorum}\n"
            f"sentinel down-after-milliseconds chat {DOWN_AFTER * 1000}\n"
            "sentinel failover-timeout chat 10000\n",
            encoding="utf-8",
        )
        self.process = launch(
            self.folder / "sentinel.log", file.resolve(), "--sentinel"
        )
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.stdin.close()
        self.process.wait(PATIENCE)

    def knows(self, replicas: int, others: int) -> bool:
        """Tell whether it has found so many replicas, and other Sentinels."""
        try:
            with Client(port=self.port, socket_timeout=1) as client:
                seen = client.sentinel_master("chat")
        except (RedisError, OSError):
            return False
        found = (seen["num-slaves"], seen["num-other-sentinels"])
        return found == (replicas, others)

    def master_port(self) -> int:
        """Return the port of the one that it takes for the master."""
        with Client(port=self.port, socket_timeout=1) as client:
            _host, port = client.sentinel_get_master_addr_by_name("chat")
        return port


def launch(log: Path, *words: str | int | Path) -> subprocess.Popen:
    """Start a redis-server that ends with us."""
    if (program := find_redis()) is None:
        raise ServerError(MISSING)
    with log.open("ab") as output:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.checker.servers.lifeline", program),
                *map(str, words),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def wait(what: Callable[[], bool], words: str, seconds: float = PATIENCE) -> None:
    """Return when something is true. Raises ServerError if it is not in that time."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise ServerError(f"{words}: not within {seconds} seconds.")
        time.sleep(0.02)


@contextmanager
def guarded_by_sentinels(
    folder: Path, sentinels: int
) -> Iterator[tuple[Redis, Redis, list[Sentinel]]]:
    """Run a master, its replica, and so many Sentinels that all know of each other."""
    with ExitStack() as stack:
        master = stack.enter_context(Redis(folder / "master"))
        replica = stack.enter_context(
            Redis(folder / "replica", "--replicaof", f"127.0.0.1 {master.port}")
        )
        link = "master_link_status"
        wait(
            lambda: replica.command("INFO", "replication")[link] == "up", "replication"
        )
        watching = [
            stack.enter_context(
                Sentinel(folder / f"sentinel-{each}", master, sentinels // 2 + 1)
            )
            for each in range(sentinels)
        ]
        wait(
            lambda: all(each.knows(1, sentinels - 1) for each in watching),
            "Sentinels that know of each other",
        )
        yield master, replica, watching


@contextmanager
def cluster(folder: Path, masters: int = 3) -> Iterator[list[Redis]]:
    """Run a Redis Cluster, without replicas."""
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(
                Redis(
                    folder / f"node-{each}",
                    *("--cluster-enabled", "yes", "--cluster-port", free_port()),
                    *("--cluster-node-timeout", 1000),
                )
            )
            for each in range(masters)
        ]
        program = shutil.which("redis-cli") or str(
            Path(find_redis() or "").with_name("redis-cli")
        )
        addresses = [f"127.0.0.1:{node.port}" for node in nodes]
        done = subprocess.run(
            [program, "--cluster", "create", *addresses, "--cluster-yes"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode:
            raise ServerError(f"redis-cli made no Cluster: {done.stdout}")
        wait(lambda: all(state_of(node) == "ok" for node in nodes), "the Cluster")
        yield nodes


def state_of(node: Redis) -> str:
    """Return what a node says of its Cluster: ok, or fail."""
    with suppress(RedisError):
        said = node.command("CLUSTER", "INFO")
        if isinstance(said, dict):
            return said["cluster_state"]
        return "ok" if "cluster_state:ok" in said else "fail"
    return "no answer"
