"""
The lists of dependencies agree with each other, and name no package index.
"""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.checker.packages import first_layer
from tests.proofs.runs import ROOT

STAGES = sorted(path.name for path in ROOT.glob("stage*"))


def ranges(file: Path) -> list[Requirement]:
    """Return the requirements of a file that a person wrote."""
    lines = file.read_text(encoding="utf-8").splitlines()
    lines = [line.partition("#")[0].strip() for line in lines]
    return [Requirement(line) for line in lines if line]


def first() -> set[str]:
    """Return the names in the layer that runs and checks the stages."""
    return set(re.findall(r"^[\w-]+(?===)", first_layer(), re.MULTILINE))


def imported(file: Path) -> Iterator[str]:
    """Return the top-level names of all that a file imports, wherever it does."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def pins() -> dict[str, list[str]]:
    """Return the pinned versions of each package: Pythons can differ in them."""
    versions: dict[str, list[str]] = {}
    for pin in entries():
        name, version = re.match(r"([\w.-]+)==([\w.]+)", pin).groups()
        versions.setdefault(name, []).append(version)
    return versions


def entries() -> list[str]:
    """Return the entries of requirements.txt, each with its markers and hashes."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    lines = re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE)
    return lines.replace("\\\n", " ").splitlines()


def test_requirements_name_no_index_and_no_url() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert "://" not in text
    assert "index" not in text


def test_every_pin_has_a_hash() -> None:
    assert entries()
    assert [pin for pin in entries() if "--hash=sha256:" not in pin] == []


@pytest.mark.parametrize(
    "file", ["requirements.in", *(f"{stage}/requirements.txt" for stage in STAGES)]
)
def test_pins_fit_the_ranges(file: str) -> None:
    versions = pins()
    for requirement in ranges(ROOT / file):
        assert versions[requirement.name]
        for version in versions[requirement.name]:
            assert requirement.specifier.contains(version), (requirement, version)


def test_one_file_serves_every_python_of_the_course() -> None:
    # Django 6 needs Python 3.12, so 3.11 has a line of its own.
    assert sorted(version[0] for version in pins()["django"]) == ["5", "6"]


def test_first_layer_needs_nothing_outside_of_itself() -> None:
    layer = first()
    assert layer < pins().keys()
    pinned = re.findall(r"^[\w-]+==[^\\]+", first_layer(), re.MULTILINE)
    here = [
        pin
        for pin in map(Requirement, pinned)
        if not pin.marker or pin.marker.evaluate()
    ]
    for name in {pin.name for pin in here}:
        for line in requires(name) or []:
            requirement = Requirement(line)
            extras = {
                "extra": "tls" if name == "twisted" else ""
            }  # Daphne asks for it.
            if not requirement.marker or requirement.marker.evaluate(extras):
                assert canonicalize_name(requirement.name) in layer, (name, line)


def test_first_layer_is_all_that_is_imported_to_run_and_check_the_stages() -> None:
    files = [
        *(ROOT / "tests" / "checker").rglob("*.py"),
        *(ROOT / "tests").glob("*.py"),
        *(ROOT / "tests" / "exercises").glob("*.py"),
        *(ROOT / "tests" / "start").rglob("*.py"),
        *(file for stage in STAGES for file in (ROOT / stage).rglob("*.py")),
    ]
    ours = {"tests", "chat", "config", "learn"}
    names = {name for file in files for name in imported(file)}
    packages = packages_distributions()
    installed = {
        canonicalize_name(package)
        for name in names - ours - sys.stdlib_module_names
        for package in packages[name]
    }
    assert len(installed) > 5
    assert installed <= first()


def test_first_layer_has_what_the_command_lines_of_the_stages_name() -> None:
    # What nothing imports: plugins of pytest, and what Daphne needs for TLS.
    named = {"pytest-django", "pytest-asyncio", "pytest-timeout", "daphne"}
    assert named | {"channels-redis", "pyopenssl", "service-identity"} <= first()


def test_second_layer_is_what_is_left() -> None:
    assert not {"playwright", "mkdocs-material", "ruff", "pytest-xdist"} & first()
