"""
See what changes with another ASGI server, and write it down for the page.

    python -m tests.docs.servers --write

needs uvicorn and hypercorn, which the course does not: make an environment of its own
for it, from requirements.txt, `uvicorn[standard]` and hypercorn. Each server is started
with its defaults, on a copy of a stage. First the checks of stages 1 to 4 run against
it, as `--url` runs them. Then a consumer that does what it is told shows the rest.
"""

import argparse
import json
import math
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    NegotiationError,
)
from websockets.sync.client import ClientConnection, connect

from tests.checker.accounts import PASSWORD, USERS, Accounts
from tests.checker.servers.redis import RedisServer
from tests.checker.servers.runserver import (
    INSIDE_PROJECT,
    clean_environment,
    free_port,
)
from tests.docs.repository import ROOT
from tests.proofs.runs import copy_of

RESULT = ROOT / "docs" / "servers.json"
APPLICATION = "config.asgi:application"
PATIENCE = 15  # Seconds.
ATTEMPTS = 4
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "checks_settings",
    "CHECKS_SETTINGS": "config.settings",
}
MIB = 1024 * 1024  # Bytes.
STAGES = ("stage01_echo", "stage02_routing", "stage03_groups", "stage04_auth")

COMMANDS: dict[str, Callable[[int], list[str]]] = {
    "Daphne": lambda port: ["daphne", "-p", str(port)],
    "uvicorn": lambda port: ["uvicorn", "--port", str(port)],
    "hypercorn": lambda port: ["hypercorn", "--bind", f"127.0.0.1:{port}"],
}
CERTIFICATE = "certKey=keys/server.pem"
WITH_TLS: dict[str, Callable[[int], list[str]]] = {
    "Daphne": lambda port: [
        "daphne",
        "-e",
        f"ssl:{port}:interface=127.0.0.1:privateKey=keys/server.key:{CERTIFICATE}",
    ],
    "uvicorn": lambda port: [
        *COMMANDS["uvicorn"](port),
        *("--ssl-keyfile", "keys/server.key", "--ssl-certfile", "keys/server.pem"),
    ],
    "hypercorn": lambda port: [
        *COMMANDS["hypercorn"](port),
        *("--keyfile", "keys/server.key", "--certfile", "keys/server.pem"),
    ],
}
TLS = "versions of TLS, unless told otherwise"
PACKAGES = ("daphne", "uvicorn", "hypercorn", "websockets", "channels", "django")

OBEDIENT = """
import asyncio

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer


class EchoConsumer(AsyncWebsocketConsumer):
    async def connect(self):
        match self.scope["path"].strip("/").split("/")[-1]:
            case "refuse":
                await self.close(4401)
            case "raise":
                raise RuntimeError("oops")
            case "silent":
                pass
            case "reason":
                await self.accept()
                await self.close(4401, "why")
            case "policy":
                await self.accept()
                await self.close(1008)
            case "headers":
                await self.accept(headers=[(b"x-ours", b"1")])
            case "subprotocol":
                await self.accept("chat.v1")
            case _:
                await self.accept()

    async def receive(self, text_data=None, bytes_data=None):
        match text_data:
            case "raise":
                raise RuntimeError("oops")
            case "large":
                await self.send("x" * (1024 * 1024 + 1))
            case "scope":
                await self.send(" ".join(sorted(self.scope)))
            case "root":
                await self.send(self.scope.get("root_path", ""))
            case "late":
                try:
                    for _ in range(500):
                        await asyncio.sleep(0.005)
                        await self.send("x" * 65_536)
                    print("LATE raises nothing", flush=True)
                except Exception as error:
                    kind = "OSError" if isinstance(error, OSError) else "no OSError"
                    words = type(error).__module__.split(".")[0]
                    name = f"{words}'s {type(error).__name__}"
                    print(f"LATE raises {name}, {kind}", flush=True)
                    raise StopConsumer() from None
            case _:
                await self.send(text_data=text_data, bytes_data=bytes_data)

    async def disconnect(self, code):
        who = self.scope["path"].strip("/").split("/")[-1]
        print(f"LEFT {who} {code}", flush=True)
"""
ROUTES = """
from django.urls import re_path

from chat.consumers import EchoConsumer

websocket_urlpatterns = [re_path(r"^ws/obey/", EchoConsumer.as_asgi())]
"""


