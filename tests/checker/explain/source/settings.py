"""What is plainly wrong in the settings, read as text."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from difflib import get_close_matches

from tests.checker.explain.source.read import (
    Finding,
    FunctionDef,
    Source,
    dotted,
    name_of,
    parameters,
    string,
    walked,
)

# The settings that the course writes, and those that people mistake for them.
NAMES = (
    "ALLOWED_HOSTS",
    "ASGI_APPLICATION",
    "CHANNEL_LAYERS",
    "CSRF_COOKIE_HTTPONLY",
    "CSRF_COOKIE_SECURE",
    "CSRF_TRUSTED_ORIGINS",
    "DATABASES",
    "INSTALLED_APPS",
    "LOGIN_REDIRECT_URL",
    "LOGIN_URL",
    "LOGOUT_REDIRECT_URL",
    "MIDDLEWARE",
    "ROOT_URLCONF",
    "SECRET_KEY",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS",
    "SECURE_HSTS_SECONDS",
    "SECURE_PROXY_SSL_HEADER",
    "SECURE_SSL_HOST",
    "SECURE_SSL_REDIRECT",
    "SESSION_COOKIE_SECURE",
    "STATIC_ROOT",
    "STATIC_URL",
    "TEMPLATES",
)
# Real settings of Django, or of others, that look like one of those.
REAL = {
    "ALLOWED_ORIGINS",
    "CACHES",
    "CSRF_COOKIE_NAME",
    "LOGIN_EXEMPT_URLS",
    "MEDIA_ROOT",
    "MEDIA_URL",
    "MIDDLEWARE_CLASSES",
    "SESSION_COOKIE_HTTPONLY",
    "STATICFILES_DIRS",
    "WSGI_APPLICATION",
}
LAYER = ("BACKEND", "CONFIG")
CONFIG = (
    "capacity",
    "channel_capacity",
    "expiry",
    "group_expiry",
    "hosts",
    "on_disconnect",
    "on_reconnect",
    "prefix",
    "symmetric_encryption_keys",
)
# What redis-py wants to know of a connection.
OF_A_HOST = ("address", "socket_timeout", "max_connections", "health_check_interval")
HOUR = 3600  # Seconds.
MINUTE = 60
MIB = 1024 * 1024  # Bytes.
DAPHNE_AFTER = "django.contrib.staticfiles"


def assigned(source: Source) -> Iterator[tuple[str, str, ast.AST, int]]:
    """Yield the names that the settings give a value: file, name, value, line."""
    if source.settings is None:
        return
    file, tree = source.settings
    for node in walked(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield file, target.id, node.value, node.lineno


def misspelt_setting(source: Source) -> Iterator[Finding]:
    """Django passes over a setting that it does not know, without a word."""
    names = {name for _file, name, _value, _line in assigned(source)}
    used = {
        node.id
        for _file, node in source.nodes(ast.Name)
        if isinstance(node.ctx, ast.Load)
    }
    for file, name, _value, line in assigned(source):
        if name in NAMES or name in REAL or name in used or not name.isupper():
            continue
        close = get_close_matches(name, NAMES, n=1, cutoff=0.85)
        if close and close[0] not in names:
            words = {"name": name, "right": close[0]}
            yield Finding("misspelt-setting", file, line, words)


def missing_comma(source: Source) -> Iterator[Finding]:
    """Two strings without a comma between them are one."""
    if source.settings is None:
        return
    file, _tree = source.settings
    before = None
    depth = 0
    try:
        tokens = [
            token
            for token in tokenize.generate_tokens(
                io.StringIO(source.files[file]).readline
            )
            if token.type not in (tokenize.NL, tokenize.COMMENT)
        ]
    except (tokenize.TokenError, SyntaxError):
        return
    for token in tokens:
        depth += token.string == "[" and token.type == tokenize.OP
        depth -= token.string == "]" and token.type == tokenize.OP
        if token.type == tokenize.STRING and before and before.type == tokenize.STRING:
            on_lines = token.start[0] > before.end[0]
            if depth and on_lines and " " not in token.string + before.string:
                words = {"first": before.string, "second": token.string}
                yield Finding("missing-comma", file, before.start[0], words)
        before = token


def apps(source: Source) -> Iterator[Finding]:
    """daphne stands in INSTALLED_APPS, before staticfiles, and so does the project."""
    for file, name, value, line in assigned(source):
        if name != "INSTALLED_APPS" or not isinstance(value, ast.List | ast.Tuple):
            continue
        entries = [string(each) or "" for each in value.elts]
        if "daphne" not in entries:
            yield Finding("no-daphne", file, line, {})
        elif DAPHNE_AFTER in entries[: entries.index("daphne")]:
            yield Finding("daphne-late", file, line, {})


def asgi_application(source: Source) -> Iterator[Finding]:
    """ASGI_APPLICATION names a module and an object in it."""
    names = {}
    for file, name, value, line in assigned(source):
        names[name] = (file, value, line)
    if not names or "INSTALLED_APPS" not in names:
        return
    if "ASGI_APPLICATION" not in names:
        file, _value, line = names["INSTALLED_APPS"]
        yield Finding("no-asgi-application", file, line, {})
        return
    file, value, line = names["ASGI_APPLICATION"]
    text = string(value)
    if text and "wsgi" in text.lower():
        yield Finding("wsgi-for-asgi", file, line, {"value": text})
    elif text and (text.endswith(".py") or text.count(".") < 1 or ":" in text):
        yield Finding("asgi-application-form", file, line, {"value": text})


def layers(source: Source) -> Iterator[Finding]:
    """The keys of CHANNEL_LAYERS are given. Channels passes over some others."""
    for file, name, value, _line in assigned(source):
        if name != "CHANNEL_LAYERS" or not isinstance(value, ast.Dict):
            continue
        keys = [string(key) for key in value.keys]
        if {*keys} & {*LAYER}:
            yield Finding("layer-without-name", file, value.lineno, {})
        elif "redis" in ast.unparse(value).lower() and is_unused(value):
            yield Finding("layer-unused", file, value.lineno, {})
        elif keys and "default" not in keys and None not in keys:
            words = {"key": keys[0]}
            yield Finding("no-default-layer", file, value.lineno, words)
        for layer in value.values:
            if isinstance(layer, ast.Dict):
                yield from layer_keys(file, layer)


def is_unused(layers: ast.Dict) -> bool:
    """Tell whether Redis is in a layer that is not the default one."""
    default = [
        value
        for key, value in zip(layers.keys, layers.values, strict=True)
        if string(key) == "default"
    ]
    return (
        len(layers.keys) > 1
        and bool(default)
        and "redis" not in ast.unparse(default[0]).lower()
        and not isinstance(default[0], ast.IfExp | ast.Name | ast.Call)
    )


def other_layers(source: Source) -> Iterator[Finding]:
    """A layer of another age, or of another kind."""
    for file, node in source.nodes(ast.Dict):
        entries = {string(key): value for key, value in zip_keys(node)}
        backend = string(entries.get("BACKEND")) or ""
        words = {"backend": backend}
        is_old = backend.startswith(("asgiref.", "asgi_redis.", "asgi_ipc."))
        if is_old or "ROUTING" in entries:
            yield Finding("layer-of-channels-1", file, node.lineno, words)
        in_layers = {"CONFIG", "capacity"} & {*entries}
        if backend.startswith("django.core.cache.backends") and in_layers:
            yield Finding("cache-for-layer", file, node.lineno, words)


def zip_keys(node: ast.Dict) -> list[tuple[ast.AST, ast.AST]]:
    """Return the keys of a dict with their values, without what is spread."""
    return [(k, v) for k, v in zip(node.keys, node.values, strict=True) if k]


def small_numbers(source: Source) -> Iterator[Finding]:
    """Seconds and bytes that were taken for something larger."""
    for file, node in source.nodes(ast.Dict):
        for key, value in zip_keys(node):
            number = getattr(value, "value", None)
            is_number = isinstance(number, int)
            if string(key) == "group_expiry" and is_number and number < HOUR:
                words = {"seconds": str(number)}
                yield Finding("group-expiry", file, key.lineno, words)
    for file, name, value, line in assigned(source):
        number = getattr(value, "value", None)
        is_number = isinstance(number, int)
        if name == "SESSION_COOKIE_AGE" and is_number and 0 < number < MINUTE:
            yield Finding("session-age", file, line, {"seconds": str(number)})
        if name.endswith("MAX_MESSAGE_SIZE") and is_number and number < MIB:
            words = {"name": name, "bytes": f"{number:,}"}
            yield Finding("message-limit", file, line, words)


def layer_keys(file: str, layer: ast.Dict) -> Iterator[Finding]:
    """Yield the misspelt keys of one layer, and of its CONFIG."""
    for key, value in zip(layer.keys, layer.values, strict=True):
        text = string(key)
        if text is None:
            continue
        if text not in LAYER:
            if text.lower() in CONFIG:
                words = {"key": text.lower()}
                yield Finding("config-key-outside", file, key.lineno, words)
            elif close := get_close_matches(text.upper(), LAYER, n=1, cutoff=0.6):
                words = {"key": text, "right": close[0]}
                yield Finding("layer-key", file, key.lineno, words)
            elif text not in ("ROUTING", "TEST_CONFIG"):
                words = {"key": text}
                yield Finding("layer-key-unknown", file, key.lineno, words)
        if text == "CONFIG" and isinstance(value, ast.Dict):
            yield from config_keys(file, value)


def config_keys(file: str, config: ast.Dict) -> Iterator[Finding]:
    """Yield what is wrong in a CONFIG: a key, or hosts that are no list."""
    for key, value in zip(config.keys, config.values, strict=True):
        text = string(key)
        if text is None:
            continue
        if text not in CONFIG:
            close = get_close_matches(text, CONFIG, n=1, cutoff=0.6)
            if text in OF_A_HOST:
                yield Finding("host-key", file, key.lineno, {"key": text})
            elif close:
                words = {"key": text, "right": close[0]}
                yield Finding("config-key", file, key.lineno, words)
        if text == "hosts" and (string(value) or isinstance(value, ast.Tuple)):
            is_pair = isinstance(value, ast.Tuple) and len(value.elts) == 2
            if string(value) or is_pair:
                yield Finding("hosts-no-list", file, key.lineno, {})


def empty_strings(source: Source) -> Iterator[Finding]:
    """A one-word tuple without a comma is a string."""
    for file, name, value, line in assigned(source):
        # Of the others, Django itself says that they must be lists.
        is_text = string(value) is not None or isinstance(value, ast.JoinedStr)
        if name in ("CSRF_TRUSTED_ORIGINS", "ORIGINS") and is_text:
            yield Finding("string-for-list", file, line, {"name": name})
        if name == "ALLOWED_HOSTS" and isinstance(value, ast.List | ast.Tuple):
            for each in value.elts:
                text = string(each) or ""
                if text.count(":") > 1 and "://" not in text and "[" not in text:
                    words = {"value": text}
                    yield Finding("host-without-brackets", file, each.lineno, words)
                elif "://" in text or ":" in text.partition("[")[0]:
                    words = {"value": text}
                    yield Finding("host-with-scheme", file, each.lineno, words)


def generators(source: Source) -> Iterator[Finding]:
    """Round brackets make a generator, which is empty after one look."""
    for file, name, value, line in assigned(source):
        if isinstance(value, ast.GeneratorExp) and name.isupper():
            yield Finding("generator-setting", file, line, {"name": name})
        if name == "SECURE_PROXY_SSL_HEADER" and isinstance(value, ast.Tuple):
            header = string(value.elts[0]) or "HTTP_"
            if not header.startswith("HTTP_"):
                right = f"HTTP_{header.upper().replace('-', '_')}"
                words = {"header": header, "right": right}
                yield Finding("proxy-header-name", file, line, words)


def assigned_twice(source: Source) -> Iterator[Finding]:
    """Of two assignments of a list, the last one counts."""
    for file, tree in source.trees.items():
        seen: dict[str, int] = {}
        for node in tree.body:
            names = [name_of(each) for each in getattr(node, "targets", [])]
            name = names[0] if isinstance(node, ast.Assign) and names else ""
            if not name or not isinstance(node.value, ast.List | ast.Dict | ast.Tuple):
                continue
            used = {name_of(each) for each in walked(node.value)}
            if name in seen and name not in used:
                words = {"name": name, "first": str(seen[name])}
                yield Finding("assigned-twice", file, node.lineno, words)
            seen[name] = node.lineno


def base_dir(source: Source) -> Iterator[Finding]:
    """Each folder that a file of settings lies in is one `parent`."""
    for file, tree in source.trees.items():
        for node in tree.body:
            if (
                not isinstance(node, ast.Assign)
                or name_of(node.targets[0]) != "BASE_DIR"
            ):
                continue
            steps, folders = parents(node.value), file.count("/") + 1
            if 0 < steps != folders:
                words = {"steps": str(steps), "folders": str(folders)}
                yield Finding("base-dir", file, node.lineno, words)


def parents(node: ast.expr) -> int:
    """Return how many folders above its file an expression leads: 0 if unknown."""
    match node:
        case ast.Call(func=ast.Name(id="Path"), args=[ast.Name(id="__file__")]):
            return 0
        case ast.Call(func=ast.Attribute(value=value, attr="resolve" | "absolute")):
            return parents(value)
        case ast.Attribute(value=value, attr="parent"):
            return parents(value) + 1
    return -100  # Somebody's own way.


def app_config(source: Source) -> Iterator[Finding]:
    """Django looks for an AppConfig in apps.py, or where the settings say."""
    settings = source.settings[1] if source.settings else ast.Module([], [])
    named_there = {string(node) for node in walked(settings)}
    for file, node in source.nodes(ast.ClassDef):
        is_config = "AppConfig" in {name_of(base) for base in node.bases}
        if is_config and not file.endswith("apps.py"):
            named = f"{file.removesuffix('.py').replace('/', '.')}.{node.name}"
            named = named.replace(".__init__", "")
            if named not in named_there:
                words = {"name": node.name}
                yield Finding("app-config-elsewhere", file, node.lineno, words)


def middleware(source: Source) -> Iterator[Finding]:
    """Sessions come before who uses them."""
    order = (
        ("SessionMiddleware", "AuthenticationMiddleware"),
        ("AuthenticationMiddleware", "LoginRequiredMiddleware"),
    )
    for file, name, value, line in assigned(source):
        if name != "MIDDLEWARE" or not isinstance(value, ast.List | ast.Tuple):
            continue
        entries = [
            (string(each) or name_of(each)).rpartition(".")[2] for each in value.elts
        ]
        for first, second in order:
            if second not in entries:
                continue
            if first not in entries or entries.index(first) > entries.index(second):
                words = {"first": first, "second": second}
                yield Finding("middleware-order", file, line, words)


def capacity_by_name(source: Source) -> Iterator[Finding]:
    """channel_capacity is for names of channels, and not for all layers."""
    for file, node in source.nodes(ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if string(key) == "channel_capacity" and isinstance(value, ast.Dict):
                yield Finding("capacity-by-name", file, key.lineno, {})


def small_setting(source: Source) -> Iterator[Finding]:
    """Django takes names in capitals from the settings, and no others."""
    own = {name for _file, name, _value, _line in assigned(source)}
    # Who imports the module itself finds all names there.
    django = {
        file
        for file, node in source.nodes(ast.ImportFrom)
        if node.module == "django.conf"
    }
    for file, node in source.nodes(ast.Attribute):
        is_settings = file in django and dotted(node.value) == "settings"
        if is_settings and node.attr in own and not node.attr.isupper():
            words = {"name": node.attr, "right": node.attr.upper()}
            yield Finding("small-setting", file, node.lineno, words)


def backend_of_all(source: Source) -> Iterator[Finding]:
    """A backend of one's own says who still is a user."""
    for file, node in source.nodes(ast.ClassDef):
        methods = {
            each.name: each for each in node.body if isinstance(each, FunctionDef)
        }
        asks = re.search("is_active|user_can_authenticate", ast.unparse(node))
        if {"authenticate", "get_user"} <= methods.keys() and not asks:
            words = {"name": node.name}
            line = methods["get_user"].lineno
            yield Finding("backend-of-all", file, line, words)
    for file, name, value, line in assigned(source):
        if name == "AUTHENTICATION_BACKENDS":
            named = [string(each) or "" for each in getattr(value, "elts", [])]
            found = [each for each in named if "AllowAllUsers" in each]
            if found:
                words = {"name": found[0].rpartition(".")[2]}
                yield Finding("backend-of-all", file, line, words)


