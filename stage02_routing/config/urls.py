from django.urls import path, re_path
from django.views.generic import TemplateView

urlpatterns = [
    path("", TemplateView.as_view(template_name="chat/index.html"), name="index"),
    re_path(
        r"^rooms/(?P<room>[A-Za-z0-9_-]{1,50})/$",
        TemplateView.as_view(template_name="chat/room.html"),
        name="room",
    ),
]
