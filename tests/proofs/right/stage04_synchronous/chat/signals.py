from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models.signals import post_delete, post_save

from chat.consumers import group_of_session


def send_later(group, kind):
    def send():
        async_to_sync(get_channel_layer().group_send)(group, {"type": kind})

    transaction.on_commit(send, robust=True)


def end_session(sender, instance, **kwargs):
    send_later(group_of_session(instance.session_key), "end")


def ask_user(sender, instance, **kwargs):
    send_later(f"user_{instance.pk}", "user.changed")


post_delete.connect(end_session, sender=Session)
post_save.connect(ask_user, sender=User)
post_delete.connect(ask_user, sender=User)
