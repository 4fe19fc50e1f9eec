"""
What chapter 5 says about TLS, OpenSSL, Daphne and browsers, observed again.
"""

import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from playwright.sync_api import BrowserType, Error, Page
from txaio._common import _BatchedTimer
from websockets.sync.server import serve as serve_websockets

from tests.browser.chromium import CERTUTIL_MISSING, launch, trusting
from tests.checker import client
from tests.checker.accounts import Accounts, Visitors
from tests.checker.client import PATIENCE, WireError, connect
from tests.checker.rooms import address
from tests.checker.servers.runserver import START, free_port, is_free, manage
from tests.checker.servers.tls import (
    AS_ROOT,
    MISSING,
    NginxSite,
    TlsServer,
    copy_with_keys,
    find_nginx,
    trust,
)
from tests.checker.stages import STAGES, Stage
from tests.docs.test_facts_01 import DaphneWith
from tests.proofs.runs import ROOT, replace

# With what code a WebSocket is closed, whoever asks.
TRY = """url => new Promise((resolve) => {
  const socket = new WebSocket(url);
  socket.addEventListener("close", ({ code }) => resolve(code));
})"""
BLOCKED = "SecurityError: Failed to construct 'WebSocket'"
ROOM = "/ws/rooms/garden/"
TLS_HANDSHAKE = b"\x16\x03"
EMPTY_PAGE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of stage 5 with keys of its own, to be changed."""
    return copy_with_keys(ROOT / "stage05_wss", tmp_path / "project")


@pytest.fixture
def serve(
    project: Path, visitors: Visitors, tmp_path: Path
) -> Iterator[Callable[..., TlsServer]]:
    """
    Start a server of the project as it is when this is called.

    A handshake says who comes, as in the checks of stage 4.
    """
    with ExitStack() as stack:

        def serve(*, keys: str = "keys/server", **environment: str) -> TlsServer:
            log = tmp_path / "server.log"
            server = TlsServer(project, log, environment=environment, keys=keys)
            server.visitors = visitors
            return stack.enter_context(server)

        yield serve


@pytest.fixture
def accounts(project: Path, tmp_path: Path) -> Iterator[Accounts]:
    """Users of the project."""
    with closing(Accounts(project, tmp_path)) as accounts:
        yield accounts


@pytest.fixture
def stage() -> Stage:
    return STAGES["stage05_wss"]


def make_certificate(folder: Path, name: str) -> str:
    """Write a certificate that signs itself, with a name in its subject only."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "other.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "other.key").write_bytes(
        key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return str(folder / "other")


def shake_hands(server: TlsServer, context: ssl.SSLContext) -> str:
    """Return the version of TLS that a client and a server agree on."""
    place = ("127.0.0.1", server.port)
    with (
        socket.create_connection(place, timeout=PATIENCE) as tcp,
        context.wrap_socket(tcp, server_hostname="localhost") as tls,
    ):
        return tls.version()


def old_tls(project: Path) -> ssl.SSLContext:
    context = trust(project / "keys" / "ca.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def test_name_in_the_subject_only_is_enough_for_python(
    serve: Callable, tmp_path: Path
) -> None:
    keys = make_certificate(tmp_path, "localhost")
    server = serve(keys=keys)
    context = ssl.create_default_context(cafile=f"{keys}.pem")
    # Python 3.13 refuses it for another reason: it lacks what RFC 5280 wants.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    assert shake_hands(server, context) == "TLSv1.3"


def test_without_verification_a_client_speaks_to_anybody(
    project: Path, serve: Callable, tmp_path: Path
) -> None:
    # It claims to be somebody else, and nobody has signed it.
    server = serve(keys=make_certificate(tmp_path, "attacker.example"))
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server, trust(project / "keys" / "ca.pem"))
    careless = ssl.create_default_context()
    careless.check_hostname = False
    careless.verify_mode = ssl.CERT_NONE
    assert shake_hands(server, careless) == "TLSv1.3"


