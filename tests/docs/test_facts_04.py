"""
What chapter 4 says about Django's login, Channels and browsers, observed again.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.checker.accounts import Accounts, Browser
from tests.checker.client import connect, expect_refused
from tests.checker.rooms import address
from tests.checker.servers.runserver import Server, clean_environment, manage
from tests.proofs.runs import ROOT, copy_of, replace

AUTH = ROOT / "stage04_auth"
CONSUMERS = "chat/consumers.py"
ASGI = "config/asgi.py"

NOTE_ORDER = """
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.models import Session
from django.db.models.signals import post_delete, post_save
from django.test import Client

user = get_user_model().objects.get_by_natural_key("ana")
def note(signal, words):
    signal.connect(lambda **details: print(words(**details)), weak=False)

note(user_logged_out, lambda **_: f"logged out, sessions: {Session.objects.count()}")
note(post_delete, lambda sender, **_: f"{sender.__name__} deleted")
note(post_save, lambda sender, **_: f"{sender.__name__} saved")
browser = Client()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of stage 4, to be changed."""
    return copy_of(AUTH, tmp_path / "project")


@pytest.fixture
def accounts(project: Path, tmp_path: Path) -> Iterator[Accounts]:
    with closing(Accounts(project, tmp_path)) as accounts:
        yield accounts


@pytest.fixture
def serve(project: Path, accounts: Accounts, tmp_path: Path) -> Iterator:
    """Start a server of the project as it is when this is called."""
    started = []

    def serve() -> Server:
        log = tmp_path / "server.log"
        server = Server(project, log, environment=accounts.environment)
        started.append(server.__enter__())
        return server

    yield serve
    for server in started:
        server.stop()


def shell(accounts: Accounts, code: str) -> list[str]:
    """Return the lines that some Python prints in the project's shell."""
    run = manage(
        accounts.project,
        *("shell", "--verbosity", "0", "--command", code),
        **accounts.environment,
    )
    assert run.returncode == 0, run.stdout
    return run.stdout.splitlines()


def test_close_code_before_accept_is_thrown_away(project: Path, serve: object) -> None:
    refuses = (
        "            # Before accept(), this refuses the handshake with HTTP 403.\n"
    )
    replace(
        project / CONSUMERS,
        f"{refuses}            await self.close()",
        "            await self.close(4401)",
    )
    server = serve()
    headers = {"Origin": server.origin}
    expect_refused(server, address("garden"), additional_headers=headers)


def test_anonymous_user_is_an_object_and_true(accounts: Accounts) -> None:
    code = "from django.contrib.auth.models import AnonymousUser as A; print(bool(A()))"
    assert shell(accounts, code) == ["True"]


def test_cookies_are_lax_unless_told_otherwise(accounts: Accounts) -> None:
    code = "from django.conf import settings as s; print(s.SESSION_COOKIE_SAMESITE)"
    assert shell(accounts, code) == ["Lax"]


def test_signal_of_the_logout_comes_before_the_session_is_deleted(
    accounts: Accounts,
) -> None:
    logout = "browser.force_login(user)\nprint('---')\n"
    logout += "browser.post('/logout/', HTTP_HOST='localhost')"
    printed = shell(accounts, NOTE_ORDER + logout)
    after = printed[printed.index("---") + 1 :]
    assert after == ["logged out, sessions: 1", "Session deleted"]


def test_login_saves_the_user_which_is_a_signal(accounts: Accounts) -> None:
    printed = shell(accounts, NOTE_ORDER + "browser.force_login(user)")
    assert "User saved" in printed


def test_clearsessions_deletes_with_a_signal(accounts: Accounts) -> None:
    clear = """
browser.force_login(user)
from django.core.management import call_command
from django.utils.timezone import now
Session.objects.update(expire_date=now())
print("---")
call_command("clearsessions")
"""
    printed = shell(accounts, NOTE_ORDER + clear)
    assert printed[printed.index("---") + 1 :] == ["Session deleted"]


def test_new_password_deletes_the_session_in_which_it_was_given(
    accounts: Accounts,
) -> None:
    change = """
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest
browser.force_login(user)
request = HttpRequest()
request.session, request.user = browser.session, user
user.set_password("another")
user.save()
print("---")
update_session_auth_hash(request, user)
"""
    printed = shell(accounts, NOTE_ORDER + change)
    assert "Session deleted" in printed[printed.index("---") + 1 :]


def test_update_of_a_queryset_sends_no_signal(accounts: Accounts) -> None:
    update = "print('---')\ntype(user).objects.update(is_active=True)"
    assert shell(accounts, NOTE_ORDER + update) == ["---"]


