"""
What chapter 4 says about Django's login, Channels and browsers, observed again.
"""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from websockets.sync.client import connect as bare_connect

from tests.checker.accounts import Accounts, Browser, Visitors
from tests.checker.client import PATIENCE, WireError, connect, expect_refused
from tests.checker.rooms import address
from tests.checker.servers.runserver import Server, manage
from tests.docs.own_tests import own_tests
from tests.docs.test_facts_05 import TRY, first_bytes
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


# Its queries take as long as they are told to.
SLOW = """
import asyncio
import time

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth import get_user_model
from django.db import connections
from django.db.backends.signals import connection_created


def teach(connection, **details):
    connection.connection.create_function("sleep", 1, time.sleep)


connection_created.connect(teach)
USERS = get_user_model().objects.extra(where=["sleep(3) IS NULL"])


def is_open():
    connections["default"].ensure_connection()
    return connections["default"]


class ChatConsumer(AsyncWebsocketConsumer):
    async def receive(self, text_data):
        await self.send("begun")
        match text_data:
            case "aexists":
                await USERS.aexists()
            case "thread":
                await database_sync_to_async(USERS.exists, thread_sensitive=False)()
            case "connections":
                kept = (await asyncio.to_thread(is_open)).connection
                closed = await database_sync_to_async(is_open, thread_sensitive=False)()
                await self.send(f"{kept} {closed.connection}")
"""


@pytest.fixture
def slow(project: Path, accounts: Accounts, serve: object) -> Server:
    """A server that lets everybody in, with queries that take three seconds a user."""
    shell(accounts, "User.objects.all().delete(); User(username='ana').save()")
    (project / CONSUMERS).write_text(SLOW, encoding="utf-8")
    (project / "chat" / "apps.py").unlink()  # It reads what the consumers lack.
    asgi = project / ASGI
    asgi.write_text(
        asgi.read_text(encoding="utf-8").split("application = Proto")[0]
        + "application = ProtocolTypeRouter(\n"
        '    {"http": django_application,'
        ' "websocket": URLRouter(websocket_urlpatterns)}\n)\n',
        encoding="utf-8",
    )
    return serve()


@pytest.mark.parametrize(("way", "is_late"), [("aexists", True), ("thread", False)])
def test_query_of_one_consumer_delays_the_next_message_of_another(
    slow: Server, way: str, *, is_late: bool
) -> None:
    with (
        bare_connect(slow.url + address("tea"), proxy=None) as ana,
        bare_connect(slow.url + address("tea"), proxy=None) as ben,
    ):
        for each in (ana, ben):
            each.send("hi")
            assert each.recv() == "begun"
        asked = time.monotonic()
        ana.send(way)
        assert ana.recv() == "begun"
        ben.send("hi")
        assert ben.recv() == "begun"
        assert (time.monotonic() - asked > 2) == is_late
        ana.send("hi")  # The query has ended well.
        assert ana.recv() == "begun"


def test_connection_of_a_thread_is_closed_by_channels_and_not_by_asyncio(
    slow: Server,
) -> None:
    with bare_connect(slow.url + address("tea"), proxy=None) as ana:
        ana.send("connections")
        assert ana.recv() == "begun"
        kept, closed = ana.recv().rsplit(" ", 1)
    assert "Connection object" in kept
    assert closed == "None"


def shell(accounts: Accounts, code: str) -> list[str]:
    """Return the lines that some Python prints in the project's shell."""
    run = manage(
        accounts.project,
        *("shell", "--verbosity", "0", "--command", code),
        **accounts.environment,
    )
    assert run.returncode == 0, run.stdout
    return run.stdout.splitlines()


NOTE_QUERIES = """
LOGGING = {
    "version": 1,
    "handlers": {"note": {"class": "logging.StreamHandler"}},
    "loggers": {"django.db.backends": {"handlers": ["note"], "level": "DEBUG"}},
}

from django.db.backends.signals import connection_created

connection_created.connect(lambda **_: print("OPENED"), weak=False)
"""


def test_handshake_asks_four_times_and_a_message_twice(
    project: Path, serve: object, visitors: Visitors
) -> None:
    with (project / "config/settings.py").open("a", encoding="utf-8") as settings:
        settings.write(NOTE_QUERIES)
    server = serve()
    server.visitors = visitors
    visitors.browser(server, "ana")  # It logs in.
    start = server.position()
    with connect(server, address("tea", "ana")) as ana:
        ana.expect_json(type="welcome")
        ana.expect_json(type="join")
        assert server.printed(start).count("SELECT") == 4
        assert server.printed(start).count("OPENED") == 2
        start = server.position()
        ana.send_json(type="message", text="hi")
        ana.expect_json(type="message")
        assert server.printed(start).count("SELECT") == 2
        assert server.printed(start).count("OPENED") == 1