def test_keys_get_into_no_commit_of_a_project_of_its_own(project: Path) -> None:
    def git(*words: str) -> str:
        run = ["git", "-C", project, *words]
        return subprocess.run(run, capture_output=True, text=True, check=True).stdout

    git("init", "--quiet")
    untracked = git("status", "--short", "--untracked-files=all")
    assert "manage.py" in untracked
    assert "keys/" not in untracked


def test_openssl_says_nothing_of_a_file_that_does_not_exist(
    project: Path, serve: Callable
) -> None:
    server = serve()
    with pytest.raises(ssl.SSLError):
        shake_hands(server, old_tls(project))
    server = serve(OPENSSL_CONF="deploy/nowhere.cnf")
    assert shake_hands(server, old_tls(project)) == "TLSv1.2"
    assert "nowhere" not in server.printed()


def flip_a_bit(source: socket.socket, target: socket.socket, after: int) -> None:
    """Pass everything on, but change the last bit of what comes after some bytes."""
    passed = 0
    with suppress(OSError):
        while data := source.recv(65536):
            passed += len(data)
            if passed > after:
                data = data[:-1] + bytes([data[-1] ^ 1])
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("is_changed", [True, False])
def test_one_changed_bit_ends_the_connection(
    serve: Callable, accounts: Accounts, *, is_changed: bool
) -> None:
    server = serve(**accounts.environment)
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        through = socket.create_connection(listener.getsockname())
        middle = stack.enter_context(listener.accept()[0])
        there = socket.create_connection(("127.0.0.1", server.port))
        stack.enter_context(there)
        # TLS's own handshake passes as it is: it is shorter than that.
        after = 2_500 if is_changed else 10**9
        for ends in ((middle, there, after), (there, middle, 10**9)):
            Thread(target=flip_a_bit, args=ends, daemon=True).start()
        ana = stack.enter_context(connect(server, address("garden"), sock=through))
        ana.expect_json(type="welcome")
        ana.expect_json(type="join")
        ana.send_json(type="message", text="x" * 1_900)
        if is_changed:
            with pytest.raises(WireError, match="without a close frame"):
                ana.recv()
        else:
            ana.expect_json(type="message")


