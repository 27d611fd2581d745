"""What one WebSocket connection may do, and for how long: Binance's rules as numbers."""

from collections.abc import Callable
from dataclasses import dataclass


def timestamp(now_ms: int) -> bytes:
    """Return what Binance puts into a ping: the exchange's time in milliseconds."""
    return b"%d" % now_ms


@dataclass(frozen=True, slots=True)
class Limits:
    """Rules for the connections to one market. Durations are real seconds, not exchange time.

    Args:
        messages_per_s: what a client may send in a second; pings and pongs count.
        ping_interval_s: how often the server pings.
        pong_within_s: how long a client has to send the payload back.
        streams: subscriptions of one connection.
        connects: connection attempts of one address within `connects_window_s`.
        lifetime_s: after this a connection is closed.
        backlog_messages: messages that may wait for a client that reads too slowly.
        ping_payload: exchange time in milliseconds -> what the next ping carries (125 bytes).
    """

    messages_per_s: int
    ping_interval_s: float
    pong_within_s: float
    streams: int = 1024
    connects: int = 300
    connects_window_s: float = 300.0
    lifetime_s: float = 24 * 3600.0
    backlog_messages: int = 20_000
    ping_payload: Callable[[int], bytes] = timestamp


LIMITS = {
    "spot": Limits(messages_per_s=5, ping_interval_s=20, pong_within_s=60),
    "futures": Limits(messages_per_s=10, ping_interval_s=180, pong_within_s=600),
}
