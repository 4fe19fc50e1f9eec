"""Log in as a browser does, and go nowhere but to this server."""

from urllib.error import URLError
from urllib.request import BaseHandler, Request

from tests.checker.accounts import Browser
from tests.checker.client import WireError
from tests.checker.doctor.site import Site
from tests.checker.endpoint import Endpoint


class LoginError(Exception):
    """Why there is no session. `status` is the last answer's, or 0."""

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(words)
        self.status = status


class OnlyHere(BaseHandler):
    """Refuses each request to another host, port or scheme."""

    handler_order = 1  # Before those that would send it.

    def __init__(self, origin: str) -> None:
        self.origin = origin

    def default_open(self, request: Request) -> None:
        """Let a request pass, or raise URLError."""
        if not request.full_url.startswith(f"{self.origin}/"):
            raise URLError(f"it leads to another host, {request.host}")


def cookies(site: Site, name: str, password: str) -> tuple[dict[str, str], list[str]]:
    """
    Return the header with a session's cookies, and the names of those for TLS only.

    Raises LoginError.
    """
    server = Endpoint(site.address.socket_origin, site.trust)
    browser = Browser(server)
    browser.opener.add_handler(OnlyHere(server.origin))
    try:
        browser.log_in(name, password)
    except WireError as error:
        status = error.symptom.rpartition(" ")[2]
        number = int(status) if status.isdigit() else 0
        raise LoginError(str(error), number) from None
    headers = browser.headers_at(server.url)
    secure = [each.name for each in browser.jar if each.secure]
    return {"Cookie": headers["Cookie"]}, secure
