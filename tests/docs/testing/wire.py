"""A test on the wire: chat/wire.py, in a copy of stage 4."""

import socket
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

PATIENCE = 10  # Seconds. Every wait has an end.


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """Daphne, on a port that nobody has, until the last test has ended."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    command = ["-m", "daphne", "-p", str(port), "config.asgi:application"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, *command], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_for(port, process, log)
        yield f"ws://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def wait_for(port, process, log):
    """Wait until somebody listens. If nobody does, say what the server printed."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    pytest.fail(f"The server does not listen.\n{log.read_text()}")


def test_stranger_is_refused(server):
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(f"{server}/ws/rooms/garden/", origin="http://127.0.0.1", proxy=None),
    ):
        pass
    assert refused.value.response.status_code == 403
