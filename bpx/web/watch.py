"""Counts every request of a market, and how long its answer took.

It stands around the whole application, so whoever answers is counted. What it counts by is
bounded: an endpoint is one of our table or `other`, and a status is one of a few hundred.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from bpx import metrics
from bpx.exchange.endpoint import Source
from bpx.exchange.market import Market
from bpx.logs import log_request
from bpx.web.exporter import Exporter
from bpx.web.targets import Application

OTHER = "other"
ANY_RULE = "/<anything:rest>"
_LIMITED = (429, 418)


class Watch:
    """Counts the requests of one market.

    Args:
        market: whose.
        now: returns monotonic seconds.
        application: answers them.
        exporter: of Flask's routes.
    """

    def __init__(
        self,
        market: Market,
        now: Callable[[], float],
        application: Application,
        exporter: Exporter,
    ) -> None:
        self._market = market
        self._now = now
        self._application = application
        self._exporter = exporter
        self._in_flight = metrics.IN_FLIGHT.labels(market.name)
        self._synthetic = metrics.SYNTHETIC.labels(market.name)
        self._counters = lru_cache(maxsize=2_000)(self._counters_of)

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Serve a request."""
        began = self._now()

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            self._count(environ, status[:3], headers, self._now() - began)
            return start_response(status, headers, *more)

        self._in_flight.inc()
        try:
            return self._application(environ, start)
        finally:
            self._in_flight.dec()

    def _count(
        self, environ: dict[str, Any], status: str, headers: list[tuple[str, str]], took_s: float
    ) -> None:
        method, told = environ["REQUEST_METHOD"], dict(headers)
        path, source = environ["RAW_URI"].partition("?")[0], told.get("Data-Source", "proxy")
        endpoint, rule = self._place(method, path)
        counters = self._counters(endpoint, rule, method, status, source)
        for counter in counters.ones:
            counter.inc()
        for histogram in counters.seconds:
            histogram.observe(took_s)
        length = told.get("Content-Length") or told.get("content-length")
        if length:
            counters.bytes.inc(int(length))
        age_ms = told.get("Data-Age-Ms")
        if age_ms is not None:
            counters.age.observe(int(age_ms) / 1000)
            if "Data-Synthetic" in told:
                self._synthetic.inc()
        log_request(self._market.name, method, endpoint, source, int(status), took_s)

    def _place(self, method: str, path: str) -> tuple[str, str]:
        """Return the endpoint of our table, and Flask's rule for the path."""
        found, read = self._market.find(method, path), self._market.find("GET", path)
        is_ours = read is not None and read.source is not Source.UPSTREAM
        rule = path if is_ours or path == "/" else ANY_RULE
        return OTHER if found is None else found.path, rule

    def _counters_of(
        self, endpoint: str, rule: str, method: str, status: str, source: str
    ) -> "_Counters":
        return _Counters(self._market.name, self._exporter, endpoint, rule, method, status, source)


class _Counters:
    """The counters of one sort of answer, found once."""

    __slots__ = ("age", "bytes", "ones", "seconds")

    def __init__(
        self,
        market: str,
        exporter: Exporter,
        endpoint: str,
        rule: str,
        method: str,
        status: str,
        source: str,
    ) -> None:
        self.ones = [
            metrics.HTTP_REQUESTS.labels(market, endpoint, method, status, source),
            exporter.total.labels(method, status, market),
        ]
        kind = _error_kind(int(status), source)
        if kind is not None:
            self.ones.append(metrics.HTTP_ERRORS.labels(market, endpoint, kind))
        self.seconds = [
            metrics.REQUEST_SECONDS.labels(market, endpoint, source),
            exporter.seconds.labels(method, rule, status, market),
        ]
        self.bytes = metrics.REPLY_BYTES.labels(market, source)
        self.age = metrics.REPLY_AGE.labels(market, source)


def _error_kind(status: int, source: str) -> str | None:
    if status < 400:
        return None
    if status in _LIMITED:
        return "limited"
    if source == "upstream":
        return f"binance {status // 100}xx"
    return "failed" if status >= 500 else "refused"
