"""
The pieces of a project: where one stands, its shape, its lines in the wrong order.

A piece is named by file and name: `chat/consumers.py: ChatConsumer.receive`. The name
is a class, a method, a function or a setting; of a statement without a name, and in
other files than Python's, it is how the first line begins. Without a name, the whole
file is meant. Nothing is imported: also what does not run has pieces.
"""

import ast
import hashlib
import keyword
import random
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tests.checker.printed import fitting

WIDTH = 80  # Characters of a line: it fits a terminal.
FEW = 4  # Lines. Fewer have no wrong order that is worth a thought.
BLANK = "____"
MORE = "…"

Span = tuple[int, int, int, int]  # Line, byte, line, byte: from, and up to.


class Piece(NamedTuple):
    """Some lines of a file. `line` is the number of the first."""

    file: str
    name: str
    line: int
    lines: tuple[str, ...]

    @property
    def label(self) -> str:
        """What a reader calls it."""
        word = re.escape(method_of(self.name) or self.name)
        is_function = re.search(rf"^\s*(async )?def {word}\b", self.text, re.M)
        return f"{self.name}()" if is_function else called(self.name)

    @property
    def text(self) -> str:
        """Its lines, with no more indentation than they need."""
        return "\n".join(dedented(self.lines))


def called(name: str) -> str:
    """Return the words for a name, which may be how the first line begins."""
    if not name:
        return "the whole file"
    plain = re.fullmatch(r"[\w.]+", name)
    return name if plain else f"the part that begins with `{name}`"


def dedented(lines: tuple[str, ...]) -> list[str]:
    """Take away what indentation all lines have."""
    filled = [line for line in lines if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in filled), default=0)
    return [line[margin:] if line.strip() else "" for line in lines]


def split(reference: str) -> tuple[str, str]:
    """Return file and name of `chat/consumers.py: ChatConsumer.receive`."""
    file, _, name = reference.partition(": ")
    return file, name


# Where it stands


def find(file: str, source: str, name: str) -> Piece | None:
    """Return a piece of a file, or None if there is no such."""
    lines = source.splitlines()
    if not name:
        return Piece(file, name, 1, tuple(lines)) if source.strip() else None
    if file.endswith(".py"):
        try:
            node = named(ast.parse(source), source, name)
        except (SyntaxError, ValueError, RecursionError):
            place = by_sight(lines, name)
        else:
            place = node and extent(node)
    else:
        place = block(lines, name)
    if place is None:
        return None
    first, last = place
    return Piece(file, name, first, tuple(lines[first - 1 : last]))


def named(tree: ast.Module, source: str, name: str) -> ast.stmt | None:
    """Return what has this name in a file of Python. The last of several counts."""
    if method_of(name):
        outer, _, inner = name.partition(".")
        parent = named(tree, source, outer)
        body = parent.body if isinstance(parent, ast.ClassDef) else []
        return last(node for node in body if inner in names_of(node))
    found = last(node for node in tree.body if name in names_of(node))
    if found or re.fullmatch(r"\w+", name):
        return found
    lines = source.splitlines()
    starts = (n for n in tree.body if lines[n.lineno - 1].startswith(name))
    return last(starts)


def method_of(name: str) -> str:
    """Return the method that `Class.method` names, or nothing."""
    found = re.fullmatch(r"\w+\.(\w+)", name)
    return found[1] if found else ""


def last(nodes: Iterator[ast.stmt]) -> ast.stmt | None:
    return next(reversed([*nodes]), None)


