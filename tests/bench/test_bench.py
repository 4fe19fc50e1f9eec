"""
The benchmarks run, and write what the site reads. How fast anything is, no test says.
"""

import json
import os
import selectors
import signal
import socket
import struct
import time
from contextlib import ExitStack, nullcontext
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from tests.bench import __main__ as bench
from tests.bench import (
    clock,
    echo,
    event,
    fanout,
    goals,
    handshake,
    memory,
    rows,
    start,
)
from tests.bench.fanout import Batch, Member, Room
from tests.bench.flames import draw
from tests.bench.frames import (
    PING,
    PONG,
    TEXT,
    first_frame,
    from_client,
    from_server,
    read,
)
from tests.bench.load import load
from tests.bench.record import Cost, Record, Scope, doubts, naming, row
from tests.bench.rows import (
    FAST,
    IN_MEMORY,
    NGINX,
    NO_CLOSING,
    PLAIN,
    PROGRAMS,
    RECIPES,
    REDIS,
    RESUMED,
    STAGE,
    TUTORIAL,
    Variant,
    hush,
    percentiles,
    project_of,
    running,
    those_that_run,
)
from tests.bench.servers import NO_CLICK, STYLES, quick
from tests.bench.spread import Spread, is_quiet, ratios, spread
from tests.checker.client import WireError
from tests.checker.servers.redis import MISSING, find_redis
from tests.checker.servers.runserver import Server, ServerError, manage
from tests.checker.servers.tls import MISSING as NGINX_MISSING
from tests.checker.servers.tls import find_nginx
from tests.proofs.runs import CHECKER, HARNESS, ROOT, SOLUTIONS, copy_of, replace

OF_SOLUTIONS = {
    recipe.over
    for recipe in RECIPES.values()
    if recipe.over and SOLUTIONS in recipe.over.parents
}

# Live: every row answers right


@pytest.mark.recorded(
    ROOT / "tests/bench",
    *sorted(path for path in ROOT.glob("stage*") if path.is_dir()),
    *sorted(OF_SOLUTIONS),
    *CHECKER,
    *HARNESS,
)
@pytest.mark.skipif(find_redis() is None, reason=MISSING)
@pytest.mark.skipif(find_nginx() is None, reason=NGINX_MISSING)
def test_every_row_answers_right_in_the_smallest_round(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours = [*fanout.MEMORY, *fanout.ON_REDIS]
    rooms = fanout.of_sizes(those_that_run(ours)[0], 3)
    monkeypatch.setattr(fanout, "WINDOWS", {3: 2})
    monkeypatch.setattr(fanout, "batch_of", lambda _scope: Batch(rooms, 1))
    monkeypatch.delattr(fanout, "LARGEST")
    monkeypatch.setattr(memory, "SIZES", (10, 20))
    file = tmp_path / "bench.json"
    words = ["--rounds", "1", "--seconds", "0.01", "--write", str(file)]
    assert bench.main(words) == 0
    written = json.loads(file.read_text(encoding="utf-8"))
    assert set(written) == {*bench.BENCHMARKS, "goals"}
    named = {
        name: [row["name"] for row in each["rows"]] for name, each in written.items()
    }
    there = those_that_run([Variant(name) for name in echo.ROWS])[0]
    assert named["echo"] == [f"{who}; {how}" for how in echo.TRAFFIC for who in there]
    assert named["fanout"] == [str(room) for room in rooms]
    assert set(named["handshake"]) == {
        str(each) for each in handshake.rows(handshake.WHOLE)[0]
    }
    assert len(named["memory"]) == 2 * len(memory.rows(memory.WHOLE)[0])
    assert named["start"][:2] == [start.IMPORTS, start.MIGRATIONS]
    assert named["event"] == [STAGE, PLAIN]
    speeds = goals.SPEEDS | {"memory": "memory_mib", "start": "first_ms"}
    for name, speed in speeds.items():
        for each in written[name]["rows"]:
            assert each[speed] > 0, each
    # Each goal is one that this run says something of, but for what its sizes have not.
    assert len(written["goals"]["rows"]) == len(goals.GOALS) - 5


@pytest.mark.recorded(
    ROOT / "tests/bench/servers.py",
    ROOT / "tests/bench/inside",
    ROOT / "tests/checker/servers/forks.py",
    ROOT / "requirements.txt",
)
@pytest.mark.parametrize("is_forked", [True, False], ids=["forked", "cold"])
def test_autobahn_of_a_server_paints_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_forked: bool
) -> None:
    monkeypatch.delenv("CHECKS_FORKS", raising=False)  # Those of this package's tests.
    project = copy_of(ROOT / "stage01_echo", tmp_path / "project")
    code = "from autobahn.util import hl; print(repr(hl('a word')))"
    path = {"PYTHONPATH": str(NO_CLICK)}
    with quick() if is_forked else nullcontext():
        run = manage(project, "shell", "--verbosity", "0", "-c", code, **path)
    assert run.stdout == "'a word'\n"


