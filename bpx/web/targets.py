"""Which requests reach the blueprints: any target, and the methods that there are."""

from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.routing import BaseConverter

from bpx.exchange.failure import error_body

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
_NO_METHOD = error_body(-1020, "Method Not Allowed")
_NO_PATH = error_body(-1100, "Illegal request target: a path is expected.")


class Anything(BaseConverter):
    """The rest of a path, whatever is in it: slashes at its begin, line breaks."""

    regex = "(?s:.+)"
    part_isolating = False


class Gate:
    """Refuses what is no request of a market, before it is routed or becomes a metric's label."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Serve a request."""
        environ.pop("HTTP_UPGRADE", None)  # an offer that we do not take (RFC 9110, 7.8)
        if environ["REQUEST_METHOD"] not in METHODS:
            return _refused(
                start_response, "405 Method Not Allowed", _NO_METHOD, ("Allow", ", ".join(METHODS))
            )
        if not environ["RAW_URI"].startswith("/"):
            # Whoever sends it may mean another server: what follows is not read.
            return _refused(start_response, "400 Bad Request", _NO_PATH, ("Connection", "close"))
        return self._application(environ, start_response)


def _refused(
    start_response: Callable[..., Any], status: str, body: bytes, header: tuple[str, str]
) -> list[bytes]:
    start_response(
        status,
        [
            ("Content-Type", "application/json;charset=UTF-8"),
            ("Content-Length", str(len(body))),
            ("Data-Source", "proxy"),
            header,
        ],
    )
    return [body]
