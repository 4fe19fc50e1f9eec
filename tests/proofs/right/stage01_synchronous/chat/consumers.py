"""Stage 1 with a synchronous consumer: plain methods, run in a thread."""

from channels.generic.websocket import WebsocketConsumer


class Parrot(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data=text_data, bytes_data=bytes_data)


EchoConsumer = Parrot
