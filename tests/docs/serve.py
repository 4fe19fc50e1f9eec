"""
Serve the site, which follows every edit: what `learn.py docs` hands over to.

    python -m tests.docs.serve 127.0.0.1:8008

It is `mkdocs serve`, but says less: its address comes last. A stage that was edited so
that a page cannot show it is a sentence on that page, and the site is served on.
"""

import sys

try:
    import logging
    import os
    import threading
    from typing import Any

    from mkdocs.commands import serve as serving
    from mkdocs.livereload import LiveReloadServer

    from docs.shown.repository import ROOT, is_left
    from tests.checker.system import exit_with, need_free_for_the_site, says_why
except KeyboardInterrupt:
    sys.exit(130)


class Essence(logging.Handler):
    """Prints what the reader can mend, and the address when it answers."""

    def __init__(self) -> None:
        super().__init__()
        self.said: set[str] = set()  # In this build: pages show a file many times.

    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage()
        if record.levelno >= logging.WARNING:
            if words not in self.said:
                print(words, flush=True)
            self.said.add(words)
        elif words.startswith("Building"):
            self.said.clear()
        elif words.startswith(("Detected file changes", "Documentation built")):
            print(f"{words}.".replace("..", "."), flush=True)
        elif "Serving on " in words:
            address = words.partition("Serving on ")[2]
            print(f"Open {address}  Ctrl-C ends it.", flush=True)


class Quiet(LiveReloadServer):
    """Does not build again for what a run of a stage leaves, such as a database."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        schedule = self.observer.schedule

        def schedule_ours(handler: Any, path: str, **more: Any) -> Any:
            build_again = handler.on_any_event

            def on_any_event(event: Any) -> None:
                if not is_left(os.path.relpath(event.src_path, ROOT)):
                    build_again(event)

            handler.on_any_event = on_any_event
            return schedule(handler, path, **more)

        self.observer.schedule = schedule_ours


def note_failure(failure: threading.ExceptHookArgs) -> None:
    """
    Print what ends a thread, but for one that had no time to begin.

    MkDocs prints its address, then starts the thread that serves. Ctrl-C in between
    closes its socket first.
    """
    is_closed = "Invalid file descriptor: -1" in str(failure.exc_value)
    if not (is_closed and isinstance(failure.exc_value, ValueError)):
        threading.__excepthook__(failure)


@says_why
def main() -> int:
    """Serve the site until Ctrl-C."""
    threading.excepthook = note_failure
    # Its banner about MkDocs 2 is for those who maintain a site.
    os.environ |= {"NO_MKDOCS_2_WARNING": "1", "SHOW_FAULTS": "1"}
    log = logging.getLogger("mkdocs")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(Essence())
    try:
        serving.LiveReloadServer = Quiet
        serving.serve(dev_addr=sys.argv[1], strict=False)
    except OSError:
        # It listens when the site is built: somebody else may have come meanwhile.
        need_free_for_the_site(int(sys.argv[1].rpartition(":")[2]))
        raise
    return 0


if __name__ == "__main__":
    exit_with(main)
