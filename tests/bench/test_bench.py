"""
The benchmarks run, and write what the site reads. How fast anything is, no test says.
"""

import json
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench import __main__ as bench
from tests.bench import echo, event, fanout, handshake
from tests.bench.fanout import Member, Room
from tests.bench.flames import draw
from tests.bench.frames import PING, PONG, TEXT, first_frame, from_client, from_server
from tests.bench.groups import (
    IN_MEMORY,
    NGINX,
    NO_CLOSING,
    PLAIN,
    RESUMED,
    STAGE,
    Pace,
    Variant,
    hush,
    percentiles,
    project_of,
    row,
    running,
)
from tests.bench.load import load
from tests.checker.client import WireError
from tests.checker.servers.redis import RedisServer
from tests.checker.servers.runserver import Server, ServerError
from tests.checker.servers.tls import MISSING as NGINX_MISSING
from tests.checker.servers.tls import find_nginx
from tests.proofs.records import Proof, Recorded, Seen
from tests.proofs.runs import CHECKER, HARNESS, ROOT, copy_of, replace

RESULT = {
    "rows": [
        {
            "name": "stage 1",
            "messages_per_s": 12345.6,
            "ratio": 1.0,
            "stage_1_times": 1.0,
            "client_busy": 0.0567,
        }
    ]
}


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What takes the place of docs/bench.json, for a benchmark that takes no time."""
    file = tmp_path / "bench.json"
    monkeypatch.setattr(bench, "RESULTS", file)
    monkeypatch.setattr(echo, "measure", lambda rounds, seconds: RESULT)
    return file


def proof_of(name: str) -> Proof:
    """Return the proof that a benchmark measures all that it says."""
    folders = [path for path in ROOT.glob("stage*") if path.is_dir()]
    sources = [ROOT / "tests/bench", *sorted(folders)]
    return Proof("bench", name, (*sources, *CHECKER, *HARNESS))


def a_proof(name: str) -> pytest.MarkDecorator:
    """Give a test the proof of a benchmark."""
    return pytest.mark.parametrize("proof", [proof_of(name)], ids=str)


@a_proof("echo")
def test_echo_measures_every_server_under_every_traffic(
    tmp_path: Path, proof: Proof, recorded: Recorded
) -> None:
    def prove() -> Seen:
        file = tmp_path / "bench.json"
        command = [sys.executable, "-m", "tests.bench", "echo"]
        run = subprocess.run(
            [*command, "--rounds", "1", "--seconds", "0.02", "--write", file],
            cwd=ROOT,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        rows = json.loads(file.read_text(encoding="utf-8"))["echo"]["rows"]
        return {"rows": rows, "printed": run.stdout}

    seen = recorded(proof, prove)
    assert len(seen["rows"]) == 6
    for each in seen["rows"]:
        assert each["name"] in seen["printed"]
        assert each["messages_per_s"] > 0


@a_proof("event")
def test_event_measures_both_consumers(proof: Proof, recorded: Recorded) -> None:
    rows = recorded(proof, lambda: event.measure(rounds=1, seconds=0.01))["rows"]
    assert [each["name"] for each in rows] == [STAGE, PLAIN]
    for each in rows:
        assert 0 < each["consumer_us"] < 1000
        assert 0 < each["copy_us"] < 1000
        assert 0 < each["unpack_us"] < 1000


def test_consumer_that_fails_has_no_cost(tmp_path: Path) -> None:
    project = copy_of(ROOT / "stage03_groups", tmp_path / "project")
    replace(project / "chat" / "consumers.py", "def room_message", "def message")
    with pytest.raises(ServerError, match=r"handles no event:(?s:.)*room_message"):
        event.cost(project, 0.01)


def test_nothing_is_written_unless_asked_for(results: Path) -> None:
    assert bench.main(["echo"]) == 0
    assert not results.exists()


def test_a_result_is_written_beside_the_others(results: Path) -> None:
    results.write_text('{"fanout": "kept", "echo": "old"}', encoding="utf-8")
    assert bench.main(["echo", "--write"]) == 0
    text = results.read_text(encoding="utf-8")
    written = json.loads(text)
    assert written["fanout"] == "kept"
    assert written["echo"]["command"] == "python -m tests.bench echo"
    assert written["echo"]["environment"]["Daphne"]
    [row] = written["echo"]["rows"]
    assert (row["name"], row["messages_per_s"], row["ratio"]) == ("stage 1", 12300, 1.0)
    assert text == json.dumps(written, indent=2, sort_keys=True) + "\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["ecco"],
            "There is no benchmark 'ecco', only: echo, event, fanout, handshake.\n",
        ),
        (
            ["echo", "--rounds", "0"],
            "There must be a round, and it must take some time.\n",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert bench.main(arguments) == 2
    assert capsys.readouterr() == ("", sentence)


def test_a_server_that_fails_is_no_result(
    monkeypatch: pytest.MonkeyPatch, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(rounds: int, seconds: float) -> dict:
        raise ServerError("stage01_echo did not start.")

    monkeypatch.setattr(echo, "measure", fail)
    assert bench.main(["echo", "--write"]) == 1
    assert capsys.readouterr().err.endswith("\nstage01_echo did not start.\n")
    assert not results.exists()


def test_what_is_no_echo_is_not_counted(tmp_path: Path) -> None:
    project = copy_of(ROOT / "stage01_echo", tmp_path / "project")
    consumers = project / "chat" / "consumers.py"
    replace(consumers, "send(text_data=text_data,", "send(text_data=text_data.upper(),")
    with (
        Server(project, tmp_path / "server.log") as server,
        pytest.raises(WireError, match="not the echo"),
    ):
        load(server, "/ws/echo/", clients=2, window=2, seconds=0.1)


# In rooms


LAYERS = ["in memory", "Redis", "Redis pub/sub"]


@a_proof("fanout")
def test_fanout_measures_every_server_(
    monkeypatch: pytest.MonkeyPatch,
    redis: RedisServer,
    proof: Proof,
    recorded: Recorded,
) -> None:
    monkeypatch.setattr(fanout, "ROOMS", {3: 2})
    monkeypatch.setattr(fanout, "WARM_UP", 0.01)
    rows = recorded(proof, lambda: fanout.measure(rounds=2, seconds=0.02))["rows"]
    servers = [
        *(f"{who}, {layer}" for layer in LAYERS for who in (STAGE, PLAIN)),
        f"{NO_CLOSING}, in memory",
    ]
    assert [each["name"] for each in rows] == [
        f"{server}; 3 members" for server in servers
    ]
    for each in rows:
        assert each["deliveries_per_s"] > 0
        assert 0 < each["p50_ms"] <= each["p99_ms"]
        assert (each["ratio"] == 1) or PLAIN not in each["name"]
        assert (each["stage_3_ratio"] == 1) or f"{STAGE}," not in each["name"]


@pytest.fixture
def nginx() -> None:
    """Skip what needs nginx where there is none."""
    if find_nginx() is None:
        pytest.skip(NGINX_MISSING)


@a_proof("handshake")
@pytest.mark.usefixtures("nginx")
def test_handshake_measures_every_server(
    monkeypatch: pytest.MonkeyPatch,
    redis: RedisServer,
    proof: Proof,
    recorded: Recorded,
) -> None:
    monkeypatch.setattr(handshake, "WARM_UP", 0.01)
    rows = recorded(proof, lambda: handshake.measure(rounds=2, seconds=0.02))["rows"]
    assert [each["name"] for each in rows] == [
        *(f"{who}, {layer}" for layer in LAYERS for who in (STAGE, PLAIN)),
        *(str(variant) for variant in handshake.SESSIONS),
        *(str(variant) for variant in handshake.WITH_TLS),
    ]
    for each in rows:
        assert each["handshakes_per_s"] > 0
        assert each["stage_4_ratio"] > 0
        assert 0 < each["p50_ms"] <= each["p99_ms"]


@pytest.mark.usefixtures("nginx")
def test_handshake_that_resumes_no_session_of_tls_is_not_counted(
    tmp_path: Path,
) -> None:
    # The nginx of stage 5 as it is, which gives out no tickets.
    project = project_of(Variant(NGINX, IN_MEMORY), tmp_path / "project")
    with (
        running({Variant(RESUMED, IN_MEMORY): project}) as servers,
        pytest.raises(WireError, match="does not know its session of TLS"),
    ):
        # It ends with the error, which the second handshake meets.
        handshake.shake_hands(next(iter(servers.values())), 60)


def test_handshake_without_nginx_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("NGINX", str(tmp_path / "nginx"))
    # Without a Redis that would be what is missing.
    monkeypatch.setattr(handshake, "VARIANTS", [])
    assert bench.main(["handshake"]) == 2
    assert "apt install nginx-light" in capsys.readouterr().err


@pytest.mark.parametrize("benchmark", ["fanout", "handshake"])
def test_benchmark_without_redis_says_so(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    benchmark: str,
) -> None:
    monkeypatch.setenv("REDIS_SERVER", str(tmp_path / "redis-server"))
    assert bench.main([benchmark]) == 2
    assert "apt install redis-server" in capsys.readouterr().err


def test_ratio_compares_what_ran_in_the_same_round() -> None:
    def paces(*numbers: float) -> list[Pace]:
        return [Pace(each, 1.0, 2.0, 0.1) for each in numbers]

    mine, plain, stage = paces(10, 90, 50), paces(20, 60, 40), paces(10, 90, 50)
    assert row("name", "deliveries_per_s", mine, plain, stage) == {
        "name": "name",
        "deliveries_per_s": 50,
        "ratio": 1.25,
        "stage_3_ratio": 1,
        "p50_ms": 1.0,
        "p99_ms": 2.0,
        "client_busy": 0.1,
    }


def test_percentiles_are_in_milliseconds() -> None:
    p50, p99 = percentiles([number / 1000 for number in range(1, 1001)])
    assert (round(p50), round(p99)) == (500, 990)
    assert percentiles([0.25]) == (250, 250)


SEND = 'await self.send(text_data=event["text"])'
THIRD = '"0000000003" in event["text"]'
ONE = 'self.name == "member-1"'


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        pytest.param(
            f"if not ({ONE} and {THIRD}): {SEND}", "not message 3", id="one is lost"
        ),
        pytest.param(
            f"{SEND}; {ONE} and {THIRD} and {SEND}",
            "not message 4",
            id="one is doubled",
        ),
        pytest.param(
            f'self.gone = getattr(self, "gone", False) or {ONE} and {THIRD}\n'
            f"        if not self.gone: {SEND}",
            "Message 3 did not reach 1 of 3 members within 3 seconds",
            id="one hears no more",
        ),
        pytest.param(
            SEND.replace("event", '{"text": event["text"].replace("room-", "")}'),
            "not message 0",
            id="of another room",
        ),
        pytest.param("await self.close()", "Opcode 8 came", id="one is closed"),
    ],
)
def test_what_is_no_delivery_is_not_counted(
    tmp_path: Path, wrong: str, sentence: str
) -> None:
    project = project_of(Variant(STAGE, IN_MEMORY), tmp_path / "project")
    hush(project)
    replace(project / "chat" / "consumers.py", SEND, wrong)
    with (
        Server(project, tmp_path / "server.log") as server,
        ExitStack() as stack,
        pytest.raises(WireError, match=sentence),
    ):
        # It ends with the error. On a busy machine, that may take a while to come.
        Room(stack, server, "room-1", 3).talk(window=2, seconds=60)


def test_wrong_welcome_is_no_handshake(tmp_path: Path) -> None:
    project = copy_of(ROOT / "stage03_groups", tmp_path / "project")
    consumers = project / "chat" / "consumers.py"
    replace(consumers, '"welcome", "room": self.room', '"welcome", "room": ""')
    with (
        Server(project, tmp_path / "server.log") as server,
        pytest.raises(WireError, match="is not the welcome"),
    ):
        handshake.shake_hands(server, 0.1)


def test_member_answers_a_ping_between_two_messages() -> None:
    server, tcp = socket.socketpair()
    with server, tcp:
        member = Member(tcp, b"")
        frames = [(TEXT, b"one"), (PING, b"still there?"), (TEXT, b"two")]
        server.sendall(b"".join(from_server(*frame) for frame in frames)[:-1])
        assert list(member.payloads()) == [b"one"]
        server.sendall(b"o")
        assert list(member.payloads()) == [b"two"]
        assert server.recv(100) == from_client(PONG, b"still there?")


@pytest.mark.parametrize("came", [b"\x01\x01a", b"\x81\x7e\x00\x80"])
def test_frame_that_is_cut_or_long_is_refused(came: bytes) -> None:
    with pytest.raises(WireError, match="no short, whole frame"):
        first_frame(came)


# The profile


SEEN = """\
<module> (manage.py);Handle._run (asyncio/events.py);URLRouter.__call__ \
(channels/routing.py);ChatConsumer.__call__ (chat/consumers.py);dumps (json/a<b.py) 60
<module> (manage.py);Handle._run (asyncio/events.py);Server.send (daphne/server.py) 30
Thread.run (threading.py);_worker (thread.py);_WorkItem.run (thread.py);f (x.py) 10
Thread.run (threading.py);_worker (thread.py) 900
"""


def test_profile_shows_the_work_and_not_the_waiting() -> None:
    svg = draw("Where the time goes", SEEN)
    drawing = ElementTree.fromstring(svg)  # noqa: S314  # It is our own.
    titles = [title.text for title in drawing.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == [
        "Where the time goes",
        "event loop: 90%",
        "ChatConsumer.__call__ (chat/consumers.py): 60%",
        "dumps (json/a<b.py): 60%",
        "Server.send (daphne/server.py): 30%",
        "thread for synchronous code: 10%",
        "f (x.py): 10%",
    ]
    fills = [
        box.get("fill")
        for group in drawing.iter("{http://www.w3.org/2000/svg}g")
        for box in group.iter("{http://www.w3.org/2000/svg}rect")
    ]
    assert len(set(fills[1:4])) == 3  # The project's, Python's, and Daphne's.


def test_profile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no work"):
        draw("Where the time goes", SEEN.splitlines()[-1])


def test_profile_on_the_site_is_small_and_names_nothing_else() -> None:
    text = (ROOT / "docs" / "assets" / "fanout-profile.svg").read_text("utf-8")
    assert len(text) < 300_000
    assert "ChatConsumer.__call__" in text
    for other in ("http://", "https://", "/tmp/", "/home/", "/root/", "<script"):  # noqa: S108  # They must not be there.
        assert other not in text.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize(
    ("benchmark", "sentence"),
    [
        ("echo", "Only fanout has a profile.\n"),
        ("fanout", "No py-spy was found on the PATH. Install it: pip install py-spy\n"),
    ],
)
def test_profile_that_cannot_be_made_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    benchmark: str,
    sentence: str,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    drawing = tmp_path / "profile.svg"
    assert bench.main([benchmark, "--profile", str(drawing)]) == 2
    assert capsys.readouterr().err.endswith(sentence)
    assert not drawing.exists()
