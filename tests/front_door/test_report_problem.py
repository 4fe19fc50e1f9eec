"""`learn.py report`: what a helper needs, and nothing that is nobody's business."""

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.checker import report_problem
from tests.checker.last import Broken, Last
from tests.checker.report_problem import Story, markdown, report
from tests.checker.scrub import Scrub
from tests.checker.system import Refusal

ROOT = Path(__file__).parent.parent.parent
STAGE = "stage02_routing"
CHECK = f"tests/test_{STAGE}.py::test_handshake_takes_the_room_from_the_path[all signs]"
MADE_UP = "q7Wm2Zk9Xb4Lr8Tn3Vc6"
WIRE = (
    "  0.001 s  ana  → handshake /ws/rooms/garden/",
    "  0.004 s  ana  ← 500 Internal Server Error",
)

# What must not be told, each with the words around it, as it stands somewhere.
SECRETS = {
    "a cookie": ("Cookie: theme={}; a=b", "darkness"),
    "a session": ("sessionid={}", "abc123def"),
    "a CSRF token": ("csrftoken={}", "xyz789uvw"),
    "a password": ('PASSWORD = "{}"', "battery staple"),
    "a SECRET_KEY": ('SECRET_KEY = "{}"', "correct horse"),
    "a key by its look": ('WEATHER = "{}"', MADE_UP),
    "a token in a URL": ("wss://127.0.0.1/?token={}", "tick-tack"),
    "a password in a URL": ("redis://:{}@127.0.0.1:6379", "redis-word"),
    "Authorization": ("Authorization: Bearer {}", "bear-in-mind"),
    "a home folder": ('File "/home/{}/course/x.py"', "grete"),
    "another home folder": (r'File "C:\Users\{}\course\x.py"', "Grete"),
    "a host": ("ws://{}:8000/", "chat.school.example.edu"),
    "an address": ("from {} port 8000", "192.168.7.31"),
    "a name of this machine": ("hello from {} again", "gretes-laptop"),
    "mail": ("# by {}", "grete.k@school.example.edu"),
}


@pytest.fixture
def course(course_of: Callable[..., Path]) -> Path:
    """A course of two stages, and a reader's folder that differs from its start."""
    return course_of(("stage01_echo", STAGE), {STAGE: "stage01_echo"})


@pytest.fixture
def mine(course: Path) -> Path:
    """The reader's folder."""
    return course / "work" / STAGE


def scrub() -> Scrub:
    """Return what removes the secrets of a certain reader."""
    return Scrub(home="/home/grete", user="grete", hosts=["gretes-laptop"])


def broken(**details: object) -> Last:
    """Return a run that has met a broken promise."""
    known = {
        "symptom": "HTTP 500",
        "seen": "The handshake was answered with HTTP 500.",
        "printed": "Traceback (most recent call last):\nKeyError: 'room'",
        "diagnosis": "room-has-another-name",
        "sentence": "The route calls it otherwise.",
        "wire": WIRE,
    }
    return Last(("test_a", "test_b"), Broken(CHECK, **{**known, **details}))


def part(text: str, heading: str) -> str:
    """Return one part of a report."""
    return text.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_a_helper_finds_what_is_needed(course: Path, mine: Path) -> None:
    routing = mine / "chat" / "routing.py"
    routing.write_text(routing.read_text().replace("ws/echo/", "ws/rooms/<name>/"))
    (mine / "chat" / "new.py").write_text("mine = 1\n")
    (mine / "config" / "urls.py").unlink()
    story = Story("The welcome.", "A 500.")
    text, _ = markdown(STAGE, mine, story, broken(), scrub=scrub())
    assert "The welcome." in part(text, "What was expected")
    assert "A 500." in part(text, "What came instead")
    told = part(text, "The promise that is broken")
    assert "**handshake takes the room from the path (all signs)**" in told
    assert CHECK in told
    assert "answered with HTTP 500" in told
    assert "Kept before it: 2 promises." in told
    told = part(text, "The diagnosis")
    assert "`room-has-another-name`: The route calls it otherwise." in told
    assert "\n".join(WIRE) in part(text, "The wire")
    assert "KeyError: 'room'" in part(text, "What the server printed")
    told = part(text, "Versions")
    for word in (
        "Python 3.",
        "channels 4",
        "daphne 4",
        "django ",
        "Redis: ",
        "checks:",
    ):
        assert word in told
    told = part(text, "What is different from the start")
    assert '-    path("ws/echo/", EchoConsumer.as_asgi()),' in told
    assert '+    path("ws/rooms/<name>/", EchoConsumer.as_asgi()),' in told
    assert "+mine = 1" in told
    told = part(text, "Files")
    assert re.search(r"^changed +\d+  chat/routing.py$", told, re.MULTILINE)
    assert re.search(r"^new +9  chat/new.py$", told, re.MULTILINE)
    assert re.search(r"^gone +0  config/urls.py$", told, re.MULTILINE)
    assert re.search(r"^as it was +\d+  manage.py$", told, re.MULTILINE)