class Running:
    """A server that runs: its port, its process, and what it prints."""

    def __init__(self, process: subprocess.Popen, port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log = log
        self.lates = 0  # How often a send() that comes late has been told of.

    def printed(self) -> str:
        """Return all that it has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def said(self, pattern: str, patience: float = PATIENCE, since: int = 0) -> str:
        """Wait for a line that it prints, and return what is in it, or nothing."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            found = re.findall(pattern, self.printed(), re.MULTILINE)
            if len(found) > since:
                return found[-1]
            time.sleep(0.05)
        return ""

    def open(self, path: str = "", **options: Any) -> ClientConnection:
        """Return a client that is connected to the consumer that obeys."""
        url = f"ws://127.0.0.1:{self.port}/ws/obey/{path}"
        options = {"compression": None, "max_size": None} | options
        return connect(url, proxy=None, open_timeout=PATIENCE, **options)


@contextmanager
def running(
    command: list[str], port: int, project: Path, log: Path, **environment: str
) -> Iterator[Running]:
    """Start a server, wait until it listens, and end it."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, APPLICATION],
            cwd=project,
            env=clean_environment()
            | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(INSIDE_PROJECT)}
            | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(port, process, log)
            yield Running(process, port, log)
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(port: int, process: subprocess.Popen, log: Path) -> None:
    """Wait until something listens."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"The server does not listen.\n{log.read_text()}")


# The checks


def checks_of(
    server: str, stage: str, folder: Path, environment: dict[str, str], *options: str
) -> dict[str, Any]:
    """Run the checks of a stage against a server, and return how many pass."""
    port = free_port()
    log, report = folder / "server.log", folder / "report.xml"
    with running(
        COMMANDS[server](port), port, ROOT / stage, log, **environment
    ) as process:
        words = ["--url", f"ws://127.0.0.1:{process.port}", *options]
        subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
                *(f"tests/test_{stage}.py", *words, f"--junitxml={report}"),
            ],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            check=False,
        )
    cases = list(ElementTree.parse(report).iter("testcase"))  # noqa: S314  # It is ours.
    failed = [
        case.get("name")
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    ]
    skipped = [case for case in cases if case.find("skipped") is not None]
    return {
        "passed": len(cases) - len(failed) - len(skipped),
        "failed": failed,
        "not_tried": len(skipped),
    }


def all_checks(
    server: str, folder: Path, database: Path, note: Callable[[str, dict], bool]
) -> None:
    """Run the checks of all stages that need no TLS, in memory and on Redis."""
    for stage in STAGES:
        place = folder / stage
        place.mkdir()
        environment, options = {}, []
        if stage == "stage04_auth":
            own = shutil.copy(database, place / "checks.sqlite3")
            environment = SETTINGS | {"CHECKS_DATABASE": str(own)}
            options = [
                word for name in USERS for word in ("--login", f"{name}:{PASSWORD}")
            ]
        if note(stage, {}):
            note(stage, again(server, stage, place, environment, *options))
        name = f"{stage}, on Redis"
        if stage >= "stage03" and note(name, {}):
            with RedisServer(place) as redis:
                environment |= {"REDIS_URL": redis.url}
                note(name, again(server, stage, place, environment, *options))


def again(*arguments: Any) -> dict[str, Any]:
    """Run checks, and again if one fails: what passes then, a busy machine failed."""
    for _ in range(ATTEMPTS):
        found = checks_of(*arguments)
        if not found["failed"]:
            break
    return found


def database_with_users(folder: Path) -> Path:
    """Make the database of the checks. On a busy machine, that takes its time."""
    for attempt in range(ATTEMPTS):
        place = folder / f"database-{attempt}"
        place.mkdir()
        with suppress(subprocess.TimeoutExpired):
            accounts = Accounts(ROOT / "stage04_auth", place)
            accounts.close()
            return place / "checks.sqlite3"
    raise RuntimeError("The machine is too busy to make a database.")


# What no check promises


def end_of(client: ClientConnection) -> str:
    """Say how a server ends a connection on which nothing more is sent."""
    try:
        client.recv(timeout=PATIENCE)
        while True:
            client.recv(timeout=1)
    except TimeoutError:
        return "open"
    except ConnectionClosed as closed:
        if closed.rcvd is None:
            return "1006, no close frame"
        return f"{closed.rcvd.code} {closed.rcvd.reason}".rstrip()


