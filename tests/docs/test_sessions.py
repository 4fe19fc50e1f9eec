"""
The recorded sessions are what happens, and a reader can step through them.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserType, Locator, Page, expect
from websockets.frames import Close, Frame, Opcode
from websockets.streams import StreamReader
from websockets.utils import accept_key

from docs.shown import minutes, repository
from docs.shown import sessions as figures_of
from tests.docs import sessions
from tests.docs.sessions import SCRIPTS, record, shape
from tests.docs.tap import Event, first_frame
from tests.docs.visits import Watched
from tests.proofs.records import Proof, Recorded, Seen
from tests.proofs.runs import CHECKER, HARNESS, ROOT

SESSIONS = sessions.recorded()
ECHO, HOME = "stage01_echo", "home"
MINUTE = 60_000  # Milliseconds.


def proof_of(name: str) -> Proof:
    """Return the proof that a session is what happens."""
    here = Path(__file__).parent
    files = (here / "sessions.py", here / "tap.py", ROOT / SCRIPTS[name].stage)
    return Proof("sessions", name, (*files, *CHECKER, *HARNESS))


@pytest.mark.parametrize("proof", [proof_of(name) for name in SCRIPTS], ids=str)
def test_session_is_what_happens(
    proof: Proof, recorded: Recorded, request: pytest.FixtureRequest
) -> None:
    def play() -> Seen:
        # Only one of them needs a browser.
        browser_type: BrowserType | None = None
        if proof.name == HOME:
            browser_type = request.getfixturevalue("browser_type")
        return {"shape": shape(record(proof.name, browser_type))}

    seen = recorded(proof, play)
    written = json.loads(json.dumps(shape(SESSIONS[proof.name]["events"])))
    assert seen["shape"] == written, (
        f"python -m tests.docs.sessions --write {proof.name}"
    )


def said_in(name: str) -> Iterator[Event]:
    """Yield all that was said in a session, inside of TLS too."""
    for event in SESSIONS[name]["events"]:
        yield event
        yield from event.get("inside", ())


def parsed(event: Event) -> Frame:
    """Read the bytes of a frame as the library does."""
    stream = StreamReader()
    stream.feed_data(bytes.fromhex(event["hex"]))
    stream.feed_eof()
    parsing = Frame.parse(stream.read_exact, mask=bool(event["masked"]))
    with pytest.raises(StopIteration) as end:
        next(parsing)
    assert not stream.buffer, "The bytes are more than a frame."
    return end.value.value


@pytest.mark.parametrize("name", SCRIPTS)
def test_bytes_are_the_frames_that_are_shown(name: str) -> None:
    frames = [event for event in said_in(name) if event["kind"] == "frame"]
    assert frames
    for event in frames:
        frame = parsed(event)
        assert event["fin"] == frame.fin
        assert f"{event['rsv']:03b}" == f"{frame.rsv1:d}{frame.rsv2:d}{frame.rsv3:d}"
        assert event["opcode"] == frame.opcode
        assert event["length"] == len(frame.data)
        assert event["size"] == len(bytes.fromhex(event["hex"]))
        if frame.opcode is Opcode.CLOSE:
            assert Close(event["code"], event["reason"]) == Close.parse(frame.data)
        else:
            assert event["text"].encode() == frame.data
        # All bytes are explained, in their order.
        shown = " ".join(octets for octets, _meaning in figures_of.fields(event))
        assert shown == event["hex"]


@pytest.mark.parametrize("length", [5, 125, 126, 65_535, 65_536])
@pytest.mark.parametrize("is_masked", [True, False])
def test_frame_of_any_length_is_read_as_the_library_writes_it(
    length: int, *, is_masked: bool
) -> None:
    written = Frame(Opcode.TEXT, b"x" * length).serialize(mask=is_masked)
    assert first_frame(written[:-1]) is None
    event, size = first_frame(written + b"next")
    assert size == len(written)
    assert parsed(event).data == event["text"].encode()
    assert [meaning for _octets, meaning in figures_of.fields(event)][-1].endswith(
        "xxx”"
    )


def test_answers_prove_that_the_keys_were_read() -> None:
    keys = answers = 0
    for name in SCRIPTS:
        waiting: dict[int | None, str] = {}
        for event in said_in(name):
            head = "\n".join(event.get("head", ()))
            about = event.get("connection")
            if found := re.search(r"^Sec-WebSocket-Key: (.*)$", head, re.MULTILINE):
                waiting[about] = found[1]
                keys += 1
            if found := re.search(r"^Sec-WebSocket-Accept: (.*)$", head, re.MULTILINE):
                assert found[1] == accept_key(waiting[about]), name
                answers += 1
    assert keys == answers + 2, "Two handshakes are refused."


def test_nobody_gets_in_by_a_recorded_cookie() -> None:
    text = (ROOT / "docs/assets/sessions.json").read_text(encoding="utf-8")
    assert re.findall(r"sessionid=\w{4}…", text)
    assert not re.findall(r"(?:sessionid|csrftoken)=\w{5}", text)


# The figure


Open = Callable[..., Page]


@pytest.fixture
def open_page(quick_chromium: Watched, sites: dict[str, Path]) -> Iterator[Open]:
    """Open the page of figures in a tab of its own, with these options."""
    contexts = []

    def open_page(*, clock: bool = False, **options: Any) -> Page:
        context = quick_chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        if clock:
            page.clock.install(time=0)
        page.goto((sites["parts"] / "sessions.html").as_uri())
        if clock:  # It goes on when it is told to, and not by itself.
            page.clock.pause_at(MINUTE)
        return page

    yield open_page
    for context in contexts:
        context.close()


def figure(page: Page, name: str) -> Locator:
    """Return the figure of a session."""
    return page.locator(f"#session-{name}")


def rows(page: Page, name: str) -> Locator:
    """Return the steps of a session that are shown."""
    return figure(page, name).locator("tbody tr:visible")


def press(page: Page, name: str, *keys: str) -> None:
    """Press keys while the figure of a session has the focus."""
    figure(page, name).focus()
    for key in keys:
        page.keyboard.press(key)


def steps_of(name: str) -> list[Event]:
    """Return what the rows of a session stand for."""
    return [each for each in SESSIONS[name]["events"] if each["kind"] != "page"]


def asked_in(name: str) -> dict[str, Any]:
    """Return the question of a session."""
    text = (ROOT / "docs/sessions.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)[name]["question"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_without_javascript_the_table_is_complete(open_page: Open, name: str) -> None:
    page = open_page(java_script_enabled=False)
    shown = rows(page, name).all()
    assert len(shown) == len(steps_of(name))
    for row, event in zip(shown, steps_of(name), strict=True):
        text = row.inner_text()
        assert f"{event['at']:.3f} s" in text
        assert f"{event['from']} → {event['to']}" in text
        assert figures_of.kind_and_words(event)[1] in text
        if event["kind"] == "frame":
            folded = " ".join(row.locator("dt").all_text_contents())
            assert folded == event["hex"]
        elif event["kind"] == "http":
            assert row.locator("pre").text_content().split("\n") == event["head"]
    expect(figure(page, name).locator("button")).to_have_count(0)
    if name != HOME:
        text = figure(page, name).locator(".session-question").inner_text()
        for each in asked_in(name)["wrong"]:
            assert each["why"].replace("`", "") in text


def test_pages_show_what_they_showed_when_it_was_recorded(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    for number, who in enumerate(SESSIONS[HOME]["clients"]):
        expected = [
            event["shows"]
            for event in SESSIONS[HOME]["events"]
            if event["kind"] == "page" and event["from"] == who
        ]
        window = figure(page, HOME).locator(".session-page").nth(number)
        expect(window.locator("li")).to_have_text(expected)
        # Each with the step that brought it.
        for line in window.locator("li").all():
            step = steps_of(HOME)[int(line.get_attribute("data-step")) - 1]
            assert step["to"] == who
            brought = json.loads(step["text"])
            assert line.get_attribute("class").split()[0] == brought["type"]
            assert line.text_content().startswith(brought["name"])


def test_nothing_plays_by_itself(open_page: Open) -> None:
    page = open_page(clock=True)
    page.clock.run_for(MINUTE)
    expect(rows(page, ECHO)).to_have_count(0)
    expect(figure(page, ECHO)).to_contain_text("0 of 7")
    expect(rows(page, HOME)).to_have_count(len(steps_of(HOME)))


def test_keys_step_when_the_figure_has_the_focus(open_page: Open) -> None:
    page = open_page()
    said = figure(page, ECHO).locator(".session-said")
    press(page, ECHO, "ArrowRight", "ArrowRight", "ArrowRight")
    expect(rows(page, ECHO)).to_have_count(3)
    expect(said).to_contain_text("client → server: text Hi, 8 bytes. Two bytes of head")
    expect(said).to_have_attribute("aria-live", "polite")
    press(page, ECHO, "ArrowLeft")
    expect(rows(page, ECHO)).to_have_count(2)
    press(page, ECHO, "Home")
    expect(rows(page, ECHO)).to_have_count(0)
    press(page, ECHO, "ArrowLeft")
    expect(rows(page, ECHO)).to_have_count(0)
    page.locator("h1").evaluate("h1 => { h1.tabIndex = 0; h1.focus(); }")
    page.keyboard.press("ArrowRight")
    expect(rows(page, ECHO)).to_have_count(0)


def test_buttons_step_and_a_table_shows_it_all(open_page: Open) -> None:
    page = open_page()
    button = figure(page, ECHO).get_by_role("button")
    button.filter(has_text="Next").click()
    button.filter(has_text="Next").click()
    button.filter(has_text="Back").click()
    expect(rows(page, ECHO)).to_have_count(1)
    button.filter(has_text="Table").click()
    expect(rows(page, ECHO)).to_have_count(7)
    expect(figure(page, ECHO).locator("th").first).to_be_visible()
    press(page, ECHO, "ArrowRight")  # A table is no figure: it keeps its steps.
    button.filter(has_text="Table").click()
    expect(rows(page, ECHO)).to_have_count(1)


def test_windows_follow_the_steps(open_page: Open) -> None:
    page = open_page()
    lines = figure(page, HOME).locator(".session-page li:visible")
    everything = lines.count()
    press(page, HOME, "Home")
    expect(lines).to_have_count(0)
    press(page, HOME, *["ArrowRight"] * 4)
    expect(lines).to_have_text(["ana has joined."])
    press(page, HOME, "End")
    expect(lines).to_have_count(everything)


def test_playing_goes_on_by_itself_and_says_what_it_shortens(open_page: Open) -> None:
    page = open_page(clock=True)
    figure(page, HOME).get_by_role("button", name="Play again").click()
    said = figure(page, HOME).locator(".session-said")
    page.clock.run_for(100)
    expect(rows(page, HOME)).to_have_count(1)
    expect(said).to_have_attribute("aria-live", "off")
    page.clock.run_for(3 * 900)
    # Then Ana waits until Ben comes.
    expect(rows(page, HOME)).to_have_count(4)
    expect(said).to_contain_text(re.compile(r"Then \d\.\d s pass, shortened to 1\.5 s"))
    page.clock.run_for(1_500)
    expect(rows(page, HOME)).to_have_count(5)
    figure(page, HOME).get_by_role("button", name="Pause").click()
    page.clock.run_for(MINUTE)
    expect(rows(page, HOME)).to_have_count(5)
    figure(page, HOME).get_by_role("button", name="Play", exact=True).click()
    page.clock.run_for(MINUTE)
    expect(rows(page, HOME)).to_have_count(len(steps_of(HOME)))


def test_playing_stops_at_the_question(open_page: Open) -> None:
    page = open_page(clock=True)
    figure(page, ECHO).get_by_role("button", name="Play").click()
    page.clock.run_for(MINUTE)
    expect(rows(page, ECHO)).to_have_count(5)
    group = figure(page, ECHO).get_by_role("group", name="What comes now?")
    expect(group).to_be_focused()
    said = figure(page, ECHO).locator(".session-said")
    expect(said).to_have_attribute("aria-live", "polite")
    # Who has gone elsewhere meanwhile stays there.
    figure(page, "stage03_groups").get_by_role("button", name="Play").click()
    figure(page, ECHO).get_by_role("radio").first.focus()
    page.clock.run_for(MINUTE)
    expect(rows(page, "stage03_groups")).to_have_count(13)
    expect(figure(page, ECHO).get_by_role("radio").first).to_be_focused()


def answer(page: Page, choice: str) -> None:
    """Choose an answer to the question of the echo, and send it."""
    figure(page, ECHO).get_by_label(choice).check()
    figure(page, ECHO).get_by_role("button", name="Answer").click()


def test_question_stops_gives_two_tries_and_then_says_why(open_page: Open) -> None:
    page = open_page()
    verdict = figure(page, ECHO).locator("form > p")
    press(page, ECHO, *["ArrowRight"] * 9)
    expect(rows(page, ECHO)).to_have_count(5)
    group = figure(page, ECHO).get_by_role("group", name="What comes now?")
    expect(group).to_be_focused()
    expect(group.get_by_role("radio")).to_have_count(3)
    figure(page, ECHO).get_by_role("button", name="Answer").click()
    expect(verdict).to_have_text("Choose one of the three.")
    answer(page, "close 4000")
    first, second = asked_in(ECHO)["wrong"]
    expect(verdict).to_have_text(f"No. {first['why']} Once more.")
    expect(rows(page, ECHO)).to_have_count(5)
    expect(group.get_by_label("close 4000")).to_be_disabled()
    answer(page, "TCP server hangs up")
    why = asked_in(ECHO)["why"]
    expect(verdict).to_have_text(f"No. {second['why']} It is close 1000. {why}")
    expect(group).to_be_hidden()
    expect(rows(page, ECHO)).to_have_count(6)
    # Once it is answered, nobody asks again.
    press(page, ECHO, "Home", "End")
    expect(rows(page, ECHO)).to_have_count(7)


def test_keys_choose_an_answer_and_do_not_step_meanwhile(open_page: Open) -> None:
    page = open_page()
    press(page, ECHO, "End")
    first, second, _third = figure(page, ECHO).get_by_role("radio").all()
    first.focus()
    page.keyboard.press("ArrowRight")
    expect(second).to_be_checked()
    expect(second).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(first).to_be_checked()
    expect(rows(page, ECHO)).to_have_count(5)


def test_while_the_question_waits_there_is_no_next(open_page: Open) -> None:
    page = open_page()
    press(page, ECHO, "End")
    for name in ("Next", "Play"):
        button = figure(page, ECHO).get_by_role("button", name=name)
        expect(button).to_be_disabled()
        button.dispatch_event("click")
        expect(rows(page, ECHO)).to_have_count(5)
    # Whoever goes back may come again.
    press(page, ECHO, "ArrowLeft")
    following = figure(page, ECHO).get_by_role("button", name="Next")
    expect(following).to_be_enabled()
    following.click()
    expect(following).to_be_disabled()
    answer(page, "close 1000")
    expect(following).to_be_enabled()


@pytest.mark.parametrize("width", [1280, 400])
def test_what_a_step_is_made_of_can_be_seen(open_page: Open, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    shown = figure(page, HOME).locator(".session-scroll")
    for summary in (
        rows(page, HOME).locator("summary").last,
        rows(page, HOME).locator("summary").nth(9),
    ):
        summary.press("Enter")
        detail = summary.locator("xpath=..")
        expect(detail).to_have_attribute("open", "")
        page.wait_for_function("() => new Promise(requestAnimationFrame)")
        box, inner = shown.bounding_box(), detail.bounding_box()
        assert box["y"] <= inner["y"]
        assert inner["y"] + inner["height"] <= box["y"] + box["height"] + 1
        summary.press("Enter")


def test_right_answer_is_told_so_and_one_may_also_be_told(open_page: Open) -> None:
    page = open_page()
    press(page, ECHO, "End")
    answer(page, "close 1000")
    verdict = figure(page, ECHO).locator("form > p")
    expect(verdict).to_have_text(f"Yes. It is close 1000. {asked_in(ECHO)['why']}")
    expect(rows(page, ECHO)).to_have_count(6)
    press(page, "stage03_groups", "End")
    figure(page, "stage03_groups").get_by_role("button", name="Tell me").click()
    expect(rows(page, "stage03_groups")).to_have_count(14)
    # It stands beside its row, and goes with it.
    verdict = figure(page, "stage03_groups").locator("form > p")
    expect(verdict).to_be_visible()
    press(page, "stage03_groups", "ArrowLeft")
    expect(verdict).to_be_hidden()
    press(page, "stage03_groups", "ArrowRight")
    expect(verdict).to_be_visible()


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name != HOME])
def test_every_question_comes_before_the_row_that_tells(
    open_page: Open, name: str
) -> None:
    page = open_page()
    press(page, name, "End")
    before = asked_in(name)["before"]
    shown = rows(page, name).count()
    told = rows(page, name).all_inner_texts()
    assert not any(before in text for text in told)
    figure(page, name).get_by_role("button", name="Tell me").click()
    expect(rows(page, name)).to_have_count(shown + 1)
    assert before in f"HTTP {rows(page, name).last.inner_text()}".replace("\n", " ")


# An animation may be over before anybody asks for it, so its start is counted.
COUNT = """() => {
  window.moved = 0;
  document.addEventListener("animationstart", () => { window.moved += 1; });
}"""
TWO_FRAMES = (
    "new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"
)


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_for_who_does_not_want_it(open_page: Open, motion: str) -> None:
    page = open_page(reduced_motion=motion)
    page.evaluate(COUNT)
    press(page, ECHO, "ArrowRight")
    if motion == "reduce":
        page.evaluate(TWO_FRAMES)
        assert page.evaluate("moved") == 0
    else:
        page.wait_for_function("moved > 0")


def test_print_shows_the_whole_table(open_page: Open) -> None:
    page = open_page()
    press(page, ECHO, "ArrowRight")
    press(page, HOME, "Home")
    page.emulate_media(media="print")
    for name in SCRIPTS:
        expect(rows(page, name)).to_have_count(len(steps_of(name)))
        expect(figure(page, name).locator("th").first).to_be_visible()
    expect(figure(page, HOME).locator(".session-page li").first).to_be_visible()
    expect(page.locator(".session button:visible")).to_have_count(0)


OPEN_ALL = "for (const each of document.querySelectorAll('details')) each.open = true"
BE_STILL = "document.getAnimations().forEach((each) => each.finish())"
AXE = """async (rules) => {
  const include = ["stage03_groups", "stage05_wss", "home"].map((name) => [
    `#session-${name}`,
  ]);
  const options = { resultTypes: ["violations"], ...(rules && { runOnly: rules }) };
  const { violations } = await axe.run({ include }, options);
  return violations.map(({ nodes: [first] }) => [first.html, first.failureSummary]);
}"""


def test_figures_have_no_violation_of_access(open_page: Open) -> None:
    page = open_page(viewport={"width": 1280, "height": 640})
    page.evaluate(AXE_SCRIPT)
    assert page.evaluate(AXE) == []
    page.set_viewport_size({"width": 400, "height": 800})
    for name in SCRIPTS:
        press(page, name, "End")  # Now they ask.
    page.evaluate(OPEN_ALL)
    page.evaluate(BE_STILL)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.evaluate(AXE) == []
    page.evaluate("document.body.dataset.mdColorScheme = 'slate'")
    page.evaluate(BE_STILL)
    assert page.evaluate(AXE, ["color-contrast"]) == []


# The macros


def test_session_that_was_not_recorded_is_named() -> None:
    with pytest.raises(repository.CannotShow, match="need stage06"):
        figures_of.session("stage06")


def test_key_that_no_row_has_is_named() -> None:
    with pytest.raises(repository.CannotShow, match="echo has no row with 'nothing'"):
        figures_of.place(["HTTP GET /"], "nothing", "echo")


CHAPTER = """\
# Two words

