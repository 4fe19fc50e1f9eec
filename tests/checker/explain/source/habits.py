"""Slips of Python that change what a consumer or an application does."""

import ast
import builtins
import re
from collections.abc import Iterator

from tests.checker.explain.source.consumers import HOOKS, finding, own_methods
from tests.checker.explain.source.read import (
    Finding,
    FunctionDef,
    Source,
    argument,
    calls,
    dotted,
    inside,
    name_of,
    parameters,
    string,
    walked,
)

# What Channels' own consumers have, and call: to override it needs super().
CHANNELS_OWN = {
    "accept",
    "as_asgi",
    "channel_layer",
    "channel_name",
    "channel_receive",
    "close",
    "dispatch",
    "scope",
    "send",
    "websocket_connect",
    "websocket_disconnect",
    "websocket_receive",
}
PROMISES = ("scope", "receive", "send")


def never_ends(source: Source) -> Iterator[Finding]:
    """Channels handles the next event when this one has been handled."""
    for consumer, method in own_methods(source):
        if not isinstance(method, ast.AsyncFunctionDef) or not consumer.is_websocket:
            continue
        is_called = method.name in HOOKS or len(parameters(method)) == 2
        for loop in inside(method, ast.While):
            if is_called and is_endless(loop):
                yield finding("never-ends", consumer, loop, name=method.name)


def waits_for_what_never_ends(source: Source) -> Iterator[Finding]:
    """Nor has an event been handled while a method of one's own goes round."""
    for consumer, method in own_methods(source):
        if method.name not in HOOKS:
            continue
        for node in inside(method, ast.Await):
            name = dotted(getattr(node.value, "func", None)).removeprefix("self.")
            called = consumer.methods.get(name)
            if called and any(is_endless(each) for each in inside(called, ast.While)):
                words = {"name": name, "hook": method.name}
                yield finding("awaits-a-loop", consumer, node, **words)


def is_endless(loop: ast.While) -> bool:
    """Tell whether nothing leads out of a loop."""
    leaves = any(inside(loop, ast.Break, ast.Return, ast.Raise))
    return bool(isinstance(loop.test, ast.Constant) and loop.test.value and not leaves)


def takes_an_event(source: Source) -> Iterator[Finding]:
    """An event that a middleware receives, the consumer behind it does not."""
    for file, function in source.nodes(ast.AsyncFunctionDef):
        if parameters(function)[-3:] != [*PROMISES]:
            continue
        hands_on = [
            call
            for call in inside(function, ast.Call)
            if "receive" in [dotted(each) for each in call.args]
        ]
        for statement in function.body:
            value = getattr(statement, "value", None)
            call = value.value if isinstance(value, ast.Await) else None
            is_taken = isinstance(call, ast.Call) and dotted(call.func) == "receive"
            if is_taken and any(each.lineno > call.lineno for each in hands_on):
                yield Finding("takes-an-event", file, call.lineno, {})


def receive_without_answer(source: Source) -> Iterator[Finding]:
    """What a receive() of one's own returns is the event that the consumer gets."""
    for file, outer in source.nodes(*FunctionDef.__args__):
        if parameters(outer)[-3:] != [*PROMISES]:
            continue
        handed_on = {
            dotted(call.args[1])
            for call in inside(outer, ast.Call)
            if len(call.args) == 3
        }
        for inner in inside(outer, ast.AsyncFunctionDef):
            heard = [dotted(call.func) for call in inside(inner, ast.Call)]
            answers = any(each.value for each in inside(inner, ast.Return))
            if inner.name in handed_on and "receive" in heard and not answers:
                words = {"name": inner.name}
                yield Finding("receive-without-answer", file, inner.lineno, words)


def hides_a_method(source: Source) -> Iterator[Finding]:
    """A method with the name of one of Channels' takes its place."""
    for consumer, method in own_methods(source):
        name = method.name
        if name not in CHANNELS_OWN or not consumer.is_websocket:
            continue
        through = any(
            dotted(getattr(call.func, "value", None)) == ""
            and name_of(getattr(call.func, "value", None)) == "super"
            for call in calls(method, name)
        )
        # Who finds the handler as Channels does has taken its place on purpose.
        through |= name == "dispatch" and any(calls(method, "get_handler_name"))
        if not through:
            yield finding("hides-a-method", consumer, method, name=name)


def init_without_super(source: Source) -> Iterator[Finding]:
    """A constructor of one's own must call the one of Channels."""
    for consumer, method in own_methods(source):
        if method.name == "__init__" and not any(calls(method, "__init__")):
            yield finding("init-without-super", consumer, method)


