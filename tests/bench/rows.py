"""
The rows of the tables: which server each is, and how its project is written.

Every row is code of this repository that can be opened: a stage, a solution in
tests/proofs/right, or a style in tests/bench/styles.
"""

import json
import os
import re
import shutil
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tests.bench.frames import TEXT, connected, crowd, read_frame
from tests.bench.record import Scope
from tests.bench.servers import (
    HAS_UVICORN,
    KINDS,
    STYLES,
    Program,
    ending,
    measured,
    pin,
)
from tests.checker.accounts import PASSWORD, Visitors
from tests.checker.client import WireError
from tests.checker.endpoint import Endpoint
from tests.checker.rooms import address
from tests.checker.servers.redis import MISSING, RedisServer, find_redis
from tests.checker.servers.runserver import Server, ServerError, manage
from tests.checker.servers.tls import MISSING as NGINX_MISSING
from tests.checker.servers.tls import find_nginx
from tests.proofs.runs import ROOT, SOLUTIONS, copy_of, replace

IN_MEMORY = "in memory"
REDIS = "Redis"
PUB_SUB = "Redis pub/sub"
LAYERS = [IN_MEMORY, REDIS, PUB_SUB]

ECHO_STAGE = "stage 1, asynchronous consumer"
SYNCHRONOUS = "synchronous consumer, as in many tutorials"
ECHO_FAST = "fast lane, stage 1"
ARTICLE = "the article's style"
TUTORIAL_ECHO = "Channels' tutorial's style, an echo"
BARE_ECHO = "bare ASGI function, no Channels"

STAGE = "stage 3"
PLAIN = "plain consumer"
NO_CLOSING = "stage 3 without Channels' closing of old database connections"
FAST = "fast lane, stage 3"
TUTORIAL = "Channels' tutorial's style"
BARE = "bare ASGI function, a set for each room"

SESSION = "stage 4, with a session"
REUSE = "stage 4, its connection to the database kept"
SESSION_FAST = "fast lane, stage 4, with a session"
TLS = "stage 5, wss"
NGINX = "stage 5, wss through nginx"
RESUMED = "stage 5, wss through nginx, the session of TLS resumed"

AUTOBAHN = "autobahn, no ASGI"
FRAMED_ONCE = "autobahn, no ASGI, an event framed once for all"
WEBSOCKETS = "raw websockets, the limit in Python"

UVICORN_ECHO_STAGE = "on uvicorn: stage 1, asynchronous consumer"
UVICORN_ECHO_FAST = "on uvicorn: fast lane, stage 1"
UVICORN_BARE_ECHO = "on uvicorn: bare ASGI function, no Channels"
UVICORN_STAGE = "on uvicorn: stage 3"
UVICORN_FAST = "on uvicorn: fast lane, stage 3"


class Recipe(NamedTuple):
    """How the project of a row is made of a stage, and what runs it."""

    stage: str
    over: Path | None = None
    """The folder whose files take the place of the stage's."""
    server: str = "daphne"
    has_session: bool = False
    changes: tuple[tuple[str, str, str], ...] = ()
    """Files, and what is replaced in them."""


def echo_of(over: Path | None = None, server: str = "daphne") -> Recipe:
    """Return the recipe of an echo."""
    return Recipe("stage01_echo", over, server)


def room_of(over: Path | None = None, server: str = "daphne") -> Recipe:
    """Return the recipe of rooms."""
    return Recipe("stage03_groups", over, server)


KEPT = (
    "config/settings.py",
    '"NAME": BASE_DIR / "db.sqlite3"',
    '"NAME": BASE_DIR / "db.sqlite3", "CONN_MAX_AGE": None',
)
# Neither stage 5's nginx nor its Daphne does it.
TICKETS = ("deploy/nginx.conf", "ssl_session_tickets off", "ssl_session_tickets on")

RECIPES = {
    ECHO_STAGE: echo_of(),
    SYNCHRONOUS: echo_of(SOLUTIONS / "stage01_synchronous"),
    ECHO_FAST: echo_of(SOLUTIONS / "stage01_fast"),
    ARTICLE: echo_of(STYLES / "article"),
    TUTORIAL_ECHO: echo_of(STYLES / "tutorial_echo"),
    BARE_ECHO: echo_of(SOLUTIONS / "stage01_raw_asgi"),
    UVICORN_ECHO_STAGE: echo_of(server="uvicorn"),
    UVICORN_ECHO_FAST: echo_of(SOLUTIONS / "stage01_fast", "uvicorn"),
    UVICORN_BARE_ECHO: echo_of(SOLUTIONS / "stage01_raw_asgi", "uvicorn"),
    STAGE: room_of(),
    PLAIN: room_of(STYLES / "plain"),
    NO_CLOSING: room_of(SOLUTIONS / "stage03_no_closing"),
    FAST: room_of(SOLUTIONS / "stage03_fast"),
    TUTORIAL: room_of(STYLES / "tutorial"),
    BARE: room_of(STYLES / "bare_rooms"),
    UVICORN_STAGE: room_of(server="uvicorn"),
    UVICORN_FAST: room_of(SOLUTIONS / "stage03_fast", "uvicorn"),
    SESSION: Recipe("stage04_auth", has_session=True),
    REUSE: Recipe("stage04_auth", has_session=True, changes=(KEPT,)),
    SESSION_FAST: Recipe("stage04_auth", SOLUTIONS / "stage04_fast", "daphne", True),
    TLS: Recipe("stage05_wss", None, "tls", True),
    NGINX: Recipe("stage05_wss", None, "nginx", True),
    RESUMED: Recipe("stage05_wss", None, "nginx", True, (TICKETS,)),
}
PROGRAMS = {
    AUTOBAHN: ("autobahn_server.py",),
    FRAMED_ONCE: ("autobahn_server.py", "framed-once"),
    WEBSOCKETS: ("websockets_server.py",),
}


