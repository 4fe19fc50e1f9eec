"""Stage 5 with the synchronous consumer of stage 4."""

import hashlib
import json

from asgiref.sync import async_to_sync
from channels.generic.websocket import WebsocketConsumer
from channels.layers import get_channel_layer
from django.contrib.auth import get_user
from django.db import DatabaseError
from django.http import HttpRequest
from django.utils.module_loading import import_string

LONGEST_TEXT = 2_000


async def send_to_room(room, message):
    event = {"type": "tell", "json": json.dumps(message)}
    await get_channel_layer().group_send(f"chat_{room}", event)


def group_of_session(key):
    # The key itself is a secret, and the names of groups are seen in Redis.
    return f"session_{hashlib.sha256(key.encode()).hexdigest()}"


async def end(group):
    await get_channel_layer().group_send(group, {"type": "end"})


def ask(scope):
    """Let Django judge a new request with the old session."""
    request = HttpRequest()
    store = import_string("django.contrib.sessions.backends.db.SessionStore")
    request.session = store(scope["session"].session_key)
    return get_user(request)


class Member(WebsocketConsumer):
    groups_joined = ()

    def connect(self):
        key = self.scope["session"].session_key
        if key is None:
            self.close()
            return
        # First the groups, then the question: what changes later is told to us.
        self.room = self.scope["url_route"]["kwargs"]["room"]
        self.join(group_of_session(key))
        user = ask(self.scope)
        if user.is_authenticated:
            self.join(f"user_{user.pk}")
            user = ask(self.scope)
        if not user.is_authenticated:
            self.leave()
            self.close()
            return
        self.user = user
        self.name = user.get_username()
        self.join(f"chat_{self.room}")
        self.accept()
        self.answer(type="welcome", room=self.room, name=self.name)
        self.tell_room(type="join", name=self.name)

    def join(self, group):
        async_to_sync(self.channel_layer.group_add)(group, self.channel_name)
        self.groups_joined += (group,)

    def leave(self):
        for group in self.groups_joined:
            async_to_sync(self.channel_layer.group_discard)(group, self.channel_name)

    def disconnect(self, code):
        if hasattr(self, "name"):
            self.leave()
            self.tell_room(type="leave", name=self.name)

    def receive(self, text_data=None, bytes_data=None):
        if not self.may_go_on():
            return
        if bytes_data is not None:
            self.refuse("binary")
            return
        try:
            message = json.loads(text_data)
        except (ValueError, RecursionError):
            self.refuse("bad-json")
            return
        is_message = isinstance(message, dict) and message.get("type") == "message"
        text = message.get("text") if is_message else None
        if not isinstance(text, str) or not text:
            self.refuse("bad-message")
        elif len(text) > LONGEST_TEXT:
            self.refuse("too-long")
        else:
            self.tell_room(type="message", room=self.room, name=self.name, text=text)

    def tell_room(self, **message):
        async_to_sync(send_to_room)(self.room, message)

    def tell(self, event):
        self.send(text_data=event["json"])

    def end(self, event):
        self.close(4401)

    def user_changed(self, event):
        self.may_go_on()

    def may_go_on(self):
        try:
            code = None if ask(self.scope) == self.user else 4401
        except DatabaseError:
            code = 4503
        if code:
            self.close(code)
        return code is None

    def refuse(self, code):
        self.answer(type="error", code=code, detail="Not like this.")

    def answer(self, **message):
        self.send(text_data=json.dumps(message))


ChatConsumer = Member
