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
    only: str = ""  # Where only some checks of the stage are run: as for pytest -k.


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


WELCOME = "handshake takes the room from the path (short)"
NAME = "handshake takes the name from the query string"
OTHER_PATH = "handshake of any other path is refused with 403"
BAD_ROOM = "handshake of a bad room is refused with 403"
BAD_NAME = "handshake with a bad name is refused with 403"
ANSWER = "message is answered with room name and text"
BAD = "message that is bad is answered with an error"
NO_PARSER = "message that no parser likes is answered"

ROUTE = r're_path(r"^ws/rooms/(?P<room>[A-Za-z0-9_-]{1,50})/$", ChatConsumer.as_asgi())'
LAST_ROUTE = """    # Last, because it matches every path.
    re_path(r"", RefusingConsumer.as_asgi()),
"""
ROUTES = f"""    # Not \\w: it also matches letters such as é.
    {ROUTE},
{LAST_ROUTE}"""
ROOM = 'self.scope["url_route"]["kwargs"]["room"]'
QUERY = 'self.scope["query_string"].decode()'
GET_NAME = 'parse_qs(query, keep_blank_values=True).get("name", ["guest"])[0]'
WELCOMES = """        await self.accept()
        await self.send_json({"type": "welcome", "room": self.room, "name": self.name})
"""
REFUSES = """            # Before accept(), this refuses the handshake with HTTP 403.
            await self.close()
            return
"""
CATCHES = "        except (ValueError, RecursionError):"
DECODES = """        try:
            message = json.loads(text_data)
        except (ValueError, RecursionError):  # The second: JSON nested without end.
            await self.send_error("bad-json", "This is not JSON.")
            return
"""
BINARY = """        if text_data is None:
            await self.send_error("binary", "Send text frames, not binary ones.")
            return
"""
TOO_LONG = 'case {"type": "message", "text": str(text)} if len(text) > LONGEST_TEXT:'
GOOD = 'case {"type": "message", "text": str(text)} if text:'
ERROR = '{"type": "error", "code": code, "detail": detail}'
DUMPS = "await self.send(text_data=json.dumps(message))"


def routes(*lines: str) -> tuple[str, str, str]:
    """Return a mistake that replaces all the routes by these."""
    return ROUTING, ROUTES, "".join(f"    {line},\n" for line in lines)