def scope_too_early(source: Source) -> Iterator[Finding]:
    """The scope is there when the consumer is called, and not before."""
    for consumer, method in own_methods(source):
        if method.name == "__init__":
            for node in inside(method, ast.Attribute):
                if dotted(node) == "self.scope":
                    yield finding("scope-too-early", consumer, node)


def tuple_by_comma(source: Source) -> Iterator[Finding]:
    """A comma at the end of an assignment makes a tuple of one."""
    for consumer, method in own_methods(source):
        for node in inside(method, ast.Assign):
            value = node.value
            if not isinstance(value, ast.Tuple) or len(value.elts) != 1:
                continue
            written = source.says(consumer.file, node.lineno)
            if written.endswith(",") and "(" not in written.partition("=")[2][:2]:
                name = dotted(node.targets[0])
                yield finding("tuple-by-comma", consumer, node, name=name)


def list_for_value(source: Source) -> Iterator[Finding]:
    """parse_qs() gives a list for each key, and somebody wants one value."""
    for consumer, method in own_methods(source):
        made = {"parse_qs"}  # And what is called after what it gave.
        for node in inside(method, ast.Assign):
            if len(node.targets) != 1 or not (target := dotted(node.targets[0])):
                continue
            value = node.value
            if isinstance(value, ast.Call) and name_of(value.func) == "parse_qs":
                made.add(target)
            elif key_of(value, made) and not is_used_as_list(target, consumer.tree):
                words = {"key": key_of(value, made), "value": target}
                yield finding("list-for-value", consumer, node, **words)


def key_of(value: ast.AST, made: set[str]) -> str:
    """Return which key is taken of what parse_qs() gave, or nothing."""
    match value:
        case ast.Subscript(value=holder, slice=key):
            pass
        case ast.Call(func=ast.Attribute(value=holder, attr="get"), args=[key, *_]):
            pass
        case _:
            return ""
    is_call = isinstance(holder, ast.Call) and name_of(holder.func) == "parse_qs"
    return (string(key) or "") if is_call or dotted(holder) in made else ""


def is_used_as_list(target: str, tree: ast.AST) -> bool:
    """Tell whether somebody takes a part of a value, or goes through it."""
    for node in walked(tree):
        match node:
            case ast.Subscript() | ast.Starred() | ast.Attribute():
                user = node.value
            case ast.For(iter=user) | ast.comprehension(iter=user):
                pass
            case ast.Assign(targets=[ast.Tuple() | ast.List()], value=user):
                pass
            case ast.Match(subject=user):
                pass
            case ast.Call(args=[user, *_]) if name_of(node.func) not in ("len", "str"):
                pass
            case _:
                continue
        if dotted(user) == target:
            return True
    return False


def tuple_in_settings(source: Source) -> Iterator[Finding]:
    """The same, outside of any function."""
    for file, tree in source.trees.items():
        for node in walked(tree):
            if not isinstance(node, ast.Assign) or node.col_offset:
                continue
            value = node.value
            written = source.says(file, node.lineno)
            is_single = isinstance(value, ast.Tuple) and len(value.elts) == 1
            on_one_line = node.end_lineno == node.lineno
            opens = written.partition("=")[2].strip().startswith("(")
            if is_single and on_one_line and written.endswith(",") and not opens:
                words = {"name": dotted(node.targets[0])}
                yield Finding("tuple-by-comma", file, node.lineno, words)


def loop_over_a_string(source: Source) -> Iterator[Finding]:
    """Two strings on two lines, without a comma, are one: a loop gets its letters."""
    looped = {dotted(node.iter) for _file, node in source.nodes(ast.For, ast.AsyncFor)}
    for file, node in source.nodes(ast.Assign):
        value = node.value
        name = dotted(node.targets[0])
        on_one_line = value.end_lineno == value.lineno
        if isinstance(value, ast.JoinedStr) and name in looped and on_one_line:
            yield Finding("loop-over-letters", file, value.lineno, {"name": name})
            continue
        is_string = isinstance(value, ast.JoinedStr) or string(value) is not None
        if is_string and value.end_lineno > value.lineno:
            name = dotted(node.targets[0])
            if name in looped and '"""' not in source.says(file, value.lineno):
                words = {"name": name}
                yield Finding("loop-over-a-string", file, value.lineno, words)


def missing_f(source: Source) -> Iterator[Finding]:
    """Without an f in front, braces are braces."""
    inner = {
        id(part) for _file, node in source.nodes(ast.JoinedStr) for part in walked(node)
    }
    formatted = {
        id(node.func.value)
        for _file, node in source.nodes(ast.Call)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "format"
    }
    for file, node in source.nodes(ast.Constant):
        text = string(node)
        if text is None or id(node) in inner | formatted:
            continue
        if re.search(r"\{(self\.\w+|room|name|user|username|room_name|text)\}", text):
            words = {"text": text.splitlines()[0][:60]}
            if not is_docstring(source, file, node):
                yield Finding("missing-f", file, node.lineno, words)


