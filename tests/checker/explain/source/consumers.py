"""What is plainly wrong in a consumer, looked at alone."""

import ast
from collections.abc import Iterator
from difflib import get_close_matches

from tests.checker.explain.source.read import (
    Consumer,
    Finding,
    FunctionDef,
    Source,
    argument,
    calls,
    dotted,
    inside,
    methods_of,
    name_of,
    parameters,
    string,
    walked,
)

# What Channels calls, and with which arguments after self.
HOOKS = {
    "connect": (),
    "receive": ("text_data", "bytes_data"),
    "receive_json": ("content",),
    "disconnect": ("code",),
}
# Methods that Channels' own class has, too.
CHANNELS = {
    *HOOKS,
    "accept",
    "close",
    "dispatch",
    "send",
    "send_json",
    "websocket_connect",
    "websocket_disconnect",
    "websocket_receive",
}
CODERS = ("decode_json", "encode_json")
# What people call them, by analogy with other libraries.
OTHERS = {
    "on_connect": "connect",
    "on_open": "connect",
    "open": "connect",
    "on_message": "receive",
    "on_receive": "receive",
    "message": "receive",
    "receive_message": "receive",
    "received": "receive",
    "receive_text": "receive",
    "on_close": "disconnect",
    "on_disconnect": "disconnect",
    "close_connection": "disconnect",
}
# What must be awaited in an async consumer, or runs in vain.
AWAITED = ("accept", "send", "close", "send_json")
LAYER = ("group_add", "group_discard", "group_send", "send", "receive", "new_channel")
VIEW_MIXINS = (
    "LoginRequiredMixin",
    "PermissionRequiredMixin",
    "UserPassesTestMixin",
)
VIEW_DECORATORS = ("login_required", "permission_required", "user_passes_test")
SCOPE = {
    "asgi",
    "client",
    "cookies",
    "extensions",
    "headers",
    "http_version",
    "path",
    "path_remaining",
    "query_string",
    "raw_path",
    "root_path",
    "scheme",
    "server",
    "session",
    "state",
    "subprotocols",
    "type",
    "url_route",
    "user",
}
CONTAINERS = ("dict", "list", "set", "defaultdict", "deque", "Queue", "LifoQueue")
BLOCKING = {"time.sleep", "requests.get", "requests.post", "urlopen"}
QUERIES = ("create", "get", "get_or_create", "first", "last", "count", "exists")


def finding(kind: str, consumer: Consumer, node: ast.AST, **words: str) -> Finding:
    """Say what is wrong at a place in a consumer."""
    words = {"consumer": consumer.tree.name, **words}
    return Finding(kind, consumer.file, node.lineno, words)


def own_methods(source: Source) -> Iterator[tuple[Consumer, FunctionDef]]:
    """Yield the methods that stand in the consumers' own classes."""
    for consumer in source.consumers:
        for node in consumer.tree.body:
            if isinstance(node, FunctionDef):
                yield consumer, node


def misspelt_hook(source: Source) -> Iterator[Finding]:
    """`recieve` is never called, and `on_message` is another library's word."""
    events = {text.replace(".", "_") for text in source.strings}
    called = {name_of(call.func) for _file, call in source.nodes(ast.Call)}
    for consumer, method in own_methods(source):
        name = method.name
        if name in HOOKS or name in events or name in called or name.startswith("__"):
            continue
        close = get_close_matches(name, HOOKS, n=1, cutoff=0.8)
        right = OTHERS.get(name) or (close[0] if close else None)
        if right and right not in consumer.methods:
            yield finding("misspelt-hook", consumer, method, name=name, right=right)


def hook_outside_its_class(source: Source) -> Iterator[Finding]:
    """A method that is indented too little is a function, or too much, inside one."""
    for file, tree in source.trees.items():
        for node in tree.body:
            is_hook = isinstance(node, FunctionDef) and node.name in HOOKS
            if is_hook and parameters(node)[:1] == ["self"]:
                words = {"name": node.name}
                yield Finding("hook-outside-class", file, node.lineno, words)
    for file, tree in source.trees.items():
        for outer in tree.body:
            for inner in outer.body if isinstance(outer, FunctionDef) else []:
                is_hook = isinstance(inner, FunctionDef) and inner.name in HOOKS
                if is_hook and parameters(inner)[:1] == ["self"]:
                    words = {"name": inner.name, "outer": outer.name}
                    yield Finding("hook-inside-function", file, inner.lineno, words)
    for consumer, method in own_methods(source):
        for inner in method.body:
            if isinstance(inner, FunctionDef) and parameters(inner)[:1] == ["self"]:
                yield finding(
                    "hook-inside-method",
                    consumer,
                    inner,
                    name=inner.name,
                    outer=method.name,
                )