STAGE02 = [
    Mistake(
        "a slash at the start, and no last route",
        *routes(ROUTE.replace("^ws", "^/ws")),
        HANDSHAKE,
        "A route has no slash at its start",
    ),
    Mistake(
        "a slash at the start, and a last route",
        ROUTING,
        "^ws",
        "^/ws",
        HANDSHAKE,
        "A route has no slash at its start",
    ),
    Mistake(
        "no slash at the end",
        *routes(ROUTE.replace("/$", "$")),
        HANDSHAKE,
        "A route has no slash at its start, one at its end",
    ),
    Mistake(
        "a converter of path() in re_path()",
        *routes('re_path(r"^ws/rooms/<str:room>/$", ChatConsumer.as_asgi())'),
        HANDSHAKE,
        "path() takes <slug:room>",
    ),
    Mistake(
        "a regular expression in path()",
        ROUTING,
        "import re_path",
        "import path as re_path",
        HANDSHAKE,
        "re_path() takes (?P<room>…)",
    ),
    Mistake(
        "a group without its parentheses",
        *routes(r're_path(r"^ws/rooms/?p<room>\wt/$", ChatConsumer.as_asgi())'),
        HANDSHAKE,
        "re_path() takes (?P<room>…)",
    ),
    Mistake(
        "the query string in the route",
        *routes('re_path(r"^ws/rooms/(\\w+)/?name=(\\w+)$", ChatConsumer.as_asgi())'),
        HANDSHAKE,
        "and no query string",
    ),
    Mistake(
        "a room that is a number",
        *routes(r're_path(r"^ws/rooms/(?P<room>\d+)/$", ChatConsumer.as_asgi())'),
        HANDSHAKE,
        "path() takes <slug:room>",
    ),
    Mistake(
        "the last route first",
        *routes('re_path(r"", RefusingConsumer.as_asgi())', ROUTE),
        HANDSHAKE,
        "the first route that matches wins",
    ),
    Mistake(
        "a group without its P",
        ROUTING,
        "(?P<room>",
        "(?<room>",
        HANDSHAKE,
        "A group with a name is written (?P<room>…)",
    ),
    Mistake(
        "a group with a small p",
        ROUTING,
        "(?P<room>",
        "(?p<room>",
        HANDSHAKE,
        "with a capital P",
    ),
    Mistake(
        "no hyphen in a room, and no last route",
        *routes(ROUTE.replace("[A-Za-z0-9_-]", r"\w")),
        "handshake takes the room from the path (all)",
        r"\w does not match a hyphen",
    ),
    Mistake(
        "no hyphen in a room, and a last route",
        ROUTING,
        "[A-Za-z0-9_-]",
        r"\w",
        "handshake takes the room from the path (all)",
        r"\w does not match a hyphen",
    ),
    Mistake(
        "another name of the group",
        ROUTING,
        "<room>",
        "<room_name>",
        HANDSHAKE,
        "The route catches nothing called room",
    ),
    Mistake(
        "a group without a name",
        ROUTING,
        "?P<room>",
        "",
        HANDSHAKE,
        "Its group needs the name that connect() looks up: (?P<room>…)",
    ),
    Mistake(
        "self.kwargs",
        CONSUMERS,
        ROOM,
        'self.kwargs["room"]',
        HANDSHAKE,
        "it has no self.kwargs",
    ),
    Mistake(
        "the room as an argument of connect()",
        CONSUMERS,
        f"async def connect(self):\n        self.room = {ROOM}",
        "async def connect(self, room):\n        self.room = room",
        HANDSHAKE,
        "Channels calls connect() without arguments",
    ),
    Mistake(
        "kwargs looked up in the scope",
        CONSUMERS,
        ROOM,
        'self.scope["kwargs"]["room"]',
        HANDSHAKE,
        "The scope has no kwargs there",
    ),
    Mistake(
        "the room looked up beside kwargs",
        CONSUMERS,
        ROOM,
        'self.scope["url_route"]["room"]',
        HANDSHAKE,
        "The scope has no room there",
    ),
    Mistake(
        "a route that is no list",
        "config/asgi.py",
        "URLRouter(websocket_urlpatterns)",
        "URLRouter(websocket_urlpatterns[0])",
        HANDSHAKE,
        "URLRouter takes a list of routes",
    ),
    Mistake(
        "as_asgi() of the route",
        ROUTING,
        "ChatConsumer.as_asgi())",
        "ChatConsumer).as_asgi()",
        HANDSHAKE,
        "as_asgi() belongs to the consumer",
    ),
    Mistake(
        "another name of the list of routes",
        ROUTING,
        "websocket_urlpatterns =",
        "urlpatterns =",
        HANDSHAKE,
        "cannot import name 'websocket_urlpatterns'",
    ),
    Mistake(
        "a name that is not imported",
        ROUTING,
        're_path(r""',
        'path(r""',
        HANDSHAKE,
        "The start ends in chat/routing.py, line 9: NameError: name 'path'",
    ),
    Mistake(
        "the query string split as text",
        CONSUMERS,
        f"query = {QUERY}",
        'query = self.scope["query_string"].split("&")[0]',
        HANDSHAKE,
        "The query string is bytes",
    ),
    Mistake(
        "the query string sent as it is",
        CONSUMERS,
        f"query = {QUERY}\n        self.name = {GET_NAME}",
        'self.name = self.scope["query_string"] or b"guest"',
        WELCOME,
        "The query string is bytes",
    ),
    Mistake(
        "the query string not decoded",
        CONSUMERS,
        QUERY,
        QUERY.removesuffix(".decode()"),
        f"{NAME} (alone)",
        '"name" is none of its keys',
    ),
    Mistake(
        "no name",
        CONSUMERS,
        GET_NAME,
        '"guest"',
        f"{NAME} (alone)",
        "The name is not taken from the query string",
    ),
    Mistake(
        "percent signs not decoded",
        CONSUMERS,
        GET_NAME,
        'query.rpartition("name=")[2] or "guest"',
        f"{NAME} (encoded)",
        "The name is still percent-encoded",
    ),
    Mistake(
        "the query string decoded before it is split",
        CONSUMERS,
        QUERY,
        f'{QUERY}.replace("%26", "&").replace("%3D", "=")',
        f"{NAME} (signs)",
        "parse_qs() splits first and decodes then",
    ),
    Mistake(
        "a name counted in bytes",
        CONSUMERS,
        "len(self.name)",
        "len(self.name.encode())",
        f"{NAME} (wide)",
        "The server refused a name that the contract allows",
    ),
    Mistake(
        "a name of 29 characters at most",
        CONSUMERS,
        "<= LONGEST_NAME",
        "< LONGEST_NAME",
        f"{NAME} (long)",
        "The server refused a name that the contract allows",
    ),
    Mistake(
        "no name is a bad name",
        CONSUMERS,
        '["guest"]',
        '[""]',
        HANDSHAKE,
        "Without a name, the client is a guest",
    ),
    Mistake(
        "a guest by another name",
        CONSUMERS,
        '["guest"]',
        '["anonymous"]',
        "handshake without a name makes a guest (none)",
        'Who gives no name is called "guest"',
    ),
    Mistake(
        "a welcome before accept()",
        CONSUMERS,
        WELCOMES,
        "".join(reversed(WELCOMES.splitlines(keepends=True))),
        HANDSHAKE,
        "Call `await self.accept()` first, then send the welcome",
    ),
    Mistake(
        "no welcome",
        CONSUMERS,
        WELCOMES,
        WELCOMES.splitlines(keepends=True)[0],
        WELCOME,
        "When connect() has accepted, it sends the welcome",
    ),
    Mistake(
        "another type of welcome",
        CONSUMERS,
        '"welcome"',
        '"hello"',
        WELCOME,
        "The first message must be the welcome",
    ),
    Mistake(
        "no room in the welcome",
        CONSUMERS,
        '"welcome", "room": self.room,',
        '"welcome",',
        WELCOME,
        "The first message must be the welcome, with all its keys",
    ),
    Mistake(
        "one room for all",
        CONSUMERS,
        ROOM,
        '"garden"',
        WELCOME,
        "The room is not the one in the path",
    ),
    Mistake(
        "json.dumps() twice",
        CONSUMERS,
        "json.dumps(message)",
        "json.dumps(json.dumps(message))",
        WELCOME,
        "Done twice",
    ),
    Mistake(
        "a dict for send()",
        CONSUMERS,
        DUMPS,
        "await self.send(message)",
        WELCOME,
        "send() takes text, and was given a dict",
    ),
    Mistake(
        "no last route",
        ROUTING,
        LAST_ROUTE,
        "",
        f"{OTHER_PATH} (root)",
        'As the last route add re_path(r"", …)',
    ),
    Mistake(
        "a route without its $",
        ROUTING,
        "/$",
        "/",
        f"{OTHER_PATH} (deeper)",
        "A route matches more than it should",
    ),
    Mistake(
        "rooms of any length",
        ROUTING,
        "{1,50}",
        "+",
        f"{BAD_ROOM} (long)",
        "A room of 51 characters was let in. Write {1,50} for +",
    ),
    Mistake(
        "rooms of any characters",
        ROUTING,
        "[A-Za-z0-9_-]",
        "[^/]",
        f"{BAD_ROOM} (dot)",
        "The route takes any character for a room",
    ),
    Mistake(
        "rooms of the letters of every script",
        ROUTING,
        "[A-Za-z0-9_-]",
        r"[\w-]",
        f"{BAD_ROOM} (accent)",
        r"\w matches the letters and digits of every script",
    ),
    Mistake(
        "an empty name taken for none",
        CONSUMERS,
        ", keep_blank_values=True",
        "",
        f"{BAD_NAME} (empty)",
        "parse_qs() leaves it out unless keep_blank_values=True",
    ),
    Mistake(
        "a close() after accept() for a bad name",
        CONSUMERS,
        REFUSES,
        f"            await self.accept()\n{REFUSES}",
        f"{BAD_NAME} (empty)",
        "only a close() before accept() is a refusal",
    ),
    Mistake(
        "names of any length",
        CONSUMERS,
        "1 <= len(self.name) <= LONGEST_NAME",
        "self.name",
        f"{BAD_NAME} (long)",
        "A name of 31 characters was let in",
    ),
    Mistake(
        "a name that must be UTF-8",
        CONSUMERS,
        "keep_blank_values=True",
        'keep_blank_values=True, errors="strict"',
        "handshake with a name that is no UTF-8 is answered (percent)",
        "A client may send any bytes in the query string",
    ),
    Mistake(
        "receive misspelt",
        CONSUMERS,
        "def receive(",
        "def recieve(",
        f"{ANSWER} (ascii)",
        "Is the method called receive, spelt so?",
    ),
    Mistake(
        "receive() in another class",
        CONSUMERS,
        f"    {SIGNATURE}:",
        "    async def send_json(self, message):\n"
        f"        {DUMPS}\n\n\nclass Lost(AsyncWebsocketConsumer):\n    {SIGNATURE}:",
        f"{ANSWER} (ascii)",
        "Does it stand in the class that the route names?",
    ),
    Mistake(
        "receive() in a JSON consumer",
        CONSUMERS,
        f"    {SIGNATURE}:",
        f"    {SIGNATURE}:\n        pass\n\n    async def receive_json(self, content):",
        f"{ANSWER} (ascii)",
        "In a JSON consumer of Channels it is called receive_json",
    ),
    Mistake(
        "send_json() without await",
        CONSUMERS,
        DUMPS,
        DUMPS.removeprefix("await "),
        WELCOME,
        "An `await` is missing in chat/consumers.py, line ",
    ),
    Mistake(
        "the text in another key",
        CONSUMERS,
        '"text": text,',
        '"message": text,',
        f"{ANSWER} (ascii)",
        "A key of the answer is missing or wrong",
    ),
    Mistake(
        "an answer without a type",
        CONSUMERS,
        '"type": "message",\n                        "room"',
        '"room"',
        f"{ANSWER} (ascii)",
        "A key of the answer is missing or wrong",
    ),
    Mistake(
        "another key looked for",
        CONSUMERS,
        GOOD,
        'case {"type": "message", "message": str(text)} if text:',
        f"{ANSWER} (ascii)",
        "A good message was called bad",
    ),
    Mistake(
        "a text counted in bytes",
        CONSUMERS,
        "len(text) >",
        "len(text.encode()) >",
        f"{ANSWER} (wide)",
        "count characters, not bytes",
    ),
    Mistake(
        "a text of 1,999 characters at most",
        CONSUMERS,
        "len(text) >",
        "len(text) >=",
        f"{ANSWER} (long)",
        "Compare its length with <=",
    ),
    Mistake(
        "a message for everybody",
        CONSUMERS,
        f"        {DUMPS}\n",
        "        everybody.add(self)\n"
        "        for client in everybody:\n"
        "            await client.send(text_data=json.dumps(message))\n"
        "\n\neverybody = set()\n",
        "message is answered to the sender only",
        "a list of all consumers in the module reaches everybody",
    ),
    Mistake(
        "JSON that is no JSON",
        CONSUMERS,
        DECODES,
        "        message = json.loads(text_data)\n",
        f"{BAD} (words)",
        "json.loads() raises a ValueError for what is not JSON",
    ),
    Mistake(
        "no answer to what is no JSON",
        CONSUMERS,
        'await self.send_error("bad-json", "This is not JSON.")',
        "pass",
        f"{BAD} (words)",
        "a bad one gets an error",
    ),
    Mistake(
        "an error without a code",
        CONSUMERS,
        ERROR,
        '{"type": "error", "error": detail}',
        f"{BAD} (words)",
        '"code": …',
    ),
    Mistake(
        "an error of another kind",
        CONSUMERS,
        ERROR,
        '{"error": detail}',
        f"{BAD} (words)",
        '{"type": "error", "code": …, "detail": …}',
    ),
    Mistake(
        "another code",
        CONSUMERS,
        '"bad-json"',
        '"invalid-json"',
        f"{BAD} (words)",
        "An error has one of four codes",
    ),
    Mistake(
        "a close after an error",
        CONSUMERS,
        f"await self.send_json({ERROR})",
        f"await self.send_json({ERROR})\n        await self.close()",
        f"{BAD} (words)",
        "even after a bad message: do not call self.close() here",
    ),
    Mistake(
        "keys taken for granted",
        CONSUMERS,
        DECODES,
        f"{DECODES}        message['text']\n",
        f"{BAD} (list)",
        "A client may send anything: no object, no such key",
    ),
    Mistake(
        "any type",
        CONSUMERS,
        GOOD,
        'case {"text": str(text)} if text:',
        f"{BAD} (untyped)",
        "The type was not looked at",
    ),
    Mistake(
        "a text that is no string",
        CONSUMERS,
        GOOD,
        'case {"type": "message", "text": text} if text:',
        f"{BAD} (number)",
        "isinstance(text, str)",
    ),
    Mistake(
        "the length of a text that has none",
        CONSUMERS,
        TOO_LONG,
        TOO_LONG.replace("str(text)", "text"),
        f"{BAD} (number)",
        "object of type 'int' has no len(). A client may send anything",
    ),
    Mistake(
        "an empty text",
        CONSUMERS,
        GOOD,
        GOOD.removesuffix(" if text:") + ":",
        f"{BAD} (empty text)",
        "and not an empty one",
    ),
    Mistake(
        "texts of any length",
        CONSUMERS,
        "len(text) > LONGEST_TEXT",
        "not isinstance(text, str)",
        f"{BAD} (2001 characters)",
        "Compare len(text) with 2,000",
    ),
    Mistake(
        "an echo of binary",
        CONSUMERS,
        'await self.send_error("binary", "Send text frames, not binary ones.")',
        "await self.send(bytes_data=bytes_data)",
        f"{BAD} (bytes)",
        "A binary frame was not answered with an error",
    ),
    Mistake(
        "binary frames read as text",
        CONSUMERS,
        BINARY,
        "        text_data = bytes_data if text_data is None else text_data\n",
        f"{BAD} (bytes)",
        "A binary frame was taken for a text",
    ),
    Mistake(
        "binary frames read as text, if they are text",
        CONSUMERS,
        "        if text_data is None:\n",
        "        try:\n"
        "            text_data = bytes_data.decode() if bytes_data else text_data\n"
        "        except ValueError:\n",
        f"{BAD} (JSON in bytes)",
        "A binary frame was taken for a text",
    ),
    Mistake(
        "only ValueError is caught",
        CONSUMERS,
        f"{CATCHES}  # The second: JSON nested without end.",
        "        except ValueError:",
        f"{NO_PARSER} (nested)",
        "makes json.loads() raise RecursionError",
    ),
    Mistake(
        "only JSONDecodeError is caught",
        CONSUMERS,
        CATCHES,
        "        except (json.JSONDecodeError, RecursionError):",
        f"{NO_PARSER} (huge number)",
        "Catch ValueError, not only JSONDecodeError",
    ),
    Mistake(
        "JSON that is not ASCII",
        CONSUMERS,
        "json.dumps(message)",
        "json.dumps(message, ensure_ascii=False)",
        f"{NO_PARSER} (half a character)",
        "json.dumps() without ensure_ascii=False",
    ),
    Mistake(
        "another signature of disconnect()",
        CONSUMERS,
        f"    {SIGNATURE}",
        f"    async def disconnect(self):\n        pass\n\n    {SIGNATURE}",
        "handshake that is refused raises nothing in the server",
        "Channels calls ChatConsumer.disconnect() with other arguments",
    ),
    Mistake(
        "an answer to a client that has left",
        CONSUMERS,
        "        with suppress(Disconnected):\n            await super()",
        "        if True:\n            await super()",
        "close right after a message raises nothing in the server",
        "send() raises Disconnected then",
    ),
]


