"""
The servers of stage 5: they show their own certificate, and do not outlive the tests.
"""

import socket
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509 import verification

from tests.checker.accounts import Browser
from tests.checker.client import WireError
from tests.checker.servers.runserver import Server, ServerError, manage
from tests.checker.servers.tls import (
    MISSING,
    NginxSite,
    TlsServer,
    find_nginx,
    make_expired_keys,
)
from tests.proofs.runs import ROOT, check, contract, copy_of, recorded_with, replace
from tests.proofs.waiting import REST, ports_of_what_dies, wait_until_refused

pytestmark = recorded_with(
    ROOT / "stage05_wss",
    *contract("stage05_wss"),
    Path(__file__).with_name("waiting.py"),
)

HOLD_A_SITE = """
import pathlib, sys, time
from tests.checker.servers.tls import NginxSite

project, log = map(pathlib.Path, sys.argv[1:])
with NginxSite(project, log, environment={}) as site:
    print(site.port, site.http_port, *(each.port for each in site.daphnes), flush=True)
    REST
""".replace("REST", REST)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of stage 5 with keys. No test here may change it."""
    project = copy_of(ROOT / "stage05_wss", tmp_path_factory.mktemp("tls") / "project")
    assert manage(project, "make_keys").returncode == 0
    return project


@pytest.fixture
def nginx() -> None:
    """Skip what needs nginx where there is none."""
    if find_nginx() is None:
        pytest.skip(MISSING)


@pytest.fixture
def listener() -> socket.socket:
    """Somebody who listens on a port, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def tls(project: Path, log: Path) -> TlsServer:
    return TlsServer(project, log)


def site(project: Path, log: Path) -> NginxSite:
    return NginxSite(project, log, environment={})


@pytest.mark.usefixtures("nginx")
@pytest.mark.parametrize("kind", [tls, site])
def test_server_is_trusted_with_its_ca_only(
    project: Path, tmp_path: Path, kind: Callable
) -> None:
    with kind(project, tmp_path / "server.log") as server:
        with pytest.raises(WireError, match="unable to get local issuer"):
            Browser(server.url).open("/login/")
        assert Browser(server).open("/login/").status == 200


@pytest.mark.usefixtures("nginx")
def test_site_does_not_take_another_server_for_its_own(
    project: Path, tmp_path: Path
) -> None:
    other = copy_of(project, tmp_path / "other")
    assert manage(other, "make_keys").returncode == 0
    own = site(project, tmp_path / "server.log")
    with tls(other, tmp_path / "other.log") as server:
        own.port = server.port
        with own:  # nginx says that the address is in use, and another one is tried.
            assert own.port != server.port
            assert own.url.endswith(f":{own.port}")


@pytest.mark.parametrize("kind", [Server, tls])
def test_server_takes_another_port_where_somebody_else_listens(
    project: Path, tmp_path: Path, listener: socket.socket, kind: Callable
) -> None:
    taken = listener.getsockname()[1]
    server = kind(project, tmp_path / "server.log")
    server.listen_on(taken)
    with server:
        assert server.port != taken
        assert server.url.endswith(f":{server.port}")


def test_server_does_not_take_another_one_for_its_own(
    project: Path, tmp_path: Path, listener: socket.socket
) -> None:
    taken = listener.getsockname()[1]
    server = Server(project, tmp_path / "server.log", port=taken)
    words = f"somebody else listens on port {taken}"
    with pytest.raises(ServerError, match=words), server:
        pass


@pytest.mark.usefixtures("nginx")
@pytest.mark.posix("Windows has one way to end a process, and no signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_site_dies_with_the_tests(project: Path, tmp_path: Path, name: str) -> None:
    words = (project, tmp_path / "server.log")
    ports = ports_of_what_dies(HOLD_A_SITE, *words, by=name)
    assert len(ports) == 4
    for port in ports:
        wait_until_refused(port)


@pytest.mark.usefixtures("nginx")
@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("least_conn;", "most_conn;", 'unknown directive "most_conn"'),
        ("127.0.0.1:8443", "127.0.0.1:9443", "listens on no port 8443"),
    ],
)
def test_site_with_a_wrong_configuration_says_what_is_wrong(
    project: Path, tmp_path: Path, right: str, wrong: str, words: str
) -> None:
    copy = copy_of(project, tmp_path / "project")
    assert manage(copy, "make_keys").returncode == 0
    replace(copy / "deploy" / "nginx.conf", right, wrong)
    server = site(copy, tmp_path / "server.log")
    with pytest.raises(ServerError) as error, server:
        pass
    assert words in f"{error.value} {error.value.printed}"
    for daphne in server.daphnes:
        wait_until_refused(daphne.port)


