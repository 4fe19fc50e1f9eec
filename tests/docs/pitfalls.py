"""
Find where people make mistakes, and what they see of them.

    python -m tests.docs.pitfalls --write

writes docs/pitfalls.json. `lines` holds, for each file of a stage, the lines that
proved mistakes change, and what the catalogue calls each: the pages show them beside
these lines. `seen` holds how each was seen on the wire most often, when it was proved,
and `said` what the checks said of it then, the first time: with names, and not with
what stands for them in the catalogue. Names that only the author of a mistake knows are
`…`. Where it was said otherwise of the mistake at a line, the line has its own `said`,
and where the catalogue has a title for one line, its own `title`.
"""

import argparse
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import mode
from typing import Any

from tests.checker.explain import Source, Told, explain
from tests.checker.explain.catalogue import entries
from tests.docs.repository import ROOT
from tests.proofs.records import Seen, records
from tests.proofs.runs import evidence_of
from tests.proofs.test_mistakes import MISTAKES, edits_of, source_of
from tests.proofs.wrong.mistake import Mistake, Newcomers, newcomers

FILE = ROOT / "docs" / "pitfalls.json"
SHOWN = ("very common", "common")
LINE = re.compile(r",(?: in)? line \d+\b")  # Of a stranger's: others have it elsewhere.
BY_ID = {entry.id: entry for entry in entries()}
METHODS = ("name", "right", "method")  # What fills in the name of a method.
Words = tuple[tuple[str, object], ...]
# What fills in a name that somebody has chosen, or quotes one.
CHOSEN = ("address", "host", "module", "name", "path", "table", "what", "words")
MADE_UP = re.compile(r"[0-9a-f]{32}")  # A room that the checks have asked for.
# Here the name shows the mistake.
SHOWS_NAMES = {"never-awaited", "no-handler", "no-handler-but"}


def pitfalls() -> dict[str, Any]:
    """Return where common mistakes are made, and how each was seen."""
    common = {entry.id for entry in BY_ID.values() if entry.common in SHOWN}
    lines: dict[str, list[dict[str, str]]] = {}
    symptoms: dict[str, list[str]] = {}
    words: dict[str, str] = {}
    for stage, mistakes in MISTAKES.items():
        for mistake in [*mistakes, *newcomers(stage)]:
            seen = record_of(stage, mistake)
            said = explain(**evidence_of(seen), source=source_of(stage, mistake))
            if not said or said.id not in common:
                continue
            told = general(said, stage)
            entry = BY_ID[said.id]
            words.setdefault(said.id, told)
            if seen.get("symptom"):
                symptoms.setdefault(said.id, []).append(seen["symptom"])
            for path, line in places(stage, mistake):
                pitfall = {"line": line, "entry": said.id}
                if entry.here:
                    pitfall["title"] = entry.here.format(**dict(said.words))
                    if is_of_another(line, said.words):
                        continue
                known = lines.setdefault(path, [])
                if not any(pitfall.items() <= each.items() for each in known):
                    # In the words of this stage, if others have others.
                    own = {"said": told} if told != words[said.id] else {}
                    known.append(pitfall | own)
    return {
        "lines": {path: lines[path] for path in sorted(lines)},
        "said": {each: words[each] for each in sorted(words)},
        "seen": {each: mode(symptoms[each]) for each in sorted(symptoms)},
    }


def general(said: Told, stage: str) -> str:
    """Return what is said of a mistake, with no name that only its author knows."""
    words = dict(said.words)
    if said.id not in SHOWS_NAMES:
        known = text_of(stage)
        for each in words.keys() & set(CHOSEN):
            words[each] = masked(str(words[each]), known)
    lines = " ".join(BY_ID[said.id].told(words)).split()
    return LINE.sub("", " ".join(lines))


def masked(word: str, known: str) -> str:
    """Return a word, or `…` in place of it, or of what it quotes, if it is unknown."""
    word = MADE_UP.sub("…", word)
    if "…" in word or word in known:
        return word
    if " " not in word:
        return "…"
    # What a library says, about names.
    return re.sub(
        r"'([^']*)'", lambda name: name[0] if name[1] in known else "'…'", word
    )


@cache
def text_of(stage: str) -> str:
    """Return all that stands in the files of a stage, and their names as modules."""
    files = Source.of(ROOT / stage).files
    modules = (name.removesuffix(".py").replace("/", ".") for name in files)
    return "\n".join([*modules, *files.values()])


def is_of_another(line: str, words: Words) -> bool:
    """Tell whether a line begins another method than the one that was found."""
    begun = re.match(r"async def (\w+)\(", line)
    found = [str(word).rpartition(".")[2] for key, word in words if key in METHODS]
    return bool(begun and found and begun[1] not in found)


def record_of(stage: str, mistake: Mistake | Newcomers) -> Seen:
    """Return what a mistake looked like when it was made."""
    kind = "newcomers" if isinstance(mistake, Newcomers) else "mistakes"
    return records(f"{kind}/{stage}")[mistake.name]["seen"]


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


def as_json(found: dict[str, Any]) -> str:
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
