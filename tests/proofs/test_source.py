"""
The third witness: what stands in the source of a project, and is plainly wrong there.

Each finding is shown by a piece of code, and its right twin beside it shows nothing.
No program that is right shows anything but hints.
"""

from pathlib import Path

import pytest

from tests.checker.explain.catalogue import entries
from tests.checker.explain.source import Source, findings
from tests.checker.explain.source.read import MOST_FILES
from tests.proofs.runs import ROOT, SOLUTIONS

CONSUMERS, ROUTING, ASGI, SETTINGS = (
    "chat/consumers.py",
    "chat/routing.py",
    "config/asgi.py",
    "config/settings.py",
)

# A consumer, with the body of its class to be filled in.
ASYNC = "class Echo(AsyncWebsocketConsumer):\n{}"
KEEPER = "class Who:\n    async def __call__(self, scope, receive, send):\n"
WATCHER = "class Watcher:\n    def start(self): post_delete.connect(self.tell{})\n"
TALK = "\n    async def talk(self):\n        while True:\n            await sleep(1)"
HANDS_ON = "\n        await self.app(scope, receive, send)"
INNER = "inner = URLRouter([path('a/', Echo.as_asgi())])\n"
LISTENER = (
    "async def log(scope, receive, send):\n"
    "    async def listen():\n"
    "        event = await receive()\n"
    "        {}\n"
    "    await application(scope, listen, send)"
)
KEY = "known = {}\ndef key(scope):\n    host, port = scope['client']\n"
RAW = (
    "class Low(AsyncConsumer):\n"
    "    async def websocket_receive(self, event):\n"
    "        await self.send({})"
)
JSON = "class Echo(AsyncJsonWebsocketConsumer):\n{}"
PLAIN = "class Echo(WebsocketConsumer):\n{}"
APPS = 'INSTALLED_APPS = ["daphne"]\nASGI_APPLICATION = "config.asgi.application"\n'
ROUTED = "class Echo(AsyncWebsocketConsumer): ...\nroutes = [{}]"
ROUTER = 'routes = [path("ws/", Echo.as_asgi())]\nProtocolTypeRouter({})'


def method(head: str, *body: str, base: str = ASYNC) -> str:
    """Return a consumer with one method."""
    lines = [f"    {head}", *(f"        {line}" for line in body or ["pass"])]
    return base.format("\n".join(lines))


def event(keys: str, handler: str) -> str:
    """Return a consumer that sends an event to a group, and a method beside it."""
    return ASYNC.format(
        "    async def receive(self, text_data=None, bytes_data=None):\n"
        "        await self.channel_layer.group_add('tea', self.channel_name)\n"
        f"        await self.channel_layer.group_send('tea', {keys})\n"
        f"    {handler}\n"
    )


CONNECT = "async def connect(self):"
RECEIVE = "async def receive(self, text_data=None, bytes_data=None):"
ROOM = f"class Room:\n    {CONNECT} ...\n"
ACCEPT = "await self.accept()"
WRAPPED = (
    "def guard(application):\n"
    "    async def guarded(scope, receive, send):\n"
    "        await application(scope, receive, send)\n"
    "    return guarded\n"
)

# A hook behind a decorator of one's own, and a decorator that closes.
GUARDED = (
    "def login_required(handler):\n"
    "    async def inner({}):\n"
    "        await handler(self)\n"
    "    return inner\n"
) + ASYNC.format(f"    @login_required\n    {RECEIVE} ...")
CLOSES = (
    "def welcome(handler):\n"
    "    async def inner(consumer, *args, **kwargs):\n"
    "        if consumer.is_over:\n"
    "            {}\n"
    "        await handler(consumer, *args, **kwargs)\n"
    "    return inner"
)
# Something that keeps what it is given, and a consumer that gives itself to it.
DESK = (
    "class Desk:\n    def attach(self, peer):\n        self.peer = peer\n"
) + method(CONNECT, "self.desk.attach(self)", ACCEPT)
SOCKETS = {"chat/routing.py": "websocket_urlpatterns = []"}
BAD = "class Bad(ValueError): ...\n"
READ = (
    f"{BAD}def read(text):\n    try:\n        {{}}\n    except ValueError:\n"
    "        return None\n"
    "def use(text):\n    try:\n        read(text)\n    except Bad:\n        raise"
)
TELLS = (
    "async def guarded(scope, receive, send):\n"
    "    {}:\n"
    "        with suppress(OSError):\n"
    "            {}\n"
    "    await application(scope, receive, tell)"
)

VISITOR = (
    "class Visitor:\n"
    "    def call(self, name):\n        self.name = name\n"
    "    def greet(self):\n        return self.name\n"
    "class Echo(AsyncWebsocketConsumer):\n{}\n"
    "    async def receive(self, text_data=None, bytes_data=None):\n        {}\n"
)
HEARS = (
    "async def echo(receive, send):\n"
    "    while True:\n"
    "        event = await receive()\n"
    "        {}"
)
OUTBOX = "{}\n    async def post(self, text):\n        await self.outbox.put(text)"
COUNTS = (
    "def guard(application):\n"
    "    {}\n"
    "    async def guarded(scope, receive, send):\n"
    "        {}\n"
    "        async def tell(message):\n"
    "            nonlocal gone\n"
    "            gone = True\n"
    "            await send(message)\n"
    "        await application(scope, receive, tell)\n"
    "    return guarded"
)
BACKEND = (
    "class EmailBackend(BaseBackend):\n"
    "    def authenticate(self, request, **given): ...\n"
    "    def get_user(self, key):\n        {}"
)
IMPORTS = "from django.contrib.auth import login\n"
CONF = "from django.conf import settings\n"
SIGNALS = {"chat/signals.py": "", "chat/__init__.py": ""}

ASKED = "\n    async def ask(self):\n        return self.user == 1\n"
ASKED_IN_AN_IF = ASKED.replace("        ", "        if self.code:\n            ")

