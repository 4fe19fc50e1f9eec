"""Make an account for each of 20 people, and print a strip of paper for each."""

import secrets

from django.contrib.auth import get_user_model

for number in range(1, 21):
    name, password = f"guest-{number:02}", secrets.token_urlsafe(6)
    get_user_model().objects.create_user(name, password=password)
    print(f"{name}  {password}")
