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
import threading
import time
import types
from base64 import b64decode
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest

from tests.checker import addresses, client, serve, system
from tests.checker.accounts import Browser
from tests.checker.endpoint import Endpoint
from tests.checker.servers.runserver import free_port
from tests.checker.servers.tls import trust
from tests.checker.system import Refusal
from tests.front_door.checkout import PATIENCE, ROOT, Checkout, Running
from tests.proofs.runs import copy_of, recorded_with


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
    code = "import os, sys, pathlib; from tests.checker import serve;"
    code += "serve.prepare(pathlib.Path(sys.argv[1]), [], {**os.environ})"
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


def prepare(project: Path) -> dict:
    """Prepare a project as `run` does."""
    return serve.prepare(project, ["127.0.0.1", "chat.lan"], {**os.environ})


def test_run_leaves_a_database_with_users_as_it_is(
    stage04: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(stage04 / "db.sqlite3")) as connection, connection:
        connection.execute("UPDATE auth_user SET password = 'other'")
    prepare(stage04)
    assert capfd.readouterr().out == ""
    assert set(passwords(stage04).values()) == {"other"}


def test_run_goes_on_where_a_server_left_a_database_without_tables(
    stage04: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (stage04 / "db.sqlite3").write_bytes(b"")
    prepare(stage04)
    assert "open-sesame" in capfd.readouterr().out
    assert passwords(stage04).keys() == {"ana", "ben", "cleo"}


def test_run_prepares_nothing_where_there_are_no_demo_users(
    stage04: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(stage04 / "chat" / "fixtures")
    (stage04 / "db.sqlite3").unlink()
    answer = prepare(stage04)
    assert answer["allowed"] == ["127.0.0.1"]
    assert capfd.readouterr().out == ""
    assert not (stage04 / "db.sqlite3").exists()


def test_run_leaves_it_to_the_server_to_say_why_a_stage_without_database_cannot_start(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manage.py").write_text("import sys; sys.exit('broken')")
    assert prepare(tmp_path)["allowed"] == ["127.0.0.1", "chat.lan"]
    assert capfd.readouterr() == ("", "")


def test_answer_that_does_not_come_is_waited_for_in_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import threading; threading.Event().wait(60)"
    (tmp_path / "manage.py").write_text(code)
    monkeypatch.setattr(serve, "ANSWER", 0.2)
    with pytest.raises(Refusal, match=r"no answer came within 0\.2 seconds"):
        serve.ask(tmp_path, [], os.environ)


# A user model of one's own

ABSTRACT = "from django.contrib.auth.models import AbstractUser, AbstractBaseUser\n"
ABSTRACT += "from django.db import models\n"
MODEL = f"{ABSTRACT}class Person(AbstractUser):\n    "
BY_MAIL = f"""{ABSTRACT}class Person(AbstractBaseUser):
    email = models.EmailField(unique=True)
    USERNAME_FIELD = "email"
"""


# Each makes migrations of its own, which takes seconds.
OWN_USER = recorded_with(ROOT / "stage04_auth", Path(__file__).with_name("conftest.py"))


def with_own_user(project: Path, models: str, migrate: bool = True) -> Path:
    """Give a project a user model of its own, with its migration."""
    (project / "db.sqlite3").unlink()
    with (project / "config" / "settings.py").open("a") as settings:
        settings.write('\nAUTH_USER_MODEL = "chat.Person"\n')
    (project / "chat" / "models.py").write_text(models)
    if migrate:
        words = ["makemigrations", "chat", "--verbosity", "0"]
        program = [sys.executable, "manage.py", *words]
        subprocess.run(program, cwd=project, check=True, capture_output=True)
    return project


@OWN_USER
@pytest.mark.parametrize(
    ("models", "users"),
    [
        (f"{MODEL}pass\n", "ana, ben and cleo"),
        (BY_MAIL, "ana@example.com, ben@example.com and cleo@example.com"),
    ],
    ids=["by name", "by mail"],
)
def test_demo_users_are_made_in_a_user_model_of_ones_own(
    stage04: Path, capfd: pytest.CaptureFixture[str], models: str, users: str
) -> None:
    with_own_user(stage04, models)
    prepare(stage04)
    assert f"demo users {users}.\n" in capfd.readouterr().out
    with closing(sqlite3.connect(stage04 / "db.sqlite3")) as connection:
        kept = connection.execute("SELECT password FROM chat_person").fetchall()
    assert [is_kept("open-sesame", *each) for each in kept] == [True] * 3
    if models is not BY_MAIL:  # Once: to see it with one model is enough.
        prepare(stage04)
        assert capfd.readouterr().out == ""


REQUIRED = """the demo users could not be made in chat/models.py, line 3: \
IntegrityError: NOT NULL constraint failed: chat_person.born."""
UNMIGRATED = """OperationalError: no such table: chat_person (for a model without a \
migration, `manage.py makemigrations`)."""
NO_DATES = "`manage.py migrate` failed in chat/models.py, line 4: AttributeError: "
NO_MODEL = "`manage.py migrate` failed: ImproperlyConfigured: AUTH_USER_MODEL refers"


@OWN_USER
@pytest.mark.parametrize(
    ("models", "migrate", "said", "command"),
    [
        (f"{MODEL}born = models.DateField()\n", True, REQUIRED, "shell"),
        (f"{MODEL}pass\n", False, UNMIGRATED, "shell"),
        (f"{MODEL}born = models.Dates()\n", False, NO_DATES, "migrate"),
        ("", False, NO_MODEL, "migrate"),
    ],
    ids=["required field", "no migration", "model", "no model"],
)
def test_step_that_fails_is_one_sentence_and_the_command_that_shows_all(
    stage04: Path,
    capfd: pytest.CaptureFixture[str],
    models: str,
    migrate: bool,
    said: str,
    command: str,
) -> None:
    with_own_user(stage04, models, migrate)
    with pytest.raises(Refusal) as refusal:
        prepare(stage04)
    sentence, all_of_it = str(refusal.value).split("\n")
    assert said.replace("/", os.sep, 1) in sentence or said in sentence
    manage_py = stage04 / "manage.py"
    assert all_of_it.startswith(f"To see all: {sys.executable} {manage_py} {command}")
    assert capfd.readouterr() == ("", "")


TRACEBACK = 'Traceback (most recent call last):\n  File "{project}/manage.py", line 9\n'
IN_A_LIBRARY = f"""{TRACEBACK}    main()
  File "{{project}}/a.py", line 3, in f
    x
  File "{{project}}/venv/site-packages/b.py", line 4, in g
    y
psycopg.errors.Wrong: no
DETAIL: none
"""
OF_DJANGO = """SystemCheckError: System check identified some issues:

ERRORS:
chat.Person: (auth.E003) must be unique.
\tHINT: no

WARNINGS:
x
"""


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("CommandError: 'Chat!' is no name.\n", ": CommandError: 'Chat!' is no name."),
        ("", ": it printed nothing."),
        (IN_A_LIBRARY, " in a.py, line 3: Wrong: no."),
        (f"{TRACEBACK}SyntaxError: no", " in manage.py, line 9: SyntaxError: no."),
        (OF_DJANGO, ": chat.Person: (auth.E003) must be unique."),
    ],
)
def test_what_a_command_says_of_its_failure_is_found(
    tmp_path: Path, printed: str, said: str
) -> None:
    found = serve.why(printed.replace("{project}", str(tmp_path)), tmp_path)
    assert found == said


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

        def ask(_: Path, hosts: list[str], *rest: object) -> dict:
            return {"allowed": hosts, "debug": True, "users": []}

        def manage(_: Path, *words: str, **options: object) -> None:
            managed.append(words)

        monkeypatch.setattr(serve, "become", become)
        monkeypatch.setattr(serve, "manage", manage)
        monkeypatch.setattr(serve, "ask", ask)
        monkeypatch.setattr(sys, "argv", ["serve", str(project), *words])
        with pytest.raises(Served) as call:
            serve.main()
        command, folder, environment = call.value.args
        assert folder == project
        return managed, list(command), environment

    return served


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put this machine in a network: interfaces, whether they are up, and names."""

    def network(
        *found: tuple[str, str, bool], default: str = "", known: tuple[str, ...] = ()
    ) -> None:
        def entry(text: str) -> types.SimpleNamespace:
            family = socket.AF_INET6 if ":" in text else socket.AF_INET
            return types.SimpleNamespace(family=family, address=text)

        entries: dict[str, list] = {"lo": [entry("127.0.0.1"), entry("::1")]}
        up = {"lo": types.SimpleNamespace(isup=True)}
        for name, text, is_up in found:
            entries.setdefault(name, []).append(entry(text))
            up[name] = types.SimpleNamespace(isup=is_up)
        monkeypatch.setattr(psutil, "net_if_addrs", lambda: entries)
        monkeypatch.setattr(psutil, "net_if_stats", lambda: up)
        monkeypatch.setattr(addresses, "default_address", lambda: default)
        monkeypatch.setattr(socket, "gethostname", lambda: "Room-PC")
        stands_for = {ipaddress.ip_address(text) for _, text, _ in found}
        monkeypatch.setattr(
            addresses, "resolved", lambda name: stands_for if name in known else set()
        )
        monkeypatch.delenv("ALLOWED_HOSTS", raising=False)

    network()
    return network


LAN = ("eth0", "192.168.1.20", True)
VPN = ("tun0", "10.8.0.2", True)
NO_CABLE = ("eth1", "172.16.0.1", False)
SELF_GIVEN = ("wlan0", "169.254.9.9", True)
IPV6 = ("eth0", "fd00::8", True)
LINK_LOCAL = ("eth0", "fe80::8%eth0", True)
ALL, ALL6 = "0.0.0.0", "::"  # noqa: S104


@pytest.mark.parametrize(
    ("host", "found", "opened"),
    [
        ("127.0.0.1", [LAN], ["127.0.0.1"]),
        ("127.0.0.2", [LAN], ["127.0.0.2"]),
        ("::1", [LAN], ["[::1]"]),
        (ALL, [LAN], ["192.168.1.20"]),
        (ALL, [], ["127.0.0.1"]),
        (ALL, [VPN, LAN], ["192.168.1.20", "10.8.0.2"]),
        (ALL, [SELF_GIVEN, LAN, IPV6, NO_CABLE], ["192.168.1.20", "169.254.9.9"]),
        (ALL6, [IPV6, LINK_LOCAL, LAN], ["192.168.1.20", "[fd00::8]"]),
        ("192.168.1.20", [LAN, VPN], ["192.168.1.20"]),
        ("fd00::8", [IPV6], ["[fd00::8]"]),
    ],
)
def test_every_address_that_is_printed_is_allowed_and_no_other_is_printed(
    served: Callable[..., tuple],
    network: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    host: str,
    found: list,
    opened: list[str],
) -> None:
    network(*found, default="192.168.1.20")
    managed, command, env = served(ROOT / "stage01_echo", "--host", host)
    assert managed == []
    bracketed = f"[{host}]" if ":" in host else host
    assert command == [serve.SERVES_ON, "runserver", f"{bracketed}:8000"]
    printed = capsys.readouterr().out
    assert re.findall(r"http://(\S+):8000/", printed) == opened
    is_local = opened[0] in ("127.0.0.1", "127.0.0.2", "[::1]")
    assert ("DEBUG is on" in printed) == (not is_local)
    allowed = env.get("ALLOWED_HOSTS", "localhost 127.0.0.1 [::1]").split()
    assert set(opened) <= set(allowed)
    if not is_local:  # A cable may be plugged in later.
        assert {text for _, text, _ in found if "." in text} <= set(allowed)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_on_this_machine_django_decides_what_is_allowed(
    served: Callable[..., tuple], network: Callable[..., None], host: str
) -> None:
    assert "ALLOWED_HOSTS" not in served(ROOT / "stage01_echo", "--host", host)[2]


def test_names_are_allowed_and_printed_if_others_know_them(
    served: Callable[..., tuple],
    network: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    network(LAN, VPN, default="10.8.0.2", known=("room-pc.local",))
    _, _, env = served(ROOT / "stage01_echo", "--host", ALL)
    assert {"room-pc", "room-pc.local"} <= set(env["ALLOWED_HOSTS"].split())
    lines = [line for line in capsys.readouterr().out.splitlines() if "http" in line]
    assert lines == [
        "  http://10.8.0.2:8000/       tun0",
        "  http://192.168.1.20:8000/   eth0",
        "  http://room-pc.local:8000/",
    ]


@pytest.mark.parametrize("own", ["mine.example 10.0.0.9", "mine.example,10.0.0.9", "*"])
@pytest.mark.parametrize("host", ["127.0.0.1", ALL])
def test_allowed_hosts_of_ones_own_are_kept(
    served: Callable[..., tuple],
    network: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    own: str,
    host: str,
) -> None:
    network(LAN, default="192.168.1.20")
    monkeypatch.setenv("ALLOWED_HOSTS", own)
    _, _, env = served(ROOT / "stage01_echo", "--host", host)
    allowed = re.split("[ ,]", env["ALLOWED_HOSTS"])
    assert allowed[: len(re.split("[ ,]", own))] == re.split("[ ,]", own)
    assert ("192.168.1.20" in allowed) == (host == ALL)
    assert "127.0.0.1" in allowed
    assert ("," in env["ALLOWED_HOSTS"]) == ("," in own)


def test_address_that_the_project_refuses_is_not_printed(
    network: Callable[..., None], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    network(LAN, VPN, default="192.168.1.20")
    project = copy_of(ROOT / "stage01_echo", tmp_path / "mine")
    with (project / "config" / "settings.py").open("a") as settings:
        settings.write('\nALLOWED_HOSTS = ["10.8.0.2"]\nDEBUG = False\n')
    address = ipaddress.ip_address(ALL)
    places = addresses.places(address)
    hosts = [place.host for place in places]
    env = serve.environment(address, places)
    serve.announce(places, address, 8000, serve.prepare(project, hosts, env))
    printed = capsys.readouterr().out
    assert "http://10.8.0.2:8000/" in printed
    assert "http://192.168.1.20" not in printed
    assert "Not at 192.168.1.20: this project's ALLOWED_HOSTS refuses that." in printed
    assert "DEBUG is on" not in printed
    local = ipaddress.ip_address("127.0.0.1")
    places = [*addresses.places(local), addresses.Place("localhost")]
    answer = serve.prepare(project, ["127.0.0.1", "localhost"], env)
    serve.announce(places, local, 8000, answer)
    assert "http" not in capsys.readouterr().out


def test_addresses_are_those_of_this_machine() -> None:
    for address in addresses.interfaces():
        socket.create_server(
            (str(address), 0),
            family=socket.AF_INET6 if address.version == 6 else socket.AF_INET,
        ).close()


def test_name_that_nobody_answers_for_is_waited_for_in_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    end = threading.Event()
    monkeypatch.setattr(addresses, "LOOKED_UP", 0.01)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [end.wait(PATIENCE)][1:])
    assert addresses.resolved("room-pc.local") == set()
    end.set()
    monkeypatch.undo()
    assert ipaddress.ip_address("127.0.0.1") in addresses.resolved("localhost")


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
    network: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: str,
    site: str,
    interface: str,
) -> None:
    network(("eth0", "192.0.2.7", True), default="192.0.2.7")
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
    served: Callable[..., tuple], network: Callable[..., None]
) -> None:
    _, _, env = served(ROOT / "stage05_wss", "--host", ALL)
    assert env["SITE"] == "localhost:8443"


def test_run_5_tells_a_class_what_to_trust_and_what_another_address_means(
    served: Callable[..., tuple],
    network: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    stage05: Path,
) -> None:
    def told(*words: str) -> str:
        served(stage05, "--host", ALL, *words)
        return capsys.readouterr().out

    network(LAN, VPN, default="192.168.1.20", known=("room-pc.local",))
    ca = stage05 / "keys" / "ca.pem"
    ca.parent.mkdir()
    der = b"what is signed"
    ca.write_text("For this machine only\n" + ssl.DER_cert_to_PEM_cert(der))
    by_address = told()
    assert f"Give everybody {ca}\n" in by_address
    found = re.search(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", by_address)[0]
    assert found.replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    assert "The certificate is for 192.168.1.20." in by_address
    assert "may need a new CA, which all must trust anew" in by_address
    assert "--name room-pc.local." in by_address
    assert "Not at 10.8.0.2, room-pc.local: --name chooses" in by_address
    assert by_address.endswith("Open https://192.168.1.20:8443/\n")
    by_name = told("--name", "room-pc.local")
    assert "As long as the name stays, so do the keys" in by_name
    assert by_name.endswith("Open https://room-pc.local:8443/\n")
    assert "This CA is new" not in by_name
    ca.write_text(ssl.DER_cert_to_PEM_cert(b"another"))
    serve.tell_class(stage05, "room-pc.local", [], der)
    assert "This CA is new" in capsys.readouterr().out


def test_run_5_on_this_machine_gives_no_lesson(
    served: Callable[..., tuple],
    network: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    served(ROOT / "stage05_wss")
    assert capsys.readouterr().out == "Open https://localhost:8443/\n"


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
    assert f"To renew, remove {stage05 / 'keys/ca.pem'}." in run.stdout


# All of it, for real

SERVE = """
import sys
import learn
learn.packages.PYTHON = sys.executable
learn.packages.set_up = lambda: None
sys.exit(learn.main())
"""


BANNER = "Watching for file changes"
RIGHT = {
    path: (ROOT / "stage02_routing" / path).read_text(encoding="utf-8")
    for path in ("chat/routing.py", "chat/consumers.py")
}


@pytest.mark.posix("Ctrl-C cannot be sent to one process group on Windows")
@pytest.mark.parametrize(
    ("file", "wrong", "said"),
    [
        ("chat/routing.py", None, "ModuleNotFoundError: No module named"),
        (
            "chat/routing.py",
            RIGHT["chat/routing.py"].replace("from chat import converters", ""),
            "uses invalid converter 'room'",
        ),
        # Of this file Django knows: it starts again by itself, and nobody does twice.
        ("chat/consumers.py", "def x(:\n", "SyntaxError"),
    ],
    ids=["missing", "no converter", "syntax"],
)
def test_run_comes_back_when_the_file_is_saved_that_could_not_be_imported(
    tmp_path: Path, port: int, file: str, wrong: str | None, said: str
) -> None:
    project = copy_of(ROOT / "stage02_routing", tmp_path / "stage 2")
    (project / "config" / "urls.py").write_text("urlpatterns = []\n")  # As before it.
    (project / file).unlink()
    if wrong is not None:
        assert wrong != RIGHT[file]
        (project / file).write_text(wrong)
    running = Running(
        [sys.executable, "-m", "tests.checker.serve", project, "--port", str(port)],
        cwd=ROOT,
    )
    try:
        running.until(said)
        running.until("learn.py: the server waits, see the error above.")
        (project / file).write_text(RIGHT[file])
        running.until(f"{file} changed, reloading.")
        running.until("Quit the server with")
        deadline = time.monotonic() + PATIENCE
        while system.page_title("127.0.0.1", port) is None:
            assert time.monotonic() < deadline, "The server did not come back."
            time.sleep(0.05)
        server = Endpoint(f"ws://127.0.0.1:{port}")
        with client.connect(server, "/ws/rooms/tea/?name=Ana"):
            running.interrupt()
        # Whom it leaves in its group Django has killed, and the system will bury.
        assert running.process.wait(timeout=PATIENCE) == 0
        running.reader.join(timeout=PATIENCE)
        printed = running.printed + "".join(iter(running.lines.get_nowait, ""))
        assert printed.count(BANNER) == 2
        assert printed.count("changed, reloading") == 1
    finally:
        running.kill()


def test_error_of_the_program_itself_is_told_as_manage_py_tells_it(
    tmp_path: Path,
) -> None:
    manage = tmp_path / "manage.py"
    for text in "raise ValueError(__file__)\n", "def x(:\n":
        manage.write_text(text)
        said = [
            subprocess.run(
                [sys.executable, program, "runserver"],
                cwd=tmp_path,
                capture_output=True,
                text=True,
            )
            for program in (manage, serve.SERVES_ON)
        ]
        assert said[0].returncode == said[1].returncode == 1
        assert said[0].stderr == said[1].stderr


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
