"""What tests and the programs that they start wait with."""

import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

# A line for a program that a test sends a signal: it rests, a minute at the most. In
# steps, because a signal that comes between Python's last look for one and a system
# call that waits is not seen before that call ends.
REST = "for _ in range(1200): time.sleep(0.05)"


def ports_of_what_dies(holder: str, *words: Path, by: str) -> list[int]:
    """
    Run a program that holds servers and prints their ports, and end it by a signal.

    Returns the ports when the first server has gone, which may take it a moment.
    """
    tests = subprocess.Popen(
        [sys.executable, "-c", holder, *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with tests:
        ports = [int(port) for port in tests.stdout.readline().split()]
        with socket.create_connection(("127.0.0.1", ports[0]), timeout=5) as connection:
            tests.send_signal(getattr(signal, by))
            # The server's end of the connection goes away only with the server: by a
            # close or, where the system is in a hurry, by a reset.
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b""
    return ports


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