def test_expiry_age_counts_from_now(accounts: Accounts) -> None:
    lines = shell(
        accounts,
        "from django.contrib.sessions.backends.db import SessionStore\n"
        "from django.contrib.sessions.models import Session\n"
        "from datetime import timedelta\n"
        "store = SessionStore(); store['a'] = 1; store.save()\n"
        "row = Session.objects.get(pk=store.session_key)\n"
        "row.expire_date -= timedelta(days=10); row.save()\n"
        "print(SessionStore(store.session_key).get_expiry_age())\n",
    )
    assert lines == [str(14 * 24 * 60 * 60)]


# Same site, other origin


@pytest.mark.parametrize(
    ("site", "is_sent"),
    [("evil.localhost", True), ("localhost", False), ("chat.other.localhost", False)],
)
def test_chromium_keeps_to_same_site_but_a_subdomain_is_the_same_site(
    chromium: Chromium, site: str, *, is_sent: bool
) -> None:
    cookie = {"name": "sessionid", "value": "x", "sameSite": "Lax"}
    cookie |= {"domain": "chat.evil.localhost", "path": "/"}
    with (
        closing(chromium.new_context()) as context,
        first_bytes() as (port, came),
    ):
        context.add_cookies([cookie])
        page = context.new_page()
        page.goto(f"http://{site}:{port}/")
        page.evaluate(TRY, f"ws://chat.evil.localhost:{port}/ws/")
        while not (asked := came.get(timeout=PATIENCE)).startswith(b"GET /ws/"):
            continue  # The page, and its icon.
        assert (b"sessionid=x" in asked) == is_sent


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
    # The log says no reason, neither for this nor for a foreign Origin.
    start = server.position()
    foreign = {"Origin": "http://evil.example"}
    expect_refused(server, address("garden"), additional_headers=foreign)
    [line] = [
        line
        for line in server.printed_within("REJECT", start).splitlines()
        if "REJECT" in line
    ]
    assert re.fullmatch(r"WebSocket REJECT /ws/rooms/garden/\S* \[127[.\d:]+\]", line)


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
    assert "2 passed" in own_tests(project).stdout


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
    assert words in own_tests(project).stdout


LOGGED_OUT_CLOSES = {
    "db": "at once",
    "cached_db": "at the next message, or at once",
    "cache": "at the next message",
    "file": "at the next message",
    "signed_cookies": "never",
}


@pytest.mark.parametrize("engine", LOGGED_OUT_CLOSES)
def test_logout_is_told_by_sessions_in_the_database_only(
    project: Path, serve: Callable, engine: str
) -> None:
    settings = project / "config/settings.py"
    setting = f'\nSESSION_ENGINE = "django.contrib.sessions.backends.{engine}"\n'
    settings.write_text(settings.read_text(encoding="utf-8") + setting)
    server = serve()
    browser = Browser(server).log_in("ana")
    headers = browser.headers_at(server.url)
    with connect(server, address("garden"), additional_headers=headers) as ana:
        ana.expect_json(type="welcome", name="ana")
        ana.expect_json(type="join")
        ana.send_json(type="message", text="with a session")
        ana.expect_json(type="message", text="with a session")
        assert browser.log_out().status == 200
        closes = LOGGED_OUT_CLOSES[engine]
        if closes == "at once":
            ana.expect_close(4401)
            return
        with suppress(WireError):  # Who was told at once is gone.
            ana.send_json(type="message", text="still here?")
        if closes.startswith("at the next message"):
            ana.expect_close(4401)
        else:
            ana.expect_json(type="message", text="still here?")


def test_locked_database_closes_who_speaks_and_leaves_no_ghost(
    serve: Callable, accounts: Accounts
) -> None:
    server = serve()
    browsers = [Browser(server).log_in(name) for name in ("ana", "ben")]
    ana_, ben_ = (each.headers_at(server.url) for each in browsers)
    database = accounts.environment["CHECKS_DATABASE"]
    with (
        connect(server, address("garden"), additional_headers=ben_) as ben,
        connect(server, address("garden"), additional_headers=ana_) as ana,
        closing(sqlite3.connect(database, timeout=10)) as elsewhere,
    ):
        ana.expect_json(type="welcome")
        ana.expect_json(type="join", name="ana")
        elsewhere.execute("BEGIN EXCLUSIVE")
        ana.send_json(type="message", text="may I?")
        # Django waits for SQLite for 5 seconds.
        ana.expect_close(4503, within=10)
        elsewhere.rollback()
        while ben.expect_json().get("type") != "leave":
            pass


def test_login_lets_no_connection_ask_the_database(
    project: Path, serve: Callable
) -> None:
    replace(
        project / CONSUMERS,
        "    async def session_check(self, event=None):\n",
        "    async def session_check(self, event=None):\n"
        "        if event:\n"
        '            await self.send_json({"type": "asked"})\n',
    )
    server = serve()
    browser = Browser(server).log_in("ana")
    headers = browser.headers_at(server.url)
    with connect(server, address("garden"), additional_headers=headers) as ana:
        ana.expect_json(type="welcome")
        ana.expect_json(type="join")
        Browser(server).log_in("ana")
        ana.send_json(type="message", text="next")
        ana.expect_json(type="message", text="next")
        Browser(server).log_in("ana").log_out()
        ana.expect_json(type="asked")