def is_docstring(source: Source, file: str, node: ast.Constant) -> bool:
    """Tell whether a string stands alone, as a statement."""
    return any(
        isinstance(each, ast.Expr) and each.value is node
        for each in walked(source.trees[file])
    )


def case_captures(source: Source) -> Iterator[Finding]:
    """In a `case`, a bare name takes whatever is there."""
    for file, case in source.nodes(ast.match_case):
        for node in walked(case.pattern):
            is_bare = isinstance(node, ast.MatchAs) and node.pattern is None
            if is_bare and node.name and node.name.isupper():
                words = {"name": node.name}
                yield Finding("case-captures", file, node.lineno, words)


def except_or(source: Source) -> Iterator[Finding]:
    """`except A or B` catches A only."""
    for file, node in source.nodes(ast.ExceptHandler):
        if isinstance(node.type, ast.BoolOp):
            names = [name_of(each) for each in node.type.values]
            words = {"first": names[0], "all": ", ".join(names)}
            yield Finding("except-or", file, node.lineno, words)


def swallows_everything(source: Source) -> Iterator[Finding]:
    """What is caught and passed over, nobody ever hears of."""
    for file, node in source.nodes(ast.ExceptHandler):
        is_wide = node.type is None or name_of(node.type) in (
            *("Exception", "BaseException"),
        )
        says_nothing = all(
            isinstance(each, ast.Pass | ast.Return | ast.Continue) for each in node.body
        )
        if is_wide and says_nothing:
            yield Finding("swallows-everything", file, node.lineno, {})


def wrapper(source: Source) -> Iterator[Finding]:
    """What wraps an application is a plain function, and returns another one."""
    for file, outer in source.nodes(*FunctionDef.__args__):
        inner = [
            each
            for each in outer.body
            if isinstance(each, FunctionDef) and parameters(each) == [*PROMISES]
        ]
        if not inner or parameters(outer)[:1] in (["self"], ["scope"]):
            continue
        words = {"name": outer.name, "inner": inner[0].name}
        if isinstance(outer, ast.AsyncFunctionDef):
            yield Finding("wrapper-is-async", file, outer.lineno, words)
        elif not any(each.value for each in inside(outer, ast.Return)):
            yield Finding("wrapper-returns-nothing", file, outer.lineno, words)


def application_not_awaited(source: Source) -> Iterator[Finding]:
    """An application that is called, and not awaited, never runs."""
    for file, function in source.nodes(ast.AsyncFunctionDef):
        for node in inside(function, ast.Expr):
            call = node.value
            if isinstance(call, ast.Call) and len(call.args) == 3 and not call.keywords:
                names = [name_of(each) for each in call.args[1:]]
                if names[0] == "receive" and names[1] in ("send", "tell", "answer"):
                    words = {"call": dotted(call.func) or "the application"}
                    yield Finding("application-not-awaited", file, call.lineno, words)


def key_twice(source: Source) -> Iterator[Finding]:
    """Of two equal keys in a dict, the last one wins."""
    for file, node in source.nodes(ast.Dict):
        seen: dict[str, int] = {}
        for key in node.keys:
            text = string(key)
            if text in seen:
                words = {"key": text, "first": str(seen[text])}
                yield Finding("key-twice", file, key.lineno, words)
            elif text is not None:
                seen[text] = key.lineno


def always_true(source: Source) -> Iterator[Finding]:
    """In `a == "x" or "y"`, the second text is a condition of its own."""
    for file, node in source.nodes(ast.BoolOp):
        first, *others = node.values
        if not isinstance(node.op, ast.Or) or not isinstance(first, ast.Compare):
            continue
        texts = [each for each in others if string(each)]
        if texts and isinstance(first.ops[0], ast.Eq):
            text = string(texts[0])
            yield Finding("always-true", file, node.lineno, {"text": text})


def local_receiver(source: Source) -> Iterator[Finding]:
    """Django keeps a weak reference to a receiver: a local one does not last."""
    for file, outer in source.nodes(*FunctionDef.__args__):
        local = {each.name: each for each in inside(outer, *FunctionDef.__args__)}
        for function in local.values():
            for decorator in function.decorator_list:
                if name_of(decorator) == "receiver" and is_weak(decorator):
                    words = {"name": function.name, "outer": outer.name}
                    yield Finding("local-receiver", file, function.lineno, words)
        for call in calls(outer, "connect"):
            name = name_of(argument(call, 0, "receiver"))
            if name in local and isinstance(call.func, ast.Attribute) and is_weak(call):
                words = {"name": name, "outer": outer.name}
                yield Finding("local-receiver", file, call.lineno, words)


