"""Stage 4 without signals: a task looks after all sessions, three times a second."""

import asyncio

from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import DatabaseError
from django.db.models import Exists
from django.urls import path, re_path
from django.utils.timezone import now

from chat import converters  # noqa: F401  # It registers <room:…>.
from chat.consumers import LOGGED_OUT, ChatConsumer
from chat.faults import UNAVAILABLE, refuse


def valid_sessions(keys):
    return Session.objects.filter(session_key__in=keys, expire_date__gt=now())


class WatchedConsumer(ChatConsumer):
    here = set()  # noqa: RUF012  # Meant to be one for all.
    watcher = None

    async def connect(self):
        await super().connect()
        if self.joined:
            self.here.add(self)
            if WatchedConsumer.watcher is None or WatchedConsumer.watcher.done():
                WatchedConsumer.watcher = asyncio.create_task(self.watch())

    async def disconnect(self, code):
        self.here.discard(self)
        await super().disconnect(code)

    @property
    def key(self):
        return self.scope["session"].session_key

    async def session_check(self, event=None):
        users = get_user_model().objects.filter(
            Exists(valid_sessions([self.key])),
            pk=self.user.pk,
            is_active=True,
            password=self.user.password,
        )
        try:
            is_logged_in = await users.aexists()
        except DatabaseError:
            await self.close(UNAVAILABLE)
            return False
        if not is_logged_in:
            await self.close(LOGGED_OUT)
        return is_logged_in

    @classmethod
    async def watch(cls):
        while cls.here:
            await asyncio.sleep(0.3)
            here = list(cls.here)
            sessions = valid_sessions([each.key for each in here])
            keys = {session.session_key async for session in sessions}
            pks = {each.user.pk for each in here}
            users = get_user_model().objects.filter(pk__in=pks, is_active=True)
            passwords = {user.pk: user.password async for user in users}
            for each in here:
                if each not in cls.here:  # It has left meanwhile.
                    continue
                password = passwords.get(each.user.pk)
                if each.key not in keys or password != each.user.password:
                    cls.here.discard(each)
                    await each.close(LOGGED_OUT)


websocket_urlpatterns = [
    path("ws/rooms/<room:room>/", WatchedConsumer.as_asgi()),
    re_path(r"", refuse),
]
