import os

from config.settings import *  # noqa: F403  # All else is as the stage has it.

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            "prefix": "{chat}",  # A Cluster reads what is in braces, and nothing else.
            "capacity": 10_000,
            "hosts": [
                {"address": url, "socket_timeout": 8, "max_connections": 10_000}
                for url in os.environ["REDIS_URLS"].split()
            ],
        },
    },
}
