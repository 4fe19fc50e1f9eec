"""
Show the files of the stages on the pages, straight from the repository.

A page calls a macro on a line of its own, at any indentation:

    [[ include("stage01_echo/chat/consumers.py") ]]

Whatever a macro cannot find or explain fails the build.
"""

import ast
import base64
import hashlib
import json
import logging
import math
import os
import re
import struct
import tomllib
from difflib import SequenceMatcher
from functools import wraps
from html import escape
from itertools import chain
from pathlib import Path
from textwrap import wrap
from typing import NamedTuple

LOG = logging.getLogger("mkdocs.macros")
EDITED = (
    "Pages show the finished stages. Was one edited? Your own folder is in `work/`."
)
DOCS = Path(__file__).parent
ROOT = DOCS.parent
CATALOGUE = "tests/checker/explain/catalogue"
EXPERIMENTS = "docs/assets/experiments.json"
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3.
BYTES = 24  # Of a frame of an experiment that are shown.
COMMON = ("very common", "common")  # Rare ones would hide these.
MOST_PITFALLS = 4  # Below one listing, so that they do not hide the next.
CONTEXT = 1  # Lines of a diff around those that changed.
# A slide is 1280 by 720, with 28 pixels of code: what fits, in letters and in rows.
CODE_WIDTH, TITLE_WIDTH, TEXT_WIDTH = 66, 62, 82
SLIDE_HEIGHT, TITLE_ROW, TEXT_ROW, CODE_ROW, CODE_FRAME = 600, 42, 36, 36, 76
LONGEST_LINE = 60  # Letters of code in a sentence.
# Of a drawing, in its units: less is no slide, and what stands above a heading.
SHORTEST_PART, ABOVE_PART = 70, 28
FEWEST_ROWS = 5  # Of code on the last of several slides: a bracket alone says nothing.
LANGUAGES = {
    ".cnf": "ini",
    ".conf": "nginx",
    ".css": "css",
    ".html": "html+django",
    ".ini": "ini",
    ".js": "javascript",
    ".md": "markdown",
    ".py": "python",
    ".toml": "toml",
    ".txt": "text",
    ".yml": "yaml",
}
COLUMNS = tomllib.loads((DOCS / "columns.toml").read_text(encoding="utf-8"))
CALL = re.compile(r"^([ \t>]*)\[\[(.+)\]\][ \t]*$", re.MULTILINE)
COMMENTS = {".py": "#", ".js": "//"}


class CannotShow(Exception):  # noqa: N818  # It reads as the sentence that it starts.
    """A page asks for something that the repository doesn't have."""


def define_env(env):
    """Offer the macros to the pages. Both builders, MkDocs and Zensical, call this."""

    def offer(macro, is_block=True):
        @wraps(macro)
        def on_this_page(*args):
            # MkDocs and Zensical name the page's source differently.
            page = (
                env.page.file.src_path if hasattr(env.page, "file") else env.page.path
            )
            try:
                text = macro(*args)
                if not is_block:
                    return text
                before = prefix(
                    (DOCS / page).read_text(encoding="utf-8"), macro.__name__, args
                )
            except (
                Exception
            ) as problem:  # Whatever the reader of a stage has done to it.
                if "SHOW_FAULTS" in os.environ:
                    return fault(f"docs/{page}: {problem}", is_block)
                if isinstance(problem, CannotShow):
                    raise CannotShow(f"docs/{page}: {problem}") from None
                raise
            return f"\n{before}".join(text.splitlines())

        env.macro(on_this_page, macro.__name__)

    shown = (
        *(include, changes, commands, sights, questions),
        *(bench_table, svg, flames, screenshot),
        *(experiment, experiments, recorded_with),
        *(session, sessions, plan, live, slides, handout),
        *(glossary, servers_started, servers_checks, servers_seen, servers_measured),
    )
    for macro in shown:
        offer(macro)
    for macro in (accept, bench, minutes, rates):
        offer(macro, is_block=False)


def fault(problem, is_block):
    """Say on the page what it cannot show: `learn.py docs` serves on meanwhile."""
    first = problem.partition("\n")[0]
    LOG.warning(first)
    return f"**This cannot be shown.** {first} {EDITED}" + "\n" * is_block


def prefix(markdown, name, args):
    """Return what stands before this call of a macro: spaces, or a quotation's `>`."""
    found = set()
    for before, text in CALL.findall(markdown):
        call = ast.parse(text.strip(), mode="eval").body
        if not isinstance(call, ast.Call):
            continue  # A mistake, which the builder tells.
        if (call.func.id, tuple(map(ast.literal_eval, call.args))) == (name, args):
            found.add(before)
    if len(found) == 1:
        return found.pop()
    call = f"[[ {name}({', '.join(map(json.dumps, args))}) ]]"
    if found:
        raise CannotShow(f"{call} stands on this page twice, indented differently.")
    raise CannotShow(f"{call} must stand alone on a line.")


# Code


def include(path, name=None):
    """
    Show a file, or one object of it, with the lines that are new in this stage.

    A file of a stage is titled as the reader's own, which is where it is typed. A
    method keeps its indentation, so that it can be pasted into its class.
    """
    lines = read(path)
    first, last = find(path, lines, name) if name else (0, len(lines))
    new = [number - first + 1 for number in new_lines(path) if first <= number < last]
    title = f"work/{path}" if path.startswith("stage") else path
    language = LANGUAGES.get(Path(path).suffix, "text")
    shown = lines[first:last]
    return fence("".join(shown), language, title, new) + pitfalls(path, shown)


def fence(code, language, title, highlighted=()):
    """Return a fenced code block, whatever backticks the code itself holds."""
    ticks = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
    lines = f' hl_lines="{" ".join(map(str, highlighted))}"' if highlighted else ""
    return f'{ticks} {language} title="{title}"{lines}\n{code.rstrip()}\n{ticks}\n'


def pitfalls(path, lines):
    """Tell, folded, which common mistakes are made in these lines of a file."""
    found = proved()["lines"].get(path, [])
    entries = catalogue() if found else {}
    numbers = {}  # Of each entry, the first line that it is about.
    for pitfall in found:
        for number, line in enumerate(lines, 1):
            if line.strip() == pitfall["line"]:
                numbers.setdefault(pitfall["entry"], number)
                break
    told = sorted(numbers.items(), key=lambda item: (rank(entries[item[0]]), item[1]))
    shown = sorted(told[:MOST_PITFALLS], key=lambda item: item[1])
    if not shown:
        return ""
    notes = "".join(
        f'<details data-line="{number}"><summary>'
        f"<span>{with_code(entry['title'])}</span> <small>line {number}</small>"
        "</summary>\n"
        f"<p>{with_code(words_of(entry))}</p></details>\n"
        for entry, number in ((entries[each], number) for each, number in shown)
    )
    return f'\n<div class="pitfalls" markdown="0">\n{notes}</div>\n'


def proved():
    """Return what tests/docs/pitfalls.py has found in the proofs of mistakes."""
    return json.loads("".join(read("docs/pitfalls.json")))


def read(path):
    """Return the lines of a file of this repository."""
    try:
        return (ROOT / path).read_text(encoding="utf-8").splitlines(keepends=True)
    except OSError:
        raise CannotShow(f"{path}: there is no such file.") from None
    except UnicodeDecodeError:
        raise CannotShow(f"{path} is no text in UTF-8.") from None


