import re

import redis
from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chat.consumers import LONGEST_TEXT, send_to_room
from chat.converters import RoomConverter


class Command(BaseCommand):
    help = "Send a text to everyone in a room, from a process of its own."

    def add_arguments(self, parser):
        parser.add_argument("room")
        parser.add_argument("text")

    def handle(self, *, room, text, **options):
        if not re.fullmatch(RoomConverter.regex, room):
            raise CommandError(f"{room!r} cannot be the name of a room.")
        if not 1 <= len(text) <= LONGEST_TEXT:
            raise CommandError(f"A text has 1 to {LONGEST_TEXT} characters.")
        if not settings.REDIS_URL:
            raise CommandError("Without Redis, no way to the server: set REDIS_URL.")
        try:
            async_to_sync(send_to_room)(room, {"type": "announcement", "text": text})
        # The last is what a REDIS_URL gets that is none.
        except (redis.RedisError, ValueError) as error:
            raise CommandError(f"Redis cannot be reached: {error}") from None
        # Whether anybody was there to hear it, no one can say.
        self.stdout.write(f"Sent to room {room}.")