def handshake(server: Running, path: str, **options: Any) -> str:
    """Say how a handshake is answered, and how late."""
    begun = time.monotonic()
    try:
        with server.open(path, **options) as client:
            words = f"101, subprotocol {client.subprotocol}"
    except InvalidStatus as refused:
        words = str(refused.response.status_code)
    except NegotiationError:
        words = "101, which the client refuses"
    except TimeoutError:
        return f"no answer within {PATIENCE} s"
    except (InvalidHandshake, OSError):
        words = "hangs up"
    seconds = time.monotonic() - begun
    return f"{words} after {math.ceil(seconds)} s" if seconds > 2 else words


def raw(server: Running) -> socket.socket:
    """Return a TCP connection that has become a WebSocket."""
    tcp = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
    tcp.sendall(
        b"GET /ws/obey/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += tcp.recv(1)
    return tcp


def answer_to(server: Running, sent: bytes, patience: float = PATIENCE) -> str:
    """Say how a server closes for bytes that are no good frame, if it does."""
    came = b""
    with raw(server) as tcp:
        tcp.settimeout(patience)
        try:
            tcp.sendall(sent)
            while part := tcp.recv(1000):
                came += part
                if came[0] != 0x88:
                    return "nothing"
                if len(came) >= 4:
                    return str(int.from_bytes(came[2:4], "big"))
        except TimeoutError:
            return "nothing"
        except OSError:
            pass
    return "1006, no close frame"


def first_ping(server: Running) -> str:
    """Say after how many seconds a server pings a client that is silent."""
    with raw(server) as tcp:
        tcp.settimeout(30)
        begun = time.monotonic()
        try:
            came = tcp.recv(100)
        except TimeoutError:
            return "none in 30 s"
    words = "" if came[:1] == b"\x89" else f"not a ping, but {came[:2].hex(' ')}, "
    return f"{words}after {time.monotonic() - begun:.0f} s"


def echo_of_nothing(server: Running) -> str:
    """Say whether an empty message comes back."""
    with server.open() as client:
        client.send("")
        client.send("next")
        return "comes back" if client.recv(timeout=PATIENCE) == "" else "nothing comes"


def largest(server: Running) -> str:
    """Say what a server answers to a message that is too large for it."""
    for mib in (1, 16):
        length = mib * MIB + 1
        head = bytes([0x82, 0xFF]) + length.to_bytes(8, "big") + bytes(4)
        # Most refuse what the head announces. Some want to see it all.
        for rest in (b"", bytes(length)):
            words = answer_to(server, head + rest, patience=2)
            if words != "nothing":
                return f"{mib} MiB, then {words}"
    return "more than 16 MiB"


def to_the_client(server: Running) -> str:
    """Say what becomes of a message to the client that is larger than 1 MiB."""
    with server.open() as client:
        client.send("large")
        try:
            return "arrives" if len(client.recv(timeout=PATIENCE)) > MIB else "?"
        except ConnectionClosed as closed:
            return str(closed.rcvd.code if closed.rcvd else 1006)


def answered_close(server: Running) -> str:
    """Return the code with which a server answers a close with 4999."""
    with server.open() as client:
        client.close(4999)
        return str(client.protocol.close_rcvd.code)


def told(server: Running, leave: Callable[[ClientConnection], None]) -> str:
    """Return the code that disconnect() is given."""
    who = uuid.uuid4().hex
    with server.open(who) as client:
        client.send("hi")
        client.recv(timeout=PATIENCE)
        leave(client)
    return server.said(rf"^LEFT {who} (\w+)") or "not called"


def vanish(client: ClientConnection) -> None:
    """End a connection without a word."""
    client.socket.shutdown(socket.SHUT_RDWR)


def told_after_raise(server: Running) -> str:
    """Say how a client is closed whose consumer raises, and if disconnect() is run."""
    who = uuid.uuid4().hex
    with server.open(who) as client:
        client.send("raise")
        begun = time.monotonic()
        end = end_of(client)
        seconds = time.monotonic() - begun
    when = "at once" if seconds < 0.4 else "within a second or so"
    return f"{end}, {when}; {called(server, who)}"


def called(server: Running, who: str) -> str:
    """Say whether the consumer of a client was told that it has left."""
    is_told = server.said(rf"^LEFT {who} (\w+)", patience=3)
    return "`disconnect()` is called" if is_told else "`disconnect()` is not called"


def late(server: Running, flood: float) -> str:
    """Say what send() does for a client that closes after so many seconds."""
    with raw(server) as tcp:
        tcp.sendall(masked(1, b"late"))
        time.sleep(flood)  # More waits then than the system takes.
        tcp.sendall(masked(8, (1000).to_bytes(2, "big")))
        said = server.said(r"^LATE (.+)$", since=server.lates)
    server.lates = server.printed().count("LATE")
    return said or f"does not return within {PATIENCE} s"


def stop(server: Running) -> str:
    """Say what a client sees of a stop, and whether its consumer is told."""
    who = uuid.uuid4().hex
    with server.open(who) as client:
        client.send("hi")
        client.recv(timeout=PATIENCE)
        server.process.terminate()
        begun = time.monotonic()
        end = end_of(client)
        seconds = time.monotonic() - begun
        with suppress(subprocess.TimeoutExpired):
            server.process.wait(PATIENCE)
    when = f" after {seconds:.0f} s" if seconds > 1.5 else ""
    return f"{end}{when}; {called(server, who)}"


def scope_of(server: Running) -> str:
    """Return the keys of the scope that Daphne leaves out."""
    with server.open() as client:
        client.send("scope")
        keys = client.recv(timeout=PATIENCE).split()
    wanted = ["scheme", "http_version", "extensions", "state"]
    return ", ".join(key for key in wanted if key in keys) or "none of them"


def root_of(server: Running) -> str:
    """Say whether a client can write the root_path."""
    forged = {"Daphne-Root-Path": "/x"}
    try:
        with server.open(additional_headers=forged) as client:
            client.send("root")
            return "believed" if client.recv(timeout=PATIENCE) == "/x" else "ignored"
    except InvalidStatus as refused:
        return f"believed: HTTP {refused.response.status_code}"


def compression_of(server: Running) -> str:
    """Say whether a server agrees to compress messages."""
    with server.open(compression="deflate") as client:
        agreed = client.response.headers.get("Sec-WebSocket-Extensions", "")
    return "agreed" if "permessage-deflate" in agreed else "not agreed"


def header_of(server: Running) -> str:
    """Say whether a header that accept() is given is sent."""
    with server.open("headers") as client:
        return "sent" if "X-Ours" in client.response.headers else "dropped"


def reason_of(server: Running, path: str) -> str:
    """Return the code and the reason with which a server closes after accept()."""
    with server.open(path) as client:
        return end_of(client)


def masked(opcode: int, payload: bytes) -> bytes:
    """Return a frame of a client, with a mask of zeros."""
    return bytes([0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload


Rows = dict[str, Callable[[Running], str]]

HANDSHAKE: Rows = {
    "`close()` before `accept()`": lambda server: handshake(server, "refuse"),
    "`connect()` raises, or no route": lambda server: handshake(server, "raise"),
    "neither `accept()` nor `close()`": lambda server: handshake(server, "silent"),
    "a subprotocol that nobody offered": lambda server: handshake(
        server, "subprotocol"
    ),
    "headers of `accept()`": header_of,
    "compression, offered by the client": compression_of,
    "keys of the scope that Daphne leaves out": scope_of,
    "`root_path` from the header `Daphne-Root-Path`": root_of,
}
MESSAGES: Rows = {
    "an empty message, echoed": echo_of_nothing,
    "a message from the client, at most": largest,
    "a message of 1 MiB and one byte to the client": to_the_client,
    "a frame without a mask": lambda server: answer_to(server, b"\x81\x02Hi"),
    "text that is no UTF-8": lambda server: answer_to(server, masked(1, b"\xff")),
    "the first ping to a silent client": first_ping,
}
CLOSE: Rows = {
    "the answer to a close with 4999": answered_close,
    '`close(4401, "why")` after `accept()`': lambda server: reason_of(server, "reason"),
    "`close(1008)` after `accept()`": lambda server: reason_of(server, "policy"),
    "`disconnect()` is told, of a close with 4999": lambda server: told(
        server, lambda client: client.close(4999)
    ),
    "`disconnect()` is told, of a client that vanished": lambda server: told(
        server, vanish
    ),
    "`receive()` raises": told_after_raise,
    "`send()` to a client that has closed": lambda server: late(server, 0.05),
    "`send()` to a client that reads nothing, and closes": lambda server: late(
        server, 1
    ),
    "a stop, with SIGTERM": stop,  # Last.
}
ROWS = {"handshake": HANDSHAKE, "messages": MESSAGES, "close": CLOSE}


def project_that_obeys(folder: Path) -> Path:
    """Copy stage 1, with a consumer that does what it is told."""
    project = copy_of(ROOT / "stage01_echo", folder / "obedient")
    (project / "chat/consumers.py").write_text(OBEDIENT, encoding="utf-8")
    (project / "chat/routing.py").write_text(ROUTES, encoding="utf-8")
    return project


def observations(server: str, project: Path, folder: Path) -> dict[str, Any]:
    """Return what each row of the tables sees of a server."""
    port = free_port()
    found: dict[str, dict[str, str]] = {}
    with running(COMMANDS[server](port), port, project, folder / "obey.log") as process:
        for section, rows in ROWS.items():
            found[section] = {}
            for name, observe in rows.items():
                try:
                    found[section][name] = observe(process)
                except (OSError, ConnectionClosed, InvalidHandshake) as error:
                    found[section][name] = f"{type(error).__name__}: {error}"
    return found


def tls_of(server: str, folder: Path) -> str:
    """Return the versions of TLS that a server speaks unless it is told otherwise."""
    project = copy_of(ROOT / "stage05_wss", folder / "tls")
    subprocess.run(
        [sys.executable, "manage.py", "make_keys"],
        cwd=project,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    port, spoken = free_port(), []
    with running(WITH_TLS[server](port), port, project, folder / "tls.log"):
        for name in ("TLSv1_2", "TLSv1_3"):
            context = ssl.create_default_context(cafile=project / "keys/ca.pem")
            context.minimum_version = context.maximum_version = ssl.TLSVersion[name]
            with (
                suppress(OSError),
                socket.create_connection(("127.0.0.1", port), PATIENCE) as tcp,
                context.wrap_socket(tcp, server_hostname="localhost") as secret,
            ):
                spoken.append(secret.version().removeprefix("TLSv"))
    return " and ".join(spoken)


def look_at(
    server: str, folder: Path, database: Path, note: Callable[[str, dict], bool]
) -> None:
    """Note all that is seen of a server."""
    folder.mkdir()
    all_checks(server, folder, database, note)
    seen = observations(server, project_that_obeys(folder), folder)
    seen["handshake"][TLS] = tls_of(server, folder)
    note("seen", seen)


def commands() -> dict[str, list[str]]:
    """Return how each server is started, without TLS and with it."""
    return {
        server: [
            " ".join([*COMMANDS[server](8000), APPLICATION]),
            " ".join([*WITH_TLS[server](8443), APPLICATION]),
        ]
        for server in COMMANDS
    }


def main() -> None:
    """Look at all servers, and write down what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", required=True)
    parser.add_argument("--keep", action="store_true", help="the checks that are there")
    options = parser.parse_args()
    before = json.loads(RESULT.read_text("utf-8")) if options.keep else {}
    checks = {name: seen["checks"] for name, seen in before.get("servers", {}).items()}
    servers = {name: {"checks": checks.get(name, {}), "seen": {}} for name in COMMANDS}
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": "python -m tests.docs.servers --write",
        "versions": {"Python": sys.version.split()[0]}
        | {name: version(name) for name in PACKAGES},
        "commands": commands(),
        "servers": servers,
    }

    def note(server: str, name: str, found: dict) -> bool:
        """Write down what was found. Of nothing, say whether it is still to be done."""
        if not found:
            done = servers[server]["checks"].get(name)
            return not done or bool(done["failed"])
        if name == "seen":
            servers[server]["seen"] = found
        else:
            servers[server]["checks"][name] = found
        text = json.dumps(result, indent=1, ensure_ascii=False)
        RESULT.write_text(f"{text}\n", encoding="utf-8")
        return False

    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor() as pool:
        database = database_with_users(Path(place))
        jobs = [
            pool.submit(
                look_at, server, Path(place) / server, database, partial(note, server)
            )
            for server in COMMANDS
        ]
        for job in jobs:
            job.result()


if __name__ == "__main__":
    main()
