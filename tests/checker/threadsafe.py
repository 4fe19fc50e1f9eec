"""
TLS for a client with two threads, as `websockets.sync.client` has: chapter 5.

The checks' own client has one, and needs none of this.
"""

import ssl
from selectors import EVENT_READ, DefaultSelector
from threading import Lock
from typing import Any, Self


class OneAtATime(ssl.SSLSocket):
    """
    A TLS socket that one thread may read from while another one writes to it.

    `websockets` does that, and OpenSSL does not allow it. Before Python 3.13, which
    keeps the two apart itself, one connection in some hundreds then hung for ever.
    """

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        self = super().__new__(cls, *arguments, **options)
        self.lock = Lock()
        return self

    def recv(self, size: int = 1024, flags: int = 0) -> bytes:
        """Return the next bytes. Raises TimeoutError after the socket's timeout."""
        while True:
            # Who holds the lock must not wait: the other thread might wait for it.
            with self.lock:
                timeout = self.gettimeout()
                self.settimeout(0)
                try:
                    return super().recv(size, flags)
                except ssl.SSLWantReadError:
                    pass  # Nothing yet, half a record, or one of TLS's own.
                finally:
                    self.settimeout(timeout)
            with DefaultSelector() as selector:
                selector.register(self, EVENT_READ)
                if not selector.select(timeout):
                    raise TimeoutError("The read operation timed out")

    def sendall(self, data: bytes, flags: int = 0) -> None:
        """Send all bytes."""
        with self.lock:
            super().sendall(data, flags)


def tls_context(**options: Any) -> ssl.SSLContext:
    """Return what `ssl.create_default_context` does, safe for two threads."""
    context = ssl.create_default_context(**options)
    context.sslsocket_class = OneAtATime
    return context
