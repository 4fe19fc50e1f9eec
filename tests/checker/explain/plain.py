"""What the source says plainly: a sentence for each of its findings."""

from tests.checker.explain.diagnosis import ANY, Diagnosis

# What begins the sentence of a finding: where it stands.
AT = "{file}, line {line}: "

SENTENCES = {
    # The project.
    "hides-a-library": "your file {file} hides the library {name}: Python finds it "
    "first. Give it another name.",
    # The settings.
    "misspelt-setting": AT + "Django knows no setting {name}, and passes over it "
    "without a word. Write {right}.",
    "missing-comma": AT + "a comma is missing between {first} and {second}. Python "
    "makes one string of two.",
    "no-daphne": AT + '"daphne" is missing in INSTALLED_APPS. Put it first: without '
    "it, runserver is Django's own, which speaks no WebSocket.",
    "daphne-late": AT + '"daphne" comes first in INSTALLED_APPS, before '
    '"django.contrib.staticfiles", which has a runserver of its own.',
    "no-asgi-application": AT + "settings.py has no ASGI_APPLICATION. Write "
    'ASGI_APPLICATION = "config.asgi.application".',
    "wsgi-for-asgi": AT + 'ASGI_APPLICATION leads to "{value}", which speaks WSGI. It '
    "is the name of the application in asgi.py.",
    "asgi-application-form": AT
    + 'ASGI_APPLICATION is "{value}". It is a module and an '
    "object in it, with dots between: config.asgi.application.",
    "no-default-layer": AT + 'the channel layer is called "{key}". The one that '
    'consumers use is called "default".',
    "layer-key": AT + 'a channel layer has no key "{key}". Write "{right}".',
    "config-key": AT + 'the CONFIG of a channel layer has no key "{key}". Write '
    '"{right}".',
    "config-key-outside": AT + '"{key}" belongs into "CONFIG": {{"{key}": …}}, and not '
    "beside it.",
    "hosts-no-list": AT + '"hosts" is a list, also of one: write [ and ] around it.',
    "string-for-list": AT + "{name} is a list. A string is taken for a list of its "
    "letters.",
    "host-with-scheme": AT
    + "ALLOWED_HOSTS holds names, without a scheme and without a "
    'port: "{value}" is never equal to one.',
    "middleware-order": AT + "{second} needs {first} before it in MIDDLEWARE.",
    # The routes.
    "no-as-asgi": AT + "the route holds the class {consumer} itself. Write "
    "{consumer}.as_asgi(), with the parentheses.",
    "consumer-instance": AT + "{consumer}() is one object for all clients. Write "
    "{consumer}.as_asgi(): it makes one for each.",
    "as-asgi-not-called": AT + "as_asgi is named and not called. Write "
    "{consumer}.as_asgi(), with the parentheses.",
    "as-view": AT + "a consumer is no view. Write {consumer}.as_asgi().",
    "list-without-router": AT + "{name} is a list, and no application. Write "
    "URLRouter({name}).",
    "router-without-list": AT
    + "URLRouter takes a list of routes, also of one: write [ "
    "and ] around it.",
    "protocol-name": AT
    + 'ProtocolTypeRouter knows no "{key}". The key is "websocket", '
    "spelt exactly so; wss is that, too.",
    "leading-slash": AT
    + 'the route "{route}" has a slash at its start. A path comes to '
    "it without one.",
    "no-trailing-slash": AT + 'the route "{route}" does not end with a slash, as the '
    "path of the contract does. Django adds none for a WebSocket.",
    "regex-in-path": AT
    + 'path() takes "{route}" letter by letter. Regular expressions '
    "are for re_path().",
    "converter-in-re-path": AT + '"{route}" has a converter, and re_path() knows none. '
    "Use path(), or a group: (?P<room>…).",
    "query-in-route": AT + 'a route does not see what comes after the "?". Take it out '
    'of "{route}"; it is in self.scope["query_string"].',
    "catch-all-first": AT + "this route matches everything, and the first that matches "
    "wins. Put it last.",
    "unknown-kwarg": AT + "no route catches anything called {key}. What they catch: "
    "{caught}.",
    # The consumer.
    "no-base": AT + "{consumer} inherits from nothing, so Channels calls none of its "
    "methods. Write class {consumer}(AsyncWebsocketConsumer).",
    "no-self": AT + "{name}() belongs to an object, which it is given first. Write "
    "self as its first parameter.",
    "hook-outside-class": AT + "{name}() stands outside of the class, so nobody calls "
    "it. Indent it by four spaces more.",
    "hook-inside-method": AT + "{name}() stands inside of {outer}(), so nobody calls "
    "it. Indent it as {outer}() is.",
    "misspelt-hook": AT + "Channels calls no method {name}(). Its name is {right}().",
    "wrong-parameters": AT + "Channels calls {name}() with other arguments than it "
    "takes. The signatures are connect(self), receive(self, text_data=None, "
    "bytes_data=None) and disconnect(self, code).",
    "async-in-sync": AT + "{name}() is `async def`, but {consumer} is synchronous: it "
    "calls {name}() and never awaits it. Inherit from AsyncWebsocketConsumer, or write "
    "plain `def` without `await`.",
    "sync-in-async": AT + "{name}() is a plain `def`, and Channels awaits it. In an "
    "async consumer, write `async def`.",
    "missing-parentheses": AT + "{call} is named and not called. Write {call}(), with "
    "the parentheses.",
    "missing-await": AT + "an `await` is missing in front of {call}(). Without it, it "
    "never runs.",
    "await-impossible": AT + "{call}() must be awaited, and {name}() is no "
    "`async def`. Write `async def` and `await`, or async_to_sync({call})(…).",
    "goes-on-after-close": AT + "close() does not end connect(): what stands below it "
    "still runs. Write `return` after it.",
    "never-accepts": AT + "connect() of {consumer} neither accepts nor closes. Call "
    "`await self.accept()` in it.",
    "returns-the-answer": AT + "what {name}() returns, nobody sends. Write "
    "`await self.send(text_data=…)`.",
    "view-decorator": AT + "@{decorator} is for views: it looks for a request. A "
    'consumer asks self.scope["user"] itself.',
    "send-keyword": AT + "send() knows no {name}. Write text_data=… for a text, and "
    "bytes_data=… for bytes.",
    "send-dict": AT + "send() takes text. Write text_data=json.dumps(…).",
    "no-send-json": AT + "{consumer} has no send_json(). Write send(text_data="
    "json.dumps(…)), or a send_json() of your own that does it.",
    "scope-key": AT + 'the scope has no "{key}". Write "{right}".',
    "called-property": AT + "{name} is no method. Write it without the parentheses.",
    "true-user": AT + "somebody who has not logged in is an AnonymousUser, which is an "
    "object, and true. Ask is_authenticated.",
    "async-to-sync-in-async": AT + "async_to_sync() is for plain functions. In "
    "{name}(), which is `async def`, await the call instead.",
    "asks-the-database": AT + "{call}() waits for the database, and a coroutine may "
    "not. Await the method that begins with an a, or database_sync_to_async.",
    "blocks-the-loop": AT + "{call}() keeps everybody waiting, since all coroutines "
    "share a thread. Await asyncio.sleep() or another that does not block.",
    "state-in-class": AT + "{name} stands in the class {consumer}: it is one for all "
    "connections. What belongs to one client is made in connect(), as self.{name}.",
    "defined-twice": AT + "{name}() is defined a second time; the one in line {first} "
    "is gone.",
    # Slips of Python.
    "wrapper-is-async": AT + "{name}() is called once, by asgi.py, which cannot await "
    "it. Write a plain `def {name}`; only {inner}() inside of it is `async def`.",
    "wrapper-returns-nothing": AT + "{name}() returns nothing, so there is no "
    "application. Its last line is `return {inner}`, indented as `async def {inner}` "
    "is.",
    "application-not-awaited": AT + "an `await` is missing in front of {call}(…). "
    "Without it, the application never runs.",
    "application-twice": AT + "`application` is assigned anew. What it was since line "
    "{first} is thrown away.",
    "decorated-coroutine": AT + "@{decorator} does not belong on an `async def`. Take "
    "it away: {name}() can be awaited as it is.",
    "hides-a-method": AT + "Channels has a method {name}() of its own, and yours takes "
    "its place. Give it another name, or call super().{name}() in it.",
    "init-without-super": AT
    + "__init__() takes the place of the one of Channels. Call "
    "super().__init__(*args, **kwargs) in it, or set it up in connect().",
    "scope-too-early": AT + "there is no self.scope yet in __init__(). It is there in "
    "connect().",
    "never-ends": AT + "{name}() never ends, and Channels handles the next event when "
    "it has ended. Drop the loop, or start it as a task of its own and cancel it in "
    "disconnect().",
    "sends-to-a-group": AT + "send() is for one channel, and {group} is a group. Write "
    "group_send().",
    "tuple-by-comma": AT
    + "the comma at the end makes a tuple of {name}. Take it away.",
    "missing-f": AT
    + 'the text "{text}" has braces, and no f in front of it: they stay '
    "as they are.",
    "case-captures": AT + "in a `case`, the bare name {name} takes whatever is there. "
    "Compare in an `if` behind the pattern.",
    "except-or": AT + "`except … or …` catches {first} only. Write except ({all}).",
    "str-of-bytes": AT + "str() of bytes is text that begins with b'. Write .decode().",
    "header-keys": AT + 'the names of the headers in a scope are bytes: b"{key}".',
    "swallows-everything": AT + "here every exception is caught, and nobody hears of "
    "it. Name the ones that you expect.",
    # The events.
    "event-without-type": AT + 'an event needs a key "type": it names the method that '
    "each member of the group calls.",
    "no-handler": AT + 'the event "{type}" calls {name}(), and no consumer has such a '
    "method.",
    "no-handler-but": AT
    + 'the event "{type}" calls {name}(), and the method is called '
    "{close}().",
    "event-key": AT + 'the event has no key "{key}". It carries: {has}.',
    "handler-without-event": AT + "{name}() is given the event. Write {name}(self, "
    "event).",
    "group-arguments": AT + "the group comes first, the channel second: "
    "group_add(group, self.channel_name).",
    "never-joins": AT + "somebody sends to a group, and nobody joins one. connect() "
    "awaits group_add(group, self.channel_name).",
    "group-name": AT + 'the name of a group takes ASCII letters, digits, "-", "_" and '
    '"." only, and no {sign!r}.',
}

# Of these there are right uses, too: the wire must speak as well.
ONLY_IF = {
    "state-in-class": "another (name|text|room|message)|.* for .*|lost",
    "blocks-the-loop": "silence|no answer|no pong|lost",
    "defined-twice": ".+",
    "never-joins": "silence|lost",
    "no-asgi-application": "(HTTP|refused with) (404|500)|no start",
    "no-daphne": "(HTTP|refused with) 404|no start",
    "true-user": "not refused|.* for .*|",
    "no-trailing-slash": "(?!not refused).*",
}
# Many programs are right and have this. Without an exception, it is worth a look.
HINTS = {
    "blocks-the-loop",
    "defined-twice",
    "never-accepts",
    "never-joins",
    "no-asgi-application",
    "state-in-class",
    "swallows-everything",
}

DIAGNOSES = [
    Diagnosis(ONLY_IF.get(kind, ANY), ANY, sentence, source=kind)
    for kind, sentence in SENTENCES.items()
]
