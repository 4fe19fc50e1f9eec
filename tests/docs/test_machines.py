"""
What `python -m tests.bench.machines` saw is what its page shows, and says.

A part of it is seen again by tests/bench/test_machines.py.
"""

import json
import random
import re
import sys
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from docs.shown import machines
from docs.shown.minutes import amount
from docs.shown.paper import Costs, Policy, Site, arithmetic, joins, storm
from docs.shown.repository import CannotShow
from tests.bench.machines.__main__ import PARTS, RESULT, main
from tests.docs.repository import ROOT

PAGE = ROOT / "docs" / "machines.md"
MOST_WORDS = 2_500
RESULTS = json.loads(RESULT.read_text(encoding="utf-8"))


def seen(part: str) -> Any:
    """Return what a part of the program saw."""
    return RESULTS[part]["seen"]


# The page and the file


def test_result_has_every_part_and_says_where_it_was_seen() -> None:
    assert tuple(RESULTS) == PARTS
    for part, result in RESULTS.items():
        assert result["command"] == f"python -m tests.bench.machines {part} --write"
        assert {"CPUs", "Python", "daphne", "channels-redis"} <= set(
            result["environment"]
        )


def test_page_is_short_and_shows_every_part() -> None:
    text = PAGE.read_text(encoding="utf-8")
    words, _ = amount(text)
    assert words <= MOST_WORDS, f"{PAGE.name} has {words} words."
    for part in PARTS:
        assert f"[[ machines_{part}() ]]" in text


def test_page_shows_what_was_seen(sites: dict[str, Path]) -> None:
    html = (sites["mkdocs"] / "machines.html").read_text(encoding="utf-8")
    text = unescape(re.sub("<[^>]+>", "", html))
    for part in PARTS:
        table = getattr(machines, f"machines_{part}")()
        for line in table.splitlines()[2:]:
            for cell in line.strip("| ").split(" | "):
                shown = re.sub(r"[`\\]", "", cell)
                for each in shown.split("<br>"):
                    assert each in text, f"{part}: {each!r}"


def test_what_was_not_seen_fails_the_build() -> None:
    with pytest.raises(CannotShow, match="'tides' in shards"):
        machines.machine("shards", "tides")
    with pytest.raises(CannotShow, match="no tides"):
        machines.million("tides")


@pytest.mark.parametrize("part", PARTS)
def test_terminal_has_the_table_of_the_page_in_narrow_lines(part: str) -> None:
    text = machines.as_text(part, RESULTS[part])
    assert not machines.JUST_SEEN
    lines = text.splitlines()
    # The longest is an error of Redis in a Cluster.
    assert max(map(len, lines)) <= 110, max(lines, key=len)
    assert not re.search(r"`|\\|<br>|\|", text)
    table = getattr(machines, f"machines_{part}")().splitlines()
    for cell in machines.cells_of(table[-1]):
        assert cell.split("<br>")[0] in text


def test_program_says_at_once_what_it_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(_folder: Path) -> dict:
        assert capsys.readouterr().err == "scale (1 of 1) …\n"
        return seen("scale")

    monkeypatch.setattr("tests.bench.machines.scale.measure", measure)
    monkeypatch.setattr(sys, "argv", ["machines", "scale"])
    main()
    told = capsys.readouterr()
    assert told.out == machines.as_text("scale", RESULTS["scale"]) + "\n"
    assert told.err.startswith("scale took 0 s")
    monkeypatch.setattr(sys, "argv", ["machines", "scale", "--json"])
    main()
    assert json.loads(capsys.readouterr().out) == {"scale": seen("scale")}


# What the page says of it


def test_dead_redis_takes_nearly_all_along_on_core_and_not_on_pub_sub() -> None:
    core, patient, pub_sub = (
        seen("shards")[f"{name}, guard() tells {whom}"]["members"]
        for name, whom in (("core", "all"), ("core", "one"), ("pub/sub", "one"))
    )
    for kind in core:
        assert core[kind]["connected"] < 0.5
        assert core[kind]["codes"] == [4503]
        goes_on = kind == "room at home, process alive"
        assert (patient[kind]["connected"] > 0.9) is goes_on, kind
        lives = not kind.startswith("room dead")
        assert (pub_sub[kind]["connected"] > 0.9) is lives, kind
        assert (pub_sub[kind]["closed"] == 0) is lives, kind


def test_newcomers_of_the_dead_redis() -> None:
    for name in machines.VARIANTS:
        let_in = seen("shards")[name]["newcomers_let_in"]
        asked = seen("shards")[name]["newcomers_asked"]
        if name.startswith("pub/sub"):
            assert 0 < let_in["dead"] < asked
            assert 0 < let_in["alive"] < asked
        else:
            assert let_in["dead"] == 0
            # Where guard() tells all, who comes to a dead room knocks them out.
            assert name.endswith("all") or let_in["alive"] == asked


