const socket = new WebSocket('ws://localhost:8000/ws/chat/');

socket.onopen = function(event) {
    console.log('WebSocket连接已建立');
    // 连接建立后的其他逻辑
};

socket.onmessage = function(event) {
    console.log('收到服务器消息:', event.data);
    // 处理接收到的消息
};

function sendMessage(message) {
    socket.send(message);
}

socket.onclose = function(event) {
    console.log('WebSocket连接已关闭');
    // 连接关闭后的其他逻辑
};
