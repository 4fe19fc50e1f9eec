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


def test_page_and_every_file_that_it_names_are_served(url: str) -> None:
    page = get(url)
    assert page.status == 200, page.text
    paths = re.findall(r'(?:src|href)="(?!data:)([^"]+)"', page.text)
    assert paths
    for path in paths:
        file = get(url, urljoin("/", path))
        assert file.status == 200, path
        assert file.text, path


def test_page_is_not_served_to_an_unknown_host(url: str) -> None:
    assert get(url, host="classroom.example").status == 400


def test_page_is_served_to_a_host_that_the_environment_names(
    project: Path, tmp_path: Path
) -> None:
    names = {"ALLOWED_HOSTS": "localhost classroom.example"}
    with Server(project, tmp_path / "server.log", environment=names) as server:
        assert get(server.url, host="classroom.example").status == 200


def test_page_that_is_not_there_is_404_and_no_exception(server: Server) -> None:
    start = server.position()
    response = get(server.url, "/nowhere/")
    assert response.status == 404, response.text
    assert "Traceback" not in server.printed(start)