@pytest.fixture
def authority(project: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((project / "keys" / "ca.pem").read_bytes())


@pytest.fixture
def certificate(project: Path) -> x509.Certificate:
    pem = (project / "keys" / "server.pem").read_bytes()
    return x509.load_pem_x509_certificate(pem)


def test_certificate_serves_a_server_a_client_and_code(
    certificate: x509.Certificate,
) -> None:
    kind = x509.ExtendedKeyUsage
    usage = certificate.extensions.get_extension_for_class(kind)
    uses = ExtendedKeyUsageOID
    assert {*usage.value} == {uses.SERVER_AUTH, uses.CLIENT_AUTH, uses.CODE_SIGNING}


def test_authority_is_for_any_name_until_the_year_3000(
    authority: x509.Certificate,
) -> None:
    assert authority.not_valid_after_utc == datetime(3000, 1, 1, tzinfo=UTC)
    with pytest.raises(x509.ExtensionNotFound):
        authority.extensions.get_extension_for_class(x509.NameConstraints)


def test_openssl_takes_the_certificate_at_its_strictest(project: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("No openssl was found.")

    def verify(*words: str) -> subprocess.CompletedProcess:
        options = ["-x509_strict", "-purpose", "sslserver", *words]
        run = ["openssl", "verify", *options, "-CAfile", "ca.pem", "server.pem"]
        return subprocess.run(run, cwd=project / "keys", capture_output=True)

    for name in ("localhost", "chat.example"):
        is_ours = name == "localhost"
        assert (verify("-verify_hostname", name).returncode == 0) == is_ours
    for number in ("127.0.0.1", "::1", "192.0.2.7"):
        is_ours = number != "192.0.2.7"
        assert (verify("-verify_ip", number).returncode == 0) == is_ours


@pytest.mark.parametrize("strict", [0, ssl.VERIFY_X509_STRICT], ids=["", "strict"])
def test_python_takes_the_certificate(
    project: Path, serve: Callable, strict: int
) -> None:
    # From Python 3.13 on, create_default_context() is strict by itself.
    context = ssl.create_default_context(cafile=project / "keys" / "ca.pem")
    context.verify_flags |= strict
    assert shake_hands(serve(), context) == "TLSv1.3"


def test_the_verifier_of_cryptography_refuses_the_certificate(
    authority: x509.Certificate, certificate: x509.Certificate
) -> None:
    store = verification.Store([authority])
    policy = verification.PolicyBuilder().store(store)
    verifier = policy.build_server_verifier(x509.DNSName("localhost"))
    with pytest.raises(verification.VerificationError, match="MUST NOT be critical"):
        verifier.verify(certificate, [])


def make_keys(project: Path, *names: str) -> str:
    """Make keys as a reader does. Returns what is printed."""
    run = manage(project, "make_keys", *(f"--name={name}" for name in names))
    assert run.returncode == 0, run.stdout
    return run.stdout


def test_keys_that_fit_are_kept(project: Path) -> None:
    def files() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (project / "keys").iterdir()}

    make_keys(project, "chat.lan", "192.0.2.7")
    before = files()
    for fewer in ([], ["chat.lan"], ["192.0.2.7", "localhost"]):
        words = f"Keys are there. To renew, remove {project / 'keys/ca.pem'}.\n"
        assert make_keys(project, *fewer) == words
        assert files() == before


def test_new_name_makes_a_new_authority_and_keeps_the_secret_key(
    project: Path, authority: x509.Certificate
) -> None:
    secret = (project / "keys" / "secret_key").read_bytes()
    said = make_keys(project, "chat.lan")
    made = x509.load_pem_x509_certificate((project / "keys" / "ca.pem").read_bytes())
    assert made.public_key() != authority.public_key()
    assert (project / "keys" / "secret_key").read_bytes() == secret
    assert "a certificate for 127.0.0.1, ::1, chat.lan, localhost." in said


def test_keys_of_another_hand_without_a_name_are_replaced(project: Path) -> None:
    path = Path(make_certificate(project / "keys", "localhost"))
    path.with_suffix(".pem").rename(project / "keys" / "server.pem")
    assert "Whoever trusts" in make_keys(project)


@pytest.mark.parametrize("name", ["ab--cd", "xn--a", ".".join(["a" * 63] * 4)])
def test_name_that_trustme_would_raise_for_is_refused_in_words(
    project: Path, name: str
) -> None:
    run = manage(project, "make_keys", "--name", name)
    assert f"CommandError: {name!r} is no address, nor a name" in run.stdout
    assert "Traceback" not in run.stdout


def lines_for_chrome(said: str) -> str:
    """Return what a reader on Linux types, of what make_keys has said."""
    first, *more = said[said.index("Chrome on Linux") :].splitlines()
    rest = takewhile(lambda line: line.startswith(" " * 18), more)
    return "\n".join([first.removeprefix("Chrome on Linux"), *rest])


def taken_back() -> str:
    """Return what a reader on Linux types, so that Chrome trusts none of ours."""
    page = (ROOT / "docs" / "05-wss-deeper.md").read_text(encoding="utf-8")
    return re.search(r"^\| Chrome on Linux \| `([^`]+)`", page, re.MULTILINE)[1]


@pytest.mark.linux("elsewhere the browser asks the system")
@pytest.mark.parametrize("old", [False, True], ids=["new folder", "old folder"])
def test_chrome_on_linux_trusts_the_newest_authority_alone_and_then_none(
    project: Path,
    serve: Callable,
    browser_type: BrowserType,
    tmp_path: Path,
    *,
    old: bool,
) -> None:
    if shutil.which("certutil") is None:
        pytest.skip(CERTUTIL_MISSING)
    home = tmp_path / "home"
    home.mkdir()
    if old:  # Somebody has used it before Chromium 146.
        (home / ".pki" / "nssdb").mkdir(parents=True)
    environment = {**os.environ, "HOME": str(home)}

    def type_in(lines: str) -> subprocess.CompletedProcess:
        run = ["bash", "-c", lines]
        options = {"env": environment, "stdin": subprocess.DEVNULL, "text": True}
        return subprocess.run(run, capture_output=True, **options)

    def is_trusted(server: TlsServer) -> bool:
        with closing(launch(browser_type, env=environment)) as browser:
            try:
                browser.new_page().goto(f"https://localhost:{server.port}/login/")
            except Error as error:
                if "ERR_CERT_AUTHORITY_INVALID" not in error.message:
                    raise
                return False
            return True

    first = serve()
    assert not is_trusted(first)
    done = type_in(make_keys_anew(project))
    assert done.returncode == 0, done.stderr
    second = serve()
    assert is_trusted(second)
    # What the first showed was signed by a CA that nobody trusts any more.
    done = type_in(make_keys_anew(project))
    assert done.returncode == 0, done.stderr
    assert not is_trusted(second)
    third = serve()
    assert is_trusted(third)
    # Each folder ends with an error: one has nothing more, the other is not there.
    assert type_in(taken_back()).stderr.count("certutil: ") == 2
    assert not is_trusted(third)
    # To make the old folder would hide the new one, and all that is in it.
    assert (home / ".pki" / "nssdb").exists() == old


def make_keys_anew(project: Path) -> str:
    """Remove the keys of a project, make new ones, and return the lines for Chrome."""
    shutil.rmtree(project / "keys")
    return lines_for_chrome(make_keys(project))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    """A server of stage 5 that is called chat.example, and localhost as ever."""
    folder = tmp_path_factory.mktemp("site")
    project = copy_with_keys(ROOT / "stage05_wss", folder / "project", "chat.example")
    with TlsServer(project, folder / "server.log", name="chat.example") as server:
        yield server


@pytest.fixture
def page(browser_type: BrowserType, site: TlsServer, tmp_path: Path) -> Iterator[Page]:
    """A page of a browser that trusts the CA. `page.console` is what it says there."""
    with ExitStack() as stack:
        trusts = trusting(browser_type, site.project / "keys", tmp_path)
        page = stack.enter_context(trusts).new_page()
        page.console = []
        page.on("console", lambda said: page.console.append(said.text))
        yield page


def test_ws_in_a_page_over_https_is_blocked_before_anything_is_sent(
    page: Page, site: TlsServer
) -> None:
    page.goto(f"https://chat.example:{site.port}/login/")
    start = site.position()
    with pytest.raises(Error, match=BLOCKED):
        page.evaluate(TRY, f"ws://chat.example:{site.port}{ROOM}")
    chapter = (ROOT / "docs" / "05-wss-deeper.md").read_text(encoding="utf-8")
    assert page.console[-1].replace(str(site.port), "8443") in chapter.splitlines()
    # The next one arrives, and is the first that does: a stranger's, so it is refused.
    assert page.evaluate(TRY, f"wss://chat.example:{site.port}{ROOM}") == 1006
    assert site.printed(start).count("WSCONNECTING") == 1


def test_ws_to_this_machine_is_not_blocked_which_hides_the_mistake(
    page: Page, site: TlsServer
) -> None:
    page.goto(f"https://localhost:{site.port}/login/")
    start = site.position()
    assert page.evaluate(TRY, f"ws://localhost:{site.http_port}{ROOM}") == 1006
    assert "Unexpected response code: 403" in page.console[-1]
    assert "WSCONNECTING" in site.printed(start)
    # It is the address of the socket that counts, not that of the page.
    with pytest.raises(Error, match=BLOCKED):
        page.evaluate(TRY, f"ws://chat.example:{site.http_port}{ROOM}")


def test_chromium_goes_to_localhost_over_http_whatever_hsts_says(
    page: Page, site: TlsServer
) -> None:
    answer = page.goto(f"https://localhost:{site.port}/login/")
    assert "max-age" in answer.headers["strict-transport-security"]
    # Daphne answers it over http, with a redirect: so it was asked.
    seen = []
    page.on("response", lambda response: seen.append((response.status, response.url)))
    page.goto(f"http://localhost:{site.http_port}/login/")
    assert seen[0] == (301, f"http://localhost:{site.http_port}/login/")


def test_chromium_goes_to_any_other_name_over_https_as_hsts_says(
    page: Page, site: TlsServer
) -> None:
    page.goto(f"https://chat.example:{site.port}/login/")
    seen = []
    page.on("response", lambda response: seen.append((response.status, response.url)))
    with suppress(Error):  # At that port nobody speaks TLS.
        page.goto(f"http://chat.example:{site.http_port}/login/")
    assert (301, f"http://chat.example:{site.http_port}/login/") not in seen


def test_hsts_keeps_the_port(page: Page, site: TlsServer) -> None:
    with first_bytes() as (port, came):
        page.goto(f"http://chat.example:{port}/")
        assert came.get(timeout=PATIENCE).startswith(b"GET / HTTP/1.1")
    page.goto(f"https://chat.example:{site.port}/login/")
    with first_bytes() as (port, came):
        with suppress(Error):
            page.goto(f"http://chat.example:{port}/")
        assert came.get(timeout=PATIENCE).startswith(TLS_HANDSHAKE)


def test_chromium_sends_secure_cookies_to_this_machine_in_the_clear(
    page: Page, site: TlsServer
) -> None:
    page.goto(f"https://localhost:{site.port}/login/")
    [cookie] = page.context.cookies()
    assert cookie["secure"]
    with first_bytes() as (port, came):
        page.goto(f"http://localhost:{port}/")
        assert b"csrftoken=" in came.get(timeout=PATIENCE)
        page.evaluate(TRY, f"ws://localhost:{port}/ws/")
        while not (asked := came.get(timeout=PATIENCE)).startswith(b"GET /ws/"):
            continue  # An icon, say.
        assert b"csrftoken=" in asked


def test_chromium_sends_secure_cookies_nowhere_else_in_the_clear(page: Page) -> None:
    for is_secure in (True, False):
        cookie = {"name": "key", "value": "x", "domain": "other.example", "path": "/"}
        page.context.add_cookies([{**cookie, "secure": is_secure}])
        with first_bytes() as (port, came):
            page.goto(f"http://other.example:{port}/")
            assert (b"key=x" not in came.get(timeout=PATIENCE)) == is_secure
        page.context.clear_cookies()


@contextmanager
def first_bytes() -> Iterator[tuple[int, Queue]]:
    """Listen on a port, answer with an empty page, and tell what was said first."""
    came: Queue[bytes] = Queue()

    def listen() -> None:
        with suppress(OSError):  # It was closed.
            while True:
                tcp, _address = listener.accept()
                with tcp:
                    if said := tcp.recv(4096):  # A browser may open one to spare.
                        came.put(said)
                        tcp.sendall(EMPTY_PAGE)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=listen, daemon=True).start()
        yield listener.getsockname()[1], came
        listener.shutdown(socket.SHUT_RDWR)


