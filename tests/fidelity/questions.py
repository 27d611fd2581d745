"""Random requests, the same in every run."""

from collections.abc import Sequence
from random import Random
from urllib.parse import quote

from tests.fidelity.scene import DEPTH, EXCHANGE_INFO, KLINES, ROOT, TICKER

MINUTES = ("1m", "3m", "5m", "15m", "30m")
HOURS = ("1h", "2h", "4h", "6h", "8h", "12h")
DAYS = ("1d", "3d", "1w", "1M")
INTERVALS = {
    "spot": ("1s", *MINUTES, *HOURS, *DAYS),
    "futures": (*MINUTES, *HOURS, *DAYS),
}
MOST_ROWS = {"spot": 1000, "futures": 1500}
COMMON_ROWS = (1, 2, 2, 3, 5, 10, 60, 99, 100, 499, 500, 501, 999, 1000)
FORWARDED_LEVELS = {"spot": (21, 50, 100, 500, 1000, 5000), "futures": (50, 100, 500, 1000)}
LISTS = {
    "spot": (
        "",
        "?symbol=BTCUSDT",
        "?symbol=BCCUSDT",
        "?symbols=%5B%22BTCUSDT%22,%22ETHUSDT%22%5D",
        '?symbols=["ETHUSDT","BTCUSDT"]',
        "?permissions=SPOT",
        "?permissions=MARGIN",
        '?permissions=["SPOT","MARGIN"]',
        "?permissions=LEVERAGED",
        "?symbolStatus=TRADING",
        "?symbolStatus=BREAK",
        "?symbolStatus=HALT",
        "?showPermissionSets=false",
        "?showPermissionSets=true",
        "?symbol=ETHBTC&showPermissionSets=false",
        "?symbolStatus=TRADING&permissions=SPOT",
    ),
    "futures": ("", "", "?symbol=BTCUSDT", "?symbol=NOSUCHUSDT", "?symbol=SRMUSDT"),
}


class Questions:
    """Draws requests about some symbols.

    Args:
        market: "spot" or "futures".
        seed: of everything that is drawn.
        symbols: the names they are about.
    """

    def __init__(self, market: str, seed: int, symbols: Sequence[str]) -> None:
        self.symbols = list(symbols)
        self._market = market
        self._random = Random(seed)

    def draw(self, endpoint: str) -> str:
        """Return the target of one request."""
        path = f"{ROOT[self._market]}/{endpoint}"
        symbol = quote(self._random.choice(self.symbols))
        return path + {
            KLINES: self._klines,
            DEPTH: self._depth,
            TICKER: self._ticker,
            EXCHANGE_INFO: self._exchange_info,
        }[endpoint](symbol)

    def first_of_each(self, names: Sequence[str]) -> list[tuple[str, str]]:
        """Return one request, as (endpoint, target), for all that can be followed of symbols."""
        root = ROOT[self._market]
        asked = []
        for name in map(quote, names):
            for interval in INTERVALS[self._market]:
                rows = self._random.choice((2, 5, 100, 500, 700))
                query = f"symbol={name}&interval={interval}&limit={rows}"
                asked.append((KLINES, f"{root}/{KLINES}?{query}"))
            asked.append((DEPTH, f"{root}/{DEPTH}?symbol={name}&limit=20"))
            asked.append((TICKER, f"{root}/{TICKER}?symbol={name}"))
        return asked

    def _klines(self, symbol: str) -> str:
        random = self._random
        interval = random.choice(INTERVALS[self._market])
        pairs = [f"symbol={symbol}", f"interval={interval}"]
        if random.random() < 0.95:
            is_common = random.random() < 0.7
            most = MOST_ROWS[self._market] // random.choice((1, 10, 100))
            rows = random.choice(COMMON_ROWS) if is_common else random.randint(1, most)
            pairs.append(f"limit={rows}")
        if self._market == "spot" and random.random() < 0.1:
            pairs.append("timeZone=0")
        random.shuffle(pairs)
        return "?" + "&".join(pairs)

    def _depth(self, symbol: str) -> str:
        random = self._random
        levels = {"spot": range(1, 21), "futures": (5, 10, 20)}[self._market]
        chosen = random.choice(levels)
        if random.random() < 0.08:
            chosen = random.choice(FORWARDED_LEVELS[self._market])
        pairs = [f"symbol={symbol}", f"limit={chosen}"]
        random.shuffle(pairs)
        return "?" + "&".join(pairs[: 1 if random.random() < 0.02 else 2])

    def _ticker(self, symbol: str) -> str:
        random = self._random
        if self._market == "futures":
            return f"?symbol={symbol}"
        if random.random() < 0.05:
            several = ",".join(f'"{name}"' for name in random.sample(self.symbols, 2))
            return f"?symbols=[{several}]"
        return f"?symbol={symbol}" + random.choice(("", "", "&type=FULL", "&type=MINI"))

    def _exchange_info(self, _symbol: str) -> str:
        return self._random.choice(LISTS[self._market])
