"""
Run a program that ends with the tests, whatever way they end.

    python -m tests.checker.servers.lifeline redis-server --port 6379

Our servers in Python watch their standard input themselves: inside_server/. For a
program that doesn't, this process does. The tests hold the other end of that pipe, and
the system closes it even if they are killed. If this process is killed, too, Linux ends
the program.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from types import FrameType

PR_SET_PDEATHSIG = 1  # Of <linux/prctl.h>.
STOP = 5  # Seconds that the program has to end by itself.


def end_with_the_tests(program: subprocess.Popen) -> None:
    """Stop the program when the tests' end of our standard input is closed."""
    os.read(0, 1)
    program.terminate()
    with suppress(subprocess.TimeoutExpired):
        program.wait(STOP)
    program.kill()


def end_with_us() -> None:
    """Ask the system to kill the program when this process has ended: prctl(2)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> int:
    """Run the program that the arguments name, and return its exit status."""
    program = subprocess.Popen(
        sys.argv[1:],
        stdin=subprocess.DEVNULL,
        preexec_fn=end_with_us if sys.platform == "linux" else None,
    )

    def pass_on(number: int, _frame: FrameType | None) -> None:
        program.send_signal(number)

    # A signal that ended only this process would leave the program alone in the world.
    signal.signal(signal.SIGINT, pass_on)
    signal.signal(signal.SIGTERM, pass_on)
    threading.Thread(target=end_with_the_tests, args=[program], daemon=True).start()
    return program.wait()


if __name__ == "__main__":
    sys.exit(main())
