"""A simulated exchange with limits, and the real proxy in front of it."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bpx.simulator.simulator import Simulator
from tests.faults.stage import UNLIMITED, Bots
from tests.peers.place import MINUTE_MS, Place
from tests.proxy import Proxy, running_proxy
from tests.waiting import eventually

MINUTE = 1_795_348_800_000  # a minute's first millisecond: 2026-11-22T12:00:00Z
PREFIX = {"spot": "/api/v3", "futures": "/fapi/v1"}


@dataclass
class Limited:
    """What a test of limits needs.

    Args:
        exchange: behind the proxy.
        bots: in front of it.
        place: both, for one bot.
    """

    exchange: Simulator
    bots: Bots
    place: Place
    proxy: Proxy

    def used(self) -> int:
        """Return the weight that the exchange has counted in this minute."""
        exchange = self.exchange
        accounting = exchange.venue.accounting
        return exchange.call(lambda: accounting.used_weight("127.0.0.1", exchange.venue.now_ms))

    def refusals(self) -> int:
        """Return how often the exchange has said 429 or 418."""
        return sum(row.status in (429, 418) for row in self.exchange.requests)

    def symbols(self, count: int) -> list[str]:
        """Return that many symbols that trade."""
        listing = self.place.ask(f"{PREFIX[self.exchange.venue.market]}/exchangeInfo").json()
        trading = [row["symbol"] for row in listing["symbols"] if row["status"] == "TRADING"]
        found = [symbol for symbol in trading if symbol.isascii()][:count]
        assert len(found) == count
        return found

    def to_second(self, second: float) -> None:
        """Move the exchange's time to that second of a minute, of the next one if it is over."""
        now_ms = self.exchange.now_ms
        self.exchange.step((int(second * 1000) - now_ms) % MINUTE_MS)


@contextmanager
def limited(
    env: Mapping[str, str] | None = None,
    *,
    market: str = "spot",
    start_ms: int = MINUTE + 5_000,
    weight_per_minute: int = 6_000,
    full_size: bool = False,
    exchange: Simulator | None = None,
) -> Iterator[Limited]:
    """Run an exchange that allows `weight_per_minute`, and a proxy that knows it.

    Args:
        env: further options.
        market: "spot" or "futures".
        start_ms: exchange time of the start.
        weight_per_minute: of the exchange.
        full_size: it has as many symbols as Binance.
        exchange: another one, that runs already; the four before this are not for it.
    """
    with ExitStack() as stack:
        if exchange is None:
            accounts = {"key": "secret"}
            made = Simulator(market, start_ms=start_ms, accounts=accounts, full_size=full_size)
            exchange = stack.enter_context(made)
            exchange.venue.limits.weight_per_minute = weight_per_minute
        market = exchange.venue.market
        name = market.upper()
        options = {
            f"BPX_UPSTREAM_{name}_REST": exchange.rest_url,
            f"BPX_UPSTREAM_{name}_WS": exchange.ws_url,
            "BPX_FRESH_EXCHANGE_INFO": "1h",
            "BPX_CACHE_REPLY_TTL": "off",
        }
        with running_proxy(market, UNLIMITED | options | dict(env or {})) as proxy:
            here = Limited(exchange, Bots(proxy.url), Place(exchange, proxy.url), proxy)
            target = f"{PREFIX[market]}/exchangeInfo"
            eventually(lambda: here.place.ask(target).headers["Data-Source"] == "cache")
            exchange.requests.clear()
            yield here
