"""What a careful site says with every answer, and what it asks before a WebSocket."""

from urllib.parse import quote

from django.conf import settings

HEADERS = [
    (b"strict-transport-security", b"max-age=3600; includeSubDomains"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
]


def https_only(application):
    async def answer(scope, receive, send):
        scheme = scope["scheme"]
        if settings.IS_BEHIND_PROXY:
            scheme = dict(scope["headers"]).get(b"x-forwarded-proto", b"").decode()
        if scheme != "https":
            await redirect(scope, send)
            return

        async def send_with_care(event):
            if event["type"] == "http.response.start":
                headers = [with_care(*header) for header in event["headers"]]
                event = {**event, "headers": headers + HEADERS}
            await send(event)

        scope = {**scope, "scheme": "https", "root_path": ""}
        await application(scope, receive, send_with_care)

    return answer


async def redirect(scope, send):
    target = f"https://{settings.SITE}{quote(scope['path'])}"
    if scope["query_string"]:
        target += f"?{scope['query_string'].decode()}"
    headers = [(b"location", target.encode())]
    await send({"type": "http.response.start", "status": 308, "headers": headers})
    await send({"type": "http.response.body"})


def with_care(name, value):
    if name.lower() == b"set-cookie":
        parts = value.split(b"; ")
        value = b"; ".join([*dict.fromkeys([*parts, b"HttpOnly", b"Secure"])])
    return name, value


def our_pages_only(application):
    async def check(scope, receive, send):
        origins = [value for name, value in scope["headers"] if name == b"origin"]
        if len(origins) == 1 and origins[0].decode("latin-1") in settings.ORIGINS:
            await application(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close"})

    return check
