"""
Where a project departs from the finished stage, if it does so in a few places only.

Somebody who types what a chapter shows has the chapter's program, but for a mistake.
Where no rule knows the mistake, its place is known all the same. A project that goes
its own way has many such places, and none of them says anything: then nothing is told.

Comments, docstrings, layout and quotes do not count, nor does a name of one's own that
is used throughout, nor the order of what may stand in any order (`order.py`).
"""

import ast
import io
import keyword
import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import SequenceMatcher
from functools import lru_cache
from textwrap import dedent
from typing import NamedTuple, Self

from tests.checker.explain.order import (
    CLOSING,
    OPENING,
    Line,
    arranged,
    entry_ranks,
    with_entries,
)
from tests.checker.explain.source import Source

__all__ = ["Departure", "departures", "in_short", "in_words"]

MOST = 4  # Places. More are somebody's own way,
MOST_LINES = 10  # and so are more lines, the stage's counted, too.
ALIKE = 0.6  # Of two lines that stand for one another.
QUOTES = 6  # Lines that are quoted, in all places together.
LONG = 60  # Characters of a line that is quoted.
NUMBERS = ("", "one place", "two places", "three places", "four places")
ASIDE = re.compile(r"(^|/)(tests?|test_\w+|conftest)\.py$|(^|/)(tests|migrations)/")
IMPORT = re.compile("(import|from) ")
SECRET = re.compile("(?i)secret|password|token")
PAGES = (".html", ".js")
LEFT_OUT = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER}


class Departure(NamedTuple):
    """
    A place that is not the finished stage's.

    `line` is the reader's, or the one after which something is missing. `mine` and
    `theirs` are the lines themselves, or nothing, as deep as they stand in their block.

    `suspects.py` adds the last three, `rank` and so on, for a check that has failed.
    """

    file: str
    line: int
    mine: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()
    is_margin: bool = False  # Only the indentation is another.
    moved: int = 0  # Where in the reader's file the lines stand that belong here.
    end: int = 0  # The last line of the reader's.
    there: int = 0  # The first line of the stage's.
    run: int = 0  # The first line of the change that it is a part of.
    rank: int = 0  # How far it is from what the check is about.
    is_later: bool = False  # It is as in the stage before, or not there yet.
    function: str = ""  # That it is in.

    @property
    def row(self) -> int:
        """The line to look at, in the reader's file."""
        return max(self.moved or self.line, 1)

    @property
    def suspicion(self) -> tuple[int, bool]:
        """What is the same for those that are as likely."""
        return self.rank, self.is_later

    def holds(self, file: str, line: int) -> bool:
        """Tell whether a line of the reader's is part of it."""
        return file == self.file and 0 <= line - self.line < max(1, len(self.mine))

    @property
    def is_import(self) -> bool:
        """Whether it is about imports only, which follow from another place."""
        lines = self.mine or self.theirs
        return bool(lines) and all(IMPORT.match(line.strip()) for line in lines)


# Reading


class Pair(NamedTuple):
    """A file of both sides, the reader's in the stage's order where that is free."""

    mine: list[Line]
    theirs: list[Line]
    is_python: bool = False  # Of both sides.

    @classmethod
    def of(cls, file: str, mine: str, theirs: str) -> Self:
        """Read a file of both sides: as lines only, where Python cannot read one."""
        if file.endswith(".py"):
            with suppress(SyntaxError, tokenize.TokenError):
                both = [[*statements(text)] for text in (mine, theirs)]
                return cls(*both, is_python=True).in_order()
        return cls(plain_lines(file, mine), plain_lines(file, theirs))

    def in_order(self) -> Self:
        """Put the reader's into the stage's order, where Python runs both the same."""
        if not self.is_python or self.mine == self.theirs:
            return self
        ranks, both = entry_ranks(self.theirs), (self.mine, self.theirs)
        mine, theirs = ([with_entries(line, ranks) for line in side] for side in both)
        return self._replace(mine=arranged(mine, theirs), theirs=theirs)

    def with_names(self, names: Mapping[str, str]) -> Self:
        """Give the reader's names as the stage does, and their places with them."""
        mine = [
            line._replace(words=tuple(names.get(word, word) for word in line.words))
            for line in self.mine
        ]
        return self._replace(mine=mine).in_order() if mine != self.mine else self


