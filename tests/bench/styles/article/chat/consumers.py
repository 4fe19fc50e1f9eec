"""
The article's consumer, repaired as docs/article.md repairs it.

It overrides the methods that Channels calls, and prints what comes. Its greeting, and
the words that it puts before an answer, are left out: an echo must be an echo.
"""

from channels.exceptions import StopConsumer
from channels.generic.websocket import WebsocketConsumer


class EchoConsumer(WebsocketConsumer):
    def websocket_connect(self, message):
        self.accept()

    def websocket_receive(self, message):
        print(message)
        self.send(text_data=message["text"])

    def websocket_disconnect(self, message):
        raise StopConsumer()
