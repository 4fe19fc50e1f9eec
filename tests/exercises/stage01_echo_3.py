"""
Stage 1, exercise 3: every path but the echo's is refused with 403, and raises nothing.
"""

import pytest

from tests.checker.client import expect_refused
from tests.checker.servers.runserver import printed_at_rest

PATHS = ["/", "/ws/", "/ws/echo", "/ws/echo/more/", "/ws/nowhere/"]


def test_handshake_of_the_echo_is_let_in(connect):
    with connect("/ws/echo/") as client:
        client.send("hi")
        client.expect("hi")


@pytest.mark.parametrize("path", PATHS)
def test_handshake_of_any_other_path_is_refused_with_403(server, path):
    expect_refused(server, path)


def test_handshake_that_is_refused_raises_nothing_in_the_server(server, launched):
    start = launched.position()
    for path in PATHS:
        expect_refused(server, path)
    printed = printed_at_rest(launched, start)
    assert "Traceback" not in printed, "The server printed a traceback."
