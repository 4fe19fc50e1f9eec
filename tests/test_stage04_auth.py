"""
Stage 4, auth: the server knows who is speaking, and nobody can claim to be another.

The contract of `/ws/rooms/<room>/` and `/login/`, in the order handshake, messages,
close. It is checked in memory and on Redis, like that of stage 3.
"""

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from itertools import chain
from urllib.parse import urlsplit

import pytest

from tests import test_stage03_groups
from tests.checker.accounts import ODD_USER, Browser
from tests.checker.client import WireError, connect, expect_refused
from tests.checker.promises import kept
from tests.checker.rooms import address, join, texts_until
from tests.checker.servers.runserver import printed_at_rest

# Of the promises of stage 3, these are made anew, or otherwise. The clients of the
# others come as the user whom `?name=` names.
REPLACED = {
    "test_handshake_takes_the_name_from_the_query_string": "it is that of the user",
    "test_handshake_without_a_name_makes_a_guest": "a stranger is refused",
    "test_handshake_with_a_bad_name_is_refused_with_403": "what it says is not read",
    "test_handshake_that_is_refused_is_told_to_nobody": "it is a stranger's",
    "test_handshake_that_is_refused_raises_nothing_in_the_server": "strangers, too",
}
globals().update(kept(test_stage03_groups, REPLACED))

LOGGED_OUT = 4401
AWAY = 4503  # Its database, or Redis.

# What a browser never sends for our page (RFC 6455, section 10.2; RFC 6454).
FOREIGN_ORIGINS = {
    "another site": "http://evil.example",
    "another site with our port": "http://evil.example:{port}",
    "our name as its subdomain": "http://{host}.evil.example",
    "our name at its end": "http://evil{host}",
    "our name as its user": "http://{host}@evil.example",
    "null origin": "null",
    "two": "http://evil.example, http://{host}:{port}",
}

# What ends the right to speak, done in a process of its own.
OF_USER = "[s for s in Session.objects.all() if s.get_decoded()['_auth_user_id'] == id]"
SESSIONS = f"""
from django.contrib.sessions.models import Session
from django.utils.timezone import now
id = str(user.pk)
for session in {OF_USER}:
    """
# Whoever is told before the commit, and looks, finds the user as it was.
TRANSACTION = """
import time
from django.db import transaction
with transaction.atomic():
    user.is_active = False
    user.save()
    time.sleep(0.5)
"""
TOLD = {
    "deactivated": "user.is_active = False; user.save()",
    "in a transaction": TRANSACTION,
    "password changed": "user.set_password('another'); user.save()",
    "user deleted": "user.delete()",
    "session deleted": SESSIONS + "session.delete()",
}
# Nobody is told of these: they are found out.
UNTOLD = {
    "deactivated in bulk": "type(user).objects.filter(pk=user.pk)"
    ".update(is_active=False)",
    "session expired": SESSIONS + "session.expire_date = now(); session.save()",
}


@pytest.fixture
def headers(server, visitors):
    """What ana's browser sends along with a handshake."""
    return visitors.headers(server, "ana")


@pytest.fixture
def browser(server, visitors):
    """Another browser, in which ana logs in. It may log out."""
    return Browser(server).log_in("ana", visitors.password("ana"))


@pytest.fixture
def guest(server, accounts):
    """The browser of a user that this test may lock out, and the user's name."""
    name = accounts.new_user()
    return Browser(server).log_in(name), name


@pytest.fixture
def change(accounts, environment):
    """Change a user in a process of its own, which uses the Redis of the server."""
    return partial(accounts.change, **environment)


@contextmanager
def enter_from(browser, server, room, name):
    """Join a room with the session of a browser."""
    with connect(
        server, address(room), additional_headers=browser.headers_at(server.url)
    ) as client:
        client.expect_json(type="welcome", room=room, name=name)
        client.expect_json(type="join", name=name)
        yield client


def test_handshake_of_a_stranger_is_refused_with_403(server, room):
    headers = {"Origin": server.origin}
    expect_refused(server, address(room, "ana"), additional_headers=headers)


