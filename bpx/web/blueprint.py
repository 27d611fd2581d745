"""The blueprint of one market: every request is answered from a cache, or forwarded."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request

from bpx import metrics
from bpx.exchange.endpoint import Endpoint, Source
from bpx.exchange.failure import UNKNOWN_SYMBOL
from bpx.exchange.query import Params
from bpx.web.answer import JSON, Again, Answer, Given, headers_of
from bpx.web.entrance import CLIENT, has_body
from bpx.web.forwarding import Forwarding, raw_target
from bpx.web.parts import Parts
from bpx.web.plain import Whole
from bpx.web.repeat import AGAIN
from bpx.web.targets import METHODS

READS = ("GET", "HEAD")
UNDERSTOOD = 4096  # queries whose meaning is remembered, per endpoint
# Headers that change an answer: https://developers.binance.com/docs/binance-spot-api-docs/rest-api
TRANSFORMING = ("HTTP_X_MBX_TIME_UNIT", "HTTP_X_MBX_SBE")
SBE = "sbe"  # in Accept
REMEMBERED_CHARACTERS = 200  # longer queries are rare, and may hold signatures


def market_blueprint(parts: Parts) -> Blueprint:
    """Build the blueprint of a market, which asks the caches first and Binance otherwise."""
    market = parts.market
    blueprint = Blueprint(market.name, __name__)
    forwarding = Forwarding(parts)

    def forward(**_: Any) -> Response:
        return forwarding.forward()

    for source in parts.answers:
        serving = _Serving(parts, market.endpoint(source), forwarding)
        path = serving.endpoint.path
        name = path.strip("/").replace("/", "_")
        blueprint.add_url_rule(
            path, name, serving.serve, methods=METHODS, provide_automatic_options=False
        )
    for rule_, name in (("/", "root"), ("/<anything:rest>", "other")):
        blueprint.add_url_rule(
            rule_, name, forward, methods=METHODS, provide_automatic_options=False
        )
    return blueprint


class _Serving:
    """Requests to one endpoint that a cache may answer."""

    def __init__(self, parts: Parts, endpoint: Endpoint, forwarding: "Forwarding") -> None:
        self.endpoint = endpoint
        self._answers = parts.answers[endpoint.source]
        self._listed = parts.listed
        self._is_list_current = parts.is_list_current
        self._now = parts.runtime.now
        self._forwarding = forwarding
        self._understood: dict[str, Params | None] = {}
        labels = parts.market.name, endpoint.path
        self._hits = metrics.CACHE_HITS.labels(*labels)
        self._misses = metrics.CACHE_MISSES.labels(*labels)

    def serve(self) -> Response:
        """Answer the request from a cache, or forward it."""
        environ, began = request.environ, self._now()
        params = self._understand(environ)
        if params is None:
            return self._forwarding.forward()
        refusal = self._refusal(params)
        if refusal is not None:
            return refusal
        if not self._is_followed(params):
            return self._forwarding.forward()
        codings, client = environ.get("HTTP_ACCEPT_ENCODING", ""), environ.get(CLIENT, "")
        answer = self._answers.answer(params, codings, client)
        is_hit = answer is not None and answer.source != "upstream"
        (self._hits if is_hit else self._misses).inc()
        if answer is None:
            return self._forwarding.forward(began)
        if is_hit and environ["REQUEST_METHOD"] == "GET":
            environ[AGAIN] = self._again(params, codings)
        return self._reply(answer)

    def _again(self, params: Params, codings: str) -> Again:
        """Return what answers the request from its cache once more, if that is all it takes."""
        again = self._answers.again(params, codings)
        listed = self._listed
        symbols: Mapping[str, str] | None = None  # of which it is known: not the whole document

        def again_if_followed(now: float) -> Given | None:
            nonlocal symbols
            info = listed()
            if info is None or info.symbols is not symbols:
                if info is None or not self._is_followed(params):
                    return None
                symbols = info.symbols
            return again(now)

        return again_if_followed

    def _understand(self, environ: Mapping[str, Any]) -> Params | None:
        """Return the parameters of a request that a cache may answer, None if none may."""
        if environ["REQUEST_METHOD"] not in READS or SBE in environ.get("HTTP_ACCEPT", "").lower():
            return None
        path, _, query = raw_target(environ).partition("?")
        if path != self.endpoint.path or any(name in environ for name in TRANSFORMING):
            return None
        if has_body(environ):
            return None  # Binance may read parameters from a body
        if len(query) > REMEMBERED_CHARACTERS:
            return self.endpoint.understand(query)
        if query not in self._understood:
            if len(self._understood) >= UNDERSTOOD:
                self._understood.clear()
            self._understood[query] = self.endpoint.understand(query)
        return self._understood[query]

    def _refusal(self, params: Params) -> Response | None:
        """Refuse a symbol that is not listed, where the list cannot be missing it."""
        symbol = params.get("symbol")
        if symbol is None or not self.endpoint.symbols_listed:
            return None
        info = self._listed()
        if info is None or symbol in info.symbols or not self._is_list_current():
            return None
        return Response(UNKNOWN_SYMBOL, 400, content_type=JSON, headers=[("Data-Source", "proxy")])

    def _is_followed(self, params: Params) -> bool:
        """Whether there are streams for what is asked: only symbols that trade have any."""
        if self.endpoint.source is Source.EXCHANGE_INFO:
            return True
        info = self._listed()
        return info is not None and info.symbols.get(params["symbol"]) == "TRADING"

    def _reply(self, answer: Answer) -> Response:
        body = answer.body
        age_ms = max(0, int((self._now() - answer.confirmed_at) * 1000))
        return Whole([body], 200, headers_of(answer, str(age_ms), str(len(body))))