def plain_lines(file: str, text: str) -> list[Line]:
    """Return the lines that say something."""
    comment = "" if file.endswith(PAGES) else r"(^|\s)#.*"
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if words := re.findall(r"\w+|[^\w\s]", re.sub(comment, "", line)):
            found.append(Line(0, tuple(words), (number,) * len(words)))
    return found


@lru_cache(maxsize=1_000)
def statements(text: str) -> tuple[Line, ...]:
    """Return the statements of Python, kept: most files are the same on both sides."""
    return tuple(python_lines(text))


def python_lines(text: str) -> Iterator[Line]:
    """Yield the statements of a file of Python."""
    depth = 0
    words: list[tuple[str, int]] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        match token.type:
            case tokenize.INDENT:
                depth += 1
            case tokenize.DEDENT:
                depth -= 1
            case tokenize.NEWLINE:
                if len(words) > 1 or not words or not is_string(words[0][0]):
                    words = without_secrets(without_commas(without_types(words)))
                    yield Line(depth, *zip(*words, strict=True))
                words = []
            case kind if kind not in LEFT_OUT:
                words.append((plain(token.string), token.start[0]))


def without_commas(words: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Leave out what is layout: a comma before a bracket that closes a call or list."""
    found: list[tuple[str, int]] = []
    commas = [0]  # Of each bracket that is open. One makes a tuple.
    for word, row in words:
        if word in OPENING:
            before = found[-1][0] if found else ""
            is_call = before.isidentifier() or before in CLOSING
            commas.append(
                int(word != "(" or (is_call and not keyword.iskeyword(before)))
            )
        elif word in CLOSING and len(commas) > 1:
            many = commas.pop() > 1
            if many and found[-1][0] == ",":
                found.pop()
        elif word == ",":
            commas[-1] += 1
        found.append((word, row))
    return found


def without_types(words: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Leave out what a function says of its types: nobody asks for that at run time."""
    if "def" not in (word for word, _row in words[:2]):
        return words
    found: list[tuple[str, int]] = []
    depth, skipping = 0, False
    for word, row in words:
        if depth == 1 and word in (",", "=", ")"):
            skipping = False
        if depth == 0 and word == ":":
            skipping = False
        if (word, depth) in ((":", 1), ("->", 0)):
            skipping = True
        depth += (word in OPENING) - (word in CLOSING)
        if not skipping:
            found.append((word, row))
    return found


def without_secrets(words: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Leave out what a secret is: everybody has another one."""
    if not SECRET.search(words[0][0]):
        return words
    return [("…" if is_string(word) else word, row) for word, row in words]


def is_string(word: str) -> bool:
    return bool(re.match(r"""[a-zA-Z]{0,2}["']""", word))


def plain(word: str) -> str:
    """Return a token, a string in double quotes where that makes no difference."""
    found = re.fullmatch(r"(?s)([a-zA-Z]*)'([^'\"\\]*)'", word)
    return f'{found[1]}"{found[2]}"' if found else word


# Names of one's own


def renamed(files: list[Pair], own: set[str], course: set[str]) -> dict[str, str]:
    """
    Return which names of the reader's stand for which of the stage's.

    `own` and `course` are the names that either gives. One that is used once is none
    of one's own choice: it is a mistyped one.
    """
    counts = names_in(pair.mine for pair in files)
    others = names_in(pair.theirs for pair in files)
    pairs: Counter[tuple[str, str]] = Counter()
    for pair in files:
        for a, b in replaced(pair.mine, pair.theirs):
            if len(a.words) == len(b.words):
                pairs.update(
                    p for p in zip(a.words, b.words, strict=True) if differ(*p)
                )
    found: dict[str, str] = {}
    for (a, b), _count in pairs.most_common():
        is_given = a in own and b in course and a not in others and b not in counts
        is_first = a not in found and b not in found.values()
        if is_given and is_first and counts[a] == others[b] > 1:
            found[a] = b
    return found


def given(source: Source) -> set[str]:
    """Return the names that a project gives: to classes, functions and values."""
    found = set()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.arg)
    for _file, node in source.nodes(*kinds, ast.Name, ast.Attribute):
        match node:
            case ast.arg(arg=name):
                found.add(name)
            case ast.Name(id=name) | ast.Attribute(attr=name):
                if isinstance(node.ctx, ast.Store):
                    found.add(name)
            case _:
                found.add(node.name)
    return found


