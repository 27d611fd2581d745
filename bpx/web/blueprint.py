"""The blueprint of one market: every request is answered from a cache, or forwarded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request

from bpx import metrics
from bpx.errors import BadTarget
from bpx.exchange.endpoint import Endpoint, Source
from bpx.exchange.failure import UNKNOWN_SYMBOL
from bpx.exchange.info import ExchangeInfo
from bpx.exchange.market import Market
from bpx.exchange.query import Params
from bpx.runtime import Runtime
from bpx.upstream.call import Call, Kind, Reply, kind_of
from bpx.upstream.headers import to_binance
from bpx.upstream.upstream import Upstream
from bpx.web.answer import Answer, Answers
from bpx.web.refusals import JSON

READS = ("GET", "HEAD")
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
UNDERSTOOD = 4096  # queries whose meaning is remembered, per endpoint
# Headers that change an answer: https://developers.binance.com/docs/binance-spot-api-docs/rest-api
TRANSFORMING = ("HTTP_X_MBX_TIME_UNIT", "HTTP_X_MBX_SBE")
SBE = "sbe"  # in Accept

ShowForward = Callable[[str, str, str, int, float], None]  # market, method, path, status, seconds


@dataclass(frozen=True, slots=True)
class Parts:
    """What a blueprint serves from.

    Args:
        market: what is known of it.
        answers: who answers, by source.
        listed: returns the newest exchangeInfo, None before there is one.
        upstream: Binance.
        runtime: time.
        show_forward: told every forwarded request.
        keeps_replies: whether replies that no stream carries are kept, as their rows say.
    """

    market: Market
    answers: Mapping[Source, Answers]
    listed: Callable[[], ExchangeInfo | None]
    upstream: Upstream
    runtime: Runtime
    show_forward: ShowForward
    keeps_replies: bool = True


def market_blueprint(parts: Parts) -> Blueprint:
    """Build the blueprint of a market, which asks the caches first and Binance otherwise."""
    market = parts.market
    blueprint = Blueprint(market.name, __name__)
    forwarding = _Forwarding(parts)

    def forward(**_: Any) -> Response:
        return forwarding.forward()

    for source in parts.answers:
        serving = _Serving(parts, market.endpoint(source), forwarding)
        path = serving.endpoint.path
        name = path.strip("/").replace("/", "_")
        blueprint.add_url_rule(
            path, name, serving.serve, methods=METHODS, provide_automatic_options=False
        )
    for rule_, name in (("/", "root"), ("/<path:rest>", "other")):
        blueprint.add_url_rule(
            rule_, name, forward, methods=METHODS, provide_automatic_options=False
        )
    return blueprint


class _Serving:
    """Requests to one endpoint that a cache may answer."""

    def __init__(self, parts: Parts, endpoint: Endpoint, forwarding: "_Forwarding") -> None:
        self.endpoint = endpoint
        self._answers = parts.answers[endpoint.source]
        self._listed = parts.listed
        self._now = parts.runtime.now
        self._forwarding = forwarding
        self._understood: dict[str, Params | None] = {}
        self._replies = {
            source: metrics.REPLIES.labels(parts.market.name, source)
            for source in ("websocket", "cache", "upstream", "proxy")
        }

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
        answer = self._answers.answer(params, environ.get("HTTP_ACCEPT_ENCODING", ""))
        if answer is None:
            return self._forwarding.forward(began)
        return self._reply(answer)

    def _understand(self, environ: Mapping[str, Any]) -> Params | None:
        """Return the parameters of a request that a cache may answer, None if none may."""
        if environ["REQUEST_METHOD"] not in READS or SBE in environ.get("HTTP_ACCEPT", "").lower():
            return None
        path, _, query = _target(environ).partition("?")
        if path != self.endpoint.path or any(name in environ for name in TRANSFORMING):
            return None
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
        if info is None or symbol in info.symbols:
            return None
        self._replies["proxy"].inc()
        return Response(UNKNOWN_SYMBOL, 400, content_type=JSON, headers=[("Data-Source", "proxy")])

    def _is_followed(self, params: Params) -> bool:
        """Whether there are streams for what is asked: only symbols that trade have any."""
        if self.endpoint.source is Source.EXCHANGE_INFO:
            return True
        info = self._listed()
        return info is not None and info.symbols.get(params["symbol"]) == "TRADING"

    def _reply(self, answer: Answer) -> Response:
        self._replies[answer.source].inc()
        headers = [("Data-Source", answer.source)]
        if answer.source != "upstream":
            age_ms = max(0, int((self._now() - answer.confirmed_at) * 1000))
            headers.append(("Data-Age-Ms", str(age_ms)))
        if answer.is_synthetic:
            headers.append(("Data-Synthetic", "1"))
        if self.endpoint.source is Source.EXCHANGE_INFO:
            headers.append(("Vary", "Accept-Encoding"))
        if answer.coding is not None:
            headers.append(("Content-Encoding", answer.coding))
        return Response(answer.body, 200, headers, content_type=JSON)


class _Forwarding:
    """Requests that are for Binance."""

    def __init__(self, parts: Parts) -> None:
        self._market = parts.market
        self._upstream = parts.upstream
        self._show = parts.show_forward
        self._now = parts.runtime.now
        self._keeps_replies = parts.keeps_replies
        self._replies = metrics.REPLIES

    def forward(self, began: float | None = None) -> Response:
        """Ask Binance for the client, and pass on what it says.

        Args:
            began: when the request came, if that was not now.
        """
        environ = request.environ
        method, target = environ["REQUEST_METHOD"], _target(environ)
        if not target.startswith("/"):
            raise BadTarget("Illegal request target: a path is expected.")
        path, _, query = target.partition("?")
        body = request.get_data(cache=False)
        kind = kind_of(method, query, body)
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
        )
        began = self._now() if began is None else began
        is_shared = kind is Kind.PUBLIC and endpoint is not None and endpoint.public and not body
        ask = self._upstream.share if is_shared else self._upstream.forward
        reply = ask(call, began)
        self._show(self._market.name, method, path, reply.status, self._now() - began)
        return self._response(reply)

    def _response(self, reply: Reply) -> Response:
        source = "upstream" if reply.kept_at is None else "cache"
        self._replies.labels(self._market.name, source).inc()
        response = Response(reply.body if reply.stream is None else reply.stream, reply.status)
        response.headers.clear()
        for name, value in reply.headers:
            response.headers.add(name, value)
        if reply.stream is None and "Content-Length" not in response.headers:
            response.headers["Content-Length"] = str(len(reply.body))
        response.headers["Data-Source"] = source
        if reply.kept_at is not None:
            age_ms = max(0, int((self._now() - reply.kept_at) * 1000))
            response.headers["Data-Age-Ms"] = str(age_ms)
        return response


def _target(environ: Mapping[str, Any]) -> str:
    """Return the request's raw target, as it was on the wire (latin-1)."""
    target: str = environ["RAW_URI"]
    return target