TOLD_IN_MEMORY = "told_to_everyone_in and memory"
TOLD = "handshake is told to everyone in the room (in memory)"

MEMORY_LAYER = """    "default": {
        "BACKEND": "channels.layers.InMemoryChannelLayer",
        # Of the events that wait for a client, all after the 100th would be dropped.
        "CONFIG": {"capacity": 10_000},
"""
REDIS_LAYER = '"channels_redis.core.RedisChannelLayer"'
GROUP = 'return f"room.{room}"'
GROUP_ADD = "await self.channel_layer.group_add(group_of(self.room), self.channel_name)"
DISCARD = "await self.channel_layer.group_discard(group, self.channel_name)"
EVENT = '{"type": "room.message", "text": json.dumps(message)}'
GROUP_SEND = "await get_channel_layer().group_send(group_of(room), event)"
HANDLER = """    async def room_message(self, event):
        await self.send(text_data=event["text"])
"""
JOIN = 'await send_to_room(self.room, {"type": "join", "name": self.name})'
LEAVE = 'await send_to_room(self.room, {"type": "leave", "name": self.name})'
CAUGHT = "(redis.ConnectionError, redis.TimeoutError) as error"
ANNOUNCE = "chat/management/commands/announce.py"

STAGE03 = [
    Mistake(
        "no group_discard()",
        CONSUMERS,
        DISCARD,
        "pass",
        "close of 200 clients leaves nothing in Redis",
        "disconnect() must await group_discard(group, self.channel_name)",
        only="200_clients",
    ),
    Mistake(
        "group_discard() of another group",
        CONSUMERS,
        DISCARD,
        DISCARD.replace("group,", "self.room,"),
        "close of 200 clients leaves nothing in Redis",
        "with the group of group_add()",
        only="200_clients",
    ),
    Mistake(
        "a hundred connections to Redis",
        SETTINGS,
        '"max_connections": 10_000',
        '"max_connections": 100',
        "close of 200 clients leaves nothing in Redis",
        '"max_connections": 10_000 beside "address"',
        only="200_clients",
    ),
    Mistake(
        "no channel layer",
        SETTINGS,
        f"{MEMORY_LAYER}    }},\n",
        "",
        "handshake switches from HTTP to WebSocket (in memory)",
        "settings.py needs CHANNEL_LAYERS",
        only="switches and memory",
    ),
    Mistake(
        "a channel layer by another name",
        SETTINGS,
        MEMORY_LAYER,
        MEMORY_LAYER.replace("default", "memory"),
        "handshake switches from HTTP to WebSocket (in memory)",
        'an entry called "default"',
        only="switches and memory",
    ),
    Mistake(
        "a channel layer that is misspelt",
        SETTINGS,
        "InMemoryChannelLayer",
        "InMemoryLayer",
        "handshake switches from HTTP to WebSocket (in memory)",
        "There is no channel layer channels.layers.InMemoryLayer",
        only="switches and memory",
    ),
    Mistake(
        "a package that is not there",
        SETTINGS,
        REDIS_LAYER,
        REDIS_LAYER.replace("_redis", "_radish"),
        "handshake switches from HTTP to WebSocket (on Redis)",
        "The second is in the package channels-redis",
        only="switches",
    ),
    Mistake(
        "one host that is no list",
        SETTINGS,
        '"CONFIG": {\n            #',
        '"CONFIG": {"hosts": REDIS_URL},\n        "UNUSED": {\n            #',
        "handshake switches from HTTP to WebSocket (on Redis)",
        '"hosts" in CHANNEL_LAYERS is a list',
        only="switches",
    ),
    Mistake(
        "a Redis at a fixed address",
        SETTINGS,
        '"address": REDIS_URL',
        '"address": "redis://127.0.0.1:1"',
        "handshake takes the name from the query string (on Redis-alone)",
        "The server looks for Redis at 127.0.0.1:1, and there is none",
        only="takes_the_name",
    ),
    Mistake(
        "a group name with a space",
        CONSUMERS,
        GROUP,
        'return f"room {room}"',
        "handshake switches from HTTP to WebSocket (in memory)",
        "The name of a group has letters, digits, - and _ and . only",
        only="switches and memory",
    ),
    Mistake(
        "channel and group swapped",
        CONSUMERS,
        GROUP_ADD,
        "await self.channel_layer.group_add(self.channel_name, group_of(self.room))",
        "handshake switches from HTTP to WebSocket (in memory)",
        "the group comes first",
        only="switches and memory",
    ),
    Mistake(
        "no group_add()",
        CONSUMERS,
        f"        {GROUP_ADD}\n",
        "",
        TOLD,
        "connect() awaits group_add(group, self.channel_name)",
        only=TOLD_IN_MEMORY,
    ),
    Mistake(
        "group_add() without await",
        CONSUMERS,
        GROUP_ADD,
        GROUP_ADD.removeprefix("await "),
        TOLD,
        "An `await` is missing in chat/consumers.py, line ",
        only=TOLD_IN_MEMORY,
    ),
    Mistake(
        "the group in place of the channel",
        CONSUMERS,
        GROUP_ADD,
        GROUP_ADD.replace("self.channel_name", "group_of(self.room)"),
        TOLD,
        "connect() awaits group_add(group, self.channel_name)",
        only=TOLD_IN_MEMORY,
    ),
    Mistake(
        "group_send() without await",
        CONSUMERS,
        GROUP_SEND,
        GROUP_SEND.removeprefix("await "),
        TOLD,
        "An `await` is missing in chat/consumers.py, line ",
        only=TOLD_IN_MEMORY,
    ),
    Mistake(
        "no join",
        CONSUMERS,
        f"        {JOIN}\n",
        "",
        TOLD,
        "This client did not hear its own join",
        only=TOLD_IN_MEMORY,
    ),
    Mistake(
        "an event without a type",
        CONSUMERS,
        EVENT,
        EVENT.replace('"type": "room.message", ', ""),
        TOLD,
        'An event needs a key "type"',
        only=TOLD_IN_MEMORY,
    ),
    Mistake(
        "another name of the handler",
        CONSUMERS,
        "def room_message(",
        "def message_of_room(",
        TOLD,
        "The consumer has no method for room.message",
        only=TOLD_IN_MEMORY,
    ),
    Mistake(
        "a hyphen in the type of an event",
        CONSUMERS,
        '"type": "room.message"',
        '"type": "room-message"',
        TOLD,
        "with an underscore for each dot",
        only=TOLD_IN_MEMORY,
    ),
    Mistake(
        "an event for the socket",
        CONSUMERS,
        '"type": "room.message"',
        '"type": "websocket.send"',
        TOLD,
        "The consumer has no method for websocket.send",
        only=TOLD_IN_MEMORY,
    ),
    Mistake(
        "a text for group_send()",
        CONSUMERS,
        EVENT,
        "json.dumps(message)",
        TOLD,
        "group_send() takes a dict",
        only=TOLD_IN_MEMORY,
    ),
    Mistake(
        "a handler without the event",
        CONSUMERS,
        HANDLER,
        HANDLER.replace("self, event", "self").replace('event["text"]', '"new"'),
        TOLD,
        "Write room_message(self, event)",
        only=TOLD_IN_MEMORY,
    ),
    Mistake(
        "another key of the event",
        CONSUMERS,
        HANDLER,
        HANDLER.replace('event["text"]', 'event["message"]'),
        TOLD,
        "The event has no key message",
        only=TOLD_IN_MEMORY,
    ),
    Mistake(
        "the event sent as it is",
        CONSUMERS,
        HANDLER,
        HANDLER.replace('text_data=event["text"]', "event"),
        TOLD,
        "send() takes text, and was given a dict",
        only=TOLD_IN_MEMORY,
    ),
    Mistake(
        "the event sent as JSON",
        CONSUMERS,
        HANDLER,
        HANDLER.replace('event["text"]', "json.dumps(event)"),
        TOLD,
        "The event itself was sent",
        only=TOLD_IN_MEMORY,
    ),
    Mistake(
        "async_to_sync() in an async consumer",
        CONSUMERS,
        GROUP_SEND,
        GROUP_SEND.replace(
            "await ", "__import__('asgiref.sync').sync.async_to_sync("
        ).replace("send(", "send)(", 1),
        TOLD,
        "async_to_sync() is for plain functions",
        only=TOLD_IN_MEMORY,
    ),
    Mistake(
        "one group for all rooms",
        CONSUMERS,
        GROUP,
        'return "room"',
        "message stays in its room (in memory)",
        "The name of a group must hold the name of the room",
        only="stays_in_its_room",
    ),
    Mistake(
        "a message for the sender twice",
        CONSUMERS,
        GOOD,
        f"{GOOD}\n"
        "                await self.send_json(\n"
        '                    message | {"room": self.room, "name": self.name}\n'
        "                )",
        "messages reach everyone in order (in memory)",
        "group_send() reaches the sender too",
        only="reach_everyone_in_order",
    ),
    Mistake(
        "a mailbox of 100 events in memory",
        SETTINGS,
        '        "CONFIG": {"capacity": 10_000},\n',
        "",
        "messages of 20 speakers at once reach everyone (in memory)",
        '"capacity": 10_000 in the CONFIG of the layer',
        only="20_speakers",
    ),
    Mistake(
        "a mailbox of 100 events on Redis",
        SETTINGS,
        '            "capacity": 10_000,\n',
        "",
        "messages of 20 speakers at once reach everyone (on Redis)",
        '"capacity": 10_000 in the CONFIG of the layer',
        only="20_speakers",
    ),
    Mistake(
        "an error for everybody",
        CONSUMERS,
        f"await self.send_json({ERROR})",
        f"await send_to_room(self.room, {ERROR})",
        "message that is bad is answered to its sender only (in memory)",
        "An error went to the whole room",
        only="sender_only and memory",
    ),
    Mistake(
        "a leave of somebody who was refused",
        CONSUMERS,
        "if self.has_joined:\n            group",
        "if True:\n            group",
        "handshake that is refused is told to nobody (in memory)",
        "remember who has joined",
        only="refused and memory",
    ),
    Mistake(
        "disconnect() relies on connect()",
        CONSUMERS,
        "    has_joined = False\n\n",
        "",
        "handshake that is refused raises nothing in the server (in memory)",
        "If connect() has not set self.has_joined by then",
        only="refused and memory",
    ),
    Mistake(
        "no leave",
        CONSUMERS,
        LEAVE,
        "pass",
        "close is told to everyone who stays (in memory)",
        "disconnect() takes it out of the group, then sends the leave",
        only="stays and memory",
    ),
    Mistake(
        "group_discard() misspelt",
        CONSUMERS,
        DISCARD,
        DISCARD.replace("discard", "disgard"),
        "close raises nothing in the server (in memory)",
        "disconnect() raised an exception, in chat/consumers.py",
        only="close_raises and memory",
    ),
    Mistake(
        "a time in an event",
        CONSUMERS,
        EVENT,
        EVENT.replace("}", ', "at": __import__("datetime").date.today()}'),
        "handshake is told to everyone in the room (on Redis)",
        "an event holds a datetime.date",
        only="told_to_everyone",
    ),
    Mistake(
        "memory for two servers",
        SETTINGS,
        "if REDIS_URL:",
        "if False:",
        "messages of two servers on one Redis reach both",
        "the channel layer of both must be Redis",
        only="two_servers",
    ),
    Mistake(
        "two databases of one Redis",
        SETTINGS,
        '"address": REDIS_URL',
        '"address": f"{REDIS_URL}/{os.getpid() % 16}"',
        "messages of two servers on one Redis reach both",
        "and the same database of it",
        only="two_servers",
    ),
    Mistake(
        "a Redis that is read for five seconds",
        SETTINGS,
        '"socket_timeout": None',
        '"socket_timeout": 5',
        "message after 8 idle seconds on Redis arrives",
        '"socket_timeout": None',
        only="8_idle",
    ),
    Mistake(
        "a command that does not wait",
        ANNOUNCE,
        "async_to_sync(send_to_room)(",
        "send_to_room(",
        "message of the command announce reaches the room",
        "group_send() needs async_to_sync() there",
        only="command_announce",
    ),
    Mistake(
        "a Redis that goes away is not caught",
        CONSUMERS,
        CAUGHT,
        "ZeroDivisionError as error",
        "close with 4503 while Redis is away and everyone is back after",
        "Catch redis.ConnectionError and redis.TimeoutError",
        only="4503",
    ),
    Mistake(
        "a name that is not imported, while Redis is away",
        CONSUMERS,
        "import redis\n",
        "",
        "close with 4503 while Redis is away and everyone is back after",
        "Python finds no redis in chat/consumers.py, line ",
        only="4503",
    ),
    Mistake(
        "another code while Redis is away",
        CONSUMERS,
        "await self.close(REDIS_AWAY)",
        "await self.close()",
        "close with 4503 while Redis is away and everyone is back after",
        "4503",
        only="4503",
    ),
    Mistake(
        "no close while Redis is away",
        CONSUMERS,
        "await self.close(REDIS_AWAY)",
        "await receive()",
        "close with 4503 while Redis is away and everyone is back after",
        "While Redis is away, nobody can be in a room",
        only="4503",
    ),
]

MISTAKES = [
    *(("stage01_echo", mistake) for mistake in STAGE01),
    *(("stage02_routing", mistake) for mistake in STAGE02),
    *(("stage03_groups", mistake) for mistake in STAGE03),
]


@pytest.mark.parametrize(
    ("stage", "mistake"),
    MISTAKES,
    ids=[f"{stage[:7]}-{mistake.name}" for stage, mistake in MISTAKES],
)
def test_mistake_is_named_by_the_check_that_promises_it(
    tmp_path: Path, stage: str, mistake: Mistake
) -> None:
    project = copy_of(ROOT / stage, tmp_path / "project")
    replace(project / mistake.file, mistake.right, mistake.wrong)
    chosen = ("-k", mistake.only) if mistake.only else ()
    result = check(stage, "--project", project, *chosen)
    assert result.returncode == pytest.ExitCode.TESTS_FAILED, result.stdout
    assert f"FAIL  {mistake.fails}\n" in result.stdout
    assert mistake.words in likely_mistake(result), result.stdout
    assert "site-packages" not in result.stdout, result.stdout
