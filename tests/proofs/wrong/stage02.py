"""Mistakes in stage 2, in the order of its checks."""

from tests.proofs.wrong.mistake import (
    ASGI,
    CONSUMERS,
    CONVERTERS,
    FAULTS,
    ROUTING,
    Mistake,
)
from tests.proofs.wrong.stage01 import HANDSHAKE, SIGNATURE

WELCOME = "handshake takes the room from the path (room of 1)"
NAME = "handshake takes the name from the query string"
OTHER_PATH = "handshake of any other path is refused with 403"
BAD_ROOM = "handshake of a bad room is refused with 403"
BAD_NAME = "handshake with a bad name is refused with 403"
ANSWER = "message is answered with room name and text"
BAD = "message that is bad is answered with an error"
NO_PARSER = "message that no parser likes is answered"

ROUTE = 'path("ws/rooms/<room:room>/", ChatConsumer.as_asgi())'
LAST = 're_path(r"", refuse)'
LAST_ROUTE = f"""    # Last, because it matches every path.
    {LAST},
"""
ROUTES = f"    {ROUTE},\n{LAST_ROUTE}"
# Another right way to write it, with mistakes of its own.
PATTERN = (
    r're_path(r"^ws/rooms/(?P<room>[A-Za-z0-9_-]{1,50})/$", ChatConsumer.as_asgi())'
)
REGEX = '"[A-Za-z0-9_-]{1,50}"'
IMPORTS = "from django.urls import path, re_path"
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
PREFIX = "handshake of a client that makes a prefix up is like any other"
LEFT = "close right after a message raises nothing in the server"
DUMPS = "await self.send(text_data=json.dumps(message))"


def routes(*lines: str) -> tuple[str, str, str]:
    """Return a mistake that replaces all the routes by these."""
    return ROUTING, ROUTES, "".join(f"    {line},\n" for line in lines)