def differ(a: str, b: str) -> bool:
    """Tell whether these are two names, and not the same."""
    names = a.isidentifier() and b.isidentifier()
    return names and a != b and not (keyword.iskeyword(a) or keyword.iskeyword(b))


def names_in(files: Iterable[list[Line]]) -> Counter[str]:
    return Counter(word for file in files for line in file for word in line.words)


def replaced(mine: list[Line], theirs: list[Line]) -> Iterator[tuple[Line, Line]]:
    """Yield the lines that stand for one another."""
    for verb, a, b, c, d in blocks(mine, theirs):
        if verb == "replace" and b - a == d - c:
            yield from zip(mine[a:b], theirs[c:d], strict=True)


# Where they differ


def departures(source: Source, course: Source) -> list[Departure]:
    """
    Return the places where a project is not the stage's: some, or none if many.

    Pages are looked at only where all else is the stage's: they are the first thing
    that people change.
    """
    for pages in (False, True):
        if found := between(source, course, pages):
            break
    # An import follows from what is done with it.
    if others := [each for each in found if not each.is_import]:
        found = others
    lines = sum(len(each.mine) + len(each.theirs) for each in found)
    return found if len(found) <= MOST and lines <= MOST_LINES else []


def between(source: Source, course: Source, pages: bool) -> list[Departure]:
    """Return the places where the code is not the stage's, or the pages are not."""
    own, stage = (
        {
            file: text
            for file, text in each.files.items()
            if file.endswith(PAGES) == pages and not ASIDE.search(file)
        }
        for each in (source, course)
    )
    both = {f: Pair.of(f, own[f], text) for f, text in stage.items() if f in own}
    names = renamed([*both.values()], given(source), given(course))
    found = [
        Departure(file, 0)
        for file, text in stage.items()
        if file not in own and text.strip()
    ]
    for file, pair in both.items():
        texts = own[file].splitlines(), stage[file].splitlines()
        mine, theirs, _is_python = pair.with_names(names)
        found += in_file(file, mine, theirs, *texts)
    # A file of one's own is nothing wrong, but where all else is the chapter's.
    extra = (Departure(f, 1) for f in own if f not in stage and own[f].strip())
    return found or [*extra]


def in_file(
    file: str, mine: list[Line], theirs: list[Line], own: list[str], course: list[str]
) -> list[Departure]:
    """Return the places in a file. Lines that were moved are one place."""
    found: list[Departure] = []
    gone: list[tuple[int, list[Line]]] = []  # Lines of the stage, and after which.
    extra: list[list[Line]] = []  # The reader's.
    changed = False
    for verb, a, b, c, d in blocks(mine, theirs):
        ours, yours = theirs[c:d], mine[a:b]
        after = max(mine[a - 1].rows) if a else 0
        match verb:
            case "equal":
                found += margins(file, yours, ours, own, changed)
            case "insert":
                gone.append((after, ours))
            case "delete":
                extra.append(yours)
            case "replace":
                for one, other in aligned(yours, ours):
                    if [line.words for line in one] == [line.words for line in other]:
                        pass
                    elif one and other:
                        found.append(replacement(file, one, other, own, course))
                    elif one:
                        extra.append(one)
                    else:
                        gone.append((after, other))
                    after = max(one[-1].rows) if one else after
        changed = verb != "equal"
    for after, lines in gone:
        words = [line.words for line in lines]
        twin = next((e for e in extra if [line.words for line in e] == words), None)
        if twin:
            extra.remove(twin)
            texts, row = texts_of(twin, own), twin[0].rows[0]
            end = max(twin[-1].rows)
            place = Departure(file, after, theirs=texts, moved=row, end=end)
        else:
            place = Departure(file, after, theirs=texts_of(lines, course), end=after)
        found.append(place._replace(there=lines[0].rows[0]))
    for lines in extra:
        texts, end = texts_of(lines, own), max(lines[-1].rows)
        found.append(Departure(file, lines[0].rows[0], texts, end=end))
    return [*in_runs(sorted(found), own)]