def test_handshake_of_a_stranger_is_told_to_nobody(enter_room, server, room):
    with enter_room("ana") as ana:
        headers = {"Origin": server.origin}
        expect_refused(server, address(room, "ben"), additional_headers=headers)
        # A join or a leave would come before this.
        ana.send_json(type="message", text="nobody new")
        ana.expect_json(type="message", text="nobody new")


@pytest.mark.parametrize(
    "cookie",
    ["sessionid=x", f"sessionid={'0' * 32}", "sessionid=", "=;=,;;", "csrftoken=1"],
    ids=["short key", "unknown key", "empty key", "broken", "another"],
)
def test_handshake_with_a_made_up_session_is_refused_with_403(server, room, cookie):
    headers = {"Origin": server.origin, "Cookie": cookie}
    expect_refused(server, address(room, "ana"), additional_headers=headers)


def test_handshake_without_an_origin_is_refused_with_403(server, room, headers):
    del headers["Origin"]
    expect_refused(server, address(room), additional_headers=headers)


@pytest.mark.parametrize("kind", FOREIGN_ORIGINS)
def test_handshake_from_a_foreign_origin_is_refused_with_403(
    server, room, headers, kind
):
    parts = urlsplit(server.url)
    foreign = FOREIGN_ORIGINS[kind].format(host=parts.hostname, port=parts.port)
    headers["Origin"] = foreign
    expect_refused(server, address(room), additional_headers=headers)


def test_handshake_with_a_session_and_our_origin_is_accepted(server, room, headers):
    with connect(server, address(room), additional_headers=headers) as client:
        client.expect_json(type="welcome", room=room, name="ana")


def test_handshake_that_is_refused_raises_nothing_in_the_server(server, room, launched):
    start = launched.position()
    for path in ["/ws/nowhere/", "/ws/rooms/a.b/"]:
        expect_refused(server, path)
    for cookie in ("", "sessionid=x", "=;=,;;"):
        headers = {"Origin": server.origin, "Cookie": cookie}
        expect_refused(server, address(room), additional_headers=headers)
    printed = printed_at_rest(launched, start)
    assert "Traceback" not in printed, "The server printed a traceback."


@pytest.mark.parametrize(
    "query", ["?name=ben", "?name=", f"?name={'x' * 31}", "?user=ben"]
)
def test_handshake_takes_the_name_from_the_user_not_the_url(
    server, room, headers, query
):
    path = address(room) + query
    with connect(server, path, additional_headers=headers) as client:
        client.expect_json(type="welcome", room=room, name="ana")
        client.expect_json(type="join", name="ana")


def test_handshake_takes_the_name_as_it_is(server, room, visitors):
    headers = visitors.headers(server, ODD_USER)
    with connect(server, address(room), additional_headers=headers) as client:
        client.expect_json(type="welcome", room=room, name=ODD_USER)


def test_handshake_after_logging_out_is_refused_with_403(server, room, browser):
    headers = browser.headers_at(server.url)
    page = browser.log_out()
    assert page.status == 200, f"/logout/ is answered with {page.status}."
    expect_refused(server, address(room), additional_headers=headers)


@pytest.mark.parametrize("kind", TOLD | UNTOLD)
def test_handshake_with_a_session_that_has_ended_is_refused_with_403(
    server, room, guest, change, kind
):
    browser, name = guest
    change(name, (TOLD | UNTOLD)[kind])
    expect_refused(
        server, address(room), additional_headers=browser.headers_at(server.url)
    )


def test_handshake_needs_a_login_with_the_right_password(server):
    browser = Browser(server)
    fields = {"username": "ana", "password": "wrong"}
    page = browser.submit("/login/", "/login/", **fields)
    assert page.status == 200, f"A wrong password is answered with {page.status}."
    assert not browser.has_session(), "A wrong password gives a session."


