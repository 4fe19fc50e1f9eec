from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"

    def ready(self):
        # Every process must send the signals: also manage.py, which has no consumers.
        from chat import signals  # noqa: F401