def lost_receiver(source: Source) -> Iterator[Finding]:
    """A receiver that is a method ends with its object, if nobody keeps that."""
    kept = {
        name_of(part)
        for _file, node in source.nodes(ast.Assign, ast.Return, ast.AnnAssign)
        for part in walked(node.value or ast.Pass())
        if isinstance(part, ast.Call)
    }
    for file, outer in source.nodes(ast.ClassDef):
        if outer.name in kept:
            continue
        methods = {each.name for each in outer.body if isinstance(each, FunctionDef)}
        for call in walked(outer):
            if not isinstance(call, ast.Call) or name_of(call.func) != "connect":
                continue
            receiver = argument(call, 0, "receiver")
            own, _, name = dotted(receiver).partition(".")
            if own == "self" and name in methods and is_weak(call):
                words = {"name": name, "owner": outer.name}
                yield Finding("lost-receiver", file, call.lineno, words)


def is_weak(call: ast.expr) -> bool:
    keywords = call.keywords if isinstance(call, ast.Call) else []
    return "weak" not in {each.arg for each in keywords}


def application_twice(source: Source) -> Iterator[Finding]:
    """Of two assignments, the last one counts."""
    for file, tree in source.trees.items():
        if not file.endswith("asgi.py"):
            continue
        before = None
        for node in tree.body:
            if not isinstance(node, ast.Assign):
                continue
            if "application" not in [name_of(target) for target in node.targets]:
                continue
            used = {name_of(each) for each in walked(node.value)}
            if before and "application" not in used:
                words = {"first": str(before)}
                yield Finding("application-twice", file, node.lineno, words)
            before = node.lineno if "ProtocolTypeRouter" in used else before


def decorated_coroutine(source: Source) -> Iterator[Finding]:
    """database_sync_to_async() takes a plain function."""
    for file, function in source.nodes(ast.AsyncFunctionDef):
        for decorator in function.decorator_list:
            name = name_of(decorator)
            if name in ("database_sync_to_async", "sync_to_async"):
                words = {"decorator": name, "name": function.name}
                yield Finding("decorated-coroutine", file, decorator.lineno, words)


def decorated_method(source: Source) -> Iterator[Finding]:
    """What an async consumer awaits must stay a coroutine."""
    for consumer, method in own_methods(source):
        for decorator in method.decorator_list:
            if name_of(decorator) == "async_to_sync" and consumer.is_async:
                yield finding(
                    "async-to-sync-method", consumer, decorator, name=method.name
                )


def no_loop(source: Source) -> Iterator[Finding]:
    """An application that returns is over, and so is its connection."""
    for file, function in source.nodes(ast.AsyncFunctionDef):
        if parameters(function)[-3:] != [*PROMISES]:
            continue
        heard = [*calls(function, "receive")]
        loops = any(inside(function, ast.While, ast.For, ast.AsyncFor))
        if len(heard) > 1 and not loops:
            words = {"name": function.name}
            yield Finding("no-loop", file, heard[-1].lineno, words)


def spaced_quantifier(source: Source) -> Iterator[Finding]:
    """In a regular expression, a space stands for itself."""
    for file, node in source.nodes(ast.Constant):
        text = string(node) or ""
        found = re.search(r"[\])\w](\{\d+, +\d*\})", text)
        if found and not is_docstring(source, file, node):
            words = {"written": found[1], "right": found[1].replace(" ", "")}
            yield Finding("spaced-quantifier", file, node.lineno, words)


def number_by_comma(source: Source) -> Iterator[Finding]:
    """A comma in a number makes two of it."""
    for file, node in source.nodes(ast.Assign):
        if isinstance(node.value, ast.Tuple):
            written = source.says(file, node.lineno)
            if found := re.search(r"=\s*(\d{1,3}(?:,\d{3})+)\s*(?:#.*)?$", written):
                words = {"written": found[1], "right": found[1].replace(",", "_")}
                yield Finding("number-by-comma", file, node.lineno, words)


def lost_task(source: Source) -> Iterator[Finding]:
    """What a task sends comes when it likes, and its errors reach nobody."""
    for file, call in source.nodes(ast.Call):
        if name_of(call.func) in ("create_task", "ensure_future") and call.args:
            sends = name_of(call.args[0]) in ("group_send", "send", "send_json")
            if sends and isinstance(call.args[0], ast.Call):
                words = {"call": name_of(call.args[0])}
                yield Finding("lost-task", file, call.lineno, words)


