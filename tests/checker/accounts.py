"""
The users that the checks log in as, and what a browser does with a login: stages 4, 5.
"""

import json
import re
import ssl
import subprocess
import threading
import uuid
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException
from http.cookiejar import CookieJar
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import (
    HTTPCookieProcessor,
    HTTPRedirectHandler,
    HTTPSHandler,
    ProxyHandler,
    Request,
    build_opener,
)

import pytest

from tests.checker import ready
from tests.checker.client import HANDSHAKE, WireError, no_tls
from tests.checker.endpoint import Endpoint
from tests.checker.servers import output
from tests.checker.servers.runserver import (
    START,
    STOP,
    ServerError,
    cut_library_frames,
    launch_manage,
    manage,
)

USERS = ("ana", "ben", "cleo")
# Nobody's first name or mail address is taken for this one's name.
ODD_USER = "María.9@x+y"

# In one process: each takes most of a second to start.
CREATE_DATABASE = """
from django.core.management import call_command
call_command("migrate", verbosity=0, skip_checks=False)
from django.contrib.auth import get_user_model
for name in {names!r}:
    get_user_model().objects.create_user(name, password={password!r})
"""

CHANGE_USER = """
from django.contrib.auth import get_user_model
user = get_user_model().objects.get_by_natural_key({name!r})
{statement}
"""

PASSWORD = "swordfish"  # noqa: S105  # Of users who live for one run.

LARGEST = 16 * 1024 * 1024  # Bytes of a page. Nobody needs one.

# Made beforehand, because each process that makes one takes a second.
GUESTS = 100


class NoRedirect(HTTPRedirectHandler):
    """Leaves it to the browser to follow."""

    def redirect_request(self, *_arguments: object) -> None:
        """Follow nothing."""


class Page(NamedTuple):
    """What a server answers to a request over HTTP."""

    status: int
    url: str
    text: str
    headers: Mapping[str, str]


class Browser:
    """
    A browser without a screen: it keeps cookies, follows redirects, and fills forms.

    `server` is a WebSocket server, whose pages are at the same host. Who has no more
    than its address, ws:// or wss://, says whom to `trust`, unless it is this machine.
    """

    def __init__(
        self, server: Endpoint | str, trust: ssl.SSLContext | None = None
    ) -> None:
        if isinstance(server, str):
            server = Endpoint(server, trust)
        self.origin = server.origin
        self.jar = CookieJar()
        self.opener = build_opener(
            HTTPCookieProcessor(self.jar),
            HTTPSHandler(context=server.trust),
            ProxyHandler({}),
            NoRedirect(),
        )

    def open(self, path: str, fields: Mapping[str, str] | None = None) -> Page:
        """
        Ask for a page, or send it a form, and follow where that leads.

        Raises WireError if there is no answer.
        """
        url, form = self.origin + path, urlencode(fields).encode() if fields else None
        for _hop in range(5):
            # Over https, Django wants to know where a form was filled in.
            headers = {"Origin": self.origin, "Referer": url} if form else {}
            request = Request(url, form, headers)  # noqa: S310  # Our own server.
            try:
                response = self.opener.open(request, timeout=HANDSHAKE)
            except HTTPError as error:
                response = error
            except (OSError, HTTPException) as error:
                if isinstance(reason := getattr(error, "reason", None), ssl.SSLError):
                    raise no_tls(reason) from None
                raise WireError(
                    "no page", f"{path} over HTTP got no answer: {error}."
                ) from None
            with response:
                text = response.read(LARGEST).decode(errors="replace")
            target = response.headers.get("Location")
            if response.status not in (301, 302, 303) or target is None:
                return Page(response.status, url, text, response.headers)
            url = target if "://" in target else self.origin + target
            form = None
        raise WireError("redirects", f"{path} over HTTP redirects without end.")

    def submit(self, path: str, page: str, **fields: str) -> Page:
        """Send a form with the CSRF token of a page. Raises WireError without one."""
        form = self.open(page)
        token = re.search(
            r'name=["\']csrfmiddlewaretoken["\'] value=["\'](\w+)', form.text
        )
        if form.status != 200 or token is None:
            raise WireError(
                f"{page} {form.status}",
                f"{page} over HTTP gives {form.status}"
                + (", and a form without a CSRF token." if form.status == 200 else "."),
            )
        return self.open(path, {**fields, "csrfmiddlewaretoken": token[1]})

    def log_in(self, name: str, password: str = PASSWORD) -> "Browser":
        """Log in at /login/. Raises WireError unless that gives a session."""
        page = self.submit("/login/", "/login/", username=name, password=password)
        if not self.has_session():
            raise WireError(
                f"login {page.status}",
                f"The login of {name} ended with HTTP {page.status} at "
                f"{urlsplit(page.url).path}, and gave no session cookie.",
            )
        return self

    def log_out(self) -> Page:
        """Log out at /logout/, with a form as Django wants it."""
        # The token of any page does, and the login's can be asked for by anybody.
        return self.submit("/logout/", "/login/")

    def has_session(self) -> bool:
        """Say whether there is a cookie besides Django's for its forms."""
        return any(cookie.name != "csrftoken" for cookie in self.jar)

    def headers_at(self, server: str) -> dict[str, str]:
        """Return what a page of this address sends along with a handshake."""
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.jar)
        return {"Origin": Endpoint(server).origin} | (
            {"Cookie": cookies} if cookies else {}
        )


