"""Counts every request of a market, and how long its answer took.

Flask calls it around each request, whoever answers it. What it counts by is bounded: an endpoint is
one of our table or `other`, and a status is one of a few hundred.
"""

from collections.abc import Callable
from functools import lru_cache

from flask import Flask, Response, request

from bpx import metrics
from bpx.exchange.market import Market
from bpx.logs import log_request

OTHER = "other"
BEGAN = "bpx.began"  # where it is kept when a request came
_LIMITED = (429, 418)


class Watch:
    """Counts the requests of one market.

    Args:
        market: whose.
        now: returns monotonic seconds.
    """

    def __init__(self, market: Market, now: Callable[[], float]) -> None:
        self._market = market
        self._now = now
        self._in_flight = metrics.IN_FLIGHT.labels(market.name)
        self._counters = lru_cache(maxsize=2_000)(self._counters_of)

    def over(self, app: Flask) -> None:
        """Watch all requests of an application."""
        app.before_request(self.begin)
        app.after_request(self.count)
        app.teardown_request(self.end)

    def begin(self) -> None:
        """Take note that a request has come."""
        request.environ[BEGAN] = self._now()
        self._in_flight.inc()

    def end(self, error: BaseException | None) -> None:
        """Take note that a request is over, whatever has become of it."""
        if request.environ.pop(BEGAN, None) is not None:
            self._in_flight.dec()

    def count(self, response: Response) -> Response:
        """Count an answer."""
        environ, headers = request.environ, response.headers
        began = environ.get(BEGAN)
        took_s = 0.0 if began is None else self._now() - began
        source = headers.get("Data-Source", "proxy")
        endpoint = self._endpoint(environ["REQUEST_METHOD"], environ["RAW_URI"])
        status = response.status_code
        counters = self._counters(endpoint, environ["REQUEST_METHOD"], status, source)
        counters.requests.inc()
        counters.seconds.observe(took_s)
        if counters.errors is not None:
            counters.errors.inc()
        length = response.content_length
        if length:
            counters.bytes.inc(length)
        age_ms = headers.get("Data-Age-Ms")
        if age_ms is not None:
            counters.age.observe(int(age_ms) / 1000)
        if "Data-Synthetic" in headers:
            metrics.SYNTHETIC.labels(self._market.name).inc()
        log_request(self._market.name, environ["REQUEST_METHOD"], endpoint, source, status, took_s)
        return response

    def _endpoint(self, method: str, target: str) -> str:
        found = self._market.find(method, target.partition("?")[0])
        return OTHER if found is None else found.path

    def _counters_of(self, endpoint: str, method: str, status: int, source: str) -> "_Counters":
        return _Counters(self._market.name, endpoint, method, status, source)


class _Counters:
    """The counters of one sort of answer, found once."""

    __slots__ = ("age", "bytes", "errors", "requests", "seconds")

    def __init__(self, market: str, endpoint: str, method: str, status: int, source: str) -> None:
        labels = market, endpoint, method, str(status), source
        self.requests = metrics.HTTP_REQUESTS.labels(*labels)
        self.seconds = metrics.REQUEST_SECONDS.labels(market, endpoint, source)
        self.bytes = metrics.REPLY_BYTES.labels(market, source)
        self.age = metrics.REPLY_AGE.labels(market, source)
        kind = _error_kind(status, source)
        self.errors = None if kind is None else metrics.HTTP_ERRORS.labels(market, endpoint, kind)


def _error_kind(status: int, source: str) -> str | None:
    if status < 400:
        return None
    if status in _LIMITED:
        return "limited"
    if source == "upstream":
        return f"binance {status // 100}xx"
    return "failed" if status >= 500 else "refused"
