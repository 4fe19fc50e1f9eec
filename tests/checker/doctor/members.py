"""What is asked of a value in JavaScript: `value.name`, as far as addresses need it."""

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from tests.checker.doctor.javascript import Reader

UNKNOWN = "…"


def member(
    reader: "Reader", value: object, name: str, arguments: list[object] | None
) -> object:
    """Return `value.name`, or `value.name(arguments)`; or UNKNOWN."""
    if isinstance(value, dict):
        return of_object(reader, value, name, arguments)
    if isinstance(value, list):
        return of_list(value, name, arguments)
    if isinstance(value, str) and UNKNOWN not in value:
        return of_text(value, name, arguments)
    return value if name in ("toString", "textContent", "href") else UNKNOWN


def of_object(
    reader: "Reader", value: dict, name: str, arguments: list[object] | None
) -> object:
    """Return a member of `window`, of `location`, or of an element of the page."""
    if name in value and "object" not in value:
        return value[name]
    kind = value.get("object")
    if kind in ("window", "self", "globalThis", "document"):
        if name == "location":
            return location(reader.page)
        if name == "document":
            return {"object": "document"}
        if name in ("getElementById", "querySelector") and arguments:
            return element(reader, str(arguments[0]).lstrip("#"))
        if name in ("body", "documentElement"):
            return element(reader, {"body": "body"}.get(name, "html"))
    if kind == "JSON" and name == "parse" and arguments:
        try:
            return json.loads(str(arguments[0]))
        except ValueError:
            return UNKNOWN
    if name == "toString" and "href" in value:
        return value["href"]
    if name == "getAttribute" and arguments:
        return value.get("attributes", {}).get(arguments[0], UNKNOWN)
    return UNKNOWN


def element(reader: "Reader", name: str) -> dict[str, object]:
    """Return what a script may read of an element of the page."""
    document = reader.document
    if name not in document.attributes:
        return {"object": "nothing"}
    attributes = document.attributes[name]
    text = document.texts.get(name, "")
    data = {
        re.sub("-(.)", lambda found: found[1].upper(), key[5:]): value
        for key, value in attributes.items()
        if key.startswith("data-")
    }
    return {
        "attributes": attributes,
        "dataset": data,
        "textContent": text,
        "innerText": text.strip(),
        "innerHTML": text,
        "value": attributes.get("value", text),
        "content": attributes.get("content", UNKNOWN),
    }


def of_list(value: list, name: str, arguments: list[object] | None) -> object:
    """Return what a method makes of a list."""
    match name, arguments:
        case "filter", [_]:  # By Boolean, nearly always.
            return [each for each in value if each]
        case "pop", []:
            return value[-1] if value else UNKNOWN
        case "at", [str(place)] if re.fullmatch(r"-?\d+", place):
            at = int(place)
            return value[at] if -len(value) <= at < len(value) else UNKNOWN
        case "join", [str(between)] if all(isinstance(each, str) for each in value):
            return between.join(value)
    return UNKNOWN


def of_text(value: str, name: str, arguments: list[object] | None) -> object:
    """Return what a method makes of a text."""
    known = [each for each in arguments or [] if each != UNKNOWN]
    match name, known:
        case ("replace" | "replaceAll", [re.Pattern() as what, str(by)]):
            return what.sub(lambda _: by, value, count=name == "replace")
        case "replace", [str(what), str(by)]:
            return value.replace(what, by, 1)
        case "replaceAll", [str(what), str(by)]:
            return value.replace(what, by)
        case (("startsWith" | "endsWith" | "includes"), [str(what)]):
            at = {"startsWith": value.startswith, "endsWith": value.endswith}
            return at.get(name, value.__contains__)(what)
        case (("slice" | "substring" | "substr"), [str(begin)]):
            return value[int(begin) :]
        case (("slice" | "substring"), [str(begin), str(end)]):
            return value[int(begin) : int(end)]
        case (("toString" | "href" | "trim"), _):
            return value.strip() if name == "trim" else value
        case (("toLowerCase" | "toUpperCase"), _):
            return value.lower() if name == "toLowerCase" else value.upper()
        case "concat", [*texts]:
            return value + "".join(map(str, texts))
        case "split", [str(between)] if between:
            return value.split(between)
    return UNKNOWN


def location(page: str) -> dict[str, object]:
    """Return the `location` of a page."""
    parts = urlsplit(page)
    return {
        "href": page,
        "protocol": f"{parts.scheme}:",
        "host": parts.netloc,
        "hostname": parts.netloc.rpartition(":")[0]
        if re.search(r":\d+$", parts.netloc)
        else parts.netloc,
        "port": str(parts.port or ""),
        "pathname": parts.path or "/",
        "search": f"?{parts.query}" if parts.query else "",
        "hash": "",
        "origin": f"{parts.scheme}://{parts.netloc}",
    }