def in_runs(found: Sequence[Departure], own: list[str]) -> Iterator[Departure]:
    """Yield places with the start of their change: several may follow each other."""
    run = end = 0
    for each in found:
        first = each.line if each.mine else each.line + 1
        between = own[end : first - 1]
        is_one = end and not each.moved and not any(map(says_something, between))
        run = run if is_one else each.row
        yield each._replace(run=run)
        end = each.end


def says_something(line: str) -> bool:
    """Tell whether a line is more than a comment."""
    return bool(line.strip()) and not line.strip().startswith("#")


def blocks(
    mine: list[Line], theirs: list[Line]
) -> list[tuple[str, int, int, int, int]]:
    """Return what the two share, and what not, as difflib has it."""
    keys = [[line.words for line in each] for each in (mine, theirs)]
    return SequenceMatcher(None, *keys, autojunk=False).get_opcodes()


def aligned(
    mine: list[Line], theirs: list[Line]
) -> Iterator[tuple[list[Line], list[Line]]]:
    """Yield which lines stand for which: those that are alike, and what is between."""
    if len(mine) == len(theirs) or len(mine) * len(theirs) > MOST_LINES**2:
        yield mine, theirs
        return
    pairs = [(a, b) for a in range(len(mine)) for b in range(len(theirs))]
    likeness = {(a, b): alike(mine[a], theirs[b]) for a, b in pairs}
    a, b = max(pairs, key=lambda pair: likeness[pair], default=(0, 0))
    if likeness.get((a, b), 0) < ALIKE:
        yield mine, theirs
        return
    before, after = (mine[:a], theirs[:b]), (mine[a + 1 :], theirs[b + 1 :])
    if any(before):
        yield from aligned(*before)
    yield [mine[a]], [theirs[b]]
    if any(after):
        yield from aligned(*after)


def alike(one: Line, other: Line) -> float:
    """Return how much of two lines is the same: 1 is all."""
    return SequenceMatcher(None, one.words, other.words, autojunk=False).ratio()


def margins(
    file: str, mine: list[Line], theirs: list[Line], own: list[str], changed: bool
) -> Iterator[Departure]:
    """
    Yield where the same lines are indented in another way.

    `changed` says that what stands above differs: the indentation follows from it.
    """
    before = 0
    for number, (a, b) in enumerate(zip(mine, theirs, strict=True)):
        deeper = a.depth - b.depth
        if deeper != before and deeper and not (changed and number == 0):
            texts, end = texts_of([a], own), max(a.rows)
            yield Departure(file, a.rows[0], texts, is_margin=True, end=end)
        before = deeper


def replacement(
    file: str, mine: list[Line], theirs: list[Line], own: list[str], course: list[str]
) -> Departure:
    """Return the place where some lines stand for others, from what differs on."""
    rows = [*map(rows_of_difference, mine, theirs)]
    # What has no counterpart is quoted from its beginning.
    firsts = [
        [*(row[side] for row in rows), *(line.rows[0] for line in lines[len(rows) :])]
        for side, lines in enumerate((mine, theirs))
    ]
    texts = in_block(firsts[0], own), in_block(firsts[1], course)
    end, there = max(mine[-1].rows), theirs[0].rows[0]
    return Departure(file, rows[0][0], *texts, end=end, there=there)


def rows_of_difference(mine: Line, theirs: Line) -> tuple[int, int]:
    """Return in which lines of the two files two statements begin to differ."""
    place = first_difference(mine.words, theirs.words)
    first, second = (telling_row(each, place) for each in (mine, theirs))
    return first, second


def telling_row(line: Line, place: int) -> int:
    """Return in which line of the file a word stands, or the first that says more."""
    place = min(place, len(line.words) - 1)
    if line.words[place] == ",":  # The entry behind it is what the other side lacks.
        place = min(place + 1, len(line.words) - 1)
    for row in line.rows[place:]:
        words = {w for w, r in zip(line.words, line.rows, strict=True) if r == row}
        if not words <= {*OPENING}:
            return row
    return line.rows[place]


def texts_of(lines: list[Line], text: list[str]) -> tuple[str, ...]:
    """Return the lines that statements begin with."""
    return in_block([line.rows[0] for line in lines], text)


