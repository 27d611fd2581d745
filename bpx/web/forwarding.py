"""Requests that are for Binance: passed on as they came, and so its replies."""

from collections.abc import Mapping
from typing import Any

from flask import Response, request

from bpx.errors import BadTarget
from bpx.upstream.call import Call, Kind, Reply, kind_of, never
from bpx.upstream.headers import to_binance
from bpx.web.entrance import CLIENT, KIND, has_body
from bpx.web.parts import Parts
from bpx.web.plain import Whole

BODILESS = (204, 304)
IS_GONE = "bpx.is_gone"  # where the server puts what tells whether the client has gone


class Forwarding:
    """Requests that are for Binance."""

    def __init__(self, parts: Parts) -> None:
        self._market = parts.market
        self._upstream = parts.upstream
        self._show = parts.show_forward
        self._now = parts.runtime.now
        self._keeps_replies = parts.keeps_replies

    def forward(self, began: float | None = None) -> Response:
        """Ask Binance for the client, and pass on what it says.

        Args:
            began: when the request came, if that was not now.
        """
        environ = request.environ
        method, target = environ["REQUEST_METHOD"], raw_target(environ)
        if not target.startswith("/"):
            raise BadTarget("Illegal request target: a path is expected.")
        path, _, query = target.partition("?")
        body = request.get_data(cache=False) if has_body(environ) else b""
        kind = kind_of(method, query, body)
        environ[KIND] = kind
        endpoint = self._market.find(method, path)
        is_kept = self._keeps_replies and endpoint is not None
        call = Call(
            method,
            target,
            to_binance(request.headers.items()),
            body,
            self._market.charged_weight(method, path, query),
            kind,
            keep_s=endpoint.kept_s(query) if endpoint is not None and is_kept else 0.0,
            is_unknown=self._market.is_unknown(method, path),
            client=environ.get(CLIENT, ""),
            is_abandoned=environ.get(IS_GONE, never),
            tells_weight=endpoint is None or endpoint.tells_weight,
        )
        began = self._now() if began is None else began
        is_shared = kind is Kind.PUBLIC and endpoint is not None and endpoint.public and not body
        ask = self._upstream.share if is_shared else self._upstream.forward
        reply = ask(call, began)
        self._show(self._market.name, method, path, reply.status, self._now() - began)
        return self._response(reply)

    def _response(self, reply: Reply) -> Response:
        headers = list(reply.headers)
        is_bodiless = request.method == "HEAD" or reply.status in BODILESS
        if reply.stream is None and not is_bodiless:
            headers.append(("Content-Length", str(len(reply.body))))
        headers.append(("Data-Source", "upstream" if reply.kept_at is None else "cache"))
        if reply.kept_at is not None:
            age_ms = max(0, int((self._now() - reply.kept_at) * 1000))
            headers.append(("Data-Age-Ms", str(age_ms)))
        return Whole([reply.body] if reply.stream is None else reply.stream, reply.status, headers)


def raw_target(environ: Mapping[str, Any]) -> str:
    """Return the request's raw target, as it was on the wire (latin-1)."""
    target: str = environ["RAW_URI"]
    return target