def coroutine_in_plain_def(source: Source) -> Iterator[Finding]:
    """A plain function that calls a coroutine makes it, and it never runs."""
    coroutines = {
        node.name
        for _file, tree in source.trees.items()
        for node in tree.body
        if isinstance(node, ast.AsyncFunctionDef)
    }
    for file, function in source.nodes(ast.FunctionDef):
        for statement in inside(function, ast.Expr):
            call = statement.value
            name = call.func if isinstance(call, ast.Call) else None
            if isinstance(name, ast.Name) and name.id in coroutines:
                words = {"call": name.id, "name": function.name}
                yield Finding("coroutine-in-plain-def", file, call.lineno, words)


def decorator_without_answer(source: Source) -> Iterator[Finding]:
    """A wrapper that calls a function, and returns nothing, loses what it makes."""
    for file, outer in source.nodes(ast.FunctionDef):
        given = parameters(outer)[:1]
        for inner in outer.body:
            if not isinstance(inner, FunctionDef) or not inner.args.vararg:
                continue
            called = [
                value.value if isinstance(value, ast.Await) else value
                for value in (node.value for node in inside(inner, ast.Expr))
            ]
            loses = any(
                isinstance(call, ast.Call) and [dotted(call.func)] == given
                for call in called
            )
            awaits = any(
                isinstance(node.value, ast.Await) for node in inside(inner, ast.Expr)
            )
            if loses and not awaits:
                words = {"name": outer.name, "inner": inner.name}
                yield Finding("decorator-without-answer", file, inner.lineno, words)


def except_order(source: Source) -> Iterator[Finding]:
    """The first `except` that fits wins, so the general one comes last."""
    bases = exceptions_of(source)
    for file, node in source.nodes(ast.Try):
        before: set[str] = set()
        for handler in node.handlers:
            names = names_of(handler.type)
            general = before & {*bases.get(names[0], ()), "Exception"} - {*names}
            if general and len(names) == 1:
                words = {"name": names[0], "general": sorted(general)[0]}
                yield Finding("except-order", file, handler.lineno, words)
            before |= {*names}


def names_of(node: ast.AST | None) -> list[str]:
    """Return the names of the exceptions that an `except` catches."""
    if isinstance(node, ast.Tuple) and node.elts:
        return [*map(name_of, node.elts)]
    return [name_of(node)]


def exceptions_of(source: Source) -> dict[str, set[str]]:
    """Return what each class of the project derives from, Python's own included."""
    direct = {
        node.name: {name_of(base) for base in node.bases}
        for _file, node in source.nodes(ast.ClassDef)
    }
    found = {}
    for name in direct:
        seen, todo = set(), [name]
        while todo:
            for base in direct.get(todo.pop(), set()) - seen:
                seen.add(base)
                todo.append(base)
                python = getattr(builtins, base, None)
                if isinstance(python, type) and issubclass(python, Exception):
                    seen |= {each.__name__ for each in python.__mro__}
        found[name] = seen
    return found


def catches_its_own(source: Source) -> Iterator[Finding]:
    """What is raised in a `try` may be caught there, too."""
    bases = exceptions_of(source)
    caught = {
        name
        for _file, each in source.nodes(ast.ExceptHandler)
        for name in names_of(each.type)
    }
    raising: dict[str, set[str]] = {}  # Which function raises what.
    for _file, function in source.nodes(*FunctionDef.__args__):
        raised = {name_of(each.exc) for each in inside(function, ast.Raise)}
        raising[function.name] = raised & bases.keys() & caught
    for file, node in source.nodes(ast.Try):
        block = ast.Module(node.body, [])
        raised = {name_of(each.exc): each for each in inside(block, ast.Raise)}
        for call in inside(block, ast.Call):
            if isinstance(call.func, ast.Name):
                raised |= dict.fromkeys(raising.get(call.func.id, ()), call)
        for handler in node.handlers:
            names = {*names_of(handler.type)}
            uses = any(
                dotted(part.value) == handler.name
                for part in inside(handler, ast.Attribute)
            ) or any(each.exc is None for each in inside(handler, ast.Raise))
            for name in sorted(raised.keys() & bases.keys() & caught - names):
                general = sorted(names & bases[name] - {"Exception", "BaseException"})
                if general and not uses:
                    words = {"name": name, "general": general[0]}
                    words["at"] = str(raised[name].lineno)
                    yield Finding("catches-its-own", file, handler.lineno, words)
            for name in names:
                raised.pop(name, None)


def type_against_text(source: Source) -> Iterator[Finding]:
    """type() returns a class, and no name of one."""
    for file, node in source.nodes(ast.Compare):
        sides = [node.left, *node.comparators]
        texts = [string(each) for each in sides if string(each) is not None]
        is_type = any(
            isinstance(each, ast.Call) and dotted(each.func) == "type" for each in sides
        )
        if is_type and texts:
            yield Finding("type-against-text", file, node.lineno, {"text": texts[0]})


