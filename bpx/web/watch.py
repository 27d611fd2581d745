"""Counts every request of a market, and how long its answer took.

It stands around the whole application, so whoever answers is counted. What it counts by is
bounded: an endpoint is one of our table or `other`, and a status is one of a few hundred. Counting
is adding to plain numbers; the families are made of these when somebody looks.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from prometheus_client import Metric
from prometheus_client.registry import Collector

from bpx import metrics
from bpx.exchange.endpoint import Source
from bpx.exchange.market import Market
from bpx.logs import log_request
from bpx.metrics import Tally
from bpx.web.exporter import ROUTE_SECONDS, ROUTES
from bpx.web.targets import METHODS, Application

OTHER = "other"
ANY_RULE = "/<anything:rest>"
_LIMITED = (429, 418)

Labels = tuple[str, ...]


class Count:
    """A number that only grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class Counts(dict[Labels, Count]):
    """Numbers by their labels."""

    def __missing__(self, labels: Labels) -> Count:
        made = self[labels] = Count()
        return made

    def rows(self) -> Iterator[tuple[Labels, float]]:
        """Yield each, as it is."""
        return ((labels, count.value) for labels, count in list(self.items()))


class Tallies(dict[Labels, Tally]):
    """Tallies by their labels.

    Args:
        bounds: of their buckets.
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        super().__init__()
        self._bounds = bounds

    def __missing__(self, labels: Labels) -> Tally:
        made = self[labels] = Tally(self._bounds)
        return made


class Watch(Collector):
    """Counts the requests of one market.

    Args:
        market: whose.
        now: returns monotonic seconds.
        application: answers them.
    """

    def __init__(self, market: Market, now: Callable[[], float], application: Application) -> None:
        self._market = market
        self._now = now
        self._application = application
        self._in_flight = 0
        self._synthetic = metrics.SYNTHETIC.labels(market.name)
        self.requests, self.errors, self.routes, self.bytes = Counts(), Counts(), Counts(), Counts()
        self.seconds = Tallies(metrics.REQUEST_SECONDS.bounds)
        self.route_seconds = Tallies(ROUTE_SECONDS.bounds)
        self.ages = Tallies(metrics.REPLY_AGE.bounds)
        self._counters = lru_cache(maxsize=2_000)(self._counters_of)
        self._places = lru_cache(maxsize=500)(self._place)

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Serve a request."""
        began = self._now()

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            self._count(environ, status[:3], headers, self._now() - began)
            return start_response(status, headers, *more)

        self._in_flight += 1
        try:
            return self._application(environ, start)
        finally:
            self._in_flight -= 1

    def collect(self) -> Iterator[Metric]:
        """Yield every family, as it is now."""
        yield metrics.HTTP_REQUESTS.family(self.requests.rows())
        yield metrics.HTTP_ERRORS.family(self.errors.rows())
        yield metrics.REPLY_BYTES.family(self.bytes.rows())
        yield metrics.REQUEST_SECONDS.family(list(self.seconds.items()))
        yield metrics.REPLY_AGE.family(list(self.ages.items()))
        yield metrics.IN_FLIGHT.family([((self._market.name,), self._in_flight)])
        yield ROUTES.family(self.routes.rows())
        yield ROUTE_SECONDS.family(list(self.route_seconds.items()))

    def _count(
        self, environ: dict[str, Any], status: str, headers: list[tuple[str, str]], took_s: float
    ) -> None:
        told, method = dict(headers), environ["REQUEST_METHOD"]
        if method not in METHODS:
            method = OTHER  # whatever a client has made up
        path, source = environ["RAW_URI"].partition("?")[0], told.get("Data-Source", "proxy")
        endpoint, rule = self._places(method, path)
        counters = self._counters(endpoint, rule, method, status, source)
        for count in counters.ones:
            count.value += 1
        for tally in counters.seconds:
            tally.add(took_s)
        length = told.get("Content-Length") or told.get("content-length")
        if length:
            counters.bytes.value += int(length)
        age_ms = told.get("Data-Age-Ms")
        if age_ms is not None:
            counters.age.add(int(age_ms) / 1000)
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
        return _Counters(self, self._market.name, endpoint, rule, method, status, source)


class _Counters:
    """The counters of one sort of answer, found once."""

    __slots__ = ("age", "bytes", "ones", "seconds")

    def __init__(
        self,
        watch: Watch,
        market: str,
        endpoint: str,
        rule: str,
        method: str,
        status: str,
        source: str,
    ) -> None:
        self.ones = [
            watch.requests[market, endpoint, method, status, source],
            watch.routes[market, method, status],
        ]
        kind = _error_kind(int(status), source)
        if kind is not None:
            self.ones.append(watch.errors[market, endpoint, kind])
        self.seconds = [
            watch.seconds[market, endpoint, source],
            watch.route_seconds[market, method, rule, status],
        ]
        self.bytes = watch.bytes[market, source]
        self.age = watch.ages[market, source]


def _error_kind(status: int, source: str) -> str | None:
    if status < 400:
        return None
    if status in _LIMITED:
        return "limited"
    if source == "upstream":
        return f"binance {status // 100}xx"
    return "failed" if status >= 500 else "refused"
