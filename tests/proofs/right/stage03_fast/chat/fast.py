"""Stage 3 in the fast lane: one loop for each client, one channel for each room."""

from urllib.parse import parse_qs

from chat.local import membership

from chat.consumers import LONGEST_NAME, ChatConsumer, group_of, send_to_room


class FastConsumer(ChatConsumer):
    """A ChatConsumer that Channels does not run. Its `receive()` is as it was."""

    is_open = False

    async def __call__(self, scope, receive, send):
        self.base_send = send
        self.room = scope["url_route"]["kwargs"]["room"]
        query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
        self.name = query.get("name", ["guest"])[0]
        await receive()  # websocket.connect: the client waits for its handshake.
        if not 1 <= len(self.name) <= LONGEST_NAME:
            await self.close()
            return
        async with membership(group_of(self.room), self):
            await self.accept()
            who = {"room": self.room, "name": self.name}
            await self.send_json({"type": "welcome", **who})
            self.is_open = True  # The welcome comes first. Now we hear, too.
            await send_to_room(self.room, {"type": "join", "name": self.name})
            # No task, no thread, no second queue: an event is handled where it comes.
            while (event := await receive())["type"] == "websocket.receive":
                await self.receive(event.get("text"), event.get("bytes"))
        await send_to_room(self.room, {"type": "leave", "name": self.name})

    async def hear(self, event):
        # With Daphne, this never waits. With another server, a slow client delays all.
        if self.is_open:
            await self.base_send({"type": "websocket.send", "text": event["text"]})