def no_base(source: Source) -> Iterator[Finding]:
    """A class with the methods of a consumer that inherits from none."""
    known = {consumer.tree.name for consumer in source.consumers}
    for file, node in source.nodes(ast.ClassDef):
        names = {each.name for each in node.body if isinstance(each, FunctionDef)}
        if {"connect", "receive"} <= names and node.name not in known:
            bases = [name_of(base) for base in node.bases]
            if not bases or bases == ["object"]:
                words = {"consumer": node.name}
                yield Finding("no-base", file, node.lineno, words)


def no_self(source: Source) -> Iterator[Finding]:
    """A method is given its object first, whether it takes it or not."""
    for consumer, method in own_methods(source):
        decorators = {name_of(each) for each in method.decorator_list}
        if decorators & {"staticmethod", "classmethod"} or method.args.vararg:
            continue
        first = parameters(method)[:1]
        if first not in (["self"], ["cls"], ["_"], ["this"]):
            yield finding("no-self", consumer, method, name=method.name)


def wrong_parameters(source: Source) -> Iterator[Finding]:
    """Channels calls a hook with arguments of its own, by name or by place."""
    for consumer, method in own_methods(source):
        if method.name not in HOOKS or method.decorator_list:
            continue
        if not takes(method, method.name) and "self" in parameters(method)[:1]:
            yield finding("wrong-parameters", consumer, method, name=method.name)


def takes(function: FunctionDef, hook: str) -> bool:
    """Tell whether a function takes what Channels calls a hook with."""
    arguments, given = function.args, HOOKS[hook]
    names = parameters(function)[1:]
    needed = len(names) - len(arguments.defaults)
    if hook == "receive":  # Called by name: text_data=…, or bytes_data=….
        keywords = {each.arg for each in arguments.kwonlyargs}
        knows = bool(arguments.kwarg) or {"text_data"} <= {*names, *keywords}
        strangers = [name for name in names[:needed] if name not in given]
        return knows and not strangers
    most = len(names) if not arguments.vararg else 99
    return needed <= len(given) <= most


def wrapper_parameters(source: Source) -> Iterator[Finding]:
    """Channels calls what a decorator returns, and no longer the method."""
    own = {each.name: (file, each) for file, each in source.nodes(ast.FunctionDef)}
    for consumer, method in own_methods(source):
        for decorator in method.decorator_list:
            file, outer = own.get(name_of(decorator), ("", None))
            if not isinstance(decorator, ast.Name) or outer is None:
                continue
            returned = {name_of(each.value) for each in inside(outer, ast.Return)}
            for inner in outer.body:
                if not isinstance(inner, FunctionDef) or inner.name not in returned:
                    continue
                if not is_called_rightly(inner, method.name):
                    words = {"name": method.name, "inner": inner.name}
                    words |= {"decorator": outer.name}
                    words["at"] = f"{file}, line {inner.lineno}"
                    yield finding("wrapper-parameters", consumer, decorator, **words)


def is_called_rightly(wrapper: FunctionDef, name: str) -> bool:
    """Tell whether a wrapper takes what Channels calls a hook with."""
    arguments = wrapper.args
    by_name = {*parameters(wrapper), *(each.arg for each in arguments.kwonlyargs)}
    if name == "receive" and not arguments.kwarg:
        return by_name >= {*HOOKS["receive"]}  # Channels calls it by name.
    # Who takes the consumer with the rest, as *args, takes it all.
    if name not in HOOKS or arguments.vararg or not parameters(wrapper):
        return True
    return takes(wrapper, name)


def decorator_goes_on(source: Source) -> Iterator[Finding]:
    """`close()` ends nothing in a decorator either."""
    for file, outer in source.nodes(ast.FunctionDef):
        given = parameters(outer)[:1]
        for inner in outer.body:
            if not isinstance(inner, FunctionDef):
                continue
            for block in inside(inner, ast.If):
                closes = any(name_of(value_of(each)) == "close" for each in block.body)
                leaves = isinstance(block.body[-1], ast.Return | ast.Raise)
                goes_on = any(
                    [dotted(call.func)] == given and call.lineno > block.end_lineno
                    for call in inside(inner, ast.Call)
                )
                if closes and goes_on and not leaves:
                    words = {"name": outer.name, "handler": given[0]}
                    line = block.body[0].lineno
                    yield Finding("decorator-goes-on", file, line, words)