def find(path, lines, name):
    """Return where an object starts and ends, with the comment right above it."""
    suffix = Path(path).suffix
    if suffix == ".py":
        try:
            first, last = find_in_python(lines, name)
        except SyntaxError as error:
            words = f"{path}: Python cannot read line {error.lineno}: {error.msg}."
            raise CannotShow(words) from None
    elif suffix == ".js":
        first, last = find_in_javascript(lines, name)
    else:
        raise CannotShow(f"{path}: objects are found in .py and .js files only.")
    if first is None:
        raise CannotShow(f"{path} has no object named {name}.")
    while first and lines[first - 1].lstrip().startswith(COMMENTS[suffix]):
        first -= 1
    return first, last


def find_in_python(lines, name):
    """Find a function, class, method or variable by its dotted name."""
    node = ast.parse("".join(lines))
    for part in name.split("."):
        node = next(
            (child for child in getattr(node, "body", []) if part in names(child)), None
        )
    if node is None:
        return None, None
    decorators = getattr(node, "decorator_list", [])
    return min(each.lineno for each in [node, *decorators]) - 1, node.end_lineno


def names(node):
    """Return the names that a statement defines."""
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return [getattr(node, "name", None)]


def find_in_javascript(lines, name):
    """Find a function that starts and ends at the left margin."""
    start = re.compile(rf"(async )?function {re.escape(name)}\(")
    first = next(
        (number for number, line in enumerate(lines) if start.match(line)), None
    )
    if first is None:
        return None, None
    return first, next(
        n for n in range(first, len(lines)) if lines[n].startswith("}")
    ) + 1


# Commands

# What Windows calls otherwise than bash does.
WINDOWS = [
    (r"^source \.venv/bin/activate$", r".venv\\Scripts\\activate"),
    (r"^\.venv/bin/(\w+)", r".venv\\Scripts\\\1"),
    (r"^python3\b", "py"),
    (r"^ls\b", "dir"),
]
POWERSHELL = [
    (r'^export (\w+)="?([^"]*)"?$', r'$env:\1 = "\2"'),
    (r"^unset (\w+)$", r"Remove-Item Env:\1"),
    *WINDOWS,
    (r"^(\.venv.Scripts.)activate$", r"\1Activate.ps1"),
]
CMD = [
    (r'^export (\w+)="?([^"]*)"?$', r"set \1=\2"),
    (r"^unset (\w+)$", r"set \1="),
    *WINDOWS,
    (r"^(\.venv.Scripts.)activate$", r"\1activate.bat"),
]


def commands(*lines):
    """
    Show commands of bash as each system's shell has them.

    Where cmd and PowerShell differ, which is in variables, each has a tab of its own.
    """
    powershell, cmd = (
        [translated(line, words) for line in lines] for words in (POWERSHELL, CMD)
    )
    shells = [("macOS, Linux", "text", lines)]
    if powershell == cmd:
        shells.insert(0, ("Windows", "powershell", powershell))
    else:
        shells.insert(0, ("Windows, PowerShell", "powershell", powershell))
        shells.insert(1, ("Windows, cmd", "bat", cmd))
    return "\n".join(
        f'=== "{name}"\n\n    ``` {language}\n{indented}\n    ```\n'
        for name, language, typed in shells
        for indented in ["\n".join(f"    {line}" for line in typed)]
    )


def translated(line, words):
    """Return a command of bash as another shell has it."""
    for bash, other in words:
        line = re.sub(bash, other, line)
    return line


# What changed since the stage before


def before(stage):
    """Return the folder that a stage starts from: the first one, from plain Django."""
    stages = [
        "tests/start",
        *sorted(path.name for path in ROOT.glob("stage*_*")),
    ]
    if stage not in stages[1:]:
        raise CannotShow(f"{stage}: there is no such stage.")
    return stages[stages.index(stage) - 1]


def new_lines(path):
    """Return the numbers, from 0, of the lines that are new since the stage before."""
    stage, _, rest = path.partition("/")
    if not stage.startswith("stage"):
        return []
    old = ROOT / before(stage) / rest
    if not old.exists():
        return []
    opcodes = SequenceMatcher(None, read(old), read(path), autojunk=False).get_opcodes()
    changed = [range(first, last) for tag, *_, first, last in opcodes if tag != "equal"]
    return list(chain.from_iterable(changed))


class Piece(NamedTuple):
    """
    What one reason is given for: a file, or one hunk of it, which `key` stands in.

    `hunks` are pieces of a diff, each a list of lines. `verb` says what became of a
    file that has one reason for all.
    """

    path: str
    key: str
    reason: str
    verb: str
    hunks: list[list[str]]

    @property
    def name(self):
        """Return what the order of a lesson calls it."""
        return f"{self.path}: {self.key}" if self.key else self.path

    def added(self):
        """Return the lines that come, without their sign."""
        return [line[1:] for hunk in self.hunks for line in hunk if line[0] == "+"]

    def removed(self):
        """Return the lines that go, without their sign."""
        return [line[1:] for hunk in self.hunks for line in hunk if line[0] == "-"]


def changes(stage):
    """
    Show what a stage adds to the stage before, each piece with its reason.

    The reasons are in reasons/<stage>.toml, in the order in which they are shown.
    A piece without a reason, or a reason without a piece, fails the build.
    """
    return "\n".join(map(as_change, pieces(stage)))


def as_change(piece):
    """Show a piece: a file by its name only, a hunk with its lines."""
    if piece.verb:
        return f"`{piece.path}` {piece.verb}. {piece.reason}\n{{ .reason }}\n"
    [hunk] = piece.hunks
    code = fence("".join(hunk), "diff", piece.path)
    return f"{piece.reason}\n{{ .reason }}\n\n{code}"


def pieces(stage):
    """Return the pieces of what a stage adds, in the order of their reasons."""
    source = f"docs/reasons/{stage}.toml"
    reasons = tomllib.loads("".join(read(source)))
    old, new = files(before(stage)), files(stage)
    changed = {
        path for path in old.keys() | new.keys() if old.get(path) != new.get(path)
    }
    for path in sorted(changed - reasons.keys()):
        raise CannotShow(f"{source} gives no reason for {path}, which changed.")
    return [
        piece
        for path, reason in reasons.items()
        for piece in explain(source, path, reason, old.get(path), new.get(path))
    ]


def explain(source, path, reasons, old, new):
    """Yield a file with its reason, or each of its hunks with one."""
    if old == new:
        raise CannotShow(f"{source} explains {path}, which did not change.")
    all_hunks = list(hunks(old or [], new or []))
    if isinstance(reasons, str):
        verb = "is new" if old is None else "is gone" if new is None else "changed"
        yield Piece(path, "", reasons, verb, all_hunks)
        return
    unused = dict(reasons)
    for hunk in all_hunks:
        keys = [
            key
            for key in reasons
            if any(key in line[1:] for line in hunk if line[0] != " ")
        ]
        if len(keys) != 1:
            problem = f"has {len(keys)} reasons" if keys else "has no reason"
            raise CannotShow(
                f"{source}: this piece of {path} {problem}:\n\n{''.join(hunk)}"
            )
        if keys[0] not in unused:
            raise CannotShow(f"{source}: {keys[0]!r} is in two pieces of {path}.")
        yield Piece(path, keys[0], unused.pop(keys[0]), "", [hunk])
    for key in unused:
        raise CannotShow(f"{source}: no line of {path} that changed has {key!r} in it.")


