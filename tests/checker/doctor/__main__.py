"""Look at a server from outside: `learn.py doctor` hands over to it."""

import sys

try:
    import argparse
    import re
    import threading
    import time
    from pathlib import Path

    from tests.checker.doctor import address, certificates, disk
    from tests.checker.doctor.report import Report
    from tests.checker.doctor.site import WHOLE, Clock, OutOfTimeError
    from tests.checker.doctor.visit import Wishes, visit
    from tests.checker.system import Refusal, exit_with, says_why
except KeyboardInterrupt:
    sys.exit(130)

LAST = 3  # Seconds that a step may take longer than all of them should.


def origin_of(text: str | None) -> str | None:
    """Read an Origin: scheme, host, port. Raises Refusal."""
    if text is None or text == "null":
        return text
    if not re.fullmatch("https?://[^/?#]+/?", text.strip(), re.IGNORECASE):
        words = f"{text} is no origin: that is a scheme, a host and a port, as in"
        raise Refusal(f"{words} http://127.0.0.1:8000")
    return address.read(text).origin


def login_of(text: str | None) -> tuple[str, str] | None:
    """Read a name and a password. Raises Refusal, which does not repeat them."""
    if text is None:
        return None
    name, colon, password = text.partition(":")
    if not colon or not name or not password:
        raise Refusal("--login takes a name and a password, as in ana:open-sesame")
    return name, password


def examine(options: argparse.Namespace) -> int:
    """Look at a server, and return the exit code. Raises Refusal for bad input."""
    report = Report(options.json)
    if page := address.disk_page(options.url):
        disk.look(page, report)
        return report.close()
    target = address.read(options.url)
    wishes = Wishes(
        certificates.trust_in(options.ca),
        origin_of(options.origin),
        login_of(options.login),
    )
    if not options.json:
        report.say(f"Looking at {target.url}")
    failed: list[BaseException] = []
    clock = Clock()

    def work() -> None:
        try:
            visit(target, wishes, report, clock)
        except OutOfTimeError:
            report.find("out-of-time", seconds=WHOLE)
        except Exception as error:  # It is told below, in words.
            failed.append(error)

    # Some waits of the system, such as a name's, cannot be ended: leave them behind.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    deadline = time.monotonic() + WHOLE + LAST
    while thread.is_alive() and time.monotonic() < deadline:
        thread.join(0.2)  # In short steps: Windows hears Ctrl-C between them only.
    if thread.is_alive():
        report.find("out-of-time", seconds=WHOLE)
    if failed:
        kind = type(failed[0]).__name__
        report.step("?", f"I could not look further: {kind}: {failed[0]}")
        report.find("doctor-failed", kind=kind)
    return report.close()


@says_why
def main() -> int:
    """Read the command line, and look."""
    parser = argparse.ArgumentParser(prog="python -m tests.checker.doctor")
    parser.add_argument("url")
    parser.add_argument("--ca", type=Path)
    parser.add_argument("--origin")
    parser.add_argument("--login", metavar="NAME:PASSWORD")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    return examine(options)


if __name__ == "__main__":
    exit_with(main)