def one_for_all(source: Source) -> Iterator[Finding]:
    """What is made when the routes are read is one object for all connections."""
    classes = {node.name: node for _file, node in source.nodes(ast.ClassDef)}
    own = {consumer.tree.name for consumer in source.consumers}
    made: dict[str, str] = {}  # Under which name a consumer has it, and of which class.
    for _file, call in source.nodes(ast.Call):
        if name_of(call.func) == "as_asgi":
            pairs = ((f"self.{each.arg}", each.value) for each in call.keywords)
            made |= {name: name_of(v) for name, v in pairs if isinstance(v, ast.Call)}
    for tree in source.trees.values():
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                made |= {name_of(each): name_of(node.value) for each in node.targets}
    for consumer, method in own_methods(source):
        for call in inside(method, ast.Call):
            holder, _, name = dotted(call.func).rpartition(".")
            kind = classes.get(made.get(holder, ""))
            if kind is None or kind.name in own or name == "__init__":
                continue
            if not any(dotted(each) == "self" for each in call.args):
                continue
            for kept in keeps(kind, name):
                words = {"holder": holder, "made": kind.name, "name": kept}
                yield finding("one-for-all", consumer, call, **words)


def keeps(kind: ast.ClassDef, name: str) -> Iterator[str]:
    """Yield the attributes in which a method of a class keeps what it is given."""
    for method in kind.body:
        if isinstance(method, FunctionDef) and method.name == name:
            for node in inside(method, ast.Assign):
                for target in node.targets:
                    is_own = dotted(target).startswith("self.")
                    if is_own and dotted(node.value) in parameters(method)[1:]:
                        yield dotted(target)


def sends_in_a_loop(source: Source) -> Iterator[Finding]:
    """Each call of send() is a message of its own, also of a slice."""
    for consumer, method in own_methods(source):
        for loop in inside(method, ast.For, ast.While, ast.AsyncFor):
            sent = [c for c in inside(loop, ast.Call) if dotted(c.func) == "self.send"]
            if sent and any(inside(loop, ast.Slice)):
                yield finding("sends-in-a-loop", consumer, sent[0])


def sync_in_async(source: Source) -> Iterator[Finding]:
    """An async consumer's hooks are awaited, and a plain one's are not."""
    for consumer, method in own_methods(source):
        decorators = {name_of(each) for each in method.decorator_list}
        is_hook = method.name in HOOKS and not decorators
        # Their kind is that of the consumer, too.
        is_coder = method.name in CODERS and consumer.is_json
        if not is_hook and not (is_coder and decorators <= {"classmethod"}):
            continue
        is_async = isinstance(method, ast.AsyncFunctionDef)
        if is_async and not consumer.is_async:
            yield finding("async-in-sync", consumer, method, name=method.name)
        may_await = returns_a_call(method) and is_hook
        if consumer.is_async and not is_async and not may_await:
            yield finding("sync-in-async", consumer, method, name=method.name)


def mixin_behind(source: Source) -> Iterator[Finding]:
    """Of two bases with the same method, the first one's is called."""
    classes = {node.name: (file, node) for file, node in source.nodes(ast.ClassDef)}
    for consumer in source.consumers:
        names = [name_of(base) for base in consumer.tree.bases]
        own = [name for name in names if name in classes]
        first = next((name for name in names if name not in own), "")
        if not first.endswith("WebsocketConsumer"):
            continue
        for name in own:
            hidden = CHANNELS & methods_of(classes[name][1], classes).keys()
            # What stands in the class itself comes before both.
            hidden -= {each.name for each in consumer.tree.body if is_method(each)}
            if names.index(first) < names.index(name) and hidden:
                words = {"mixin": name, "base": first, "name": min(hidden)}
                yield finding("mixin-behind", consumer, consumer.tree, **words)


def is_method(node: ast.stmt) -> bool:
    return isinstance(node, FunctionDef)


def returns_a_call(method: FunctionDef) -> bool:
    """Tell whether a plain method may hand on something that can be awaited."""
    returns = inside(method, ast.Return)
    return any(isinstance(each.value, ast.Call) for each in returns)