<!-- act: from a clone -->

And three words, with `code` and [a link](page.md).

[[ include("stage02_two/new.py") ]]
[[ include("stage02_two/old.py") ]]

```console title="Server"
$ python3 manage.py runserver
Not typed
> but this is
```

```diff title="work/stage02_two/old.py"
 stays
+comes
```

```python title="work/stage02_two/new.py"
one

two
```

```text
Only to be read.
```
"""


def test_minutes_are_words_and_lines_and_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(path: str, text: str) -> None:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")

    monkeypatch.setattr(repository, "ROOT", tmp_path)
    write("stage01_one/old.py", "a = 1\n")
    write("stage02_two/old.py", "a = 1\nb = 2\n")
    write("stage02_two/new.py", "c = 3\n\nd = 4\n")
    # Of new files all lines, of others those that are new: 2 and 1. Then 2, 1, and 2.
    assert minutes.amount(CHAPTER) == (2 + 10, 8)
    write("docs/02.md", "word " * 180 * 7 + "\n\n" + "[[ nothing() ]]\n")
    acts = {"one": {"seconds": 100}, "two": {"seconds": 80.5}}
    write("tests/proofs/evidence/acts/02.json", json.dumps(acts))
    assert minutes.minutes("02") == "15"  # 7 to read and 3 to wait: a second too many.
    acts["two"]["seconds"] = 79
    write("tests/proofs/evidence/acts/02.json", json.dumps(acts))
    assert minutes.minutes("02") == "10"