# The finding, the file, what is wrong, and its right twin.
CASES = [
    ("hides-a-library", "redis.py", "import redis", None),
    (
        *("misspelt-setting", SETTINGS),
        *(f"{APPS}CHANNELS_LAYERS = {{}}", f"{APPS}CHANNEL_LAYERS = {{}}"),
    ),
    (
        *("missing-comma", SETTINGS),
        f'{APPS}MIDDLEWARE = [\n    "a.B"\n    "c.D",\n]',
        f'{APPS}MIDDLEWARE = [\n    "a.B",\n    "c.D",\n]',
    ),
    ("no-daphne", SETTINGS, APPS.replace("daphne", "channels"), APPS),
    (
        *("daphne-late", SETTINGS),
        APPS.replace('["', '["django.contrib.staticfiles", "'),
        APPS.replace('"]', '", "django.contrib.staticfiles"]'),
    ),
    ("no-asgi-application", SETTINGS, APPS.replace("ASGI", "OTHER"), APPS),
    ("wsgi-for-asgi", SETTINGS, APPS.replace("config.asgi", "config.wsgi"), APPS),
    ("asgi-application-form", SETTINGS, APPS.replace("asgi.app", "asgi:app"), APPS),
    (
        *("no-default-layer", SETTINGS),
        f'{APPS}CHANNEL_LAYERS = {{"redis": {{"BACKEND": "x"}}}}',
        f'{APPS}CHANNEL_LAYERS = {{"default": {{"BACKEND": "x"}}}}',
    ),
    (
        *("layer-without-name", SETTINGS),
        f'{APPS}CHANNEL_LAYERS = {{"BACKEND": "x"}}',
        f'{APPS}CHANNEL_LAYERS = {{"default": {{"BACKEND": "x"}}}}',
    ),
    (
        *("layer-key", SETTINGS),
        f'{APPS}CHANNEL_LAYERS = {{"default": {{"BACKENDS": "x"}}}}',
        f'{APPS}CHANNEL_LAYERS = {{"default": {{"BACKEND": "x"}}}}',
    ),
    (
        *("config-key", SETTINGS),
        f'{APPS}CHANNEL_LAYERS = {{"default": {{"CONFIG": {{"host": ["x"]}}}}}}',
        f'{APPS}CHANNEL_LAYERS = {{"default": {{"CONFIG": {{"hosts": ["x"]}}}}}}',
    ),
    (
        *("config-key-outside", SETTINGS),
        f'{APPS}CHANNEL_LAYERS = {{"default": {{"BACKEND": "x", "capacity": 9}}}}',
        f'{APPS}CHANNEL_LAYERS = {{"default": {{"CONFIG": {{"capacity": 9}}}}}}',
    ),
    (
        *("hosts-no-list", SETTINGS),
        f'{APPS}CHANNEL_LAYERS = {{"default": {{"CONFIG": {{"hosts": "x"}}}}}}',
        f'{APPS}CHANNEL_LAYERS = {{"default": {{"CONFIG": {{"hosts": [("x", 1)]}}}}}}',
    ),
    (
        *("string-for-list", SETTINGS),
        f'{APPS}CSRF_TRUSTED_ORIGINS = "https://a.example"',
        f'{APPS}CSRF_TRUSTED_ORIGINS = ["https://a.example"]',
    ),
    (
        *("host-with-scheme", SETTINGS),
        f'{APPS}ALLOWED_HOSTS = ["http://a.example"]',
        f'{APPS}ALLOWED_HOSTS = ["a.example", "[::1]"]',
    ),
    (
        *("middleware-order", SETTINGS),
        f'{APPS}MIDDLEWARE = ["a.AuthenticationMiddleware", "a.SessionMiddleware"]',
        f'{APPS}MIDDLEWARE = ["a.SessionMiddleware", "a.AuthenticationMiddleware"]',
    ),
    (
        *("no-as-asgi", ROUTING),
        ROUTED.format('path("ws/", Echo)'),
        ROUTED.format('path("ws/", Echo.as_asgi())'),
    ),
    ("consumer-instance", ROUTING, ROUTED.format('path("ws/", Echo())'), None),
    ("as-asgi-not-called", ROUTING, ROUTED.format('path("ws/", Echo.as_asgi)'), None),
    ("as-view", ROUTING, ROUTED.format('path("ws/", Echo.as_view())'), None),
    (
        *("list-without-router", ASGI),
        ROUTER.format('{"websocket": routes}'),
        ROUTER.format('{"websocket": AuthMiddlewareStack(URLRouter(routes))}'),
    ),
    (
        *("router-without-list", ASGI),
        'URLRouter(path("ws/", Echo.as_asgi()))',
        'URLRouter([path("ws/", Echo.as_asgi())])',
    ),
    (
        *("protocol-name", ASGI),
        'ProtocolTypeRouter({"websockets": application})',
        'ProtocolTypeRouter({"websocket": application})',
    ),
    ("leading-slash", ROUTING, ROUTED.format('path("/ws/", Echo.as_asgi())'), None),
    (
        *("no-trailing-slash", ROUTING),
        ROUTED.format('path("ws/echo", Echo.as_asgi())'),
        ROUTED.format('re_path(r".*", Echo.as_asgi())'),
    ),
    ("regex-in-path", ROUTING, ROUTED.format('path("^ws/", Echo.as_asgi())'), None),
    (
        *("converter-in-re-path", ROUTING),
        ROUTED.format('re_path(r"^ws/<slug:room>/$", Echo.as_asgi())'),
        ROUTED.format('re_path(r"^ws/(?P<room>[a-z]+)/$", Echo.as_asgi())'),
    ),
    (
        *("query-in-route", ROUTING),
        ROUTED.format('path("ws/?name=<name>", Echo.as_asgi())'),
        ROUTED.format('re_path(r"^ws/?$", Echo.as_asgi())'),
    ),
    (
        *("catch-all-first", ROUTING),
        'routes = [re_path("", refuse), path("ws/", Echo.as_asgi())]',
        'routes = [path("ws/", Echo.as_asgi()), re_path("", refuse)]',
    ),
    (
        *("unknown-kwarg", ROUTING),
        'path("ws/<room>/", Echo.as_asgi())\nscope["url_route"]["kwargs"]["name"]',
        'path("ws/<room>/", Echo.as_asgi())\nscope["url_route"]["kwargs"]["room"]',
    ),
    (
        *("no-base", CONSUMERS),
        "class Echo:\n    def connect(self): ...\n    def receive(self): ...",
        "class Light:\n    def connect(self): ...",
    ),
    (
        *("no-self", CONSUMERS),
        method("async def talk():"),
        method("async def talk(self):"),
    ),
    (
        *("hook-outside-class", CONSUMERS),
        f"{RECEIVE}\n    pass",
        "def connect(address):\n    pass",
    ),
    (
        *("hook-inside-method", CONSUMERS),
        method(CONNECT, ACCEPT, RECEIVE, "    pass"),
        method(CONNECT, ACCEPT, "def note(text):", "    pass"),
    ),
    (
        *("misspelt-hook", CONSUMERS),
        method("async def recieve(self, text_data=None):"),
        method("async def relieve(self):", "pass", "# Called below: self.relieve()")
        + "\n    async def talk(self):\n        await self.relieve()",
    ),
    (
        *("misspelt-hook", CONSUMERS),
        method("async def on_message(self, message):"),
        event("{'type': 'on.message'}", "async def on_message(self, event): ..."),
    ),
    (
        *("wrong-parameters", CONSUMERS),
        method("async def receive(self, message):"),
        method(RECEIVE),
    ),
    (
        *("wrong-parameters", CONSUMERS),
        method("async def disconnect(self):"),
        method("async def disconnect(self, close_code):"),
    ),
    (
        *("async-in-sync", CONSUMERS),
        method(CONNECT, ACCEPT, base=PLAIN).replace("await self", "self"),
        method("def connect(self):", "self.accept()", base=PLAIN),
    ),
    (
        *("sync-in-async", CONSUMERS),
        method("def connect(self):", "return self.accept"),
        method("def connect(self):", "return self.accept()"),
    ),
    (
        *("missing-parentheses", CONSUMERS),
        method(CONNECT, "await self.accept"),
        method(CONNECT, ACCEPT),
    ),
    (
        *("missing-await", CONSUMERS),
        method(CONNECT, "self.accept()"),
        method(CONNECT, ACCEPT),
    ),
    (
        *("missing-await", CONSUMERS),
        method(RECEIVE, "self.channel_layer.group_discard(1, 2)"),
        method(RECEIVE, "self.notes.send(group)"),
    ),
    (
        *("await-impossible", CONSUMERS),
        method("def talk(self):", "self.channel_layer.group_add(1, 2)"),
        method("async def talk(self):", "await self.channel_layer.group_add(1, 2)"),
    ),
    (
        *("no-async-to-sync", CONSUMERS),
        method("def talk(self):", "self.channel_layer.group_add(1, 2)", base=PLAIN),
        method("def talk(self):", "async_to_sync(layer.group_add)(1)", base=PLAIN),
    ),
    (
        *("async-to-sync-method", CONSUMERS),
        method(RECEIVE).replace("    async", "    @async_to_sync\n    async"),
        "@async_to_sync\nasync def announce(): ...",
    ),
    (
        *("goes-on-after-close", CONSUMERS),
        method(CONNECT, "if bad:", "    await self.close()", ACCEPT),
        method(CONNECT, "if bad:", "    await self.close()", "    return", ACCEPT),
    ),
    (
        *("never-accepts", CONSUMERS),
        method(CONNECT, "self.room = 1"),
        method(CONNECT, "await super().connect()"),
    ),
    (
        *("returns-the-answer", CONSUMERS),
        method(RECEIVE, "return json.dumps({})"),
        method(RECEIVE, "await self.send(text_data=text_data)", "return None"),
    ),
    (
        *("view-decorator", CONSUMERS),
        method(CONNECT, ACCEPT).replace("    async", "    @login_required\n    async"),
        method(CONNECT, ACCEPT).replace("    async", "    @logged\n    async"),
    ),
    (
        *("send-keyword", CONSUMERS),
        method(RECEIVE, "await self.send(text=text_data)"),
        method(RECEIVE, "await self.send(text_data=text_data)"),
    ),
    (
        *("send-dict", CONSUMERS),
        method(RECEIVE, "await self.send({'type': 'message'})"),
        method(RECEIVE, "await self.send(json.dumps({'type': 'message'}))"),
    ),
    (
        *("no-send-json", CONSUMERS),
        method(RECEIVE, "await self.send_json({})"),
        method(RECEIVE, "await self.send_json({})").replace("Async", "AsyncJson"),
    ),
    (
        *("scope-key", CONSUMERS),
        method(CONNECT, "self.scope['url_routes']", ACCEPT),
        method(CONNECT, "self.scope['url_route']", ACCEPT),
    ),
    (
        *("called-property", CONSUMERS),
        method(CONNECT, "user.is_authenticated()", ACCEPT),
        method(CONNECT, "user.is_authenticated", ACCEPT),
    ),
    (
        *("true-user", CONSUMERS),
        method(CONNECT, "if not self.scope['user']:", "    return", ACCEPT),
        method(
            *(CONNECT, "if not self.scope['user'].is_authenticated:"),
            *("    return", ACCEPT),
        ),
    ),
    (
        *("async-to-sync-in-async", CONSUMERS),
        method(CONNECT, "async_to_sync(layer.group_add)(1, 2)", ACCEPT),
        method("def talk(self):", "async_to_sync(layer.group_add)(1, 2)", base=PLAIN),
    ),
    (
        *("asks-the-database", CONSUMERS),
        method(CONNECT, "Room.objects.get(name=1)", ACCEPT),
        method(CONNECT, "await Room.objects.filter(name=1).afirst()", ACCEPT),
    ),
    (
        *("blocks-the-loop", CONSUMERS),
        method(CONNECT, "time.sleep(1)", ACCEPT),
        method(CONNECT, "await asyncio.sleep(1)", ACCEPT),
    ),
    (
        *("state-in-class", CONSUMERS),
        method(RECEIVE, "self.said.append(text_data)") + "\n    said = []",
        method(RECEIVE, "self.said.index(text_data)") + "\n    said = []",
    ),
    (
        *("mixin-behind", CONSUMERS),
        f"{ROOM}class Echo(AsyncWebsocketConsumer, Room): ...",
        f"{ROOM}class Echo(Room, AsyncWebsocketConsumer): ...",
    ),
    (
        *("groups-too-late", CONSUMERS),
        method(CONNECT, "self.groups = ['tea']", ACCEPT),
        method(CONNECT, "self.groups = ['tea']", ACCEPT)
        + "\n        await self.channel_layer.group_add('tea', self.channel_name)",
    ),
    (
        *("base-dir", "config/settings/base.py"),
        "BASE_DIR = Path(__file__).resolve().parent.parent",
        "BASE_DIR = Path(__file__).resolve().parent.parent.parent",
    ),
    (
        *("accepts-to-refuse", CONSUMERS),
        method(CONNECT, ACCEPT, "await self.close(4404)"),
        method(CONNECT, ACCEPT, "if self.bad:", "    await self.close(4404)"),
    ),
    (
        *("wraps-a-plain-method", CONSUMERS),
        method(
            *("def receive(self, text_data=None, bytes_data=None):",),
            "async_to_sync(self.send)(text_data=text_data)",
            base=PLAIN,
        ),
        method(
            *("def receive(self, text_data=None, bytes_data=None):",),
            "async_to_sync(self.channel_layer.send)('a', {})",
            base=PLAIN,
        ),
    ),
    (
        *("awaits-a-loop", CONSUMERS),
        method(CONNECT, ACCEPT, "await self.talk()") + TALK,
        method(CONNECT, ACCEPT, "self.task = create_task(self.talk())") + TALK,
    ),
    (
        *("takes-an-event", ASGI),
        KEEPER + "        event = await receive()" + HANDS_ON,
        KEEPER + "        if 1:\n            return await receive()" + HANDS_ON,
    ),
    (
        *("router-hidden", ROUTING),
        f"{INNER}routes = [path('ws/', log(inner))]",
        f"{INNER}routes = [path('ws/', inner)]",
    ),
    (
        *("never-reached", CONSUMERS),
        method(CONNECT, "if 1:", "    await self.close()", "return", ACCEPT),
        method(CONNECT, "if 1:", "    await self.close()", "    return", ACCEPT),
    ),
    (
        *("host-without-brackets", SETTINGS),
        f'{APPS}ALLOWED_HOSTS = ["::1"]',
        f'{APPS}ALLOWED_HOSTS = ["[::1]"]',
    ),
    (
        *("receive-without-answer", ASGI),
        LISTENER.format("event"),
        LISTENER.format("return event"),
    ),
    (
        *("key-of-a-machine", CONSUMERS),
        "known = {}\n" + method(CONNECT, "self.key = self.scope['client'][0]", ACCEPT),
        "known = {}\n" + method(CONNECT, "self.key = self.scope['client']", ACCEPT),
    ),
    (
        *("key-of-a-machine", CONSUMERS),
        f"{KEY}    return host",
        f"{KEY}    return host, port",
    ),
    (
        *("key-twice", ASGI),
        'parts = {"http": pages, "websocket": one, "websocket": other}',
        'parts = {"http": pages, "websocket": one, **{"websocket": other}}',
    ),
    (
        *("spread-type", CONSUMERS),
        RAW.format("{'type': 'websocket.send', **event}"),
        RAW.format("{**event, 'type': 'websocket.send'}"),
    ),
    (
        *("always-true", CONSUMERS),
        method(RECEIVE, "if self.kind == 'text' or 'json':", "    self.kind = 1"),
        method(RECEIVE, "if self.kind in ('text', 'json'):", "    self.kind = 1"),
    ),
    (
        *("local-receiver", "chat/apps.py"),
        "def ready():\n    @receiver(post_delete)\n    def tell(): ...",
        "def ready():\n    @receiver(post_delete, weak=False)\n    def tell(): ...",
    ),
    (
        *("local-receiver", "chat/apps.py"),
        "def ready():\n    def tell(**kwargs): ...\n    post_delete.connect(tell)",
        "def tell(**kwargs): ...\ndef ready():\n    post_delete.connect(tell)",
    ),
    (
        *("lost-receiver", "chat/apps.py"),
        WATCHER.format("") + "    def tell(self): ...\nWatcher().start()",
        WATCHER.format("") + "    def tell(self): ...\nwatcher = Watcher()",
    ),
    (
        *("lost-receiver", "chat/apps.py"),
        WATCHER.format("") + "    def tell(self): ...\nWatcher().start()",
        WATCHER.format(", weak=False") + "    def tell(self): ...\nWatcher().start()",
    ),
    (
        *("sync-in-async", CONSUMERS),
        JSON.format("    @classmethod\n    def decode_json(cls, text):\n        ..."),
        JSON.format("    @classmethod\n    async def decode_json(cls, text): ..."),
    ),
    (
        *("application-twice", ASGI),
        "application = ProtocolTypeRouter({})\n" * 2,
        "application = ProtocolTypeRouter({})\napplication = wrap(application)",
    ),
    (
        *("defined-twice", CONSUMERS),
        method(RECEIVE) + f"\n    {RECEIVE}\n        pass",
        method(RECEIVE) + f"\n    {CONNECT}\n        {ACCEPT}",
    ),
    (
        *("event-without-type", CONSUMERS),
        event("{'text': 1}", "async def chat_text(self, event): ..."),
        event("{'type': 'chat.text'}", "async def chat_text(self, event): ..."),
    ),
    (
        *("no-handler", CONSUMERS),
        event("{'type': 'chat.text'}", "async def dinner(self, event): ..."),
        event("{'type': 'dinner'}", "async def dinner(self, event): ..."),
    ),
    (
        *("no-handler-but", CONSUMERS),
        event("{'type': 'chat.text'}", "async def chat_texts(self, event): ..."),
        event("{'type': 'chat.texts'}", "async def chat_texts(self, event): ..."),
    ),
    (
        *("event-key", CONSUMERS),
        event("{'type': 'tea', 'a': 1}", "async def tea(self, event): event['b']"),
        event("{'type': 'tea', 'a': 1}", "async def tea(self, event): event['a']"),
    ),
    (
        *("handler-without-event", CONSUMERS),
        event("{'type': 'tea'}", "async def tea(self): ..."),
        event("{'type': 'tea'}", "async def tea(self, event): ..."),
    ),
    (
        *("group-arguments", CONSUMERS),
        method(CONNECT, ACCEPT, "await layer.group_add(self.channel_name, 'tea')"),
        method(CONNECT, ACCEPT, "await layer.group_add('tea', self.channel_name)"),
    ),
    (
        *("never-joins", CONSUMERS),
        event("{'type': 'tea'}", "async def tea(self, event): ...").replace(
            "group_add", "other"
        ),
        event("{'type': 'tea'}", "async def tea(self, event): ..."),
    ),
    (
        *("group-name", CONSUMERS),
        method(CONNECT, ACCEPT, "await layer.group_add('my tea', self.channel_name)"),
        method(CONNECT, ACCEPT, "await layer.group_add('my.tea', self.channel_name)"),
    ),
    (
        *("wrapper-is-async", ASGI),
        WRAPPED.replace("def guard(", "async def guard("),
        WRAPPED,
    ),
    ("wrapper-returns-nothing", ASGI, WRAPPED.replace("    return", "        #"), None),
    (
        *("application-not-awaited", ASGI),
        *(WRAPPED.replace("await application", "application"), WRAPPED),
    ),
    (
        *("application-twice", ASGI),
        "application = ProtocolTypeRouter(x)\napplication = get_asgi_application()",
        "application = get_asgi_application()\napplication = guard(application)",
    ),
    (
        *("decorated-coroutine", CONSUMERS),
        "@database_sync_to_async\nasync def count(): ...",
        "@database_sync_to_async\ndef count(): ...",
    ),
    (
        *("hides-a-method", CONSUMERS),
        method("async def send(self, message):", "await self.other(message)"),
        method("async def send(self, message):", "await super().send(message)"),
    ),
    (
        *("hides-a-method", CONSUMERS),
        method("async def close(self):"),
        "class Door:\n    def close(self): ...",
    ),
    (
        *("init-without-super", CONSUMERS),
        method("def __init__(self):", "self.said = []"),
        method("def __init__(self):", "super().__init__()", "self.said = []"),
    ),
    (
        *("scope-too-early", CONSUMERS),
        method("def __init__(self):", "super().__init__()", "self.scope['user']"),
        method(CONNECT, "self.scope['user']", ACCEPT),
    ),
    (
        *("never-ends", CONSUMERS),
        method(CONNECT, ACCEPT, "while True:", "    await asyncio.sleep(1)"),
        method(CONNECT, ACCEPT, "while True:", "    if await self.ends(): break"),
    ),
    (
        *("sends-to-a-group", CONSUMERS),
        method(RECEIVE, "await self.channel_layer.send(self.group, {})"),
        method(RECEIVE, "await self.channel_layer.send(self.channel_name, {})"),
    ),
    (
        *("tuple-by-comma", CONSUMERS),
        method(CONNECT, "self.room = self.scope['path'],", ACCEPT),
        method(CONNECT, "self.rooms = (self.scope['path'],)", ACCEPT),
    ),
    (
        *("list-for-value", CONSUMERS),
        method(CONNECT, "self.name = parse_qs(query).get('name', ['guest'])", ACCEPT),
        method(CONNECT, "self.name = parse_qs(query)['name'][0]", ACCEPT),
    ),
    (
        *("list-for-value", CONSUMERS),
        method(CONNECT, "a = parse_qs(query)", "self.name = a['name']", ACCEPT),
        method(CONNECT, "a = parse_qs(b)['name']", "self.name = a[0]", ACCEPT),
    ),
    (
        *("missing-f", CONSUMERS),
        method(CONNECT, "self.group = 'room.{self.room}'", ACCEPT),
        method(CONNECT, "self.group = 'room.{room}'.format(room=1)", ACCEPT),
    ),
    (
        *("case-captures", CONSUMERS),
        method(RECEIVE, "match kind:", "    case MESSAGE:", "        pass"),
        method(RECEIVE, "match kind:", "    case Kind.MESSAGE:", "        pass"),
    ),
    (
        *("except-or", CONSUMERS),
        "try: ...\nexcept ValueError or RecursionError: ...",
        "try: ...\nexcept (ValueError, RecursionError): ...",
    ),
    (
        *("str-of-bytes", CONSUMERS),
        method(CONNECT, "str(self.scope['query_string'])", ACCEPT),
        method(CONNECT, "str(self.scope['query_string'], 'utf-8')", ACCEPT),
    ),
    (
        *("header-keys", CONSUMERS),
        method(CONNECT, "dict(self.scope['headers'])['origin']", ACCEPT),
        method(CONNECT, "dict(self.scope['headers'])[b'origin']", ACCEPT),
    ),
    (
        *("header-keys", CONSUMERS),
        method(CONNECT, "h = dict(self.scope['headers'])", "h.get('a')", ACCEPT),
        method(CONNECT, "h = dict(self.scope['url_route'])", "h.get('a')", ACCEPT),
    ),
    (
        *("hook-inside-function", CONSUMERS),
        "def help():\n    async def receive(self): ...",
        "def help():\n    async def receive(): ...",
    ),
    (
        *("accept-twice", CONSUMERS),
        method(CONNECT, "await super().connect()", ACCEPT),
        method(CONNECT, "await super().connect()"),
    ),
    (
        *("global-state", CONSUMERS),
        method(CONNECT, "global name", "name = 'ana'", ACCEPT),
        method(CONNECT, "name = 'ana'", ACCEPT),
    ),
    (
        *("consumers-in-a-global", CONSUMERS),
        method(CONNECT, "rooms['tea'].add(self)", ACCEPT),
        method(CONNECT, "self.rooms.add(self)", ACCEPT),
    ),
    (
        *("consumers-in-a-global", CONSUMERS),
        method(CONNECT, "rooms['tea'] = self", ACCEPT),
        method(CONNECT, "rooms['tea'] = self.channel_name", ACCEPT),
    ),
    (
        *("middleware-state", ASGI),
        (
            "class Log:\n"
            "    async def __call__(self, scope, receive, send): self.send = send"
        ),
        "class Log:\n    async def __call__(self, scope, receive, send): tell = send",
    ),
    (
        *("middleware-state", ASGI),
        f"{KEEPER}        self.user = await get_user(scope)",
        f"{KEEPER}        user = await get_user(scope)\n        self.count = 1",
    ),
    (
        *("second-layer", CONSUMERS),
        "layer = InMemoryChannelLayer()",
        "layer = get_channel_layer()",
    ),
    ("hash-of-a-text", CONSUMERS, "hash('tea')", "sha256('tea')"),
    (
        *("no-loop", CONSUMERS),
        (
            "async def echo(scope, receive, send):\n"
            "    await receive()\n    await receive()"
        ),
        (
            "async def echo(scope, receive, send):\n"
            "    await receive()\n    while await receive(): ..."
        ),
    ),
    (
        *("spaced-quantifier", ROUTING),
        "regex = '[a-z]{1, 50}'",
        "regex = '[a-z]{1,50}'",
    ),
    ("number-by-comma", CONSUMERS, "LONGEST = 2,000", "LONGEST = 2_000"),
    (
        *("lost-task", CONSUMERS),
        "create_task(self.send_json({}))",
        "create_task(work())",
    ),
    (
        *("hides-a-builtin", CONSUMERS),
        "from redis.exceptions import TimeoutError",
        "from redis.exceptions import RedisError",
    ),
    (
        *("spread-type", CONSUMERS),
        event(
            '{"type": "room.message", **message}',
            "async def room_message(self, event): ...",
        ),
        event(
            '{**message, "type": "room.message"}',
            "async def room_message(self, event): ...",
        ),
    ),
    (
        *("consumer-instance", ROUTING),
        f"echo = Echo()\n{ROUTED}".format('path("ws/", echo)'),
        f"echo = Echo.as_asgi()\n{ROUTED}".format('path("ws/", echo)'),
    ),
    (
        *("prefix-twice", ROUTING),
        ROUTED.format('path("ws/", URLRouter([path("ws/a/", Echo.as_asgi())]))'),
        ROUTED.format('path("ws/", URLRouter([path("a/", Echo.as_asgi())]))'),
    ),
    (
        *("router-hidden", ROUTING),
        ROUTED.format('path("ws/", guard(URLRouter([path("a/", Echo.as_asgi())])))'),
        ROUTED.format('path("ws/", URLRouter([path("a/", Echo.as_asgi())]))'),
    ),
    (
        *("some-origins", ASGI),
        "application = OriginValidator(router, ['http://localhost:8000'])",
        "application = OriginValidator(router, settings.ORIGINS)",
    ),
    (
        *("layer-unused", SETTINGS),
        (
            f"{APPS}CHANNEL_LAYERS = "
            '{"default": {"BACKEND": "a"}, "b": {"BACKEND": "redis"}}'
        ),
        f'{APPS}CHANNEL_LAYERS = {{"default": {{"BACKEND": "redis"}}}}',
    ),
    (
        *("layer-of-channels-1", SETTINGS),
        f'{APPS}CHANNEL_LAYERS = {{"default": {{"BACKEND": "asgi_redis.Layer"}}}}',
        f'{APPS}CHANNEL_LAYERS = {{"default": {{"BACKEND": "channels.Layer"}}}}',
    ),
    (
        *("cache-for-layer", SETTINGS),
        (
            f"{APPS}LAYER = "
            '{"BACKEND": "django.core.cache.backends.redis.RedisCache", "CONFIG": {}}'
        ),
        f'{APPS}CACHE = {{"BACKEND": "django.core.cache.backends.redis.RedisCache"}}',
    ),
    (
        *("group-expiry", SETTINGS),
        f'{APPS}CONFIG = {{"group_expiry": 5}}',
        f'{APPS}CONFIG = {{"group_expiry": 86_400}}',
    ),
    (
        *("message-limit", SETTINGS),
        f"{APPS}DAPHNE_MAX_MESSAGE_SIZE = 1024",
        f"{APPS}DAPHNE_MAX_MESSAGE_SIZE = 1024 * 1024",
    ),
    (
        *("view-mixin", CONSUMERS),
        "class Echo(LoginRequiredMixin, AsyncWebsocketConsumer): ...",
        "class Echo(MyMixin, AsyncWebsocketConsumer): ...",
    ),
    (
        *("receiver-in-class", CONSUMERS),
        ASYNC.format("    @receiver(logged_out)\n    def gone(self, **_): ..."),
        "@receiver(logged_out)\ndef gone(**_): ...",
    ),
    (
        *("answer-ignored", CONSUMERS),
        method(RECEIVE, "await self.ask()", "await self.send('a')") + ASKED,
        method(RECEIVE, "if await self.ask():", "    await self.send('a')") + ASKED,
    ),
    (
        *("answers-only-sometimes", CONSUMERS),
        method(RECEIVE, "if not await self.ask():", "    return") + ASKED_IN_AN_IF,
        method(RECEIVE, "if not await self.ask():", "    return") + ASKED,
    ),
    (
        *("is-for-users", CONSUMERS),
        "same = user is self.user",
        "same = user is None",
    ),
    (
        *("coroutine-in-plain-def", CONSUMERS),
        "async def tell(): ...\ndef gone(**_):\n    tell()",
        "async def tell(): ...\ndef gone(**_):\n    async_to_sync(tell)()",
    ),
    (
        *("proxy-pass-slash", "deploy/nginx.conf"),
        "location /ws/ {\n    proxy_pass http://daphnes/;",
        "location /ws/ {\n    proxy_pass http://daphnes;",
    ),
    (
        *("layer-key-unknown", SETTINGS),
        f'{APPS}CHANNEL_LAYERS = {{"default": {{"BACKEND": "a", "LOCATION": "b"}}}}',
        f'{APPS}CHANNEL_LAYERS = {{"default": {{"BACKEND": "a", "CONFIG": {{}}}}}}',
    ),
    (
        *("host-key", SETTINGS),
        f'{APPS}CHANNEL_LAYERS = {{"default": {{"CONFIG": {{"socket_timeout": 8}}}}}}',
        f'{APPS}HOSTS = [{{"address": "a", "socket_timeout": 8}}]',
    ),
    (
        *("tuple-by-comma", SETTINGS),
        f"{APPS}REDIS_URL = get('REDIS_URL'),",
        f"{APPS}REDIS_URL = get('REDIS_URL')",
    ),
    (
        *("decorated-consumer", CONSUMERS),
        f"@csrf_exempt\n{ASYNC.format('    pass')}",
        f"@final\n{ASYNC.format('    pass')}",
    ),
    (
        *("receive-is-called", CONSUMERS),
        method(CONNECT, ACCEPT, "text = await self.receive()"),
        method(CONNECT, ACCEPT, "text = await self.queue.receive()"),
    ),
    (
        *("accept-subprotocol", CONSUMERS),
        method(CONNECT, "await self.accept('chat')"),
        method(CONNECT, "await self.accept(self.scope['subprotocols'][0])"),
    ),
    (
        *("decorated-consumer", CONSUMERS),
        f"def guard(app): ...\n@guard\n{ASYNC.format('    pass')}",
        f"def guard(app): ...\n{ASYNC.format('    pass')}",
    ),
    (
        *("accepts-first", CONSUMERS),
        method(CONNECT, "await super().connect()", "if bad: await self.close()"),
        method(CONNECT, "if bad: await self.close()", "await super().connect()"),
    ),
    (
        *("global-state", CONSUMERS),
        "who = {}\n" + method(CONNECT, "who['name'] = 'ana'", ACCEPT),
        "who = {}\n" + method(CONNECT, "self.who['name'] = 'ana'", ACCEPT),
    ),
    (
        *("loop-over-a-string", CONSUMERS),
        "names = (\n    'tea'\n    'ana'\n)\nfor name in names: ...",
        "names = (\n    'tea',\n    'ana',\n)\nfor name in names: ...",
    ),
    (
        *("generator-setting", SETTINGS),
        f"{APPS}ORIGINS = (name for name in NAMES)",
        f"{APPS}ORIGINS = [name for name in NAMES]",
    ),
    (
        *("proxy-header-name", SETTINGS),
        f'{APPS}SECURE_PROXY_SSL_HEADER = ("X-Forwarded-Proto", "https")',
        f'{APPS}SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")',
    ),
    (
        *("raw-event", CONSUMERS),
        method(CONNECT, ACCEPT, "await self.send({'type': 'websocket.accept'})"),
        method(CONNECT, ACCEPT, "await self.send('websocket.accept')"),
    ),
    (
        *("never-set", CONSUMERS),
        method("async def disconnect(self, code):", "if self.here: pass")
        + "\n    here = False",
        method("async def disconnect(self, code):", "if self.here: self.here = 1")
        + "\n    here = False",
    ),
    (
        *("decorator-without-answer", CONSUMERS),
        "def logged(f):\n    def inner(*args):\n        f(*args)\n    return inner",
        (
            "def logged(f):\n    def inner(*args):\n        return f(*args)\n"
            "    return inner"
        ),
    ),
    (
        *("except-order", CONSUMERS),
        (
            "class A(Exception): ...\nclass B(A): ...\n"
            "try: ...\nexcept A: f()\nexcept B: g()"
        ),
        (
            "class A(Exception): ...\nclass B(A): ...\n"
            "try: ...\nexcept B: f()\nexcept A: g()"
        ),
    ),
    (
        *("is-for-a-literal", CONSUMERS),
        "if message['type'] is not 'message': ...",
        "if message['type'] != 'message': ...",
    ),
    (
        *("own-mailbox", CONSUMERS),
        method(CONNECT, ACCEPT, "await self.channel_layer.receive('x')"),
        method(CONNECT, ACCEPT, "await self.channel_layer.group_add('x', 'y')"),
    ),
    (
        *("flushes-the-layer", CONSUMERS),
        method(CONNECT, ACCEPT, "await self.channel_layer.flush()"),
        method(CONNECT, ACCEPT, "await self.channel_layer.group_discard('x', 'y')"),
    ),
    (
        *("assigned-twice", SETTINGS),
        f"{APPS}ALLOWED_HOSTS = []\nALLOWED_HOSTS = ['a.example']",
        f"{APPS}ALLOWED_HOSTS = []\nALLOWED_HOSTS = [*ALLOWED_HOSTS, 'a.example']",
    ),
    (
        *("package-without-name", ROUTING),
        {
            "chat/consumers/__init__.py": "",
            "chat/consumers/echo.py": "class Echo(Base): ...",
            ROUTING: "from chat.consumers import Echo",
        },
        {
            "chat/consumers/__init__.py": "from chat.consumers.echo import Echo",
            "chat/consumers/echo.py": "class Echo(Base): ...",
            ROUTING: "from chat.consumers import Echo",
        },
    ),
    (
        *("session-age", SETTINGS),
        f"{APPS}SESSION_COOKIE_AGE = 1",
        f"{APPS}SESSION_COOKIE_AGE = 86400",
    ),
    (
        *("app-config-elsewhere", "chat/__init__.py"),
        {SETTINGS: APPS, "chat/__init__.py": "class Chat(AppConfig): ..."},
        {SETTINGS: APPS, "chat/apps.py": "class Chat(AppConfig): ..."},
    ),
    (
        *("sender-not-called", "chat/signals.py"),
        "post_save.connect(told, sender=get_user_model)",
        "post_save.connect(told, sender=get_user_model())",
    ),
    (
        *("path-of-the-contract", ROUTING),
        ROUTED.format('path("wss/echo/", Echo.as_asgi())'),
        ROUTED.format('path("ws/echo/", Echo.as_asgi())'),
    ),
    (
        *("loop-over-letters", CONSUMERS),
        "joined = (f'user.{n}')\nfor group in joined: ...",
        "joined = (f'user.{n}',)\nfor group in joined: ...",
    ),
    (
        *("coroutine-in-a-thread", CONSUMERS),
        (
            "from channels.auth import get_user\n"
            "@database_sync_to_async\ndef ask(): return get_user(1)"
        ),
        (
            "from chat.models import get_user\n"
            "@database_sync_to_async\ndef ask(): return get_user(1)"
        ),
    ),
    (
        *("cached-coroutine", CONSUMERS),
        "@lru_cache\nasync def ask(): ...",
        "@lru_cache\ndef ask(): ...",
    ),
    (
        *("middleware-without-answer", "chat/middleware.py"),
        (
            "class Polite:\n    def __init__(self, get_response): ...\n"
            "    def __call__(self, request):\n        self.get_response(request)"
        ),
        (
            "class Polite:\n    def __init__(self, get_response): ...\n"
            "    def __call__(self, request):\n"
            "        return self.get_response(request)"
        ),
    ),
    (
        *("asks-the-scheme", CONSUMERS),
        'self.scope.get("scheme", "ws")',
        'self.scope.get("path", "ws")',
    ),
    (
        *("package-beside-module", "chat/consumers/__init__.py"),
        {"chat/consumers.py": "x = 1", "chat/consumers/__init__.py": ""},
        {"chat/consumers.py": "x = 1", "chat/others/__init__.py": ""},
    ),
    (
        *("no-router", ROUTING),
        ROUTED.format("") + '\nProtocolTypeRouter({"websocket": Echo.as_asgi()})',
        ROUTED.format("") + '\nProtocolTypeRouter({"websocket": URLRouter(routes)})',
    ),
    (
        *("router-elsewhere", "config/routing.py"),
        {
            SETTINGS: APPS,
            ASGI: "application = get_asgi_application()",
            "config/routing.py": "application = ProtocolTypeRouter({})",
        },
        {
            SETTINGS: APPS,
            ASGI: "from config.routing import application",
            "config/routing.py": "application = ProtocolTypeRouter({})",
        },
    ),
    (
        *("sets-the-class", CONSUMERS),
        method(CONNECT, "Echo.is_here = True", ACCEPT),
        method(CONNECT, "self.is_here = True", ACCEPT),
    ),
    (
        *("length-of-the-frame", CONSUMERS),
        method(RECEIVE, "if len(text_data) > 9: return"),
        method(RECEIVE, "if len(text) > 9: return"),
    ),
    (
        *("empty-is-none", CONSUMERS),
        method(RECEIVE, "if not text_data: return"),
        method(RECEIVE, "if text_data is None: return"),
    ),
    (
        *("wrapped-call", CONSUMERS),
        "async_to_sync(send(1))",
        "async_to_sync(send)(1)\nsync_to_async(partial(f, 1))",
    ),
    (
        *("never-reached", CONSUMERS),
        "def f():\n    return 1\n    print(2)",
        "def f():\n    if x:\n        return 1\n    print(2)",
    ),
    (
        *("to-python-returns", "chat/converters.py"),
        "class Room:\n    def to_python(self, value):\n        check(value)",
        "class Room:\n    def to_python(self, value):\n        return value",
    ),
    (
        *("shared-by-room", CONSUMERS),
        "names = {}\n" + method(CONNECT, "names[self.room] = self.name", ACCEPT),
        "names = {}\n" + method(CONNECT, "names[self.room] = 1", ACCEPT),
    ),
    (
        *("sends-to-everyone", CONSUMERS),
        "here = set()\n"
        + method(RECEIVE, "for each in here: await each.send(text_data=text_data)"),
        "here = set()\n" + method(RECEIVE, "for each in here: await self.note(each)"),
    ),
    (
        *("wrapper-parameters", CONSUMERS),
        GUARDED.format("self, text_data"),
        GUARDED.format("self, text_data=None, bytes_data=None"),
    ),
    (
        *("wrapper-parameters", CONSUMERS),
        GUARDED.format("self"),
        GUARDED.format("self, **frame"),
    ),
    (
        *("decorator-goes-on", "chat/sessions.py"),
        CLOSES.format("await consumer.close()"),
        CLOSES.format("await consumer.close()\n            return"),
    ),
    (
        *("one-for-all", CONSUMERS),
        f"routes = [path('ws/a/', Echo.as_asgi(desk=Desk()))]\n{DESK}",
        f"routes = [path('ws/a/', Echo.as_asgi(desk=Desk))]\n{DESK}",
    ),
    (
        *("one-for-all", CONSUMERS),
        DESK.replace("self.desk", "desk") + "\ndesk = Desk()",
        DESK + "\ndesk = Desk()",
    ),
    (
        *("sends-in-a-loop", CONSUMERS),
        method(RECEIVE, "while text:", "    await self.send(text[:9])"),
        method(RECEIVE, "while text:", "    await self.send(text)"),
    ),
    (
        *("router-behind-an-end", ROUTING),
        "inner = URLRouter([page])\nouter = [re_path(r'^ws/$', inner)]",
        "inner = URLRouter([page])\nouter = [re_path(r'^ws/', inner)]",
    ),
    (
        *("included-routes", "config/urls.py"),
        SOCKETS | {"config/urls.py": "path('', include('chat.routing'))"},
        SOCKETS | {"config/urls.py": "path('', include('chat.urls'))"},
    ),
    (
        *("included-routes", "config/urls.py"),
        SOCKETS | {"config/urls.py": "path('', include('chat.routing'))"},
        {
            "chat/routing.py": "websocket_urlpatterns = []\nurlpatterns = []",
            "config/urls.py": "path('', include('chat.routing'))",
        },
    ),
    (
        *("asgi-in-middleware", SETTINGS),
        {
            "chat/faults.py": WRAPPED,
            SETTINGS: f"{APPS}MIDDLEWARE = ['chat.faults.guard']",
        },
        {"chat/faults.py": "def guard(get_response): return get_response"}
        | {SETTINGS: f"{APPS}MIDDLEWARE = ['chat.faults.guard']"},
    ),
    (
        *("except-order", CONSUMERS),
        f"{BAD}try: ...\nexcept (ValueError, KeyError): ...\nexcept Bad: ...",
        f"{BAD}try: ...\nexcept Bad: ...\nexcept (ValueError, KeyError): ...",
    ),
    (
        *("catches-its-own", CONSUMERS),
        READ.format("raise Bad"),
        READ.format("raise Bad").replace("        return None", "        raise"),
    ),
    (
        *("catches-its-own", CONSUMERS),
        f"{READ.format('raise Bad')}",
        f"{READ.format('...')}",
    ),
    (
        *("catches-its-own", CONSUMERS),
        f"def look(text):\n    raise Bad\n{READ.format('look(text)')}",
        f"def look(text):\n    raise Bad\n{READ.format('look(text)')}".replace(
            "except ValueError:", "except Bad:\n        raise\n    except ValueError:"
        ),
    ),
    (
        *("catches-its-own", CONSUMERS),
        READ.format("raise Bad"),
        READ.format("raise Bad").replace(
            "ValueError:", "ValueError as e: print(e.code)"
        ),
    ),
    (
        *("type-against-text", CONSUMERS),
        method(RECEIVE, "self.a = type(text_data) == 'str'"),
        method(RECEIVE, "self.a = type(text_data) == str"),
    ),
    (
        *("type-against-text", CONSUMERS),
        method(RECEIVE, "self.a = type(text_data) == 'str'"),
        method(RECEIVE, "self.a = type(text_data).__name__ == 'str'"),
    ),
    (
        *("leaves-the-with", "chat/faults.py"),
        TELLS.format("def tell(m)", "return send(m)"),
        TELLS.format("async def tell(m)", "return await send(m)"),
    ),
    (
        *("async-command", "chat/management/commands/announce.py"),
        "class Command(BaseCommand):\n    async def handle(self, **options): ...",
        "class Command(BaseCommand):\n    def handle(self, **options): ...",
    ),
    (
        *("wrapper-parameters", CONSUMERS),
        GUARDED.format("self, *args"),
        GUARDED.format("self, *args, **kwargs"),
    ),
    (
        *("state-in-class", "chat/outbox.py"),
        {
            "chat/outbox.py": OUTBOX.format("class Outbox:\n    outbox = Queue()"),
            CONSUMERS: "class Echo(Outbox, AsyncWebsocketConsumer): ...",
        },
        {
            "chat/outbox.py": OUTBOX.format("class Outbox:\n    outbox = None"),
            CONSUMERS: "class Echo(Outbox, AsyncWebsocketConsumer): ...",
        },
    ),
    (
        *("state-in-class", CONSUMERS),
        VISITOR.format("    visitor = Visitor()", "self.visitor.name = 'a'"),
        VISITOR.format("", "self.visitor = Visitor()\n        self.visitor.name = 'a'"),
    ),
    (
        *("state-in-class", CONSUMERS),
        VISITOR.format("    visitor = Visitor()", "self.visitor.call('a')"),
        VISITOR.format("    visitor = Visitor()", "self.visitor.greet()"),
    ),
    (
        *("state-in-class", CONSUMERS),
        VISITOR.format("    visitor = Visitor()", "self.visitor.call('a')"),
        VISITOR.format("    visitor = Visitor()", "call(self.visitor)"),
    ),
    (
        *("bool-of-a-text", SETTINGS),
        f'{APPS}DEBUG = bool(os.environ.get("DEBUG", "0"))',
        f'{APPS}DEBUG = bool(os.environ.get("DEBUG", ""))',
    ),
    (
        *("bool-of-a-text", "config/env.py"),
        'def flag(name, default="0"):\n    return bool(os.environ.get(name, default))',
        "def flag(name, default=None):\n    return bool(os.environ.get(name, default))",
    ),
    (
        *("waits-for-close", "chat/echo.py"),
        HEARS.format('if event["type"] == "websocket.close": return'),
        HEARS.format('if event["type"] == "websocket.disconnect": return'),
    ),
    (
        *("waits-for-close", "chat/echo.py"),
        HEARS.format(
            'kind = event["type"]\n        if kind == "websocket.close": return'
        ),
        "async def tell(event):\n    if event['type'] == 'websocket.close': return",
    ),
    (
        *("renames-its-channel", CONSUMERS),
        method(CONNECT, "self.channel_name = self.name", ACCEPT),
        method(CONNECT, "self.name = self.channel_name", ACCEPT),
    ),
    (
        *("accepts-by-exception", CONSUMERS),
        method(CONNECT, "raise AcceptConnection()"),
        method(CONNECT, "raise DenyConnection()"),
    ),
    (
        *("middleware-state", ASGI),
        f"{KEEPER}        async with timeout(4) as self.limit: ...",
        f"{KEEPER}        async with timeout(4) as limit: ...",
    ),
    (
        *("shared-by-nonlocal", "chat/faults.py"),
        COUNTS.format("gone = False", "pass"),
        COUNTS.format("pass", "gone = False"),
    ),
    (
        *("application-factory", ASGI),
        "def application():\n    return ProtocolTypeRouter({})",
        "def create():\n    return ProtocolTypeRouter({})\napplication = create()",
    ),
    (
        *("capacity-by-name", SETTINGS),
        f'{APPS}CONFIG = {{"channel_capacity": {{"room.*": 9}}}}',
        f'{APPS}CONFIG = {{"capacity": 9}}',
    ),
    (
        *("small-setting", CONSUMERS),
        {SETTINGS: f"{APPS}longest = 9", CONSUMERS: f"{CONF}limit = settings.longest"},
        {SETTINGS: f"{APPS}LONGEST = 9", CONSUMERS: f"{CONF}limit = settings.LONGEST"},
    ),
    (
        *("small-setting", CONSUMERS),
        {SETTINGS: f"{APPS}longest = 9", CONSUMERS: f"{CONF}limit = settings.longest"},
        {
            SETTINGS: f"{APPS}longest = 9",
            CONSUMERS: "from config import settings\nlimit = settings.longest",
        },
    ),
    (
        *("backend-of-all", "chat/backends.py"),
        BACKEND.format("return User.objects.get(pk=key)"),
        BACKEND.format("return User.objects.filter(pk=key, is_active=True).first()"),
    ),
    (
        *("backend-of-all", SETTINGS),
        f'{APPS}AUTHENTICATION_BACKENDS = ["a.AllowAllUsersModelBackend"]',
        f'{APPS}AUTHENTICATION_BACKENDS = ["a.ModelBackend"]',
    ),
    (
        *("eager-default", CONSUMERS),
        "def payload(event):\n    return event.get('text', event['bytes'])",
        "def payload(event):\n    return event.get('text', event.get('bytes'))",
    ),
    (
        *("hides-an-import", "chat/views.py"),
        f"{IMPORTS}def login(request):\n    login(request)",
        f"{IMPORTS}def enter(request):\n    login(request)",
    ),
    (
        *("swallows-an-import", "chat/apps.py"),
        SIGNALS
        | {"chat/apps.py": "try: import chat.signals\nexcept ImportError: pass"},
        SIGNALS | {"chat/apps.py": "try: import uvloop\nexcept ImportError: pass"},
    ),
    (
        *("swallows-an-import", "chat/apps.py"),
        SIGNALS
        | {"chat/apps.py": "try: from chat import signals\nexcept ImportError: pass"},
        SIGNALS
        | {"chat/apps.py": "try: from chat import signals\nexcept ImportError: raise"},
    ),
    (
        *("swallows-everything", CONSUMERS),
        "try: ...\nexcept Exception: pass",
        "try: ...\nexcept KeyError: pass",
    ),
]


