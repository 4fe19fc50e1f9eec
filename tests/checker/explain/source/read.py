"""The files of a project, as text and as trees, and the consumers among them."""

import ast
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self

# Other people's code, and what nobody wrote.
LEFT_OUT = {
    ".git",
    ".venv",
    "__pycache__",
    "collected",
    "env",
    "keys",
    "migrations",
    "node_modules",
    "site-packages",
    "staticfiles",
    "venv",
}
CODE = (".py", ".conf")
SUFFIXES = {*CODE, ".cnf", ".html", ".js", ".txt"}
MOST_FILES = 200
MOST_PAGES = 50
MOST_BYTES = 200_000  # Of a file. Nobody wrote more by hand.

FunctionDef = ast.FunctionDef | ast.AsyncFunctionDef


class Finding(NamedTuple):
    """Something that is plainly wrong, and where. `words` fill the diagnosis."""

    id: str
    file: str
    line: int
    words: Mapping[str, str]


class Consumer(NamedTuple):
    """A class that speaks to clients, as it stands in a file."""

    file: str
    tree: ast.ClassDef
    bases: tuple[str, ...]  # Names, those of the project's own bases followed.
    methods: dict[str, FunctionDef]  # Also those of its bases in the project.

    @property
    def is_async(self) -> bool:
        """Whether Channels awaits its methods."""
        return any(base.startswith("Async") for base in self.bases)

    @property
    def is_websocket(self) -> bool:
        """Whether Channels answers the handshake for it, and sends text and bytes."""
        return any("Websocket" in base for base in self.bases)

    @property
    def is_json(self) -> bool:
        """Whether Channels decodes for it."""
        return any("Json" in base for base in self.bases)


class Source:
    """
    What stands in a project, by path relative to its folder.

    Files that Python cannot read are left out of `trees`: the server says so itself.
    """

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(files)
        self.findings: list[Finding] | None = None  # Once they have been looked for.
        self.before: Source | None = None  # Of a finished stage: what it begins with.

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Read the files of a project, none above 200 kB: 200 of code, 50 of pages."""
        files: dict[str, str] = {}
        pages = 0
        for path in walk(folder):
            # A library for the page has more files than all the rest.
            is_page = path.suffix not in CODE
            if len(files) - pages == MOST_FILES:
                break
            if is_page and pages == MOST_PAGES:
                continue
            pages += is_page
            try:
                if path.stat().st_size <= MOST_BYTES:
                    text = path.read_text(encoding="utf-8", errors="replace")
                    files[path.relative_to(folder).as_posix()] = text
            except OSError:
                continue
        return cls(files)

    @cached_property
    def code(self) -> str:
        """What the server does, as one text."""
        files = self.files.items()
        return "\n".join(text for file, text in files if file.endswith(CODE))

    @cached_property
    def trees(self) -> dict[str, ast.Module]:
        """The files of Python, parsed. Tests of the learner's own are none of ours."""
        trees = {}
        for file, text in self.files.items():
            name = file.rpartition("/")[2]
            if not name.endswith(".py") or name.startswith(("test", "conftest")):
                continue
            try:
                trees[file] = parsed(text)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
        return trees

    def nodes(self, *kinds: type) -> Iterator[tuple[str, Any]]:
        """Yield each node of these kinds, with its file."""
        for file, tree in self.trees.items():
            for node in of_kinds(tree, kinds):
                yield file, node

    @cached_property
    def consumers(self) -> list[Consumer]:
        """The classes that inherit from a consumer, in the order of their files."""
        classes = {node.name: (file, node) for file, node in self.nodes(ast.ClassDef)}
        found = []
        for file, node in self.nodes(ast.ClassDef):
            bases = tuple(bases_of(node, classes))
            if any(base.endswith("Consumer") for base in bases):
                found.append(Consumer(file, node, bases, methods_of(node, classes)))
        return found

    @cached_property
    def settings(self) -> tuple[str, ast.Module] | None:
        """The settings: the module that manage.py names, or the likeliest."""
        files = [file for file in self.trees if file.endswith("settings.py")]
        return (files[0], self.trees[files[0]]) if files else None

    @cached_property
    def strings(self) -> set[str]:
        """Every string that stands alone in the code."""
        return {
            node.value
            for _file, node in self.nodes(ast.Constant)
            if isinstance(node.value, str)
        }

    def says(self, file: str, line: int) -> str:
        """Return a line of a file, without what is around it."""
        lines = self.files.get(file, "").splitlines()
        return lines[line - 1].strip() if 0 < line <= len(lines) else ""


