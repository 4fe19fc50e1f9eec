"""
What must not wait for a client's next message: somebody has logged out, or may no more.
"""

from asgiref.sync import async_to_sync
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from chat.consumers import check_sessions_of


@receiver(post_delete, sender=Session)
def session_was_deleted(instance, **kwargs):
    # Logging out deletes the session, and changing the password does, too.
    check_after_commit(instance.get_decoded().get(SESSION_KEY))


@receiver([post_save, post_delete], sender=get_user_model())
def user_was_changed(instance, **kwargs):
    check_after_commit(instance.pk)


def check_after_commit(user_id):
    def check():
        async_to_sync(check_sessions_of)(user_id)

    # Before the commit, a consumer that looks would find everything as it was. Robust:
    # nobody may fail to log out because Redis is away.
    transaction.on_commit(check, robust=True)