def hunks(old, new):
    """Yield the pieces of a unified diff, each a list of lines."""
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(
        CONTEXT
    ):
        hunk = []
        for tag, old_first, old_last, new_first, new_last in group:
            if tag == "equal":
                hunk += [f" {line}" for line in old[old_first:old_last]]
            else:
                hunk += [f"-{line}" for line in old[old_first:old_last]]
                hunk += [f"+{line}" for line in new[new_first:new_last]]
        yield hunk


def files(folder):
    """Return the lines of each file of a folder, without what a run leaves."""
    return {
        path.relative_to(ROOT / folder).as_posix(): read(path)
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
        and path.suffix not in {".pyc", ".sqlite3"}
        and not any(
            part.startswith(".") for part in path.relative_to(ROOT / folder).parts
        )
    }


# What the checks say


def sights():
    """
    List the common mistakes by what one sees first, those that most make first.

    Each is folded, and titled as its author would tell it.
    """
    groups = tomllib.loads("".join(read("docs/sights.toml")))["sight"]
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
        f"## {heading}\n\n{listed(sorted(entries, key=rank))}"
        for heading, entries in found.items()
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
        for path in sorted((ROOT / CATALOGUE).glob("*.toml"))
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["entry"]
    }


def rank(entry):
    """Return a number for how common a mistake is: 0 for those that most make."""
    return COMMON.index(entry["common"])


def words_of(entry):
    """Return what is said of a mistake: what it is, and its cure."""
    words = f"{entry['diagnosis']} {entry.get('cure', '')}".rstrip()
    # What stands for a word of the reader's own, and braces that stand for themselves.
    words = re.sub(r"(?<!\{)\{\w+\}(?!\})", "…", words)
    words = words.replace("{{", "{").replace("}}", "}")
    if re.match("[a-z]+ ", words):  # Not json.loads().
        words = f"{words[0].upper()}{words[1:]}"
    return words


def plain(text):
    """Write a text so that Markdown shows it as it is, but for what is `code`."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([\\*_\[\]<>{}|#])", r"\\\1", part) for part in parts[::2]]
    parts[1::2] = [f"`{part}`" for part in parts[1::2]]
    return "".join(parts)


# What to answer from memory


def questions(chapter):
    """
    Ask what questions/<chapter>.toml holds, as a form that quiz.js makes alive.

    Without it, each answer stands folded below its question.
    """
    source = f"docs/questions/{chapter}.toml"
    asked = tomllib.loads("".join(read(source)))["question"]
    for number, each in enumerate(asked, 1):
        if each["right"] not in range(len(each["choices"])):
            raise CannotShow(f"{source}: question {number} has no right choice.")
    shown = (in_html(chapter, *each) for each in enumerate(asked, 1))
    # Markdown ends a block of HTML at an empty line.
    return f'<div class="quiz" markdown="0">\n{"".join(shown)}</div>\n'


def in_html(chapter, number, question):
    """Write a question as a group of radio buttons, and its answer below it."""
    name = f"{chapter}-question-{number}"
    choices = "".join(
        f'<label><input type="radio" name="{name}" value="{value}"> '
        f"<span>{with_code(text)}</span></label>\n"
        for value, text in enumerate(question["choices"])
    )
    right = with_code(question["choices"][question["right"]])
    told = question["told"].replace(".md", ".html")
    return (
        f'<form class="question" data-right="{question["right"]}">\n<fieldset>\n'
        f"<legend>{number}. {with_code(question['asks'])}</legend>\n{choices}"
        f"<details><summary>Answer</summary>\n"
        f"<p><strong>{right}</strong></p>\n<p>{with_code(question['why'])} "
        f'<a href="{told}">Where this is told</a></p>\n</details>\n'
        "</fieldset>\n</form>\n"
    )


def with_code(text):
    """Write a text as HTML, with what stands between backticks as code."""
    parts = escape(text, quote=False).split("`")
    parts[1::2] = [f"<code>{part}</code>" for part in parts[1::2]]
    return "".join(parts)


# Words


def terms():
    """Return the terms of the glossary, in its order."""
    return tomllib.loads("".join(read("docs/glossary.toml")))["term"]


def id_of(term):
    """Return the anchor of a term in the glossary."""
    return re.sub("[^a-z0-9]+", "-", term.lower())


def glossary():
    """Show all terms: what each means, where the course explains it, and the source."""
    return "\n".join(map(in_glossary, terms()))


def in_glossary(entry):
    """Write a term as a heading of its own, so that the search finds it."""
    name, address = entry["source"]
    links = f"[{chapter_of(entry['here'])}]({entry['here']}) · [{name}]({address})"
    return (
        f"## {entry['term']} {{ #{id_of(entry['term'])} .entry }}\n\n"
        f"{plain(entry['meaning'])}\n\n{links}\n"
    )


def chapter_of(link):
    """Name the page that a link leads to: 01-echo-deeper.md#x is Chapter 1, deeper."""
    if found := re.match(r"0(\d)-[a-z]+(-deeper)?\.md#", link):
        return f"Chapter {found[1]}" + (", deeper" if found[2] else "")
    raise CannotShow(f"docs/glossary.toml: {link} is no place in a chapter.")


# Numbers and drawings


def results(name):
    """Return the result of a benchmark, as `python -m tests.bench` wrote it."""
    try:
        return json.loads("".join(read("docs/bench.json")))[name]
    except KeyError:
        raise CannotShow(f"docs/bench.json has no results named {name}.") from None


def bench(name, row, column="ratio"):
    """Return one number of a result: a row's `ratio`, or another of its columns."""
    for each in results(name)["rows"]:
        if each["name"] == row and column in each:
            return number(each[column])
    raise CannotShow(
        f"docs/bench.json has no {column} of {row!r} among the results of {name}."
    )


def bench_table(name, *beginnings):
    """
    Show a benchmark's result, and the machine that it was measured on.

    `beginnings` are those of the names of the rows to show, if it is not all of them.
    """
    result = results(name)
    shown = [row for row in result["rows"] if row["name"].startswith(beginnings or "")]
    if not shown:
        raise CannotShow(
            f"docs/bench.json has no {' or '.join(beginnings)} among the results of "
            f"{name}."
        )
    columns = {
        key: column["heading"]
        for key, column in COLUMNS.items()
        if key in result["rows"][0] and "for_us" not in column
    }
    head = "".join(
        f'<th scope="col">{each}</th>' for each in ("server", *columns.values())
    )
    highest = max(row.get("ratio", 0) for row in shown)
    # What comes after a semicolon, such as the size of the room, is said once.
    groups = {}
    for row in shown:
        who, _, where = row["name"].partition("; ")
        groups.setdefault(where, []).append((who, row))
    bodies = [
        table_body(where, rows, columns, highest) for where, rows in groups.items()
    ]
    where = ", ".join(f"{key} {value}" for key, value in result["environment"].items())
    caption = f"<caption>Measured with {where}.</caption>"
    lines = [f"<thead><tr>{head}</tr></thead>", *bodies]
    table = "\n".join([f'<table class="numbers">{caption}', *lines, "</table>"])
    return f'<div class="wide" markdown="0">\n{table}\n</div>\n'


