"""What `learn.py doctor` reads: addresses, scripts, pages on the disk; what it says."""

import json
import os
import sys
from pathlib import Path
from threading import Event

import pytest

from tests.checker.doctor import __main__ as command
from tests.checker.doctor import address, disk, findings
from tests.checker.doctor.address import disk_page, read
from tests.checker.doctor.document import Document
from tests.checker.doctor.report import LINES, WIDTH, Report, paragraphs
from tests.checker.doctor.script import asked
from tests.checker.doctor.script_says import unbalanced
from tests.checker.hints.steps import headings
from tests.checker.system import ROOT, Refusal
from tests.front_door.doctored import (
    Sick,
    ids,
    twice,
)

HERE = "http://127.0.0.1:8000/rooms/garden/"


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/"),
        ("  http://127.0.0.1:8000/ \n", "http://127.0.0.1:8000/"),
        ('"http://127.0.0.1:8000/"', "http://127.0.0.1:8000/"),
        ("<http://localhost:8000>", "http://localhost:8000/"),
        ("HTTP://LOCALHOST:8000/#top", "http://localhost:8000/"),
        ("localhost:8000", "http://localhost:8000/"),
        ("localhost", "http://localhost:8000/"),
        ("8000", "http://127.0.0.1:8000/"),
        (":8001", "http://127.0.0.1:8001/"),
        ("localhost:8443/rooms/garden/", "https://localhost:8443/rooms/garden/"),
        ("wss://localhost:8443", "https://localhost:8443/"),
        ("ws://localhost/ws/echo/?a=b", "http://localhost/ws/echo/?a=b"),
        ("http://[::1]:8000/x", "http://[::1]:8000/x"),
        ("http://127.0.0.1:8000/rooms/für/", "http://127.0.0.1:8000/rooms/f%C3%BCr/"),
        ("http://münchen.example/", "http://xn--mnchen-3ya.example/"),
        ("8000/rooms/garden/", "http://127.0.0.1:8000/rooms/garden/"),
        ("//localhost:8000/", "http://localhost:8000/"),
        ("http://localhost:8000?a=::", "http://localhost:8000/?a=::"),
    ],
)
def test_an_address_is_read_as_it_is_at_hand(typed: str, means: str) -> None:
    found = read(typed)
    assert found.origin + found.target == means


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "say which address"),
        ("http://", "names no host"),
        ("http://a b/", "a space inside"),
        ("http://localhost:99999/", "'99999' is not a port"),
        ("http://localhost:80a/", "'80a' is not a port"),
        ("http://localhost:0/", "0 is no port"),
        ("localhost:8000:8001", "'8000:8001' is not a port"),
        ("100000", "'100000' is not a port"),
        ("http://ana:secret@localhost:80a/", "'80a' is not a port"),
        ("http\uff1a//localhost:8000/", "'http\uff1a' cannot be the name"),
        ("http:/", "names no host"),
        ("http://fe80:0:0:0:0:0:0:1/", "in brackets"),
        ("http://localhost/\udcff", "a character that is none"),
        ("http://::1:8000/", "in brackets"),
        ("http://[::1:8000/", "one bracket only"),
        ("http:/localhost:8000/", "do you mean http://localhost:8000/?"),
        ("http//localhost", "do you mean http://localhost?"),
        ("http:\\\\localhost:8000", "do you mean http://localhost:8000?"),
        ("http://http://localhost/", "two schemes"),
        ("ftp://localhost/", "not a scheme that I know"),
        ("http://1.2.3/", "four numbers"),
        ("http://ana:secret@localhost/", "leave name and password out"),
        ("x" * 3000, "too many"),
    ],
)
def test_bad_input_gets_one_sentence(typed: str, said: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read(typed)
    assert said in str(refusal.value)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("/ws/rooms/garden/", "/rooms/garden/"),
        ("/ws/echo/", "/"),
        ("/rooms/garden/", "/rooms/garden/"),
    ],
)
def test_the_page_of_an_address_is_known(typed: str, path: str) -> None:
    assert read(f"http://localhost:8000{typed}").page_path == path


