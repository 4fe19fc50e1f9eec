"""Beside the lines of the listings stands what people do wrong in them."""

import json
import re
import socket
import subprocess
import sys
from html import unescape
from pathlib import Path
from statistics import mode

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect
from websockets.sync.client import connect

from docs.shown import mistakes, repository, text
from docs.shown.text import slug
from tests.checker.explain import explain
from tests.docs.pitfalls import FILE, as_json, is_of_another, masked, pitfalls
from tests.docs.repository import ROOT
from tests.proofs.records import EVIDENCE, Proof, Recorded

# Telling all mistakes takes 10 s of CPU, so it is done when one of these has changed.
DEPENDS = (
    *sorted(ROOT.glob("stage*_*")),
    ROOT / "tests/checker/explain",
    ROOT / "tests/docs/pitfalls.py",
    ROOT / "tests/proofs/wrong",
    EVIDENCE / "mistakes",
    EVIDENCE / "newcomers",
)


@pytest.mark.parametrize("proof", [Proof("pitfalls", "all", DEPENDS)], ids=str)
def test_pitfalls_are_those_of_the_proved_mistakes(
    proof: Proof, recorded: Recorded
) -> None:
    seen = recorded(proof, lambda: {"text": as_json(pitfalls())})
    assert FILE.read_text(encoding="utf-8") == seen["text"], (
        "docs/pitfalls.json is not what the proofs tell. `python -m "
        "tests.docs.pitfalls --write` writes it anew."
    )


def test_each_pitfall_is_at_a_line_of_its_file_and_in_the_catalogue() -> None:
    known = mistakes.catalogue()
    for path, found in mistakes.proved()["lines"].items():
        lines = [line.strip() for line in repository.read(path)]
        for pitfall in found:
            assert pitfall["line"] in lines, f"{path} has no line {pitfall['line']!r}."
            assert pitfall["entry"] in known


def test_mark_at_a_line_opens_what_is_folded_below(mkdocs: Path, tab: Tab) -> None:
    tab.goto((mkdocs / "01-echo.html").as_uri())
    block = tab.locator(".highlight", has_text="EchoConsumer.as_asgi()").first
    notes = tab.locator(".pitfalls", has_text="into the route without as_asgi()")
    text = block.locator("code").evaluate("code => code.textContent")
    assert text == (ROOT / "stage01_echo/chat/routing.py").read_text(encoding="utf-8")
    first = notes.locator("[data-line]").first
    expect(first).to_be_hidden()
    block.get_by_role("button", name="Pitfalls in this line").press("Enter")
    expect(first.locator("p")).to_be_visible()
    expect(first.locator("summary")).to_be_focused()


def test_most_common_pitfalls_come_in_the_order_of_their_lines() -> None:
    lines = repository.read("stage02_routing/chat/routing.py")
    shown = mistakes.pitfalls("stage02_routing/chat/routing.py", lines)
    numbers = [int(part.partition('"')[0]) for part in shown.split('data-line="')[1:]]
    assert len(numbers) == mistakes.MOST_PITFALLS
    assert numbers == sorted(numbers)
    # They are below one closed line, which says how many there are.
    closed = f"<details><summary><span>What goes wrong here ({len(numbers)})</span>"
    assert closed in shown
    assert shown.count("<details") == 1 + len(numbers)
    assert mistakes.pitfalls("stage02_routing/chat/routing.py", ["nothing\n"]) == ""


def test_pitfalls_speak_of_the_readers_file_and_of_no_line_of_a_stranger() -> None:
    lines = repository.read("stage02_routing/chat/routing.py")
    shown = mistakes.pitfalls("stage02_routing/chat/routing.py", lines)
    assert "/ws/echo/" not in shown
    told = json.dumps(mistakes.proved(), ensure_ascii=False)
    assert not re.search(r", line \d", told)
    # Each is named by the line that it is about, which has no number on the page.
    named = re.findall(r"<small><code>(.*?)</code></small>", shown)
    assert unescape(named[0]) == 'path("ws/rooms/<room:room>/", Cha…'


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("No module named 'chat.rooting'", "No module named '…'"),
        ("No module named 'chat.routing'", "No module named 'chat.routing'"),
        ("ws/rooms/46d1fc8580ed471facd81c32aae5d3b6/", "ws/rooms/…/"),
        ("recieve", "…"),
        ("receive", "receive"),
        ("expected ':'", "expected ':'"),
    ],
)
def test_names_that_a_reader_does_not_have_are_left_out(word: str, shown: str) -> None:
    assert masked(word, "chat.routing\nasync def receive(self):") == shown


