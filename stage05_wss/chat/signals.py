"""Tell connections at once that their user has logged out, or may no longer be here."""

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver


@receiver(post_delete, sender=Session)
def session_was_deleted(instance, **kwargs):
    # Sessions elsewhere do not tell: there, a logout is found out at the next message.
    check_sessions_of(instance.get_decoded().get(SESSION_KEY))


@receiver([post_save, post_delete], sender=get_user_model())
def user_was_changed(instance, update_fields=None, **kwargs):
    if update_fields != {"last_login"}:  # Each login saves this.
        check_sessions_of(instance.pk)


def check_sessions_of(user_id):
    group_send = async_to_sync(get_channel_layer().group_send)
    event = {"type": "session.check"}
    # Before the commit, all is as it was. Robust: one can log out without Redis.
    transaction.on_commit(lambda: group_send(f"user.{user_id}", event), robust=True)
