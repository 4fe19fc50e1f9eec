"""`learn.py run`: what it prepares, where it serves, and how it ends."""

import hashlib
import ipaddress
import os
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.checker import client, serve
from tests.checker.accounts import Browser
from tests.checker.endpoint import Endpoint
from tests.checker.servers.runserver import free_port
from tests.checker.servers.tls import trust
from tests.front_door.checkout import PATIENCE, ROOT, Checkout, Running
from tests.proofs.runs import copy_of


def test_run_says_what_then_serves_it(checkout: Checkout, port: int) -> None:
    running = checkout.start("run", "1", "--port", str(port), EXIT="3")
    manage = running.told()
    assert running.end() == 3
    lines = running.printed.splitlines()
    assert lines[0] == f'Serving "{checkout.stage}".'
    assert f"Open http://127.0.0.1:{port}/" in lines
    assert manage["words"] == ["runserver", f"127.0.0.1:{port}"]
    assert manage["folder"] == str(checkout.stage)
    assert manage["installed"] == ["tiny"]
    assert "ALLOWED_HOSTS" not in manage["environment"]


def test_run_serves_the_learners_project(
    checkout: Checkout,
    handed_over: Callable[..., tuple],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    port: int,
) -> None:
    mine = shutil.copytree(checkout.stage, checkout.elsewhere / "mine")
    monkeypatch.chdir(checkout.elsewhere)
    words, variables, everything = handed_over(
        "run", "1", "--port", port, "--project", "mine", "--name", "chat.lan"
    )
    ports = ["--port", str(port), "--tls-port", "8443"]
    options = ["--host", "127.0.0.1", *ports, "--name", "chat.lan"]
    assert words == ["tests.checker.serve", str(mine), *options]
    assert variables == {}
    assert not everything
    assert capsys.readouterr().out == "Serving mine.\n"


@pytest.mark.posix("Ctrl-C cannot be sent to one process group on Windows")
@pytest.mark.parametrize("handler", [signal.SIG_DFL, signal.SIG_IGN])
def test_ctrl_c_ends_the_server_and_passes_its_exit_code_on(
    checkout: Checkout, port: int, handler: signal.Handlers
) -> None:
    # What a script starts with `&` ignores Ctrl-C, and what that starts does too.
    signal.signal(signal.SIGINT, handler)
    running = checkout.start("run", "1", "--port", str(port), HANG="1")
    running.told()
    running.interrupt()
    assert running.end() == 7
    assert "Traceback" not in running.printed


@pytest.mark.posix("Windows has no SIGTERM")
def test_sigterm_ends_the_server_too(checkout: Checkout, port: int) -> None:
    running = checkout.start("run", "1", "--port", str(port), HANG="1")
    running.told()
    running.terminate()
    assert running.end() == -signal.SIGTERM
    assert "Traceback" not in running.printed


# The database


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A copy of stage 4 that was prepared, and what that printed."""
    project = copy_of(ROOT / "stage04_auth", tmp_path_factory.mktemp("run") / "stage04")
    code = "import sys, pathlib; from tests.checker import serve;"
    code += "serve.prepare(pathlib.Path(sys.argv[1]))"
    run = subprocess.run(
        [sys.executable, "-c", code, project], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return project, run.stdout


@pytest.fixture
def stage04(prepared: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of stage 4 that was prepared, with its database."""
    return shutil.copytree(prepared[0], tmp_path / "stage04")


def passwords(project: Path) -> dict[str, str]:
    """Return what a database keeps of the passwords, by user."""
    with closing(sqlite3.connect(project / "db.sqlite3")) as connection:
        return dict(connection.execute("SELECT username, password FROM auth_user"))


def is_kept(password: str, kept: str) -> bool:
    """Tell whether this password is the one that a database keeps."""
    _algorithm, rounds, salt, digest = kept.split("$")
    found = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), int(rounds))
    return found == b64decode(digest)