@pytest.mark.parametrize(
    ("kind", "file", "wrong", "right"),
    CASES,
    ids=[f"{kind}-{n}" for n, (kind, *_) in enumerate(CASES)],
)
def test_source_shows_what_is_wrong_and_nothing_beside_its_right_twin(
    kind: str, file: str, wrong: str | dict, right: str | dict | None
) -> None:
    found = findings(source_with(file, wrong))
    assert [each.id for each in found] == [kind]
    assert found[0].file == file
    if right is not None:
        assert findings(source_with(file, right)) == []


def source_with(file: str, text: str | dict[str, str]) -> Source:
    """Return a source of one file, or of those that are given."""
    return Source(text if isinstance(text, dict) else {file: text})


ENTRIES = {entry.source: entry for entry in entries() if entry.source}


def test_every_finding_has_an_entry_that_it_fills_and_a_proof() -> None:
    assert {kind for kind, *_ in CASES} == set(ENTRIES)
    for kind, file, wrong, _right in CASES:
        for each in findings(source_with(file, wrong)):
            words = {**each.words, "file": each.file, "line": each.line}
            assert ENTRIES[kind].sentence.format(**words)


SOLVED = [*sorted(ROOT.glob("stage*")), *sorted(SOLUTIONS.iterdir())]


@pytest.mark.parametrize("folder", SOLVED, ids=[each.name for each in SOLVED])
def test_source_that_is_right_shows_nothing_but_hints(
    folder: Path,
) -> None:
    stage = next(ROOT.glob(f"{folder.name.partition('_')[0]}_*"))
    files = Source.of(stage).files | Source.of(folder).files
    found = findings(Source(files))
    assert [each for each in found if not ENTRIES[each.id].hint] == []


