"""What makes `learn.py docs` build the site again."""

from pathlib import Path

import pytest
from watchdog.events import FileModifiedEvent

from docs.shown import repository
from tests.docs.serve import ROOT, Quiet


@pytest.mark.parametrize(
    ("path", "is_built"),
    [
        ("stage04_auth/chat/consumers.py", True),
        ("stage04_auth/db.sqlite3", False),
        ("stage04_auth/db.sqlite3-journal", False),
        ("stage05_wss/keys/ca.pem", False),
        ("stage04_auth/chat/__pycache__/consumers.cpython-311.pyc", False),
    ],
)
def test_site_is_not_built_for_what_a_run_leaves(path: str, *, is_built: bool) -> None:
    server = Quiet(lambda: None, "127.0.0.1", 0, root=str(ROOT))
    server.watch(str(ROOT / "stage04_auth"))
    [handlers] = server.observer._handlers.values()
    for handler in handlers:
        handler.dispatch(FileModifiedEvent(str(ROOT / path)))
    server.server_close()
    assert server._want_rebuild == is_built


def test_what_a_run_leaves_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "ROOT", tmp_path)
    for name in ("chat/a.py", "db.sqlite3", "db.sqlite3-journal", "keys/ca.pem"):
        path = tmp_path / "stage04_auth" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xff" if name != "chat/a.py" else b"a = 1\n")
    assert repository.files("stage04_auth") == {"chat/a.py": ["a = 1\n"]}