# Rules ask for the same nodes again and again, and of two projects most files are the
# same. So what follows is kept: nobody changes a tree.


@lru_cache(maxsize=1_000)
def parsed(text: str) -> ast.Module:
    """Parse a file of Python, or raise what Python raises."""
    return ast.parse(text)


@lru_cache(maxsize=10_000)
def walked(node: ast.AST) -> tuple[ast.AST, ...]:
    """Return a node and all nodes in it, as `ast.walk` goes."""
    return tuple(ast.walk(node))


@lru_cache(maxsize=10_000)
def of_kinds(tree: ast.Module, kinds: tuple[type, ...]) -> tuple[ast.AST, ...]:
    """Return the nodes of these kinds in a tree."""
    return tuple(node for node in walked(tree) if isinstance(node, kinds))


@lru_cache(maxsize=10_000)
def all_inside(function: ast.AST) -> tuple[ast.AST, ...]:
    """Return the nodes in a function, without those of inner ones."""
    found = []
    todo = [*ast.iter_child_nodes(function)][::-1]  # The next one is the last.
    while todo:
        node = todo.pop()
        found.append(node)
        if not isinstance(node, (*FunctionDef.__args__, ast.Lambda, ast.ClassDef)):
            todo += [*ast.iter_child_nodes(node)][::-1]
    return tuple(found)


@lru_cache(maxsize=50_000)
def kinds_inside(function: ast.AST, kinds: tuple[type, ...]) -> tuple[ast.AST, ...]:
    """Return those of these kinds in a function."""
    return tuple(node for node in all_inside(function) if isinstance(node, kinds))


def walk(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder that somebody wrote, the nearest first."""
    try:
        entries = sorted(folder.iterdir(), key=lambda path: (path.is_dir(), path.name))
    except OSError:
        return
    for path in entries:
        if path.is_symlink() or path.name in LEFT_OUT:
            continue
        if path.is_dir():
            if not (path / "pyvenv.cfg").exists():
                yield from walk(path)
        elif path.suffix in SUFFIXES and not path.name.startswith("requirements"):
            yield path


def bases_of(node: ast.ClassDef, classes: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the bases of a class, those of its own project's, too."""
    seen, todo = {node.name}, [node]
    while todo:
        for base in todo.pop().bases:
            name = name_of(base)
            yield name
            if name in classes and name not in seen:
                seen.add(name)
                todo.append(classes[name][1])


def methods_of(
    node: ast.ClassDef, classes: Mapping[str, Any]
) -> dict[str, FunctionDef]:
    """Return the methods of a class by name. Its own hide those of its bases."""
    found: dict[str, FunctionDef] = {}
    for base in reversed(node.bases):
        name = name_of(base)
        if name in classes and name != node.name:
            found |= methods_of(classes[name][1], {**classes, node.name: (None, node)})
    return found | {
        each.name: each for each in node.body if isinstance(each, FunctionDef)
    }


def name_of(node: ast.AST | None) -> str:
    """Return the last name of `a`, `a.b` or a call of it, or an empty string."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=function):
            return name_of(function)
    return ""


def dotted(node: ast.AST | None) -> str:
    """Return `a.b.c` as it is written, or an empty string for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            start = dotted(value)
            return f"{start}.{name}" if start else ""
    return ""


def string(node: ast.AST | None) -> str | None:
    """Return the text of a string, or None for anything else."""
    match node:
        case ast.Constant(value=str(text)):
            return text
    return None


def argument(call: ast.Call, place: int, name: str) -> ast.AST | None:
    """Return an argument of a call, given by its place or by its name."""
    if len(call.args) > place:
        return call.args[place]
    return next((each.value for each in call.keywords if each.arg == name), None)


def inside(function: ast.AST, *kinds: type) -> Iterator[Any]:
    """Yield the nodes of these kinds in a function, without those of inner ones."""
    yield from kinds_inside(function, kinds)


def calls(function: ast.AST, *names: str) -> Iterator[ast.Call]:
    """Yield the calls in a function whose last name is one of these."""
    for call in inside(function, ast.Call):
        if name_of(call.func) in names and not isinstance(call.func, ast.Call):
            yield call


def parameters(function: FunctionDef) -> list[str]:
    """Return the names of what a function is given by place."""
    arguments = function.args
    return [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