def test_what_is_copied_from_the_course_is_not_shown_again(
    course: Path, mine: Path
) -> None:
    for path in ("chat/tests.py", "chat/converters.py"):
        shutil.copy(course / STAGE / path, mine / path)
    text, _ = markdown(STAGE, mine, Story(), broken(), scrub=scrub())
    assert part(text, "What is different from the start").strip() == "Nothing."
    told = part(text, "Files")
    for path in ("chat/tests.py", "chat/converters.py"):
        assert re.search(rf"^the course's +\d+  {path}$", told, re.MULTILINE)


@pytest.mark.parametrize("where", ["settings", "output", "wire", "seen", "story"])
@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_removed_wherever_it_stands(
    course: Path, mine: Path, kind: str, where: str
) -> None:
    pattern, secret = SECRETS[kind]
    words = pattern.format(secret)
    seen, story = broken(), Story()
    match where:
        case "settings":
            with (mine / "config" / "settings.py").open("a") as file:
                file.write(f"\n{words}\n")
        case "output":
            seen = broken(printed=f"Before\n{words}\nAfter")
        case "wire":
            seen = broken(wire=(*WIRE, f"  0.005 s  ana  → text {words}"))
        case "seen":
            seen = broken(seen=f"Expected {words}\nand something")
        case "story":
            story = Story(expected=words)
    text, removed = markdown(STAGE, mine, story, seen, scrub=scrub())
    assert secret not in text
    assert removed.removed.total() > 0
    # What stands around it is still there: something was removed, and not the part.
    assert "KeyError" in text or where == "output"
    assert "Before" in text or where != "output"
    assert "After" in text or where != "output"


def test_a_secret_of_the_settings_is_removed_from_all_else(
    course: Path, mine: Path
) -> None:
    settings = mine / "config" / "settings.py"
    settings.write_text(f'{settings.read_text()}\nWEATHER_TOKEN = "rain or shine"\n')
    (mine / ".env").write_text("DB_PASSWORD=opensesame99\n")
    (mine / "keys").mkdir()
    (mine / "keys" / "secret_key").write_text("of stage 5, in a file\n")
    said = "It is rain or shine, opensesame99, of stage 5, in a file."
    text, _ = markdown(STAGE, mine, Story(), broken(printed=said))
    for secret in ("rain or shine", "opensesame99", "of stage 5, in a file"):
        assert secret not in text


def test_files_of_secrets_are_told_by_name_alone(course: Path, mine: Path) -> None:
    for name in (
        "server.pem",
        "prod.env",
        "my_secrets.py",
        "old.sqlite3",
        "id_ed25519",
    ):
        (mine / name).write_text("nothing to see here\n")
    (mine / ".env").write_text("X=nothing to see here\n")
    (mine / "picture.png").write_bytes(b"\xff\xfe")
    text, _ = markdown(STAGE, mine, Story(), broken())
    assert "nothing to see here" not in text
    assert "server.pem differs, and is not shown." in text
    assert "picture.png differs, and is not shown." in text
    assert ".env\n" not in text.replace("prod.env", "")


