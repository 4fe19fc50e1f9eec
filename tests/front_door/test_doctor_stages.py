"""
`learn.py doctor` at the course's own stages, which only Daphne itself can prove.

Its refusals, its late crashes and its hang-up after five seconds are Daphne's alone.
"""

from pathlib import Path

import pytest

from tests.checker.doctor import certificates
from tests.checker.servers.runserver import Server
from tests.checker.servers.tls import TlsServer, copy_with_keys, prepare
from tests.checker.stages import STAGES
from tests.front_door.doctored import examine, ids, steps
from tests.proofs.runs import ROOT, copy_of, recorded_with, replace

HERE = Path(__file__).parent

pytestmark = [
    pytest.mark.usefixtures("no_proxy"),
    recorded_with(
        HERE / "conftest.py",
        HERE / "doctored.py",
        *(ROOT / stage for stage in STAGES),
    ),
]

ANA = ("ana", "open-sesame")


def with_users(project: Path) -> Path:
    """Make the database of a project, with its demo users."""
    prepare(project, "migrate", "--verbosity", "0")
    prepare(project, "loaddata", "--verbosity", "0", "demo_users")
    return project


@pytest.mark.parametrize(
    ("stage", "answer"),
    [
        ("stage01_echo", "the same text, so this is an echo"),
        ("stage02_routing", "my message"),  # It has no groups yet.
        ("stage03_groups", "my message, as everybody in the room gets it"),
    ],
)
def test_a_finished_stage_is_well(stage: str, answer: str, tmp_path: Path) -> None:
    project = copy_of(ROOT / stage, tmp_path / stage)
    with Server(project, tmp_path / "log") as server:
        report = examine(f"{server.origin}/")
    assert ids(report) == []
    assert f"ok answer: {answer}\n" in steps(report)


def test_the_stage_with_a_login_is_well(tmp_path: Path) -> None:
    project = with_users(copy_of(ROOT / "stage04_auth", tmp_path / "stage04_auth"))
    with Server(project, tmp_path / "log") as server:
        room = f"{server.origin}/rooms/garden/"
        assert ids(examine(room)) == ["needs-login"]
        assert ids(examine(room, login=ANA)) == []
        assert ids(examine(room, login=("ana", "wrong"))) == ["login-failed"]


def test_the_stage_with_tls_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = with_users(copy_with_keys(ROOT / "stage05_wss", tmp_path / "stage05_wss"))
    monkeypatch.chdir(project)
    with TlsServer(project, tmp_path / "log") as server:
        trust = certificates.trust_in(Path("keys", "ca.pem"))
        room = f"{server.url}/ws/rooms/garden/"
        assert ids(examine(room, trust=trust, login=ANA)) == []
        assert ids(examine(room)) == ["unknown-ca-kept"]
        assert ids(examine(room.replace("wss", "ws"))) == ["tls-port"]
        assert ids(examine(f"{server.http}/", trust=trust)) == ["leads-to-https"]


@pytest.mark.parametrize(
    ("file", "right", "wrong", "found"),
    [
        ("config/settings.py", '    "daphne",', "    ", "wsgi-server"),
        ("chat/consumers.py", "await self.accept()", "pass", "no-accept"),
        ("chat/consumers.py", "await self.accept()", "1 / 0", "error-everywhere"),
        ("chat/consumers.py", "await self.send(", "await self.sent(", "closed-1011"),
        ("chat/routing.py", '"ws/echo/"', '"ws/echo"', "slash-in-script"),
    ],
)
def test_a_mistake_in_the_first_stage_is_named(
    file: str, right: str, wrong: str, found: str, tmp_path: Path
) -> None:
    project = copy_of(ROOT / "stage01_echo", tmp_path / "stage01_echo")
    replace(project / file, right, wrong)
    with Server(project, tmp_path / "log") as server:
        assert ids(examine(f"{server.origin}/")) == [found]