# What a rule found wrongly once.
RIGHT = {
    "a route that nobody can read from here": (
        CONSUMERS,
        'routes = [path("a/<slug:room>/", page), re_path(rf"{A}", Echo.as_asgi())]\n'
        + method(CONNECT, "self.scope['url_route']['kwargs']['slug']", ACCEPT),
    ),
    "asgi": (
        ASGI,
        (
            "application = get_asgi_application()\n"
            'application = ProtocolTypeRouter({"http": get_asgi_application()})'
        ),
    ),
    "a view": ("config/urls.py", 'urls = [path("a/", TemplateView.as_view)]'),
    "a long key": (SETTINGS, f'{APPS}SECRET_KEY = (\n    "abc"\n    "def"\n)'),
    "a key of one's own in the scope": (
        CONSUMERS,
        'scope = {"client_id": 7}\n'
        + method(CONNECT, "self.scope['client_id']", ACCEPT),
    ),
    "a task": (
        CONSUMERS,
        method(CONNECT, "wait = self.talk()", "create_task(wait)", ACCEPT)
        + "\n    async def talk(self): ...",
    ),
    "a consumer without Channels' own handshake": (
        CONSUMERS,
        (
            "class Low(AsyncConsumer):\n"
            "    async def websocket_connect(self, event):\n"
            "        await self.send({'type': 'websocket.accept'})"
        ),
    ),
    "JSON": (
        CONSUMERS,
        method("async def receive_json(self, content):").replace("Async", "AsyncJson"),
    ),
}