def missing_await(source: Source) -> Iterator[Finding]:
    """A coroutine that nobody awaits never runs."""
    for consumer, method in own_methods(source):
        is_async = isinstance(method, ast.AsyncFunctionDef)
        for statement in inside(method, ast.Expr):
            call = statement.value
            if not isinstance(call, ast.Call):
                continue
            written = dotted(call.func)
            name = written.rpartition(".")[2]
            on_self = written == f"self.{name}"
            own = consumer.methods.get(name) if on_self else None
            is_ours = isinstance(own, ast.AsyncFunctionDef)
            is_channels = (
                on_self and consumer.is_async and own is None and name in AWAITED
            )
            is_layer = "channel_layer." in written and name in LAYER
            if not (is_ours or is_channels or is_layer):
                continue
            kind = "missing-await"
            if not is_async:
                kind = "await-impossible" if consumer.is_async else "no-async-to-sync"
            yield finding(kind, consumer, call, call=written, name=method.name)


def missing_parentheses(source: Source) -> Iterator[Finding]:
    """`await self.accept` names a method, and does not call it."""
    for consumer, method in own_methods(source):
        for node in inside(method, ast.Await, ast.Expr):
            written = dotted(node.value)
            if written.startswith("self.") and written[5:] in AWAITED:
                yield finding("missing-parentheses", consumer, node, call=written)


def goes_on_after_close(source: Source) -> Iterator[Finding]:
    """`close()` does not end connect(): what stands below it still runs."""
    for consumer, method in own_methods(source):
        if method.name != "connect":
            continue
        for block in inside(method, ast.If):
            closes = any(
                name_of(value_of(each)) == "close" and dotted_self(value_of(each))
                for each in block.body
            )
            leaves = any(
                isinstance(each, ast.Return | ast.Raise) for each in block.body
            )
            accepts_below = any(
                call.lineno > block.body[-1].lineno and not is_within(call, block)
                for call in calls(method, "accept")
            )
            # Where a return stands below the `if`, nobody is accepted at all.
            ends = isinstance(next_of(block, method), ast.Return)
            if closes and not leaves and accepts_below and not ends:
                yield finding("goes-on-after-close", consumer, block.body[0])


def next_of(statement: ast.stmt, function: FunctionDef) -> ast.stmt | None:
    """Return the statement that stands below one, in the body of a function."""
    if statement not in function.body[:-1]:
        return None
    return function.body[function.body.index(statement) + 1]


def value_of(statement: ast.stmt) -> ast.AST | None:
    """Return the call of a statement such as `await self.close()`."""
    value = getattr(statement, "value", None)
    return value.value if isinstance(value, ast.Await) else value


def dotted_self(call: ast.AST | None) -> bool:
    """Tell whether a call is one of a method of self."""
    return isinstance(call, ast.Call) and dotted(call.func).startswith("self.")


def is_within(node: ast.AST, outer: ast.AST) -> bool:
    """Tell whether a node stands in another one."""
    return any(each is node for each in walked(outer))


def never_accepts(source: Source) -> Iterator[Finding]:
    """connect() must answer: accept() or close()."""
    for consumer, method in own_methods(source):
        if method.name != "connect":
            continue
        answers = ("accept", "close", "connect")  # The last is super().connect().
        named = {name_of(call.func) for call in inside(method, ast.Call)}
        named |= {name for name in answers if name in dotted_names(method)}
        own = {name for name in named if name in consumer.methods}
        raises = any(inside(method, ast.Raise))
        if not named & {*answers} and not own - {"connect"} and not raises:
            call = "await self.accept()" if consumer.is_async else "self.accept()"
            yield finding("never-accepts", consumer, method, call=call)


def accepts_to_refuse(source: Source) -> Iterator[Finding]:
    """Who is accepted and then sent away was let in."""
    for consumer, method in own_methods(source):
        if method.name == "connect":
            done = [
                each
                for each in method.body
                if name_of(value_of(each)) in ("accept", "close")
                and dotted_self(value_of(each))
            ]
            names = [name_of(value_of(each)) for each in done]
            if names == ["accept", "close"]:
                yield finding("accepts-to-refuse", consumer, done[0])


def wraps_a_plain_method(source: Source) -> Iterator[Finding]:
    """In a consumer without async, Channels' methods have been wrapped already."""
    for consumer, method in own_methods(source):
        if consumer.is_async or not consumer.is_websocket:
            continue
        for call in calls(method, "async_to_sync"):
            written = dotted(argument(call, 0, "awaitable"))
            own, _, name = written.partition(".")
            if own == "self" and name in AWAITED and name not in consumer.methods:
                yield finding("wraps-a-plain-method", consumer, call, call=written)


def accepts_twice(source: Source) -> Iterator[Finding]:
    """Channels' own connect() accepts."""
    for consumer, method in own_methods(source):
        # What a base of the project's own does in connect(), only it knows.
        is_channels = consumer.bases[0].endswith("WebsocketConsumer")
        if method.name != "connect" or not is_channels:
            continue
        through = [
            call
            for call in calls(method, "connect")
            if name_of(getattr(call.func, "value", None)) == "super"
        ]
        for call in through:
            closes = [c for c in calls(method, "close") if c.lineno > call.lineno]
            if any(calls(method, "accept")):
                yield finding("accept-twice", consumer, call)
            elif closes:
                yield finding("accepts-first", consumer, call)


