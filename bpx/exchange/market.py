"""A market of Binance: spot, or USD-margined futures."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bpx.exchange.depth import DepthKeys
from bpx.exchange.endpoint import Endpoint, Source
from bpx.exchange.interval import Interval
from bpx.exchange.stream import Stream, stream_name
from bpx.exchange.ticker import TickerShape


@dataclass(frozen=True, slots=True)
class Market:
    """What a market offers, and how much it lets one address ask.

    A market is data: code that needs to know which one it serves asks the market, and never
    compares its name.

    Args:
        name: in metrics and logs, `spot` or `futures`.
        probe: path of the cheapest endpoint.
        routes: path of its streams by kind of stream (`kline`, `depth`, `bookTicker`,
            `ticker`): "" on spot, `/public` or `/market` on futures.
        control_per_s: control messages a connection may send in a second.
        weight_per_minute: Binance's limit, until exchangeInfo tells.
        kline_steps: how many rows one request for history may cost-effectively ask, ascending;
            the last is the most a request may have.
        klines_default: rows that Binance sends when no limit is given.
        intervals: those whose klines a cache answers, by name.
        depth_keys: names of the parts of a partial book.
        ticker_shape: fields of a 24-hour ticker.
        ticker_streams: the kinds of stream that make up a ticker, the ticker's own first.
        counted_elsewhere: prefixes of paths that Binance counts against other limits than
            `weight_per_minute`: no weight is charged.
        endpoints: what is known of it; anything else is forwarded at `unknown_weight`.
    """

    name: str
    probe: str
    routes: Mapping[str, str]
    control_per_s: int
    weight_per_minute: int
    unknown_weight: int
    kline_steps: tuple[int, ...]
    klines_default: int
    intervals: Mapping[str, Interval]
    depth_keys: DepthKeys
    ticker_shape: TickerShape
    ticker_streams: tuple[str, ...]
    counted_elsewhere: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    _by_path: Mapping[tuple[str, str], Endpoint] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rows = {(row.method, row.path): row for row in self.endpoints}
        object.__setattr__(self, "_by_path", rows)

    def endpoint(self, source: Source) -> Endpoint:
        """Return the endpoint that `source` can answer."""
        return next(row for row in self.endpoints if row.source is source)

    def find(self, method: str, path: str) -> Endpoint | None:
        """Return the endpoint of a request, or None if it is not in the table."""
        return self._by_path.get(("GET" if method == "HEAD" else method, path))

    def is_unknown(self, method: str, path: str) -> bool:
        """Whether `charged_weight` can only guess."""
        return self.find(method, path) is None and not path.startswith(self.counted_elsewhere)

    def charged_weight(self, method: str, path: str, query: str) -> int:
        """Return what a request costs at most of `weight_per_minute`."""
        if path.startswith(self.counted_elsewhere):
            return 0
        endpoint = self.find(method, path)
        return self.unknown_weight if endpoint is None else endpoint.charged_weight(query)

    def stream(self, kind: str, symbol: str, interval: str = "") -> Stream:
        """Return a symbol's stream; `interval` is for klines alone."""
        return Stream(self.routes[kind], stream_name(kind, symbol, interval))
