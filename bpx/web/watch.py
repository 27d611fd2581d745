"""Counts every request of a market, and how long its answer took.

It stands around the whole application, so whoever answers is counted. What a server could answer by
itself, if it is asked the very same again, it is told here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from prometheus_client import Metric
from prometheus_client.registry import Collector

from bpx import metrics
from bpx.exchange.endpoint import Source
from bpx.exchange.market import Market
from bpx.web.counting import Name, Sort, Sorts
from bpx.web.entrance import Entrance
from bpx.web.repeat import AGAIN, REMEMBER, Repeat
from bpx.web.targets import METHODS, Application

OTHER = "other"
ANY_RULE = "/<anything:rest>"


class Watch(Collector):
    """Counts the requests of one market.

    Args:
        market: whose.
        now: returns monotonic seconds.
        application: answers them.
        entrance: through which they come in.
    """

    def __init__(
        self,
        market: Market,
        now: Callable[[], float],
        application: Application,
        entrance: Entrance,
    ) -> None:
        self._market = market
        self._now = now
        self._application = application
        self._entrance = entrance
        self._in_flight = 0
        self._sorts = Sorts()
        self._place = lru_cache(maxsize=500)(self._find_place)

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Serve a request."""
        began = self._now()

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            self._count(environ, status[:3], dict(headers), self._now() - began)
            return start_response(status, headers, *more)

        self._in_flight += 1
        try:
            return self._application(environ, start)
        finally:
            self._in_flight -= 1

    def collect(self) -> Iterator[Metric]:
        """Yield every family, as it is now."""
        yield from self._sorts.families()
        yield metrics.IN_FLIGHT.family([((self._market.name,), self._in_flight)])

    def _count(
        self, environ: Mapping[str, Any], status: str, told: Mapping[str, str], took_s: float
    ) -> None:
        method = environ["REQUEST_METHOD"]
        if method not in METHODS:
            method = OTHER  # whatever a client has made up
        endpoint, rule = self._place(method, environ["RAW_URI"].partition("?")[0])
        length = told.get("Content-Length") or told.get("content-length") or 0
        age_ms = told.get("Data-Age-Ms")
        source = told.get("Data-Source", "proxy")
        name = Name(self._market.name, endpoint, rule, method, status, source)
        self._sorts[name].count(
            took_s,
            int(length),
            None if age_ms is None else int(age_ms),
            is_synthetic="Data-Synthetic" in told,
        )
        if AGAIN in environ and REMEMBER in environ:
            environ[REMEMBER](self._repeat(environ, name))

    def _repeat(self, environ: Mapping[str, Any], name: Name) -> Repeat:
        counts = (
            metrics.CACHE_HITS.labels(name.market, name.endpoint),
            metrics.REPEATED.labels(name.market),
        )
        ticket = self._entrance.ticket(environ)

        def sort_of(source: str) -> Sort:
            return self._sorts[name._replace(source=source)]

        return Repeat(self._now, environ[AGAIN], ticket, sort_of, counts)

    def _find_place(self, method: str, path: str) -> tuple[str, str]:
        """Return the endpoint of our table, and Flask's rule for the path."""
        found, read = self._market.find(method, path), self._market.find("GET", path)
        is_ours = read is not None and read.source is not Source.UPSTREAM
        rule = path if is_ours or path == "/" else ANY_RULE
        return OTHER if found is None else found.path, rule