def names_of(node: ast.stmt) -> list[str]:
    """Return under which names a statement can be asked for."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Assign():
            return [each.id for each in node.targets if isinstance(each, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def extent(node: ast.stmt) -> tuple[int, int]:
    """Return the first and the last line of a statement, decorators included."""
    decorators = getattr(node, "decorator_list", [])
    return min(n.lineno for n in [node, *decorators]), node.end_lineno


def by_sight(lines: list[str], name: str) -> tuple[int, int] | None:
    """Find a piece in a file that Python cannot read: by its indentation."""
    word = re.escape(method_of(name) or name)
    begin = re.compile(rf"\s*((async )?def {word}\b|class {word}\b|{word}\s*=|{word})")
    for number, line in enumerate(lines):
        if begin.match(line):
            margin = len(line) - len(line.lstrip())
            end = number + 1
            while end < len(lines) and (
                not lines[end].strip()
                or len(lines[end]) - len(lines[end].lstrip()) > margin
                or lines[end].strip()[0] in ")]}"
            ):
                end += 1
            while not lines[end - 1].strip():
                end -= 1
            return number + 1, end
    return None


def block(lines: list[str], start: str) -> tuple[int, int] | None:
    """Find a block of a file that is no Python: to its brace, or to an empty line."""
    for number, line in enumerate(lines):
        if not line.strip().startswith(start):
            continue
        margin = line[: len(line) - len(line.lstrip())]
        is_tag = start.startswith("<")
        closing = margin + ("</" if is_tag else "}")
        is_braced = is_tag or line.rstrip().endswith("{")
        for end in range(number, len(lines)):
            if is_braced and lines[end].startswith(closing):
                return number + 1, end + 1
            if not is_braced and not lines[end].strip():
                return number + 1, end
        return number + 1, len(lines)
    return None


def own(files: Mapping[str, str], reference: str) -> Piece | None:
    """
    Return the reader's piece that does the work of one of ours, or None.

    A class may have another name, and a file too: then it is known by its method.
    """
    file, name = split(reference)
    paths = [file] * (file in files)
    if file.endswith(".py") and name:
        paths += sorted(p for p in files if p.endswith(".py") and p != file)
    if not paths:
        return None
    for path in paths:
        if found := find(path, files[path], name):
            return found
    method = method_of(name)
    for path in paths * bool(method):
        try:
            tree = ast.parse(files[path])
        except (SyntaxError, ValueError, RecursionError):
            continue
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and "test" not in path:
                found = find(path, files[path], f"{node.name}.{method}")
                if found:
                    return found
    return None


def names_at(source: str, line: int) -> list[str]:
    """
    Return by which names the piece that holds a line may be asked for.

    The function that it is in comes first, also in a file that Python cannot read.
    """
    lines = source.splitlines()
    for number in range(min(line, len(lines)) - 1, -1, -1):
        if found := re.match(r"\s*(?:async\s+)?def\s+(\w+)", lines[number]):
            margin = len(lines[number]) - len(lines[number].lstrip())
            below = [each for each in lines[number + 1 : line] if each.strip()]
            if all(len(each) - len(each.lstrip()) > margin for each in below):
                return [found[1]]
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return []
    for node in tree.body:
        first, final = extent(node)
        if first <= line <= final:
            return [*names_of(node), lines[first - 1].rstrip(" :({[")]
    return []


def can_be_read(piece: Piece) -> bool:
    """Tell whether Python can read a piece, if it is of Python."""
    try:
        return not piece.file.endswith(".py") or bool(ast.parse(piece.text))
    except (SyntaxError, ValueError, RecursionError):
        return False


# Its shape


def shape(piece: Piece) -> list[str]:
    """Return a piece with its names, and with … for what is in it."""
    if not piece.file.endswith(".py"):
        return [first_word(line) for line in dedented(piece.lines)]
    source = piece.text
    encoded = [line.encode() for line in source.splitlines()]
    spans = sorted(hidden(ast.parse(source).body), reverse=True)
    for first, start, end, stop in spans:
        tail = encoded[end - 1][stop:]
        encoded[first - 1 : end] = [encoded[first - 1][:start] + MORE.encode() + tail]
    return [line.decode() for line in encoded]


def first_word(line: str) -> str:
    """Keep how a line of a configuration begins: its comment, heading or command."""
    words = line.split(None, 1)
    if len(words) < 2 or words[0][0] in "#[}":
        return line
    if words[0] in ("{%", "{{"):  # What a template does is named by the next word.
        return line
    indent = line[: len(line) - len(line.lstrip())]
    ending = re.search(r"\s*[;{>]?\s*(#.*)?$", line)[0]
    equals = "= " if words[1].startswith("=") else ""
    return f"{indent}{words[0]} {equals}{MORE}{ending}"


def span(first: ast.AST, final: ast.AST | None = None) -> Span:
    final = final or first
    return first.lineno, first.col_offset, final.end_lineno, final.end_col_offset


def hidden(body: list[ast.stmt], inside: bool = False) -> Iterator[Span]:
    """Yield what … stands for in statements: `inside` of a function, it is more."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from hidden(node.body, True)
            case ast.ClassDef():
                yield from hidden(node.body, inside)
            case ast.Expr(value=ast.Constant(value=str())):
                pass  # A docstring says what, and not how.
            case ast.Expr(value=value):
                yield span(value) if inside else span(*arguments(value))
            case ast.Assign(value=value) | ast.AugAssign(value=value):
                yield from hidden_value(value, inside)
            case ast.AnnAssign(value=ast.expr() as value):
                yield from hidden_value(value, inside)
            case ast.Return(value=ast.expr() as value):
                yield span(value)
            case ast.Raise(exc=ast.expr() as value):
                yield span(value, node.cause)
            case ast.If(test=test) | ast.While(test=test):
                yield span(test)
                yield from hidden(node.body, inside)
                yield from hidden(node.orelse, inside)
            case ast.For() | ast.AsyncFor():
                yield span(node.iter)
                yield from hidden(node.body, inside)
            case ast.With() | ast.AsyncWith():
                yield from (span(each.context_expr) for each in node.items)
                yield from hidden(node.body, inside)
            case ast.Try():
                yield from hidden(node.body, inside)
                for handler in node.handlers:
                    if handler.type:
                        yield span(handler.type)
                    yield from hidden(handler.body, inside)
                yield from hidden(node.orelse, inside)
                yield from hidden(node.finalbody, inside)
            case ast.Match():
                for case in node.cases:
                    if case.guard or not is_rest(case.pattern):
                        yield span(case.pattern, case.guard)
                    yield from hidden(case.body, inside)