def dotted_names(method: FunctionDef) -> set[str]:
    """Return the last names of all attributes in a method."""
    return {node.attr for node in inside(method, ast.Attribute)}


def returns_the_answer(source: Source) -> Iterator[Finding]:
    """What receive() returns, nobody sends."""
    for consumer, method in own_methods(source):
        if method.name not in ("receive", "receive_json"):
            continue
        if any(calls(method, "send", "send_json", "group_send", "send_to_room")):
            continue
        for node in inside(method, ast.Return):
            if isinstance(node.value, ast.Dict | ast.JoinedStr) or (
                name_of(node.value) in ("dumps", "text_data", "bytes_data")
            ):
                call = "await self.send" if consumer.is_async else "self.send"
                yield finding(
                    "returns-the-answer", consumer, node, name=method.name, call=call
                )


def view_decorator(source: Source) -> Iterator[Finding]:
    """A decorator of views wraps a view: it looks for a request."""
    own = {each.name for _file, each in source.nodes(*FunctionDef.__args__)}
    for consumer, method in own_methods(source):
        for decorator in method.decorator_list:
            if name_of(decorator) in {*VIEW_DECORATORS} - own:
                name = name_of(decorator)
                yield finding(
                    "view-decorator",
                    consumer,
                    decorator,
                    decorator=name,
                    name=method.name,
                )


def view_mixin(source: Source) -> Iterator[Finding]:
    """A mixin of views takes the event for a request."""
    for consumer in source.consumers:
        for base in consumer.bases:
            if base in VIEW_MIXINS:
                yield finding("view-mixin", consumer, consumer.tree, name=base)


def renames_its_channel(source: Source) -> Iterator[Finding]:
    """Channels waits at the name that it has given, whatever one writes there."""
    for consumer, method in own_methods(source):
        for node in inside(method, ast.Assign):
            if "self.channel_name" in map(dotted, node.targets):
                yield finding("renames-its-channel", consumer, node)


def accepts_by_exception(source: Source) -> Iterator[Finding]:
    """An exception ends connect(), also the one that accepts."""
    for consumer, method in own_methods(source):
        for node in inside(method, ast.Raise):
            if name_of(node.exc) == "AcceptConnection":
                yield finding("accepts-by-exception", consumer, node, name=method.name)


def decorated_consumer(source: Source) -> Iterator[Finding]:
    """A decorator of views makes a function of a class."""
    views = (*VIEW_DECORATORS, "api_view")
    own = {function.name for _file, function in source.nodes(*FunctionDef.__args__)}
    for consumer in source.consumers:
        for decorator in consumer.tree.decorator_list:
            name = name_of(decorator)
            if name.startswith("csrf_") or name in views or name in own:
                yield finding("decorated-consumer", consumer, decorator, name=name)


def receive_is_called(source: Source) -> Iterator[Finding]:
    """receive() is what Channels calls: it waits for nothing, and returns nothing."""
    for consumer, method in own_methods(source):
        for node in inside(method, ast.Assign, ast.NamedExpr, ast.AnnAssign):
            call = value_of(node)
            if dotted_self(call) and dotted(call.func) == "self.receive":
                yield finding("receive-is-called", consumer, node, name=method.name)


def accepts_a_subprotocol(source: Source) -> Iterator[Finding]:
    """Only what the client has offered can be chosen."""
    for consumer, method in own_methods(source):
        for call in calls(method, "accept"):
            chosen = string(argument(call, 0, "subprotocol"))
            looks = "subprotocols" in {string(n) for n in inside(method, ast.Constant)}
            if chosen and not looks:
                yield finding("accept-subprotocol", consumer, call, name=chosen)


def receiver_in_class(source: Source) -> Iterator[Finding]:
    """A signal calls a function, and has no consumer to give it."""
    for consumer, method in own_methods(source):
        for decorator in method.decorator_list:
            if name_of(decorator) == "receiver":
                name = method.name
                yield finding("receiver-in-class", consumer, method, name=name)