def table_body(where, rows, columns, highest):
    """Write the rows of a table that have something in common, below its name."""
    lines = []
    if where:
        words = (
            f'<th colspan="{len(columns) + 1}" scope="rowgroup">{escape(where)}</th>'
        )
        lines.append(f"<tr>{words}</tr>")
    for who, row in rows:
        numbers = "".join(
            f"<td>{bar(row, highest) if key == 'ratio' else ''}{number(row[key])}</td>"
            for key in columns
        )
        lines.append(f'<tr><th scope="row">{escape(who)}</th>{numbers}</tr>')
    return "\n".join(["<tbody>", *lines, "</tbody>"])


def bar(row, highest):
    """Draw the ratio of a row as a bar, for the eye."""
    width = f"{100 * row['ratio'] / highest:.0f}"
    return (
        '<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" '
        f'aria-hidden="true"><rect width="{width}" height="6"/></svg>'
    )


def servers():
    """Return what was seen of other servers, by `python -m tests.docs.servers`."""
    return json.loads("".join(read("docs/servers.json")))


def servers_started():
    """Show how each server is started, without TLS."""
    lines = [f"{plain}\n" for plain, _ in servers()["commands"].values()]
    return fence("".join(lines), "text", "One of these")


def servers_checks():
    """Show how many checks of each stage pass with each server, and which fail."""
    found = servers()["servers"]
    first, *_ = found.values()
    rows = [
        cells(
            stage.replace("_", " · ", 1).replace("stage0", "stage "),
            *(passed(seen["checks"][stage]) for seen in found.values()),
        )
        for stage in first["checks"]
    ]
    return "\n".join([*server_head("checks", found), *rows, ""])


def passed(checks):
    """Say how many checks pass, how many fail and how many were not tried."""
    failed = checks["failed"]
    words = f"{checks['passed']} pass"
    if failed:
        names = ", ".join(f"`{name}`" for name in failed)
        words += f", {len(failed)} {'fails' if len(failed) == 1 else 'fail'}: {names}"
    return f"{words}; {checks['not_tried']} not tried" if checks["not_tried"] else words


def servers_seen(section):
    """Show what each server does, where the contract promises nothing."""
    found = servers()["servers"]
    first, *_ = found.values()
    rows = [
        cells(
            plain(name),
            *(plain(seen["seen"][section][name]) for seen in found.values()),
        )
        for name in first["seen"][section]
    ]
    return "\n".join([*server_head(section, found), *rows, ""])


def servers_measured():
    """Say with which versions, when and how the servers were looked at."""
    result = servers()
    ours = ("daphne", "channels", "django")  # The names of others are in small letters.
    versions = ", ".join(
        f"{name.capitalize() if name in ours else name} {each}"
        for name, each in result["versions"].items()
    )
    return (
        f"Seen on {result['date']} by `{result['command']}`, with {versions}. "
        "Each server ran with its defaults.\n"
    )


def server_head(first, found):
    """Write the head of a table with a column for each server."""
    return [cells(first, *found), cells(*[":--"] * (1 + len(found)))]


def cells(*texts):
    """Write one line of a table."""
    return f"| {' | '.join(map(str, texts))} |"


def number(value):
    """Write 12345.6 as 12,346, 12.34 as 12.3, and 1.234 as 1.23."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}"


def svg(name):
    """Draw a file of assets/ into the page, where it takes the page's colours."""
    # Markdown ends a block of HTML at an empty line.
    drawing = "".join(line for line in read(f"docs/assets/{name}") if line.strip())
    return f'<figure class="drawing" markdown="0">\n{drawing.rstrip()}\n</figure>\n'


# The workbench


def recordings():
    """Return what `python -m tests.docs.experiments` wrote."""
    return json.loads("".join(read(EXPERIMENTS)))


def recorded_with():
    """Say what the experiments were recorded with."""
    made = recordings()["environment"].items()
    return f"Recorded with {', '.join(f'{name} {version}' for name, version in made)}."


def experiment(name):
    """Tell an experiment line by line: who said what, and what came of it."""
    for each in recordings()["experiments"]:
        if each["name"] == name:
            break
    else:
        raise CannotShow(f"{EXPERIMENTS} has no experiment named {name}.")
    data = {key: each[key] for key in ("name", "kind", "sent")}
    attributes = " ".join(f'data-{key}="{value}"' for key, value in data.items())
    another = each["websockets"].removeprefix("The server ")
    html = [
        f'<div class="experiment" {attributes} markdown="0">',
        *("<ol>", *map(line_of, each["lines"]), "</ol>"),
        f'<p class="outcome">{escape(each["outcome"])}</p>',
        f"<p>A server made with <code>websockets</code> {escape(another)}</p>",
        '<p><button type="button" hidden>Open in the workbench</button></p>',
        "</div>\n",
    ]
    return "\n".join(html)


def experiments():
    """Show what came of all experiments, in a row each, by the headings of the page."""
    page = "".join(read("docs/workbench.md"))
    found = re.findall(r"^### \d+ · (.+) \{ #experiment-(.+) \}$", page, re.M)
    titles = {name: title for title, name in found}
    rows = []
    for each in recordings()["experiments"]:
        name = each["name"]
        if name not in titles:
            raise CannotShow(f"The experiment {name} has no heading.")
        ends = (in_short(each[server]) for server in ("outcome", "websockets"))
        rows.append(cells(f"[{titles[name]}](#experiment-{name})", *ends))
    head = [cells("the client sends", "Daphne", "`websockets`"), "| :-- | :-- | :-- |"]
    return "\n".join([*head, *rows, ""])


def in_short(outcome):
    """Shorten what came of an experiment."""
    if close := re.search(r"a close frame \(code (\d+), (“.*”)\)", outcome):
        return f"close {close[1]}, {close[2]}"
    return "answers, stays open" if "stays open" in outcome else "cuts TCP off"


def line_of(line):
    """Tell a line of an experiment: who, what, when, and the bytes."""
    who = {"client": "client →", "server": "← server", "nobody": "silence"}[line["who"]]
    sent = line.get("hex", "").split()
    shown = " ".join(sent[:BYTES])
    if len(sent) > BYTES:
        shown += f" … and {len(sent) - BYTES} more"
    time = f"{line['ms']} ms" if line["ms"] else "< 1 ms"
    return (
        f'<li class="{line["who"]}"><b>{who}</b> <span>{escape(line["words"])}</span> '
        f"<small>{escape(time)}</small>{shown and f' <code>{shown}</code>'}</li>"
    )


def accept(key, step):
    """Compute Sec-WebSocket-Accept for a key (RFC 6455, section 4.2.2), or a step."""
    digest = hashlib.sha1((key + GUID).encode(), usedforsecurity=False).digest()
    value = base64.b64encode(digest).decode()
    return {"constant": GUID, "hash": digest.hex(" "), "value": value}[step]


def flames(name, alternative):
    """Draw a flame graph of assets/ into the page, in the page's colours."""
    drawing = "".join(read(f"docs/assets/{name}"))
    # Its own style and its white ground are for where it stands alone.
    drawing = re.sub(r'<style>.*?</style>|<rect width="100%"[^>]*>', "", drawing)
    drawing = drawing.replace("<svg ", f'<svg aria-label="{escape(alternative)}" ', 1)
    drawing = "\n".join(filter(str.strip, drawing.splitlines()))
    return f'<figure class="wide flames" markdown="0">\n{drawing}\n</figure>\n'


