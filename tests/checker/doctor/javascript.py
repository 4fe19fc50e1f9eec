"""
The small part of JavaScript that addresses are made of.

Texts, templates, `+`, `location`, constants, a question with two answers, and what an
element of the page holds. What cannot be known is "…".
"""

import json
import re
from urllib.parse import quote, urljoin

from tests.checker.doctor import members
from tests.checker.doctor.document import Document

UNKNOWN = members.UNKNOWN
DEEPEST = 12  # Constants made of constants.
TOKEN = re.compile(
    r"""\s+|(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
    r"""|(?P<template>`(?:\\.|[^`\\])*`)|(?P<name>[A-Za-z_$][\w$]*)"""
    r"""|(?P<number>\d+(?:\.\d+)?)|(?P<regex>/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])+\]|[^/\\\n\[])+/[a-z]*)"""
    r"""|(?P<mark>===|!==|==|!=|\?\?|\|\||&&|\?\.|=>|[-+*/%<>=!?:.,()\[\]{};&|^~@#])""",
    re.DOTALL,
)


class NotReadError(Exception):
    """Here stands what this small reader of JavaScript does not know."""


class Reader:
    """Works out an expression of a script that begins at an offset."""

    def __init__(
        self,
        source: str,
        at: int,
        page: str,
        document: Document,
        before: int,
        depth: int = 0,
    ) -> None:
        self.source = source
        self.at = at
        self.page = page
        self.document = document
        self.before = before
        self.depth = depth

    def peek(self) -> tuple[str, str, int]:
        """Return the kind and the text of the next token, and where it ends."""
        at = self.at
        while found := TOKEN.match(self.source, at):
            at = found.end()
            if found.lastgroup:
                kind = found.lastgroup
                return kind, found[0], at
        return "end", "", at

    def take(self, *marks: str) -> str:
        """Take the next token if it is one of these marks."""
        kind, text, end = self.peek()
        if kind == "mark" and text in marks:
            self.at = end
            return text
        return ""

    def need(self, mark: str) -> None:
        """Take a mark that must stand here. Raises NotReadError."""
        if not self.take(mark):
            raise NotReadError

    def expression(self) -> object:
        """Return the value: a text, a list, a dict, a truth, or UNKNOWN."""
        value = self.either()
        if self.take("?"):
            first = self.expression()
            self.need(":")
            second = self.expression()
            if value == UNKNOWN:
                return first if first == second else UNKNOWN
            return first if value else second
        return value

    def either(self) -> object:
        """Read `a || b`, `a ?? b` and `a && b`."""
        value = self.comparison()
        while mark := self.take("||", "??", "&&"):
            other = self.comparison()
            is_first = bool(value) == (mark != "&&")
            value = value if is_first else other
        return value

    def comparison(self) -> object:
        """Read `a === b` and its kin."""
        value = self.total()
        while mark := self.take("===", "==", "!==", "!="):
            other = self.total()
            if UNKNOWN in (value, other):
                value = UNKNOWN
            else:
                value = (value == other) == mark.startswith("=")
        return value

    def total(self) -> object:
        """Read `a + b`, of texts."""
        value = self.single()
        while self.take("+"):
            value = shown(value) + shown(self.single())
        return value

    def single(self) -> object:
        """Read one value, with all that is asked of it."""
        if self.take("-"):
            return f"-{shown(self.single())}"
        if self.take("!"):
            value = self.single()
            return UNKNOWN if value == UNKNOWN else not value
        value = self.first()
        while True:
            if self.take(".", "?."):
                kind, name, self.at = self.peek()
                if kind != "name":
                    raise NotReadError
                arguments = self.arguments() if self.take("(") else None
                value = self.member(value, name, arguments)
            elif self.take("["):
                key = self.expression()
                self.need("]")
                value = item(value, key)
            elif self.take("("):
                self.arguments()
                value = UNKNOWN
            else:
                return value

    def arguments(self) -> list[object]:
        """Read the arguments of a call, after its bracket."""
        values: list[object] = []
        while not self.take(")", "]"):
            values.append(self.pattern() or self.expression())
            self.take(",")
        return values

    def pattern(self) -> re.Pattern | None:
        """Read a regular expression, if one is next that Python can read, too."""
        kind, text, end = self.peek()
        if kind != "regex":
            return None
        self.at = end
        try:
            return re.compile(text[1:].rpartition("/")[0])
        except re.error:
            raise NotReadError from None

    def first(self) -> object:
        """Read what a value begins with."""
        kind, text, end = self.peek()
        self.at = end
        if kind == "text":
            return unescaped(text[1:-1])
        if kind == "template":
            return self.template(text[1:-1])
        if kind == "number":
            return text
        if kind == "name":
            return self.named(text)
        if text == "(":
            value = self.expression()
            self.need(")")
            return value
        if text == "[":
            return self.arguments()
        raise NotReadError

    def template(self, text: str) -> str:
        """Read a text in backquotes."""

        def fill(found: re.Match) -> str:
            inner = Reader(found[1], 0, self.page, self.document, 0, self.depth + 1)
            inner.source, inner.at = f"{self.source}\n;{found[1]}", len(self.source) + 2
            inner.before = self.before
            try:
                return shown(inner.expression())
            except NotReadError:
                return UNKNOWN

        return unescaped(re.sub(r"\$\{((?:[^{}]|\{[^{}]*\})*)\}", fill, text))

    def named(self, name: str) -> object:
        """Return what a name stands for."""
        if name in ("window", "document", "self", "globalThis", "true", "false"):
            return {"true": True, "false": False}.get(name, {"object": name})
        if name == "location":
            return members.location(self.page)
        if name in ("encodeURIComponent", "encodeURI", "String") and self.take("("):
            [value, *_] = self.arguments() or [UNKNOWN]
            return value if name == "String" else quote(shown(value), "…/")
        if name == "new":
            _, kind, self.at = self.peek()
            self.need("(")
            values = [shown(each) for each in self.arguments()]
            if kind != "URL" or not values:
                return UNKNOWN
            return urljoin(values[1], values[0]) if values[1:] else values[0]
        if name == "JSON":
            return {"object": "JSON"}
        return self.constant(name)

    def constant(self, name: str) -> object:
        """Return what was written into a variable, before it is used, and once."""
        if self.depth > DEEPEST:
            return UNKNOWN
        writes = (
            rf"(?<![\w$.])((?:const|let|var)\s+)?{re.escape(name)}"
            r"\s*([-+*/%|&?^]*)=(?![=>])\s*"
        )
        found = list(re.finditer(writes, self.source))
        before = [each for each in found if each.end() < self.before] or found[:1]
        # Of one name in several functions, it is the last that is declared.
        declared = [at for at, each in enumerate(before) if each[1]]
        last = before[declared[-1] if declared else 0 :]
        # What is written again, or added to, may depend on an `if`.
        if len(last) != 1 or last[0][2]:
            return UNKNOWN
        [write] = last
        place = (self.source, write.end(), self.page, self.document, write.start())
        try:
            return Reader(*place, self.depth + 1).expression()
        except NotReadError:
            return UNKNOWN

    def member(self, value: object, name: str, arguments: list | None) -> object:
        """Return `value.name` or `value.name(arguments)`."""
        return members.member(self, value, name, arguments)


def item(value: object, key: object) -> object:
    """Return `value[key]`."""
    if isinstance(value, dict):
        return value.get(key, UNKNOWN) if isinstance(key, str) else UNKNOWN
    is_place = isinstance(value, list) and re.fullmatch("[0-9]{1,6}", str(key))
    return value[int(key)] if is_place and int(key) < len(value) else UNKNOWN


def shown(value: object) -> str:
    """Return a value as JavaScript writes it into a text."""
    if isinstance(value, dict):
        return str(value.get("href", UNKNOWN))
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else UNKNOWN


def unescaped(text: str) -> str:
    """Return what a text in quotes stands for, as far as addresses need it."""
    try:
        return json.loads(f'"{text}"') if "\\" in text and '"' not in text else text
    except ValueError:
        return re.sub(r"\\(.)", r"\1", text)
