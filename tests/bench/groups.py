"""
What the benchmarks of stage 3 share: its variants, their servers, and their rows.

The plain consumer does what most tutorials do, on the same project and the same layers.
"""

import json
import re
import shutil
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tests.bench.frames import TEXT, connected, read_frame
from tests.checker.accounts import PASSWORD, Accounts, Visitors
from tests.checker.client import WireError
from tests.checker.endpoint import Endpoint
from tests.checker.rooms import address
from tests.checker.servers.redis import MISSING, RedisServer, find_redis
from tests.checker.servers.runserver import Server, manage
from tests.checker.servers.tls import MISSING as NGINX_MISSING
from tests.checker.servers.tls import NginxSite, TlsServer, find_nginx
from tests.proofs.runs import ROOT, copy_of, replace

STAGE = "stage 3"
PLAIN = "plain consumer"
NO_CLOSING = "stage 3 without Channels' closing of old database connections"
SESSION = "stage 4, with a session"
REUSE = "stage 4, its connection to the database kept"
TLS = "stage 5, wss"
NGINX = "stage 5, wss through nginx"
RESUMED = "stage 5, wss through nginx, the session of TLS resumed"
WITH_SESSION = (SESSION, REUSE, TLS, NGINX, RESUMED)
LAID_OVER = {PLAIN: "plain", NO_CLOSING: "no_closing"}

IN_MEMORY = "in memory"
REDIS = "Redis"
PUB_SUB = "Redis pub/sub"
LAYERS = [IN_MEMORY, REDIS, PUB_SUB]


class Missing(Exception):  # noqa: N818  # It reads as the sentence that it starts.
    """What a benchmark needs is not on this machine."""


class Variant(NamedTuple):
    """One server of a benchmark."""

    consumer: str
    layer: str

    def __str__(self) -> str:
        return f"{self.consumer}, {self.layer}"


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


VARIANTS = [Variant(consumer, layer) for layer in LAYERS for consumer in (STAGE, PLAIN)]


class Pace(NamedTuple):
    """What a server did in one round, and what it cost the client to make it."""

    per_s: float
    """Deliveries, or handshakes, per second."""

    p50_ms: float
    p99_ms: float
    """Half of them, and 99 of 100, took no longer, in milliseconds."""

    client_busy: float
    """The part of the time in which the client computed. At 1, it is the limit."""


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
    with connected(server, address(room, name)) as tcp:
        opcode, welcome, rest = read_frame(tcp, b"")
        expected = {"type": "welcome", "room": room, "name": name}
        if opcode != TEXT or json.loads(welcome) != expected:
            raise WireError("another message", f"{welcome!r} is not the welcome.")
        yield tcp, rest


def project_of(variant: Variant, folder: Path) -> Path:
    """Write the project of a variant to a new folder: a stage, but for what differs."""
    if variant.consumer in (SESSION, REUSE):
        copy_of(ROOT / "stage04_auth", folder)
    elif variant.consumer in WITH_SESSION:
        copy_of(ROOT / "stage05_wss", folder)
        manage(folder, "make_keys").check_returncode()
    else:
        copy_of(ROOT / "stage03_groups", folder)
    if variant.consumer == REUSE:
        kept = '"NAME": BASE_DIR / "db.sqlite3", "CONN_MAX_AGE": None'
        settings = folder / "config" / "settings.py"
        replace(settings, '"NAME": BASE_DIR / "db.sqlite3"', kept)
    if variant.consumer == RESUMED:  # Neither stage 5's nginx nor its Daphne does it.
        nginx = folder / "deploy" / "nginx.conf"
        replace(nginx, "ssl_session_tickets off", "ssl_session_tickets on")
    if variant.consumer in LAID_OVER:
        changes = Path(__file__).parent / LAID_OVER[variant.consumer]
        shutil.copytree(changes, folder, dirs_exist_ok=True)
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
    consumers = project / "chat" / "consumers.py"
    lines = consumers.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not re.search(r'"type": "(join|leave)"', line)]
    assert len(kept) == len(lines) - 2, f"{consumers} tells of it on other lines."
    consumers.write_text("".join(kept), encoding="utf-8")


def in_turn(
    measured: Mapping[Variant, Any], rounds: int
) -> Iterator[tuple[Variant, Any]]:
    """Yield what is measured in each of the rounds: there, back, and there again."""
    for number in range(rounds):
        # Who comes first would otherwise always come after the same one.
        yield from [*measured.items()][:: -1 if number % 2 else 1]


@contextmanager
def running(projects: Mapping[Variant, Path]) -> Iterator[dict[Variant, Server]]:
    """Give the running servers of variants. Raises Missing without Redis, or nginx."""
    with ExitStack() as stack:
        logs = Path(stack.enter_context(TemporaryDirectory()))
        on_redis = {}
        if any(variant.layer != IN_MEMORY for variant in projects):
            if find_redis() is None:
                raise Missing(MISSING)
            on_redis["REDIS_URL"] = stack.enter_context(RedisServer(logs)).url
        behind_nginx = {NGINX, RESUMED} & {variant.consumer for variant in projects}
        if behind_nginx and find_nginx() is None:
            raise Missing(NGINX_MISSING)
        servers = {}
        for number, (variant, project) in enumerate(projects.items()):
            environment = {} if variant.layer == IN_MEMORY else dict(on_redis)
            if variant.consumer in WITH_SESSION:
                environment |= Accounts(project, project).environment
            kind = {TLS: TlsServer, NGINX: NginxSite, RESUMED: NginxSite}.get(
                variant.consumer, Server
            )
            server = kind(project, logs / f"{number}.log", environment=environment)
            servers[variant] = stack.enter_context(server)
            if variant.consumer in WITH_SESSION:
                server.visitors = Visitors({"ana": PASSWORD})
            if kind is not Server:
                server.trust = Trust(ssl.PROTOCOL_TLS_CLIENT)
                server.trust.load_verify_locations(project / "keys" / "ca.pem")
            if variant.consumer == RESUMED:
                server.trust.sessions[server.port] = None
        yield servers


def row(
    name: str,
    unit: str,
    mine: Sequence[Pace],
    plain: Sequence[Pace],
    stage: Sequence[Pace],
) -> dict[str, str | float]:
    """
    Return the row of one server, `unit` being "deliveries_per_s", for example.

    `ratio` is how many times as fast as the plain consumer on the same layer it is,
    `stage_3_ratio` compares with stage 3 there.
    """
    return {
        "name": name,
        unit: median(each.per_s for each in mine),
        "ratio": ratio(mine, plain),
        "stage_3_ratio": ratio(mine, stage),
        "p50_ms": median(each.p50_ms for each in mine),
        "p99_ms": median(each.p99_ms for each in mine),
        "client_busy": median(each.client_busy for each in mine),
    }


def ratio(mine: Sequence[Pace], base: Sequence[Pace]) -> float:
    """Return the median of the rounds' ratios: one compares what ran within seconds."""
    return median(
        one.per_s / other.per_s for one, other in zip(mine, base, strict=True)
    )
