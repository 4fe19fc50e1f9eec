"""`learn.py docs`: the site, as mkdocs serves it."""

import socket
from collections.abc import Callable

import pytest


def test_docs_serves_the_site_with_everything_installed(
    handed_over: Callable[..., tuple], capsys: pytest.CaptureFixture[str], port: int
) -> None:
    words, variables, everything = handed_over("docs", "--port", port)
    address = f"127.0.0.1:{port}"
    assert words == ["mkdocs", "serve", "--dev-addr", address]
    assert variables == {"NO_MKDOCS_2_WARNING": "1"}
    assert everything
    assert f"Open http://{address}/" in capsys.readouterr().out


def test_docs_refuses_a_port_in_use(refusal: Callable[..., str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        words = refusal("docs", "--port", port)
    assert f"port {port} is in use by another program: stop it" in words
