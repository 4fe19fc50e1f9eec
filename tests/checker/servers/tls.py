"""The server of stage 5: Daphne with TLS, alone, or two of them behind an nginx."""

import os
import re
import shutil
import socket
import ssl
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.checker import ready
from tests.checker.endpoint import Endpoint
from tests.checker.servers import output
from tests.checker.servers.effort import Effort
from tests.checker.servers.launch import start_with_lifeline
from tests.checker.servers.runserver import (
    ATTEMPTS,
    CRASH_CHECK,
    IN_USE,
    START,
    STOP,
    Server,
    ServerError,
    cut_library_frames,
    free_port,
    manage,
)

MISSING = (
    "No nginx was found. Install it (Debian: apt install nginx-light, macOS: brew"
    " install nginx, Windows: use WSL), or set NGINX to the path of yours."
)

# Started by root, nginx would become somebody who may not read our files.
AS_ROOT = "user root;" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""


# What the key of a certificate can be for.
USES = dict.fromkeys(
    (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ),
    False,
)

JUNK = shutil.ignore_patterns("__pycache__", ".venv", "venv", "*.sqlite3", "keys")


def copy_with_keys(project: Path, folder: Path, *names: str) -> Path:
    """
    Copy a project to a new folder, where it gets keys of its own.

    The certificate is for these names, too. Raises ServerError if that fails.
    """
    shutil.copytree(project, folder, ignore=JUNK)
    kept = None if names else ready.place_of(project, "keys")
    if not ready.take(kept, folder / "keys"):
        options = [word for name in names for word in ("--name", name)]
        prepare(folder, "make_keys", *options)
        ready.keep(kept, folder / "keys")
    return folder


def prepare(project: Path, *words: str) -> None:
    """Run a command of a project's manage.py. Raises ServerError if it fails."""
    run = manage(project, *words)
    if run.returncode:
        error = ServerError(f"`manage.py {words[0]}` failed.")
        error.printed = cut_library_frames(run.stdout, project)
        raise error


@cache
def collect(project: Path) -> None:
    """Gather the files of a project's pages for nginx, once in this run."""
    prepare(project, "collectstatic", "--no-input")


def find_nginx() -> str | None:
    """Return the path of an nginx, or None. The variable NGINX wins."""
    # Debian keeps it where only root looks for programs.
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    return shutil.which(os.environ.get("NGINX", "nginx"), path=places)


def trust(ca: Path) -> ssl.SSLContext:
    """Return what a client has that trusts this CA, and nobody else."""
    context = ssl.create_default_context(cafile=ca)
    # Python 3.13 asks for it by itself: a certificate as RFC 5280 wants it.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    # OpenSSL would take the CN where there is no other name. No browser does.
    context.hostname_checks_common_name = False
    return context


def knock(port: int, certificate: Path) -> None:
    """Raise OSError unless a server with this certificate listens on a port."""
    shown = ssl.get_server_certificate(("127.0.0.1", port), timeout=1)
    if x509.load_pem_x509_certificate(shown.encode()) != (
        x509.load_pem_x509_certificate(certificate.read_bytes())
    ):
        raise OSError(f"Somebody else listens on port {port}.")


def make_expired_keys(folder: Path) -> None:
    """
    Write a CA, and a certificate of localhost that it signed and that has ended.

    Nothing else is wrong with them: they have what RFC 5280 wants, section 4.2.1.
    """
    folder.mkdir()
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name, name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])
        for words in ("A CA of the checks", "localhost")
    )
    now = datetime.now(UTC)

    def begin(
        owner: x509.Name,
        public_key: ec.EllipticCurvePublicKey,
        end: datetime,
        use: str,
    ) -> x509.CertificateBuilder:
        ours = x509.SubjectKeyIdentifier.from_public_key(public_key)
        issuers = x509.AuthorityKeyIdentifier.from_issuer_public_key(
            ca_key.public_key()
        )
        return (
            x509.CertificateBuilder()
            .subject_name(owner)
            .issuer_name(ca_name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(end)
            .add_extension(x509.KeyUsage(**{**USES, use: True}), critical=True)
            .add_extension(ours, critical=False)
            .add_extension(issuers, critical=False)
        )

    is_ca = x509.BasicConstraints(ca=True, path_length=0)
    ca = begin(ca_name, ca_key.public_key(), now + timedelta(days=1), "key_cert_sign")
    alternatives = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    yesterday = now - timedelta(days=1)
    server = begin(name, key.public_key(), yesterday, "digital_signature")
    for file, certificate in {
        "ca.pem": ca.add_extension(is_ca, critical=True),
        "server.pem": server.add_extension(alternatives, critical=False),
    }.items():
        signed = certificate.sign(ca_key, hashes.SHA256())
        (folder / file).write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "server.key").write_bytes(private)