class Shell:
    """
    A `manage.py shell` that stays: to start one for each change takes half a second.

    Raises ServerError if it does not start, or if what it runs fails.
    """

    def __init__(self, project: Path, environment: Mapping[str, str]) -> None:
        self.project = project
        self.mark = uuid.uuid4().hex
        command = f"import checks_shell; checks_shell.serve({self.mark!r})"
        self.process = launch_manage(
            project,
            "shell",
            "--command",
            command,
            stdin=subprocess.PIPE,
            **environment,
        )

    def run(self, code: str) -> None:
        """Run some lines of Python, for 30 seconds at most."""
        # What hangs for ever would keep us waiting for its line. Killed, it ends.
        timer = threading.Timer(START, self.process.kill)
        timer.start()
        printed, words = [], f"ended, or ran for {START} seconds and was ended"
        try:
            with suppress(BrokenPipeError):  # Then it prints why.
                self.process.stdin.write(json.dumps(code) + "\n")
                self.process.stdin.flush()
            length = 0
            while line := self.process.stdout.readline(output.CHUNK):
                if f"{self.mark} done" in line:
                    return
                if self.mark in line:
                    words = "failed"
                    break
                printed.append(line)
                length += len(line)
                if length > output.AT_START:
                    self.process.kill()
                    words = "prints without end"
                    printed = [*printed[:100], output.SAYS_SO]
                    break
        finally:
            timer.cancel()
        error = ServerError(f"`manage.py shell` {words}.")
        error.printed = cut_library_frames("".join(printed), self.project)
        raise error

    def close(self) -> None:
        """End the process."""
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def settings_of(project: Path) -> str:
    """Ask Django, in the project's own process, which module its settings are in."""
    code = "import os; print('module', os.environ['DJANGO_SETTINGS_MODULE'])"
    run = manage(project, "shell", "-c", code)
    if found := re.search(r"^module (\S+)$", run.stdout, re.MULTILINE):
        return found[1]
    error = ServerError("manage.py names no settings: no DJANGO_SETTINGS_MODULE.")
    error.printed = run.stdout
    raise error


class Accounts:
    """
    A database of the checks for a project, with users in it.

    Every command goes through the project's own manage.py. Raises ServerError if one
    fails.
    """

    def __init__(self, project: Path, folder: Path) -> None:
        self.project = project
        code = (project / "manage.py").read_text(encoding="utf-8")
        settings = re.search(r"DJANGO_SETTINGS_MODULE[\"'], *[\"']([\w.]+)", code)
        self.environment = {
            "DJANGO_SETTINGS_MODULE": "checks_settings",
            "CHECKS_SETTINGS": settings[1] if settings else settings_of(project),
            "CHECKS_DATABASE": str(folder / "checks.sqlite3"),
        }
        guests = [f"guest-{number}" for number in range(GUESTS)]
        self.guests = iter(guests)
        self.shells: dict[tuple, Shell] = {}
        database = folder / "checks.sqlite3"
        kept = ready.place_of(project, "checks.sqlite3")
        if ready.take(kept, database):
            return
        names = [*USERS, ODD_USER, *guests]
        self.make_database(CREATE_DATABASE.format(names=names, password=PASSWORD))
        ready.keep(kept, database)

    def close(self) -> None:
        """End the shells."""
        for shell in self.shells.values():
            shell.close()

    def make_database(self, code: str) -> None:
        """Run what makes the database, in a `manage.py shell`."""
        words = ("shell", "--verbosity", "0", "--command", code)
        run = manage(self.project, *words, **self.environment)
        if run.returncode:
            error = ServerError("Django could not make a database with users in it.")
            error.printed = cut_library_frames(run.stdout, self.project)
            raise error

    def run(self, code: str, **environment: str) -> None:
        """Run some lines of Python in a `manage.py shell`, which is not the server."""
        shell = self.shells.get(tuple(environment.items()))
        if shell is None:
            shell = Shell(self.project, {**self.environment, **environment})
            self.shells[tuple(environment.items())] = shell
        shell.run(code)

    def new_user(self) -> str:
        """Return the name of a user that no other test has: it may be locked out."""
        return next(self.guests)

    def change(self, name: str, statement: str, **environment: str) -> None:
        """Do to a `user` what no server asked for, such as `user.delete()`."""
        self.run(CHANGE_USER.format(name=name, statement=statement), **environment)


class Visitors:
    """
    The users of the checks in their browsers. Each logs in once, when first needed.

    In an address of a room, `?name=ben` says that ben is the one who comes. That is how
    the checks of earlier stages say it; no server of stage 4 may believe it.
    """

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self.passwords = passwords
        self.browsers: dict[str, Browser] = {}

    def password(self, name: str) -> str:
        """Return a user's password. Skips the test if nobody has told it."""
        if name not in self.passwords:
            pytest.skip(f"needs to log in as {name}: --login {name}:PASSWORD")
        return self.passwords[name]

    def browser(self, server: Endpoint, name: str) -> Browser:
        """Return the browser of a user, who logs in at this server the first time."""
        if name not in self.browsers:
            self.browsers[name] = Browser(server).log_in(name, self.password(name))
        return self.browsers[name]

    def identify(self, server: Endpoint, path: str) -> dict[str, str]:
        """Return what the user whom a path names sends along with a handshake."""
        [name] = parse_qs(urlsplit(path).query).get("name", [USERS[0]])
        return self.headers(server, name if name in USERS else USERS[0])

    def headers(self, server: Endpoint, name: str) -> dict[str, str]:
        """Return what a page of a server sends along if this user is logged in."""
        return self.browser(server, name).headers_at(server.url)