@pytest.mark.usefixtures("nginx")
def test_site_without_keys_says_which_file_nginx_misses(
    project: Path, tmp_path: Path
) -> None:
    copy = copy_of(project, tmp_path / "project")
    (copy / "keys").mkdir()
    server = site(copy, tmp_path / "server.log")
    with pytest.raises(ServerError) as error, server:
        pass
    assert "keys/server.pem" in error.value.printed


def test_missing_nginx_does_not_start(
    monkeypatch: pytest.MonkeyPatch, project: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("NGINX", str(tmp_path / "nginx"))
    assert find_nginx() is None
    server = site(project, tmp_path / "server.log")
    with pytest.raises(ServerError, match="apt install nginx-light"), server:
        pass


def test_checks_without_an_nginx_say_how_to_install_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NGINX", "no-such-program")
    result = check("stage05_wss", "-k", "of_ws_with_the_tls_port or one_daphne")
    assert result.returncode == pytest.ExitCode.OK, result.stdout
    assert "ok    handshake of ws with the TLS port fails (directly)" in result.stdout
    assert "skip  handshake of ws with the TLS port fails (through nginx)" in (
        result.stdout
    )
    assert "apt install nginx-light" in result.stdout
    assert "1 check passes, 2 could not be tried." in result.stdout


def test_expired_keys_were_right_for_a_strict_client_before(tmp_path: Path) -> None:
    make_expired_keys(tmp_path / "keys")
    ca, made = (
        x509.load_pem_x509_certificate((tmp_path / "keys" / name).read_bytes())
        for name in ("ca.pem", "server.pem")
    )
    strict = verification.PolicyBuilder().store(verification.Store([ca]))
    then = strict.time(datetime.now(UTC) - timedelta(days=1, hours=12))
    for policy, ends in (then, None), (strict, verification.VerificationError):
        verifier = policy.build_server_verifier(x509.DNSName("localhost"))
        with pytest.raises(ends) if ends else nullcontext():
            verifier.verify(made, [])


# As it happens by chance when a code is sent at the end of a second.
LOSES_CODES = """
import time
from txaio._common import _BatchedTimer

left = TIMES
call_later = _BatchedTimer.call_later


def lose(self, delay, give_up):
    global left
    if delay != 1 or not left:
        return call_later(self, delay, give_up)
    left -= 1
    time.sleep(1 - time.time() % 1 + AFTER)
    self._create_delayed_call(0, give_up)
    return call_later(self, 3600, give_up)


_BatchedTimer.call_later = lose
"""


@pytest.mark.parametrize(
    ("times", "after", "passes"),
    [(1, 0, True), (2, 0, False), (1, 0.5, False)],
    ids=["by chance", "twice", "in the middle of a second"],
)
def test_code_that_daphne_loses_at_the_end_of_a_second_gets_a_second_try(
    tmp_path: Path, times: int, after: float, passes: bool
) -> None:
    project = copy_of(ROOT / "stage05_wss", tmp_path / "project")
    code = LOSES_CODES.replace("TIMES", str(times)).replace("AFTER", str(after))
    with (project / "config" / "asgi.py").open("a", encoding="utf-8") as file:
        file.write(code)
    # After the last check of a run its server stops, and a new one would lose anew.
    two = "(spares_the_other or comes_to_nobody) and directly"
    result = check("stage05_wss", "--project", project, "-k", two)
    name = "close after logging out spares the other sessions (directly)"
    assert f"{'ok  ' if passes else 'FAIL'}  {name}" in result.stdout
    symptoms = [each["symptom"] for each in result.failures]
    assert symptoms == ([] if passes else ["close 1006 for 4401"]), result.stdout
