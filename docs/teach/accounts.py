"""Make an account for each of 20 people, and print a strip of paper for each."""

import secrets

from django.contrib.auth import get_user_model

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # None of them looks like another.

for number in range(1, 21):
    name = f"guest-{number:02}"
    password = "".join(secrets.choice(LETTERS) for _ in range(8))
    get_user_model().objects.create_user(name, password=password)
    print(f"{name}  {password}")
