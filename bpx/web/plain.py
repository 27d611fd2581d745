"""Flask and its response, without what bpx never uses: each of it costs a forwarded call time."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response
from werkzeug.datastructures import Headers
from werkzeug.routing import MapAdapter


class PlainFlask(Flask):
    """An application without coroutines, and with the same routes whatever host is asked for."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the view or hook as it is."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what finds the route of a request."""
        if request is None:
            return None
        return MapAdapter(self.url_map, "", "/", "", request.scheme, request.path, request.method)


class Whole(Response):
    """An answer whose headers are all given: none is added, none is looked into."""

    default_mimetype = None
    automatically_set_content_length = False

    def get_wsgi_headers(self, environ: Any) -> Headers:
        """Return the headers as they are."""
        return self.headers
