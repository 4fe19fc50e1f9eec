from chat.tickets import ticket_view
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path
from django.views.generic import TemplateView

from chat import converters  # noqa: F401  # It registers <room:…>.

urlpatterns = [
    path("ticket/", ticket_view),
    path("", TemplateView.as_view(template_name="chat/index.html"), name="index"),
    path(
        "login/",
        LoginView.as_view(extra_context={"show_demo_users": settings.DEBUG}),
        name="login",
    ),
    # Who is logged out already may log out: another tab was quicker.
    path("logout/", login_not_required(LogoutView.as_view()), name="logout"),
    path(
        "rooms/<room:room>/",
        TemplateView.as_view(template_name="chat/room.html"),
        name="room",
    ),
]
