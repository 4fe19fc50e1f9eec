"""What is plainly wrong in the files of a project, by their names."""

import ast
import sys
from collections.abc import Iterator

from tests.checker.explain.source.read import Finding, Source, walked

# What the course imports. The standard library is asked for its own names.
LIBRARIES = {
    "asgiref",
    "autobahn",
    "channels",
    "channels_redis",
    "cryptography",
    "daphne",
    "django",
    "redis",
    "trustme",
    "twisted",
    "websockets",
}
# Names that no program of ours imports, and that people do use.
HARMLESS = {"config", "chat", "this", "antigravity", "idlelib", "test"}


def hides_a_library(source: Source) -> Iterator[Finding]:
    """A file beside manage.py is found before a library of the same name."""
    hidden = (LIBRARIES | sys.stdlib_module_names) - HARMLESS
    seen = set()
    for file in source.files:
        top, _slash, rest = file.partition("/")
        name = top.removesuffix(".py")
        is_module = top.endswith(".py") and not rest
        is_package = bool(rest) and f"{top}/__init__.py" in source.files
        if name in hidden and (is_module or is_package) and name not in seen:
            seen.add(name)
            words = {"name": name, "file": top}
            yield Finding("hides-a-library", top, 1, words)


def package_beside_module(source: Source) -> Iterator[Finding]:
    """Of a package and a module with one name, Python takes the package."""
    for file in source.files:
        folder = file.removesuffix("/__init__.py")
        if folder != file and f"{folder}.py" in source.files:
            words = {"module": f"{folder}.py", "folder": f"{folder}/"}
            yield Finding("package-beside-module", file, 1, words)


def package_without_name(source: Source) -> Iterator[Finding]:
    """A package holds what its __init__.py imports, and not what its files define."""
    for file, node in source.nodes(ast.ImportFrom):
        folder = (node.module or "").replace(".", "/")
        inside = source.trees.get(f"{folder}/__init__.py")
        if inside is None or node.level:
            continue
        known = {
            name
            for each in walked(inside)
            for name in (
                getattr(each, "name", None),
                getattr(each, "asname", None),
                getattr(each, "id", None),
            )
        }
        for alias in node.names:
            holders = [
                path
                for path, tree in source.trees.items()
                if path.startswith(f"{folder}/") and not path.endswith("/__init__.py")
                if alias.name in {getattr(each, "name", None) for each in tree.body}
            ]
            is_module = f"{folder}/{alias.name}.py" in source.files
            if holders and not is_module and not known & {alias.name, "*"}:
                module = holders[0].removesuffix(".py").replace("/", ".")
                words = {"name": alias.name, "module": module}
                yield Finding("package-without-name", file, node.lineno, words)


RULES = [hides_a_library, package_beside_module, package_without_name]