def test_run_loads_the_demo_users_and_says_their_password(
    prepared: tuple[Path, str],
) -> None:
    project, printed = prepared
    assert "ana, ben and cleo" in printed
    [password] = re.findall(r"password of each is (\S+)\.", printed)
    assert passwords(project).keys() == {"ana", "ben", "cleo"}
    assert is_kept(password, passwords(project)["ana"])


def test_run_leaves_a_database_with_users_as_it_is(
    stage04: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(stage04 / "db.sqlite3")) as connection, connection:
        connection.execute("UPDATE auth_user SET password = 'other'")
    serve.prepare(stage04)
    assert capfd.readouterr().out == ""
    assert set(passwords(stage04).values()) == {"other"}


@pytest.mark.parametrize("has_tables", [False, True])
def test_run_goes_on_where_a_database_was_left_without_users(
    stage04: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    has_tables: bool,
) -> None:
    if has_tables:
        with closing(sqlite3.connect(stage04 / "db.sqlite3")) as connection, connection:
            connection.execute("DELETE FROM auth_user")
    else:
        (stage04 / "db.sqlite3").write_bytes(b"")  # As a server leaves it.
    managed = []
    monkeypatch.setattr(serve, "manage", lambda _, *words: managed.append(words[0]))
    serve.prepare(stage04)
    assert managed == ["migrate", "loaddata"]
    assert "open-sesame" in capsys.readouterr().out


