"""A server as its clients see it, whoever runs it."""

import ssl
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.checker.accounts import Visitors


class Endpoint:
    """
    Where a server listens, whom its clients trust, and who they say they are.

    `url` is ws:// or wss://, host and port. Where there are `visitors`, every client
    comes as one of them.
    """

    visitors: "Visitors | None" = None

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

    def identify(self, path: str) -> dict[str, str]:
        """Return the headers that say, in a handshake of this path, who comes."""
        return self.visitors.identify(self, path) if self.visitors else {}
