"""
Write the terms of the glossary for the pages' script: `python -m tests.docs.glossary`.
"""

import json

from docs.shown.glossary import id_of, terms
from docs.shown.repository import ROOT

SCRIPT = ROOT / "docs" / "assets" / "glossary.js"


def forms(entry: dict) -> list[str]:
    """Return how pages may write a term: in small letters, or at a sentence's start."""
    found = []
    for form in (entry["term"], *entry.get("forms", [])):
        found.append(form)
        if form[0].islower() and "exact" not in entry:
            found.append(form[0].upper() + form[1:])
    return list(dict.fromkeys(found))


def script() -> str:
    """Return the script: one line for each term, with what `terms.js` needs of it."""
    lines = []
    for entry in terms():
        term = {
            "term": entry["term"],
            "id": id_of(entry["term"]),
            "forms": "|".join(forms(entry)),
            "meaning": entry["meaning"],
        }
        if "not_on" in entry:
            term["notOn"] = entry["not_on"]
        lines.append(json.dumps(term, ensure_ascii=False, separators=(",", ":")))
    head = "// Written by `python -m tests.docs.glossary`, from docs/glossary.toml.\n"
    body = "".join(f"{line},\n" for line in lines)
    return f"{head}const TERMS = [\n{body}];\n"


if __name__ == "__main__":
    SCRIPT.write_text(script(), encoding="utf-8")