def test_all_hear_all_when_it_is_back_as_soon_as_the_pages_ask() -> None:
    for name in machines.VARIANTS:
        assert seen("shards")[name]["again_s"] < 2 * Policy().longest


def test_send_to_one_channel_is_lost_between_two_redis() -> None:
    one, two = (seen("shards")[f"send(), {number} Redis"] for number in (1, 2))
    assert one["received"] == one["sent"]
    assert 0.2 < two["received"] / two["sent"] < 0.8


def test_sentinels_end_it_in_seconds_if_the_socket_does_not_wait() -> None:
    found = seen("sentinel")
    for name, each in found.items():
        assert each["before"]["came"] == each["before"]["wanted"] > 0
        assert each["after"]["came"] == each["after"]["wanted"] > 0
        assert each["codes"] == [4503]
        assert each["promoted_s"] < 5
        if name.startswith("killed"):
            assert each["closed_s"] < 1
            assert each["again_s"] < 10
    silent, sooner = (
        found[f"silent, 3 Sentinels{more}"] for more in ("", ", socket_timeout 5.5")
    )
    assert 7.5 < silent["closed_s"] < 10
    assert 5 < sooner["closed_s"] < 7.5
    assert silent["said_in_vain"] > 10 * found["killed, 3 Sentinels"]["said_in_vain"]


def test_cluster_is_nothing_for_the_core_layer() -> None:
    found = seen("cluster")
    ways = [name for name in found if "killed" not in name]
    for name in ways:
        each = found[name]
        works = name.startswith("pub/sub") or name.endswith(", its node")
        assert each["members_in"] == each["members"] * works, name
        assert (each["codes"], bool(each["errors"])) == (
            ([], False) if works else ([4503], True)
        )
        if works:
            assert each["came"] == each["wanted"] > 0, name
        else:
            kinds = {error.split()[0] for error in each["errors"]}
            assert kinds <= {"ResponseError", "MovedError"}
    killed = found["pub/sub, one node killed"]
    assert killed["state"] == "fail"
    assert killed["its_own_process_in"] == 0
    assert killed["the_other_process_in"] == killed["of"][1]
    other = killed["the_other_process"]
    assert other["came"] == other["wanted"] > 0


def test_rolling_restart_loses_nothing_and_nginx_must_not_be_shy() -> None:
    found = seen("restart")
    for name, each in found.items():
        assert each["came"] == each["wanted"] > 0, name
        assert each["twice"] == 0
        assert each["exit_statuses"] == [0, 0]
        goodbye = name.startswith("goodbye")
        assert each["codes"] == [4001 if goodbye else 1006]
        assert (each["ghosts"] == 0) is goodbye, name
    shy, asked, bold = (
        found[f"goodbye, max_fails={more}"]
        for more in ("1", "1, a page after each", "0")
    )
    assert shy["refused"] > 30
    assert shy["refused_with"] == [502]
    assert shy["away_s"][1] > 2 * max(asked["away_s"][1], bold["away_s"][1])
    assert bold["refused"] == 0
    # Whoever is not back has been away for at least that long.
    shown = machines.machines_restart()
    assert machines.not_back(shy) > 0 == machines.not_back(bold)
    assert f"| {machines.not_back(shy)} of {shy['members']} | 0 of" in shown
    assert shown.count("| at least ") == 1


def test_nginx_can_keep_each_room_on_one_process() -> None:
    """Of `hash $uri`: the line that the page replaces, and a room in each path."""
    stage = ROOT / "stage05_wss"
    configuration = (stage / "deploy/nginx.conf").read_text("utf-8")
    assert configuration.count("least_conn;") == 1
    routing = (stage / "chat/routing.py").read_text("utf-8")
    assert 'path("ws/rooms/<room:room>/"' in routing


def test_more_processes_cost_more_for_each_delivery() -> None:
    rows = {row["daphnes"]: row for row in seen("scale")["rows"]}
    # Speeds of several processes on two cores do not repeat, and are not shown.
    assert 1 < machines.carried(2) / machines.carried(1) < 2
    assert machines.carried(1) == pytest.approx(1e6 / rows[1]["Daphne_us"])
    for name in ("Daphne_us", "Redis_us"):
        assert rows[4][name] > rows[1][name]
    # In a small room. The paper reckons with a larger one.
    assert rows[1]["Daphne_us"] > 1e6 / machines.costs().deliveries_per_s