@pytest.mark.parametrize(
    ("page", "code", "url"),
    [
        (
            "",
            (
                "const s = location.protocol.replace('http', 'ws');\n"
                "new WebSocket(`${s}//${location.host}/ws${location.pathname}`)"
            ),
            "ws://127.0.0.1:8000/ws/rooms/garden/",
        ),
        (
            '<script id="n" type="application/json">"hall"</script>',
            (
                "const n = JSON.parse(document.getElementById('n').textContent);\n"
                "new WebSocket('ws://'\n + window.location.host\n + '/ws/' + n + '/')"
            ),
            "ws://127.0.0.1:8000/ws/hall/",
        ),
        (
            "",
            (
                "const p = location.protocol === 'https:' ? 'wss' : 'ws';"
                "const url = p + '://' + location.host + '/ws'; new WebSocket(url)"
            ),
            "ws://127.0.0.1:8000/ws",
        ),
        (
            '<body data-room-name="hall">',
            (
                "new WebSocket(`ws://${location.hostname}:${location.port}"
                "/${document.body.dataset.roomName}/`)"
            ),
            "ws://127.0.0.1:8000/hall/",
        ),
        (
            "",
            'new WebSocket(location.origin.replace(/^http/, "ws") + "/ws/")',
            "ws://127.0.0.1:8000/ws/",
        ),
        (
            "",
            "const r = location.pathname.split('/')[2]; new WebSocket(`ws://x/${r}/`)",
            "ws://x/garden/",
        ),
        (
            "",
            "new WebSocket(`ws://x${location.pathname.slice(0, -1)}`)",
            "ws://x/rooms/garden",
        ),
        ("", "new WebSocket('/ws/echo/')", "ws://127.0.0.1:8000/ws/echo/"),
        (
            "",
            "new WebSocket(['ws:/', location.host, 'ws', ''].join('/'))",
            "ws://127.0.0.1:8000/ws/",
        ),
        (
            "",
            "const r = location.pathname.split('/').at(2); new WebSocket('/ws/' + r)",
            "ws://127.0.0.1:8000/ws/garden",
        ),
        (
            "",
            "const u = 'a'; function f() { const u = '/b'; new WebSocket(u) }",
            "ws://127.0.0.1:8000/b",
        ),
        ("", "function f(u) { new WebSocket(u) } f('ws://x/y')", "ws://x/y"),
    ],
)
def test_a_script_is_read_without_running_it(page: str, code: str, url: str) -> None:
    [found] = asked(HERE, Document(page), [code])
    assert found.url == url


@pytest.mark.parametrize(
    "code",
    [
        "// new WebSocket('ws://x/')",
        "/* new WebSocket('ws://x/') */",
        "class A { open() { this.ws = new WebSocket(this.url) } }",
        "new WebSocket(((((",
        "const a = b; const b = a; new WebSocket(a)",
        "new WebSocket(" + "(" * 5000,
        "let u = 'ws://'; u += location.host; u += '/ws/'; new WebSocket(u)",
        "new WebSocket('ws://x/'.slice(-name.length))",
        "new WebSocket('//[x/')",
    ],
)
def test_what_cannot_be_known_is_not_guessed(code: str) -> None:
    assert asked(HERE, Document(""), [code]) == []


def test_what_is_written_twice_may_depend_on_an_if() -> None:
    code = "let s = 'ws'; if (location.protocol === 'https:') s = 'wss';"
    code += "new WebSocket(s + '://' + location.host + '/ws/echo/')"
    [found] = asked(HERE, Document(""), [code])
    assert not found.is_known


def test_a_division_is_no_regular_expression() -> None:
    assert unbalanced("const a = (b / 2) + c / 3;") == ""
    assert unbalanced("const a = ((b / 2) + c / 3;").startswith("line 1")
    assert unbalanced("const a = b.match(/[(]/);") == ""


def test_a_broken_page_is_read_as_far_as_it_goes() -> None:
    assert Document("<script src=chat.js></script><![ 5 ]>").sources == ["chat.js"]


def test_the_courses_own_scripts_are_read() -> None:
    for folder in sorted(ROOT.glob("stage0*")):
        scripts = sorted((folder / "chat" / "static" / "chat").glob("*.js"))
        texts = [each.read_text(encoding="utf-8") for each in scripts]
        [found] = asked(HERE, Document(""), texts)
        path = "echo/" if folder.name == "stage01_echo" else "rooms/garden/"
        assert found.url == f"ws://127.0.0.1:8000/ws/{path}"
        assert not found.is_fixed


# The command


