"""
The page and its files are served, to those who may ask. No browser is needed.
"""

import re
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

import pytest

from tests.checker.accounts import PASSWORD, Browser
from tests.checker.servers.runserver import Server
from tests.checker.servers.tls import TlsServer
from tests.checker.stages import STAGES, Stage
from tests.proofs.runs import ROOT

# What a page names for a reader to get. A form that is posted is another matter.
LINK = r'(?:src|href|(?<!method="post" )action)="(?!data:)([^"]+)"'

# What would let a text become a script, or a page ask somebody else.
UNSAFE = re.compile(
    r"(inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\(|"
    r"<script(?![^>]* src=)|<style|\s(on\w+|style)=|(?<!\w)(https?:)?//\w"
)

LogIn = Callable[[Server], dict[str, str]]


@pytest.fixture(params=STAGES.values(), ids=STAGES)
def stage(request: pytest.FixtureRequest) -> Stage:
    """Each stage in turn."""
    return request.param


@pytest.fixture
def environment(database: dict[str, str]) -> dict[str, str]:
    """Where there is a login, pages are for those who have logged in."""
    return database


@pytest.fixture
def log_in(stage: Stage) -> LogIn:
    """Return the headers of a browser that may see the pages of a server."""

    def log_in(server: Server) -> dict[str, str]:
        browser = Browser(server)
        if stage.has_login:
            browser.log_in("ana")
        return browser.headers_at(server.url)

    return log_in


def get(server: Server, path: str = "/", **headers: str) -> HTTPResponse:
    """Ask for a path over HTTP, under another Host if one is given."""
    parts = urlsplit(server.url)
    if parts.scheme == "wss":
        connection = HTTPSConnection(parts.netloc, timeout=10, context=server.trust)
    else:
        connection = HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    response.text = response.read().decode()
    connection.close()
    return response


def test_script_that_one_copies_is_short(stage: Stage) -> None:
    script = ROOT / stage.name / "chat" / "static" / "chat" / "chat.js"
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 100


def test_pages_have_no_inline_script_and_name_no_other_host(stage: Stage) -> None:
    for path in (ROOT / stage.name).glob("chat/[st]*/**/*.*"):
        if path.suffix not in (".html", ".js", ".css"):
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            code = re.sub(r"(^|\s)// .*|/\*.*?\*/", "", line)
            assert not UNSAFE.search(code), f"{path.name}: {line}"


def test_pages_and_every_file_that_they_name_are_served(
    server: Server, log_in: LogIn
) -> None:
    headers = log_in(server)
    served = set()
    to_ask = {"/"}
    while to_ask:
        path = to_ask.pop()
        response = get(server, path, **headers)
        assert response.status == 200, path
        assert response.text, path
        served.add(path)
        if response.getheader("Content-Type").startswith("text/html"):
            # From stage 2 on, the first page offers the pages of rooms.
            links = re.findall(LINK, response.text)
            to_ask |= {urljoin(path, link) for link in links} - served
    assert any("/chat.js?" in path for path in served), served


@pytest.mark.parametrize(
    "stage",
    [stage for stage in STAGES.values() if stage.has_login],
    indirect=True,
    ids=lambda stage: stage.name,
)
def test_login_and_logout_lead_to_pages(server: Server) -> None:
    browser = Browser(server)
    page = browser.submit("/login/", "/login/", username="ana", password=PASSWORD)
    assert (page.status, urlsplit(page.url).path) == (200, "/")
    page = browser.log_out()
    assert (page.status, urlsplit(page.url).path) == (200, "/login/")


def test_page_is_not_served_to_an_unknown_host(server: Server, log_in: LogIn) -> None:
    assert get(server, Host="classroom.example", **log_in(server)).status == 400


def test_page_is_served_to_a_host_that_the_environment_names(
    stage: Stage,
    project: Path,
    environment: dict[str, str],
    server_type: Callable[..., Server],
    tmp_path: Path,
    log_in: LogIn,
) -> None:
    if not stage.has_tls:
        names = environment | {"ALLOWED_HOSTS": "127.0.0.1 classroom.example"}
        server = server_type(project, tmp_path / "server.log", environment=names)
    else:  # There it is SITE, which has a port, too.
        server = TlsServer(
            project,
            tmp_path / "server.log",
            environment=environment,
            name="classroom.example",
        )
    with server:
        headers = log_in(server)
        assert get(server, Host="classroom.example", **headers).status == 200


@pytest.mark.parametrize(
    ("trusted", "status"),
    [("https://tunnel.example", 302), ("", 403)],
    ids=["trusted", "unknown"],
)
@pytest.mark.parametrize(
    "stage",
    [stage for stage in STAGES.values() if stage.has_login and not stage.has_tls],
    indirect=True,
    ids=lambda stage: stage.name,
)
def test_login_through_a_tunnel_works_if_the_environment_names_its_origin(
    project: Path,
    environment: dict[str, str],
    server_type: Callable[..., Server],
    tmp_path: Path,
    trusted: str,
    status: int,
) -> None:
    names = {"ALLOWED_HOSTS": "tunnel.example", "TRUSTED_ORIGINS": trusted}
    environment = environment | names
    log = tmp_path / "server.log"
    with server_type(project, log, environment=environment) as server:
        form = get(server, "/login/", Host="tunnel.example")
        [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
        fields = {
            "csrfmiddlewaretoken": token,
            "username": "ana",
            "password": PASSWORD,
        }
        headers = {
            "Host": "tunnel.example",
            # The browser speaks TLS with the tunnel, and the tunnel none with us.
            "Origin": "https://tunnel.example",
            "Cookie": form.getheader("Set-Cookie").partition(";")[0],
            "Content-Type": "application/x-www-form-urlencoded",
        }
        connection = HTTPConnection(urlsplit(server.url).netloc, timeout=10)
        with closing(connection):
            connection.request("POST", "/login/", urlencode(fields), headers)
            assert connection.getresponse().status == status


@pytest.mark.parametrize(
    "path",
    ["/nowhere/", "/rooms/a.b/", f"/rooms/{'x' * 51}/", "/rooms/caf%C3%A9/"],
    ids=["nowhere", "dot", "long", "accent"],
)
def test_page_that_is_not_there_is_404_and_no_exception(
    server: Server, path: str, log_in: LogIn
) -> None:
    headers = log_in(server)
    start = server.position()
    response = get(server, path, **headers)
    assert response.status == 404, response.text
    assert "Traceback" not in server.printed(start)
