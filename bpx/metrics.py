"""Every metric of bpx, declared once: name, unit and what it tells.

Label sets are bounded: endpoints are those of our tables and `other`; there are no symbols. What
is read when somebody looks, instead of counted as it happens, is declared as a `Reading`. What is
counted for every message and every answer is `Counted` or `Tallied`: the client library's own
counters take a lock each time, which is dear.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf

from prometheus_client import (
    REGISTRY,
    Counter,
    Gauge,
    Histogram,
    Metric,
    disable_created_metrics,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

# Else a third of the page says when counters began.
disable_created_metrics()  # type: ignore[no-untyped-call]

FAST_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
AGES_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0)
ONE = ("market",)


@dataclass(frozen=True, slots=True)
class Reading:
    """A metric that is read when somebody looks.

    Args:
        name: with its unit.
        help: what it tells.
        labels: names of its labels.
        kind: gauge or counter.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    kind: str = "gauge"

    def family(self, rows: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
        """Return it with a sample for each row of label values and value."""
        is_counter = self.kind == "counter"
        name = self.name.removesuffix("_total") if is_counter else self.name
        made = Metric(name, self.help, self.kind)
        for values, value in rows:
            made.add_sample(self.name, dict(zip(self.labels, values, strict=True)), value)
        return made


class Tally:
    """How often a value was in each bucket, and the sum of all. Nothing is locked: one thread adds.

    Args:
        bounds: the greatest value of each bucket, but for the last one.
    """

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def merge(self, other: "Tally") -> None:
        """Count what another has counted, in the same buckets."""
        self.counts = [
            ours + theirs for ours, theirs in zip(self.counts, other.counts, strict=True)
        ]
        self.total += other.total


@dataclass(frozen=True, slots=True)
class Spread:
    """A histogram that is read when somebody looks.

    Args:
        name: with its unit.
        help: what it tells.
        labels: names of its labels.
        bounds: of its buckets.
    """

    name: str
    help: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...]

    def family(self, rows: Iterable[tuple[tuple[str, ...], Tally]]) -> Metric:
        """Return it with the samples of each row of label values and tally."""
        made = Metric(self.name, self.help, "histogram")
        for values, tally in rows:
            labels, count = dict(zip(self.labels, values, strict=True)), 0
            for bound, more in zip((*self.bounds, inf), tally.counts, strict=True):
                count += more
                least = {"le": floatToGoString(bound)}  # type: ignore[no-untyped-call]
                made.add_sample(f"{self.name}_bucket", labels | least, count)
            made.add_sample(f"{self.name}_count", labels, count)
            made.add_sample(f"{self.name}_sum", labels, tally.total)
        return made


