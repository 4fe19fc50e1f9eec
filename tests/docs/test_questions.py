"""Questions to answer from memory, at the end of each chapter."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect
from playwright.sync_api import Page as Tab

from docs.shown import questions, repository
from tests.docs.pages import stages
from tests.docs.repository import ROOT
from tests.docs.visits import Watched

CHAPTERS = sorted(path.stem for path in ROOT.glob("docs/questions/*.toml"))


def test_each_chapter_asks_three_questions() -> None:
    assert [chapter[:2] for chapter in CHAPTERS] == sorted(stages())
    for chapter in CHAPTERS:
        page = (ROOT / f"docs/{chapter}.md").read_text(encoding="utf-8")
        assert f'[[ questions("{chapter}") ]]' in page
        assert questions.questions(chapter).count("<legend>") == 3


def test_right_answer_is_not_always_at_the_same_place() -> None:
    for chapter in CHAPTERS:
        rights = re.findall('data-right="(.)"', questions.questions(chapter))
        assert sorted(rights) == ["0", "1", "2"], chapter


def asked() -> list[dict]:
    """Return all questions, as their files have them."""
    texts = [
        (ROOT / f"docs/questions/{chapter}.toml").read_text(encoding="utf-8")
        for chapter in CHAPTERS
    ]
    return [each for text in texts for each in tomllib.loads(text)["question"]]


def test_hint_is_short_and_does_not_name_the_answer() -> None:
    hints = set()
    for each in asked():
        answer = each["choices"][each["right"]].rstrip(".").lower()
        for hint in filter(None, each["hints"]):
            assert len(hint) <= 140, hint
            assert answer not in hint.lower(), hint
            hints.add(hint)
    # None of them is the same as another: each is about its own choice.
    assert len(hints) == 30


def test_wrong_choice_without_a_hint_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [each, *_] = asked()
    for hints in (["", "", "x"], ["x", "x", "x"], ["x", ""]):
        text = f"[[question]]\nchoices = {each['choices']}\nright = 1\nhints = {hints}"
        told = tomllib.loads(text)
        monkeypatch.setattr(questions, "read_toml", lambda _source, told=told: told)
        with pytest.raises(repository.CannotShow, match="a hint for each wrong choice"):
            questions.questions("01-echo")


@pytest.fixture
def first(mkdocs: Path, tab: Tab) -> Locator:
    """The first question of chapter 1."""
    tab.goto((mkdocs / "01-echo.html").as_uri())
    return tab.locator("form.question").first


@pytest.fixture
def answer(first: Locator, tab: Tab) -> Callable[[int], None]:
    """What answers the first question by keyboard, with one of its choices."""

    def choose(number: int) -> None:
        first.get_by_role("radio").nth(number).focus()
        tab.keyboard.press("Space")
        tab.keyboard.press("Enter")

    return choose


def test_answer_is_folded_until_it_is_given(
    first: Locator, answer: Callable[[int], None]
) -> None:
    why = first.get_by_text("It loses a text without a word only when")
    expect(why).to_be_hidden()
    answer(1)
    expect(first.get_by_role("status")).to_have_text("Right.")
    expect(why).to_be_visible()
    expect(first.locator("summary")).to_be_focused()
    expect(first.get_by_role("radio").first).to_be_disabled()


WAITS = (
    "No. Somebody would have to keep it. In which of the four states is the socket on "
    "that line, and what does send() do in that one?"
)
LOST = (
    "No. That does happen, in two of the four states. Is the socket in one of them "
    "before its handshake is answered?"
)


def test_two_tries_with_a_hint_each_and_then_why(
    first: Locator, answer: Callable[[int], None]
) -> None:
    why = first.get_by_text("It loses a text without a word only when")
    answer(0)
    said = first.get_by_role("status")
    expect(said).to_have_text(f"{WAITS} You have one more try.")
    expect(said.locator("code")).to_have_text("send()")
    expect(why).to_be_hidden()
    answer(2)
    expect(said).to_have_text(f"{LOST} This is the answer:")
    expect(why).to_be_visible()


def test_nothing_chosen_costs_no_try_and_is_said_again(
    first: Locator, answer: Callable[[int], None], tab: Tab
) -> None:
    # A screen reader says what is changed: the same words must come anew.
    tab.evaluate(
        """window.said = [];
        new MutationObserver((changes) => {
          for (const each of changes) window.said.push(each.target.textContent);
        }).observe(document.querySelector("form.question [role=status]"),
          { childList: true })"""
    )
    for _ in range(2):
        first.get_by_role("button", name="Check").press("Enter")
        expect(first.get_by_role("status")).to_have_text("Choose one first.")
    assert tab.evaluate("said.filter((words) => words).length") == 2
    answer(0)
    expect(first.get_by_role("status")).to_have_text(f"{WAITS} You have one more try.")


def test_without_a_script_the_answer_can_be_unfolded(
    mkdocs: Path, quick_chromium: Watched
) -> None:
    context = quick_chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((mkdocs / "01-echo.html").as_uri())
    first = page.locator("form.question").first
    first.get_by_text("Answer", exact=True).click()
    expect(first.get_by_text("It loses a text without a word")).to_be_visible()
    context.close()