def is_rest(pattern: ast.pattern) -> bool:
    return isinstance(pattern, ast.MatchAs) and pattern.pattern is None


def arguments(value: ast.expr) -> tuple[ast.AST, ast.AST]:
    """Return the first and the last argument of a call, or the whole."""
    if isinstance(value, ast.Call) and (all_of := [*value.args, *value.keywords]):
        return all_of[0], all_of[-1]
    return value, value


def hidden_value(value: ast.expr, inside: bool) -> Iterator[Span]:
    """Yield what … stands for in a value. The keys of a dictionary stay."""
    match value:
        case ast.Dict(keys=[_, *_]):
            for key, each in zip(value.keys, value.values, strict=True):
                if key is not None:
                    yield from hidden_value(each, inside)
                else:
                    yield span(each)
        case ast.List(elts=[_, *_] as elements):
            for each in elements:
                yield from hidden_value(each, inside)
        case ast.Call() if not inside and (value.args or value.keywords):
            for each in value.args:
                is_plain = isinstance(each, ast.Dict | ast.List)
                yield from hidden_value(each, inside) if is_plain else [span(each)]
            for each in value.keywords:
                yield from hidden_value(each.value, inside)
        case _:
            yield span(value)


# Its lines


def code_lines(piece: Piece) -> list[str]:
    """Return the lines that do something: no comment, no docstring, no empty one."""
    lines = dedented(piece.lines)
    left_out: set[int] = set()
    if piece.file.endswith(".py"):
        for node in ast.walk(ast.parse(piece.text)):
            is_text = isinstance(node, ast.Expr) and isinstance(
                node.value, ast.Constant
            )
            if is_text and isinstance(node.value.value, str):
                left_out |= {*range(node.lineno, node.end_lineno + 1)}
    return [
        line
        for number, line in enumerate(lines, 1)
        if line.strip() and line.strip()[0] != "#" and number not in left_out
    ]


def puzzle(piece: Piece) -> tuple[bool, list[str]]:
    """
    Return the lines of a piece in a wrong order, or if they are few, with one gap.

    The first says which: True is an order. The same piece gives the same every time.
    """
    lines = code_lines(piece)
    if len(lines) < FEW or len({*lines}) == 1:
        return False, with_a_gap(lines)
    # Not hash(), which is another in each process.
    seed = hashlib.sha256("\n".join(lines).encode()).digest()
    mixed = lines.copy()
    random.Random(seed).shuffle(mixed)  # noqa: S311  # A puzzle, and no secret.
    while mixed == lines:
        mixed = [*mixed[1:], mixed[0]]
    return True, mixed


def with_a_gap(lines: list[str]) -> list[str]:
    """Blank the longest word of the last line that has one."""
    for number in reversed(range(len(lines))):
        code = lines[number].partition("  #")[0]
        # What a line begins with alone tells nothing: a name, `await`, a command.
        value = code.partition(" = ")[2] or code.strip().partition(" ")[2] or code
        words = re.findall(r"""(?<=["'])[^"']+(?=["'])|[^\W\d]\w*""", value)
        words = [w for w in words if not keyword.iskeyword(w) and w != "self"]
        if words:
            start = code.rindex(longest := max(words, key=len))
            line = lines[number]
            gap = line[:start] + BLANK + line[start + len(longest) :]
            return [*lines[:number], gap, *lines[number + 1 :]]
    return lines


def folded(lines: list[str], width: int = WIDTH) -> list[str]:
    """Break lines that are too long for a terminal: what goes on is set in."""
    found = []
    for line in lines:
        line = line.expandtabs(4)
        indent = " " * min(len(line) - len(line.lstrip()), width // 2)
        # A comment goes on as a comment, and code behind a deeper margin.
        onward = indent + ("# " if line.lstrip().startswith("# ") else " " * 8)
        while (fits := fitting(line, width)) < len(line):
            # Only behind some code: else it would never end.
            cut = line.rfind(" ", len(indent) + 8, fits)
            cut = cut if cut > 0 else fits
            found.append(line[:cut].rstrip())
            line = onward + line[cut:].lstrip()
        found.append(line)
    return found
