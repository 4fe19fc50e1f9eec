"""Show the common mistakes: beside the lines of a listing, and by what one sees."""

import json
import re
from html import escape

from docs.shown import repository
from docs.shown.repository import CannotShow, read, read_toml
from docs.shown.text import slug, with_code

CATALOGUE = "tests/checker/explain/catalogue"
COMMON = ("very common", "common")  # Rare ones would hide these.
MOST_IN_A_LIST = 21  # More are listed by stage.
LONGEST_LINE = 34  # Letters of code beside the title of a pitfall.
MOST_PITFALLS = 4  # Below one listing, so that they do not hide the next.


def pitfalls(path, lines):
    """
    Tell which common mistakes are made in these lines of a file.

    One closed line says how many there are, and each of them is folded again.
    """
    found = proved()["lines"].get(path, [])
    entries = catalogue() if found else {}
    numbers = {}  # Of each entry, the first line that it is about.
    here = {}  # What is said of it here, and how it is called, if otherwise.
    for pitfall in found:
        for number, line in enumerate(lines, 1):
            if line.strip() == pitfall["line"]:
                if pitfall["entry"] not in numbers:
                    numbers[pitfall["entry"]] = number
                    here[pitfall["entry"]] = pitfall
                break
    told = sorted(numbers.items(), key=lambda item: (rank(entries[item[0]]), item[1]))
    shown = sorted(told[:MOST_PITFALLS], key=lambda item: item[1])
    if not shown:
        return ""
    notes = "".join(
        f'<details data-line="{number}"><summary>'
        f"<span>{with_code(here[each].get('title') or entries[each]['title'])}</span> "
        f"<small><code>{escape(shorten(lines[number - 1].strip()))}</code></small>"
        "</summary>\n"
        f"<p>{with_code(here[each].get('said') or words_of(entries[each]))}</p>"
        "</details>\n"
        for each, number in shown
    )
    label = f"<summary><span>What goes wrong here ({len(shown)})</span></summary>\n"
    return (
        '\n<div class="pitfalls" markdown="0">\n'
        f"<details>{label}{notes}</details>\n</div>\n"
    )


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
    shown = []
    for number, group in enumerate(groups):
        heading, rows = group["heading"], group.get("row", [])
        entries = found[heading]
        if not entries and not rows:
            raise CannotShow(f"docs/sights.toml: nothing is seen as {heading!r}.")
        part = leading(rows) if rows else in_parts(number, entries)
        shown.append(f"## {heading}\n\n{part}")
    return "\n".join(shown)


def leading(rows):
    """Write what stands for many mistakes, and leads to where they are, if anywhere."""
    return boxed(
        f"<details open><summary><span>{with_code(row['title'])}</span> "
        f"<small>stage {row['stage']}</small></summary>\n"
        f"<p>{with_code(row['words'])}</p>\n{leads(row.get('lead', []))}</details>\n"
        for row in rows
    )


def leads(found):
    """List where a row leads to, by what the server's log shows."""
    items = "".join(
        f"<li>{with_code(lead['sign'])}: "
        f'<a href="#{slug(lead["heading"])}">{lead["heading"]}</a></li>\n'
        for lead in found
    )
    return f"<ul>\n{items}</ul>" if items else ""


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
    return boxed(
        f"<details><summary><span>{with_code(entry['title'])}</span> "
        f"<small>{told_in(entry)}</small></summary>\n"
        f'<p>{with_code(words_of(entry))} <a href="{entry["chapter"]}">Read more</a>'
        "</p></details>\n"
        for entry in entries
    )


def boxed(rows):
    """Put the rows of a list into their box, where sights.js finds them."""
    return f'<div class="sights" markdown="0">\n{"".join(rows)}</div>\n'


def told_in(entry):
    """Return the stage in whose chapter a mistake is told, in words."""
    number = re.match(r"\d+", entry["chapter"])  # Or it is told before chapter 1.
    return f"stage {int(number[0]) if number else 1}"


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
