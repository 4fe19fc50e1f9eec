from channels.generic.websocket import WebsocketConsumer
from channels.exceptions import StopConsumer

class ChatConsumer(WebsocketConsumer):
    def websocket_connect(self):
        self.accept()
        self.send('消息')

    def websocket_receive(self, message):
        # 客户端基于websocket向后端发送数据时,自动触发接收消息
        print(message)
        self.send(text_data="收到消息: " + message)
        # self.close()

    def websocket_disconnect(self, message):
        # 客户端与服务器断开连接时,自动触发
        print("断开连接")
        raise StopConsumer()
