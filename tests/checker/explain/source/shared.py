"""What is one for all connections, and should be one for each, or for all servers."""

import ast
from collections.abc import Iterator

from tests.checker.explain.source.consumers import finding, own_methods
from tests.checker.explain.source.read import (
    Finding,
    FunctionDef,
    Source,
    dotted,
    inside,
    name_of,
    parameters,
    walked,
)

LAYERS = ("InMemoryChannelLayer", "RedisChannelLayer", "RedisPubSubChannelLayer")
KEPT = ("scope", "receive", "send")


def global_state(source: Source) -> Iterator[Finding]:
    """A global variable is one for all who are connected."""
    for consumer, method in own_methods(source):
        for node in inside(method, ast.Global):
            name = node.names[0]
            yield finding("global-state", consumer, node, name=name)


def module_state(source: Source) -> Iterator[Finding]:
    """A dict or a list of the module, too, is one for all."""
    for consumer, method in own_methods(source):
        made = {
            name_of(target)
            for node in source.trees[consumer.file].body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
            for target in node.targets
        }
        for node in inside(method, ast.Assign):
            into = node.targets[0]
            if not isinstance(into, ast.Subscript) or dotted(into.value) not in made:
                continue
            if isinstance(into.slice, ast.Constant) and dotted(node.value) != "self":
                name = dotted(into.value)
                yield finding("global-state", consumer, node, name=name)


def globals_of(source: Source, file: str) -> set[str]:
    """Return the names of the dicts, lists and sets of a module."""
    kinds = (ast.Dict, ast.List, ast.Set)
    makers = ("dict", "list", "set", "defaultdict", "WeakSet")
    return {
        name_of(target)
        for node in source.trees[file].body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and (isinstance(node.value, kinds) or name_of(node.value) in makers)
        for target in getattr(node, "targets", [getattr(node, "target", None)])
    }


def shared_by_room(source: Source) -> Iterator[Finding]:
    """What is kept under the room's name is one for all who are in the room."""
    for consumer, method in own_methods(source):
        made = globals_of(source, consumer.file)
        for node in inside(method, ast.Assign):
            into = node.targets[0]
            if not isinstance(into, ast.Subscript) or dotted(into.value) not in made:
                continue
            by_room = "room" in name_of(into.slice)
            if by_room and dotted(node.value) in ("self.name", "name", "self.user"):
                words = {"name": dotted(into.value), "value": dotted(node.value)}
                yield finding("shared-by-room", consumer, node, **words)


def sends_to_everyone(source: Source) -> Iterator[Finding]:
    """A loop over all connections reaches those who did not ask."""
    for consumer, method in own_methods(source):
        made = globals_of(source, consumer.file)
        for loop in inside(method, ast.For):
            over = {name_of(each) for each in walked(loop.iter)} & made
            who = name_of(loop.target)
            sends = any(
                dotted(call.func).startswith(f"{who}.send")
                for call in inside(loop, ast.Call)
            )
            if over and who and sends:
                name = sorted(over)[0]
                yield finding("sends-to-everyone", consumer, loop, name=name)


def consumers_in_a_global(source: Source) -> Iterator[Finding]:
    """A list of the connections is that of one process."""
    for consumer, method in own_methods(source):
        for call in inside(method, ast.Call):
            adds = name_of(call.func) in ("add", "append", "setdefault")
            takes_self = any(dotted(each) == "self" for each in call.args)
            holder = dotted(call.func) if isinstance(call.func, ast.Attribute) else ""
            if adds and takes_self and not holder.startswith("self."):
                yield finding("consumers-in-a-global", consumer, call)
        for node in inside(method, ast.Assign):
            into = [each for each in node.targets if isinstance(each, ast.Subscript)]
            holder = dotted(into[0].value) if into else "self."
            if dotted(node.value) == "self" and not holder.startswith("self."):
                yield finding("consumers-in-a-global", consumer, node)


def key_of_a_machine(source: Source) -> Iterator[Finding]:
    """All clients of one machine, or behind one proxy, have the same address."""
    kept = any(globals_of(source, file) for file in source.trees)
    for file, node in source.nodes(ast.Subscript, ast.Assign):
        match node:
            case ast.Subscript(
                value=ast.Subscript(slice=ast.Constant(value="client")),
                slice=ast.Constant(value=0),
            ):
                is_host = True
            case ast.Assign(
                targets=[ast.Tuple(elts=[_, ast.Name(id=port)])],
                value=ast.Subscript(slice=ast.Constant(value="client")),
            ):
                is_host = not any(
                    isinstance(each, ast.Name)
                    and each.id == port
                    and isinstance(each.ctx, ast.Load)
                    for each in walked(source.trees[file])
                )
            case _:
                is_host = False
        if is_host and kept:
            yield Finding("key-of-a-machine", file, node.lineno, {})


def middleware_state(source: Source) -> Iterator[Finding]:
    """A middleware is one object for all connections."""
    own = [consumer.tree for consumer in source.consumers]  # One for each connection.
    for file, node in source.nodes(ast.ClassDef):
        for method in node.body if node not in own else []:
            if not isinstance(method, FunctionDef) or method.name != "__call__":
                continue
            if parameters(method)[1:] != [*KEPT]:
                continue
            for each in inside(method, ast.Assign):
                target = dotted(each.targets[0])
                is_one_clients = dotted(each.value) in KEPT or any(
                    isinstance(part, ast.Await) or name_of(part) == "scope"
                    for part in walked(each.value)
                )
                if target.startswith("self.") and is_one_clients:
                    words = {"name": target}
                    yield Finding("middleware-state", file, each.lineno, words)
            for block in inside(method, ast.With, ast.AsyncWith):
                for item in block.items:
                    target = dotted(item.optional_vars)
                    if target.startswith("self."):
                        words = {"name": target}
                        yield Finding("middleware-state", file, block.lineno, words)


def shared_by_nonlocal(source: Source) -> Iterator[Finding]:
    """What stands outside of the application is one for all connections."""
    for file, outer in source.nodes(*FunctionDef.__args__):
        made = {
            name_of(target)
            for node in outer.body
            if isinstance(node, ast.Assign)
            for target in node.targets
        }
        for application in outer.body:
            is_one = isinstance(application, FunctionDef)
            if not is_one or parameters(application)[-3:] != [*KEPT]:
                continue
            for node in walked(application):
                names = node.names if isinstance(node, ast.Nonlocal) else []
                for name in sorted(made & {*names}):
                    words = {"name": name, "outer": outer.name}
                    words["inner"] = application.name
                    yield Finding("shared-by-nonlocal", file, node.lineno, words)


def second_layer(source: Source) -> Iterator[Finding]:
    """A layer that one makes oneself has groups of its own."""
    for file, call in source.nodes(ast.Call):
        if name_of(call.func) in LAYERS and isinstance(call.func, ast.Name):
            words = {"name": name_of(call.func)}
            yield Finding("second-layer", file, call.lineno, words)


def hash_of_a_text(source: Source) -> Iterator[Finding]:
    """Python's hash() of a text is another one in each process."""
    for file, call in source.nodes(ast.Call):
        if isinstance(call.func, ast.Name) and call.func.id == "hash":
            yield Finding("hash-of-a-text", file, call.lineno, {})


RULES = [
    global_state,
    module_state,
    shared_by_room,
    key_of_a_machine,
    sends_to_everyone,
    consumers_in_a_global,
    middleware_state,
    shared_by_nonlocal,
    second_layer,
    hash_of_a_text,
]
