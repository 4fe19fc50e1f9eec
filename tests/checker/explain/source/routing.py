"""What is plainly wrong between the server and a consumer: asgi.py and routes."""

import ast
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from tests.checker.explain.source.read import (
    Finding,
    FunctionDef,
    Source,
    dotted,
    inside,
    name_of,
    parameters,
    string,
    walked,
)

PROTOCOLS = {"http", "websocket", "channel", "lifespan"}


def routes(source: Source) -> Iterator[tuple[str, ast.Call]]:
    """Yield the calls of path() and re_path() that lead to something."""
    for file, call in source.nodes(ast.Call):
        if name_of(call.func) in ("path", "re_path", "url") and len(call.args) > 1:
            yield file, call


def consumers_of(source: Source) -> set[str]:
    """Return the names of the project's consumers."""
    return {consumer.tree.name for consumer in source.consumers}


def leads_to_a_consumer(source: Source, call: ast.Call) -> bool:
    """Tell whether a route leads to a consumer, written rightly or not."""
    names = {name_of(node) for node in walked(call.args[1])}
    return bool(names & consumers_of(source)) or "as_asgi" in names


def no_as_asgi(source: Source) -> Iterator[Finding]:
    """A route leads to an application, which as_asgi() makes of a consumer."""
    for file, call in routes(source):
        view = call.args[1]
        name = name_of(view)
        kind = None
        if name in consumers_of(source):
            is_call = isinstance(view, ast.Call)
            kind = "consumer-instance" if is_call else "no-as-asgi"
        elif name in ("as_asgi", "as_view"):
            owner = view.func if isinstance(view, ast.Call) else view
            is_view, name = name == "as_view", name_of(getattr(owner, "value", None))
            if isinstance(view, ast.Attribute) and not is_view:
                kind = "as-asgi-not-called"
            elif is_view and name in consumers_of(source):
                kind = "as-view"
        if kind:
            yield Finding(kind, file, view.lineno, {"consumer": name})


def instance_by_name(source: Source) -> Iterator[Finding]:
    """A consumer that was made once, under a name, serves everybody."""
    made = {
        name_of(target): name_of(node.value)
        for _file, node in source.nodes(ast.Assign)
        if isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and name_of(node.value) in consumers_of(source)
        for target in node.targets
    }
    for file, call in routes(source):
        view = call.args[1]
        if isinstance(view, ast.Name) and view.id in made:
            words = {"consumer": made[view.id]}
            yield Finding("consumer-instance", file, view.lineno, words)


def routers_in_routers(source: Source) -> Iterator[Finding]:
    """A router takes what it has matched off the path, for a router right behind."""
    every = [*routes(source)]
    made = {
        name_of(target): node.value
        for _file, node in source.nodes(ast.Assign)
        for target in node.targets
        if isinstance(node.value, ast.Call)
    }
    for file, call in every:
        pattern, view = string(call.args[0]), call.args[1]
        view = made.get(name_of(view), view) if isinstance(view, ast.Name) else view
        if not pattern or not isinstance(view, ast.Call):
            continue
        words = {"route": pattern}
        if name_of(view) == "URLRouter":
            is_regex = name_of(call.func) != "path"
            if is_regex and re.search(r"(?<!\\)(\$|\\Z)$", pattern):
                yield Finding("router-behind-an-end", file, call.lineno, words)
            starts = [string(other.args[0]) or "" for _file, other in every]
            if any(s.startswith(pattern) and s != pattern for s in starts):
                yield Finding("prefix-twice", file, call.lineno, words)
        elif holds_a_router(view, made):
            words["wrapper"] = name_of(view)
            yield Finding("router-hidden", file, call.lineno, words)


def holds_a_router(view: ast.Call, made: Mapping[str, ast.Call]) -> bool:
    """Tell whether a router is an argument of a call, by itself or by its name."""
    parts = [*view.args, *(each.value for each in view.keywords)]
    parts = [made.get(name_of(each), each) for each in parts]
    return any(name_of(each) == "URLRouter" for part in parts for each in walked(part))


def included_routes(source: Source) -> Iterator[Finding]:
    """include() is for pages: it takes the list `urlpatterns` of a module."""
    for file, call in source.nodes(ast.Call):
        module = string(call.args[0]) if call.args else None
        if name_of(call.func) != "include" or module is None:
            continue
        tree = source.trees.get(f"{module.replace('.', '/')}.py")
        if tree is None:
            continue
        lists = [
            name_of(target)
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.List)
            for target in node.targets
        ]
        sockets = [each for each in lists if "websocket" in each]
        if sockets and "urlpatterns" not in lists:
            words = {"module": module, "list": sockets[0]}
            yield Finding("included-routes", file, call.lineno, words)


