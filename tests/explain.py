"""
What a failure most likely means: the mistake, and its cure, in one or two sentences.

Two things tell mistakes apart. The symptom is what a client saw on the wire, as named
by `tests/client.py`. The other is what the server printed. Where both are silent, the
sentence names what to look at.
"""

import re
from typing import NamedTuple

# The server prints this when it has seen a crash.
CRASH = r"Traceback \(most recent call last\)|was never awaited"


class Mistake(NamedTuple):
    """A mistake is recognised by the symptom, and by what the server printed."""

    symptom: str  # A regular expression that must match the whole symptom.
    printed: str  # One that must match somewhere in the server's output.
    sentence: str  # `{name}` stands for a group of that name in `printed`.


ANY = ".*"

# The first that fits is the one that is told: the particular before the general.
MISTAKES = [
    # The server does not start.
    Mistake(
        "no start",
        r"No module named '(?P<module>channels|daphne|django)'",
        "The Python that runs the server has no package {module}. Start the checks "
        "through learn.py, or activate its environment.",
    ),
    Mistake(
        "no start",
        r"(?:ModuleNotFoundError|ImportError): (?P<what>.*)",
        "An import fails: {what}. Compare the spelling with the names of your files. "
        "The first traceback says where. The last one only says that asgi.py could "
        "not be imported.",
    ),
    Mistake(
        "no start",
        r"Cannot find '(?P<name>\w+)' in ASGI_APPLICATION module (?P<module>[\w.]+)",
        "ASGI_APPLICATION in settings.py promises an object that is not there: "
        "{module} defines no {name}.",
    ),
    Mistake(
        "no start",
        r"SyntaxError: 'await' outside async function",
        "`await` may stand only in an `async def`. Write `async def` in front of the "
        "method that awaits.",
    ),
    Mistake(
        "no start",
        r'File "(?P<file>[^"]*)", line (?P<line>\d+)\n(?:    .*\n)*(?:Syntax|Indent'
        r"ation|Tab)Error: (?P<what>.*)",
        "Python cannot read {file}, line {line}: {what}.",
    ),
    Mistake(
        "no start",
        r"You must set settings\.ALLOWED_HOSTS if DEBUG is False",
        "settings.py lacks `DEBUG = True`. Without it Django wants to know which hosts "
        "it serves.",
    ),
    # The handshake is not answered with 101.
    Mistake(
        "HTTP 404",
        r"Not Found: /",
        "This is Django's own runserver, which speaks WSGI: it knows no WebSocket, so "
        'it looks for an ordinary page at this address. Put "daphne" first in '
        "INSTALLED_APPS.",
    ),
    Mistake(
        "HTTP 404",
        ANY,
        "An ordinary web server answers here, and it looked for a page. Is it served "
        'by ASGI ("daphne" first in INSTALLED_APPS), and is this the right port?',
    ),
    Mistake(
        "HTTP 500",
        r"Django can only handle ASGI/HTTP connections",
        "asgi.py is still the one that startproject wrote: it hands WebSockets to "
        "Django, which cannot take them. Make `application` a ProtocolTypeRouter with "
        'a "websocket" entry.',
    ),
    Mistake(
        "HTTP 500",
        r"No application configured for scope type 'websocket'",
        'The ProtocolTypeRouter in asgi.py has no entry "websocket". The key must be '
        "spelt exactly so.",
    ),
    Mistake(
        "HTTP 500",
        r"No route found for path '(?P<path>[^']*)'",
        "No route in routing.py matches '{path}'. Compare letter by letter: a route "
        "has no slash at its start, and one at its end.",
    ),
    Mistake(
        "HTTP 500",
        r"object (?P<name>\w*Consumer) can't be used in 'await' expression",
        "The route holds the class {name} itself. Write {name}.as_asgi(), with the "
        "parentheses.",
    ),
    Mistake(
        "HTTP 500",
        r"object method can't be used in 'await' expression",
        "Something is awaited that was not called. Write `await self.accept()`, with "
        "the parentheses.",
    ),
    Mistake(
        "HTTP 500",
        r"object NoneType can't be used in 'await' expression",
        "Channels awaited a method that is not `async def`. In an async consumer "
        "every method that Channels calls is one, connect() too.",
    ),
    Mistake(
        ANY,
        r"(?P<method>\w+\.\w+)\(\) (?P<what>got an unexpected|takes \d|missing \d).*",
        "Channels calls {method}() with other arguments than it takes. The signatures "
        "are connect(self), receive(self, text_data=None, bytes_data=None) and "
        "disconnect(self, code).",
    ),
    Mistake(
        ANY,
        r"You must pass one of bytes_data or text_data",
        "send() was given nothing. For a binary message text_data is None: send back "
        "bytes_data too.",
    ),
    Mistake(
        ANY,
        r"coroutine '\w+\.(?P<name>connect|receive|disconnect)' was never awaited",
        "{name}() is `async def`, but its class is synchronous: it calls {name}() and "
        "never awaits it. Inherit from AsyncWebsocketConsumer, or write plain `def` "
        "without `await`.",
    ),
    Mistake(
        ANY,
        r"coroutine '(?P<name>[\w.]+)' was never awaited\n  File "
        r'"(?P<file>[^"]*)", line (?P<line>\d+)',
        "An `await` is missing in {file}, line {line}: {name}() was called, but "
        "without `await` it never runs. If its caller cannot await, because it is no "
        "`async def` or its class is no Async…Consumer, change that first.",
    ),
    Mistake(
        "no answer",
        ANY,
        "connect() ended and had neither accepted nor refused. Call "
        "`await self.accept()` in it.",
    ),
    Mistake(
        ANY,
        r'File "(?P<file>[^"]*)", line (?P<line>\d+), in (?P<method>\w+)\n'
        r"(?:    .*\n)*(?P<error>[A-Z][\w.]*(?:Error|Exception|Exit|Interrupt)\b.*)",
        "{method}() raised an exception, in {file}, line {line}: {error}",
    ),
    Mistake(
        "HTTP 403",
        ANY,
        "The server refused: connect() closed the connection before it accepted, or "
        "a middleware did. In this stage everybody is let in.",
    ),
    Mistake(
        "nobody listens",
        ANY,
        "Start the server first, and compare its address with the one given.",
    ),
    Mistake(
        "not refused",
        ANY,
        "A route matches more than it should. Give URLRouter exactly the paths of "
        "the contract, with path() or with a pattern that ends in $.",
    ),
    # The conversation goes wrong.
    Mistake(
        "silence",
        ANY,
        "Nothing was sent to this client. Is the method called receive, spelt so? "
        "Does it send to this client, and not to another one? One consumer object "
        "for all clients, Consumer() in place of Consumer.as_asgi(), answers the "
        "wrong one.",
    ),
    Mistake(
        "another message",
        ANY,
        "The contract wants exactly what was sent: no greeting, nothing added, "
        "nothing changed, text as text and bytes as bytes, in the order sent.",
    ),
    Mistake(
        r"close 10(00|05)",
        ANY,
        "The server closed first. The contract leaves the close to the client: do "
        "not call self.close() here.",
    ),
    Mistake(
        r"close 1011",
        ANY,
        "1011 is the server's word for an exception in its own code. Its terminal "
        "shows the traceback.",
    ),
    Mistake(
        r"close 1006",
        ANY,
        "The server dropped the connection. Daphne does so with messages over 1 MiB "
        "and with frames that break the protocol.",
    ),
]


def likely_mistake(symptom: str, printed: str) -> str:
    """Return the sentence for the first mistake that fits, or an empty string."""
    for mistake in MISTAKES:
        if not re.fullmatch(mistake.symptom, symptom):
            continue
        if found := re.search(mistake.printed, printed):
            return mistake.sentence.format(**found.groupdict())
    return ""
