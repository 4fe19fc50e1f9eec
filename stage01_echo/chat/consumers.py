from channels.generic.websocket import AsyncWebsocketConsumer


class EchoConsumer(AsyncWebsocketConsumer):
    """
    Send every message back to the client that sent it.

    Channels creates one instance per connection, so `self` is this client.
    """

    async def connect(self):
        # Until we accept, the client is still waiting for its handshake.
        await self.accept()

    async def receive(self, text_data=None, bytes_data=None):
        # A message is text or binary, never both: the other argument is None.
        # Daphne sends no empty message, so an empty one gets no echo.
        await self.send(text_data=text_data, bytes_data=bytes_data)