def screenshot(name, alternative, caption):
    """
    Show a screenshot of assets/ in the colours of the page, with a link to all of it.

    Of its two pictures, a browser loads the one that it shows.
    """
    pictures = []
    for scheme in ("light", "dark"):
        path = f"assets/{name}-{scheme}.png"
        width, height = size_of(path)
        pictures.append(
            f'<a class="only-{scheme}" href="{path}"><img loading="lazy" '
            f'src="{path}" width="{width}" height="{height}" '
            f'alt="{escape(alternative)}"></a>\n'
        )
    caption = f"<figcaption>{escape(caption)}</figcaption>"
    return (
        f'<figure class="shot" markdown="0">\n{"".join(pictures)}{caption}\n</figure>\n'
    )


def size_of(picture):
    """Return width and height of a PNG, which was taken with two pixels for each."""
    try:
        with (ROOT / "docs" / picture).open("rb") as file:
            width, height = struct.unpack(">II", file.read(24)[16:])
    except OSError:
        raise CannotShow(f"docs/{picture}: there is no such file.") from None
    return width // 2, height // 2


# How long a chapter takes

WORDS = 180  # That somebody reads in a minute, of a text that is not in his language.
LINES = 5  # That he types in a minute, and looks at.
FENCE = re.compile(r"[ >]*(`{3,}) *(\w*)(?:.*title=\"([^\"]*)\")?")
PROMPTS = ("$ ", "> ", ">>> ", "... ")


def minutes(chapter):
    """
    Return how many minutes the path of a chapter takes: 5, 10, 15 and so on.

    These are the words of its prose, the lines that are typed, and the seconds that its
    transcripts took when they were recorded.
    """
    words, lines = amount("".join(read(f"docs/{chapter}.md")))
    acts = json.loads("".join(read(f"tests/proofs/evidence/acts/{chapter}.json")))
    waits = sum(act["seconds"] for act in acts.values())
    return str(5 * math.ceil((words / WORDS + lines / LINES + waits / 60) / 5))


def rates():
    """Say how fast somebody is, by whom the minutes are reckoned."""
    return f"{WORDS} words of prose or {LINES} typed lines in a minute"


def amount(markdown):
    """Return how many words of prose a page has, and how many lines to type."""
    words = lines = 0
    ticks = ""
    for line in re.sub(r"<!--.*?-->", "", markdown, flags=re.DOTALL).splitlines():
        fence = FENCE.match(line)
        if not ticks and fence:
            ticks, language, title = fence.groups()
        elif ticks and line.strip(" >") == ticks:
            ticks = ""
        elif ticks:
            lines += is_typed(line.strip(), language, title or "")
        elif call := CALL.match(line):
            lines += typed_of(call[2].strip())
        else:
            words += len(re.findall(r"[^\W\d_][\w'-]*", line))
    return words, lines


def is_typed(line, language, title):
    """Tell whether somebody types a line of a block."""
    if language in {"console", "pycon"}:
        return line.startswith(PROMPTS)
    if language == "diff":
        return line.startswith("+")
    return title.startswith("work/") and line != ""


def typed_of(call):
    """Return how many lines of an included file are new: these are typed."""
    macro, *arguments = (
        call.replace('"', "").rstrip(") ").replace("(", ", ").split(", ")
    )
    if macro != "include" or not arguments[0].startswith("stage"):
        return 0
    path, name = [*arguments, None][:2]
    all_lines = read(path)
    first, last = find(path, all_lines, name) if name else (0, len(all_lines))
    stage, _, rest = path.partition("/")
    is_new = not (ROOT / before(stage) / rest).exists()
    numbers = range(len(all_lines)) if is_new else new_lines(path)
    return sum(first <= each < last and all_lines[each] != "\n" for each in numbers)


# Recorded sessions

OPCODES = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}
RECORDS = {20: "change cipher spec", 22: "handshake", 23: "application data"}
HOW = {"end": "hangs up (FIN)", "reset": "is gone (RST)"}
TRIES = 2


def session(name):
    """
    Show what was recorded of a session, as a table that player.js makes steps of.

    `python -m tests.docs.sessions --write` records. The words are in sessions.toml.
    """
    source = "docs/sessions.toml"
    told = tomllib.loads("".join(read(source))).get(name)
    recording = json.loads("".join(read("docs/assets/sessions.json"))).get(name)
    if not told or not recording:
        raise CannotShow(f"{source} and docs/assets/sessions.json need {name}.")
    events = [each for each in recording["events"] if each["kind"] != "page"]
    # What is inside of TLS may be named, too.
    labels = [" ".join(map(label, [each, *each.get("inside", ())])) for each in events]
    notes = {place(labels, key, name): words for key, words in told["notes"].items()}
    lanes = recording["clients"]
    lanes = [lanes[0], "server", *lanes[1:]]
    shown = list(pages_of(recording["events"], events)) if "pages" in told else []
    rows = [
        row(number, event, notes.get(number), lanes, shown)
        for number, event in enumerate(events, start=1)
    ]
    heads = "".join(
        f'<th role="columnheader" scope="col">{each}</th>'
        for each in ("Time", "From → to", "What", "Bytes")
    )
    begin = "end" if "pages" in told else "start"
    title = escape(told["title"])
    asked = question(told.get("question"), labels, events, name)
    return f"""\
<figure class="session" id="session-{name}" data-begin="{begin}"\
 data-lanes="{len(lanes)}" markdown="0">
<link rel="stylesheet" href="assets/player.css">
<script src="assets/player.js" defer></script>
<figcaption><strong>{title}</strong> {with_code(told["about"])}</figcaption>
{"".join(windows(shown, recording["clients"]))}\
<div class="session-middle">
<div class="session-scroll" role="region" tabindex="0" aria-label="{title}">
<p class="session-lanes" aria-hidden="true">
{"".join(f"<span>{each}</span>" for each in lanes)}
</p>
<table class="session-table" role="table">
<thead role="rowgroup"><tr role="row">{heads}</tr></thead>
<tbody role="rowgroup">
{"".join(rows)}\
</tbody></table></div></div>
{"".join(asked)}</figure>
"""


def place(labels, key, name):
    """Return the number, from 1, of the row that a key of sessions.toml means."""
    found = [number for number, each in enumerate(labels, start=1) if key in each]
    if not found:
        raise CannotShow(f"docs/sessions.toml: {name} has no row with {key!r}.")
    return found[0]


def label(event):
    """Say in a few words what was said."""
    return " ".join(filter(None, kind_and_words(event)))


def kind_and_words(event):
    """Return what kind of thing was said, and its words."""
    match event["kind"]:
        case "http":
            first = event["head"][0]
            return "HTTP", first.removeprefix("HTTP/1.1 ").removesuffix(" HTTP/1.1")
        case "frame":
            kind = OPCODES[event["opcode"]]
            return kind, str(event.get("text", event.get("code", "")))
        case "tcp":
            return "TCP", f"{event['from']} {HOW[event['how']]}"
    if "server_name" in event:
        return "ClientHello", f"in the clear, for {event['server_name']}"
    many = len(event["records"])
    if event["records"][0]["type"] == 22:
        return "ServerHello", f"in the clear, and {many - 1} more records"
    return "sealed", "1 record" if many == 1 else f"{many} records"