def test_middleware_before_the_users_finds_the_user_empty(
    project: Path, serve: object
) -> None:
    early = """
def look_too_early(application):
    async def look(scope, receive, send):
        scope["user"].is_authenticated
        await application(scope, receive, send)
    return look


class Early(AuthMiddlewareStack(None).inner.inner.__class__):
    async def resolve_scope(self, scope):
        scope["user"].is_authenticated


application = ProtocolTypeRouter("""
    replace(project / ASGI, "\napplication = ProtocolTypeRouter(", early)
    stack = "AuthMiddlewareStack(URLRouter(websocket_urlpatterns))"
    wrong = (
        "(lambda stack: setattr(stack.inner, 'inner', Early(stack.inner.inner.inner))"
        f" or stack)({stack})"
    )
    replace(
        project / ASGI, f"                {stack},\n", f"                {wrong},\n"
    )
    server = serve()
    headers = Browser(server).log_in("ana").headers_at(server.url)
    with (
        pytest.raises(AssertionError, match="HTTP 500"),
        connect(server, address("garden"), additional_headers=headers),
    ):
        pass
    words = "Accessing scope user before it is ready"
    assert words in server.printed_within(words)


def test_related_table_is_a_query_too(project: Path, serve: object) -> None:
    line = "        self.name = self.user.get_username()\n"
    loop = "        for group in self.user.groups.all():\n            print(group)\n"
    replace(project / CONSUMERS, line, line + loop)
    server = serve()
    headers = Browser(server).log_in("ana").headers_at(server.url)
    with (
        pytest.raises(AssertionError, match="HTTP 500"),
        connect(server, address("garden"), additional_headers=headers),
    ):
        pass
    assert "SynchronousOnlyOperation" in server.printed_within("Synchronous")


def test_log_shows_the_query_string_of_a_page_and_not_of_a_websocket(
    serve: object,
) -> None:
    server = serve()
    browser = Browser(server).log_in("ana")
    browser.open("/login/?token=of-a-page")
    path = f"{address('garden')}?token=of-a-socket"
    headers = browser.headers_at(server.url)
    with connect(server, path, additional_headers=headers):
        printed = server.printed_within("WebSocket CONNECT")
    assert "token=of-a-page" in printed
    assert "WebSocket CONNECT /ws/rooms/garden/" in printed
    assert "of-a-socket" not in printed


def test_star_switches_the_origin_check_off_and_no_check_finds_it(
    project: Path, serve: object
) -> None:
    hosts = 'ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "").split()'
    replace(project / "config" / "settings.py", hosts, 'ALLOWED_HOSTS = ["*"]')
    server = serve()
    headers = Browser(server).log_in("ana").headers_at(server.url)
    del headers["Origin"]
    with connect(server, address("garden"), additional_headers=headers) as client:
        client.expect_json(type="welcome", name="ana")
    printed = manage(project, "check", "--deploy").stdout
    assert "DEBUG" in printed
    assert "'*'" not in printed
    assert "Origin" not in printed


@pytest.mark.parametrize(
    ("imported", "ours", "foreign"),
    [
        ("at the top", "http://localhost", "http://testserver"),
        ("in the test", "http://testserver", "http://localhost"),
    ],
)
def test_origin_check_depends_on_when_asgi_is_imported(
    project: Path, imported: str, ours: str, foreign: str
) -> None:
    statement = "from config.asgi import application"
    top, inside = (statement, "") if imported == "at the top" else ("", statement)
    (project / "chat" / "tests.py").write_text(
        f"""
import pytest
from channels.testing import WebsocketCommunicator
from django.test import AsyncClient
from django.contrib.auth import get_user_model
{top}

@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("origin", "is_ours"), [("{ours}", 1), ("{foreign}", 0)])
async def test_origin(origin, is_ours):
    {inside}
    browser = AsyncClient()
    user = await get_user_model().objects.acreate(username="ana")
    await browser.aforce_login(user)
    cookie = f"sessionid={{browser.cookies['sessionid'].value}}".encode()
    headers = [(b"cookie", cookie), (b"origin", origin.encode())]
    client = WebsocketCommunicator(application, "/ws/rooms/a/", headers=headers)
    accepted, _ = await client.connect()
    assert accepted == is_ours
    await client.disconnect()
""",
        encoding="utf-8",
    )
    assert "2 passed" in own_tests(project)


@pytest.mark.parametrize(
    ("mark", "words"),
    [("django_db(transaction=True)", "2 passed"), ("django_db", "1 failed, 1 passed")],
)
def test_what_async_code_writes_stays_without_transaction_true(
    project: Path, mark: str, words: str
) -> None:
    (project / "chat" / "tests.py").write_text(
        f"""
import pytest
from django.contrib.auth import get_user_model

@pytest.mark.{mark}
@pytest.mark.parametrize("time", ["first", "second"])
async def test_user_can_be_made(time):
    await get_user_model().objects.acreate(username="ana")
""",
        encoding="utf-8",
    )
    assert words in own_tests(project)


def own_tests(project: Path, *options: str) -> str:
    """Return what a project's own tests print."""
    environment = {
        name: value
        for name, value in clean_environment().items()
        if not name.startswith("PYTEST_")
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", *options],
        cwd=project,
        env=environment | {"NO_COLOR": "1", "PATH": os.environ["PATH"]},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    ).stdout
