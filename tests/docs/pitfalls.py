"""
Find the lines of the stages at which people make mistakes.

    python -m tests.docs.pitfalls --write

writes docs/pitfalls.json: for each file of a stage, the lines that proved mistakes
change, and what the catalogue calls each. The pages show them beside these lines.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from tests.checker.explain import explain
from tests.checker.explain.catalogue import entries
from tests.docs.repository import ROOT
from tests.proofs.records import records
from tests.proofs.runs import evidence_of
from tests.proofs.test_mistakes import MISTAKES, edits_of, source_of
from tests.proofs.wrong.mistake import Mistake, Newcomers, newcomers

FILE = ROOT / "docs" / "pitfalls.json"
SHOWN = ("very common", "common")

Pitfalls = dict[str, list[dict[str, str]]]


def pitfalls() -> Pitfalls:
    """Return where common mistakes are made: their lines, and their entries' ids."""
    common = {entry.id for entry in entries() if entry.common in SHOWN}
    found: Pitfalls = {}
    for stage, mistakes in MISTAKES.items():
        for mistake in [*mistakes, *newcomers(stage)]:
            entry = told(stage, mistake)
            if entry not in common:
                continue
            for path, line in places(stage, mistake):
                pitfall = {"line": line, "entry": entry}
                if pitfall not in found.setdefault(path, []):
                    found[path].append(pitfall)
    return {path: found[path] for path in sorted(found)}


def told(stage: str, mistake: Mistake | Newcomers) -> str:
    """Return the id of the entry by which a mistake was told when it was made."""
    kind = "newcomers" if isinstance(mistake, Newcomers) else "mistakes"
    seen = records(f"{kind}/{stage}")[mistake.name]["seen"]
    said = explain(**evidence_of(seen), source=source_of(stage, mistake))
    return said.id if said else ""


def places(stage: str, mistake: Mistake | Newcomers) -> Iterator[tuple[str, str]]:
    """Yield a mistake's place, if it is one: the first line that it changes."""
    edits = edits_of(mistake)
    if len(edits) == 1 and edits[0].right:
        path = f"{stage}/{edits[0].file}"
        text = (ROOT / path).read_text(encoding="utf-8")
        number = text[: text.index(edits[0].right)].count("\n")
        old = edits[0].right.lstrip("\n").split("\n")
        new = edits[0].wrong.lstrip("\n").split("\n")
        # Some begin with a line that stays, because it tells where they are.
        same = next(
            (n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0
        )
        yield path, text.splitlines()[number + same].strip()


def as_json(found: Pitfalls) -> str:
    """Write pitfalls as the file has them."""
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the file, or say what it would hold."""
    parser = argparse.ArgumentParser(description=__doc__.strip().partition("\n")[0])
    parser.add_argument("--write", action="store_true", help=f"into {FILE.name}")
    text = as_json(pitfalls())
    if parser.parse_args().write:
        Path(FILE).write_text(text, encoding="utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