# Behind nginx


class Site(NginxSite):
    """A site whose Daphnes are started with some more options."""

    def __init__(self, project: Path, log: Path, *options: str, **rest: Any) -> None:
        self.options = options
        super().__init__(project, log, **rest)

    def take_ports(self) -> None:
        """Take ports, and Daphnes with these options."""
        super().take_ports()
        self.daphnes = [
            DaphneWith(each.project, each.log, *self.options, **each.environment)
            for each in self.daphnes
        ]


@pytest.mark.parametrize("pings", [True, False])
def test_nginx_counts_pings_and_daphne_cuts_off_who_answers_none(
    project: Path, accounts: Accounts, visitors: Visitors, *, pings: bool
) -> None:
    if find_nginx() is None:
        pytest.skip(MISSING)
    # Like 20 and 30 s to 60 s. The ping goes out after 6 s, and Daphne ends it 7 s
    # later; nginx would after 12 s, or 12 s after the ping if it counts that. Each may
    # be late on a busy machine: five seconds are left.
    replace(project / "deploy/nginx.conf", "read_timeout 60s", "read_timeout 12s")
    options = ["--ping-interval", "6", "--ping-timeout", "7"] if pings else []
    log = project.with_name("site.log")
    with Site(project, log, *options, environment=accounts.environment) as site:
        site.visitors = visitors
        begun = time.monotonic()
        path = f"{ROOM}?ticket=secret"
        with client.raw_handshake(site, path) as (_answer, tcp):
            tcp.settimeout(35)  # Daphne's own 50 s would be too late.
            with suppress(ConnectionResetError):
                while tcp.recv(1000):
                    continue
        if pings:
            assert time.monotonic() - begun > 12
        errors = project.with_name("site-nginx") / "run" / "error.log"
        was_daphne = "reset by peer" in errors.read_text(encoding="utf-8")
        assert was_daphne == pings
        # Chapter 4: nginx notes what Daphne's own log leaves out.
        assert "?ticket=secret" in (errors.with_name("access.log").read_text("utf-8"))
        printed = [daphne.printed() for daphne in site.daphnes]
        assert "ticket" not in "".join(printed)


