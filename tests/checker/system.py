"""
What learn.py and the programs that it starts ask of the system.

Standard library only: learn.py imports it before anything is installed.
"""

import contextlib
import errno
import ipaddress
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import NoReturn


class Refusal(Exception):  # noqa: N818
    """What the user can mend, in one sentence."""


def sentence(text: str) -> str:
    """End what is said with one full stop, or with its question mark."""
    return text if text.endswith(("?", "!")) else f"{text.rstrip('.')}."


Address = ipaddress.IPv4Address | ipaddress.IPv6Address

ROOT = Path(__file__).resolve().parent.parent.parent


def typed(path: Path) -> str:
    """Return a path the way the user would type it in the current folder."""
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return f'"{path}"' if " " in str(path) else str(path)


def learn(arguments: str) -> str:
    """Return a command line of learn.py that the user can copy."""
    python = "py" if os.name == "nt" else "python3"
    return f"{python} {typed(ROOT / 'learn.py')} {arguments}"


def page_title(host: str, port: int) -> str | None:
    """Return the title of the page that is served here, or None if nobody listens."""
    import html  # Not above: these take as long as the rest of a start.
    import http.client

    try:
        # The system itself answers at once, however busy the program is.
        socket.create_connection((host, port), timeout=0.1).close()
    except OSError:
        return None
    connection = http.client.HTTPConnection(host, port, timeout=1)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/")
            response = connection.getresponse()
            page = response.read1(65536).decode(errors="replace")
        except (OSError, http.client.HTTPException):
            return ""
    title = re.search("<title>(.*?)</title>", page, re.DOTALL | re.IGNORECASE)
    words = html.unescape(title[1]) if title else response.getheader("Server", "")
    return " ".join(words.split())[:60]


def is_free(address: Address, port: int) -> bool:
    """Tell whether a server can listen here. Raises OSError if it never could."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        # Connections that are over do not count: this sets SO_REUSEADDR where it may.
        socket.create_server((str(address), port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise
    return True


OF_THE_SITE = 8008  # The port of `docs`. No chapter uses it, nor one above it.


def need_free(address: Address, ports: Mapping[str, int], first: int = 8000) -> None:
    """
    Refuse ports that a server cannot have, and offer a free one: `first`, or above.

    `ports` are all that it needs, by the option with which each is chosen.
    """
    for option, port in ports.items():
        title = None
        try:
            # macOS and Windows let one server hide another: so knock, but only here.
            if address.is_loopback or address.is_unspecified:
                local = str(address) if address.is_loopback else "127.0.0.1"
                title = page_title(local, port)
            if title is None and is_free(address, port):
                continue
            others = (
                other for other in range(first, 9000) if other not in ports.values()
            )
            free = next(other for other in others if is_free(address, other))
        except PermissionError:
            words = f"the system reserves port {port}: choose another with {option}."
            raise Refusal(words) from None
        except OSError:
            words = f"cannot listen on {address}: this machine seems not to have it."
            raise Refusal(words) from None
        serving = f", which serves {title!r}" if title else ""
        raise Refusal(
            f"port {port} is in use by another program{serving}: "
            f"stop it, or choose another port with {option} {free}."
        )


def need_free_for_the_site(port: int) -> None:
    """Refuse a port that `docs` cannot have, and offer one that no chapter uses."""
    need_free(host_address("127.0.0.1"), {"--port": port}, OF_THE_SITE)


def port_number(text: str) -> int:
    """Read a TCP port."""
    if text not in map(str, range(1, 65536)):
        raise Refusal(f"{text} is not a port, which is a number from 1 to 65535.")
    return int(text)


def host_address(text: str) -> Address:
    """Read an address to listen on. No names: one name can mean several addresses."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if text == "localhost" else text)
    except ValueError:
        words = f"{text} is not an address: 127.0.0.1 is, and 0.0.0.0 means all."
        raise Refusal(words) from None
    if address.version == 6 and address.is_link_local:
        raise Refusal(f"no browser can open {text}, a link-local address: :: means all")
    return address


