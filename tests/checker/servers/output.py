"""
What programs of a project print: kept in bounds, however much that is.

A log grows no further than a limit that the system keeps for the server itself
(inside_server/), and is read from both its ends. A pipe is read as fast as it fills;
what does not fit is dropped, and whoever goes on without end is ended.
"""

import subprocess
import threading
from collections import deque
from pathlib import Path

KIB = 1024
MIB = 1024 * KIB
MOST = 32 * MIB  # Bytes of a log, or of a pipe. The checks of a stage make one or two.
AT_START = 2 * MIB  # Bytes of a server that does not listen yet.
EDGE = 256 * KIB  # Bytes that are read at each end. A crowd's log has fewer.
CHUNK = 64 * KIB
REST = 2  # Seconds that the last of a pipe may take.

# The variable that tells inside_server/ how large a file may become.
LIMIT = "CHECKS_LARGEST_FILE"

ENDLESS = "It prints without end"
SAYS_SO = f"\n[{ENDLESS}: the checks have stopped to listen.]\n"


def read(log: Path, since: int = 0) -> bytes:
    """Return what stands in a log after a position: the first and the last of it."""
    with log.open("rb") as file:
        file.seek(since)
        first = file.read(2 * EDGE)
        left = file.seek(0, 2) - since - len(first)
        if left <= 0:
            return first
        file.seek(max(-EDGE, -left), 2)
        last = file.read(EDGE)
    between = max(0, left - EDGE)
    return first + (dropped(between) if between else b"") + last


def dropped(number: int) -> bytes:
    """Say how much is left out, on a line of its own."""
    return f"\n[… {number:,} bytes left out …]\n".encode()


def size(log: Path) -> int:
    """Return how many bytes a log has: 0 if nothing was printed yet."""
    try:
        return log.stat().st_size
    except FileNotFoundError:
        return 0


class Reader(threading.Thread):
    """Reads the pipe of a program to its end, and kills it if there is none."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(daemon=True)
        self.process = process
        self.stream = process.stdout
        self.first: list[str] = []
        self.last: deque[str] = deque(maxlen=EDGE // CHUNK)
        self.length = 0
        self.is_endless = False

    def run(self) -> None:
        """Read, and close the pipe. What does not fit is dropped."""
        with self.stream:
            while chunk := self.stream.read(CHUNK):
                edge = self.first if self.length < EDGE else self.last
                edge.append(chunk)
                self.length += len(chunk)
                if self.length > MOST:
                    self.is_endless = True
                    self.process.kill()
                    return

    @property
    def text(self) -> str:
        """What was printed, or the first and the last of it."""
        kept = sum(map(len, (*self.first, *self.last)))
        between = dropped(self.length - kept).decode() if self.length > kept else ""
        ending = SAYS_SO if self.is_endless else ""
        return "".join([*self.first, between, *self.last, ending])


def communicate(process: subprocess.Popen[str], seconds: float) -> str:
    """
    Return what a program prints to a pipe until it ends. Closes the pipe.

    Raises subprocess.TimeoutExpired, and kills it, if it takes longer. One that prints
    without end is killed, and its last line says so.
    """
    reader = Reader(process)
    reader.start()
    reader.join(seconds)
    is_late = reader.is_alive()
    if is_late:
        process.kill()
        reader.join(REST)
    process.wait()
    # What it has left behind may hold the pipe still. Nobody waits for that: the reader
    # closes it, once it ends.
    process.stdout = None
    if is_late:
        raise subprocess.TimeoutExpired(process.args, seconds, reader.text)
    return reader.text
