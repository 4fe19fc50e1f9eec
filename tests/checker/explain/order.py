"""
The order of what may stand in any order: methods, functions, imports, settings, keys.

A reader who writes a method above another one has the chapter's program all the same.
So what is compared is first put in the chapter's order, as far as Python would run it
the same way. What has to come before something else stays before it.
"""

import keyword
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

__all__ = ["CLOSING", "OPENING", "Line", "arranged", "entry_ranks", "with_entries"]

OPENING, CLOSING = (*"([{",), (*")]}",)
# What begins a line that belongs to the statement above it.
GOES_ON = {"elif", "else", "except", "finally"}
Word = tuple[str, int]  # And the number of its line.


class Line(NamedTuple):
    """A statement of a file, or the head of one, whatever lines it is written on."""

    depth: int  # Of its indentation.
    words: tuple[str, ...]
    rows: tuple[int, ...]  # The number of the line that each word stands in.


# Statements


class Item(NamedTuple):
    """A statement with all that is below it, and what it has to do with others."""

    lines: list[Line]
    key: tuple[str, ...]  # What it is known by, on both sides.
    binds: frozenset[str]
    uses: frozenset[str]  # As it is run: not what a function uses when it is called.
    acts: bool = False  # It may do anything,
    imports: bool = False  # or only what an import does.

    def must_stay_before(self, other: "Item") -> bool:
        """Tell whether the two mean something else in another order."""
        if self.acts and (other.acts or other.imports):
            return True
        if self.imports and other.acts:
            return True
        mine, theirs = self.binds | self.uses, other.binds | other.uses
        return bool(self.binds & theirs or other.binds & mine)


def arranged(mine: Sequence[Line], theirs: Sequence[Line]) -> list[Line]:
    """Return lines of Python in the order of others, where order says nothing."""
    course = dict(named(items(theirs)))
    places = {name: place for place, name in enumerate(course)}
    found, wanted = [], []
    last = -1
    for name, item in named(items(mine)):
        # What the chapter does not have stays behind what stood before it.
        last = places.get(name, last)
        if name in course and name[0][0] == "class":
            item = item._replace(lines=arranged_class(item, course[name]))
        found.append(item)
        wanted.append(last)
    return [line for item in in_turn(found, wanted) for line in item.lines]


def arranged_class(mine: Item, theirs: Item) -> list[Line]:
    """Return the lines of a class, its methods in the order of another one."""
    head = head_of(mine.lines)
    other = theirs.lines[head_of(theirs.lines) + 1 :]
    return [*mine.lines[: head + 1], *arranged(mine.lines[head + 1 :], other)]


def in_turn(found: list[Item], wanted: list[int]) -> Iterator[Item]:
    """Yield each item at its wanted place, but none before one that it must follow."""
    before = [
        {n for n in range(number) if found[n].must_stay_before(item)}
        for number, item in enumerate(found)
    ]
    # What others must follow comes when the first of them is wanted.
    wanted = [*wanted]
    for number in reversed(range(len(found))):
        for n in before[number]:
            wanted[n] = min(wanted[n], wanted[number])
    waiting = {*range(len(found))}
    while waiting:
        free = (number for number in waiting if not before[number] & waiting)
        first = min(free, key=lambda number: (wanted[number], number))
        waiting.remove(first)
        yield found[first]


def named(found: Iterable[Item]) -> Iterator[tuple[tuple, Item]]:
    """Yield items, each with its key, and which one of those with this key it is."""
    seen: dict[tuple[str, ...], int] = {}
    for item in found:
        seen[item.key] = seen.get(item.key, -1) + 1
        yield (item.key, seen[item.key]), item


def items(lines: Sequence[Line]) -> Iterator[Item]:
    """Yield the statements of a block, each with what is below it."""
    found: list[list[Line]] = []
    for line in lines:
        is_head = line.depth <= lines[0].depth and line.words[0] not in GOES_ON
        if found and (not is_head or found[-1][-1].words[0] == "@"):
            found[-1].append(line)
        else:
            found.append([line])
    yield from map(item_of, found)


def head_of(lines: Sequence[Line]) -> int:
    """Return which line it is that says what this is, decorators passed over."""
    heads = (n for n, line in enumerate(lines) if line.words[0] != "@")
    return next(heads, len(lines) - 1)


def item_of(lines: list[Line]) -> Item:
    """Return what a statement is, from its words."""
    head = head_of(lines)
    words = lines[head].words
    above = names(word for line in lines[:head] for word in line.words)
    match words:
        case ("def", name, *rest) | ("async", "def", name, *rest):
            return Item(lines, ("def", name), frozenset({name}), above | names(rest))
        case ("class", name, *rest):
            inside = [*items(lines[head + 1 :])]
            uses = frozenset().union(above, names(rest), *(i.uses for i in inside))
            acts = any(item.acts for item in inside)
            return Item(lines, ("class", name), frozenset({name}), uses, acts)
        case ("import" | "from", *_):
            bound = names(words[words.index("import") + 1 :])
            return Item(lines, words, bound, frozenset(), imports=True)
    targets, value = assigned(words)
    if targets and len(lines) == 1:
        bound, uses = frozenset(targets), names(value)
        return Item(lines, ("=", *targets), bound, uses, acts=has_call(value))
    every = names(word for line in lines for word in line.words)
    return Item(lines, words, frozenset(), every, acts=True)


