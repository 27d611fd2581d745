"""One symbol as the exchange lists it: names, precisions, and how lively it is."""

from dataclasses import dataclass
from zlib import crc32

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things happen, and how many levels the book has.

    `recent_gap_ms` is the mean distance of trades in the 27 hours before the start.
    """

    trade_gap_ms: int
    book_gap_ms: int
    levels: int
    recent_gap_ms: int
    hourly_days: int = 63
    past_gap_ms: int = DAY_MS


BUSY = Pace(trade_gap_ms=300, book_gap_ms=80, levels=1200, recent_gap_ms=20_000)
MODERATE = Pace(trade_gap_ms=4_000, book_gap_ms=700, levels=400, recent_gap_ms=30_000)
QUIET = Pace(trade_gap_ms=100_000, book_gap_ms=2_600, levels=60, recent_gap_ms=120_000)
EXTRA = Pace(
    trade_gap_ms=600_000,
    book_gap_ms=9_000,
    levels=12,
    recent_gap_ms=1_800_000,
    hourly_days=0,
    past_gap_ms=5 * DAY_MS,
)
PACES = {"busy": BUSY, "moderate": MODERATE, "quiet": QUIET, "extra": EXTRA}


@dataclass(frozen=True, slots=True)
class Listing:
    """One symbol.

    A price is `ticks * tick_units * 10**-price_decimals`, a quantity
    `steps * 10**-quantity_decimals`.
    """

    market: str
    name: str
    base: str
    quote: str
    status: str
    start_ticks: int
    tick_units: int
    price_decimals: int
    quantity_decimals: int
    pace: Pace
    age_days: float
    contract_type: str = ""

    @property
    def is_trading(self) -> bool:
        """Whether anything happens on it after the start."""
        return self.status == "TRADING"

    @property
    def number(self) -> int:
        """A fixed number of this symbol, for phases and identifiers."""
        return crc32(f"{self.market}:{self.name}".encode())

    def listed_ms(self, start_ms: int) -> int:
        """Return when it was listed, for an exchange started at `start_ms`."""
        return start_ms - int(self.age_days * DAY_MS)
