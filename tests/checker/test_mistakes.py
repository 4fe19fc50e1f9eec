"""
The commonest mistakes: each fails the check that promises it, in words that name it.
"""

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.checker.runs import ROOT, check, copy_of, likely_mistake, replace

CONSUMERS = "chat/consumers.py"
ROUTING = "chat/routing.py"
ASGI = "config/asgi.py"
SETTINGS = "config/settings.py"

SEND = "await self.send(text_data=text_data, bytes_data=bytes_data)"
SIGNATURE = "async def receive(self, text_data=None, bytes_data=None)"
CLASS = "class EchoConsumer(AsyncWebsocketConsumer)"
IMPORT = "from channels.generic.websocket import AsyncWebsocketConsumer"


class Mistake(NamedTuple):
    """A line that goes wrong, the check that sees it, and the words that it earns."""

    name: str
    file: str
    right: str
    wrong: str
    fails: str
    words: str


HANDSHAKE = "handshake switches from HTTP to WebSocket"
FIRST_MESSAGE = "messages come only after the client speaks"
BYTES = "message of bytes comes back as the same bytes (ascii)"

STAGE01 = [
    Mistake(
        "no daphne",
        SETTINGS,
        '    "daphne",  # First: replaces runserver with one that speaks ASGI.\n',
        "",
        HANDSHAKE,
        'Put "daphne" first in INSTALLED_APPS',
    ),
    Mistake(
        "daphne, but the asgi.py of startproject",
        ASGI,
        "application = ProtocolTypeRouter(",
        "application = django_application\nunused = ProtocolTypeRouter(",
        HANDSHAKE,
        "asgi.py is still the one that startproject wrote",
    ),
    Mistake(
        "websockets for websocket",
        ASGI,
        '"websocket":',
        '"websockets":',
        HANDSHAKE,
        'no entry "websocket"',
    ),
    Mistake(
        "no as_asgi()",
        ROUTING,
        "EchoConsumer.as_asgi()",
        "EchoConsumer",
        HANDSHAKE,
        "Write EchoConsumer.as_asgi(), with the parentheses",
    ),
    Mistake(
        "one consumer object for all",
        ROUTING,
        "EchoConsumer.as_asgi()",
        "EchoConsumer()",
        "message comes back to no one else",
        "Consumer() in place of Consumer.as_asgi()",
    ),
    Mistake(
        "a wrong path",
        ROUTING,
        "ws/echo/",
        "ws/ecco/",
        HANDSHAKE,
        "No route in routing.py matches 'ws/echo/'",
    ),
    Mistake(
        "a slash at the start of the route",
        ROUTING,
        "ws/echo/",
        "/ws/echo/",
        HANDSHAKE,
        "a route has no slash at its start",
    ),
    Mistake(
        "a route that matches too much",
        ROUTING,
        'path("ws/echo/", EchoConsumer.as_asgi()),',
        'path("ws/echo/", EchoConsumer.as_asgi()),\n'
        '    path("ws/<path:rest>", EchoConsumer.as_asgi()),',
        "handshake of any other path is refused",
        "A route matches more than it should",
    ),
    Mistake(
        "no accept()",
        CONSUMERS,
        "await self.accept()",
        "pass",
        HANDSHAKE,
        "Call `await self.accept()` in it",
    ),
    Mistake(
        "accept() without await",
        CONSUMERS,
        "await self.accept()",
        "self.accept()",
        HANDSHAKE,
        "An `await` is missing in chat/consumers.py, line 13: "
        "AsyncWebsocketConsumer.accept()",
    ),
    Mistake(
        "accept without parentheses",
        CONSUMERS,
        "await self.accept()",
        "await self.accept",
        HANDSHAKE,
        "Write `await self.accept()`, with the parentheses",
    ),
    Mistake(
        "connect() is not async",
        CONSUMERS,
        "async def connect(self):",
        "def connect(self):\n        return None\n\n    async def unused(self):",
        HANDSHAKE,
        "Channels awaited a method that is not `async def`",
    ),
    Mistake(
        "an async method in a synchronous consumer",
        CONSUMERS,
        f"{IMPORT}\n\n\n{CLASS}",
        f"{IMPORT.replace('Async', '')}\n\n\n{CLASS.replace('Async', '')}",
        HANDSHAKE,
        "connect() is `async def`, but its class is synchronous",
    ),
    Mistake(
        "an exception in connect()",
        CONSUMERS,
        "await self.accept()",
        'self.scope["room"]',
        HANDSHAKE,
        "connect() raised an exception, in chat/consumers.py, line 13: KeyError",
    ),
    Mistake(
        "a refusal",
        CONSUMERS,
        "await self.accept()",
        "await self.close()",
        HANDSHAKE,
        "connect() closed the connection before it accepted",
    ),
    Mistake(
        "a greeting",
        CONSUMERS,
        "await self.accept()",
        'await self.accept()\n        await self.send(text_data="welcome")',
        FIRST_MESSAGE,
        "no greeting",
    ),
    Mistake(
        "send() without await",
        CONSUMERS,
        SEND,
        SEND.removeprefix("await "),
        FIRST_MESSAGE,
        "An `await` is missing in chat/consumers.py, line 18: "
        "AsyncWebsocketConsumer.send()",
    ),
    Mistake(
        "receive misspelt",
        CONSUMERS,
        "def receive(",
        "def recieve(",
        FIRST_MESSAGE,
        "Is the method called receive, spelt so?",
    ),
    Mistake(
        "another signature of receive()",
        CONSUMERS,
        SIGNATURE,
        "async def receive(self, message)",
        FIRST_MESSAGE,
        "Channels calls EchoConsumer.receive() with other arguments",
    ),
    Mistake(
        "an exception in receive()",
        CONSUMERS,
        SEND,
        "await self.send(text_data=text_data + 1)",
        FIRST_MESSAGE,
        "receive() raised an exception, in chat/consumers.py, line 18: TypeError",
    ),
    Mistake(
        "something added to the message",
        CONSUMERS,
        SEND,
        'await self.send(text_data=f"You said: {text_data}")',
        FIRST_MESSAGE,
        "nothing added",
    ),
    Mistake(
        "text only, by the signature",
        CONSUMERS,
        f"{SIGNATURE}:",
        "async def receive(self, text_data):\n        bytes_data = None",
        BYTES,
        "receive(self, text_data=None, bytes_data=None)",
    ),
    Mistake(
        "text only, by the answer",
        CONSUMERS,
        SEND,
        "await self.send(text_data=text_data)",
        BYTES,
        "send back bytes_data too",
    ),
    Mistake(
        "a message for everybody",
        CONSUMERS,
        f"        {SEND}",
        "        everybody.add(self)\n"
        "        for client in everybody:\n"
        "            await client.send(text_data=text_data, bytes_data=bytes_data)\n"
        "\n\neverybody = set()",
        "message comes back to no one else",
        "exactly what was sent",
    ),
    Mistake(
        "a close after the answer",
        CONSUMERS,
        SEND,
        f"{SEND}\n        await self.close()",
        "messages come back in order",
        "The contract leaves the close to the client",
    ),
    Mistake(
        "another signature of disconnect()",
        CONSUMERS,
        f"    {SIGNATURE}",
        f"    async def disconnect(self):\n        pass\n\n    {SIGNATURE}",
        "close raises nothing in the server",
        "Channels calls EchoConsumer.disconnect() with other arguments",
    ),
    Mistake(
        "a syntax error",
        CONSUMERS,
        "async def connect(self):",
        "async def connect(self)",
        HANDSHAKE,
        "Python cannot read chat/consumers.py, line 11: expected ':'",
    ),
    Mistake(
        "await in a plain def",
        CONSUMERS,
        "async def connect(self):",
        "def connect(self):",
        HANDSHAKE,
        "Write `async def` in front of the method that awaits",
    ),
    Mistake(
        "a module misspelt in asgi.py",
        ASGI,
        "from chat.routing",
        "from chat.rooting",
        HANDSHAKE,
        "An import fails: No module named 'chat.rooting'",
    ),
    Mistake(
        "another name in asgi.py",
        ASGI,
        "\napplication =",
        "\napp =",
        HANDSHAKE,
        "config.asgi defines no application",
    ),
    Mistake(
        "another name of the settings in manage.py",
        "manage.py",
        '"config.settings"',
        '"configuration.settings"',
        HANDSHAKE,
        "An import fails: No module named 'configuration'",
    ),
    Mistake(
        "no DEBUG",
        SETTINGS,
        "DEBUG = True\n",
        "",
        HANDSHAKE,
        "settings.py lacks `DEBUG = True`",
    ),
]


@pytest.mark.parametrize("mistake", STAGE01, ids=[m.name for m in STAGE01])
def test_mistake_is_named_by_the_check_that_promises_it(
    tmp_path: Path, mistake: Mistake
) -> None:
    project = copy_of(ROOT / "stage01_echo", tmp_path / "project")
    replace(project / mistake.file, mistake.right, mistake.wrong)
    result = check("stage01_echo", "--project", project)
    assert result.returncode == pytest.ExitCode.TESTS_FAILED, result.stdout
    assert f"FAIL  {mistake.fails}\n" in result.stdout
    assert mistake.words in likely_mistake(result), result.stdout
    assert "site-packages" not in result.stdout, result.stdout
