import os
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

from . import rontings

os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'myproject.settings')

application = ProtocolTypeRouter({
    # 这里处理http路由
    "http": get_asgi_application(),
    # 这里处理WebSocket路由
    # rontings.py的websocket_urlpatterns
    "websocket": URLRouter(rontings.websocket_urlpatterns),
})