def leaves_the_with(source: Source) -> Iterator[Finding]:
    """A plain function returns a coroutine, which raises when it is awaited."""
    for file, outer in source.nodes(*FunctionDef.__args__):
        if parameters(outer)[-3:] != [*PROMISES]:
            continue
        for inner in inside(outer, ast.FunctionDef):
            for block in inside(inner, ast.With, ast.Try):
                for node in inside(block, ast.Return):
                    called = dotted(getattr(node.value, "func", None))
                    if called in ("send", "receive"):
                        words = {"name": inner.name, "call": called}
                        yield Finding("leaves-the-with", file, node.lineno, words)


def bool_of_a_text(source: Source) -> Iterator[Finding]:
    """A text that is not empty is true, also "0" and "False"."""
    defaults: dict[int, str | None] = {}  # Of what a function is given.
    for _file, function in source.nodes(*FunctionDef.__args__):
        arguments = function.args
        names = parameters(function)[
            len(parameters(function)) - len(arguments.defaults) :
        ]
        given = dict(zip(names, map(string, arguments.defaults), strict=True))
        for call in calls(function, "bool"):
            default = default_of(call)
            if isinstance(default, ast.Name):
                defaults[id(call)] = given.get(default.id)
    for file, call in source.nodes(ast.Call):
        if dotted(call.func) == "bool" and (default := default_of(call)):
            text = string(default) or defaults.get(id(call))
            if text:
                yield Finding("bool-of-a-text", file, call.lineno, {"text": text})


def default_of(call: ast.Call) -> ast.AST | None:
    """Return the default in `bool(os.environ.get(name, default))`."""
    inner = call.args[0] if len(call.args) == 1 else None
    if isinstance(inner, ast.Call) and dotted(inner.func) in (
        *("os.environ.get", "environ.get", "os.getenv", "getenv"),
    ):
        return argument(inner, 1, "default")
    return None


def waits_for_close(source: Source) -> Iterator[Finding]:
    """An application sends websocket.close. What it receives is another event."""
    for file, function in source.nodes(ast.AsyncFunctionDef):
        events = {
            name_of(target)
            for node in inside(function, ast.Assign)
            if isinstance(node.value, ast.Await)
            and name_of(node.value.value) == "receive"
            for target in node.targets
        }
        kinds = {
            name_of(target)
            for node in inside(function, ast.Assign)
            if is_kind_of(node.value, events)
            for target in node.targets
        }
        for node in inside(function, ast.Compare):
            sides = [node.left, *node.comparators]
            asks = any(is_kind_of(s, events) or name_of(s) in kinds for s in sides)
            if asks and "websocket.close" in map(string, sides):
                yield Finding("waits-for-close", file, node.lineno, {})


def is_kind_of(node: ast.AST, events: set[str]) -> bool:
    """Tell whether this is the type of one of these events."""
    match node:
        case ast.Subscript(value=value, slice=ast.Constant(value="type")):
            return name_of(value) in events
    return False


def eager_default(source: Source) -> Iterator[Finding]:
    """What get() is given as the default is looked up first, needed or not."""
    for file, call in source.nodes(ast.Call):
        default = call.args[1] if len(call.args) == 2 else None
        if name_of(call.func) != "get" or not isinstance(default, ast.Subscript):
            continue
        holder = dotted(getattr(call.func, "value", None))
        key = string(default.slice)
        if holder and holder == dotted(default.value) and key:
            words = {"holder": holder, "key": key}
            yield Finding("eager-default", file, call.lineno, words)


def hides_an_import(source: Source) -> Iterator[Finding]:
    """A function with the name of an import takes its place, in itself, too."""
    for file, tree in source.trees.items():
        imported = {
            alias.asname or alias.name: node.module
            for node in tree.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        for node in tree.body:
            if not isinstance(node, FunctionDef) or node.name not in imported:
                continue
            if any(isinstance(call.func, ast.Name) for call in calls(node, node.name)):
                words = {"name": node.name, "module": imported[node.name] or "."}
                yield Finding("hides-an-import", file, node.lineno, words)


def swallows_an_import(source: Source) -> Iterator[Finding]:
    """An import that fails is passed over, and so is what it should have done."""
    for file, node in source.nodes(ast.Try):
        modules = [module for each in node.body for module in modules_of(each)]
        own = [
            each for each in modules if f"{each.replace('.', '/')}.py" in source.files
        ]
        for handler in node.handlers:
            if own and all(isinstance(each, ast.Pass) for each in handler.body):
                words = {"module": own[0]}
                yield Finding("swallows-an-import", file, handler.lineno, words)


def modules_of(node: ast.stmt) -> list[str]:
    """Return the modules that an import may name."""
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), names=names):
            return [module, *(f"{module}.{alias.name}" for alias in names)]
    return []