@pytest.mark.parametrize("line", ["", "proxy_http_version 1.1;"])
def test_nginx_before_1_29_7_speaks_http_1_0_and_drops_both_headers(
    tmp_path: Path, line: str
) -> None:
    if (program := find_nginx()) is None:
        pytest.skip(MISSING)
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=True)
    version = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", said.stderr)
    is_old = tuple(map(int, version.groups())) < (1, 29, 7)
    port = free_port()
    with first_bytes() as (behind, came):
        (tmp_path / "nginx.conf").write_text(
            f"pid {tmp_path}/pid; events {{}} http {{ access_log off; server {{"
            f" listen 127.0.0.1:{port}; location / {{ {line}"
            f" proxy_pass http://127.0.0.1:{behind}; }} }} }}",
            encoding="utf-8",
        )
        words = ["-p", tmp_path, "-c", "nginx.conf", "-e", "stderr"]
        lifeline = [sys.executable, "-m", "tests.checker.servers.lifeline"]
        with subprocess.Popen(
            [*lifeline, program, *words, "-g", f"daemon off; {AS_ROOT}"],
            cwd=ROOT,
            stdin=subprocess.PIPE,  # Its end stops nginx.
        ):
            deadline = time.monotonic() + START
            while is_free(port):
                assert time.monotonic() < deadline, "nginx does not listen."
                time.sleep(0.02)
            with socket.create_connection(("127.0.0.1", port)) as tcp:
                tcp.sendall(
                    b"GET /ws/ HTTP/1.1\r\nHost: localhost\r\n"
                    b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
                )
                request = came.get(timeout=PATIENCE)
    http = b"1.0" if is_old and not line else b"1.1"
    assert request.startswith(b"GET /ws/ HTTP/" + http)
    assert b"upgrade" not in request.lower()


def answer_to_http_1_0(port: int) -> bytes:
    """Ask for a handshake in the way of an nginx before 1.29.7."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as tcp:
        tcp.sendall(
            b"GET /ws/nowhere/ HTTP/1.0\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        return tcp.recv(1000)


def test_daphne_takes_a_handshake_in_http_1_0(serve: Callable) -> None:
    # Our consumers' refusal: so it came to them.
    assert b"403 Access denied" in answer_to_http_1_0(serve().http_port)


def test_other_servers_take_no_handshake_in_http_1_0() -> None:
    with serve_websockets(lambda _connection: None, "127.0.0.1", 0) as server:
        Thread(target=server.serve_forever).start()
        answer = answer_to_http_1_0(server.socket.getsockname()[1])
        server.shutdown()
    assert b"101" not in answer.partition(b"\r\n")[0]


def test_daphne_waits_for_the_answer_to_a_close_until_the_second_ends() -> None:
    now, delays = 10.995, []
    timer = _BatchedTimer(
        200, 1000, lambda: now, lambda delay, *_call: delays.append(delay)
    )
    timer.call_later(1, print)
    assert delays == [pytest.approx(0.005)]