def asgi_in_middleware(source: Source) -> Iterator[Finding]:
    """MIDDLEWARE is for pages. A wrapper of an ASGI application belongs in asgi.py."""
    for file, name, value, _line in assigned(source):
        if name != "MIDDLEWARE" or not isinstance(value, ast.List | ast.Tuple):
            continue
        for each in value.elts:
            module, _, own = (string(each) or "").rpartition(".")
            tree = source.trees.get(f"{module.replace('.', '/')}.py")
            for node in tree.body if tree else []:
                is_it = getattr(node, "name", None) == own
                if is_it and any(map(is_application, walked(node))):
                    words = {"name": own}
                    yield Finding("asgi-in-middleware", file, each.lineno, words)


def is_application(node: ast.AST) -> bool:
    """Tell whether a function takes what ASGI gives."""
    given = ["scope", "receive", "send"]
    return isinstance(node, FunctionDef) and parameters(node)[-3:] == given


RULES = [
    asgi_in_middleware,
    capacity_by_name,
    small_setting,
    backend_of_all,
    misspelt_setting,
    missing_comma,
    apps,
    asgi_application,
    layers,
    other_layers,
    small_numbers,
    generators,
    empty_strings,
    assigned_twice,
    app_config,
    base_dir,
    middleware,
]
