"""
What checks a server, and the two things in it that a reader may borrow.

    >>> from tests.checker import Browser, tls_context
    >>> trust = tls_context(cafile="work/stage05_wss/keys/ca.pem")
    >>> server = "wss://localhost:8443"
    >>> ana = Browser(server, trust=trust).log_in("ana", "open-sesame")
    >>> ana.headers_at(server)

`Browser(url)` is a browser without a screen: it logs in, keeps cookies, and says what
its pages send along with a handshake. `trust` is an `ssl.SSLContext`, for wss://.

`tls_context()` takes what `ssl.create_default_context()` takes, and returns the same,
made safe for a client with two threads, such as that of `websockets.sync.client`.
"""

from importlib import import_module

BORROWED = {
    "Browser": "tests.checker.accounts",
    "tls_context": "tests.checker.threadsafe",
}


def __getattr__(name: str) -> object:
    # Every process that imports something of the checker imports this file: what is
    # borrowed, and all that it needs, is imported when it is.
    if name not in BORROWED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(BORROWED[name]), name)
