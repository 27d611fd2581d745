"""A market of Binance: spot, or USD-margined futures."""

from collections.abc import Mapping
from dataclasses import dataclass

from bpx.exchange.endpoint import Endpoint, Source


@dataclass(frozen=True, slots=True)
class Market:
    """Where a market lives, what it offers, and how much it lets one address ask.

    A market is data: code that needs to know which one it serves asks the market, and never
    compares its name.

    Args:
        name: in metrics and logs, `spot` or `futures`.
        rest_url: base of its REST API, no path.
        stream_url: base of its streams, no path.
        routes: path under `stream_url` by kind of stream (`kline`, `depth`, `bookTicker`,
            `ticker`): "" on spot, `/public` or `/market` on futures.
        control_per_s: control messages a connection may send in a second.
        requests_per_s: leak of the request bucket.
        weight_per_minute: Binance's limit, until exchangeInfo tells.
        kline_steps: how many rows one request for history may cost-effectively ask, ascending;
            the last is the most a request may have.
        close_wait_s: how long a candle's final message may take before REST is asked.
        depth_limits: the limits a cached book answers.
        depth_default, klines_default: rows that Binance sends when no limit is given.
        endpoints: what is known of it; anything else is forwarded at `unknown_weight`.
    """

    name: str
    rest_url: str
    stream_url: str
    routes: Mapping[str, str]
    control_per_s: int
    requests_per_s: int
    weight_per_minute: int
    unknown_weight: int
    kline_steps: tuple[int, ...]
    close_wait_s: float
    klines_default: int
    depth_default: int
    depth_limits: frozenset[int]
    endpoints: tuple[Endpoint, ...]

    def endpoint(self, source: Source) -> Endpoint:
        """Return the endpoint that `source` can answer."""
        return next(row for row in self.endpoints if row.source is source)