def test_handshake_needs_a_login_by_a_form_of_ours(server, visitors):
    browser = Browser(server)
    fields = {"username": "ana", "password": visitors.password("ana")}
    page = browser.open("/login/", fields)
    assert page.status == 403, (
        f"A login without a CSRF token is answered with {page.status}, not with 403."
    )
    assert not browser.has_session(), "A login without a CSRF token gives a session."


def test_handshake_begins_on_a_page_that_leads_to_the_login_and_back(
    server, room, visitors
):
    browser = Browser(server)
    page = browser.open(f"/rooms/{room}/")
    assert urlsplit(page.url).path == "/login/", (
        f"Without a login, the page of a room leads to {page.url}, not to /login/."
    )
    target = page.url.removeprefix(server.origin)
    fields = {"username": "ana", "password": visitors.password("ana")}
    page = browser.submit(target, target, **fields)
    assert (page.status, urlsplit(page.url).path) == (200, f"/rooms/{room}/"), (
        f"After the login comes {page.url} with {page.status}, not the room."
    )


def test_message_carries_the_name_of_the_user(enter_room, room):
    with enter_room("ana") as ana, enter_room("ben") as ben:
        ana.expect_json(type="join", name="ben")
        forged = {"name": "ben", "user": "ben", "room": "elsewhere"}
        ana.send_json(type="message", text="it's me", **forged)
        for each in (ana, ben):
            each.expect_json(type="message", name="ana", room=room, text="it's me")


@pytest.mark.parametrize("kind", TOLD | UNTOLD)
def test_message_after_the_session_has_ended_is_answered_with_4401_and_not_passed_on(
    enter_room, server, room, guest, change, kind
):
    browser, name = guest
    with enter_room("ben") as ben, enter_from(browser, server, room, name) as client:
        ben.expect_json(type="join", name=name)
        change(name, (TOLD | UNTOLD)[kind])
        with suppress(WireError):  # Who has been told is gone by now.
            client.send_json(type="message", text="may I?")
        client.expect_close(LOGGED_OUT)
        ben.expect_json(type="leave", name=name)
        ben.send_json(type="message", text="I may")
        ben.expect_json(type="message", text="I may")


def test_close_with_4401_after_logging_out(enter_room, server, room, browser):
    with (
        enter_room("ben") as ben,
        enter_from(browser, server, room, "ana") as first,
        enter_from(browser, server, f"{room}-2", "ana") as second,
    ):
        ben.expect_json(type="join", name="ana")
        page = browser.log_out()
        assert page.status == 200, f"/logout/ is answered with {page.status}."
        for each in (first, second):
            each.expect_close(LOGGED_OUT)
        ben.expect_json(type="leave", name="ana")


def test_close_after_logging_out_spares_the_other_sessions(
    enter_room, server, room, browser
):
    with (
        enter_room("ana") as elsewhere,
        enter_room("ben") as ben,
        enter_from(browser, server, room, "ana") as client,
    ):
        browser.log_out()
        client.expect_close(LOGGED_OUT)
        for each in (elsewhere, ben):
            each.send_json(type="message", text="still here")
        for each in (elsewhere, ben):
            assert "still here" in texts_until(each, "still here")
            each.expect_open()


def test_close_comes_to_nobody_who_logs_in_a_second_time(enter_room, server, visitors):
    with enter_room("ana") as ana:
        Browser(server).log_in("ana", visitors.password("ana"))
        ana.send_json(type="message", text="still here")
        ana.expect_json(type="message", text="still here")


@pytest.mark.patient
def test_close_with_4401_after_logging_out_at_the_other_server(start, redis, room):
    first, second = start(REDIS_URL=redis.url), start(REDIS_URL=redis.url)
    browser = Browser(first).log_in("ana")
    with enter_from(browser, second, room, "ana") as client:
        browser.log_out()
        client.expect_close(LOGGED_OUT)