class Missing(Exception):  # noqa: N818  # It reads as the sentence that it starts.
    """What a benchmark needs is not on this machine."""


class Variant(NamedTuple):
    """One server of a benchmark: its row, but for the traffic."""

    consumer: str
    layer: str = ""
    """That of its project, if it uses one."""
    size: int = 0
    """How many members its room has, if it has one for all."""

    def __str__(self) -> str:
        layer = f", {self.layer}" if self.layer else ""
        members = f"; {self.size} members" if self.size else ""
        return f"{self.consumer}{layer}{members}"


class Trust(ssl.SSLContext):
    """A client's side of TLS, which comes back to some ports with its last session."""

    def __init__(self, _protocol: int) -> None:
        super().__init__()
        self.sessions: dict[int, ssl.SSLSession | None] = {}

    def wrap_socket(self, tcp: socket.socket, **options: Any) -> ssl.SSLSocket:
        """Shake hands. Raises WireError if the server has forgotten the session."""
        session = self.sessions.get(tcp.getpeername()[1])
        tls = super().wrap_socket(tcp, session=session, **options)
        if session and not tls.session_reused:
            tls.close()
            raise WireError("TLS", "The server does not know its session of TLS.")
        return tls

    def remember(self, tls: socket.socket) -> None:
        """Keep the session of a connection, which has come by the first answer."""
        port = tls.getpeername()[1]
        if port in self.sessions:
            self.sessions[port] = tls.session


def what_is_missing(variant: Variant) -> str:
    """Say what this machine lacks for a row, or nothing."""
    if variant.layer in (REDIS, PUB_SUB) and find_redis() is None:
        return MISSING
    recipe = RECIPES.get(variant.consumer)
    if recipe and recipe.server == "nginx" and find_nginx() is None:
        return NGINX_MISSING
    if recipe and recipe.server == "uvicorn" and not HAS_UVICORN:
        return (
            "No uvicorn was found, which is optional. "
            "Install it: pip install 'uvicorn[standard]'"
        )
    return ""


def those_that_run(
    variants: Sequence[Variant],
) -> tuple[list[Variant], list[str]]:
    """Return the rows that run here, and a sentence for what the others lack."""
    lacks = {variant: what_is_missing(variant) for variant in variants}
    sentences = dict.fromkeys(sentence for sentence in lacks.values() if sentence)
    return [each for each in variants if not lacks[each]], list(sentences)


def percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    """Return the 50th and the 99th percentile, in milliseconds."""
    # A lone measurement is all of its percentiles.
    cuts = quantiles([*seconds, *seconds[:1]], n=100, method="inclusive")
    return cuts[49] * 1000, cuts[98] * 1000


@contextmanager
def entered(
    server: Endpoint, room: str, name: str
) -> Iterator[tuple[socket.socket, bytes]]:
    """
    Enter a room. Gives the TCP connection, and what came after the welcome.

    Raises WireError unless the first frame is the right welcome.
    """
    with connected(server, address(room, name)) as (tcp, came):
        yield tcp, welcomed(tcp, came, room, name)


def all_entered(
    stack: ExitStack, server: Endpoint, members: Sequence[tuple[str, str]]
) -> Iterator[tuple[socket.socket, bytes]]:
    """Let many enter rooms by names, and yield what `entered` gives for each."""
    paths = [address(room, name) for room, name in members]
    for (tcp, came), member in zip(crowd(stack, server, paths), members, strict=True):
        yield tcp, welcomed(tcp, came, *member)


def welcomed(tcp: socket.socket, came: bytes, room: str, name: str) -> bytes:
    """Read the welcome, and return what came after it. Raises WireError otherwise."""
    opcode, welcome, rest = read_frame(tcp, came)
    expected = {"type": "welcome", "room": room, "name": name}
    if opcode != TEXT or json.loads(welcome) != expected:
        raise WireError("another message", f"{welcome!r} is not the welcome.")
    return rest