def test_simulation_is_near_what_was_measured() -> None:
    for kind in ("jitter", "no jitter"):
        measured, simulated = (
            seen("storm")[how][kind] for how in ("measured", "simulated")
        )
        for key in ("half_in_s", "all_in_s", "refused_each"):
            assert 0.6 < simulated[key] / measured[key] < 1.5, (kind, key)
    waits = seen("storm")["simulated"]
    assert waits["jitter"]["wait_p99_s"] < waits["no jitter"]["wait_p99_s"]


# Paper

COSTS = Costs(4_000, 300, 32, 16, 2, 100, 400, 2_500, 50)


def test_page_waits_as_chat_js_does() -> None:
    script = (ROOT / "stage05_wss/chat/static/chat/chat.js").read_text(encoding="utf-8")
    written = {
        name: int(value.replace("_", "")) / 1000
        for name, value in re.findall(r"^const (\w+) = ([\d_]+);", script, re.MULTILINE)
    }
    page = Policy()
    assert (page.first, page.longest, page.patience) == (
        *(written["FIRST_DELAY"], written["LONGEST_DELAY"], written["PATIENCE"]),
    )
    chance = random.Random(1)  # noqa: S311  # No secret.
    for attempt, longest in enumerate((0.5, 1, 2, 4, 8, 8)):
        assert longest / 2 <= page.delay(attempt, chance) <= longest


def test_storm_without_jitter_is_one_queue() -> None:
    seen = storm(100, 50, Policy(jitter=False))
    assert seen.all_in == pytest.approx(0.5 + 100 / 50)
    assert seen.wait_p99 == pytest.approx(2, abs=0.05)
    assert (seen.refused, seen.given_up, seen.peak) == (0, 0, 100)


def test_storm_is_refused_while_nobody_listens() -> None:
    seen = storm(100, 1000, Policy(jitter=False), down=1)
    assert seen.refused == 100
    assert seen.all_in == pytest.approx(0.5 + 1 + 0.1)


def test_storm_that_is_spread_over_its_handshakes_has_no_queue() -> None:
    together = storm(1000, 100, Policy(jitter=False))
    spread = storm(1000, 100, Policy(first=24, longest=24))
    assert together.given_up == 0 < together.wait_p50
    assert spread.wait_p50 < together.wait_p50 / 10
    assert spread.all_in < 25


def test_storm_beyond_the_patience_of_pages_sends_some_away() -> None:
    crowd = storm(2_560, 128, Policy(jitter=False))
    assert crowd.given_up == 1_280  # In ten seconds, the server does the others.
    assert crowd.wait_p99 <= Policy().patience
    assert crowd.all_in == pytest.approx(0.5 + 10 + 1 + 10)


def test_crowd_that_obeys_the_rule_of_the_page_waits_for_nothing() -> None:
    rate = machines.costs().handshakes_per_s
    for crowd in machines.CROWDS:
        [(name, policy)] = machines.spread_over(crowd, rate).items()
        first, last = map(int, re.findall(r"\d+", name))
        # Half of each wait is left to chance: the crowd comes within last - first.
        assert (policy.longest / 2, policy.longest) == (first, last)
        assert last - first >= crowd / rate
        seen = storm(crowd, rate, policy, down=1.0)
        assert seen.given_up == seen.refused == 0
        assert seen.wait_p99 < 1
        assert seen.all_in <= last + 1
        assert f"| {crowd:,} | {name} | " in machines.storms()


def test_storm_is_counted_from_when_the_server_is_back() -> None:
    for kind, seen in machines.found("storm", "measured").items():
        after = machines.written(seen["all_in_s"] - seen["down_s"])
        *_, row = (x for x in machines.machines_storm().splitlines() if "| all" in x)
        assert f"| {after} s |" in row, kind


def test_arithmetic_is_that_of_a_pencil() -> None:
    needs = arithmetic(Site(connections=600, members=10), COSTS)
    assert needs["messages_per_s"] == 10
    assert needs["deliveries"] == 100
    assert needs["processes"] == needs["redis"] == 1
    assert needs["redis_kept"] == needs["processes_small"] == 1
    assert needs["all_in_s"] == 2
    assert needs["gib"] == pytest.approx(600 * 48 / 1024**2)
    assert needs["files_of_nginx"] == 1_200
    needs = arithmetic(Site(connections=600_000, members=10), COSTS)
    # 100,000 deliveries a second, and half of each core is used.
    assert needs["processes"] == 50
    assert (needs["processes_small"], needs["processes_spread"]) == (80, 500)
    assert (needs["redis_kept"], needs["redis"]) == (10, 20)
    assert joins(3) == 1 + 2 + 3


@pytest.mark.parametrize(
    ("value", "words"), [(0.1234, "0.12"), (7.31, "7.3"), (34_567, "35,000")]
)
def test_paper_knows_two_digits(value: float, words: str) -> None:
    assert machines.rounded(value) == words