def pages_of(events, steps):
    """Yield what each page came to show: the number of the step, whose page, what."""
    for event in events:
        if event["kind"] == "page":
            before = [
                number
                for number, step in enumerate(steps, start=1)
                if step["to"] == event["from"] and step["at"] <= event["at"]
            ]
            yield before[-1], event["from"], event["shows"], event["class"]


def windows(shown, clients):
    """Write what the pages of the clients showed in the end."""
    for client in clients if shown else ():
        yield f'<div class="session-page"><p>{client}\'s page</p><ul>\n'
        for step, who, words, kind in shown:
            if who == client:
                is_own = kind == "message" and words.startswith(f"{client}: ")
                kinds = f"{kind} is-own" if is_own else kind
                yield f'<li class="{kinds}" data-step="{step}">{escape(words)}</li>\n'
        yield "</ul></div>\n"


def row(number, event, note, lanes, shown):
    """Write a step as a row of the table, with what it is made of folded."""
    ends = [lanes.index(event["from"]), lanes.index(event["to"])]
    classes = [
        "out" if event["to"] == "server" else "in",
        "whole" if len(lanes) == 2 else ("left", "right")[min(ends)],
        *(["turns"] if ends[0] > ends[1] else []),
    ]
    what = in_bold(event)
    if parts := "".join(parts_of(event)):
        what = f"<details><summary>{what}</summary>{parts}</details>"
    below = [("inside", f"inside: {in_bold(each)}") for each in event.get("inside", ())]
    for step, who, words, _kind in shown:
        if step == number:
            below.append(("shows", f"{who}'s page now shows “{escape(words)}”"))
    if note:
        below.append(("note", with_code(note)))
    what += "".join(f'<p class="session-{kind}">{words}</p>' for kind, words in below)
    cells = (
        f"{event['at']:.3f} s",
        f"{event['from']} → {event['to']}",
        what,
        f"{event['size']:,}" if "size" in event else "",
    )
    cells = "".join(f'<td role="cell">{each}</td>' for each in cells)
    classes = " ".join(classes)
    return f'<tr role="row" class="{classes}" data-at="{event["at"]}">{cells}</tr>\n'


def in_bold(event):
    """Write what was said, its kind in bold."""
    kind, words = kind_and_words(event)
    return f"<b>{kind}</b> <code>{escape(words, quote=False)}</code>"


def parts_of(event):
    """Yield what a step is made of: lines of a head, or bytes and what they mean."""
    if event["kind"] == "http":
        yield f"<pre>{escape(chr(10).join(event['head']), quote=False)}</pre>"
    elif event["kind"] == "frame":
        yield meanings(fields(event))
    elif event["kind"] == "tls":
        for record in event["records"]:
            yield meanings(fields_of_record(record, event.get("server_name")))


def meanings(pairs):
    """Write bytes and their meanings as a list."""
    items = (
        f"<div><dt>{a}</dt><dd>{escape(b, quote=False)}</dd></div>" for a, b in pairs
    )
    return f"<dl>{''.join(items)}</dl>"


def fields(frame):
    """Yield the bytes of a frame, in order, each with what it says (RFC 6455, 5.2)."""
    octets = frame["hex"].split()
    opcode = frame["opcode"]
    kind = f"opcode 0x{opcode:X}: {OPCODES[opcode]}"
    yield octets[0], f"fin {frame['fin']}, rsv {frame['rsv']:03b}, {kind}"
    short = int(octets[1], 16) & 127
    start = {126: 4, 127: 10}.get(short, 2)
    where = f"{short}: the length follows" if start > 2 else f"length {short}"
    yield octets[1], f"mask {frame['masked']}, {where}"
    if start > 2:
        yield " ".join(octets[2:start]), f"length {frame['length']}"
    if frame["masked"]:
        yield frame["key"], "masking key"
        start += 4
    if frame["length"]:
        masked = ", masked" if frame["masked"] else ""
        said = f"“{frame['text']}”" if "text" in frame else f"code {frame.get('code')}"
        yield " ".join(octets[start:]), f"payload{masked}: {said}"


def fields_of_record(record, server_name):
    """Yield the bytes of a record of TLS that can be read, and some of the others."""
    octets = record["hex"].split()
    kind = RECORDS[record["type"]]
    yield " ".join(octets[:5]), f"{kind}, {record['size'] - 5} bytes follow"
    rest = octets[5:]
    if server_name:
        name = server_name.encode().hex(" ").split()
        at = next(n for n in range(len(rest)) if rest[n : n + len(name)] == name)
        yield " ".join(name), f"“{server_name}”, {at} bytes later, for all to read"
    elif record["type"] == 23:
        yield f"{' '.join(rest[:12])} …", "sealed: noise to whoever has no key"


def question(asked, labels, events, name):
    """
    Write what the reader is asked before the row that tells, and each answer.

    The right one is what was recorded.
    """
    if not asked:
        return
    number = place(labels, asked["before"], name)
    choices = [(each["says"], each["why"], "", "") for each in asked["wrong"]]
    came = "<em>This is what came.</em> "
    right = f"`{label(events[number - 1])}`"
    choices.insert(asked["right"] - 1, (right, asked["why"], " data-right", came))
    attributes = f'class="session-question" data-before="{number}" data-tries="{TRIES}"'
    yield f"<div {attributes}>\n"
    yield f"<p>What comes as row {number}? {with_code(asked['text'])}</p><ul>\n"
    for says, why, mark, words in choices:
        said = f"<b>{with_code(says)}</b> {words}<span>{with_code(why)}</span>"
        yield f"<li{mark}>{said}</li>\n"
    yield "</ul></div>\n"


# For who teaches


def lesson(chapter):
    """Return what docs/teach/ says of a chapter: its plan, and the order to type in."""
    return tomllib.loads("".join(read(f"docs/teach/{chapter}.toml")))


def sessions():
    """Show what each session takes: minutes, lines to type, slides."""
    head = ["session", "minutes", "lines that you type", "slides"]
    rows = [cells(*head), cells(":--", "--:", "--:", "--:")]
    total = 0
    for stage in sorted(path.name for path in ROOT.glob("stage*_*")):
        chapter = stage.removeprefix("stage").replace("_", "-")
        title = next(page(chapter))[0].lstrip("# ")
        minutes = sum(part["minutes"] for part in lesson(chapter)["plan"])
        total += minutes
        typed = [piece for _, found in order(chapter)[0] for piece in found]
        size = sum(len(words(piece.added())) for piece in typed)
        number = slides(chapter).count("<section ")
        rows.append(cells(f"[{title}](teach-{chapter}.md)", minutes, size, number))
    return "\n".join([*rows, cells(f"together {at(total)} hours", "", "", ""), ""])


def stage_of(chapter):
    """Return the stage of a chapter: 01-echo is of stage01_echo."""
    return f"stage{chapter.replace('-', '_')}"


def plan(chapter):
    """Show how the minutes of a lesson are spent, with the time on the clock."""
    rows = [cells("at", "minutes", "what"), cells("--:", "--:", ":--")]
    clock = 0
    for part in lesson(chapter)["plan"]:
        rows.append(cells(at(clock), part["minutes"], part["what"]))
        clock += part["minutes"]
    return "\n".join([*rows, cells(f"**{at(clock)}**", "", "the end"), ""])