class TlsServer(Server):
    """
    Run Daphne as the chapter does, with TLS on one port and http on another.

    It listens on free ports of 127.0.0.1, and is called localhost: `url` is its
    address over TLS, `http` the other. The keys are those in the folder `keys`. With a
    name, it also is the site of that name.
    """

    def __init__(
        self,
        project: Path,
        log: Path,
        *,
        port: int | None = None,
        environment: Mapping[str, str] | None = None,
        python: Path | str = sys.executable,
        keys: str = "keys/server",
        name: str = "localhost",
    ) -> None:
        self.keys = keys
        self.name = name
        super().__init__(
            project, log, port=port, environment=environment, python=python
        )

    @cached_property
    def trust(self) -> ssl.SSLContext:
        """What its clients make TLS with: they trust the CA beside its key."""
        return trust((self.project / self.keys).with_name("ca.pem"))

    def listen_on(self, port: int) -> None:
        """Take a port for TLS, and another one for http."""
        self.port = port
        self.url = f"wss://localhost:{port}"
        self.http_port = free_port()
        self.http = f"http://localhost:{self.http_port}"
        self.environment = {
            "OPENSSL_CONF": "deploy/openssl.cnf",
            **self.environment,
            "SITE": f"{self.name}:{port}",
        }

    def command(self) -> list[str | Path]:
        """Return the command that the reader types, `daphne` spelt as a module."""
        tls = f"ssl:{self.port}:interface=127.0.0.1"
        keys = f"privateKey={self.keys}.key:certKey={self.keys}.pem"
        http = f"tcp:{self.http_port}:interface=127.0.0.1"
        endpoints = ["-e", f"{tls}:{keys}", "-e", http]
        return [self.python, "-m", "daphne", *endpoints, "config.asgi:application"]

    def knock(self) -> None:
        """Raise OSError unless one port shows our certificate and one is open."""
        knock(self.port, self.project / f"{self.keys}.pem")
        socket.create_connection(("127.0.0.1", self.http_port), timeout=1).close()


class BackendServer(Server):
    """Run a Daphne that only a proxy of this machine speaks to, over http."""

    banner_end = "Listening on TCP address"

    def command(self) -> list[str | Path]:
        """Return the command that the reader types, `daphne` spelt as a module."""
        address = ["-b", "127.0.0.1", "-p", str(self.port)]
        return [self.python, "-m", "daphne", *address, "config.asgi:application"]