def answer_ignored(source: Source) -> Iterator[Finding]:
    """What a method answers says whether to go on."""
    for consumer, method in own_methods(source):
        if method.name not in ("receive", "receive_json"):
            continue
        for statement in method.body[:-1]:
            name = name_of(value_of(statement))
            asked = consumer.methods.get(name)
            if asked is None or not dotted_self(value_of(statement)):
                continue
            answers = [each.value for each in inside(asked, ast.Return) if each.value]
            if any(isinstance(each, ast.Compare | ast.Constant) for each in answers):
                yield finding("answer-ignored", consumer, statement, name=name)


def answers_only_sometimes(source: Source) -> Iterator[Finding]:
    """A method that ends without `return` answers None, which is taken for a no."""
    for consumer, method in own_methods(source):
        for node in inside(method, ast.If):
            test = node.test
            if not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
                continue
            call = test.operand
            call = call.value if isinstance(call, ast.Await) else call
            asked = consumer.methods.get(name_of(call)) if dotted_self(call) else None
            if asked is None or isinstance(asked.body[-1], ast.Return | ast.Raise):
                continue
            returns = [each for each in inside(asked, ast.Return) if each.value]
            if returns and not isinstance(
                asked.body[-1], ast.With | ast.Try | ast.Match
            ):
                yield finding(
                    "answers-only-sometimes", consumer, returns[0], name=asked.name
                )


def is_for_users(source: Source) -> Iterator[Finding]:
    """`is` asks for the same object, and each look makes a new one."""
    for file, node in source.nodes(ast.Compare):
        sides = [node.left, *node.comparators]
        is_identity = any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops)
        has_constant = any(isinstance(each, ast.Constant) for each in sides)
        has_user = any("user" in name_of(each) for each in sides)
        if is_identity and has_user and not has_constant:
            yield Finding("is-for-users", file, node.lineno, {})


def state_in_class(source: Source) -> Iterator[Finding]:
    """A list or dict in the class is one for all connections."""
    classes = {node.name: (file, node) for file, node in source.nodes(ast.ClassDef)}
    own = [consumer.tree for consumer in source.consumers]
    for consumer in source.consumers:
        # A mixin's class is one for all, too.
        mixins = [classes[each] for each in consumer.bases if each in classes]
        for file, tree in ((consumer.file, consumer.tree), *mixins):
            for node in tree.body:
                value = getattr(node, "value", None)
                made = name_of(value) if isinstance(value, ast.Call) else ""
                is_literal = isinstance(value, ast.Dict | ast.List | ast.Set)
                is_own = made in classes and classes[made][1] not in own
                if not is_literal and made not in CONTAINERS and not is_own:
                    continue
                for target in getattr(node, "targets", [getattr(node, "target", None)]):
                    name = name_of(target)
                    changed = name and changes(consumer, name)
                    if is_own:
                        changed = name and fills(consumer, name, classes[made][1])
                    if changed:
                        words = {"consumer": tree.name, "name": name}
                        yield Finding("state-in-class", file, node.lineno, words)


def sets_the_class(source: Source) -> Iterator[Finding]:
    """What a method sets in the class, it sets for all connections."""
    for consumer, method in own_methods(source):
        name = consumer.tree.name
        for node in inside(method, ast.Assign, ast.AugAssign):
            for target in getattr(node, "targets", [getattr(node, "target", None)]):
                owner = getattr(target, "value", None)
                is_type = isinstance(owner, ast.Call) and name_of(owner) == "type"
                if isinstance(target, ast.Attribute) and (
                    is_type or dotted(owner) in (name, "self.__class__", "cls")
                ):
                    written = f"{ast.unparse(owner)}.{target.attr}"
                    words = {"written": written, "name": target.attr}
                    yield finding("sets-the-class", consumer, node, **words)


def changes(consumer: Consumer, name: str) -> bool:
    """Tell whether methods change what stands in the class under this name."""
    for method in consumer.methods.values():
        added = [dotted(node.target) for node in inside(method, ast.AugAssign)]
        if f"self.{name}" in added and not sets(consumer, name):
            return True
        for node in inside(method, ast.Call, ast.Subscript):
            written = dotted(node.func if isinstance(node, ast.Call) else node.value)
            if isinstance(node, ast.Subscript):
                stores = isinstance(node.ctx, ast.Store | ast.Del)
                if stores and written in (f"self.{name}", f"cls.{name}"):
                    return True
            elif written.partition(f".{name}.")[2] in (
                *("append", "add", "update", "setdefault", "pop", "remove", "extend"),
                *("put", "put_nowait"),
            ) and written.startswith("self."):
                return True
    return False


