"""
Python runs this inside every server that the tests start, before Django.

`tests/checker/server.py` puts this folder on the server's PYTHONPATH.
"""

import asyncio
import gc
import os
import sys
import threading
import warnings
from collections.abc import Coroutine


def serve_the_tests() -> None:
    """Count what the tests ask for, and end when their pipe is closed."""
    loops: list[asyncio.AbstractEventLoop] = []
    # The system closes the pipe however the tests end, even if they are killed.
    while asked := os.read(0, 1):
        if asked == b"!":
            answer = f"unseen exceptions: {unseen_exceptions()}\n"
        else:
            loops = loops or running_loops()
            unfinished = sum(len(asyncio.all_tasks(loop)) for loop in loops)
            answer = f"unfinished tasks: {unfinished}\n"
        # Whole: between the two writes of print(), another thread may say something.
        os.write(2, answer.encode())
    os._exit(1)


def running_loops() -> list[asyncio.AbstractEventLoop]:
    """Return the event loops of this process that run: Daphne's own."""
    # isinstance() would ask each object, and wake up what Django keeps lazy.
    loops = [
        each
        for each in gc.get_objects()
        if issubclass(type(each), asyncio.AbstractEventLoop)
    ]
    return [loop for loop in loops if loop.is_running()]


def unseen_exceptions() -> int:
    """Return how many tasks have ended with an exception that nobody has looked at."""
    # Daphne looks once a second, and prints it. Whoever forgets a task never looks:
    # then asyncio prints it, when the task is collected.
    tasks = [each for each in gc.get_objects() if issubclass(type(each), asyncio.Task)]
    return sum(task.done() and task._log_traceback for task in tasks)


def report_forgotten_await(coroutine: Coroutine) -> None:
    """Print that nobody awaited a coroutine and, if known, where it was made."""
    print(f"coroutine '{coroutine.__qualname__}' was never awaited", file=sys.stderr)
    # Python keeps track of origins in the main thread only, where we ask for it.
    if coroutine.cr_origin:
        file, line, _function = coroutine.cr_origin[0]
        print(f'  File "{file}", line {line}', file=sys.stderr)


def bound_files() -> None:
    """Let no file of this process, or of a child, become larger than the tests say."""
    if limit := os.environ.get("CHECKS_LARGEST_FILE"):
        try:
            import resource  # Not on Windows.
        except ImportError:
            return
        _soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        if hard == resource.RLIM_INFINITY or int(limit) <= hard:
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), hard))


bound_files()
threading.Thread(target=serve_the_tests, daemon=True).start()

# Twisted, which Daphne is built on, swallows Python's own warning.
sys.set_coroutine_origin_tracking_depth(1)
warnings._warn_unawaited_coroutine = report_forgotten_await