def server_url(text: str) -> str:
    """Read the address of a server."""
    if not text.startswith(("ws://", "wss://")):
        raise Refusal(
            f"{text} is not a WebSocket address, which begins with ws:// or wss://."
        )
    return text


# Where a hand-in hides no project: a fresh venv alone has thousands of folders.
NOT_SEARCHED = {"__MACOSX", "__pycache__", "node_modules", "site-packages"}
DEPTH = 3  # Folders in folders: a ZIP file in a ZIP file.
SEARCHED = 2000  # Folders. Somebody may have named their home.


def projects_below(folder: Path) -> list[Path]:
    """Return the folders below that hold a manage.py, the nearest only."""
    found, level = [], [folder]
    searched = 0
    for _ in range(DEPTH):
        below = []
        for each in level:
            searched += 1
            if searched > SEARCHED:
                return found
            with contextlib.suppress(OSError):
                below += sorted(
                    entry
                    for entry in each.iterdir()
                    if entry.name not in NOT_SEARCHED
                    and not entry.name.startswith(".")
                    and not (entry / "pyvenv.cfg").exists()
                    and entry.is_dir()
                )
        found += [each for each in below if (each / "manage.py").is_file()]
        level = [each for each in below if each not in found]
    return found


def project_folder(text: str | Path) -> Path:
    """
    Read the folder of a Django project.

    A hand-in that was unpacked is often a folder in a folder: the only project in
    there is the one that is meant.
    """
    folder = Path(text).resolve()
    if folder.name == "manage.py" and folder.is_file():
        folder = folder.parent
    if (folder / "manage.py").is_file():
        return folder
    if not folder.exists():
        raise Refusal(f"{typed(folder)} does not exist")
    if not folder.is_dir():
        unpack = ": unpack it first" if folder.suffix == ".zip" else ""
        raise Refusal(f"{typed(folder)} is a file, and no folder{unpack}")
    found = projects_below(folder)
    if len(found) == 1:
        return found[0]
    words = f"{typed(folder)} is not a Django project: it has no manage.py"
    if found:
        names = ", ".join(map(typed, found[:5]))
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        raise Refusal(f"{words}. These have one: {names}{more}. Name one of them")
    above = [each for each in folder.parents if (each / "manage.py").is_file()]
    raise Refusal(f"{words}. {typed(above[0])} has one" if above else words)


def become(*command: str | Path, cwd: Path, env: Mapping[str, str]) -> NoReturn:
    """Go on as another program, whose exit code is ours."""
    sys.stdout.flush()
    os.chdir(cwd)
    # Also ends what a script's `&` has set and a program inherits: no Ctrl-C for it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if os.name != "nt":
        os.execve(command[0], command, env)  # noqa: S606  # Ours, as a list.
    # On Windows nobody would wait for it. Ctrl-C reaches it there, too: it tidies up.
    signal.signal(signal.SIGINT, lambda *_: None)
    sys.exit(subprocess.call(command, env=env))


def says_why(main: Callable[[], int]) -> Callable[[], int]:
    """
    Return a program that says in a sentence what its user can mend, and returns 2.

    That is a Refusal, or an OSError. Who reads it has left: exit_with() knows of that.
    """

    @wraps(main)
    def told() -> int:
        try:
            return main()
        except BrokenPipeError:
            raise
        except (Refusal, OSError) as problem:
            print(f"learn.py: {sentence(str(problem))}", file=sys.stderr)
            return 2

    return told


def exit_with(main: Callable[[], int]) -> NoReturn:
    """
    Run a program to its end, and exit with the code that it returns.

    Ctrl-C and SIGTERM end it with 130, and it ends with 141 if who reads it has left.
    """
    try:
        # What it has started ends with it in both cases.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        code = main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    sys.exit(code)