def at(minutes):
    """Write 95 minutes as 1:35."""
    return f"{minutes // 60}:{minutes % 60:02}"


def order(chapter):
    """
    Return the pieces of a chapter's diff, by what one does with them in a lesson.

    Each is in docs/teach/<chapter>.toml once: typed in one of the steps, copied, or
    left out. A piece that is in none of them, or in two, fails the build.
    """
    source = f"docs/teach/{chapter}.toml"
    left = {piece.name: piece for piece in pieces(stage_of(chapter))}
    known = set(left)

    def take(names):
        for name in names:
            if name not in left:
                problem = "twice" if name in known else "which is no piece of the diff"
                raise CannotShow(f"{source} names {name!r}, {problem}.")
            yield left.pop(name)

    told = lesson(chapter)
    steps = [(step, [*take(chain.from_iterable(saves(step)))]) for step in told["type"]]
    copied, skipped = [*take(told["rest"]["copy"])], [*take(told["rest"]["leave"])]
    if left:
        raise CannotShow(f"{source} does not say when {', '.join(left)} is typed.")
    return steps, copied, skipped


def saves(step):
    """Return the pieces of a step by what is saved at once, so that servers start."""
    return [[each] if isinstance(each, str) else each for each in step["pieces"]]


def live(chapter):
    """Show the order in which to type a stage live, piece by piece."""
    steps, copied, skipped = order(chapter)
    typed = [piece for _, found in steps for piece in found]
    total = sum(len(words(piece.added())) for piece in typed)
    shown = [f"**Type** {total} lines, in {len(typed)} pieces:\n"]
    for number, piece in enumerate(typed, start=1):
        waits = any(
            piece.name in each[:-1] for step, _ in steps for each in saves(step)
        )
        later = " **Save it with the next one.**" if waits else ""
        shown.append(f"{number}. {in_order(piece)}{later}\n")
        for step, found in steps:
            if piece is found[-1]:
                shown.append(f"    **Now:** {now(chapter, step)}\n")
    for verb, found in (("Copy", copied), ("Leave out", skipped)):
        if found:
            names = ", ".join(f"`{piece.path}`" for piece in once(found))
            shown.append(f"**{verb}** {names}.\n")
    return "\n".join(shown)


def now(chapter, step):
    """Say what one does after a step, what is seen, and where the chapter has it."""
    said = []
    if step.get("copies"):
        said.append("copy the files that are named below.")
    if fails := step.get("fails"):
        said.append(f"`check {int(chapter[:2])}` stops at “{fails}”:")
    return " ".join([*said, step["then"], f"([{step['title']}]({step['link']}))"])


def once(found):
    """Return one piece for each file."""
    return {piece.path: piece for piece in found}.values()


def words(lines):
    """Return the lines that are not empty."""
    return [line.strip() for line in lines if line.strip()]


def in_order(piece):
    """Write a piece in one line: its file, its first new line, and its reason."""
    if not (new := words(piece.added())):
        return f"`{piece.path}`: delete it. {piece.reason}"
    size = "1 line:" if len(new) == 1 else f"{len(new)} lines from"
    # The quotation marks of a docstring are no code that one knows a piece by.
    first = next((line for line in new if not line.startswith('"""')), new[0])
    if len(first) > LONGEST_LINE:
        first = f"{first[:LONGEST_LINE].rstrip()} …"
    return f"`{piece.path}`, {size} {as_code(first)}. {piece.reason}"


def as_code(text):
    """Write a text as `code`, whatever backticks it holds."""
    ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    gap = " " if "`" in text else ""
    return f"{ticks}{gap}{text}{gap}{ticks}"


# What stands on a page already


def page(name):
    """Return the lines of a page, each with whether it is inside of a code block."""
    inside = False
    for line in read(f"docs/{name}.md"):
        is_fence = line.lstrip().startswith("```")
        yield line.rstrip("\n"), inside or is_fence
        inside ^= is_fence


def section(name, beginning):
    """Return the heading of a part of a page that begins so, and its lines."""
    found = None
    for line, is_code in page(name):
        if not is_code and re.match("#{1,2} ", line):
            if found is not None:
                break
            if line.lstrip("# ").startswith(beginning):
                found = []
                heading = line.lstrip("# ")
        elif found is not None:
            found.append(linked(line, name))
    if found is None:
        raise CannotShow(f"docs/{name}.md has no part {beginning!r}.")
    return heading, found


def linked(line, name):
    """Write the links of a line so that they lead there from another page."""
    return re.sub(r"\]\(#", f"]({name}.md#", line)


def paragraph(name, beginning):
    """Return the paragraph of a page that begins so."""
    found = []
    for line, is_code in page(name):
        if found and not line:
            return linked("\n".join(found), name)
        if found or (not is_code and line.startswith(beginning)):
            found.append(line)
    raise CannotShow(f"docs/{name}.md has no paragraph that begins with {beginning!r}.")


# Slides


def slides(chapter):
    """
    Show a chapter one idea a screen: its figures, its new lines, its questions.

    All of it stands elsewhere: in the chapter, in the stage, in the reasons, and on the
    page for who teaches it.
    """
    told = lesson(chapter)["slides"]
    steps, copied, _ = order(chapter)
    title = next(page(chapter))[0]
    first = next(
        line for line, _ in page(chapter) if line.startswith("In this chapter")
    )
    shown = [f"{title}\n\n{paragraph(chapter, first)}\n"]
    for part, beginning in told.items():
        heading, _ = section(chapter, part)
        shown.append(f"## {heading}\n\n{paragraph(chapter, beginning)}\n")
    shown += figures(chapter)
    for _, found in steps:
        shown += chain.from_iterable(map(screens, found))
    if copied:
        rows = "".join(f"- `{piece.path}`\n" for piece in once(copied))
        shown.append(f"## Copied, not typed\n\n{rows}")
    shown += pictures(chapter)
    shown += [f"## {question}\n" for question in asked_in_class(chapter)]
    if "missing" in lesson(chapter):
        heading, lines = section(chapter, lesson(chapter)["missing"])
        shown.append(f"## {heading}\n\n{points(lines)}")
    number = len(shown)
    return (
        '<div class="slides" markdown="1">\n\n'
        + "".join(
            f'<section class="slide" id="{place}" markdown="1" '
            f'aria-label="Slide {place} of {number}">\n\n{text}\n</section>\n\n'
            for place, text in enumerate(shown, start=1)
        )
        + "</div>\n"
    )


def points(lines):
    """Return the points of a list."""
    return "".join(f"{line}\n" for line in lines if line.startswith("- "))


def asked_in_class(chapter):
    """Return what the page for who teaches a chapter asks."""
    found = [
        line.removeprefix('??? question "').removesuffix('"')
        for line, _ in page(f"teach-{chapter}")
        if line.startswith('??? question "')
    ]
    if len(found) != 3:
        raise CannotShow(f"docs/teach-{chapter}.md asks {len(found)} questions, not 3.")
    return found