def fills(consumer: Consumer, name: str, kind: ast.ClassDef) -> bool:
    """Tell whether methods write into the object that stands in the class."""
    writers = {
        method.name
        for method in kind.body
        if isinstance(method, FunctionDef) and method.name != "__init__"
        for node in inside(method, ast.Attribute)
        if isinstance(node.ctx, ast.Store) and dotted(node.value) == "self"
    }
    start = f"self.{name}."
    for method in consumer.methods.values():
        for node in inside(method, ast.Attribute):
            if isinstance(node.ctx, ast.Store) and dotted(node).startswith(start):
                return True
        for call in inside(method, ast.Call):
            holder, _, called = dotted(call.func).rpartition(".")
            if holder == f"self.{name}" and called in writers:
                return True
    return False


def sets(consumer: Consumer, name: str) -> bool:
    """Tell whether a method gives the client a value of its own under this name."""
    return any(
        f"self.{name}" == dotted(target)
        for method in consumer.methods.values()
        for node in inside(method, ast.Assign, ast.AnnAssign)
        for target in getattr(node, "targets", [getattr(node, "target", None)])
    )


def never_set(source: Source) -> Iterator[Finding]:
    """What is asked for, and nobody ever sets, stays what the class says."""
    for consumer in source.consumers:
        if len(source.consumers) > 1:  # Another class may set it.
            return
        for node in consumer.tree.body:
            if not isinstance(node, ast.Assign):
                continue
            value, name = node.value, name_of(node.targets[0])
            is_none = isinstance(value, ast.Constant) and not value.value
            is_empty = isinstance(value, ast.Tuple) and not value.elts
            asked = any(
                dotted(part) == f"self.{name}"
                for method in consumer.methods.values()
                for test in inside(method, ast.If, ast.IfExp)
                for part in walked(test.test)
            )
            written = any(
                isinstance(each.ctx, ast.Store) and each.attr == name
                for _file, each in source.nodes(ast.Attribute)
            )
            if (is_none or is_empty) and asked and not written:
                shown = ast.unparse(value)
                words = {"name": name, "value": shown}
                yield finding("never-set", consumer, node, **words)


def scope_key(source: Source) -> Iterator[Finding]:
    """The scope's keys are given: `url_routes` is none of them."""
    # What a middleware of the project's own puts there.
    put = {
        string(key)
        for _file, node in source.nodes(ast.Dict)
        for key in node.keys
        if key
    }
    put |= {
        string(node.slice)
        for _file, node in source.nodes(ast.Subscript)
        if isinstance(node.ctx, ast.Store)
    }
    for file, node in source.nodes(ast.Subscript):
        written, key = dotted(node.value), string(node.slice)
        if key is None or written.rpartition(".")[2] != "scope" or key in SCOPE | put:
            continue
        if isinstance(node.ctx, ast.Store):
            continue
        if right := get_close_matches(key, SCOPE, n=1, cutoff=0.75):
            words = {"key": key, "right": right[0]}
            yield Finding("scope-key", file, node.lineno, words)


def blocks_the_loop(source: Source) -> Iterator[Finding]:
    """In a coroutine, what does not await keeps everybody waiting."""
    for consumer, method in own_methods(source):
        if isinstance(method, ast.AsyncFunctionDef):
            for call in inside(method, ast.Call):
                if dotted(call.func) in BLOCKING:
                    yield finding(
                        "blocks-the-loop", consumer, call, call=dotted(call.func)
                    )


def asks_the_database(source: Source) -> Iterator[Finding]:
    """In a coroutine, Django's own calls of the database raise."""
    for consumer, method in own_methods(source):
        if not isinstance(method, ast.AsyncFunctionDef):
            continue
        for call in inside(method, ast.Call):
            written = dotted(call.func)
            if ".objects." in written and written.rpartition(".")[2] in QUERIES:
                parent_awaits = any(
                    await_.value is call for await_ in inside(method, ast.Await)
                )
                if not parent_awaits:
                    yield finding("asks-the-database", consumer, call, call=written)


def sends_no_text(source: Source) -> Iterator[Finding]:
    """send() takes text_data or bytes_data, and one of them is a string."""
    for consumer, method in own_methods(source):
        if "send" in consumer.methods or not consumer.is_websocket:
            continue
        for call in calls(method, "send"):
            if dotted(call.func) not in ("self.send", "super.send"):
                continue
            names = [each.arg for each in call.keywords]
            strange = [
                name
                for name in names
                if name not in ("text_data", "bytes_data", "close", None)
            ]
            value = argument(call, 0, "text_data")
            if strange:
                yield finding("send-keyword", consumer, call, name=strange[0])
            elif is_raw_event(value):
                yield finding("raw-event", consumer, call)
            elif isinstance(value, ast.Dict | ast.List):
                yield finding("send-dict", consumer, call)