@pytest.mark.parametrize(("file", "code"), RIGHT.values(), ids=RIGHT)
def test_source_that_was_found_wrong_once_shows_nothing(file: str, code: str) -> None:
    assert findings(Source({file: code})) == []


@pytest.mark.parametrize(
    "text",
    ["class A(B): ...\nclass B(A): ...", "\0", "x = " + "(" * 5_000, "def f(", "é" * 9],
    ids=["circle", "zero", "deep", "open", "accents"],
)
def test_source_that_cannot_be_read_is_left_alone(text: str) -> None:
    assert findings(Source({CONSUMERS: text, SETTINGS: text})) == []


def test_many_pages_hide_no_code(tmp_path: Path) -> None:
    for number in range(MOST_FILES):
        page = tmp_path / "chat" / f"{number}.js"
        page.parent.mkdir(exist_ok=True)
        page.write_text("1", encoding="utf-8")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "settings.py").write_text("DEBUG = True", encoding="utf-8")
    files = Source.of(tmp_path).files
    assert "config/settings.py" in files
    assert len(files) < MOST_FILES


def test_what_is_installed_is_nobodys_code(tmp_path: Path) -> None:
    for name in ("trust.txt", "requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).write_text("words", encoding="utf-8")
    assert list(Source.of(tmp_path).files) == ["trust.txt"]
