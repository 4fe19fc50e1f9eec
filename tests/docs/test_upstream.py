"""
What the page for Daphne's authors says, observed again.

Whether Daphne has tidied up is not left to chance: each test sees to that.
"""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("daphne_stop.py")
pytestmark = pytest.mark.recorded(PROGRAM)

TOLD = "received 4001 (private use); then sent 4001 (private use)\n"
NOT_TOLD = "no close frame received or sent\n"
CAUSE = "KeyError: 'application_instance'"

NEVER_TIDIES_UP = "Server.application_checker = lambda self: None\n"
# As the page says that it could be mended.
MENDED = """import inspect, textwrap
import daphne.server
source = textwrap.dedent(inspect.getsource(Server.kill_all_applications))
mended = source.replace(
    'details["application_instance"]', 'details.get("application_instance")'
).replace("if not app", "if application_instance and not app")
assert mended.count("application_instance and not") == mended.count(".get(") == 1
exec(mended, vars(daphne.server))
Server.kill_all_applications = daphne.server.kill_all_applications
"""

STOPS = "        reactor.callFromThread(reactor.stop)\n"
SENDS = "        other.sendall(HALF_A_REQUEST)\n"
ACCEPTS = '    await send({"type": "websocket.accept"})\n'
ANSWERS = """    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"A page."})
        return
"""
ENDS = """    if scope["path"] == "/ends":
        return
"""
COMES_TOO = """        ends = f"ws://{host}:{port}/ends"
        stays = connect(ends, proxy=None).__enter__()
"""


def asks(request: bytes) -> str:
    """Return what makes the other client send a request and wait for the answer."""
    return f"        other.sendall({request!r})\n        assert other.recv(1)\n"


def run(*words: str, first: str = "", changes: dict | None = None) -> tuple[str, str]:
    """Run the program with some lines changed. Returns what it prints, and its log."""
    source = PROGRAM.read_text(encoding="utf-8")
    for old, new in (changes or {}).items():
        assert source.count(old) == 1
        source = source.replace(old, new)
    code = f"import sys\nfrom daphne.server import Server\n{first}{source}"
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.stdout, done.stderr


def test_all_are_told_when_the_handshake_is_two_seconds_old() -> None:
    # Daphne has tidied up: its timer of a second ends before ours of two.
    assert run("2") == (TOLD, "")


def test_nobody_is_told_right_after_a_handshake() -> None:
    said, logged = run("0", first=NEVER_TIDIES_UP)
    assert said == NOT_TOLD
    assert logged.splitlines()[-1] == CAUSE


def test_nobody_is_told_while_half_a_request_has_come() -> None:
    said, logged = run("2", "half")
    assert said == NOT_TOLD
    assert logged.splitlines()[-1] == CAUSE


def test_nobody_is_told_after_a_request_that_was_refused_early() -> None:
    bad = asks(b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n")
    said, logged = run("2", changes={STOPS: f"        {NEVER_TIDIES_UP}{bad}{STOPS}"})
    assert said == NOT_TOLD
    assert logged.splitlines()[-1] == CAUSE


def test_nobody_is_told_while_a_client_stays_whose_application_has_ended() -> None:
    said, logged = run("2", changes={ACCEPTS: ACCEPTS + ENDS, SENDS: COMES_TOO})
    assert said == NOT_TOLD
    assert logged.splitlines()[-1] == CAUSE


def test_all_are_told_right_after_a_page() -> None:
    page = asks(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    stop = f"        {NEVER_TIDIES_UP}{page}{STOPS}"
    assert run("2", changes={STOPS: stop, ACCEPTS: ANSWERS + ACCEPTS}) == (TOLD, "")


@pytest.mark.parametrize("words", [("0",), ("2",), ("2", "half")], ids=" ".join)
def test_all_are_told_when_it_is_mended(words: tuple[str, ...]) -> None:
    assert run(*words, first=MENDED) == (TOLD, "")


def test_nothing_of_it_is_logged_by_default() -> None:
    assert run("2", "half", changes={"verbosity=2": "verbosity=1"}) == (NOT_TOLD, "")
