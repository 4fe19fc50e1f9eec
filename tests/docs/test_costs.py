"""The chapter on what a message costs says what was measured, and is short."""

import json
import re
import shutil
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from docs.shown import costs, machines, repository
from docs.shown.calls import found_calls
from docs.shown.minutes import amount
from tests.bench.fanout import WINDOWS
from tests.bench.goals import GOALS
from tests.bench.rows import (
    AUTOBAHN,
    BARE,
    BARE_ECHO,
    ECHO_FAST,
    ECHO_STAGE,
    FAST,
    IN_MEMORY,
    NO_CLOSING,
    SESSION,
    SESSION_FAST,
    STAGE,
    SYNCHRONOUS,
    WEBSOCKETS,
    Variant,
)
from tests.docs.repository import ROOT
from tests.proofs.runs import solution

PAGE = (ROOT / "docs/costs.md").read_text(encoding="utf-8")
RESULTS = json.loads((ROOT / "docs/bench.json").read_text(encoding="utf-8"))
MOST_WORDS = 2_500


def of(name: str, row: str, column: str = "cheaper") -> float:
    """Return how much cheaper than its base a row is, or another number of it."""
    return next(each[column] for each in RESULTS[name]["rows"] if each["name"] == row)


def test_chapter_is_short() -> None:
    words, _ = amount(PAGE)
    assert words <= MOST_WORDS


@pytest.mark.parametrize(
    "traffic", ["1 client, 16 messages in flight", "1 client, 1 message in flight"]
)
def test_each_layer_of_an_echo_costs_something(traffic: str) -> None:
    layers = [WEBSOCKETS, AUTOBAHN, ECHO_FAST, ECHO_STAGE, SYNCHRONOUS]
    raw, autobahn, fast, stage, synchronous = (
        of("echo", f"{layer}; {traffic}") for layer in layers
    )
    assert raw > autobahn > stage
    assert raw > fast > stage > synchronous
    # Between autobahn and the fast lane there is little: noise may turn it round.
    assert autobahn > 0.85 * fast


def test_delivery_gets_dearer_in_a_larger_room_of_the_stage_most() -> None:
    def growth(who: str) -> float:
        small, large = (
            of("fanout", f"{who}, in memory; {size} members", "cpu_us")
            for size in (100, 500)
        )
        return large / small

    assert growth(STAGE) > 1.2 > growth(FAST)
    assert growth(NO_CLOSING) > 1.2


def test_session_costs_most_of_a_handshake_and_less_in_the_fast_lane() -> None:
    stage, session, fast = (
        of("handshake", str(Variant(who, IN_MEMORY)))
        for who in (STAGE, SESSION, SESSION_FAST)
    )
    assert stage > 2 * session
    assert stage > fast > 1.3 * session


def test_goals_are_those_that_were_asked() -> None:
    assert [row["name"] for row in RESULTS["goals"]["rows"]] == [
        goal.name for goal in GOALS
    ]
    limits = [row["limit"] for row in RESULTS["goals"]["rows"] if "limit" in row]
    assert len(limits) == 3
    assert limits[2] < 0.8  # Nothing on Daphne reaches it.


# How it is drawn

ROWS = [
    {"name": "fast lane, stage 1; 1", "cpu_us": 10.0, "cpu_us_quartiles": [8.0, 14.0]},
    {"name": "stage 1; 1", "cpu_us": 40.0, "cpu_us_quartiles": [40.0, 40.0]},
]
SIZES = [
    {"name": f"{who}; {size} members", "cpu_us": cost}
    for who, costs in {"a": (10.0, 20.0), "b <": (10.0, 21.0)}.items()
    for size, cost in zip((100, 500), costs, strict=True)
]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """Give the macros that draw, for results of ours."""
    monkeypatch.setattr(repository, "ROOT", tmp_path)
    file = tmp_path / "docs" / "bench.json"
    file.parent.mkdir()
    goal = {"name": "fast", "asked": 2.0, "at": "least", "measured": 1.5, "by": "CPU"}
    goal |= {"measured_quartiles": [1.0, 2.0], "is_wide": True, "is_met": False}
    results = {"echo": {"rows": ROWS}, "fanout": {"rows": SIZES}}
    results["goals"] = {"rows": [goal]}
    file.write_text(json.dumps(results), encoding="utf-8")
    return costs


def test_bars_are_as_long_as_their_numbers_and_told_by_a_table(
    drawn: ModuleType,
) -> None:
    shown = drawn.cost_bars(
        "CPU", "echo", "cpu_us", "1", "fast lane, stage 1", "stage 1"
    )
    svg = ElementTree.fromstring(re.search(r"<svg.*</svg>", shown, re.S)[0])  # noqa: S314  # Ours.
    widths = [
        float(each.get("width"))
        for each in svg.iter("{http://www.w3.org/2000/svg}rect")
    ]
    assert widths == [80, 320]
    # Half of the rounds of the first, and of the other nothing: they were all alike.
    [half] = [each for each in svg.iter() if each.get("class") == "half"]
    assert half.get("d") == "M64.0 29H112.0"
    assert '<th scope="row">fast lane, stage 1</th><td>10.0</td>' in shown
    assert "8.00 to 14.0" in shown
    with pytest.raises(drawn.CannotShow, match="no 'stage 2; 1' among"):
        drawn.cost_bars("CPU", "echo", "cpu_us", "1", "stage 2")