def project_of(variant: Variant, folder: Path) -> Path:
    """Write the project of a variant to a new folder: a stage, but for what differs."""
    if variant.consumer in PROGRAMS:
        return STYLES / PROGRAMS[variant.consumer][0]
    recipe = RECIPES[variant.consumer]
    copy_of(ROOT / recipe.stage, folder)
    if recipe.over:
        shutil.copytree(recipe.over, folder, dirs_exist_ok=True)
    for file, old, new in recipe.changes:
        replace(folder / file, old, new)
    if recipe.stage == "stage05_wss":
        manage(folder, "make_keys").check_returncode()
    if variant.layer == PUB_SUB:
        replace(
            folder / "config" / "settings.py",
            "channels_redis.core.RedisChannelLayer",
            "channels_redis.pubsub.RedisPubSubChannelLayer",
        )
    return folder


def hush(project: Path) -> None:
    """
    Tell nobody who comes and who goes.

    To fill a room of 500 takes 125,000 deliveries otherwise, and to leave it as many.
    """
    if project.is_file():
        return  # A program of ours never tells it.
    told = r"""^( *).*\btype"?(: |=)"(join|leave)".*\n"""
    for file in (project / "chat").glob("*.py"):
        if file.name != "tests.py":
            code = file.read_text(encoding="utf-8")
            quiet = re.sub(told, r"\1pass\n", code, flags=re.MULTILINE)
            file.write_text(quiet, encoding="utf-8")


def in_turn(
    measured: Mapping[Any, Any], scope: Scope, rounds: int | None = None
) -> Iterator[tuple[Any, Any]]:
    """
    Yield what is measured in each of the rounds: there, back, and there again.

    Rounds end when the next one would not end in time, but for the least of them.
    """
    longest = 0.0
    for number in range(rounds or scope.rounds):
        begun = time.monotonic()
        if number >= scope.least and begun + longest > scope.end:
            return
        # Who comes first would otherwise always come after the same one.
        yield from [*measured.items()][:: -1 if number % 2 else 1]
        longest = max(longest, time.monotonic() - begun)


@contextmanager
def running(
    projects: Mapping[Variant, Path], cores: Sequence[int] = ()
) -> Iterator[dict[Variant, Server]]:
    """
    Give the running servers of variants, each on the first of these cores.

    Each that needs a Redis has one of its own: rooms of the same name are not shared.
    Raises Missing without a Redis, an nginx or a uvicorn that one of them needs.
    """
    with ExitStack() as stack:
        logs = Path(stack.enter_context(TemporaryDirectory()))
        for variant in projects:
            if sentence := what_is_missing(variant):
                raise Missing(sentence)
        servers = {}
        for number, (variant, project) in enumerate(projects.items()):
            environment = {}
            if variant.layer in (REDIS, PUB_SUB):
                (folder := logs / f"redis-{number}").mkdir()
                redis = stack.enter_context(RedisServer(folder))
                environment = {"REDIS_URL": redis.url}
            log = logs / f"{number}.log"
            servers[variant] = server_of(variant, project, log, environment)
        # To start is work for a core, and there may be two.
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(stack.enter_context, servers.values()))
        for server in servers.values():
            pin(server, list(cores))
        with ending(servers.values()):
            yield servers


ANA = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.contrib.auth import get_user_model
get_user_model().objects.create_user("ana", password={password!r})
"""


def with_ana(project: Path, first: Path) -> dict[str, str]:
    """
    Make a database with one user, and return the environment of a server that uses it.

    To make one takes longer than to measure with it. So the first of them is kept, and
    copied for the others, whose tables are the same. Raises ServerError if that fails.
    """
    database = project / "ana.sqlite3"
    environment = {
        "DJANGO_SETTINGS_MODULE": "checks_settings",
        "CHECKS_SETTINGS": "config.settings",
        "CHECKS_DATABASE": str(database),
    }
    if first.exists():
        shutil.copy(first, database)
        return environment
    code = ANA.format(password=PASSWORD)
    run = manage(project, *("shell", "--verbosity", "0", "-c", code), **environment)
    if run.returncode:
        raise ServerError(f"No user could be made:\n{run.stdout}")
    shutil.copy(database, first)
    return environment


def server_of(
    variant: Variant, project: Path, log: Path, environment: Mapping[str, str]
) -> Server:
    """Return the server of a variant, which has not been started."""
    if variant.consumer in PROGRAMS:
        return Program(project, log, PROGRAMS[variant.consumer][1:])
    recipe = RECIPES[variant.consumer]
    environment = measured(environment)
    if recipe.has_session:
        environment |= with_ana(project, log.parent / "ana.sqlite3")
    server = KINDS[recipe.server](project, log, environment=environment)
    if recipe.has_session:
        server.visitors = Visitors({"ana": PASSWORD})
    if recipe.server in ("tls", "nginx"):
        server.trust = Trust(ssl.PROTOCOL_TLS_CLIENT)
        server.trust.load_verify_locations(project / "keys" / "ca.pem")
    if variant.consumer == RESUMED:
        server.trust.sessions[server.port] = None
    return server
