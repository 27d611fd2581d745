"""Every metric of bpx, declared once."""

from prometheus_client import Counter, Gauge, disable_created_metrics

# Else a third of the page says when counters began.
disable_created_metrics()  # type: ignore[no-untyped-call]

# Streams

STREAM_CONNECTS = Counter("bpx_stream_connects_total", "Attempts to connect a stream.", ["market"])
STREAM_CONNECTIONS = Gauge(
    "bpx_stream_connections", "Stream connections that are open.", ["market"]
)
STREAM_STATES = Gauge(
    "bpx_stream_connection_states", "Stream connections by what they are doing.",
    ["market", "state"],
)  # fmt: skip
STREAM_TRANSITIONS = Counter(
    "bpx_stream_transitions_total", "Changes of what a stream connection is doing, by to what.",
    ["market", "to"],
)  # fmt: skip
STREAM_LOSSES = Counter("bpx_stream_losses_total", "Open connections that were lost.", ["market"])
STREAM_MESSAGES = Counter("bpx_stream_messages_total", "Messages of streams.", ["market"])
BAD_MESSAGES = Counter("bpx_bad_messages_total", "Messages that make no sense.", ["market"])
QUEUE_OVERFLOWS = Counter(
    "bpx_queue_overflows_total", "Messages that a full queue did not take.", ["market"]
)
FEEDS = Gauge("bpx_feeds", "Things that are followed.", ["market", "kind"])
FEEDS_REFUSED = Counter(
    "bpx_feeds_refused_total", "Things that were not followed for want of memory.",
    ["market", "kind"],
)  # fmt: skip
FEEDS_GIVEN_UP = Counter(
    "bpx_feeds_given_up_total", "Things that were followed no more for want of memory.",
    ["market", "kind"],
)  # fmt: skip
REPAIRS = Counter("bpx_repairs_total", "Feeds that had to be repaired, by how.", ["market", "how"])

# Replies

REPLIES = Counter(
    "bpx_replies_total", "Replies to clients, by where they came from.", ["market", "source"]
)

# Requests to Binance (bpx.upstream).
UPSTREAM_CALLS = Counter(
    "bpx_upstream_calls_total",
    "Calls to Binance by kind (cancel, order, signed, public, background) and outcome "
    "(2xx, 4xx, 5xx, or the name of our own failure).",
    ["market", "kind", "outcome"],
)
UPSTREAM_WEIGHT_USED = Gauge(
    "bpx_upstream_weight_used",
    "Request weight that counts as used in the exchange's current minute.",
    ["market"],
)
UPSTREAM_WEIGHT_LIMIT = Gauge(
    "bpx_upstream_weight_limit",
    "Request weight that Binance allows our address per minute.",
    ["market"],
)
UPSTREAM_HOLD_LEFT = Gauge(
    "bpx_upstream_hold_seconds",
    "Seconds for which Binance wants no request, as of the last call; 0 if it takes them.",
    ["market"],
)
UPSTREAM_BLOCKED = Gauge(
    "bpx_upstream_blocked_seconds",
    "Seconds for which no public read goes since a firewall said 403, as of the last call.",
    ["market"],
)
UPSTREAM_RETRIES = Counter(
    "bpx_upstream_retries_total", "Calls to Binance that were made once more, by kind.",
    ["market", "kind"],
)  # fmt: skip
UPSTREAM_HOSTS_LEFT = Counter(
    "bpx_upstream_hosts_left_total", "Times that calls left a host that failed.",
    ["market", "host", "pool"],
)  # fmt: skip
BREAKER_STATE = Gauge(
    "bpx_breaker_state", "What a breaker does: 0 closed, 1 half-open, 2 open.",
    ["market", "host", "pool"],
)  # fmt: skip