def nginx_slash(source: Source) -> Iterator[Finding]:
    """A slash at the end of proxy_pass takes the path of the location away."""
    for file, text in source.files.items():
        if not file.endswith(".conf"):
            continue
        location = ""
        for number, line in enumerate(text.splitlines(), start=1):
            if found := re.match(r"\s*location\s+(?:[=~^*]+\s*)?(\S+)", line):
                location = found[1]
            slash = re.match(r"\s*proxy_pass\s+\w+://[^/;\s]+(/);", line)
            if slash and location not in ("", "/"):
                words = {"location": location}
                yield Finding("proxy-pass-slash", file, number, words)


def some_origins(source: Source) -> Iterator[Finding]:
    """Who lets in a list of origins refuses all others."""
    for file, call in source.nodes(ast.Call):
        if name_of(call.func) != "OriginValidator" or len(call.args) < 2:
            continue
        if isinstance(call.args[1], ast.List | ast.Tuple):
            shown = ", ".join(string(each) or "…" for each in call.args[1].elts)
            yield Finding("some-origins", file, call.lineno, {"origins": shown})


def slashes(source: Source) -> Iterator[Finding]:
    """A route of the router has no slash at its start, and ours end with one."""
    for file, call in routes(source):
        pattern = string(call.args[0])
        if pattern is None or not leads_to_a_consumer(source, call):
            continue
        words = {"route": pattern}
        is_regex = name_of(call.func) != "path"
        for kind in faults(pattern, is_regex):
            yield Finding(kind, file, call.lineno, words)
            break


def faults(pattern: str, is_regex: bool) -> Iterator[str]:
    """Yield what is wrong with the pattern of a route, the worst first."""
    if re.search(r"\?\w+=", pattern):
        yield "query-in-route"
    if pattern.removeprefix("^").startswith("/"):
        yield "leading-slash"
    if not is_regex and re.search(r"[\^$]|\(\?P|\\w|\[", pattern):
        yield "regex-in-path"
    if is_regex and re.search(r"<\w+:\w+>", pattern):
        yield "converter-in-re-path"
    if "/" in pattern[:-1] and not pattern.rstrip("$").removesuffix(r"\Z").endswith(
        ("/", "/?")
    ):
        yield "no-trailing-slash"


def routers(source: Source) -> Iterator[tuple[str, ast.Dict]]:
    """Yield the dictionaries that a ProtocolTypeRouter is made of."""
    for file, call in source.nodes(ast.Call):
        entries = call.args[0] if call.args else None
        if name_of(call.func) == "ProtocolTypeRouter" and isinstance(entries, ast.Dict):
            yield file, entries


def protocol_names(source: Source) -> Iterator[Finding]:
    """The router knows the types of a scope: http and websocket."""
    for file, entries in routers(source):
        for key in entries.keys:
            name = string(key)
            if name is not None and name not in PROTOCOLS:
                words = {"key": name}
                close = get_close_matches(name, ["websocket"], cutoff=0.5)
                if close or name in ("ws", "wss"):
                    yield Finding("protocol-name", file, key.lineno, words)


def path_of_the_contract(source: Source) -> Iterator[Finding]:
    """The paths of the contract begin with ws/."""
    led = [
        (file, call, string(call.args[0]))
        for file, call in routes(source)
        if leads_to_a_consumer(source, call)
    ]
    every = [string(call.args[0]) for _file, call in routes(source)]
    if None not in every and not any(
        "ws/" in re.split(r"\W*wss/", t)[0] for t in every
    ):
        for file, call, pattern in led[:1]:
            if re.match(r"\^?/?\w+/", pattern):
                words = {"route": pattern}
                yield Finding("path-of-the-contract", file, call.lineno, words)


def application_factory(source: Source) -> Iterator[Finding]:
    """The server calls the application for each connection, with three arguments."""
    for file, tree in source.trees.items():
        for node in tree.body if file.endswith("asgi.py") else []:
            if not isinstance(node, FunctionDef) or node.name != "application":
                continue
            returned = [name_of(each.value) for each in inside(node, ast.Return)]
            if not parameters(node) and "ProtocolTypeRouter" in returned:
                yield Finding("application-factory", file, node.lineno, {})