def async_command(source: Source) -> Iterator[Finding]:
    """Django calls the handle() of a command, and does not await it."""
    for file, node in source.nodes(ast.ClassDef):
        if "BaseCommand" not in {name_of(base) for base in node.bases}:
            continue
        for method in node.body:
            if isinstance(method, ast.AsyncFunctionDef) and method.name == "handle":
                yield Finding("async-command", file, method.lineno, {})


def is_for_a_literal(source: Source) -> Iterator[Finding]:
    """`is` asks for the same object, and a text from a client never is ours."""
    for file, node in source.nodes(ast.Compare):
        sides = [node.left, *node.comparators]
        is_identity = any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops)
        literals = [string(each) for each in sides if string(each) is not None]
        if is_identity and literals:
            words = {"text": literals[0]}
            yield Finding("is-for-a-literal", file, node.lineno, words)


def own_mailbox(source: Source) -> Iterator[Finding]:
    """Channels reads the mailbox of a consumer. Two readers take from each other."""
    for consumer, method in own_methods(source):
        for call in inside(method, ast.Call):
            written = dotted(call.func)
            if written.endswith("channel_layer.receive"):
                yield finding("own-mailbox", consumer, call)
            if written.endswith("channel_layer.flush"):
                yield finding("flushes-the-layer", consumer, call)


def coroutine_in_a_thread(source: Source) -> Iterator[Finding]:
    """In a thread, a plain function returns a coroutine that nobody awaits."""
    wrappers = ("sync_to_async", "database_sync_to_async")
    awaited = {
        alias.asname or alias.name
        for _file, node in source.nodes(ast.ImportFrom)
        if node.module == "channels.auth"
        for alias in node.names
    }
    awaited |= {each.name for _file, each in source.nodes(ast.AsyncFunctionDef)}
    plain = {  # Django's get_user() is no coroutine, and Channels' of that name is.
        (file, alias.asname or alias.name)
        for file, node in source.nodes(ast.ImportFrom)
        if (node.module or "").startswith("django.")
        for alias in node.names
    }
    for file, function in source.nodes(ast.FunctionDef):
        if not {name_of(each) for each in function.decorator_list} & {*wrappers}:
            continue
        for node in inside(function, ast.Return):
            name = name_of(node.value) if isinstance(node.value, ast.Call) else None
            if name in awaited and (file, name) not in plain:
                words = {"call": name_of(node.value), "name": function.name}
                yield Finding("coroutine-in-a-thread", file, node.lineno, words)


def cached_coroutine(source: Source) -> Iterator[Finding]:
    """A cache keeps the coroutine, which can be awaited once."""
    for file, function in source.nodes(ast.AsyncFunctionDef):
        for decorator in function.decorator_list:
            if name_of(decorator) in ("lru_cache", "cache", "cached_property"):
                words = {"decorator": name_of(decorator), "name": function.name}
                yield Finding("cached-coroutine", file, decorator.lineno, words)


def middleware_without_answer(source: Source) -> Iterator[Finding]:
    """A middleware of pages returns the response, changed or not."""
    for file, node in source.nodes(ast.ClassDef):
        methods = {
            each.name: each for each in node.body if isinstance(each, FunctionDef)
        }
        call = methods.get("__call__")
        if call is None or len(parameters(call)) != 2 or "__init__" not in methods:
            continue
        takes = parameters(methods["__init__"])[1:]
        if takes == ["get_response"] and not any(
            each.value for each in inside(call, ast.Return)
        ):
            words = {"name": node.name}
            yield Finding("middleware-without-answer", file, call.lineno, words)


def asks_the_scheme(source: Source) -> Iterator[Finding]:
    """Daphne tells a consumer no scheme."""
    for file, call in source.nodes(ast.Call):
        is_get = dotted(call.func).endswith("scope.get") and call.args
        if is_get and string(call.args[0]) == "scheme":
            yield Finding("asks-the-scheme", file, call.lineno, {})


def wrapped_call(source: Source) -> Iterator[Finding]:
    """async_to_sync(f(x)) calls f first, and wraps what came of it."""
    wrappers = ("async_to_sync", "sync_to_async", "database_sync_to_async")
    for file, call in source.nodes(ast.Call):
        name = name_of(call.func)
        inner = call.args[0] if call.args else None
        is_direct = isinstance(call.func, ast.Name | ast.Attribute)
        if name in wrappers and is_direct and isinstance(inner, ast.Call):
            called = dotted(inner.func).rpartition(".")[2]
            if called not in ("", "partial"):
                words = {"wrapper": name, "call": called}
                yield Finding("wrapped-call", file, call.lineno, words)


