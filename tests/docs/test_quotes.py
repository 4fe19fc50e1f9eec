"""
What the pages quote without running it is what learn.py and its modules say.
"""

import ast
import re
from pathlib import Path

import pytest

from tests.docs.pages import blocks
from tests.docs.repository import ROOT

# What a transcript cannot show: there it has Python, packages and a network, and it
# opens no port to others.
SPOKEN = ("learn.py: ", "Open http", "Everyone ", "Serving ", "Checking ")
SPEAKERS = [
    ROOT / "learn.py",
    *(ROOT / "tests" / "checker" / name for name in ("packages.py", "system.py")),
    ROOT / "tests" / "checker" / "serve.py",
]
QUOTES = [
    (path, line)
    for path in sorted(ROOT.glob("docs/*.md"))
    for block in blocks(path.read_text(encoding="utf-8"))
    for line in block.lines
    if block.language == "text" and line.startswith(SPOKEN)
]


def sentences() -> list[re.Pattern]:
    """Return patterns of all texts that are said, where `{...}` can be anything."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in SPEAKERS]
    texts = []
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.JoinedStr):
            parts = node.values
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            parts = [node]
        else:
            continue
        texts.append(
            "".join(
                re.escape(part.value) if isinstance(part, ast.Constant) else ".+"
                for part in parts
            )
        )
    return [re.compile(f"(learn.py: )?{text}") for text in texts if len(text) > 12]


@pytest.mark.parametrize(
    ("page", "line"), QUOTES, ids=[line[:40] for _, line in QUOTES]
)
def test_quoted_sentence_is_one_of_learn_py(page: Path, line: str) -> None:
    known = any(pattern.fullmatch(line) for pattern in sentences())
    # One is written to stderr with its newline.
    known = known or any(pattern.fullmatch(f"{line}\n") for pattern in sentences())
    assert known, f"{page.name} quotes {line!r}, but nothing says so."
