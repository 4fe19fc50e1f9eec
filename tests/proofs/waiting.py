"""What tests and the programs that they start wait with."""

import socket
import time

import pytest

# A line for a program that a test sends a signal: it rests, a minute at the most. In
# steps, because a signal that comes between Python's last look for one and a system
# call that waits is not seen before that call ends.
REST = "for _ in range(1200): time.sleep(0.05)"


def wait_until_refused(port: int) -> None:
    """Return as soon as nobody listens on the port. Fails after 5 seconds."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            continue  # The server is just going away.
    pytest.fail(f"Somebody still listens on port {port} after 5 seconds.")