def never_reached(source: Source) -> Iterator[Finding]:
    """Below a return or a raise, in the same block, nothing runs."""
    for file, node in source.nodes(ast.stmt, ast.ExceptHandler, ast.match_case):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            for statement in block[:-1] if isinstance(block, list) else []:
                if isinstance(statement, ast.Return | ast.Raise | ast.Continue):
                    what = type(statement).__name__.lower()
                    below = block[block.index(statement) + 1]
                    words = {"what": what, "at": str(statement.lineno)}
                    yield Finding("never-reached", file, below.lineno, words)


def converter_without_answer(source: Source) -> Iterator[Finding]:
    """What to_python() returns is what the route catches."""
    for file, node in source.nodes(ast.ClassDef):
        for method in node.body:
            if isinstance(method, FunctionDef) and method.name == "to_python":
                answers = any(each.value for each in inside(method, ast.Return))
                if not answers:
                    words = {"converter": node.name}
                    yield Finding("to-python-returns", file, method.lineno, words)


def hides_a_builtin(source: Source) -> Iterator[Finding]:
    """redis has exceptions with the names of Python's own."""
    for file, node in source.nodes(ast.ImportFrom):
        if not (node.module or "").startswith("redis"):
            continue
        for alias in node.names:
            name = alias.asname or alias.name
            if name in ("TimeoutError", "ConnectionError"):
                yield Finding("hides-a-builtin", file, node.lineno, {"name": name})


def bytes_as_text(source: Source) -> Iterator[Finding]:
    """The query string and the headers of a scope are bytes."""
    for file, call in source.nodes(ast.Call):
        is_str = name_of(call.func) == "str" and len(call.args) == 1
        if is_str and is_of_scope(call.args[0], "query_string"):
            yield Finding("str-of-bytes", file, call.lineno, {})
        if name_of(call.func) == "get" and call.args and string(call.args[0]):
            holder = getattr(call.func, "value", None)
            if is_headers(source, holder):
                words = {"key": string(call.args[0]).lower()}
                yield Finding("header-keys", file, call.lineno, words)
    for file, node in source.nodes(ast.Subscript):
        if string(node.slice) and is_headers(source, node.value):
            words = {"key": string(node.slice).lower()}
            yield Finding("header-keys", file, node.lineno, words)


def is_of_scope(node: ast.AST, key: str) -> bool:
    """Tell whether this is `scope["…"]` with this key."""
    return (
        isinstance(node, ast.Subscript)
        and string(node.slice) == key
        and dotted(node.value).endswith("scope")
    )


def is_headers(source: Source, node: ast.AST | None) -> bool:
    """Tell whether this is `dict(scope["headers"])`, or a name that was given it."""
    if isinstance(node, ast.Call) and name_of(node.func) == "dict" and node.args:
        return is_of_scope(node.args[0], "headers")
    if isinstance(node, ast.Name):
        return any(
            isinstance(each.value, ast.Call) and is_headers(source, each.value)
            for _file, each in source.nodes(ast.Assign)
            if node.id in [name_of(target) for target in each.targets]
        )
    return False


def sends_to_a_group(source: Source) -> Iterator[Finding]:
    """layer.send() is for one channel, group_send() for a group."""
    for file, call in source.nodes(ast.Call):
        written = dotted(call.func)
        if not written.endswith("layer.send") or not call.args:
            continue
        first = ast.unparse(call.args[0])
        if "group" in first.lower() or "room" in first.lower():
            yield Finding("sends-to-a-group", file, call.lineno, {"group": first})


RULES = [
    wrapper,
    no_loop,
    spaced_quantifier,
    number_by_comma,
    lost_task,
    coroutine_in_plain_def,
    decorator_without_answer,
    except_order,
    catches_its_own,
    type_against_text,
    leaves_the_with,
    async_command,
    bool_of_a_text,
    waits_for_close,
    eager_default,
    hides_an_import,
    swallows_an_import,
    is_for_a_literal,
    own_mailbox,
    coroutine_in_a_thread,
    cached_coroutine,
    middleware_without_answer,
    asks_the_scheme,
    wrapped_call,
    never_reached,
    converter_without_answer,
    hides_a_builtin,
    application_not_awaited,
    application_twice,
    waits_for_what_never_ends,
    takes_an_event,
    receive_without_answer,
    always_true,
    key_twice,
    local_receiver,
    lost_receiver,
    decorated_coroutine,
    decorated_method,
    hides_a_method,
    init_without_super,
    scope_too_early,
    never_ends,
    sends_to_a_group,
    tuple_by_comma,
    list_for_value,
    tuple_in_settings,
    loop_over_a_string,
    missing_f,
    case_captures,
    except_or,
    bytes_as_text,
    swallows_everything,
]
