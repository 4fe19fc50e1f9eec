"""
Stage 2, exercise 4: who offers chat.v1 gets it, and who offers nothing comes in too.
"""

import pytest

from tests.checker.client import WireError
from tests.checker.rooms import enter, fresh_room


@pytest.mark.parametrize(
    "offer",
    [["chat.v1"], ["chat.v1", "chat.v0"], ["chat.v0", "chat.v1"]],
    ids=", ".join,
)
def test_handshake_accepts_the_subprotocol_that_is_offered(server, offer):
    with enter(server, fresh_room(), subprotocols=offer) as client:
        assert client.subprotocol == "chat.v1", (
            f"The client offered {offer}, and the server accepted {client.subprotocol}."
        )


def test_handshake_that_offers_only_what_is_unknown_is_answered(server):
    try:
        with enter(server, fresh_room(), subprotocols=["chat.v2"]) as client:
            assert client.subprotocol is None
    except WireError as error:
        if error.symptom != "HTTP 403":
            raise


def test_handshake_without_an_offer_accepts_no_subprotocol(server):
    # A subprotocol that was not offered would end this handshake.
    with enter(server, fresh_room()) as client:
        assert client.subprotocol is None