def assigned(words: Sequence[str]) -> tuple[list[str], Sequence[str]]:
    """Return the names that a statement gives to a value, if it does only that."""
    targets = []
    while len(words) > 2 and words[0].isidentifier() and words[1] == "=":
        targets.append(words[0])
        words = words[2:]
    return targets, words


def has_call(words: Sequence[str]) -> bool:
    """Tell whether something is called: a bracket behind a name or a bracket."""
    return any(word == "(" and is_callable(before) for before, word in pairwise(words))


def is_callable(word: str) -> bool:
    return word in CLOSING or (word.isidentifier() and not keyword.iskeyword(word))


def names(words: Iterable[str]) -> frozenset[str]:
    return frozenset(
        word for word in words if word.isidentifier() and not keyword.iskeyword(word)
    )


# Keys, and arguments that have a name


def entry_ranks(lines: Iterable[Line]) -> dict[tuple[str, ...], int]:
    """Return the place of each key, as the lines first name it."""
    ranks: dict[tuple[str, ...], int] = {}

    def note(keys: list[tuple[str, ...] | None]) -> list[int]:
        for key in keys:
            if key:
                ranks.setdefault(key, len(ranks))
        return [*range(len(keys))]

    for line in lines:
        statement([*zip(line.words, line.rows, strict=True)], note)
    return ranks


def with_entries(line: Line, ranks: Mapping[tuple[str, ...], int]) -> Line:
    """Return a statement with its keys in the order of these ranks."""

    def order(keys: list[tuple[str, ...] | None]) -> list[int]:
        # One without a key, such as **others, is not passed by: what follows wins.
        places, part, last = [], 0, -1
        for number, key in enumerate(keys):
            part += key is None
            last = ranks.get(key, last) if key else -1
            places.append((part, last, number))
            part += key is None
        return [number for _part, _rank, number in sorted(places)]

    words = statement([*zip(line.words, line.rows, strict=True)], order)
    return Line(line.depth, *zip(*words, strict=True))


def statement(words: list[Word], order) -> list[Word]:
    """Return a statement, entries as `order` has them: it is given their keys."""
    texts = [word for word, _row in words]
    if texts[0] == "from" and "import" in texts:
        start = texts.index("import") + 1
        rest = [each for each in words[start:] if each[0] not in "()"]
        parts = [*entries(rest)]
        keys = [("import", *(word for word, _row in part)) for part in parts]
        return words[:start] + joined(parts, order(keys))
    return in_brackets(words, order, is_call=texts[0] not in ("def", "async", "class"))


def in_brackets(words: list[Word], order, is_call: bool = True) -> list[Word]:
    """Return words in which each dict, set and call has its entries in order."""
    found: list[Word] = []
    place = 0
    while place < len(words):
        word = words[place][0]
        end = closing(words, place) if word in OPENING else place
        inside = words[place + 1 : end]
        before = words[place - 1][0] if place else ""
        if end == place:
            found.append(words[place])
        elif word == "{" or (word == "(" and is_call and is_callable(before)):
            parts = [*entries(inside)]
            keys = keys_of(parts, word)
            parts = [in_brackets(part, order) for part in parts]
            found += [words[place], *joined(parts, order(keys)), *words[end : end + 1]]
        else:
            found += [words[place], *in_brackets(inside, order), *words[end : end + 1]]
        place = end + 1
    return found


def closing(words: list[Word], place: int) -> int:
    """Return where the bracket closes that opens at a place, or the end."""
    depth = 0
    for number in range(place, len(words)):
        depth += (words[number][0] in OPENING) - (words[number][0] in CLOSING)
        if depth == 0:
            return number
    return len(words)


def entries(words: list[Word]) -> Iterator[list[Word]]:
    """Yield what stands between commas. Those of a lambda's arguments are its own."""
    part: list[Word] = []
    depth, in_lambda = 0, False
    for word in words:
        text = word[0]
        depth += (text in OPENING) - (text in CLOSING)
        if depth == 0:
            in_lambda = text == "lambda" or (in_lambda and text != ":")
            if text == "," and not in_lambda:
                yield part
                part = []
                continue
        part.append(word)
    if part:
        yield part


def keys_of(parts: list[list[Word]], bracket: str) -> list[tuple[str, ...] | None]:
    """Return by what each entry is known. None is one whose place says something."""
    texts = [[word for word, _row in part] for part in parts]
    if bracket == "(":
        return [
            ("=", text[0]) if text[1:2] == ["="] and text[0].isidentifier() else None
            for text in texts
        ]
    if any(":" in text for text in texts):
        return [(":", *before_colon(text)) if ":" in text else None for text in texts]
    return [None if "*" in text[:1] else ("{", *text) for text in texts]


def before_colon(text: list[str]) -> list[str]:
    return text[: text.index(":")]


def joined(parts: list[list[Word]], order: list[int]) -> list[Word]:
    """Return entries in an order, with commas between them."""
    found: list[Word] = []
    for number in order:
        if found:
            found.append((",", found[-1][1]))
        found += parts[number]
    return found