def test_run_prepares_nothing_where_there_are_no_demo_users(
    stage04: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(stage04 / "chat" / "fixtures")
    (stage04 / "db.sqlite3").unlink()
    serve.prepare(stage04)
    assert capfd.readouterr().out == ""
    assert not (stage04 / "db.sqlite3").exists()


def test_run_goes_no_further_when_a_command_of_the_project_fails(
    stage04: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (stage04 / "manage.py").write_text("import sys; sys.exit(3)")
    with pytest.raises(SystemExit) as end:
        serve.prepare(stage04)
    assert end.value.code == 3
    assert capfd.readouterr().out == ""


# Where it serves


class Served(Exception):  # noqa: N818
    """Stands for the program that serve.py would go on as."""


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple]:
    """Serve a project, and get back what was run and what would serve it."""

    def served(project: Path, *words: str) -> tuple[list, list[str], dict]:
        managed = []

        def become(*command: str, cwd: Path, env: dict[str, str]) -> None:
            raise Served(command[1:], cwd, env)

        monkeypatch.setattr(serve, "become", become)
        monkeypatch.setattr(serve, "manage", lambda _, *words: managed.append(words))
        monkeypatch.setattr(sys, "argv", ["serve", str(project), *words])
        with pytest.raises(Served) as call:
            serve.main()
        command, folder, environment = call.value.args
        assert folder == project
        return managed, list(command), environment

    return served


@pytest.mark.parametrize(
    ("host", "lan", "opened", "allowed"),
    [
        ("127.0.0.1", "192.0.2.7", "http://127.0.0.1:8000/", None),
        ("::1", "192.0.2.7", "http://[::1]:8000/", None),
        ("0.0.0.0", "192.0.2.7", "http://192.0.2.7:8000/", "192.0.2.7"),  # noqa: S104
        ("0.0.0.0", "", "http://127.0.0.1:8000/", ""),  # noqa: S104
        ("192.0.2.8", "192.0.2.7", "http://192.0.2.8:8000/", "192.0.2.8"),
        ("fd00::8", "192.0.2.7", "http://[fd00::8]:8000/", "[fd00::8]"),
    ],
)
def test_allowed_hosts_are_set_for_a_classroom_only(
    served: Callable[..., tuple],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    host: str,
    lan: str,
    opened: str,
    allowed: str | None,
) -> None:
    monkeypatch.setattr(serve, "lan_address", lambda: lan)
    monkeypatch.delenv("ALLOWED_HOSTS", raising=False)
    managed, command, env = served(ROOT / "stage01_echo", "--host", host)
    assert managed == []
    bracketed = f"[{host}]" if ":" in host else host
    assert command == ["manage.py", "runserver", f"{bracketed}:8000"]
    printed = capsys.readouterr().out
    assert opened in printed
    assert ("DEBUG is on" in printed) == (allowed is not None)
    local = ["localhost", "127.0.0.1", "[::1]"]
    hosts = None if allowed is None else [*local, *allowed.split()]
    found = env.get("ALLOWED_HOSTS")
    assert (found.split() if found else found) == hosts


def test_lan_address_is_one_of_this_machine_or_none() -> None:
    lan = serve.lan_address()
    assert lan == "" or not ipaddress.ip_address(lan).is_unspecified


@pytest.mark.parametrize(
    ("arguments", "site", "interface"),
    [
        ("", "localhost:8443", "127.0.0.1"),
        ("--tls-port 9443", "localhost:9443", "127.0.0.1"),
        ("--host ::1", "localhost:8443", r"\:\:1"),
        ("--host 127.0.0.2", "127.0.0.2:8443", "127.0.0.2"),
        ("--host 0.0.0.0", "192.0.2.7:8443", "0.0.0.0"),  # noqa: S104
        ("--host 192.0.2.8", "192.0.2.8:8443", "192.0.2.8"),
        ("--host fd00::8", "[fd00::8]:8443", r"fd00\:\:8"),
        ("--host 0.0.0.0 --name chat.lan", "chat.lan:8443", "0.0.0.0"),  # noqa: S104
    ],
)
def test_run_5_makes_keys_for_the_site_that_it_prints_and_serves(
    served: Callable[..., tuple],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: str,
    site: str,
    interface: str,
) -> None:
    monkeypatch.setattr(serve, "lan_address", lambda: "192.0.2.7")
    monkeypatch.setenv("BEHIND_PROXY", "1")
    monkeypatch.setenv("OPENSSL_CONF", os.devnull)
    project = ROOT / "stage05_wss"
    managed, command, env = served(project, *arguments.split())
    name, _, port = site.rpartition(":")
    assert managed[0] == ("make_keys", "--name", name.strip("[]"))
    assert f"Open https://{site}/\n" in capsys.readouterr().out
    assert command[:3] == ["-m", "daphne", "-e"]
    assert command[3].startswith(f"ssl:{port}:interface={interface}:privateKey=")
    assert command[4:6] == ["-e", f"tcp:8000:interface={interface}"]
    assert env["SITE"] == site
    assert "BEHIND_PROXY" not in env
    # OpenSSL says nothing about a file that is not there.
    assert (project / env["OPENSSL_CONF"]).is_file()


def test_run_5_without_a_network_is_for_this_machine(
    served: Callable[..., tuple], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "lan_address", lambda: "")
    _, _, env = served(ROOT / "stage05_wss", "--host", "0.0.0.0")  # noqa: S104
    assert env["SITE"] == "localhost:8443"


@pytest.mark.parametrize("option", ["--port", "--tls-port"])
def test_run_5_says_which_port_is_in_use(
    refusal: Callable[..., str], port: int, option: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        used = str(other.getsockname()[1])
        ports = {"--port": str(port), "--tls-port": str(port + 1), option: used}
        words = [word for each in ports.items() for word in each]
        said = refusal("run", "1", "--project", ROOT / "stage05_wss", *words)
    assert f"port {used} is in use by" in said
    assert re.search(rf"with {option} \d+\.$", said)


def test_run_5_needs_two_ports(refusal: Callable[..., str], port: int) -> None:
    ports = ("--port", port, "--tls-port", port)
    words = refusal("run", "1", "--project", ROOT / "stage05_wss", *ports)
    assert "--port is for http only" in words


# The keys of stage 5

MAKE_KEYS = """\
import pathlib, django
django.setup()
from django.core.management import call_command
from chat.management.commands import make_keys

folder = pathlib.Path("keys")

def made(*names):
    files = "ca.pem", "server.pem", "server.key", "secret_key"
    read = lambda: [(folder / file).read_bytes() for file in files]
    before = read() if (folder / "server.key").exists() else None
    call_command("make_keys", name=list(names))
    if before is not None:
        assert read()[3] == before[3], "A new SECRET_KEY ends all sessions."
    return read() != before

"""


@pytest.fixture
def stage05(tmp_path: Path) -> Path:
    """A copy of stage 5, in a folder with a space in its name."""
    return copy_of(ROOT / "stage05_wss", tmp_path / "stage 5")


@pytest.mark.parametrize(
    "steps",
    [
        # Once, and for each new name. Those of this machine are in every certificate.
        """
        assert made()
        assert not made() and not made("localhost") and not made("::1")
        assert made("chat.lan")
        assert not made("chat.lan") and not made()
        assert made("chat.la")
        assert made("192.0.2.7")
        assert not made("192.0.2.7")
        """,
        # Ten days before the end, and not earlier.
        """
        class Later(make_keys.datetime):
            @classmethod
            def now(cls, zone):
                return super().now(zone) + make_keys.timedelta(days)
        made()
        make_keys.datetime = Later
        days = 78
        assert not made()
        days = 80
        assert made() and not made()
        """,
        # What is missing, damaged, or of another CA.
        """
        made()
        ca = (folder / "ca.pem").read_bytes()
        for file in "ca.pem", "server.pem", "server.key":
            content = (folder / file).read_bytes()
            (folder / file).rename(folder / "elsewhere")
            call_command("make_keys")
            assert (folder / file).read_bytes() != content
        assert not made()
        (folder / "ca.pem").write_bytes(ca)
        assert made() and not made()
        (folder / "server.pem").write_text("nothing")
        assert made() and not made()
        """,
    ],
    ids=["names", "days", "files"],
)
def test_keys_are_made_where_there_is_something_to_do_only(
    stage05: Path, steps: str
) -> None:
    code = MAKE_KEYS + "\n".join(line[8:] for line in steps.splitlines())
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=stage05,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert f"For new ones, remove {stage05 / 'keys'}." in run.stdout


# All of it, for real

SERVE = """
import sys
import learn
learn.packages.PYTHON = sys.executable
learn.packages.set_up = lambda: None
sys.exit(learn.main())
"""


@pytest.mark.posix("Ctrl-C cannot be sent to one process group on Windows")
def test_run_5_gives_a_site_that_works_until_ctrl_c(
    stage05: Path,
) -> None:
    # An address that no certificate has by itself. macOS has one of loopback only.
    host = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"
    http, https = free_port(), free_port()
    words = ["run", "5", "--project", stage05, "--host", host]
    words += ["--port", str(http), "--tls-port", str(https)]
    environment = {**os.environ, "BEHIND_PROXY": "1", "PYTHONUTF8": "1"}
    running = Running([sys.executable, "-c", SERVE, *words], cwd=ROOT, env=environment)
    try:
        running.until("Chrome on Linux DB=")
        url = running.until("Open https://").split()[1].rstrip("/")
        running.until("Listening on TCP address")
        running.until("Listening on TCP address")
        server = Endpoint(url.replace("https", "wss"), trust(stage05 / "keys/ca.pem"))
        browser = Browser(server).log_in("ana", "open-sesame")
        headers = browser.headers_at(server.url)
        assert headers["Origin"] == url
        room = client.connect(server, "/ws/rooms/tea/", additional_headers=headers)
        with room as ana:
            ana.expect_json(type="welcome", name="ana")
        # TLS 1.3 only: it has read the file that OPENSSL_CONF names.
        server.trust.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(client.WireError, match="TLS"):
            Browser(server).open("/login/")
        forged = {"X-Forwarded-Proto": "https"}
        asked = HTTPConnection(host, http, timeout=PATIENCE)
        asked.request("GET", "/login/", headers=forged)
        assert asked.getresponse().getheader("Location") == f"{url}/login/"
        asked.close()
        running.interrupt()
        assert running.end() == 0
        assert "Traceback" not in running.printed
    finally:
        running.kill()
    for port in (http, https):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, port), timeout=1)
