"""`learn.py docs`: the site, served on whatever readers do to a stage."""

import logging
import re
import shutil
import socket
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path

import pytest
from mkdocs.livereload import LiveReloadServer

from docs import macros
from docs.shown import repository
from tests.checker import system
from tests.checker.system import OF_THE_SITE
from tests.docs import serve
from tests.front_door.checkout import PATIENCE, ROOT, Running
from tests.proofs.runs import copy_of


def test_docs_serves_the_site_with_everything_installed(
    handed_over: Callable[..., tuple], port: int
) -> None:
    words, variables, everything = handed_over("docs", "--port", port)
    assert words == ["tests.docs.serve", f"127.0.0.1:{port}"]
    assert variables == {}
    assert everything


def test_docs_refuses_a_port_in_use(refusal: Callable[..., str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        words = refusal("docs", "--port", port)
    words = words.partition(f"port {port} is in use by another program: stop it")[2]
    # No port that a chapter needs is offered.
    offered = re.search(r"or choose another port with --port (\d+)\.", words)[1]
    assert int(offered) >= OF_THE_SITE


def test_docs_serves_at_a_port_that_no_page_uses(
    handed_over: Callable[..., tuple], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "need_free", lambda *_: None)  # Somebody may read it.
    words, _variables, _everything = handed_over("docs")
    assert words == ["tests.docs.serve", f"127.0.0.1:{OF_THE_SITE}"]
    pages = [*ROOT.glob("docs/*.md"), *ROOT.glob("stage0*/**/*")]
    texts = {page: page.read_text(errors="ignore") for page in pages if page.is_file()}
    uses = {
        line.strip()
        for text in texts.values()
        for line in text.splitlines()
        if str(OF_THE_SITE) in line
        # But for what `docs` itself is, and where `hint` says that it shows a section.
        and not re.search(r"docs`|127\.0\.0\.1:\d+/[\w-]+\.html#", line)
    }
    assert not uses


def test_docs_says_who_has_taken_its_port_while_the_site_was_built(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as quicker:
        port = quicker.getsockname()[1]

        def late(**_options: object) -> None:
            socket.create_server(("127.0.0.1", port))

        monkeypatch.setattr(serve.serving, "serve", late)
        monkeypatch.setattr(threading, "excepthook", threading.excepthook)
        monkeypatch.setattr(sys, "argv", ["serve", f"127.0.0.1:{port}"])
        assert serve.main() == 2
    said = capsys.readouterr().err
    assert said.startswith(f"learn.py: port {port} is in use by another program")
    assert re.search(r"stop it, or choose another port with --port \d+\.\n$", said)
    assert said.count("\n") == 1


def test_docs_says_what_else_the_system_refuses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], port: int
) -> None:
    def refused(**_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(serve.serving, "serve", refused)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "argv", ["serve", f"127.0.0.1:{port}"])
    assert serve.main() == 2
    assert capsys.readouterr().err == "learn.py: [Errno 28] No space left on device.\n"


def test_address_comes_last_and_a_complaint_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = logging.getLogger("test_address_comes_last")
    log.setLevel(logging.INFO)
    log.addHandler(serve.Essence())
    log.info("Building documentation...")
    log.info("[macros] - Found local Python module")
    for _ in range(2):
        log.warning("docs/01-echo.md: there is no such file.")
    log.info("Documentation built in 1.23 seconds")
    log.info("[12:00:00] Watching paths for changes: 'docs'")
    log.info("[12:00:00] Serving on http://127.0.0.1:8008/")
    log.info("[12:00:09] Detected file changes")
    log.info("Building documentation...")
    log.warning("docs/01-echo.md: there is no such file.")
    assert capsys.readouterr().out.splitlines() == [
        "docs/01-echo.md: there is no such file.",
        "Documentation built in 1.23 seconds.",
        "Open http://127.0.0.1:8008/  Ctrl-C ends it.",
        "docs/01-echo.md: there is no such file.",
    ]


class Pages:
    """What the macros are given by a builder."""

    def __init__(self) -> None:
        file = types.SimpleNamespace(src_path="02-routing.md")
        self.page = types.SimpleNamespace(file=file)
        self.macros: dict[str, Callable] = {}

    def macro(self, function: Callable, name: str) -> None:
        """Take a macro."""
        self.macros[name] = function


RECEIVE = ("stage02_routing/chat/consumers.py", "ChatConsumer.receive")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no such file."),
        (b"", "has no object named ChatConsumer.receive."),
        (b"\n\ndef x(:\n", "Python cannot read line 3: invalid syntax."),
        (b"\xff\xfe", "is no text in UTF-8."),
    ],
    ids=["gone", "renamed", "syntax", "binary"],
)
def test_stage_that_was_edited_is_a_sentence_on_the_page(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes | None,
    said: str,
) -> None:
    (tmp_path / "stage02_routing" / "chat").mkdir(parents=True)
    if content is not None:
        (tmp_path / RECEIVE[0]).write_bytes(content)
    monkeypatch.setattr(repository, "ROOT", tmp_path)
    pages = Pages()
    macros.define_env(pages)
    # A builder that nobody watches fails instead.
    monkeypatch.delenv("SHOW_FAULTS", raising=False)
    with pytest.raises(repository.CannotShow, match=r"docs/02-routing\.md: stage02"):
        pages.macros["include"](*RECEIVE)
    monkeypatch.setenv("SHOW_FAULTS", "1")
    page = pages.macros["include"](*RECEIVE)
    assert page.startswith("**This cannot be shown.** docs/02-routing.md: stage02")
    assert said in page
    assert "Your own folder is in `work/`." in page


@pytest.mark.posix("Ctrl-C cannot be sent to one process group on Windows")
def test_docs_of_an_edited_stage_serves_on(tmp_path: Path, port: int) -> None:
    copy = tmp_path / "course"
    for part in "docs", "tests/start", "tests/docs", "tests/checker":
        copy_of(ROOT / part, copy / part)
    for stage in ROOT.glob("stage0*"):
        copy_of(stage, copy / stage.name)
    for file in "mkdocs.yml", "tests/__init__.py":
        shutil.copy(ROOT / file, copy / file)
    (copy / "stage02_routing" / "chat" / "consumers.py").write_text("def x(:\n")
    running = Running(
        [sys.executable, "-m", "tests.docs.serve", f"127.0.0.1:{port}"], cwd=copy
    )
    try:
        running.until("Open http")
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE):
            running.interrupt()
        assert running.end() in (0, 130)
        lines = running.printed.splitlines()
        assert any(
            "Python cannot read line 1: invalid syntax." in line for line in lines
        )
        assert lines[-1] == f"Open http://127.0.0.1:{port}/  Ctrl-C ends it."
        assert not [line for line in lines if "INFO" in line or "Traceback" in line]
    finally:
        running.kill()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_ctrl_c_before_the_server_has_begun_prints_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(threading, "excepthook", serve.note_failure)
    server = LiveReloadServer(lambda: None, "127.0.0.1", 0, root=".")
    server.server_bind()
    server.server_activate()
    server.shutdown()
    server.serve_thread.start()
    server.serve_thread.join(PATIENCE)
    assert capfd.readouterr().err == ""
    thread = threading.Thread(target=int, args=["one"])
    thread.start()
    thread.join(PATIENCE)
    assert "ValueError: invalid literal" in capfd.readouterr().err
