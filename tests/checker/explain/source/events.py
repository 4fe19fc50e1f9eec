"""What is plainly wrong between a group's event and the method that handles it."""

import ast
from collections.abc import Iterator
from difflib import get_close_matches

from tests.checker.explain.source.consumers import HOOKS, finding, own_methods
from tests.checker.explain.source.read import (
    Finding,
    FunctionDef,
    Source,
    calls,
    dotted,
    inside,
    name_of,
    parameters,
    string,
)


def sent(source: Source) -> Iterator[tuple[str, ast.Call, ast.Dict]]:
    """Yield the events that group_send() is given, with their file and call."""
    for file, function in source.nodes(*FunctionDef.__args__):
        events = {
            name_of(target): node.value
            for node in inside(function, ast.Assign)
            if isinstance(node.value, ast.Dict)
            for target in node.targets
        }
        for call in inside(function, ast.Call):
            event = event_of(call)
            if isinstance(event, ast.Name):
                event = events.get(event.id)
            if isinstance(event, ast.Dict):
                yield file, call, event


def event_of(call: ast.Call) -> ast.AST | None:
    """Return what a call of group_send() sends, also through async_to_sync()."""
    is_wrapped = isinstance(call.func, ast.Call) and any(
        name_of(each) == "group_send" for each in call.func.args
    )
    if (name_of(call.func) == "group_send" or is_wrapped) and len(call.args) > 1:
        return call.args[1]
    return None


def keys_of(event: ast.Dict) -> dict[str, ast.AST] | None:
    """Return an event's keys and values, or None if not all stand here."""
    keys = [string(key) if key else None for key in event.keys]
    if None in keys:
        return None
    return dict(zip(keys, event.values, strict=True))


def all_methods(source: Source) -> dict[str, FunctionDef]:
    """Return every method of every consumer, by name."""
    return {
        name: method
        for consumer in source.consumers
        for name, method in consumer.methods.items()
    }


def no_handler(source: Source) -> Iterator[Finding]:
    """An event calls the method that its type names."""
    methods = all_methods(source)
    for file, _call, event in sent(source):
        keys = keys_of(event)
        if keys is None:
            continue
        if "type" not in keys:
            yield Finding("event-without-type", file, event.lineno, {})
            continue
        kind = string(keys["type"])
        if kind is None:
            continue
        name = kind.replace(".", "_")
        if name not in methods and methods:
            others = [each for each in methods if each not in HOOKS]
            close = get_close_matches(name, others, n=1, cutoff=0.6)
            words = {"type": kind, "name": name, "close": close[0] if close else ""}
            found = "no-handler-but" if close else "no-handler"
            yield Finding(found, file, event.lineno, words)


def spread_type(source: Source) -> Iterator[Finding]:
    """Of two keys in a dict the last one wins: the type of a message, too."""
    for file, _call, event in sent(source):
        keys = [string(key) if key else None for key in event.keys]
        if "type" in keys and None in keys[keys.index("type") :]:
            yield Finding("spread-type", file, event.lineno, {})
    for consumer, method in own_methods(source):
        for call in calls(method, "send"):
            event = call.args[0] if call.args else None
            if not isinstance(event, ast.Dict):
                continue
            keys = [string(key) if key else None for key in event.keys]
            after = keys[keys.index("type") :] if "type" in keys else []
            spread = [dotted(event.values[keys.index(None)])] if None in after else []
            if spread and spread[0] in parameters(method):
                yield finding("spread-type", consumer, event)


def unknown_key(source: Source) -> Iterator[Finding]:
    """Who handles an event finds in it what was put there."""
    carried: dict[str, set[str]] = {}
    for _file, _call, event in sent(source):
        keys = keys_of(event)
        kind = string(keys.get("type")) if keys else None
        if not kind:
            return  # What cannot be read may carry anything.
        carried.setdefault(kind.replace(".", "_"), set()).update(keys)
    for consumer, method in own_methods(source):
        names = parameters(method)
        if method.name not in carried or len(names) < 2:
            continue
        for node in inside(method, ast.Subscript):
            key = string(node.slice)
            if name_of(node.value) != names[1] or key is None:
                continue
            if key not in carried[method.name]:
                has = ", ".join(sorted(carried[method.name] - {"type"}))
                yield finding("event-key", consumer, node, key=key, has=has)


