"""A checkout of the course to try learn.py in, and learn.py as a module."""

import importlib.util
import shutil
import signal
import socket
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.checker import packages, system
from tests.checker.doctor import refusals, site, sockets, talk
from tests.front_door.checkout import ROOT, Checkout, Index
from tests.proofs.runs import copy_of


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """A clone that has not been set up yet."""
    checkout = Checkout(tmp_path)
    yield checkout
    for running in checkout.started:
        running.kill()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """An index that keeps the installer waiting, until `index.answer.set()`."""
    index = Index(tmp_path)
    yield index
    index.answer.set()
    index.server.shutdown()
    index.server.server_close()


@pytest.fixture
def course_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Make a course of some stages, and folders of a reader that begin as others."""

    def course_of(stages: Iterable[str], mine: Mapping[str, str]) -> Path:
        for name in stages:
            copy_of(ROOT / name, tmp_path / name)
        for name, begins_as in mine.items():
            copy_of(ROOT / begins_as, tmp_path / "work" / name)
        shutil.copy(ROOT / ".gitignore", tmp_path)
        monkeypatch.setattr(system, "ROOT", tmp_path)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return course_of


@pytest.fixture
def learn(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """learn.py of the checkout as a module. It can neither set up nor hand over."""
    monkeypatch.setattr(system, "ROOT", checkout.root)
    spec = importlib.util.spec_from_file_location("learn", checkout.root / "learn.py")
    learn = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(learn)
    monkeypatch.chdir(checkout.root)
    monkeypatch.setattr(packages, "set_up", lambda *_: pytest.fail("It was set up."))
    return learn


@pytest.fixture
def handed_over(
    learn: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple]:
    """Type a command, and get back what would have been handed over to .venv."""

    def handed_over(*words: str) -> tuple[list[str], dict[str, str], bool]:
        """Return the module and its words, variables, and whether all is installed."""
        calls = []
        layers = []
        monkeypatch.setattr(
            packages, "set_up", lambda everything=False: layers.append(everything)
        )
        monkeypatch.setattr(
            learn,
            "hand_over",
            lambda *words, **variables: calls.append(([*map(str, words)], variables)),
        )
        learn.command([*map(str, words)])
        [(handed, variables)], [everything] = calls, layers
        return handed, variables, everything

    return handed_over


@pytest.fixture
def refusal(
    learn: types.ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., str]:
    """Type what cannot be, and get back the one sentence that says so."""

    def refusal(*words: str | Path) -> str:
        monkeypatch.setattr(sys, "argv", ["learn.py", *map(str, words)])
        term = signal.getsignal(signal.SIGTERM)
        try:
            assert learn.main() == 2
        finally:
            signal.signal(signal.SIGTERM, term)
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith("learn.py: ")
        assert printed.err.endswith((".\n", "?\n"))
        assert printed.err.count("\n") == 1
        return printed.err.rstrip()

    return refusal


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """Let Ctrl-C work: it may not, where a script started these tests with `&`."""
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, ours)


@pytest.fixture
def port() -> int:
    """A port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call no handshake slow: on a machine with much to do, each one may be."""
    monkeypatch.setattr(sockets, "SLOW", 60)


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of this machine's: it would be a finding more."""
    for name in ("http", "https", "ws", "wss", "all", "socks", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_PROXY".upper(), raising=False)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, no_proxy: None) -> None:
    """No proxy, and servers in this process, that need not be waited for so long."""
    # Daphne needs a second until it says that it crashed.
    monkeypatch.setattr(talk, "FIRST", 0.2)
    monkeypatch.setattr(talk, "ANSWER", 1)
    monkeypatch.setattr(talk, "AGAIN", 0.1)
    monkeypatch.setattr(talk, "GOODBYE", 0.5)
    monkeypatch.setattr(site, "ANSWER", 2)
    monkeypatch.setattr(refusals, "SOON", 0.4)
    monkeypatch.setattr(sockets, "LATE", 0.4)
    monkeypatch.setattr(refusals, "LATE", 0.4)
