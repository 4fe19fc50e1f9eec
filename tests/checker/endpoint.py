"""A server as its clients see it, whoever runs it."""

import ssl
import time
from functools import cached_property
from typing import TYPE_CHECKING

from tests.checker.servers.effort import Effort

if TYPE_CHECKING:
    from tests.checker.accounts import Visitors

# Seconds. Daphne lets who was refused by a middleware live on for 10, and under Python
# 3.11 redis-py 8 may lose that a consumer was cancelled, which makes it 11.
SHORT, LONG = 2, 12


class Endpoint:
    """
    Where a server listens, whom its clients trust, and who they say they are.

    `url` is ws:// or wss://, host and port. Where there are `visitors`, every client
    comes as one of them.
    """

    visitors: "Visitors | None" = None
    at_rest = 0  # Tasks that it had before the first client.
    has_rested = False  # Until somebody has waited long for those who were refused.
    lingers = False  # Whether something lives on for ever: nobody waits long again.

    def __init__(
        self,
        url: str,
        trust: ssl.SSLContext | None = None,
        visitors: "Visitors | None" = None,
    ) -> None:
        self.url = url
        if trust:
            self.trust = trust
        self.visitors = visitors

    @cached_property
    def trust(self) -> ssl.SSLContext:
        """What its clients make TLS with. They trust whom this machine trusts."""
        return ssl.create_default_context()

    @property
    def origin(self) -> str:
        """The origin of its pages (RFC 6454)."""
        return self.url.replace("ws", "http", 1)

    def tasks(self) -> int:
        """Return how many tasks inside have not finished: 0 where nobody can look."""
        return 0

    def effort(self) -> Effort:
        """Return how much it has worked so far: nothing where nobody can look."""
        return Effort()

    def settle(self, tasks: int, seconds: float = SHORT) -> int:
        """
        Wait until no more than so many tasks are left, for so long at most.

        Returns how many are. Of a process that a client is leaving, channels_redis can
        lose an event: a consumer that ends takes along what it has just read for
        another.
        """
        deadline = time.monotonic() + seconds
        while (left := self.tasks()) > tasks and time.monotonic() < deadline:
            time.sleep(0.01)
        return left

    def rest(self, *, is_long: bool) -> None:
        """
        Wait until those have left who were there before, and note who has not.

        Who was refused takes long to end, and so does a consumer whose cancellation was
        lost. A handshake hears no event that they could take along: it need not wait.
        """
        least = 0 if is_long and not self.has_rested else self.at_rest
        may_wait = is_long and not self.lingers
        self.at_rest = self.settle(least, LONG if may_wait else SHORT)
        self.has_rested |= is_long
        self.lingers |= may_wait and self.at_rest > least

    def identify(self, path: str) -> dict[str, str]:
        """
        Return the headers that say, in a handshake of this path, who comes.

        As a browser does, it says from which page: one of this server's own.
        """
        if self.visitors:
            return self.visitors.identify(self, path)
        return {"Origin": self.origin}
