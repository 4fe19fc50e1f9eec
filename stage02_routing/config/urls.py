from django.urls import path
from django.views.generic import TemplateView

from chat import converters  # noqa: F401  # It registers <room:…>.

urlpatterns = [
    path("", TemplateView.as_view(template_name="chat/index.html"), name="index"),
    path(
        "rooms/<room:room>/",
        TemplateView.as_view(template_name="chat/room.html"),
        name="room",
    ),
]
