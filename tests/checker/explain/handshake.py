"""The handshake is not answered with 101, in any stage."""

from tests.checker.explain.diagnosis import ANY, FRAME, NO_TRACEBACK, Diagnosis

ROUTES = (
    "A route has no slash at its start, one at its end, and no query string. path() "
    "takes <slug:room>, re_path() takes (?P<room>…), the regex of a converter has "
    "neither ^ nor $, and the first route that matches wins."
)

DIAGNOSES = [
    # Before all that the error may lead to.
    Diagnosis(
        ANY,
        FRAME + r"NameError: name '(?P<name>\w+)' is not defined",
        "Python finds no {name} in {file}, line {line}. Import it, or define it at the "
        "top of the file.",
    ),
    Diagnosis(
        ANY,
        rf"redis\.exceptions\.|{NO_TRACEBACK}",
        "A Redis that answers, and refuses, raises redis.ResponseError and others of "
        "its kind, and no ConnectionError. redis.RedisError is the parent of all: "
        "catch it, and close with 4503, who has been let in and who has not. Channels "
        "reads for one client at a time, so tell the others, too.",
        check="redis_refuses",
        is_sure=True,
    ),
    Diagnosis(
        ANY,
        rf"TimeoutError|redis\.exceptions\.|{NO_TRACEBACK}",
        "A frozen Redis takes connections and answers nothing. With "
        '"socket_timeout": None one waits for it for ever: give it more than the 5 '
        "seconds that Channels waits for news, such as 8. Daphne gives a handshake up "
        "after 5 seconds, so accept after 4 without an answer, and close with 4503. "
        "Channels reads for one client at a time, so tell the others, too.",
        check="redis_is_frozen",
        is_sure=True,
    ),
    # Before what is told of routes in general.
    Diagnosis(
        ANY,
        ANY,
        "Daphne believes the header Daphne-Root-Path of any client, and writes it into "
        'the scope as "root_path", which URLRouter cuts off the path. Empty it before '
        'that: await application({{**scope, "root_path": ""}}, receive, send).',
        check="makes_a_prefix_up",
        is_sure=True,
    ),
    # The handshake is not answered with 101.
    Diagnosis(
        ANY,
        r"autobahn\.exception\.Disconnected",
        "The client had left when it was answered: Daphne's send() raises Disconnected "
        "then, and another server's an OSError. Give the application a send of your "
        "own that catches both, as guard() does in faults.py, and put it around the "
        "URLRouter in asgi.py.",
        check="nothing_in_the_server",
    ),
    Diagnosis(
        "(HTTP|refused with) 404",
        r"Not Found: /",
        "This is Django's own runserver, which speaks WSGI: it knows no WebSocket, so "
        'it looks for an ordinary page at this address. Put "daphne" first in '
        "INSTALLED_APPS.",
    ),
    Diagnosis(
        "(HTTP|refused with) 404",
        ANY,
        "An ordinary web server answers here, and it looked for a page. Is it served "
        'by ASGI ("daphne" first in INSTALLED_APPS), and is this the right port?',
    ),
    Diagnosis(
        "(HTTP|refused with) 500",
        r"Django can only handle ASGI/HTTP connections",
        "asgi.py is still the one that startproject wrote: it hands WebSockets to "
        "Django, which cannot take them. Make `application` a ProtocolTypeRouter with "
        'a "websocket" entry.',
    ),
    Diagnosis(
        "(HTTP|refused with) 500",
        r"No application configured for scope type 'websocket'",
        'The ProtocolTypeRouter in asgi.py has no entry "websocket". The key must be '
        "spelt exactly so.",
    ),
    Diagnosis(
        "(HTTP|refused with) 500",
        r'"(?P<route>.*)" is not a valid regular expression: (?P<what>.*)',
        "Python cannot read the pattern of a route: {what}. A group with a name is "
        "written (?P<room>…), with a capital P.",
    ),
    Diagnosis(
        "HTTP 500",
        r"No route found for path '(?P<path>ws/rooms/A-b_9/)'",
        "No route in routing.py matches '{path}'. A room may have capitals, digits, - "
        r"and _. Note that \w does not match a hyphen: write [A-Za-z0-9_-].",
    ),
    Diagnosis(
        "HTTP 500",
        r"No route found for path '(?P<path>ws/rooms/[^']*)'",
        "No route in routing.py matches '{path}'. " + ROUTES,
        is_general=True,
    ),
    Diagnosis(
        "HTTP 500",
        r"No route found for path '(?P<path>[^']*)'",
        "No route in routing.py matches '{path}'. Compare letter by letter: a route "
        "has no slash at its start, and one at its end.",
        is_general=True,
    ),
    Diagnosis(
        "refused with 500",
        r"No route found for path '(?P<path>[^']*)'",
        "No route matches '{path}', and then Channels raises. As the last route add "
        're_path(r"", refuse), a function that refuses: async def refuse(scope, '
        'receive, send), with await send({{"type": "websocket.close"}}).',
    ),
    Diagnosis(
        ANY,
        r"has no attribute 'kwargs'",
        "A consumer is no view: it has no self.kwargs. What the route caught is in "
        'self.scope["url_route"]["kwargs"].',
    ),
    Diagnosis(
        ANY,
        r"connect\(\) missing \d required positional",
        "Channels calls connect() without arguments. What the route caught is in "
        'self.scope["url_route"]["kwargs"].',
        is_general=True,
    ),
    Diagnosis(
        ANY,
        r"\[.kwargs.\]\[.*\n(?:    .*\n)*KeyError: '(?P<key>(?!kwargs|url_route)\w+)'",
        "The route catches nothing called {key}. Its group needs the name that "
        "connect() looks up: (?P<{key}>…) in re_path(), <slug:{key}> in path().",
    ),
    Diagnosis(
        ANY,
        r"scope\[.(?:kwargs|url_route).\].*\n(?:    .*\n)*KeyError: '(?P<key>\w+)'",
        "The scope has no {key} there. What the route caught is in "
        'self.scope["url_route"]["kwargs"].',
    ),
    Diagnosis(
        "HTTP 500|close 1011",
        r"a bytes-like object is required, not 'str'|"
        r"Object of type bytes is not JSON serializable",
        "The query string is bytes. Decode it first: "
        'self.scope["query_string"].decode().',
        check="handshake",
    ),
    Diagnosis(
        ANY,
        r"Socket has not been accepted, so cannot send over it",
        "accept() named a subprotocol that this client has not offered, and then "
        'Daphne answers nothing. Look into self.scope["subprotocols"] first.',
        check="stage02_routing_4",
    ),
    Diagnosis(
        "HTTP 500",
        r"Socket has not been accepted, so cannot send over it",
        "A message is sent before the handshake is answered. Call "
        "`await self.accept()` first, then send the welcome.",
    ),
    Diagnosis(
        ANY,
        r"'(?P<type>dict|list)' object has no attribute 'encode'",
        "send() takes text, and was given a {type}. Write "
        "`await self.send(text_data=json.dumps(…))`.",
    ),
    Diagnosis(
        ANY,
        r"UnicodeDecodeError: .*",
        "A client may send any bytes in the query string. Decode them with "
        'errors="replace", as parse_qs() does.',
        check="no_utf_8",
    ),
    Diagnosis(
        "(HTTP|refused with) 500",
        r"'NoneType' object is not callable",
        "A function that wraps an application must return one: without a last line "
        "such as `return guarded`, Channels is given None.",
    ),
    Diagnosis(
        "(HTTP|refused with) 500",
        r"'coroutine' object is not callable",
        "A function that wraps an application is a plain `def`: asgi.py calls it once, "
        "and cannot await it. Only the application inside is `async def`.",
    ),
    Diagnosis(
        ANY,
        r"(?<![\w.])(?P<name>\w+)\(\) takes \d positional arguments? but 3 were given",
        "An ASGI application takes (scope, receive, send): {name}() must, too, also "
        "where it needs only one of them.",
    ),
    Diagnosis(
        "HTTP 500",
        r"has no attribute 'to_(?P<name>python|url)'",
        "A converter needs a regex, to_python() and to_url(). Let the class inherit "
        "from StringConverter of django.urls.converters, and give it a regex.",
    ),
    Diagnosis(
        "HTTP 500",
        r"object (?P<name>\w*Consumer) can't be used in 'await' expression",
        "The route holds the class {name} itself. Write {name}.as_asgi(), with the "
        "parentheses.",
    ),
    Diagnosis(
        "HTTP 500",
        r"object method can't be used in 'await' expression",
        "Something is awaited that was not called. Write `await self.accept()`, with "
        "the parentheses.",
    ),
    Diagnosis(
        "HTTP 500",
        r"object NoneType can't be used in 'await' expression",
        "Channels awaited a method that is not `async def`. In an async consumer "
        "every method that Channels calls is one, connect() too.",
        is_general=True,
    ),
    Diagnosis(
        ANY,
        r"\w+\.(?P<method>(?!connect|receive|disconnect)\w+)\(\) takes 1 positional",
        "The event of a group is given to the method that its type names. Write "
        "{method}(self, event).",
        check="test_stage0[3-5]",
    ),
    Diagnosis(
        ANY,
        r"(?P<method>\w+\.(?:connect|receive|disconnect))\(\) "
        r"(?P<what>got an unexpected|takes \d|missing \d).*",
        "Channels calls {method}() with other arguments than it takes. The signatures "
        "are connect(self), receive(self, text_data=None, bytes_data=None) and "
        "disconnect(self, code).",
        is_general=True,
    ),
    Diagnosis(
        ANY,
        r"You must pass one of bytes_data or text_data",
        "send() was given nothing. For a binary message text_data is None: send back "
        "bytes_data too.",
    ),
    Diagnosis(
        ANY,
        r"coroutine '\w+\.(?P<name>connect|receive|disconnect)' was never awaited",
        "{name}() is `async def`, but its class is synchronous: it calls {name}() and "
        "never awaits it. Inherit from AsyncWebsocketConsumer, or write plain `def` "
        "without `await`.",
    ),
    Diagnosis(
        ANY,
        r"coroutine '(?P<name>[\w.]+)' was never awaited\n  File "
        r'"(?P<file>[^"]*)", line (?P<line>\d+)',
        "An `await` is missing in {file}, line {line}: {name}() was called, but "
        "without `await` it never runs. If its caller cannot await, because it is no "
        "`async def` or its class is no Async…Consumer, change that first.",
    ),
    Diagnosis(
        "no answer",
        ANY,
        "connect() ended and had neither accepted nor refused. Call "
        "`await self.accept()` in it.",
    ),
    Diagnosis(
        ANY,
        r"'NoneType' object has no attribute 'group_\w+'",
        "The consumer has no channel layer. settings.py needs CHANNEL_LAYERS, and in "
        'it an entry called "default".',
    ),
    Diagnosis(
        ANY,
        r"Cannot import BACKEND '(?P<name>[^']*)'",
        "There is no channel layer {name}. Compare letter by letter with "
        "channels.layers.InMemoryChannelLayer and "
        "channels_redis.core.RedisChannelLayer. The second is in the package "
        "channels-redis.",
    ),
    Diagnosis(
        ANY,
        r"You must pass a list of Redis hosts",
        '"hosts" in CHANNEL_LAYERS is a list, also when there is only one: write [ and '
        "] around it.",
    ),
    Diagnosis(
        ANY,
        r"redis\.exceptions\.(?P<error>ConnectionError|TimeoutError)",
        "Redis is away, and {error} ends the connection. Catch redis.RedisError around "
        "the consumer, as guard() does in faults.py, accept if it has not, and close "
        "with 4503.",
        check="while_redis_is_away",
    ),
    Diagnosis(
        r"HTTP (403|500)|left open|close \d+ for 4503",
        ANY,
        "While Redis is away, nobody can be in a room. Accept, and close the "
        "connection with 4503, so that the client can say why and try again.",
        check="while_redis_is_away",
    ),
    Diagnosis(
        ANY,
        r"Error -?\d+ connecting to (?P<address>[^\s]*\d)\.",
        "The server looks for Redis at {address}, and there is none. Take the address "
        "from the variable REDIS_URL.",
        check="^(?!.*while_redis_is_away)",
    ),
    Diagnosis(
        ANY,
        r"Too many connections",
        "redis-py 8 opens 100 connections at most, and a crowd that leaves at once "
        'needs more. Write "max_connections": 10_000 beside "address".',
    ),
    Diagnosis(
        ANY,
        r"Channel name must be a valid unicode string",
        "channel_layer.send() raises TypeError for what cannot be the name of a "
        "channel. Catch it, and answer with the error bad-message.",
        check="stage03_groups_5",
    ),
    Diagnosis(
        ANY,
        r"(Group|Channel) name must be a valid unicode string",
        "The name of a group has letters, digits, - and _ and . only, and the group "
        "comes first: group_add(group, self.channel_name).",
    ),
    Diagnosis(
        ANY,
        r"Incoming message has no 'type' attribute",
        'An event needs a key "type": it names the method that each member of the '
        "group calls.",
    ),
    Diagnosis(
        ANY,
        r"No handler for message type (?P<type>[^\s]+)",
        "An event calls the method that its type names, with an underscore for each "
        "dot. The consumer has no method for {type}.",
    ),
    Diagnosis(
        ANY,
        r"Message is not a dict",
        'group_send() takes a dict with a key "type", not a text.',
    ),
    Diagnosis(
        ANY,
        r"You cannot use AsyncToSync in the same thread as an async event loop",
        "async_to_sync() is for plain functions. In an `async def`, await the call "
        "instead.",
    ),
    Diagnosis(
        ANY,
        r"can not serialize '(?P<type>[\w.]+)' object",
        "Redis carries text, numbers, lists and dicts only, and an event holds a "
        "{type}. The layer in memory takes any object.",
    ),
    Diagnosis(
        ANY,
        r"event\[.*\n(?:    .*\n)*KeyError: '(?P<key>\w+)'",
        "The event has no key {key}. group_send() and the method that handles the "
        "event must use the same keys.",
    ),
    Diagnosis(
        ANY,
        r"in disconnect\n(?:    .*\n)*AttributeError: .* attribute '(?P<name>\w+)'",
        "Channels calls disconnect() after a refusal, too. If connect() has not set "
        "self.{name} by then, give the class one.",
        check="refused",
    ),
    Diagnosis(
        ANY,
        r"No text section for incoming WebSocket frame!",
        "A JSON consumer of Channels raises for a binary frame, and for an empty one. "
        "Answer both in a receive() of your own, before super().receive() is called.",
    ),
    Diagnosis(
        ANY,
        r"JSONDecodeError: ",
        "json.loads() raises a ValueError for what is not JSON. Catch it, and answer "
        "with the error bad-json. In a JSON consumer of Channels, catch it in a "
        "receive() of your own, around super().receive().",
    ),
    Diagnosis(
        ANY,
        r"ValueError: Exceeds the limit",
        "json.loads() raises a plain ValueError for a number without end. Catch "
        "ValueError, not only JSONDecodeError.",
    ),
    Diagnosis(
        ANY,
        r"RecursionError: ",
        "JSON that is nested without end makes json.loads() raise RecursionError, "
        "which is no ValueError. Catch both.",
    ),
    Diagnosis(
        ANY,
        r"UnicodeEncodeError: ",
        "JSON can hold half a character, such as \\ud800, that no text frame can "
        "carry. json.dumps() without ensure_ascii=False sends it escaped.",
    ),
    Diagnosis(
        "HTTP 403",
        ANY,
        "The server refused a name that the contract allows. A name has 1 to 30 "
        "characters, and they are counted when percent signs and UTF-8 are decoded.",
        check="takes_the_name",
    ),
    Diagnosis(
        "HTTP 403",
        ANY,
        "The server refused a room that the contract allows. A room has 1 to 50 of "
        r"the characters [A-Za-z0-9_-]. Note that \w does not match a hyphen.",
        check="takes_the_room",
    ),
    Diagnosis(
        "HTTP 403",
        ANY,
        "The server refused. Either only the last route matches this path, or "
        "connect() closes before it accepts. (Without a name, the client is a guest.) "
        + ROUTES,
        check="test_stage0[23].*switches_from_http",
    ),
    Diagnosis(
        "HTTP 403",
        ANY,
        "The server refused: connect() closed the connection before it accepted, or "
        "a middleware did. Whoever keeps to the contract is let in.",
    ),
    Diagnosis(
        "(HTTP|refused with) 500",
        ANY,
        "500 is the server's word for an exception in its own code, or for a path "
        "without a route. Its terminal shows which.",
    ),
    Diagnosis(
        "nobody listens",
        ANY,
        "Start the server first, and compare its address with the one given.",
    ),
    Diagnosis(
        "not refused",
        ANY,
        "A name of 31 characters was let in. Compare its length with 30, and close "
        "before accept().",
        check=r"bad_name.*long",
    ),
    Diagnosis(
        "not refused",
        ANY,
        "An empty name was let in. parse_qs() leaves it out unless "
        "keep_blank_values=True, and `or` takes it for none. If you do check it: only "
        "a close() before accept() is a refusal.",
        check="bad_name",
    ),
    Diagnosis(
        "not refused",
        ANY,
        "A room of 51 characters was let in. <slug:room> and + know no length: write "
        "{{1,50}} in the regex of a converter of your own, or check the length in "
        "connect(), before accept().",
        check=r"bad_room.*long",
    ),
    Diagnosis(
        "not refused",
        ANY,
        r"\w matches the letters and digits of every script. Write [A-Za-z0-9_-].",
        check=r"bad_room.*(accent|digit)",
    ),
    Diagnosis(
        "not refused",
        ANY,
        "The route takes any character for a room, as <str:room> and [^/]+ do. Write "
        "[A-Za-z0-9_-].",
        check="bad_room",
    ),
    Diagnosis(
        "not refused",
        ANY,
        "A route matches more than it should. Give URLRouter exactly the paths of "
        "the contract, with path() or with a pattern that ends in $.",
    ),
]
