"""What is read when somebody looks at the metrics, instead of counted as it happens."""

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import Counter, Gauge, Metric
from prometheus_client.registry import Collector

import bpx
from bpx import metrics
from bpx.logs import TALLY
from bpx.metrics import Counted, Reading
from bpx.operators.health import Vitals, judge

Row = tuple[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class Depths:
    """How full things are, and how old.

    Args:
        queue: messages that wait in the fullest queue.
        bucket: requests in it, and those that it takes.
        connections: to REST that carry a call, and those there may be, by pool.
        ages_s: since the longest unproved view of each kind was proved.
        clock_ahead_s: of the exchange, of our wall clock; None while it is not known.
    """

    queue: int
    bucket: tuple[float, float]
    connections: Mapping[str, tuple[int, int]]
    ages_s: Mapping[str, float]
    clock_ahead_s: float | None


class Readings(Collector):
    """Everything that is read on demand.

    Args:
        vitals: of every market, at the moment.
        depths: of the same markets, in the same order.
        tasks: how many there are.
        clients: how many connections they have.
        heads: how many requests are known byte for byte.
    """

    def __init__(
        self,
        vitals: Callable[[], Sequence[Vitals]],
        depths: Callable[[], Sequence[Depths]],
        tasks: Callable[[], int],
        clients: Callable[[], int],
        heads: Callable[[], int],
    ) -> None:
        self._vitals = vitals
        self._depths = depths
        self._tasks = tasks
        self._clients = clients
        self._heads = heads

    def collect(self) -> Iterator[Metric]:
        """Yield every family."""
        vitals, depths = self._vitals(), self._depths()
        named = [(one.market, depth) for one, depth in zip(vitals, depths, strict=True)]
        yield from _of_markets(vitals)
        yield from _of_depths(named)
        yield from _of_log()
        versions = (bpx.__version__, platform.python_version())
        yield metrics.INFO.family(iter([(versions, 1.0)]))
        yield metrics.TASKS.family(iter([((), self._tasks())]))
        yield metrics.CLIENTS.family(iter([((), self._clients())]))
        yield metrics.KNOWN_HEADS.family(iter([((), self._heads())]))
        yield from _older_names([one.market for one in vitals])


def _of_markets(vitals: Sequence[Vitals]) -> Iterator[Metric]:
    def each(reading: Reading, value: Callable[[Vitals], float]) -> Metric:
        return reading.family(((one.market,), value(one)) for one in vitals)

    yield each(metrics.READY, lambda one: judge(one).is_ready)
    yield each(metrics.DRAINING, lambda one: one.is_draining)
    yield metrics.FEEDS_FRESH.family(
        ((one.market, kind), followed.fresh)
        for one in vitals
        for kind, followed in one.feeds.items()
    )
    yield metrics.LISTING_AGE.family(
        ((one.market,), one.listing_age_s) for one in vitals if one.listing_age_s is not None
    )
    yield metrics.SUBSCRIPTIONS.family(_subscriptions(vitals))


def _subscriptions(vitals: Sequence[Vitals]) -> Iterator[Row]:
    for one in vitals:
        for route in sorted({carried.route for carried in one.streams}):
            streams = sum(row.streams for row in one.streams if row.route == route)
            yield (one.market, route), streams


def _of_depths(named: Sequence[tuple[str, Depths]]) -> Iterator[Metric]:
    yield metrics.QUEUE_DEPTH.family(((name,), one.queue) for name, one in named)
    yield metrics.BUCKET_LEVEL.family(((name,), one.bucket[0]) for name, one in named)
    yield metrics.BUCKET_CAPACITY.family(((name,), one.bucket[1]) for name, one in named)
    yield metrics.FEED_AGE.family(
        ((name, kind), age_s) for name, one in named for kind, age_s in one.ages_s.items()
    )
    for reading, place in ((metrics.POOL_USED, 0), (metrics.POOL_SIZE, 1)):
        yield reading.family(
            ((name, pool), numbers[place])
            for name, one in named
            for pool, numbers in one.connections.items()
        )
    yield metrics.CLOCK_AHEAD.family(
        ((name,), one.clock_ahead_s) for name, one in named if one.clock_ahead_s is not None
    )


def _of_log() -> Iterator[Metric]:
    yield metrics.LOG_LINES.family(((level,), n) for level, n in TALLY.written.items())
    yield metrics.LOG_BYTES.family(iter([((), TALLY.written_bytes)]))
    yield metrics.LOG_LEFT_OUT.family(iter(TALLY.left_out.items()))
    yield metrics.LOG_LOST.family(((why,), n) for why, n in TALLY.lost.items())


def _older_names(markets: Sequence[str]) -> Iterator[Metric]:
    """Yield what dashboards of the original ask for, told by our own counts."""

    def total(market: str, *families: Counter | Gauge | Counted) -> float:
        return sum(
            sample.value
            for family in families
            for metric in family.collect()
            for sample in metric.samples
            if sample.labels.get("market") == market
        )

    def each(reading: Reading, *families: Counter | Gauge | Counted, factor: float = 1.0) -> Metric:
        return reading.family(((name,), factor * total(name, *families)) for name in markets)

    yield each(metrics.WEBSOCKET_CONNECTIONS, metrics.STREAM_CONNECTIONS)
    yield each(metrics.WEBSOCKET_MESSAGES, metrics.STREAM_MESSAGES)
    yield each(metrics.WEBSOCKET_ERRORS, metrics.STREAM_FAILURES)
    yield each(metrics.WEBSOCKET_PING, metrics.STREAM_LAST_PING, factor=1e6)
    yield each(metrics.WEBSOCKET_TRIPS, metrics.STREAM_TRIPS)
    yield each(
        metrics.RECOVERY_ATTEMPTS,
        metrics.UPSTREAM_RETRIES,
        metrics.STREAM_FAILURES,
        metrics.REPAIRS,
    )