def pictures(chapter):
    """Yield the screenshots of a chapter."""
    wanted = re.compile(r"\[\[ (screenshot\(.+\)) \]\]")
    for line, is_code in page(chapter):
        if not is_code and (call := wanted.fullmatch(line)):
            arguments = ast.parse(call[1], mode="eval").body.args
            yield f"## On the wire\n\n{screenshot(*map(ast.literal_eval, arguments))}"


def figures(chapter):
    """Yield the drawings of a chapter, each part of them large enough to be read."""
    for line, is_code in page(chapter):
        if not is_code and (call := re.match(r'\[\[ svg\("(.+)"\) \]\]', line)):
            yield from drawn(call[1])


def drawn(name):
    """Yield a drawing in pieces: it is cut above each of its headings."""
    drawing = "".join(line for line in read(f"docs/assets/{name}") if line.strip())
    width, height = re.search(r'viewBox="0 0 (\d+) (\d+)"', drawing).groups()
    [title] = re.findall(r"<title[^>]*>(.+)</title>", drawing)
    heading = r'<text class="part" x="\d+" y="(\d+)">(.+?)</text>'
    parts = [(int(y), text) for y, text in re.findall(heading, drawing)]
    ends = [*(y for y, _ in parts[1:]), int(height) + ABOVE_PART]
    # Here each part is a drawing of its own, named by its heading.
    bare = re.sub(r"\s*<(title|desc)\b.*?</\1>", "", drawing, flags=re.DOTALL)
    sides = re.findall(r'<text class="end".*?</text>', bare)
    for side in sides:
        bare = bare.replace(side, "")
    top = None
    for (y, text), end in zip(parts, ends, strict=True):
        top = y if top is None else top
        if end - top < SHORTEST_PART:
            continue
        place = f'viewBox="0 {top - ABOVE_PART} {width} {end - top}"'
        label = f'aria-label="{title}, the part “{text}”"'
        named = "".join(sides).replace('y="20"', f'y="{top - 16}"')
        named = named.replace('x="8"', 'x="28"').replace('x="392"', 'x="372"')
        shown = re.sub(r'viewBox="[^"]+"', place, bare)
        shown = re.sub(r'aria-labelledby="[^"]+"', label, shown)
        shown = re.sub(r"</g>\s*</svg>", f"{named}</g></svg>", shown)
        shown = f'<figure class="drawing" markdown="0">\n{shown.rstrip()}\n</figure>\n'
        yield f"## {title}\n\n{shown}"
        top = None


def screens(piece):
    """
    Yield a piece of the diff on as many slides as it needs, the first with its reason.

    Where they are several, what goes is left out, and the others are named by what
    they are in.
    """
    title, _, more = piece.reason.partition(". ")
    title = title if not more else f"{title}."
    room = SLIDE_HEIGHT - CODE_FRAME
    room -= TITLE_ROW * rows(title, TITLE_WIDTH - len(" (2 of 3)"))
    room -= TEXT_ROW * rows(more, TEXT_WIDTH) if more else 0
    others = SLIDE_HEIGHT - CODE_FRAME - TITLE_ROW
    if piece.verb == "is new":
        language, lines = LANGUAGES.get(Path(piece.path).suffix, "text"), piece.added()
    else:
        language, lines = "diff", [*joined(piece.hunks)]
    found = list(cut(lines, room // CODE_ROW, others // CODE_ROW))
    if language == "diff" and len(found) > 1:
        lines = [line for line in lines if line[0] != "-"]
        found = list(cut(lines, room // CODE_ROW, others // CODE_ROW))
    place = 0
    for number, each in enumerate(found):
        if number:
            more, title = "", f"`{owner(lines, place) or piece.path}`"
        count = f" ({number + 1}&nbsp;of&nbsp;{len(found)})" if len(found) > 1 else ""
        while each and not each[0].strip("+- \n"):
            each, place = each[1:], place + 1
        code = fence("".join(each).strip("\n"), language, piece.path)
        yield f"## {title}{count}\n\n{more}\n\n{code}"
        place += len(each)


def owner(lines, place):
    """Return the function that a line is in, as far as one sees it from these lines."""
    definition = re.compile(r"[+ ]?\s*(?:async )?(class|def|function) (\w+)")
    for line in reversed(lines[: place + 3]):
        if found := definition.match(line):
            return found[2] if found[1] == "class" else f"{found[2]}()"
    return ""


def joined(found):
    """Yield the lines of hunks, with a line between them that stands for the others."""
    for number, hunk in enumerate(found):
        if number:
            yield "@@\n"
        yield from hunk


def rows(text, width):
    """Return how many rows a text takes."""
    return len(wrap(text.rstrip("\n"), width, drop_whitespace=False)) or 1


def cut(lines, most, then):
    """
    Yield lines in pieces of so many rows, the first and the others.

    They are cut in front of a definition or at an empty line, where one is near.
    """
    while sum(rows(line, CODE_WIDTH) for line in lines) > most:
        fitting, used = 0, rows(lines[0], CODE_WIDTH)
        while used <= most:
            fitting += 1
            used += rows(lines[fitting], CODE_WIDTH)
        fitting = min(fitting, max(len(lines) - FEWEST_ROWS, 1))
        near = range(fitting, fitting // 2, -1)
        begins = re.compile(r"[+ ]?\s*(@|class |(async )?(def|function) )")
        for good in (begins.match, lambda line: not line.strip("+- \n")):
            if places := [place for place in near if good(lines[place])]:
                fitting = places[0]
                break
        yield lines[:fitting]
        lines, most = lines[fitting:], then
    if any(line.strip("+- \n") for line in lines):
        yield lines


# The handout


def handout(chapter):
    """Show what a student has on paper: the contract, what is typed, the commands."""
    steps, copied, _ = order(chapter)
    heading = next(page(chapter))[0].lstrip("# ")
    _, contract = section(chapter, "The contract")
    shown = [f"## {heading}\n", *contract, "### What you type\n"]
    shown.append('<div class="columns" markdown="1">\n')
    for piece in chain.from_iterable(found for _, found in steps):
        lines = piece.added() if piece.verb == "is new" else joined(piece.hunks)
        suffix = Path(piece.path).suffix
        language = LANGUAGES.get(suffix, "text") if piece.verb == "is new" else "diff"
        shown.append(fence("".join(lines), language, piece.path))
    shown.append("</div>\n")
    if copied:
        names = ", ".join(f"`{piece.path}`" for piece in once(copied))
        shown.append(f"Copied from the finished stage: {names}.\n")
    shown.append(commands_of(int(chapter[:2]), f"work/{stage_of(chapter)}"))
    if not chapter.startswith("01"):
        return "\n".join(shown)
    heading, codes = section(chapter, "Close codes")
    table = "\n".join(line for line in codes if line.startswith("|"))
    return "\n".join([*shown, f"### {heading}\n", table, ""])


def commands_of(number, folder):
    """Show the commands of a stage."""
    found = {
        f"start {number}": f"makes `{folder}`, where you begin",
        f"run {number} --project": "serves it",
        f"check {number}": "says what is right and wrong; with `--watch`, on each save",
        f"hint {number}": "helps with what is broken now, a little more each time",
        f"solution {number}": "shows ours beside yours, for that one thing",
    }
    table = [cells(f"`python3 learn.py {each}`", why) for each, why in found.items()]
    return "\n".join([cells("type", "what it does"), cells(":--", ":--"), *table, ""])