def handler_signature(source: Source) -> Iterator[Finding]:
    """The method of an event is given the event."""
    types = {
        (string((keys_of(event) or {}).get("type")) or "").replace(".", "_")
        for _file, _call, event in sent(source)
    }
    for consumer, method in own_methods(source):
        if method.name not in types:
            continue
        if len(parameters(method)) < 2 and not method.args.vararg:
            yield finding("handler-without-event", consumer, method, name=method.name)
        is_async = isinstance(method, ast.AsyncFunctionDef)
        if consumer.is_async and not is_async:
            yield finding("sync-in-async", consumer, method, name=method.name)


def swapped(source: Source) -> Iterator[Finding]:
    """The group comes first, the channel second."""
    names = ("group_add", "group_discard")
    for file, call in source.nodes(ast.Call):
        wrapped = call.func.args if isinstance(call.func, ast.Call) else []
        is_one = any(name_of(each) in names for each in (call.func, *wrapped))
        if is_one and call.args and dotted(call.args[0]).endswith("channel_name"):
            yield Finding("group-arguments", file, call.lineno, {})


def never_joins(source: Source) -> Iterator[Finding]:
    """Who sends to a group and never joins one is heard by nobody."""
    named = {node.attr for _file, node in source.nodes(ast.Attribute)}
    # Channels joins the groups that a class names itself.
    own = {
        name_of(target)
        for consumer in source.consumers
        for node in consumer.tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
    }
    if "group_send" in named and "group_add" not in named and "groups" not in own:
        for file, call in source.nodes(ast.Attribute):
            if call.attr == "group_send":
                yield Finding("never-joins", file, call.lineno, {})
                return


def groups_too_late(source: Source) -> Iterator[Finding]:
    """Channels joins the groups of self.groups before it calls connect()."""
    added = {node.attr for _file, node in source.nodes(ast.Attribute)}
    for consumer, method in own_methods(source):
        if method.name != "connect" or "group_add" in added:
            continue
        for node in inside(method, ast.Assign, ast.AugAssign):
            targets = getattr(node, "targets", [getattr(node, "target", None)])
            if "self.groups" in map(dotted, targets):
                yield finding("groups-too-late", consumer, node)


def group_name(source: Source) -> Iterator[Finding]:
    """A group's name takes ASCII letters, digits, hyphens, underscores and dots."""
    good = set("-_.") | set(map(chr, range(48, 58)))
    for file, call in source.nodes(ast.Call):
        if name_of(call.func) not in ("group_add", "group_send", "group_discard"):
            continue
        value = call.args[0] if call.args else None
        parts = getattr(value, "values", [value])
        for part in parts:
            text = string(part) or ""
            bad = [
                sign
                for sign in text
                if not (sign.isascii() and (sign.isalpha() or sign in good))
            ]
            if bad:
                words = {"sign": bad[0], "text": text}
                yield Finding("group-name", file, call.lineno, words)


def sender_not_called(source: Source) -> Iterator[Finding]:
    """A signal compares its sender: a class, and not a function that returns it."""
    for file, call in source.nodes(ast.Call):
        sender = next((each.value for each in call.keywords if each.arg == "sender"), 0)
        is_name = isinstance(sender, ast.Name | ast.Attribute)
        if is_name and name_of(sender) == "get_user_model":
            yield Finding("sender-not-called", file, call.lineno, {})


RULES = [
    sender_not_called,
    no_handler,
    spread_type,
    unknown_key,
    handler_signature,
    swapped,
    groups_too_late,
    never_joins,
    group_name,
]

__all__ = ["RULES", "calls"]