def test_it_has_bounds(course: Path, mine: Path) -> None:
    (mine / "chat" / "long.py").write_text("x = 1\n" * 5_000 + "y" * 100_000)
    for number in range(500):
        (mine / "chat" / f"n{number}.py").touch()
    seen = broken(printed="line\n" * 5_000 + "the last one", seen="s" * 100_000)
    text, _ = markdown(STAGE, mine, Story(), seen)
    assert len(text) < 60_000
    assert "the last one" in text
    assert text.count("lines are left out here.") == 3


def test_a_fence_in_a_file_ends_no_block(course: Path, mine: Path) -> None:
    (mine / "notes.md").write_text("```\ncode\n````\n")
    text, _ = markdown(STAGE, mine, Story(), broken())
    told = part(text, "What is different from the start")
    assert "`````diff" in told
    assert told.rstrip().endswith("\n`````")


def test_it_is_written_and_said_where_and_what_was_left_out(
    course: Path, mine: Path
) -> None:
    def run(name: str, project: Path) -> Last:
        return broken(printed="Cookie: a=b\nsessionid=abc")

    said = report(STAGE, mine, Story(), run)
    path = Path("work", "report_02.md")
    assert f"Written: {path}\n" in said
    assert "- cookies: 1\n" in said
    assert "- ids of sessions: 1\n" in said
    assert "Read it before you send it" in said
    assert said.endswith("Nothing was sent.")
    text = (course / path).read_text(encoding="utf-8")
    assert "- cookies: 1\n" in part(text, "What was left out")
    # One that is there may hold the reader's own words.
    assert str(Path("work", "report_02-2.md")) in report(STAGE, mine, Story(), run)
    assert (course / path).read_text(encoding="utf-8") == text
    named = course / "elsewhere" / "mine.md"
    assert "mine.md" in report(STAGE, mine, Story(), run, named)
    assert named.is_file()


def test_a_colour_hides_no_secret(course: Path, mine: Path) -> None:
    said = "\x1b[1mSECRET_KEY\x1b[0m = \x1b[32m'correct horse'\x1b[0m"
    text, _ = markdown(STAGE, mine, Story(), broken(printed=said, seen=said))
    assert text.count("SECRET_KEY = '[secret 1]'") == 2
    assert "\x1b" not in text


def test_half_a_character_is_written_as_one_types_it(course: Path, mine: Path) -> None:
    seen = broken(seen='"text" is "\ud83d", and not "hi".')
    report(STAGE, mine, Story(came="\udcff"), lambda *_: seen)
    text = (course / "work" / "report_02.md").read_text(encoding="utf-8")
    assert r'"text" is "\ud83d", and not "hi".' in text
    assert r"\udcff" in part(text, "What came instead")


def test_checks_that_come_to_no_end_are_told_as_well(course: Path, mine: Path) -> None:
    def run(name: str, project: Path) -> Last:
        raise Refusal("the checks did not come to an end. They said:\nImportError: x")

    report(STAGE, mine, Story(), run)
    text = (course / "work" / "report_02.md").read_text(encoding="utf-8")
    assert "ImportError: x" in part(text, "The promise that is broken")
    assert "+" in part(text, "What is different from the start") or "Nothing." in text


def test_when_all_is_kept_it_is_written_all_the_same(course: Path, mine: Path) -> None:
    seen = Last(("test_a",), skipped=("There is no redis-server.",))
    text, _ = markdown(STAGE, mine, Story(), seen)
    assert "None: all of stage 2 is kept that was tried." in text
    assert "Not tried: There is no redis-server." in text


def test_it_asks_two_things_and_takes_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    def type_in(text: str, is_terminal: bool = True) -> Story:
        terminal = io.StringIO(text)
        terminal.isatty = lambda: is_terminal
        monkeypatch.setattr("sys.stdin", terminal)
        return report_problem.ask()

    assert type_in("a welcome\na 500\n") == Story("a welcome", "a 500")
    assert type_in("\n\n") == Story()
    assert type_in("") == Story()
    assert type_in("a welcome\n", is_terminal=False) == Story()