def test_a_pitfall_speaks_of_the_method_at_whose_line_it_stands() -> None:
    line = "async def connect(self):"
    assert not is_of_another(line, (("name", "connect"),))
    assert not is_of_another(line, (("method", "EchoConsumer.connect"),))
    assert is_of_another(line, (("name", "disconnect"),))
    # A misspelt one stands at the line of the right one.
    assert not is_of_another(line, (("name", "conect"), ("right", "connect")))
    assert not is_of_another("await self.accept()", (("name", "receive"),))


def test_a_title_beside_a_line_is_made_from_what_was_found() -> None:
    named = {e["id"]: e["here"] for e in mistakes.catalogue().values() if "here" in e}
    for path, found in mistakes.proved()["lines"].items():
        for pitfall in found:
            title = named.get(pitfall["entry"])
            assert ("title" in pitfall) == bool(title), f"{path}: {pitfall}"
            if title:
                pattern = re.sub(r"\\\{\w+\\\}", ".+", re.escape(title))
                assert re.fullmatch(pattern, pitfall["title"])
                assert len(pitfall["title"]) <= 75


def test_each_common_mistake_stands_once_under_what_one_sees() -> None:
    shown = mistakes.sights()
    common = [
        e for e in mistakes.catalogue().values() if e["common"] in mistakes.COMMON
    ]
    assert shown.count("<details>") == len(common)
    under = {}
    for part in re.split("^## ", shown, flags=re.M)[1:]:
        for entry in common:
            if f"<span>{text.with_code(entry['title'])}</span>" in part:
                under[entry["id"]] = part.partition("\n")[0]
    assert len(under) == len(common)
    # As it was seen when it was proved, whatever the catalogue says of its symptom.
    seen = mistakes.proved()["seen"]
    assert [under[each] for each, wire in seen.items() if wire == "no start"] == [
        "The server does not start" for wire in seen.values() if wire == "no start"
    ]


def test_who_is_faster_than_the_server_finds_what_python_says() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectionRefusedError) as refused:
        connect(f"ws://127.0.0.1:{port}/ws/echo/", proxy=None)
    said = f"{refused.type.__name__}: [Errno 111] Connection refused"
    if refused.value.errno == 111:  # It has another number on macOS and Windows.
        assert said == f"{refused.type.__name__}: {refused.value}"
    shown = mistakes.sights()
    _, _, row = shown.partition(f"<span>{said}")
    assert "<code>Quit the server</code>" in row.partition("</details>")[0]


LEADS = [
    lead
    for group in repository.read_toml("docs/sights.toml")["sight"]
    for row in group.get("row", [])
    for lead in row.get("lead", [])
]


@pytest.mark.parametrize("lead", LEADS, ids=lambda lead: lead["symptom"])
def test_code_1006_leads_by_what_the_log_showed_of_proved_mistakes(lead: dict) -> None:
    seen = [
        record["seen"]
        for path in sorted(EVIDENCE.glob("mistakes/*.json"))
        for record in json.loads(path.read_text(encoding="utf-8")).values()
    ]
    with_sign = [
        each["symptom"]
        for each in seen
        if re.search(lead["printed"], each.get("printed", ""))
        and each.get("symptom", "").startswith("HTTP ")
    ]
    # Whatever else was tried first: mostly it is this, and never another of the three.
    assert mode(with_sign) == lead["symptom"]
    others = {each["symptom"] for each in LEADS} - {lead["symptom"]}
    assert not others & set(with_sign)
    # The row shows the beginning of what the proofs look for, and leads to its heading.
    assert re.search(lead["printed"].split("(")[0].split("\\S")[0], lead["sign"])
    shown = mistakes.sights()
    assert f"\n## {lead['heading']}\n" in shown
    assert f'href="#{slug(lead["heading"])}"' in shown


