"""Stage 4 in the fast lane: as stage 3's, and one question for a session at a time."""

from importlib import import_module

from asgiref.sync import sync_to_async
from chat.local import membership
from django.conf import settings
from django.contrib.auth import get_user
from django.db import DatabaseError, close_old_connections
from django.http import HttpRequest

from chat.consumers import LOGGED_OUT, ChatConsumer, group_of, send_to_room
from chat.faults import UNAVAILABLE

SessionStore = import_module(settings.SESSION_ENGINE).SessionStore


@sync_to_async
def ask(session_key):
    """Return the user of a session as it is now: one trip to the database's thread."""
    request = HttpRequest()
    request.session = SessionStore(session_key)
    try:
        return get_user(request)
    except DatabaseError:
        # What failed is closed. Else it stays open: the next question uses it, too.
        close_old_connections()
        raise


class FastConsumer(ChatConsumer):
    """A ChatConsumer that Channels does not run. Its `receive()` is as it was."""

    is_open = is_stale = False

    async def __call__(self, scope, receive, send):
        self.base_send = send
        self.session_key = scope["cookies"].get(settings.SESSION_COOKIE_NAME)
        self.room = scope["url_route"]["kwargs"]["room"]
        await receive()  # websocket.connect: the client waits for its handshake.
        # Of a logout from here on we are told. So it is enough to ask once.
        async with membership("sessions", self):
            self.user = await ask(self.session_key)
            if not self.user.is_authenticated:
                await self.close()
                return
            self.name = self.user.get_username()
            async with membership(group_of(self.room), self):
                await self.accept()
                who = {"room": self.room, "name": self.name}
                await self.send_json({"type": "welcome", **who})
                self.is_open = True  # The welcome comes first. Now we hear, too.
                await send_to_room(self.room, {"type": "join", "name": self.name})
                if self.is_stale:
                    await self.session_check()
                while (event := await receive())["type"] == "websocket.receive":
                    await self.receive(event.get("text"), event.get("bytes"))
        await send_to_room(self.room, {"type": "leave", "name": self.name})

    async def hear(self, event):
        if event["type"] == "room.message":
            if self.is_open:
                # With Daphne, this never waits. Elsewhere, a slow client delays all.
                await self.base_send({"type": "websocket.send", "text": event["text"]})
        elif not self.is_open:
            self.is_stale = True  # Who it is we do not know yet, or asked too early.
        elif event["user"] == str(self.user.pk):
            await self.session_check()

    async def session_check(self):
        try:
            user, code = await ask(self.session_key), LOGGED_OUT
        except DatabaseError:
            user, code = None, UNAVAILABLE
        # An exception would never leave the room. The client may have left meanwhile.
        if user != self.user and self.is_open:
            await self.close(code)
        return user == self.user
