import os

from config.settings import *  # noqa: F403  # All else is as the stage has it.

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "prefix": "chat",
            "hosts": os.environ["REDIS_URLS"].split(),
        },
    },
}
