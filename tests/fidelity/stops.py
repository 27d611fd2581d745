"""The instants at which the proxy is compared with the exchange: edges, and around them."""

from collections.abc import Iterator, Sequence
from random import Random

from tests.fidelity.scene import DEPTH, EXCHANGE_INFO, KLINES, TICKER
from tests.fidelity.walk import Counts, Stop

# A Monday, the first of a month and of a year, the opening of a three-day candle: all roll over.
NEW_YEAR_MS = 1_704_067_200_000  # 2024-01-01 00:00:00 UTC
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
MIDNIGHT_MS = NEW_YEAR_MS + 24 * HOUR_MS
START_MS = {"minutes": NEW_YEAR_MS - 75_000, "hours": MIDNIGHT_MS - 70 * MINUTE_MS}
# Before and after an edge: the final frame comes after 3 to 47 ms on spot, 400 ms on futures, and
# the new candle's first message up to 2,000 ms and 250 ms later.
AROUND_EDGE_MS = {
    "spot": (-2000, -1, 0, 1, 2, 10, 30, 50, 51, 300, 1000, 1049, 2050, 2051),
    "futures": (-250, -1, 0, 1, 100, 399, 400, 401, 450, 500, 650, 651, 900),
}
FIRST = {
    "spot": ("BTCUSDT", "BTCTRY", "FRESHUSDT", "BCCUSDT"),  # busy, quiet, recent, not trading
    "futures": ("BTCUSDT", "SUSHIUSDT", "FRESHUSDT", "SRMUSDT"),
}
LATER = {"spot": ("ETHBTC", "NEWUSDT"), "futures": ("LTCUSDT", "币安人生USDT")}
QUIET = {"spot": ("NKNUSDT", "BTCTRY"), "futures": ("SUSHIUSDT",)}
EVENLY: Counts = {KLINES: 8, DEPTH: 18, TICKER: 18, EXCHANGE_INFO: 18}
CANDLES: Counts = {KLINES: 14, DEPTH: 8, TICKER: 8, EXCHANGE_INFO: 8}
MOSTLY_CANDLES: Counts = {KLINES: 18, DEPTH: 8, TICKER: 8, EXCHANGE_INFO: 8}


def minutes(market: str, random: Random) -> Iterator[Stop]:
    """Yield stops from milliseconds to minutes apart, among them every interval's edge."""
    at_ms = START_MS["minutes"]
    yield Stop(at_ms, newcomers=FIRST[market], counts=EVENLY)
    for step_ms in (5_000, 1, 3, 40, 99, 100, 101, 250, 999, 1_000, 1_999, 2_001, 7_000):
        at_ms += step_ms
        yield Stop(at_ms, EVENLY)
    for offset_ms in AROUND_EDGE_MS[market]:
        yield Stop(NEW_YEAR_MS + offset_ms, MOSTLY_CANDLES)
    for number in range(1, 6):
        newcomers = LATER[market] if number == 2 else ()
        yield from _around(NEW_YEAR_MS + number * MINUTE_MS, market, random, newcomers)


def hours(market: str, random: Random) -> Iterator[Stop]:
    """Yield stops up to hours apart, for symbols on which little happens."""
    start_ms = START_MS["hours"]
    yield Stop(start_ms, newcomers=QUIET[market], counts=EVENLY)
    yield from _around(start_ms + 5 * MINUTE_MS, market, random)
    yield Stop(MIDNIGHT_MS - 1, EVENLY)
    yield from _around(MIDNIGHT_MS + MINUTE_MS, market, random)


def _around(
    edge_ms: int, market: str, random: Random, newcomers: Sequence[str] = ()
) -> Iterator[Stop]:
    offsets = sorted(random.sample(AROUND_EDGE_MS[market], 4))
    for number, offset_ms in enumerate(offsets):
        named = tuple(newcomers) if number == 1 else ()
        yield Stop(edge_ms + offset_ms, CANDLES, newcomers=named)