@pytest.mark.patient
@pytest.mark.parametrize("kind", TOLD)
def test_close_with_4401_on_redis_as_soon_as_it_is_known(
    start, redis, room, accounts, kind
):
    server = start(REDIS_URL=redis.url)
    name = accounts.new_user()
    browsers = [Browser(server).log_in(name) for _ in range(2)]
    with (
        join(server, f"{room}-2", "ben") as ben,
        enter_from(browsers[0], server, room, name) as first,
        enter_from(browsers[1], server, room, name) as second,
    ):
        accounts.change(name, TOLD[kind], REDIS_URL=redis.url)
        for each in (first, second):
            each.expect_close(LOGGED_OUT)
        ben.expect_open()


def expect_end(client, layer):
    """
    Fail unless a connection has ended with its session: one of a crowd that goes.

    Two things are not in the hands of a project. channels_redis loses an event if its
    reader leaves at that moment, so a message must show it. And Daphne may hang up when
    the code is not on its way yet, at the end of a second: in a crowd, often.
    """
    try:
        client.expect_close(LOGGED_OUT)
    except WireError as error:
        if error.symptom.startswith("left open") and "REDIS_URL" in layer:
            client.send_json(type="message", text="May I?")
            client.expect_close(LOGGED_OUT)
        elif error.symptom != f"close 1006 for {LOGGED_OUT}":
            raise


@pytest.mark.patient
def test_close_with_4401_of_whoever_connects_while_logging_out(
    server, room, visitors, layer
):
    for _round in range(5):
        browser = Browser(server).log_in("ana", visitors.password("ana"))
        headers = browser.headers_at(server.url)
        with ExitStack() as stack, ThreadPoolExecutor(8) as pool:

            def keep_coming(_number, headers=headers, stack=stack):
                clients = []
                # Until the door is shut: somebody is in it when the logout comes.
                with suppress(WireError):
                    for _visit in range(12):
                        options = {"additional_headers": headers}
                        opened = connect(server, address(room), **options)
                        clients.append(stack.enter_context(opened))
                return clients

            waiting = pool.map(keep_coming, range(8))
            browser.log_out()
            for client in chain.from_iterable(waiting):
                expect_end(client, layer)


@contextmanager
def without_tables(database):
    """Rename all tables of a database for a while: as good as if it were away."""
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        names = [name for (name,) in connection.execute(query)]
        names = [name for name in names if not name.startswith("sqlite_")]
        for name in names:
            connection.execute(f'ALTER TABLE "{name}" RENAME TO "{name}_gone"')
        connection.commit()
        try:
            yield
        finally:
            for name in names:
                connection.execute(f'ALTER TABLE "{name}_gone" RENAME TO "{name}"')
            connection.commit()


@pytest.mark.patient
def test_close_with_4503_while_the_database_is_away_and_no_ghost_stays(
    start, room, database, tmp_path
):
    copy = shutil.copy(database["CHECKS_DATABASE"], tmp_path / "copy.sqlite3")
    server = start(CHECKS_DATABASE=str(copy))
    browsers = {name: Browser(server).log_in(name) for name in ("ana", "ben")}
    headers = browsers["ana"].headers_at(server.url)
    with (
        enter_from(browsers["ben"], server, room, "ben") as ben,
        enter_from(browsers["ana"], server, room, "ana") as ana,
    ):
        ben.expect_json(type="join", name="ana")
        with without_tables(copy):
            ana.send_json(type="message", text="may I?")
            ana.expect_close(AWAY)
            with connect(server, address(room), additional_headers=headers) as newcomer:
                newcomer.expect_close(AWAY)
        ben.expect_json(type="leave", name="ana")
        ben.send_json(type="message", text="still here")
        ben.expect_json(type="message", text="still here")


@pytest.mark.patient
def test_close_of_a_session_needs_no_redis(start, own_redis, room):
    server = start(REDIS_URL=own_redis.url)
    browser = Browser(server).log_in("ana")
    with enter_from(browser, server, room, "ana"):
        test_stage03_groups.expect_in_redis(own_redis)  # Or it is no loss.
    own_redis.stop()
    page = browser.log_out()
    assert page.status == 200, (
        f"While Redis is away, /logout/ is answered with {page.status}."
    )
    own_redis.start()
    headers = browser.headers_at(server.url)
    expect_refused(server, address(room), additional_headers=headers)