class Count:
    """A number that only grows. Nothing is locked: one thread adds."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def inc(self) -> None:
        """Add one."""
        self.value += 1


class Counted(Collector):
    """A counter of plain numbers: the family is made of them when somebody looks.

    Args:
        name, help, labels: as of a `Reading`.
    """

    def __init__(self, name: str, help: str, labels: tuple[str, ...]) -> None:
        self.declared = Reading(name, help, labels, "counter")
        self._counts: dict[tuple[str, ...], Count] = {}
        REGISTRY.register(self)

    def labels(self, *values: str) -> Count:
        """Return the number of these labels, to be added to."""
        return self._counts.setdefault(values, Count())

    def collect(self) -> Iterator[Metric]:
        """Yield the family."""
        yield self.declared.family((of, one.value) for of, one in list(self._counts.items()))


class Tallied(Collector):
    """A histogram of plain numbers: the family is made of them when somebody looks.

    Args:
        name, help, labels, bounds: as of a `Spread`.
    """

    def __init__(
        self, name: str, help: str, labels: tuple[str, ...], bounds: tuple[float, ...]
    ) -> None:
        self.declared = Spread(name, help, labels, bounds)
        self._tallies: dict[tuple[str, ...], Tally] = {}
        REGISTRY.register(self)

    def labels(self, *values: str) -> Tally:
        """Return the tally of these labels, to be added to."""
        return self._tallies.setdefault(values, Tally(self.declared.bounds))

    def collect(self) -> Iterator[Metric]:
        """Yield the family."""
        yield self.declared.family(list(self._tallies.items()))


# Requests of clients

HTTP_REQUESTS = Reading(
    "http_requests_total", "Requests that were answered, by status and Data-Source.",
    ("market", "endpoint", "method", "status", "source"), "counter",
)  # fmt: skip
HTTP_ERRORS = Reading(
    "http_request_errors_total",
    "Requests that were answered with an error: refused (by the proxy), limited (429, 418), failed "
    "(by the proxy, 5xx), or Binance's own 4xx and 5xx.",
    ("market", "endpoint", "kind"),
    "counter",
)
REQUEST_SECONDS = Spread(
    "bpx_request_seconds", "Seconds from a request to its answer.",
    ("market", "endpoint", "source"), FAST_S,
)  # fmt: skip
IN_FLIGHT = Reading("bpx_requests_in_flight", "Requests that are being answered.", ONE)
REPLIES = Counted(
    "bpx_replies_total", "Replies to clients, by where they came from.", ("market", "source")
)
REPEATED = Counted(
    "bpx_repeated_replies_total",
    "Replies in the fast lane: to requests that are known byte for byte.",
    ONE,
)
REPLY_BYTES = Reading(
    "bpx_reply_bytes_total", "Bytes of bodies that were answered.", ("market", "source"), "counter"
)
REPLY_AGE = Spread(
    "bpx_reply_age_seconds", "Seconds since what was answered from a cache was last proved.",
    ("market", "source"), AGES_S,
)  # fmt: skip
SYNTHETIC = Counted(
    "bpx_synthetic_replies_total", "Klines whose last candle was made by us, as nothing is traded.",
    ONE,
)  # fmt: skip
CACHE_HITS = Counted(
    "bpx_cache_hits_total", "Requests that a cache answered at once.", ("market", "endpoint")
)
CACHE_MISSES = Counted(
    "bpx_cache_misses_total", "Requests that a cache could not answer by itself.",
    ("market", "endpoint"),
)  # fmt: skip

REFUSED = Counter(
    "bpx_refused_total",
    "Requests that were not let in, by why: auth (no key, or too many wrong ones), address, host, "
    "scope, path, target, client-limit.",
    ["market", "why"],
)

# Streams

STREAM_CONNECTS = Counter("bpx_stream_connects_total", "Attempts to connect a stream.", ONE)
STREAM_CONNECTIONS = Gauge("bpx_stream_connections", "Stream connections that are open.", ONE)
STREAM_STATES = Gauge(
    "bpx_stream_connection_states", "Stream connections by what they are doing.",
    ["market", "state"],
)  # fmt: skip
STREAM_TRANSITIONS = Counter(
    "bpx_stream_transitions_total", "Changes of what a stream connection is doing, by to what.",
    ["market", "to"],
)  # fmt: skip
STREAM_LOSSES = Counter("bpx_stream_losses_total", "Open connections that were lost.", ONE)
STREAM_FAILURES = Counter(
    "bpx_stream_failures_total", "Attempts and connections that ended, by kind of failure.",
    ["market", "kind"],
)  # fmt: skip
STREAM_MESSAGES = Counted("bpx_stream_messages_total", "Messages of streams.", ONE)
STREAM_BYTES = Counted("bpx_stream_bytes_total", "Bytes of messages, when decompressed.", ONE)
STREAM_PING = Histogram(
    "bpx_stream_ping_seconds", "Seconds until Binance answered a ping.", ONE, buckets=FAST_S
)
STREAM_LAST_PING = Gauge(
    "bpx_stream_last_ping_seconds", "What the last ping took that Binance answered.", ONE
)
STREAM_TRIPS = Counter(
    "bpx_stream_trips_total", "Times that so many attempts failed that it is not ready.", ONE
)
STREAM_REFUSALS = Counter(
    "bpx_stream_refusals_total", "Control messages that Binance refused.", ONE
)
BAD_MESSAGES = Counter("bpx_bad_messages_total", "Messages that make no sense.", ONE)
QUEUE_OVERFLOWS = Counter(
    "bpx_queue_overflows_total", "Messages that a full queue did not take.", ONE
)

# Feeds

FEEDS = Gauge("bpx_feeds", "Things that are followed.", ["market", "kind"])
FEEDS_STARTED = Counter(
    "bpx_feeds_started_total", "Things that began to be followed.", ["market", "kind"]
)
FEEDS_ENDED = Counter(
    "bpx_feeds_ended_total",
    "Things that are followed no more: idle, unlisted, or room was needed for another.",
    ["market", "kind", "why"],
)
FEEDS_REFUSED = Counter(
    "bpx_feeds_refused_total", "Times that there was no room to follow something.",
    ["market", "kind"],
)  # fmt: skip
FEED_LAG = Tallied(
    "bpx_feed_lag_seconds", "Seconds from reading a message to what clients are answered with.",
    ("market", "kind"), FAST_S,
)  # fmt: skip
FEED_LOADS = Counter(
    "bpx_feed_loads_total", "Replies of REST that a feed has taken in.", ["market", "kind"]
)
REPAIRS = Counter("bpx_repairs_total", "Feeds that had to be repaired, by how.", ["market", "how"])
REPAIR_FAILURES = Counter(
    "bpx_repair_failures_total", "Questions of feeds that REST did not answer.", ["market", "kind"]
)
CHECKS = Counter("bpx_checks_total", "Looks at all streams and feeds.", ONE)

# Requests to Binance

UPSTREAM_CALLS = Counter(
    "bpx_upstream_calls_total",
    "Calls to Binance by kind (cancel, order, signed, public, background) and outcome "
    "(2xx, 4xx, 5xx, or the name of our own failure).",
    ["market", "kind", "outcome"],
)
UPSTREAM_SECONDS = Histogram(
    "bpx_upstream_seconds", "Seconds of one call to Binance, waits for its turn not counted.",
    ["market", "kind"], buckets=FAST_S,
)  # fmt: skip
UPSTREAM_WAIT = Histogram(
    "bpx_upstream_wait_seconds", "Seconds that a call waited for bucket and weight.",
    ["market", "kind"], buckets=FAST_S,
)  # fmt: skip
UPSTREAM_BYTES = Counter("bpx_upstream_bytes_total", "Bytes of bodies as Binance sent them.", ONE)
UPSTREAM_WEIGHT = Counter(
    "bpx_upstream_weight_total", "Weight that was spent, by kind of call.", ["market", "kind"]
)
UPSTREAM_WEIGHT_USED = Gauge(
    "bpx_upstream_weight_used",
    "Request weight that counts as used in the exchange's current minute.",
    ONE,
)
UPSTREAM_WEIGHT_LIMIT = Gauge(
    "bpx_upstream_weight_limit", "Request weight that Binance allows our address per minute.", ONE
)
UPSTREAM_HOLD_LEFT = Gauge(
    "bpx_upstream_hold_seconds",
    "Seconds for which Binance wants no request, as of the last call; 0 if it takes them.",
    ONE,
)
UPSTREAM_HOLDS = Counter(
    "bpx_upstream_holds_total", "Refusals of Binance after which nothing was asked, by status.",
    ["market", "status"],
)  # fmt: skip
UPSTREAM_BLOCKED = Gauge(
    "bpx_upstream_blocked_seconds",
    "Seconds for which no public read goes since a firewall said 403, as of the last call.",
    ONE,
)
UPSTREAM_RETRIES = Counter(
    "bpx_upstream_retries_total", "Calls to Binance that were made once more, by kind.",
    ["market", "kind"],
)  # fmt: skip
UPSTREAM_SHARED = Counter(
    "bpx_upstream_shared_total", "Requests that were answered by a call for another one.", ONE
)
UPSTREAM_KEPT = Counter(
    "bpx_upstream_kept_total", "Requests that were answered by a reply of a moment ago.", ONE
)
UPSTREAM_HOSTS_LEFT = Counter(
    "bpx_upstream_hosts_left_total", "Times that calls left a host that failed.",
    ["market", "host", "pool"],
)  # fmt: skip
BREAKER_STATE = Gauge(
    "bpx_breaker_state", "What a breaker does: 0 closed, 1 half-open, 2 open.",
    ["market", "host", "pool"],
)  # fmt: skip
BREAKER_TRIPS = Counter(
    "bpx_breaker_trips_total", "Times that a breaker opened.", ["market", "host", "pool"]
)


# Markets, as they are

READY = Reading("bpx_ready", "Whether a market can answer: 1, or 0.", ONE)
DRAINING = Reading("bpx_draining", "Whether the server was told to stop: 1, or 0.", ONE)
FEEDS_FRESH = Reading(
    "bpx_feeds_fresh", "Things that could be answered from streams now.", ("market", "kind")
)
FEED_AGE = Reading(
    "bpx_feed_age_seconds", "Seconds since the longest unproved thing was proved.",
    ("market", "kind"),
)  # fmt: skip
LISTING_AGE = Reading("bpx_listing_age_seconds", "Age of exchangeInfo.", ONE)
SUBSCRIPTIONS = Reading("bpx_stream_subscriptions", "Streams that are wanted.", ("market", "route"))
QUEUE_DEPTH = Reading("bpx_queue_depth", "Messages that wait in the fullest queue.", ONE)
BUCKET_LEVEL = Reading("bpx_bucket_level", "Requests that have not leaked out of the bucket.", ONE)
BUCKET_CAPACITY = Reading("bpx_bucket_capacity", "Requests that the bucket takes.", ONE)
POOL_USED = Reading(
    "bpx_upstream_connections_used", "Connections to Binance's REST API that carry a call.",
    ("market", "pool"),
)  # fmt: skip
POOL_SIZE = Reading(
    "bpx_upstream_connections_limit", "Connections that there may be.", ("market", "pool")
)
CLOCK_AHEAD = Reading(
    "bpx_clock_ahead_seconds", "Seconds by which the exchange's clock is ahead of ours.", ONE
)

# The process

INFO = Reading("bpx_info", "Always 1.", ("version", "python"))
TASKS = Reading("bpx_tasks", "Tasks that run beside requests.")
CLIENTS = Reading("bpx_client_connections", "Connections of clients.")
KNOWN_HEADS = Reading("bpx_known_heads", "Requests that the fast lane knows, byte for byte.")
LOG_LINES = Reading("bpx_log_lines_total", "Lines written to the log.", ("level",), "counter")
LOG_BYTES = Reading("bpx_log_bytes_total", "Bytes written to the log.", kind="counter")
LOG_LEFT_OUT = Reading(
    "bpx_log_lines_left_out_total", "Lines left out of the log: too many, or said before.",
    ("why", "level"), "counter",
)  # fmt: skip
LOG_LOST = Reading(
    "bpx_log_lines_lost_total", "Lines that could not be written to the log.", ("why",), "counter"
)

# What the original called them

WEBSOCKET_CONNECTIONS = Reading(
    "websocket_connections_active", "The same as bpx_stream_connections.", ONE
)
WEBSOCKET_MESSAGES = Reading("websocket_messages", "As bpx_stream_messages_total.", ONE)
WEBSOCKET_ERRORS = Reading("websocket_errors", "All of bpx_stream_failures_total.", ONE)
WEBSOCKET_PING = Reading(
    "websocket_ping_latency_microseconds", "Of the last ping that was answered.", ONE
)
WEBSOCKET_TRIPS = Reading(
    "websocket_circuit_breaker_trips", "Times that a connection began to fail in a row.", ONE
)
RECOVERY_ATTEMPTS = Reading(
    "recovery_attempts_total",
    "Retries, connections that ended and repairs together: each was an attempt to recover.",
    ONE, "counter",
)  # fmt: skip