def test_lines_of_two_rows_have_names_that_do_not_meet(drawn: ModuleType) -> None:
    shown = drawn.cost_lines("CPU", "fanout", "cpu_us", "a", "b <")
    svg = ElementTree.fromstring(re.search(r"<svg.*</svg>", shown, re.S)[0])  # noqa: S314  # Ours.
    places = {
        each.text: float(each.get("y"))
        for each in svg.iter("{http://www.w3.org/2000/svg}text")
    }
    assert places["a"] - places["b <"] >= 17
    assert '<th scope="row">b &lt;</th><td>10.0</td><td>21.0</td>' in shown
    with pytest.raises(drawn.CannotShow, match="no two sizes of 'c'"):
        drawn.cost_lines("CPU", "fanout", "cpu_us", "c")


def test_room_bears_what_one_core_has_time_for(drawn: ModuleType) -> None:
    shown = drawn.room_bears("a", "b <")
    # A message costs a delivery of 10 µs for each of 100 members, and of 20 for 500.
    assert '<th scope="row">a</th><td>1,000</td><td>100</td>' in shown
    assert '<th scope="row">b &lt;</th><td>1,000</td><td>95</td>' in shown
    assert drawn.a_second(2_000_000) == "0.5"


def test_goals_say_what_was_not_met(drawn: ModuleType) -> None:
    shown = drawn.bench_goals()
    cells = ["≥ 2", "1.50", "1.00 to 2.00, a wide spread", "CPU", "no"]
    assert "".join(f"<td>{cell}</td>" for cell in cells) in shown
    assert drawn.bench_half("echo", "fast lane, stage 1; 1", "cpu_us") == "8.00 to 14.0"


def test_costs_are_compared_and_shared(drawn: ModuleType) -> None:
    assert drawn.cost_times("echo", "fast lane, stage 1; 1", "stage 1; 1") == "4.00"
    assert drawn.cost_growth("b <", 100, 500) == "2.10"
    # Ten messages a second to a hundred members, each of whom costs ten microseconds.
    assert drawn.core_share("a", 100, 10) == "1 %"


def test_bare_function_costs_what_the_fast_lane_does() -> None:
    for traffic in ("1 client, 1 message in flight", "1 client, 16 messages in flight"):
        bare, fast = (
            of("echo", f"{who}; {traffic}", "cpu_us") for who in (BARE_ECHO, ECHO_FAST)
        )
        assert 0.8 < bare / fast < 1.25


def test_fast_lane_is_nearer_to_its_limit_where_no_writes_can_be_saved() -> None:
    """Rooms of 2,000 have one message in flight: fanout.WINDOWS."""
    assert WINDOWS[2000] == 1

    def times(members: int) -> float:
        fast, bare = (
            of("fanout", f"{who}; {members} members", "cpu_us")
            for who in (f"{FAST}, in memory", BARE)
        )
        return fast / bare

    assert times(2000) < times(100)
    assert times(100) > 2


# What a reader types


COPY = re.compile(r"cp -r (\S+)/\. (\S+)")
CHECK = re.compile(r"python3 learn\.py check (\d) --project (\S+)")


def typed() -> list[tuple[str, ...]]:
    """Return the commands of each try-out of the page."""
    return [
        lines
        for _, name, lines in found_calls(PAGE)
        if name == "commands" and lines[0].startswith("mkdir")
    ]


def files_of(project: Path) -> dict[str, bytes]:
    """Return what is in the files of a project, without what Python has made of it."""
    return {
        str(file.relative_to(project)): file.read_bytes()
        for file in project.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


@pytest.mark.parametrize("lines", typed(), ids=lambda lines: lines[0].split("/")[-1])
def test_reader_has_the_project_that_the_proofs_check(
    lines: tuple[str, ...], tmp_path: Path
) -> None:
    made, *copies, checked = lines
    for line in copies:
        source, target = COPY.fullmatch(line).groups()
        assert made == f"mkdir -p {target}"
        shutil.copytree(
            ROOT / source,
            tmp_path / target,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("__pycache__", "db.sqlite3"),
        )
    stage, project = CHECK.fullmatch(checked).groups()
    name = source.rpartition("/")[2]
    assert name.startswith(f"stage0{stage}_")
    # test_solutions.py checks it, as the last command does.
    proven = files_of(solution(name, tmp_path / "proven"))
    copied = files_of(tmp_path / project)
    assert {file: copied.get(file) for file in proven} == proven


def test_page_names_the_files_of_the_other_stages() -> None:
    for stage, name in (
        ("stage01_echo", "stage01_fast"),
        ("stage04_auth", "stage04_fast"),
    ):
        assert f"`{stage}`" in PAGE
        assert f"`{name}`" in PAGE
        assert (ROOT / stage).is_dir()
        assert (ROOT / "tests/proofs/right" / name / "chat/routing.py").is_file()


def test_fast_lane_is_used_because_of_its_routing() -> None:
    """Without this file, the checks pass as well: the old consumer answers."""
    call = '[[ include("tests/proofs/right/stage03_fast/chat/routing.py") ]]'
    assert call in PAGE
    fast = (ROOT / "tests/proofs/right/stage03_fast/chat/routing.py").read_text("utf-8")
    old = (ROOT / "stage03_groups/chat/routing.py").read_text("utf-8")
    assert "FastConsumer.as_asgi()" in fast
    assert "FastConsumer" not in old


def test_redis_costs_more_and_most_where_rooms_are_spread() -> None:
    assert 1 < float(costs.redis_times(100)) < 2
    small, spread = (
        int(machines.daphne_us(number).replace(",", "")) for number in (1, 4)
    )
    assert float(costs.delivery(f"{STAGE}, Redis", 100).replace(",", "")) < small
    assert small < spread
    # A second process gains something, and less than twice.
    assert 1 < machines.carried(2) / machines.carried(1) < 2