def in_block(rows: Iterable[int], text: list[str]) -> tuple[str, ...]:
    """Return lines with the indentation that they have among each other."""
    return tuple(dedent("\n".join(text[row - 1] for row in rows)).split("\n"))


# In words


def in_short(found: Sequence[Departure]) -> str:
    """Name the places, in a sentence."""
    if not found:
        return ""
    places: list[str] = []
    file = ""
    for each in found:
        line = f"{'line' if each.mine else 'after line'} {each.line}"
        if not each.mine and not each.theirs:
            places.append(each.file)
        else:
            places.append(line if each.file == file else f"{each.file}, {line}")
        file = each.file
    return f"Your code differs from the chapter's in {' and '.join(places)}."


def in_words(found: Sequence[Departure], others: Sequence[Departure] = ()) -> str:
    """
    Show the places, each with the lines of both sides. Code is set in.

    Of those that are less likely only the files are named, at the end.
    """
    if not found:
        return ""
    lines = [f"Your code differs from the chapter's in {NUMBERS[len(found)]}:"]
    for each in found:
        lines += shown(each, QUOTES // len(found))
    if others:
        files = " and ".join(dict.fromkeys(each.file for each in others))
        lines.append(f"Less likely, or not due yet: {files}.")
    return "\n".join(lines)


def shown(one: Departure, quotes: int) -> list[str]:
    """Show a place, with so many lines of code."""
    where = f"{one.file}, line {one.line}"
    if not one.mine and not one.theirs:
        return [f"{one.file}: {'a file of your own' if one.line else 'no such file'}"]
    if one.moved:
        after = f"after line {one.line}" if one.line else "at the start"
        where = f"{one.file}, line {one.moved}: in the chapter, it stands {after}"
        return [where, *labelled("yours", quoted(one.file, one.theirs, quotes))]
    if one.is_margin:
        where += ": indented in another way than in the chapter"
        return [where, *labelled("yours", quoted(one.file, one.mine, quotes))]
    start = 0
    if one.mine and one.theirs:
        quotes //= 2
        start = first_difference(one.mine[0], one.theirs[0])
    elif one.theirs:
        where = (
            f"{one.file}, {f'after line {one.line}' if one.line else 'at the start'}"
        )
    mine, theirs = (
        quoted(one.file, side, max(1, quotes), start) or ["nothing"]
        for side in (one.mine, one.theirs)
    )
    return [where, *labelled("yours", mine), *labelled("chapter", theirs)]


def labelled(label: str, lines: list[str]) -> list[str]:
    """Set lines in, with a word before the first of them."""
    labels = [label, *[""] * (len(lines) - 1)]
    pairs = zip(labels, lines, strict=True)
    return [f"  {name:7}  {line}" for name, line in pairs]


def quoted(file: str, lines: tuple[str, ...], quotes: int, place: int = 0) -> list[str]:
    """Quote the first of some lines, a place of it in view, and count the others."""
    if len(lines) == 1 and set(lines[0]) <= {*CLOSING, ","}:
        return []  # An end is there on both sides.
    kept = [code(file, line) for line in lines[:quotes]]
    found = [cut(line, 0 if number else place) for number, line in enumerate(kept)]
    if more := len(lines) - len(found):
        found.append(f"… and {more} more line{'s' * (more != 1)}")
    return found


def code(file: str, line: str) -> str:
    """Return a line without its comment, and without what is secret in it."""
    name, equals, _value = line.partition("=")
    if equals and SECRET.search(name):
        return f"{name}= …"
    with suppress(tokenize.TokenError, SyntaxError):  # The line may be a part of one.
        for token in tokenize.generate_tokens(io.StringIO(line).readline):
            if token.type == tokenize.COMMENT and file.endswith(".py"):
                return line[: token.start[1]].rstrip() or line
    return line


def cut(line: str, place: int) -> str:
    """Return a line, or of a long one the part around a place."""
    if len(line) <= LONG:
        return line
    first = max(0, min(place - LONG // 2, len(line) - LONG + 2))
    part = line[first:][: LONG - 2]
    return f"{'…' * bool(first)}{part}{'…' * (first + len(part) < len(line))}"


def first_difference(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the place of the first word, or letter, that is another."""
    for place, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return place
    return min(len(one), len(other))