def no_router(source: Source) -> Iterator[Finding]:
    """Without a URLRouter nobody looks at the path."""
    for file, entries in routers(source):
        for key, value in zip(entries.keys, entries.values, strict=True):
            names = {name_of(node) for node in walked(value)}
            named = sorted(names & consumers_of(source))
            if string(key) == "websocket" and "URLRouter" not in names and named:
                yield Finding("no-router", file, value.lineno, {"consumer": named[0]})


def router_elsewhere(source: Source) -> Iterator[Finding]:
    """The server asks the module that ASGI_APPLICATION names, and no other."""
    if source.settings is None:
        return
    for node in source.settings[1].body:
        targets = [name_of(each) for each in getattr(node, "targets", [])]
        named = string(getattr(node, "value", None)) or ""
        if targets != ["ASGI_APPLICATION"] or "." not in named:
            continue
        asked = named.rpartition(".")[0].replace(".", "/") + ".py"
        with_router = [
            (file, call.lineno)
            for file, call in source.nodes(ast.Call)
            if name_of(call.func) == "ProtocolTypeRouter"
        ]
        if asked not in source.trees or any(file == asked for file, _ in with_router):
            continue
        imports = {
            each.module or ""
            for each in walked(source.trees[asked])
            if isinstance(each, ast.ImportFrom)
        }
        for file, line in with_router:
            module = file.removesuffix(".py").replace("/", ".")
            if module not in imports:
                words = {"asked": asked, "setting": named}
                yield Finding("router-elsewhere", file, line, words)


def list_for_router(source: Source) -> Iterator[Finding]:
    """A list of routes is no application. URLRouter makes one of it."""
    lists = {
        name_of(target)
        for _file, node in source.nodes(ast.Assign)
        if isinstance(node.value, ast.List)
        for target in node.targets
    }
    for file, entries in routers(source):
        for key, value in zip(entries.keys, entries.values, strict=True):
            if string(key) != "websocket":
                continue
            # Through the wrappers, to what they are given last.
            inner = value
            while isinstance(inner, ast.Call) and inner.args:
                if name_of(inner.func) == "URLRouter":
                    break
                inner = inner.args[0]
            name = dotted(inner).rpartition(".")[2]
            if isinstance(inner, ast.List) or name in lists:
                words = {"name": name or "[…]"}
                yield Finding("list-without-router", file, value.lineno, words)
    for file, call in source.nodes(ast.Call):
        name = name_of(call.args[0]) if call.args else ""
        if name_of(call.func) == "URLRouter" and name in ("path", "re_path"):
            words = {"name": name}
            yield Finding("router-without-list", file, call.lineno, words)


def catch_all_first(source: Source) -> Iterator[Finding]:
    """The first route that matches wins. What matches everything comes last."""
    for file, node in source.nodes(ast.List):
        found = [
            each
            for each in node.elts
            if isinstance(each, ast.Call) and name_of(each.func) == "re_path"
        ]
        for each in found:
            is_all = each.args and string(each.args[0]) in ("", ".*", "^.*$", "^")
            if is_all and each is not node.elts[-1]:
                yield Finding("catch-all-first", file, each.lineno, {})


def unknown_kwarg(source: Source) -> Iterator[Finding]:
    """What connect() looks up must be the name of a group in the route."""
    caught: set[str] = set()
    for _file, call in routes(source):
        pattern = string(call.args[0])
        if pattern is None:
            return  # Nobody reads an f-string, or a name, from here.
        caught |= set(re.findall(r"<(?:\w+:)?(\w+)>", pattern))
        caught |= set(re.findall(r"\(\?P<(\w+)>", pattern))
    if not caught:
        return
    for file, node in source.nodes(ast.Subscript):
        key = string(node.slice)
        if key is None or not isinstance(node.value, ast.Subscript):
            continue
        if string(node.value.slice) == "kwargs" and key not in caught:
            words = {"key": key, "caught": ", ".join(sorted(caught))}
            yield Finding("unknown-kwarg", file, node.lineno, words)


RULES = [
    no_as_asgi,
    instance_by_name,
    routers_in_routers,
    included_routes,
    some_origins,
    nginx_slash,
    path_of_the_contract,
    no_router,
    application_factory,
    router_elsewhere,
    list_for_router,
    protocol_names,
    slashes,
    catch_all_first,
    unknown_kwarg,
]
