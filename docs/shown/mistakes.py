"""Show the common mistakes: beside the lines of a listing, and by what one sees."""

import json
import re
from html import escape

from docs.shown import repository
from docs.shown.repository import CannotShow, read, read_toml
from docs.shown.text import with_code

CATALOGUE = "tests/checker/explain/catalogue"
COMMON = ("very common", "common")  # Rare ones would hide these.
MOST_IN_A_LIST = 21  # More are listed by stage.
LONGEST_LINE = 34  # Letters of code beside the title of a pitfall.
MOST_PITFALLS = 4  # Below one listing, so that they do not hide the next.


def pitfalls(path, lines):
    """Tell, folded, which common mistakes are made in these lines of a file."""
    found = proved()["lines"].get(path, [])
    entries = catalogue() if found else {}
    numbers = {}  # Of each entry, the first line that it is about.
    said = {}  # Of some, what is said of it here.
    for pitfall in found:
        for number, line in enumerate(lines, 1):
            if line.strip() == pitfall["line"]:
                if pitfall["entry"] not in numbers:
                    numbers[pitfall["entry"]] = number
                    said[pitfall["entry"]] = pitfall.get("said")
                break
    told = sorted(numbers.items(), key=lambda item: (rank(entries[item[0]]), item[1]))
    shown = sorted(told[:MOST_PITFALLS], key=lambda item: item[1])
    if not shown:
        return ""
    notes = "".join(
        f'<details data-line="{number}"><summary>'
        f"<span>{with_code(entry['title'])}</span> "
        f"<small><code>{escape(shorten(lines[number - 1].strip()))}</code></small>"
        "</summary>\n"
        f"<p>{with_code(said[entry['id']] or words_of(entry))}</p></details>\n"
        for entry, number in ((entries[each], number) for each, number in shown)
    )
    label = "<p>What goes wrong here</p>\n"
    return f'\n<div class="pitfalls" markdown="0">\n{label}{notes}</div>\n'


def shorten(line):
    """Return as much of a line of code as one needs to find it again."""
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"


def proved():
    """Return what tests/docs/pitfalls.py has found in the proofs of mistakes."""
    return json.loads("".join(read("docs/pitfalls.json")))


def sights():
    """
    List the common mistakes by what one sees first, those that most make first.

    Each is folded, and titled as its author would tell it.
    """
    groups = read_toml("docs/sights.toml")["sight"]
    seen = proved()["seen"]
    found = {group["heading"]: [] for group in groups}
    for entry in catalogue().values():
        if entry["common"] in COMMON:
            wire = seen.get(entry["id"], entry.get("symptom", ""))
            group = next(g for g in groups if re.fullmatch(g["wire"], wire))
            found[group["heading"]].append(entry)
    for heading, entries in found.items():
        if not entries:
            raise CannotShow(f"docs/sights.toml: nothing is seen as {heading!r}.")
    return "\n".join(
        f"## {heading}\n\n{in_parts(number, entries)}"
        for number, (heading, entries) in enumerate(found.items(), 1)
    )


def in_parts(number, entries):
    """List mistakes, those that most make first, and many of them by stage."""
    entries = sorted(entries, key=rank)
    if len(entries) <= MOST_IN_A_LIST:
        return listed(entries)
    stages = sorted({told_in(entry) for entry in entries})
    return "\n".join(
        f"### Told in {stage} {{ #seen-{number}-{stage.replace(' ', '-')} }}\n\n"
        + listed([entry for entry in entries if told_in(entry) == stage])
        for stage in stages
    )


def listed(entries):
    """Write mistakes as a list, each of which unfolds."""
    rows = "".join(
        f"<details><summary><span>{with_code(entry['title'])}</span> "
        f"<small>{told_in(entry)}</small></summary>\n"
        f'<p>{with_code(words_of(entry))} <a href="{entry["chapter"]}">Read more</a>'
        "</p></details>\n"
        for entry in entries
    )
    return f'<div class="sights" markdown="0">\n{rows}</div>\n'


def told_in(entry):
    """Return the stage in whose chapter a mistake is told, in words."""
    return f"stage {int(entry['chapter'][:2])}"


def catalogue():
    """Return what the checks know of mistakes, by their ids."""
    return {
        entry["id"]: entry
        for path in sorted((repository.ROOT / CATALOGUE).glob("*.toml"))
        for entry in read_toml(path)["entry"]
    }


def rank(entry):
    """Return a number for how common a mistake is: 0 for those that most make."""
    return COMMON.index(entry["common"])


def words_of(entry):
    """Return what is said of a mistake, if it can be as it was said of a proved one."""
    if said := proved()["said"].get(entry["id"]):
        return said
    words = f"{entry['diagnosis']} {entry.get('cure', '')}".rstrip()
    # What stands for a word of the reader's own, and braces that stand for themselves.
    words = re.sub(r"(?<!\{)\{\w+\}(?!\})", "…", words)
    words = words.replace("{{", "{").replace("}}", "}")
    if re.match("[a-z]+ ", words):  # Not json.loads().
        words = f"{words[0].upper()}{words[1:]}"
    return words
