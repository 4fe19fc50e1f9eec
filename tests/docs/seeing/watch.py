"""Ask the event loop, and the thread that all share, again and again: are you there?"""

import asyncio
import logging
import sys
import threading
import time
import traceback

from asgiref.sync import sync_to_async

PATIENCE = 0.3  # Seconds. Of whoever takes longer to answer, the stack is told.

logger = logging.getLogger(__name__)
watchers = []


def watched(application):
    """Return an ASGI application that is watched from its first connection on."""

    async def inner(scope, receive, send):
        if not watchers:
            await begin_to_watch(asyncio.get_running_loop())
        await application(scope, receive, send)

    return inner


async def begin_to_watch(loop):
    def ask_the_loop(answer):
        loop.call_soon_threadsafe(answer)

    def ask_the_thread(answer):
        asyncio.run_coroutine_threadsafe(sync_to_async(answer)(), loop)

    here = threading.get_ident()
    there = await sync_to_async(threading.get_ident)()
    for who in (
        ("event loop", here, ask_the_loop),
        ("shared thread", there, ask_the_thread),
    ):
        watchers.append(threading.Thread(target=watch, args=who, daemon=True))
        watchers[-1].start()


def watch(name, thread, ask):
    while True:
        answered = threading.Event()
        ask(answered.set)
        if not answered.wait(PATIENCE):
            stack = traceback.extract_stack(sys._current_frames()[thread])
            # The thread is asked through the loop: when that is busy, it is idle.
            if ours := [each for each in stack if "/chat/" in each.filename]:
                lines = "".join(traceback.format_list(ours[-2:]))
                logger.warning("The %s does not answer. It is here:\n%s", name, lines)
            answered.wait()
        time.sleep(0.1)
