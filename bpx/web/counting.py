"""What is counted of requests: plain numbers, of which metrics are made when somebody looks.

Each sort of answer has numbers of its own, and every family is a sum over sorts: so an answer is
counted once, however many families tell of it. What it counts by is bounded: an endpoint is one of
our table or `other`, and a status is one of a few hundred.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from logging import DEBUG
from typing import NamedTuple

from prometheus_client import Metric

from bpx import metrics
from bpx.logs.requests import REQUESTS, log_request
from bpx.metrics import AGES_S, FAST_S, Reading, Spread, Tally
from bpx.web.exporter import ROUTE_SECONDS, ROUTES

_LIMITED = (429, 418)

Labels = tuple[str, ...]


class Name(NamedTuple):
    """By what an answer is counted; `rule` is Flask's, for its path."""

    market: str
    endpoint: str
    rule: str
    method: str
    status: str
    source: str


class Sort:
    """The numbers of one sort of answer.

    Args:
        name: of it.
    """

    __slots__ = ("_replies", "_synthetic", "ages", "bytes", "name", "seconds")

    def __init__(self, name: Name) -> None:
        self.name = name
        self.seconds = Tally(FAST_S)
        self.ages = Tally(AGES_S)
        self.bytes = 0
        self._replies = metrics.REPLIES.labels(name.market, name.source)
        self._synthetic = metrics.SYNTHETIC.labels(name.market)

    def count(
        self, took_s: float, length: int, age_ms: int | None, is_synthetic: bool = False
    ) -> None:
        """Count an answer.

        Args:
            took_s: seconds that it took.
            length: bytes of its body.
            age_ms: since it was last proved, if it is from a cache; less than 0 is 0.
            is_synthetic: whether its last candle is made by us.
        """
        seconds, ages = self.seconds, self.ages  # without a call: this is done for every answer
        seconds.counts[bisect_left(FAST_S, took_s)] += 1
        seconds.total += took_s
        self.bytes += length
        self._replies.value += 1
        if age_ms is not None:
            age_s = age_ms / 1000 if age_ms > 0 else 0.0
            ages.counts[bisect_left(AGES_S, age_s)] += 1
            ages.total += age_s
        if is_synthetic:
            self._synthetic.value += 1
        if REQUESTS.isEnabledFor(DEBUG):
            name = self.name
            log_request(
                name.market, name.method, name.endpoint, name.source, int(name.status), took_s
            )


class Sorts(dict[Name, Sort]):
    """All sorts of answers that a market has given."""

    def __missing__(self, name: Name) -> Sort:
        made = self[name] = Sort(name)
        return made

    def families(self) -> Iterator[Metric]:
        """Yield every family, as it is now."""
        sorts = list(self.values())
        yield _summed(
            metrics.HTTP_REQUESTS,
            sorts,
            lambda of: (of.market, of.endpoint, of.method, of.status, of.source),
        )
        yield _summed(metrics.HTTP_ERRORS, sorts, _error)
        yield _summed(ROUTES, sorts, lambda of: (of.market, of.method, of.status))
        yield _bytes(sorts)
        yield _spread(
            metrics.REQUEST_SECONDS,
            [(sort, sort.seconds) for sort in sorts],
            lambda of: (of.market, of.endpoint, of.source),
        )
        yield _spread(
            metrics.REPLY_AGE,
            [(sort, sort.ages) for sort in sorts],
            lambda of: (of.market, of.source),
        )
        yield _spread(
            ROUTE_SECONDS,
            [(sort, sort.seconds) for sort in sorts],
            lambda of: (of.market, of.method, of.rule, of.status),
        )


def _summed(reading: Reading, sorts: list[Sort], by: Callable[[Name], Labels | None]) -> Metric:
    numbers: Counter[Labels] = Counter()
    for sort in sorts:
        labels = by(sort.name)
        if labels is not None:
            numbers[labels] += sum(sort.seconds.counts)
    return reading.family(numbers.items())


def _bytes(sorts: list[Sort]) -> Metric:
    numbers: Counter[Labels] = Counter()
    for sort in sorts:
        numbers[sort.name.market, sort.name.source] += sort.bytes
    return metrics.REPLY_BYTES.family(numbers.items())


def _spread(
    spread: Spread, tallied: list[tuple[Sort, Tally]], by: Callable[[Name], Labels]
) -> Metric:
    tallies: defaultdict[Labels, Tally] = defaultdict(lambda: Tally(spread.bounds))
    for sort, tally in tallied:
        tallies[by(sort.name)].merge(tally)
    return spread.family(tallies.items())


def _error(of: Name) -> Labels | None:
    kind = _error_kind(int(of.status), of.source)
    return None if kind is None else (of.market, of.endpoint, kind)


def _error_kind(status: int, source: str) -> str | None:
    if status < 400:
        return None
    if status in _LIMITED:
        return "limited"
    if source == "upstream":
        return f"binance {status // 100}xx"
    return "failed" if status >= 500 else "refused"
