"""
What "In the cloud, or behind a tunnel" says, observed with the headers of a tunnel.

The tunnel itself speaks https to the browser and http to us. It passes the browser's
Origin on, or writes one of its own, and the Host is the public name or ours.
"""

import http.client
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.checker.accounts import PASSWORD, Accounts
from tests.checker.client import connect, refusal
from tests.checker.rooms import address
from tests.checker.servers.runserver import Server
from tests.proofs.runs import ROOT, copy_of

PUBLIC = "chat-8000.example.dev"


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    folder = tmp_path_factory.mktemp("tunnel")
    project = copy_of(ROOT / "stage04_auth", folder / "project")
    with closing(Accounts(project, folder)) as accounts:
        yield accounts


@pytest.fixture(scope="module")
def as_ever(
    accounts: Accounts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("as-ever") / "server.log"
    with Server(accounts.project, log, environment=accounts.environment) as server:
        yield server


@pytest.fixture(scope="module")
def told(
    accounts: Accounts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server that has been told the names of the tunnel, as the page says."""
    log = tmp_path_factory.mktemp("told") / "server.log"
    environment = accounts.environment | {
        "ALLOWED_HOSTS": f"localhost 127.0.0.1 {PUBLIC}",
        "TRUSTED_ORIGINS": f"https://{PUBLIC} https://localhost:8000",
    }
    with Server(accounts.project, log, environment=environment) as server:
        yield server


def ask(server: Server, method: str, body: str, **headers: str) -> tuple:
    """Return the status, the headers and the text of what is answered."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(http.client.HTTPConnection("127.0.0.1", server.port)) as asked:
        asked.request(method, "/login/", body, headers)
        answer = asked.getresponse()
        return answer.status, answer.headers, answer.read().decode()


def log_in(server: Server, host: str, origin: str) -> tuple[int, str]:
    """Return the status of a login through the tunnel, and the cookies it gives."""
    common = {"Host": host, "X_Forwarded_Proto": "https"}
    status, headers, text = ask(server, "GET", "", **common)
    if status != 200:
        return status, ""
    [token] = re.findall(r'csrfmiddlewaretoken" value="(\w+)"', text)
    [csrf] = re.findall(r"csrftoken=\w+", headers["Set-Cookie"])
    form = {"username": "ana", "password": PASSWORD, "csrfmiddlewaretoken": token}
    status, headers, _ = ask(
        server,
        "POST",
        urlencode(form),
        Origin=origin,
        Cookie=csrf,
        Content_Type="application/x-www-form-urlencoded",
        **common,
    )
    cookies = "; ".join(headers.get_all("Set-Cookie") or [])
    return status, "; ".join(re.findall(r"sessionid=\w+", cookies))


TUNNELS = {
    "public name": (PUBLIC, f"https://{PUBLIC}"),
    "our name as Host": ("localhost:8000", f"https://{PUBLIC}"),
    "our name as both": ("localhost:8000", "https://localhost:8000"),
}


@pytest.mark.parametrize(
    ("tunnel", "status"),
    [("public name", 400), ("our name as Host", 403), ("our name as both", 403)],
)
def test_login_through_a_tunnel_is_refused_as_ever(
    as_ever: Server, tunnel: str, status: int
) -> None:
    assert log_in(as_ever, *TUNNELS[tunnel])[0] == status


@pytest.mark.parametrize("tunnel", TUNNELS)
def test_login_and_chat_through_a_tunnel_that_the_server_was_told_of(
    told: Server, tunnel: str
) -> None:
    host, origin = TUNNELS[tunnel]
    status, cookie = log_in(told, host, origin)
    assert (status, bool(cookie)) == (302, True)
    # The Host of a WebSocket is not looked at.
    headers = {"Origin": origin, "Cookie": cookie}
    with connect(told, address("garden"), additional_headers=headers) as ana:
        ana.expect_json(type="welcome", name="ana")
    headers["Origin"] = "https://evil.example.dev"
    assert refusal(told, address("garden"), additional_headers=headers) == 403


def test_handshake_from_the_public_name_is_refused_as_ever(as_ever: Server) -> None:
    status, cookie = log_in(as_ever, "localhost:8000", "http://localhost:8000")
    assert status == 302
    headers = {"Origin": f"https://{PUBLIC}", "Cookie": cookie}
    assert refusal(as_ever, address("garden"), additional_headers=headers) == 403


@pytest.mark.parametrize("stage", ["stage01_echo", "stage02_routing", "stage03_groups"])
def test_earlier_stage_needs_only_its_own_name_as_host(
    tmp_path: Path, stage: str
) -> None:
    path = "/ws/echo/" if stage == "stage01_echo" else address("garden")
    with Server(copy_of(ROOT / stage, tmp_path / stage), tmp_path / "log") as server:
        for host, status in (("localhost:8000", 200), (PUBLIC, 400)):
            with closing(http.client.HTTPConnection("127.0.0.1", server.port)) as asked:
                asked.request("GET", "/", headers={"Host": host})
                assert asked.getresponse().status == status
        headers = {"Origin": f"https://{PUBLIC}"}
        with connect(server, path, additional_headers=headers) as client:
            client.expect_open()