@pytest.mark.recorded(ROOT / "stage01_echo", ROOT / "tests/start")
@pytest.mark.parametrize(
    ("project", "words"),
    [
        ("stage01_echo", "Address already in use"),
        ("tests/start", "That port is already"),
    ],
    ids=["Daphne", "Django"],
)
def test_who_starts_a_second_server_finds_what_it_says(
    project: str, words: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as first:
        address = f"127.0.0.1:{first.getsockname()[1]}"
        second = subprocess.run(
            [sys.executable, "manage.py", "runserver", "--noreload", address],
            cwd=ROOT / project,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert words in second.stderr
    entry = mistakes.catalogue()["port-taken"]
    assert words in entry["title"]
    assert explain("no start", second.stderr).id == "port-taken"


@pytest.mark.parametrize(
    "word", ["restart", "reload", "saved", "does not come back", "the server waits"]
)
def test_who_has_mended_a_file_in_vain_finds_how_the_server_comes_back(
    word: str,
) -> None:
    shown = mistakes.sights()
    _, _, part = shown.partition("\n## The server does not come back after a save\n")
    row = part.partition("</details>")[0].casefold()
    assert re.search(rf"\b{word}", row)
    assert "ctrl-c and start it again" in row


def test_no_two_mistakes_have_the_same_title() -> None:
    titles = [entry["title"] for entry in mistakes.catalogue().values()]
    assert sorted(titles) == sorted(set(titles))


def test_no_list_of_mistakes_is_long() -> None:
    lists = mistakes.sights().split('<div class="sights"')[1:]
    counts = [each.count("<details>") for each in lists]
    assert max(counts) <= mistakes.MOST_IN_A_LIST, counts


def test_field_leaves_only_what_has_the_words(mkdocs: Path, tab: Tab) -> None:
    tab.goto((mkdocs / "troubleshooting.html").as_uri())
    field = tab.get_by_role("searchbox", name="Only mistakes with these words")
    shown = tab.locator(".sights details:visible")
    said = tab.locator(".sights-filter").get_by_role("status")
    every = shown.count()
    before = shown.all_text_contents()  # At once: there are some hundred.
    first = tab.get_by_role("heading", name="The server does not start")
    assert field.bounding_box()["y"] < first.bounding_box()["y"]
    expect(said).to_have_text(f"{every} mistakes, all shown.")
    field.press_sequentially("REGULAR expression")
    expect(said).to_have_text(re.compile(rf"^[1-9] of {every} shown\.$"))
    assert 0 < shown.count() < 10
    for words in shown.all_text_contents():
        assert "regular expression" in words.lower()
    # What was found is one list, in which the headings have no place.
    expect(tab.get_by_role("heading", name="No message comes")).to_be_hidden()
    field.fill("1006")
    expect(shown.first).to_contain_text("The page says: Connection lost (code 1006)")
    field.fill("address already in use")
    expect(shown.first).to_contain_text("It says: Address already in use")
    # Not import, nor support.
    field.fill("port")
    expect(shown.filter(has_text='nginx says "Address')).to_have_count(0)
    expect(shown.first).to_contain_text("stage 1")
    expect(shown.first).to_contain_text("That port is already in use")
    for words in shown.all_text_contents():
        assert re.search(r"\bport", words.lower())
    field.fill("no such mistake anywhere")
    expect(said).to_have_text(f"0 of {every} shown.")
    expect(tab.locator("h2:visible")).to_have_count(0)
    # A link of a row leads to a heading that comes back, with all that was there.
    field.fill("1006")
    shown.first.get_by_role("link", name="answered with 403").click()
    expect(field).to_have_value("")
    expect(shown).to_have_count(every)
    expect(tab.get_by_role("heading", name="answered with 403")).to_be_in_viewport()
    assert shown.all_text_contents() == before
