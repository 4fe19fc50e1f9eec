import os

from config.settings import *  # noqa: F403  # All else is as the stage has it.

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            "prefix": "chat",
            "capacity": 10_000,
            "hosts": [
                {
                    "master_name": "chat",
                    "sentinels": [
                        ("127.0.0.1", int(port))
                        for port in os.environ["SENTINELS"].split()
                    ],
                    # Who does not answer a question about the master is passed over.
                    "sentinel_kwargs": {"socket_timeout": 1},
                    "socket_timeout": float(os.environ.get("SOCKET_TIMEOUT", "8")),
                    "max_connections": 10_000,
                },
            ],
        },
    },
}