STAGE02 = [
    Mistake(
        "a slash at the start, and no last route",
        *routes(ROUTE.replace('"ws', '"/ws')),
        HANDSHAKE,
        "has a slash at its start. A path comes to it without one",
    ),
    Mistake(
        "a slash at the start, and a last route",
        ROUTING,
        '"ws',
        '"/ws',
        HANDSHAKE,
        "has a slash at its start. A path comes to it without one",
    ),
    Mistake(
        "no slash at the end",
        *routes(ROUTE.replace('/"', '"')),
        HANDSHAKE,
        "does not end with a slash, as the path of the contract does",
    ),
    Mistake(
        "a converter of path() in re_path()",
        *routes('re_path(r"^ws/rooms/<str:room>/$", ChatConsumer.as_asgi())'),
        HANDSHAKE,
        "has a converter, and re_path() knows none",
    ),
    Mistake(
        "a regular expression in path()",
        *routes(PATTERN.removeprefix("re_")),
        HANDSHAKE,
        "Regular expressions are for re_path()",
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
        "a route does not see what comes after the",
    ),
    Mistake(
        "a room that is a number",
        *routes(r're_path(r"^ws/rooms/(?P<room>\d+)/$", ChatConsumer.as_asgi())'),
        HANDSHAKE,
        "path() takes <slug:room>",
    ),
    Mistake(
        "the last route first",
        *routes(LAST, ROUTE),
        HANDSHAKE,
        "this route matches everything, and the first that matches wins",
    ),
    Mistake(
        "a group without its P",
        *routes(PATTERN.replace("(?P<", "(?<"), LAST),
        HANDSHAKE,
        "A group with a name is written (?P<room>…)",
    ),
    Mistake(
        "a group with a small p",
        *routes(PATTERN.replace("(?P<", "(?p<"), LAST),
        HANDSHAKE,
        "with a capital P",
    ),
    Mistake(
        "no hyphen in a room, and no last route",
        *routes(PATTERN.replace("[A-Za-z0-9_-]", r"\w")),
        "handshake takes the room from the path (all signs)",
        r"\w does not match a hyphen",
    ),
    Mistake(
        "no hyphen in a room, and a last route",
        CONVERTERS,
        REGEX,
        'r"\\w{1,50}"',
        "handshake takes the room from the path (all signs)",
        r"\w does not match a hyphen",
    ),
    Mistake(
        "another name of the group",
        ROUTING,
        "<room:room>",
        "<room:room_name>",
        HANDSHAKE,
        "The route catches nothing called room",
    ),
    Mistake(
        "a group without a name",
        *routes(PATTERN.replace("?P<room>", ""), LAST),
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
        "Channels calls connect() with other arguments",
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
        ASGI,
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
        IMPORTS,
        IMPORTS.removesuffix(", re_path"),
        HANDSHAKE,
        "Python finds no re_path in chat/routing.py, line 10",
    ),
    Mistake(
        "a converter that is not imported",
        "config/urls.py",
        "from chat import converters  # noqa: F401  # It registers <room:…>.\n",
        "",
        HANDSHAKE,
        "Django knows no converter 'room'",
    ),
    Mistake(
        "a converter by another name",
        CONVERTERS,
        '"room")',
        '"rooms")',
        HANDSHAKE,
        "Django knows no converter 'room'",
    ),
    Mistake(
        "a converter that is an object",
        CONVERTERS,
        "(RoomConverter,",
        "(RoomConverter(),",
        HANDSHAKE,
        "register_converter() takes the class, without parentheses",
    ),
    Mistake(
        "a converter of its own kind",
        CONVERTERS,
        "class RoomConverter(StringConverter):",
        "class RoomConverter:",
        HANDSHAKE,
        "Let the class inherit from StringConverter",
    ),
    Mistake(
        "a converter with anchors",
        CONVERTERS,
        REGEX,
        '"^[A-Za-z0-9_-]{1,50}$"',
        HANDSHAKE,
        "the regex of a converter has neither ^ nor $",
    ),
    Mistake(
        "as_asgi() of a function",
        ROUTING,
        LAST,
        LAST.replace("refuse", "refuse.as_asgi()"),
        HANDSHAKE,
        "A function that takes (scope, receive, send) is an application already",
    ),
    Mistake(
        "a guard that returns nothing",
        FAULTS,
        "    return guarded\n",
        "",
        HANDSHAKE,
        "A function that wraps an application must return one",
    ),
    Mistake(
        "a guard that is async itself",
        FAULTS,
        "def guard(",
        "async def guard(",
        HANDSHAKE,
        "A function that wraps an application is a plain `def`",
    ),
    Mistake(
        "a guard that does not wait",
        FAULTS,
        "await application(",
        "application(",
        HANDSHAKE,
        "an `await` is missing in front of application(…)",
    ),
    Mistake(
        "a function that refuses with two arguments",
        FAULTS,
        "refuse(scope, receive, send)",
        "refuse(scope, send)",
        f"{OTHER_PATH} (root)",
        "An ASGI application takes (scope, receive, send)",
    ),
    Mistake(
        "no guard",
        ASGI,
        "guard(URLRouter(websocket_urlpatterns))",
        "URLRouter(websocket_urlpatterns)",
        PREFIX,
        'around the URLRouter: await application({**scope, "root_path": ""}',
    ),
    Mistake(
        "a prefix that a client makes up",
        FAULTS,
        '{**scope, "root_path": ""}',
        "scope",
        PREFIX,
        'around the URLRouter: await application({**scope, "root_path": ""}',
    ),
    Mistake(
        "the query string split as text",
        CONSUMERS,
        f"query = {QUERY}",
        'query = self.scope["query_string"].split("&")[0]',
        HANDSHAKE,
        "The query string and the headers are bytes",
    ),
    Mistake(
        "the query string sent as it is",
        CONSUMERS,
        f"query = {QUERY}\n        self.name = {GET_NAME}",
        'self.name = self.scope["query_string"] or b"guest"',
        WELCOME,
        "The query string and the headers are bytes",
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
        "The name is not the one in the query string",
    ),
    Mistake(
        "a list for the name",
        CONSUMERS,
        GET_NAME,
        GET_NAME.removesuffix("[0]"),
        f"{NAME} (alone)",
        "Take the first, with `[0]`: parse_qs() gives a list for each key",
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
        f"{NAME} (30 emojis)",
        "The server refused a name that the contract allows",
    ),
    Mistake(
        "a name of 29 characters at most",
        CONSUMERS,
        "<= LONGEST_NAME",
        "< LONGEST_NAME",
        f"{NAME} (name of 30)",
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
        "handshake without a name makes a guest (no query)",
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
        'As the last route add re_path(r"", refuse)',
    ),
    Mistake(
        "a route without its $",
        *routes(PATTERN.replace("/$", "/"), LAST),
        f"{OTHER_PATH} (deeper)",
        "A route matches more than it should",
    ),
    Mistake(
        "rooms of any length",
        CONVERTERS,
        "{1,50}",
        "+",
        f"{BAD_ROOM} (room of 51)",
        "A room of 51 characters was let in. <slug:room> and + know no length",
    ),
    Mistake(
        "a slug for a room",
        ROUTING,
        "<room:room>",
        "<slug:room>",
        f"{BAD_ROOM} (room of 51)",
        "A room of 51 characters was let in. <slug:room> and + know no length",
    ),
    Mistake(
        "rooms of any characters",
        CONVERTERS,
        "[A-Za-z0-9_-]",
        "[^/]",
        f"{BAD_ROOM} (dot)",
        "The route takes more for a room",
    ),
    Mistake(
        "rooms of the letters of every script",
        CONVERTERS,
        REGEX,
        'r"[\\w-]{1,50}"',
        f"{BAD_ROOM} (accent)",
        r"\w matches the letters and digits of every script",
    ),
    Mistake(
        "an empty name taken for none",
        CONSUMERS,
        ", keep_blank_values=True",
        "",
        f"{BAD_NAME} (empty name)",
        "parse_qs() leaves it out unless keep_blank_values=True",
    ),
    Mistake(
        "a close() after accept() for a bad name",
        CONSUMERS,
        REFUSES,
        f"            await self.accept()\n{REFUSES}",
        f"{BAD_NAME} (empty name)",
        "only a close() before accept() is a refusal",
    ),
    Mistake(
        "names of any length",
        CONSUMERS,
        "1 <= len(self.name) <= LONGEST_NAME",
        "self.name",
        f"{BAD_NAME} (name of 31)",
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
        "Channels calls no method recieve(). Its name is receive()",
    ),
    Mistake(
        "receive() in another class",
        CONSUMERS,
        f"    {SIGNATURE}:",
        "    async def send_json(self, message):\n"
        f"        {DUMPS}\n\n\nclass Lost(AsyncWebsocketConsumer):\n    {SIGNATURE}:",
        f"{ANSWER} (ascii)",
        "does receive() stand in the class that the route names",
    ),
    Mistake(
        "receive() in a JSON consumer",
        CONSUMERS,
        f"    {SIGNATURE}:",
        f"    {SIGNATURE}:\n        pass\n\n    async def receive_json(self, content):",
        f"{ANSWER} (ascii)",
        "In a JSON consumer of Channels, receive_json()",
    ),
    Mistake(
        "send_json() without await",
        CONSUMERS,
        DUMPS,
        DUMPS.removeprefix("await "),
        WELCOME,
        "`await` is missing in",
    ),
    Mistake(
        "the text in another key",
        CONSUMERS,
        '**who, "text": text',
        '**who, "message": text',
        f"{ANSWER} (ascii)",
        "A key of the answer is missing or wrong",
    ),
    Mistake(
        "an answer without a type",
        CONSUMERS,
        '"type": "message", **who',
        "**who",
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
        f"{ANSWER} (2000 emojis)",
        "of the JSON around it, and no bytes",
    ),
    Mistake(
        "a text of 1,999 characters at most",
        CONSUMERS,
        "len(text) >",
        "len(text) >=",
        f"{ANSWER} (2000 characters)",
        "2,000 are allowed: compare with <=",
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
        "this loop sends to everybody who is in everybody",
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
        "even after a bad message: no self.close() here",
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
        "Channels calls disconnect() with other arguments",
    ),
    Mistake(
        "an answer to a client that has left",
        FAULTS,
        "with suppress(OSError, Disconnected):",
        "if True:",
        LEFT,
        "Daphne's send() raises Disconnected then",
        only="right_after",
    ),
    Mistake(
        "an answer to a client that has left, caught as ASGI says",
        FAULTS,
        "suppress(OSError, Disconnected)",
        "suppress(OSError)",
        LEFT,
        "Daphne's send() raises Disconnected then",
        only="right_after",
    ),
]
