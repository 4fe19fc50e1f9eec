"""Show a file, or one object of it, with what is new in its stage."""

import re
from difflib import SequenceMatcher
from itertools import chain
from pathlib import Path

from docs.shown import repository
from docs.shown.mistakes import pitfalls
from docs.shown.objects import find
from docs.shown.repository import before, read

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
INCLUDE = re.compile(r'\[\[ include\("([^"]+)"(?:, "([^"]+)")?\)')
SAYS_SOMETHING = 12  # Letters of a line that is known again.


def include(path, name=None, *, typed=frozenset()):
    """
    Show a file, or one object of it, with the lines that are new in this stage.

    A file of a stage is titled as the reader's own, which is where it is typed. A
    method keeps its indentation, so that it can be pasted into its class. What the
    reader has `typed` already, further up on the page, is not new.
    """
    lines = read(path)
    first, last = find(path, lines, name) if name else (0, len(lines))
    new = untyped(lines, new_lines(path), typed)
    new = [number - first + 1 for number in new if first <= number < last]
    title = f"work/{path}" if path.startswith("stage") else path
    language = LANGUAGES.get(Path(path).suffix, "text")
    shown = lines[first:last]
    return fence("".join(shown), language, title, new) + pitfalls(path, shown)


def untyped(lines, numbers, typed):
    """Return the numbers of lines that a reader has not typed yet."""
    found = []
    for number in numbers:
        text = lines[number].strip()
        # "return" stands everywhere: it is as new as the line above.
        is_same = text in typed and (
            len(text) >= SAYS_SOMETHING or number - 1 not in found
        )
        if not is_same:
            found.append(number)
    return found


def typed_above(markdown, path):
    """Return the lines that a reader has typed into a file, by what stands above."""
    found = []
    title = re.escape(f'title="work/{path}"')
    for block in re.finditer(
        rf"^( *)(`{{3,}}) *(\w+) {title}.*\n((?:.*\n)*?)\1\2\n", markdown, re.MULTILINE
    ):
        lines = [line.strip() for line in block[4].splitlines()]
        if block[3] == "diff":
            lines = [line[1:].strip() for line in lines if line.startswith("+")]
        found += lines
    for called, name in INCLUDE.findall(markdown):
        if called == path:
            lines = read(path)
            first, last = find(path, lines, name) if name else (0, len(lines))
            found += [line.strip() for line in lines[first:last]]
    return frozenset(found)


def fence(code, language, title, highlighted=()):
    """Return a fenced code block, whatever backticks the code itself holds."""
    ticks = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
    lines = f' hl_lines="{" ".join(map(str, highlighted))}"' if highlighted else ""
    return f'{ticks} {language} title="{title}"{lines}\n{code.rstrip()}\n{ticks}\n'


def new_lines(path):
    """Return the numbers, from 0, of the lines that are new since the stage before."""
    stage, _, rest = path.partition("/")
    if not stage.startswith("stage"):
        return []
    old = repository.ROOT / before(stage) / rest
    if not old.exists():
        return []
    opcodes = SequenceMatcher(None, read(old), read(path), autojunk=False).get_opcodes()
    changed = [range(first, last) for tag, *_, first, last in opcodes if tag != "equal"]
    return list(chain.from_iterable(changed))
