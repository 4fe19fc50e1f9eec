"""What Channels and pytest-django start: chat/live.py, in a copy of stage 4."""

import pytest
from channels.testing import ChannelsLiveServerTestCase
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect


class LiveTests(ChannelsLiveServerTestCase):
    def test_stranger_is_refused(self):
        with (
            pytest.raises(InvalidStatus, match="403"),
            connect(
                f"{self.live_server_ws_url}/ws/rooms/garden/",
                origin=self.live_server_url,
                proxy=None,
            ),
        ):
            pass


@pytest.mark.django_db(transaction=True)
def test_live_server_knows_no_websocket(live_server):
    url = live_server.url.replace("http", "ws")
    with (
        pytest.raises(InvalidStatus, match="404"),
        connect(f"{url}/ws/rooms/garden/", proxy=None),
    ):
        pass