def test_consumer_that_fails_has_no_cost(tmp_path: Path) -> None:
    project = copy_of(ROOT / "stage03_groups", tmp_path / "project")
    replace(project / "chat" / "consumers.py", "def room_message", "def message")
    with pytest.raises(ServerError, match=r"handles no event:(?s:.)*room_message"):
        event.cost(project, 0.01)


def test_what_is_no_echo_is_not_counted(tmp_path: Path) -> None:
    project = copy_of(ROOT / "stage01_echo", tmp_path / "project")
    consumers = project / "chat" / "consumers.py"
    replace(consumers, "send(text_data=text_data,", "send(text_data=text_data.upper(),")
    with (
        Server(project, tmp_path / "server.log") as server,
        pytest.raises(WireError, match="not the echo"),
    ):
        load(server, "/ws/echo/", clients=2, window=2, seconds=0.1)


@pytest.mark.skipif(find_nginx() is None, reason=NGINX_MISSING)
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


# The command


class Quick(SimpleNamespace):
    """A benchmark that takes no time."""

    WHOLE = Scope(rounds=2, seconds=1)
    QUICK = Scope(rounds=1, seconds=0.1, is_quick=True)

    def __init__(self, error: BaseException | None = None, at: int = 9) -> None:
        super().__init__(error=error, at=at, result=echo.result)

    def servers(self, _scope: Scope) -> int:
        """Return how many it starts."""
        return 1

    def seconds(self, _scope: Scope) -> float:
        """Return how long it takes."""
        return 1

    def happens(self) -> None:
        """Do what ends it."""
        raise self.error

    def measure(self, scope: Scope, record: Record) -> None:
        """Measure stage 1 in rounds, until something happens."""
        name = f"{echo.ECHO_STAGE}; {echo.ONE}"
        record.begin([name])
        for number in range(scope.rounds):
            if number == self.at:
                self.happens()
            speed = {"messages_per_s": 12345.6 + number, "client_busy": 0.0567}
            record.add(name, **speed, cpu_us=80.0, server_busy=0.9, waited=0.0)


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What takes the place of docs/bench.json, for benchmarks that take no time."""
    file = tmp_path / "bench.json"
    monkeypatch.setattr(bench, "RESULTS", file)
    monkeypatch.setattr(bench, "BENCHMARKS", {"echo": Quick(), "fanout": Quick()})
    return file


def test_nothing_is_written_unless_asked_for(results: Path) -> None:
    assert bench.main(["echo"]) == 0
    assert not results.exists()


def test_a_result_is_written_beside_the_others(results: Path) -> None:
    results.write_text('{"fanout": "kept", "echo": "old"}', encoding="utf-8")
    assert bench.main(["echo", "--write", str(results)]) == 0
    text = results.read_text(encoding="utf-8")
    written = json.loads(text)
    assert written["fanout"] == "kept"
    assert written["echo"]["command"] == "python -m tests.bench echo"
    assert written["echo"]["environment"]["Daphne"]
    assert written["echo"]["rounds"] == 2
    [row] = written["echo"]["rows"]
    assert row["name"] == f"{echo.ECHO_STAGE}; {echo.ONE}"
    assert (row["messages_per_s"], row["ratio"], row["rounds"]) == (12300, 1.0, 2)
    assert row["messages_per_s_quartiles"] == [12300, 12300]
    assert text == json.dumps(written, indent=2, sort_keys=True) + "\n"


def test_without_words_everything_is_measured(results: Path) -> None:
    assert bench.main(["--write", str(results)]) == 0
    assert {"echo", "fanout"} <= set(json.loads(results.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["ecco"],
            (
                "There is no benchmark 'ecco', only: "
                "echo, fanout, handshake, memory, start, event.\n"
            ),
        ),
        (
            ["echo", "--rounds", "0"],
            "There must be a round, and it must take some time.\n",
        ),
        (
            ["--within", "0"],
            "There must be a round, and it must take some time.\n",
        ),
        (
            ["--quick", "--write"],
            "The pages show a whole run: give --write a file for a quick one.\n",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert bench.main(arguments) == 2
    assert capsys.readouterr() == ("", sentence)


def test_a_server_that_fails_is_no_result_and_spoils_no_other(
    monkeypatch: pytest.MonkeyPatch, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = ServerError("stage01_echo did not start.")
    broken = {"echo": Quick(error, at=0), "fanout": Quick()}
    monkeypatch.setattr(bench, "BENCHMARKS", broken)
    assert bench.main(["--write", str(results)]) == 1
    assert "\nstage01_echo did not start.\n" in capsys.readouterr().err
    written = json.loads(results.read_text(encoding="utf-8"))
    assert "fanout" in written
    assert "echo" not in written


def test_ctrl_c_keeps_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = {"echo": Quick(KeyboardInterrupt(), at=1), "fanout": Quick()}
    monkeypatch.setattr(bench, "BENCHMARKS", stopped)
    assert bench.main(["--write", str(results)]) == 130
    written = json.loads(results.read_text(encoding="utf-8"))
    assert "fanout" not in written
    assert written["echo"]["rounds"] == 1
    assert "Time was left for 1 of 2 rounds." in capsys.readouterr().out


class Killed(Quick):
    """A benchmark during which somebody ends the process, as `timeout` does."""

    def happens(self) -> None:
        """Get SIGTERM, and again while it ends: `timeout` tells the group, too."""
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)


class Endless(Quick):
    """A benchmark whose second round does not end."""

    def happens(self) -> None:
        """Wait for longer than this test takes."""
        time.sleep(60)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM.")
def test_sigterm_keeps_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    stopped = {"echo": Killed(at=1), "fanout": Quick()}
    monkeypatch.setattr(bench, "BENCHMARKS", stopped)
    assert bench.main(["--write", str(results)]) == 143
    written = json.loads(results.read_text(encoding="utf-8"))
    assert "fanout" not in written
    assert written["echo"]["rows"][0]["rounds"] == 1
    assert "There was no time for: fanout.\n" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="There is no alarm.")
def test_what_does_not_end_in_time_is_interrupted_and_its_whole_rounds_are_kept(
    monkeypatch: pytest.MonkeyPatch, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    endless = {"echo": Endless(at=1), "fanout": Quick()}
    monkeypatch.setattr(bench, "BENCHMARKS", endless)
    within = str(clock.SPARE + 0.1)
    assert bench.main(["--within", within, "--write", str(results)]) == 0
    written = json.loads(results.read_text(encoding="utf-8"))
    assert written["echo"]["rows"][0]["rounds"] == 1
    told = capsys.readouterr().err
    assert "The time is over. This is what was measured." in told
    assert "There was no time for: fanout.\n" in told


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="There is no alarm.")
def test_what_has_no_whole_round_is_named_and_nothing_else_is_blamed(
    monkeypatch: pytest.MonkeyPatch, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    endless = {"echo": Endless(at=0), "fanout": Quick()}
    monkeypatch.setattr(bench, "BENCHMARKS", endless)
    assert bench.main(["--within", str(clock.SPARE + 0.1)]) == 0
    told = capsys.readouterr().err
    assert "There was no time for: echo; fanout.\n" in told
    assert "has no rows" not in told


@pytest.mark.parametrize("name", ["echo", "fanout", "handshake", "memory", "start"])
def test_table_of_the_terminal_is_narrow(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    result = json.loads((ROOT / "docs/bench.json").read_text("utf-8"))[name]
    bench.show({**result, "notes": []})
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= bench.WIDTH
    # What several rows have in common is said once, above them.
    groups = {row["name"].partition("; ")[2] for row in result["rows"]} - {""}
    assert sorted(line for line in lines if line in groups) == sorted(groups)


def test_profile_does_not_overwrite_the_one_of_the_site() -> None:
    options = bench.parser().parse_args(["fanout", "--profile"])
    assert options.profile == Path("profile.svg")
    named = "--profile docs/assets/fanout-profile.svg"
    assert named in (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def test_rounds_end_when_the_next_would_not_end_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def rounds(end: float, *, is_quick: bool) -> int:
        scope = Scope(rounds=9, seconds=1, is_quick=is_quick, end=now[0] + end)
        done = 0
        for _row in rows.in_turn({"one": 1, "other": 2}, scope):
            now[0] += 5  # Ten in each round.
            done += 1
        return done // 2

    assert rounds(39, is_quick=True) == 3
    assert rounds(40, is_quick=True) == 4
    assert rounds(1000, is_quick=True) == 9
    # Late, there is one round all the same, and of a whole run two.
    assert rounds(-5, is_quick=True) == 1
    assert rounds(-5, is_quick=False) == 2


def test_time_is_shared_by_what_the_parts_are_planned_to_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    ours = clock.Clock(60 + clock.SPARE, {"one": 5, "other": 10, "largest": 15})
    assert ours.share("one") == 110
    now[0] += 20  # It took four times as long as it should.
    ours.done("one", took=20, should=5)
    assert ours.left() == 40
    assert ours.share("other") == 120 + 40 * 10 / 25
    assert ours.has_time_for(10)
    assert not ours.has_time_for(11)


def test_largest_rooms_are_left_out_where_there_is_no_time_for_them(
    monkeypatch: pytest.MonkeyPatch, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = Quick()
    large.LARGEST = "rooms of 2,000 members"
    monkeypatch.setattr(bench, "BENCHMARKS", {"fanout": large, "echo": Quick()})
    monkeypatch.setattr(clock.Clock, "has_time_for", lambda _clock, _seconds: False)
    assert bench.main(["--write", str(results)]) == 0
    left_out = "Left out: rooms of 2,000 members, for which no time was left."
    assert left_out in capsys.readouterr().out
    written = json.loads(results.read_text(encoding="utf-8"))
    assert left_out in written["fanout"]["notes"]


def test_help_names_every_word(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["--help"])
    printed = capsys.readouterr().out
    for name in bench.BENCHMARKS:
        assert f"\n  {name} " in printed


@pytest.mark.parametrize(("scope", "most"), [("WHOLE", 450), ("QUICK", 50)])
def test_plan_takes_no_longer_than_promised(
    monkeypatch: pytest.MonkeyPatch, scope: str, most: int
) -> None:
    # Where a row lacks its server, there is less to do.
    monkeypatch.setattr(
        rows, "what_is_missing", lambda each: "uvicorn" * ("uvicorn" in each.consumer)
    )
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    words = ["--quick"] if scope == "QUICK" else []
    planned = {
        part: part.seconds() for part in bench.parts(bench.parser().parse_args(words))
    }
    assert sum(planned.values()) <= most, planned


# What a number is


def samples(*numbers: float, **others: float) -> list[dict[str, float]]:
    """Return what was measured in as many rounds: one number is told in each."""
    return [{"per_s": each, "waited": 0.0, **others} for each in numbers]


def test_spread_is_the_median_and_the_quartiles() -> None:
    assert spread([5, 1, 2, 4, 3]) == (3, 2, 4)
    assert spread([7]) == (7, 7, 7)
    assert Spread(1.0, 0.8, 1.1).is_wide
    assert not Spread(1.0, 0.9, 1.1).is_wide


def test_ratio_compares_what_ran_in_the_same_round() -> None:
    mine, base = samples(10, 90, 50), samples(20, 60, 40)
    assert ratios(mine, base, "per_s").median == 1.25
    assert ratios(mine, base, "per_s", inverse=True).median == 0.8
    # The last round of one of the two was not reached.
    assert ratios(mine, base[:1], "per_s") == (0.5, 0.5, 0.5)


def test_row_has_the_quartiles_beside_the_medians() -> None:
    others = {"client_busy": 0.1, "server_busy": 0.9, "p50_ms": 3.0}
    mine, base = samples(10, 90, 50, **others), samples(20, 60, 40, **others)
    for each in (*mine, *base):
        each["cpu_us"] = 1000 / each["per_s"]
    cells = row("name", mine, base, ["per_s", "p50_ms"])
    assert cells == {
        "name": "name",
        "per_s": 50,
        "per_s_quartiles": [30, 70],
        "ratio": 1.25,
        "ratio_quartiles": [0.875, 1.375],
        "cpu_us": 20,
        "cpu_us_quartiles": [pytest.approx(15.56, abs=0.01), 60],
        "cheaper": 1.25,
        "cheaper_quartiles": [0.875, 1.375],
        "p50_ms": 3.0,
        "client_busy": 0.1,
        "server_busy": 0.9,
        "waited": 0.0,
    }


def test_only_rounds_that_all_rows_have_are_told() -> None:
    record = Record()
    record.begin(["one", "other"])
    for number in (1, 2, 3):
        record.add("one", per_s=number)
        if number < 3:
            record.add("other", per_s=number)
    record.begin(["never", "reached"])
    record.add("never", per_s=1)
    assert record.rows() == {
        "one": [{"per_s": 1}, {"per_s": 2}],
        "other": [{"per_s": 1}, {"per_s": 2}],
    }
    assert record.rounds == 2


def test_operations_share_what_the_server_has_done() -> None:
    cost = Cost(elapsed=2, worked=1, waited=0.5)
    assert cost.each(1000) == {"cpu_us": 1000, "server_busy": 0.5, "waited": 0.25}


def test_server_whose_threads_wait_for_each_other_has_not_waited_for_the_machine() -> (
    None
):
    cost = Cost(elapsed=2, worked=1.8, waited=0.5)
    assert round(cost.each(1000)["waited"], 3) == 0.1


def test_row_says_when_it_is_not_the_server_that_was_measured() -> None:
    good = samples(1, client_busy=0.2)
    assert doubts({"good": good}) == []
    [limited, waiting] = doubts(
        {
            "good": good,
            "fast": samples(1, client_busy=0.9),
            "slow": [{"client_busy": 0.1, "waited": 0.3}],
        }
    )
    assert limited == "The load generator was the limit of: fast."
    assert "for 1 of 3 rows" in waiting
    assert is_quiet(good)


def test_row_that_answers_wrong_is_named() -> None:
    with (
        pytest.raises(WireError, match=r"^stage 1: What came is not the echo"),
        naming("stage 1"),
    ):
        raise WireError("another message", "What came is not the echo.")


def test_percentiles_are_in_milliseconds() -> None:
    p50, p99 = percentiles([number / 1000 for number in range(1, 1001)])
    assert (round(p50), round(p99)) == (500, 990)
    assert percentiles([0.25]) == (250, 250)


# Goals


def test_goal_compares_cpu_where_the_machine_did_something_else() -> None:
    [goal] = [each for each in goals.GOALS if "500, against stage 3" in each.name]

    def measured(speed: float, cpu: float, waited: float) -> list[dict[str, float]]:
        return [{"deliveries_per_s": speed, "cpu_us": cpu, "waited": waited}] * 3

    quiet = {goal.mine: measured(600, 10, 0), goal.base: measured(100, 70, 0)}
    row = goal.row(quiet)
    assert (row["measured"], row["by"], row["is_met"]) == (6, "time", True)
    assert row["CPU"] == [7, 7, 7]
    busy = {goal.mine: measured(300, 20, 0.4), goal.base: measured(100, 80, 0.4)}
    row = goal.row(busy)
    assert (row["measured"], row["by"], row["is_met"]) == (4, "CPU", False)


def test_goal_of_growth_compares_how_two_servers_grow() -> None:
    [goal] = [each for each in goals.GOALS if "growth" in each.name]
    costs = {(goal.mine, 100): 40, (goal.mine, 500): 60}
    costs |= {(goal.base, 100): 10, (goal.base, 500): 20}
    found = {
        f"{who}; {size} members": [{"cpu_us": c}] for (who, size), c in costs.items()
    }
    row = goal.row(found)
    assert (row["measured"], row["at"], row["is_met"]) == (0.75, "most", True)


def test_goals_tell_what_was_asked_and_where_it_was_not_measured() -> None:
    record = Record()
    record.begin([echo.ECHO_STAGE])
    record.add(echo.ECHO_STAGE, memory_mib=70.0, first_ms=1.0, cpu_ms=1.0)
    [row] = goals.result({"start": record})["rows"]
    assert row["name"] == "stage 1 after it, in MiB"
    assert (row["asked"], row["at"], row["measured"]) == (66, "most", 70)
    assert not row["is_met"]


def test_goals_that_were_not_measured_anew_are_kept() -> None:
    first, second, third = (
        {"name": goal.name, "measured": 1} for goal in goals.GOALS[:3]
    )
    old = {"rows": [first, second, {"name": "asked no more"}], "command": "all"}
    new = {"rows": [third, {**first, "measured": 2}], "command": "some"}
    assert goals.merged(old, new)["rows"] == [{**first, "measured": 2}, second, third]


# Rows


def test_every_row_is_code_that_can_be_opened() -> None:
    for recipe in RECIPES.values():
        assert (ROOT / recipe.stage).is_dir()
        assert recipe.over is None or recipe.over.is_dir(), recipe.over
    for file, *_words in PROGRAMS.values():
        assert (STYLES / file).is_file()


def test_rows_without_their_server_are_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REDIS_SERVER", str(tmp_path / "redis-server"))
    monkeypatch.setenv("NGINX", str(tmp_path / "nginx"))
    memory, redis, site = (
        Variant(STAGE, IN_MEMORY),
        Variant(STAGE, REDIS),
        Variant(NGINX, IN_MEMORY),
    )
    found, sentences = those_that_run([memory, redis, site])
    assert found == [memory]
    assert "apt install redis-server" in sentences[0]
    assert "apt install nginx-light" in sentences[1]


def test_load_needs_more_files_than_the_system_gives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (1024, 4096))
    with pytest.raises(rows.Missing, match="lets a process open 4096 files"):
        fanout.allow_open_files(2**40)
    # Then there are no rows of that size, and the others are measured.
    monkeypatch.setattr(memory, "SIZES", (10, 2**40))
    monkeypatch.setattr(memory, "ROWS", [])
    record = Record()
    memory.measure(memory.WHOLE, record)
    [sentence] = record.left_out
    assert "4096 files" in sentence


@pytest.mark.parametrize("consumer", [STAGE, PLAIN, NO_CLOSING, FAST, TUTORIAL])
def test_hushed_room_tells_nobody_who_comes_and_goes(
    tmp_path: Path, consumer: str
) -> None:
    project = project_of(Variant(consumer, IN_MEMORY), tmp_path / "project")
    files = [
        each for each in (project / "chat").glob("*.py") if each.name != "tests.py"
    ]
    before = "".join(each.read_text(encoding="utf-8") for each in files)
    assert ('"join"' in before) != (consumer == TUTORIAL)
    hush(project)
    after = "".join(each.read_text(encoding="utf-8") for each in files)
    assert '"join"' not in after
    assert '"leave"' not in after
    for each in files:
        compile(each.read_bytes(), str(each), "exec")


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


def test_rooms_that_are_silent_answer_pings_while_one_talks() -> None:
    server, tcp = socket.socketpair()
    with server, tcp, ExitStack() as stack:
        silent, talking = (Room(stack, None, name, 0) for name in ("silent", "talking"))
        silent.members = [Member(tcp, b"")]
        silent.selector.register(tcp, selectors.EVENT_READ, silent.members[0])
        server.sendall(from_server(PING, b"still there?"))
        talking.look_after([silent])  # It has just begun.
        talking.looked -= fanout.LOOK
        talking.look_after([silent])
        assert server.recv(100) == from_client(PONG, b"still there?")
        server.sendall(from_server(TEXT, b"unasked"))
        with pytest.raises(WireError, match="unasked"):
            silent.stay()


def test_connection_that_is_reset_has_been_dropped_by_the_server() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, socket.create_connection(listener.getsockname()) as tcp:
        server, _address = listener.accept()
        linger = struct.pack("ii", 1, 0)  # Closing sends RST.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        server.close()
        with pytest.raises(WireError, match="dropped a connection"):
            read(tcp)


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
