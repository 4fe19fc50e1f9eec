"""Beside the lines of the listings stands what people do wrong in them."""

from pathlib import Path

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from docs.shown import mistakes, repository, text
from tests.docs.pitfalls import FILE, as_json, pitfalls
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
    first = notes.locator("details").first
    expect(first.locator("p")).to_be_hidden()
    block.get_by_role("button", name="Pitfalls in this line").press("Enter")
    expect(first.locator("p")).to_be_visible()
    expect(first.locator("summary")).to_be_focused()


def test_most_common_pitfalls_come_in_the_order_of_their_lines() -> None:
    lines = repository.read("stage02_routing/chat/routing.py")
    shown = mistakes.pitfalls("stage02_routing/chat/routing.py", lines)
    numbers = [int(part.partition('"')[0]) for part in shown.split('data-line="')[1:]]
    assert len(numbers) == mistakes.MOST_PITFALLS
    assert numbers == sorted(numbers)
    assert mistakes.pitfalls("stage02_routing/chat/routing.py", ["nothing\n"]) == ""


def test_each_common_mistake_stands_once_under_what_one_sees() -> None:
    shown = mistakes.sights()
    common = [
        e for e in mistakes.catalogue().values() if e["common"] in mistakes.COMMON
    ]
    assert shown.count("<details>") == len(common)
    under = {}
    for part in shown.split("## ")[1:]:
        for entry in common:
            if f"<span>{text.with_code(entry['title'])}</span>" in part:
                under[entry["id"]] = part.partition("\n")[0]
    assert len(under) == len(common)
    # As it was seen when it was proved, whatever the catalogue says of its symptom.
    seen = mistakes.proved()["seen"]
    assert [under[each] for each, wire in seen.items() if wire == "no start"] == [
        "The server does not start" for wire in seen.values() if wire == "no start"
    ]
