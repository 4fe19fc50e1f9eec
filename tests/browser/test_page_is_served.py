"""
The page and its files are served, to those who may ask. No browser is needed.
"""

import re
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from tests.server import Server

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(params=sorted(path.name for path in ROOT.glob("stage*")))
def stage(request: pytest.FixtureRequest) -> str:
    """Each stage in turn."""
    return request.param


@pytest.fixture
def url(server: Server) -> str:
    """The address of the page."""
    return server.url


def get(url: str, path: str = "/", host: str = "") -> HTTPResponse:
    """Ask for a path over HTTP, under another host name if one is given."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("GET", path, headers={"Host": host} if host else {})
    response = connection.getresponse()
    response.text = response.read().decode()
    connection.close()
    return response


def test_pages_and_every_file_that_they_name_are_served(url: str) -> None:
    served = set()
    to_ask = {"/"}
    while to_ask:
        path = to_ask.pop()
        response = get(url, path)
        assert response.status == 200, path
        assert response.text, path
        served.add(path)
        if response.getheader("Content-Type").startswith("text/html"):
            # From stage 2 on, the first page offers the pages of rooms.
            links = re.findall(r'(?:src|href|action)="(?!data:)([^"]+)"', response.text)
            to_ask |= {urljoin(path, link) for link in links} - served
    assert any(path.endswith("/chat.js") for path in served), served


def test_page_is_not_served_to_an_unknown_host(url: str) -> None:
    assert get(url, host="classroom.example").status == 400


def test_page_is_served_to_a_host_that_the_environment_names(
    project: Path, tmp_path: Path
) -> None:
    names = {"ALLOWED_HOSTS": "localhost classroom.example"}
    with Server(project, tmp_path / "server.log", environment=names) as server:
        assert get(server.url, host="classroom.example").status == 200


@pytest.mark.parametrize(
    "path",
    ["/nowhere/", "/rooms/a.b/", f"/rooms/{'x' * 51}/", "/rooms/caf%C3%A9/"],
    ids=["nowhere", "dot", "long", "accent"],
)
def test_page_that_is_not_there_is_404_and_no_exception(
    server: Server, path: str
) -> None:
    start = server.position()
    response = get(server.url, path)
    assert response.status == 404, response.text
    assert "Traceback" not in server.printed(start)
