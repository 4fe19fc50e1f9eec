"""
Nothing on a page is typed by hand: each fenced block is run, included or made.

What is included or made has no fence in the source. Of the others, most are played:
transcripts, and what the reader types into a file. What is left is looked at here.
"""

import ast
import hashlib
import json
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from docs.shown import repository
from tests.docs.pages import Block, blocks
from tests.docs.repository import ROOT
from tests.docs.test_facts_01 import CONSOLE
from tests.docs.test_quotes import SPOKEN

# These lines are no blocks of the page's source.
MARKS = {"heading", "act", "hidden", "include"}

# Commands for systems that the tests do not run on, or that change the machine.
UNTRIED = {
    "py --version": "Windows",
    "brew install nginx": "macOS",
    "brew install redis": "macOS",
    "sudo apt install python3-venv": "the machine has it",
    "Set-ExecutionPolicy -Scope Process RemoteSigned": "Windows",
    "certutil -dump ca.pem": "Windows",
    # It is not installed, and must be allowed to. What it says is in docs/see.json.
    "py-spy dump --pid 12345": "py-spy needs the right to look into another process",
    "py-spy record --pid 12345 --duration 10 --output profile.svg": "the same",
}
FINGERPRINT = ["openssl x509 -in ca.pem -noout -fingerprint -sha256"]
VERSION = ["python3 --version"]


def is_said(block: Block, page: Path) -> bool:
    """Tell whether test_quotes.py holds this block: learn.py says it."""
    return any(line.startswith(SPOKEN) for line in block.lines)


def is_untried(block: Block, page: Path) -> bool:
    """Tell whether each line is known as one that nobody can try here."""
    return all(line in UNTRIED for line in block.lines)


def is_installed_by_ci(block: Block, page: Path) -> bool:
    """Tell whether this installs what .ci/run installs by the same name."""
    first = block.lines[0]
    package = first.removeprefix("sudo apt install ")
    # It stands there as a word, or by itself in an array of bash.
    words = (ROOT / ".ci/run").read_text(encoding="utf-8")
    installed = words.replace("(", " ").replace(")", " ").split()
    return block.lines == [f"sudo apt install {package}"] and package in installed


def is_part_of_a_change(block: Block, page: Path) -> bool:
    """Tell whether this is a line that a diff of the same page writes into a file."""
    added = {
        line.removeprefix("+").strip()
        for each in blocks(page.read_text(encoding="utf-8"))
        if each.language == "diff" and each.is_typed
        for line in each.lines
        if line.startswith("+")
    }
    return {line.strip() for line in block.lines} <= added


def is_a_message(block: Block, page: Path) -> bool:
    """Tell whether this is a message of the contract."""
    return block.language == "json" and set(json.loads("\n".join(block.lines))) == {
        "type",
        "text",
    }


def is_the_signature_of_asgi(block: Block, page: Path) -> bool:
    """Tell whether this declares an application as `guard()` of stage 2 makes one."""
    if block.language != "python":
        return False
    [declared] = ast.parse("\n".join(block.lines)).body
    guard = repository.read("stage02_routing/chat/faults.py")
    made = next(
        node
        for node in ast.walk(ast.parse("".join(guard)))
        if isinstance(node, ast.AsyncFunctionDef) and node.name == "guarded"
    )
    return isinstance(declared, ast.AsyncFunctionDef) and (
        ast.unparse(declared.args) == ast.unparse(made.args)
    )


def is_said_by_chromium(block: Block, page: Path) -> bool:
    """Tell whether test_facts_05.py compares this with Chromium's console."""
    tests = (ROOT / "tests/docs/test_facts_05.py").read_text(encoding="utf-8")
    is_compared = "page.console[-1].replace" in tests
    return block.lines[0].startswith("Mixed Content: ") and is_compared


def is_shown_to_chromium(block: Block, page: Path) -> bool:
    """Tell whether the test of stage 2's page opens this address."""
    tests = ROOT / "tests/browser/test_stage02_routing_page.py"
    name = block.lines[0].partition("?name=")[2]
    return bool(name) and name in tests.read_text(encoding="utf-8")


def is_typed_at_a_console(block: Block, page: Path) -> bool:
    """Tell whether test_facts_01.py types this at Chromium's console."""
    first, *others = CONSOLE
    told = page.read_text(encoding="utf-8")
    return block.lines == [first] and all(f"`{line}`" in told for line in others)


def is_done_by_the_checker(block: Block, page: Path) -> bool:
    """Tell whether these are commands of learn.py with options that it knows."""
    known = "".join(
        path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "tests/checker").glob("*.py"))
    )
    options = {
        word for line in block.lines for word in line.split() if word.startswith("--")
    }
    return all(line.startswith("python3 learn.py ") for line in block.lines) and all(
        f'"{option}"' in known for option in options
    )


def is_run_below(block: Block, page: Path) -> bool:
    """Tell whether a test below runs this command."""
    return block.lines in (FINGERPRINT, VERSION)


def is_seen_by_test_article(block: Block, page: Path) -> bool:
    """Tell whether test_article.py compares this with what a browser says."""
    return page.name == "article.md" and block.language == "text"


SHOWN: list[Callable[[Block, Path], bool]] = [
    is_said,
    is_untried,
    is_installed_by_ci,
    is_part_of_a_change,
    is_a_message,
    is_the_signature_of_asgi,
    is_said_by_chromium,
    is_shown_to_chromium,
    is_typed_at_a_console,
    is_done_by_the_checker,
    is_run_below,
    is_seen_by_test_article,
]


@pytest.mark.parametrize(
    "page", sorted(ROOT.glob("docs/*.md")), ids=lambda page: page.name
)
def test_no_block_is_typed_by_hand(page: Path) -> None:
    by_hand = [
        f"{page.name}:{block.line}: {block.lines[0]}"
        for block in blocks(page.read_text(encoding="utf-8"))
        if block.language not in MARKS
        and not block.is_played
        and not any(is_shown(block, page) for is_shown in SHOWN)
    ]
    assert not by_hand, "Nothing has shown these blocks: " + "; ".join(by_hand)


def test_block_that_nothing_has_shown_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A page\n\n```text\nAll is well.\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"page\.md:3: All is well"):
        test_no_block_is_typed_by_hand(page)


def test_what_is_untried_stands_on_a_page() -> None:
    lines = {
        line
        for page in ROOT.glob("docs/*.md")
        for block in blocks(page.read_text(encoding="utf-8"))
        for line in block.lines
    }
    assert set(UNTRIED) <= lines


def test_fingerprint_is_that_of_the_certificate(tmp_path: Path) -> None:
    pem = trustme.CA().cert_pem.bytes()
    (tmp_path / "ca.pem").write_bytes(pem)
    [command] = FINGERPRINT
    said = subprocess.check_output(command.split(), cwd=tmp_path, text=True)
    fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.decode())).hexdigest()
    assert said.rpartition("=")[2].strip().replace(":", "").lower() == fingerprint


def test_python_tells_its_version() -> None:
    [command] = VERSION
    said = subprocess.check_output(command.split(), text=True)
    assert said.startswith("Python 3.")
