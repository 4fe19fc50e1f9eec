"""
Stage 4, exercise 5: a ticket for clients that have no cookie.
"""

import json
import time

import pytest

from tests.checker.accounts import Browser
from tests.checker.client import connect, expect_refused
from tests.checker.rooms import address

VALID = 5  # Seconds.


@pytest.fixture
def environment(layer):
    return layer


@pytest.fixture
def take_ticket(server, visitors):
    """Ask this server for a ticket, as a user who has logged in."""

    def take_ticket(browser=None):
        browser = browser or Browser(server).log_in("ana", visitors.password("ana"))
        page = browser.submit("/ticket/", "/login/")
        assert page.status == 200, f"POST /ticket/ is answered with {page.status}."
        return json.loads(page.text)["ticket"]

    return take_ticket


def with_ticket(room, ticket):
    return f"{address(room)}?ticket={ticket}"


def test_handshake_with_a_ticket_needs_no_cookie_and_no_origin(
    server, room, take_ticket
):
    path = with_ticket(room, take_ticket())
    with connect(server, path, additional_headers={}) as client:
        client.expect_json(type="welcome", name="ana", room=room)
        client.expect_json(type="join", name="ana")
        client.send_json(type="message", text="hi")
        client.expect_json(type="message", name="ana", text="hi")


def test_handshake_with_a_ticket_works_once(server, room, take_ticket):
    path = with_ticket(room, take_ticket())
    with connect(server, path, additional_headers={}):
        pass
    expect_refused(server, path, additional_headers={})


def test_handshake_with_an_old_ticket_is_refused_with_403(server, room, take_ticket):
    path = with_ticket(room, take_ticket())
    time.sleep(VALID + 1)
    expect_refused(server, path, additional_headers={})


@pytest.mark.parametrize("ticket", ["", "x", "ana", "%00", "x" * 5_000, "é"])
def test_handshake_with_a_made_up_ticket_is_refused_with_403(
    server, room, ticket, launched
):
    start = launched.position()
    expect_refused(server, with_ticket(room, ticket), additional_headers={})
    printed = launched.printed_within("Traceback", start)
    assert "Traceback" not in printed, "The server printed a traceback."


def test_handshake_with_a_cookie_still_needs_our_origin(server, room, visitors):
    headers = visitors.headers(server, "ana") | {"Origin": "http://evil.example"}
    expect_refused(server, address(room), additional_headers=headers)


def test_handshake_with_a_made_up_ticket_takes_no_cookie(server, room, visitors):
    headers = visitors.headers(server, "ana") | {"Origin": "http://evil.example"}
    expect_refused(server, with_ticket(room, "x"), additional_headers=headers)


def test_handshake_with_a_ticket_ends_with_the_session(server, room, take_ticket):
    browser = Browser(server).log_in("ana")
    path = with_ticket(room, take_ticket(browser))
    browser.log_out()
    expect_refused(server, path, additional_headers={})


def test_handshake_of_a_stranger_gets_no_ticket(server):
    page = Browser(server).submit("/ticket/", "/login/")
    assert "ticket" not in page.text or page.url != f"{server.origin}/ticket/", (
        f"Who has not logged in gets a ticket: {page.text}"
    )


def test_close_with_4401_after_logging_out_reaches_the_ticket_too(
    server, room, take_ticket
):
    browser = Browser(server).log_in("ana")
    path = with_ticket(room, take_ticket(browser))
    with connect(server, path, additional_headers={}) as client:
        client.expect_json(type="welcome", name="ana")
        browser.log_out()
        client.expect_close(4401)
