"""Which requests reach the blueprints: any target, and the methods that there are."""

from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.routing import BaseConverter

from bpx.exchange.failure import error_body

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
_REFUSED = error_body(-1020, "Method Not Allowed")


class Anything(BaseConverter):
    """The rest of a path, whatever is in it: slashes at its begin, line breaks."""

    regex = "(?s:.+)"
    part_isolating = False


class KnownMethods:
    """Refuses a method that nobody knows before it can become a label of a metric."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Serve a request."""
        if environ["REQUEST_METHOD"] in METHODS:
            return self._application(environ, start_response)
        start_response(
            "405 Method Not Allowed",
            [
                ("Content-Type", "application/json;charset=UTF-8"),
                ("Content-Length", str(len(_REFUSED))),
                ("Allow", ", ".join(METHODS)),
                ("Data-Source", "proxy"),
            ],
        )
        return [_REFUSED]
