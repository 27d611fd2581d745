"""What is counted of requests: plain numbers, of which metrics are made when somebody looks.

What it counts by is bounded: an endpoint is one of our table or `other`, and a status is one of a
few hundred.
"""

from collections.abc import Iterator

from prometheus_client import Metric

from bpx import metrics
from bpx.logs import log_request
from bpx.metrics import Count, Tally
from bpx.web.exporter import ROUTE_SECONDS, ROUTES

_LIMITED = (429, 418)

Labels = tuple[str, ...]


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


class Sums:
    """Everything that is counted of a market's requests."""

    def __init__(self) -> None:
        self.requests, self.errors, self.routes, self.bytes = Counts(), Counts(), Counts(), Counts()
        self.seconds = Tallies(metrics.REQUEST_SECONDS.bounds)
        self.route_seconds = Tallies(ROUTE_SECONDS.bounds)
        self.ages = Tallies(metrics.REPLY_AGE.bounds)

    def families(self) -> Iterator[Metric]:
        """Yield every family, as it is now."""
        yield metrics.HTTP_REQUESTS.family(self.requests.rows())
        yield metrics.HTTP_ERRORS.family(self.errors.rows())
        yield metrics.REPLY_BYTES.family(self.bytes.rows())
        yield metrics.REQUEST_SECONDS.family(list(self.seconds.items()))
        yield metrics.REPLY_AGE.family(list(self.ages.items()))
        yield ROUTES.family(self.routes.rows())
        yield ROUTE_SECONDS.family(list(self.route_seconds.items()))


class Sort:
    """One sort of answer, and its numbers, found once.

    Args:
        sums: all numbers.
        market, endpoint, method, status, source: by which it is counted.
        rule: Flask's, for its path.
    """

    __slots__ = ("_age", "_bytes", "_named", "_ones", "_seconds", "_synthetic")

    def __init__(
        self,
        sums: Sums,
        market: str,
        endpoint: str,
        rule: str,
        method: str,
        status: str,
        source: str,
    ) -> None:
        self._named = market, method, endpoint, source, int(status)
        self._ones = [
            metrics.REPLIES.labels(market, source),
            sums.requests[market, endpoint, method, status, source],
            sums.routes[market, method, status],
        ]
        kind = _error_kind(int(status), source)
        if kind is not None:
            self._ones.append(sums.errors[market, endpoint, kind])
        self._seconds = [
            sums.seconds[market, endpoint, source],
            sums.route_seconds[market, method, rule, status],
        ]
        self._bytes = sums.bytes[market, source]
        self._age = sums.ages[market, source]
        self._synthetic = metrics.SYNTHETIC.labels(market)

    def count(
        self, took_s: float, length: int, age_ms: int | None, *, is_synthetic: bool = False
    ) -> None:
        """Count an answer.

        Args:
            took_s: seconds that it took.
            length: bytes of its body.
            age_ms: since it was last proved, if it is from a cache.
            is_synthetic: whether its last candle is made by us.
        """
        for one in self._ones:
            one.value += 1
        for tally in self._seconds:
            tally.add(took_s)
        self._bytes.value += length
        if age_ms is not None:
            self._age.add(age_ms / 1000)
            if is_synthetic:
                self._synthetic.value += 1
        log_request(*self._named, took_s)


def _error_kind(status: int, source: str) -> str | None:
    if status < 400:
        return None
    if status in _LIMITED:
        return "limited"
    if source == "upstream":
        return f"binance {status // 100}xx"
    return "failed" if status >= 500 else "refused"