def is_raw_event(value: ast.AST | None) -> bool:
    """Tell whether this is an event of ASGI, such as websocket.accept."""
    if not isinstance(value, ast.Dict):
        return False
    kinds = [string(each) or "" for each in value.values]
    return any(each.startswith("websocket.") for each in kinds)


def no_send_json(source: Source) -> Iterator[Finding]:
    """send_json() belongs to the JSON consumers."""
    for consumer, method in own_methods(source):
        if consumer.is_json or "send_json" in consumer.methods:
            continue
        for call in calls(method, "send_json"):
            if dotted(call.func) == "self.send_json":
                yield finding("no-send-json", consumer, call)


def true_user(source: Source) -> Iterator[Finding]:
    """An AnonymousUser is an object, and true."""
    for consumer, method in own_methods(source):
        for node in inside(method, ast.If):
            test = node.test
            if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
                test = test.operand
            if dotted(test) in ("self.user", "user") or is_scope_user(test):
                yield finding("true-user", consumer, node)


def is_scope_user(node: ast.AST) -> bool:
    """Tell whether this is `self.scope["user"]`, or a get() of it."""
    match node:
        case ast.Subscript(slice=ast.Constant(value="user")):
            return dotted(node.value).endswith("scope")
        case ast.Call(args=[ast.Constant(value="user"), *_]):
            return dotted(node.func).endswith("scope.get")
    return False


def called_property(source: Source) -> Iterator[Finding]:
    """is_authenticated has been a property since Django 1.10."""
    for file, call in source.nodes(ast.Call):
        if name_of(call.func) in ("is_authenticated", "is_anonymous"):
            words = {"name": name_of(call.func)}
            yield Finding("called-property", file, call.lineno, words)


def async_to_sync_in_async(source: Source) -> Iterator[Finding]:
    """async_to_sync() is for plain functions."""
    for consumer, method in own_methods(source):
        if isinstance(method, ast.AsyncFunctionDef):
            for call in calls(method, "async_to_sync"):
                yield finding(
                    "async-to-sync-in-async", consumer, call, name=method.name
                )


def length_of_the_frame(source: Source) -> Iterator[Finding]:
    """A limit for the text is none for the JSON around it."""
    for consumer, method in own_methods(source):
        for node in inside(method, ast.Compare):
            for call in walked(node):
                is_length = isinstance(call, ast.Call) and name_of(call.func) == "len"
                if is_length and "text_data" in {name_of(each) for each in call.args}:
                    yield finding("length-of-the-frame", consumer, node)


def empty_is_none(source: Source) -> Iterator[Finding]:
    """An empty text, and empty bytes, are false, as None is."""
    for consumer, method in own_methods(source):
        for node in inside(method, ast.If, ast.IfExp):
            test = node.test
            if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
                test = test.operand
            if dotted(test) in ("text_data", "bytes_data"):
                yield finding("empty-is-none", consumer, node, name=dotted(test))


def defined_twice(source: Source) -> Iterator[Finding]:
    """Of two methods with one name, only the last is there."""
    for consumer in source.consumers:
        seen: dict[str, int] = {}
        for node in consumer.tree.body:
            if not isinstance(node, FunctionDef) or node.decorator_list:
                continue
            if node.name in seen:
                yield finding(
                    "defined-twice",
                    consumer,
                    node,
                    name=node.name,
                    first=str(seen[node.name]),
                )
            seen[node.name] = node.lineno


RULES = [
    no_base,
    accepts_to_refuse,
    wraps_a_plain_method,
    mixin_behind,
    no_self,
    hook_outside_its_class,
    misspelt_hook,
    wrong_parameters,
    wrapper_parameters,
    renames_its_channel,
    accepts_by_exception,
    decorator_goes_on,
    one_for_all,
    sends_in_a_loop,
    sync_in_async,
    missing_parentheses,
    missing_await,
    goes_on_after_close,
    never_accepts,
    accepts_twice,
    returns_the_answer,
    view_decorator,
    view_mixin,
    decorated_consumer,
    receive_is_called,
    accepts_a_subprotocol,
    receiver_in_class,
    answer_ignored,
    answers_only_sometimes,
    is_for_users,
    sends_no_text,
    no_send_json,
    scope_key,
    called_property,
    true_user,
    async_to_sync_in_async,
    asks_the_database,
    blocks_the_loop,
    state_in_class,
    never_set,
    sets_the_class,
    length_of_the_frame,
    empty_is_none,
    defined_twice,
]