class NginxSite(Endpoint):
    """
    Run the project's deploy/nginx.conf, with two Daphnes behind it.

    Ports are replaced by free ones. It looks like a server: `printed` is what the two
    Daphnes and nginx have printed. Raises ServerError where there is no nginx.
    """

    def __init__(
        self, project: Path, log: Path, *, environment: Mapping[str, str]
    ) -> None:
        self.project = project
        self.log = log
        self.error_log = log.with_name(f"{log.stem}-nginx-errors.log")
        self.environment = environment
        self.take_ports()

    @cached_property
    def trust(self) -> ssl.SSLContext:
        """What its clients make TLS with: they trust the CA of the project."""
        return trust(self.project / "keys" / "ca.pem")

    def take_ports(self) -> None:
        """Take ports, and the addresses and the Daphnes that go with them."""
        self.port = free_port()
        self.http_port = free_port()
        self.http = f"http://localhost:{self.http_port}"
        self.url = f"wss://localhost:{self.port}"
        site = {"SITE": f"localhost:{self.port}", "BEHIND_PROXY": "1"}
        self.daphnes = [
            BackendServer(
                self.project,
                self.log.with_name(f"{self.log.stem}-{number}.log"),
                environment={**site, **self.environment},
            )
            for number in (1, 2)
        ]

    def __enter__(self) -> Self:
        if (program := find_nginx()) is None:
            raise ServerError(MISSING)
        collect(self.project)
        for attempt in range(ATTEMPTS):
            try:
                self.launch(program)
            except ServerError as error:
                # A port that was free before the Daphnes started can be taken by now.
                if attempt == ATTEMPTS - 1 or not re.search(IN_USE, error.printed):
                    raise
                self.take_ports()
            else:
                break
        return self

    def launch(self, program: str) -> None:
        """Start the Daphnes, then nginx. Raises ServerError unless all listen."""
        with ExitStack() as stack:
            for daphne in self.daphnes:
                stack.enter_context(daphne)
            prefix = self.log.parent / f"{self.log.stem}-nginx"
            self.write_configuration(prefix)
            with self.log.open("wb") as log:
                self.process = start_with_lifeline(
                    program,
                    *("-p", prefix, "-c", "deploy/nginx.conf"),
                    *("-g", f"daemon off; {AS_ROOT}", "-e", "stderr"),
                    log=log,
                )
            stack.callback(self.stop_nginx)
            self.wait_until_it_listens()
            self.stack = stack.pop_all()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop nginx, then the Daphnes."""
        self.stack.close()

    def stop_nginx(self) -> None:
        """Stop nginx as an operator does, and return when it is gone."""
        self.process.stdin.close()
        self.process.wait(STOP)

    def write_configuration(self, prefix: Path) -> None:
        """Write the project's configuration to a folder, with free ports in it."""
        text = (self.project / "deploy" / "nginx.conf").read_text(encoding="utf-8")
        ports = {
            "8000": self.http_port,
            "8443": self.port,
            "8001": self.daphnes[0].port,
            "8002": self.daphnes[1].port,
        }
        for port in ("8000", "8443"):
            if not re.search(rf"\blisten\s[^;]*\b{port}\b", text):
                raise ServerError(
                    f"deploy/nginx.conf listens on no port {port}. The checks put free "
                    f"ports in the place of {', '.join(ports)}."
                )
        text = re.sub(r"\b(800[012]|8443)\b", lambda port: str(ports[port[0]]), text)
        for folder in ("deploy", "run"):
            (prefix / folder).mkdir(parents=True, exist_ok=True)
        shutil.copytree(self.project / "keys", prefix / "keys", dirs_exist_ok=True)
        if (collected := self.project / "collected").is_dir():
            shutil.copytree(collected, prefix / "collected", dirs_exist_ok=True)
        (prefix / "deploy" / "nginx.conf").write_text(text, encoding="utf-8")
        # Once it runs, nginx writes there what it has to say.
        if found := re.search(r"^\s*error_log\s+([^/\s;][^\s;]*)", text, re.MULTILINE):
            self.error_log = prefix / found[1]

    def wait_until_it_listens(self) -> None:
        """Return as soon as nginx takes connections, or raise ServerError."""
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                knock(self.port, self.project / "keys" / "server.pem")
            except OSError:
                time.sleep(0.02)
            else:
                return
        error = ServerError("nginx did not start.")
        error.printed = self.printed()
        raise error

    def tasks(self) -> int:
        """Return how many asyncio tasks of the two Daphnes have not finished."""
        return sum(daphne.tasks() for daphne in self.daphnes)

    def effort(self) -> Effort:
        """Return how much both Daphnes have worked so far."""
        first, second = self.daphnes
        return first.effort().plus(second.effort())

    def unseen_exceptions(self) -> int:
        """Return how many tasks of the two have raised what nobody has looked at."""
        return sum(daphne.unseen_exceptions() for daphne in self.daphnes)

    def position(self) -> tuple[int, ...]:
        """Return how much the two Daphnes and nginx have printed so far."""
        logs = [*(daphne.log for daphne in self.daphnes), self.log, self.error_log]
        return tuple(log.stat().st_size if log.exists() else 0 for log in logs)

    def printed(self, since: tuple[int, ...] | int = 0) -> str:
        """Return what the two Daphnes and nginx have printed, and nginx's errors."""
        *starts, start, error_start = since or (0, 0, 0, 0)
        printed = ""
        with suppress(FileNotFoundError):  # One that has not begun has no log.
            for daphne, daphne_start in zip(self.daphnes, starts, strict=True):
                printed += daphne.printed(daphne_start)
            printed += output.read(self.log, start).decode(errors="replace")
            printed += output.read(self.error_log, error_start).decode(errors="replace")
        return printed

    def printed_within(
        self,
        pattern: str,
        since: tuple[int, ...] | int = 0,
        seconds: float = CRASH_CHECK,
    ) -> str:
        """Wait until one of them has printed what the pattern matches."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if re.search(pattern, self.printed(since)):
                break
            time.sleep(0.02)
        return self.printed(since)


def serve(project: Path, log: Path, **options: Any) -> Server | NginxSite:
    """
    Serve a project as the chapter does: by Daphne, or behind nginx.

    One function, so that there is one server for all tests. Skips without an nginx.
    """
    is_behind = "BEHIND_PROXY" in options["environment"]
    if is_behind and find_nginx() is None:
        pytest.skip(MISSING)
    kind = NginxSite if is_behind else TlsServer
    return kind(project, log, **options)