def run(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, *words: str
) -> tuple[int, str, str]:
    """Run the command in this process: its exit code, and what it printed."""
    monkeypatch.setattr(sys, "argv", ["doctor", *words])
    code = command.main()
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("http://a b/",), "a space inside"),
        (("http://127.0.0.1:1/", "--ca", "no.pem"), "there is no file no.pem"),
        (("http://127.0.0.1:1/", "--ca", __file__), "holds no certificate"),
        (("http://127.0.0.1:1/", "--origin", "localhost"), "is no origin"),
        (("http://127.0.0.1:1/", "--origin", "http://[::1"), "one bracket only"),
        (("/" + "x" * 5000,), "is a path only"),
        (("~nobody-has-this-name/",), "is a path only"),
        (("http://127.0.0.1:1/", "--login", "swordfish"), "a name and a password"),
        (("/rooms/garden/",), "is a path only"),
    ],
)
def test_bad_words_end_with_2_and_one_sentence(
    words: tuple[str, ...],
    said: str,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code, out, err = run(capsys, monkeypatch, *words)
    assert (code, out) == (2, "")
    assert said in err.replace(f"{Path(__file__).parent}{os.sep}", "")
    assert err.count("\n") == 1
    assert "swordfish" not in err


@pytest.mark.usefixtures("alone")
def test_the_diagnosis_is_last_and_all_fits_a_terminal(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sick() as server:
        code, out, _ = run(capsys, monkeypatch, server.url())
        assert code == 0
        assert out.endswith("Nothing is wrong, as far as one can see from outside.\n")
        server.sockets = {"/ws/echo/": twice}
        code, out, _ = run(capsys, monkeypatch, server.url())
    assert code == 1
    assert "What is wrong: Every message comes twice." in out
    lines = out.splitlines()
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= WIDTH
    assert lines[-1].startswith("  Read more: 03-groups-deeper.html")
    assert "\x1b" not in out


@pytest.mark.usefixtures("alone")
def test_json_is_for_machines(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sick(sockets={"/ws/echo/": twice}) as server:
        code, out, _ = run(capsys, monkeypatch, server.url(), "--json")
    assert code == 1
    found = json.loads(out)
    assert found["findings"][0]["id"] == "answered-twice"
    assert {each["mark"] for each in found["steps"]} <= {"ok", "?", "!!", ""}


def test_a_page_from_the_disk(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "index.html"
    page.write_text(
        "<script>new WebSocket(`ws://${location.host}/ws/echo/`)</script>",
        encoding="utf-8",
    )
    code, out, _ = run(capsys, monkeypatch, page.as_uri())
    assert code == 1
    assert "it takes the host" in out
    assert "opened from the disk" in out
    report = Report(is_json=True)
    disk.look(str(page), report)
    assert ids(report) == ["page-from-disk"]
    # One that is not here is a page from the disk all the same.
    assert run(capsys, monkeypatch, "file:///C:/no/index.html")[0] == 1
    assert run(capsys, monkeypatch, "file:///no/%00.html")[0] == 1
    assert disk_page("http://localhost/index.html") is None
    assert disk_page("localhost/index.html") is None
    assert disk_page("templates/index.html") == "templates/index.html"


def test_a_mistake_of_ours_is_no_traceback(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(command, "visit", fail)
    code, out, err = run(capsys, monkeypatch, "http://127.0.0.1:1/", "--json")
    assert code == 1
    assert json.loads(out)["findings"][0]["id"] == "doctor-failed"
    assert "Traceback" not in out + err


def test_the_whole_visit_is_bounded(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = Event()
    monkeypatch.setattr(command, "visit", lambda *_arguments: ended.wait(30))
    monkeypatch.setattr(command, "WHOLE", 0)
    monkeypatch.setattr(command, "LAST", 0.1)
    code, out, _ = run(capsys, monkeypatch, "http://127.0.0.1:1/", "--json")
    ended.set()
    assert code == 1
    assert json.loads(out)["findings"][0]["id"] == "out-of-time"


# The catalogue


def sources(folder: Path, pattern: str) -> str:
    """Return the text of files."""
    files = sorted(folder.glob(pattern))
    return "\n".join(each.read_text(encoding="utf-8") for each in files)


def test_every_finding_is_found_by_something_and_shown_by_a_test() -> None:
    code = sources(ROOT / "tests" / "checker" / "doctor", "*.py")
    tests = sources(ROOT / "tests" / "front_door", "test_doctor*.py")
    for name in findings.entries():
        built = name.startswith("closed-")  # Put together, of a code.
        assert built or f'"{name}"' in code, f"nothing finds {name}"
        assert built or f'"{name}"' in tests, f"no test shows {name}"


def test_every_finding_leads_to_a_part_of_a_chapter() -> None:
    for entry in findings.entries().values():
        page, _, anchor = entry.chapter.partition("#")
        file = ROOT / "docs" / page.replace(".html", ".md")
        assert anchor in {*headings(file), ""}, f"{entry.id}: {entry.chapter}"


def test_sentences_are_sentences() -> None:
    for entry in findings.entries().values():
        assert not entry.title.endswith((".", "!")), entry.id
        assert entry.diagnosis.endswith((".", "?", "}")), entry.id
        assert entry.cure.endswith((".", "?", "}", "/")), entry.id


def test_a_chapter_without_a_part_is_named_alone() -> None:
    found = findings.finding("page-400", server="nginx")
    assert paragraphs(found, "What is wrong")[-1] == "  Read more: tunnel.html"


def test_what_a_server_says_cannot_write_on_the_terminal() -> None:
    report = Report(is_json=True)
    report.step("ok", "page: \x1b[31mred\x1b[0m\nnext")
    assert report.steps == [("ok", "page: [31mred [0m next")]


def test_addresses_that_are_this_machine() -> None:
    for host in ("localhost", "127.0.0.2", "::1", "evil.localhost"):
        assert address.is_loopback(host)
    for host in ("example.org", "192.168.1.2", "localhos"):
        assert not address.is_loopback(host)
