"""Mark and index prices, funding and open interest of a futures symbol.

All of them are functions of the trades and of time: the index price is the last trade's, the
mark price stands a fixed fraction beside it. So their history needs no memory of its own.
"""

from typing import NamedTuple
from zlib import crc32

from bpx.simulator.market import MarketModel
from bpx.simulator.numbers import MARK_DECIMALS, decimal_text

HOUR_MS = 3_600_000
_PART = 100_000
INTEREST_RATE = "0.00010000"


class Mark(NamedTuple):
    """Mark price, index price, estimated settle price and moving average, as decimal strings."""

    mark: str
    index_price: str
    settle: str
    average: str


def funding_hours(model: MarketModel) -> int:
    """Return how many hours lie between two fundings."""
    return 4 if model.listing.number % 5 == 0 else 8


def _last_ticks(model: MarketModel, at_ms: int) -> int:
    return model.tape.prices[max(0, model.tape.count_at(at_ms) - 1)]


def index_units(model: MarketModel, ticks: int) -> int:
    """Return the index price at a last trade of `ticks`, in units of 10^-8."""
    return ticks * model.decimals.mark_factor


def mark_units(model: MarketModel, ticks: int) -> int:
    """Return the mark price at a last trade of `ticks`, in units of 10^-8."""
    premium = model.listing.number % 81 - 40  # up to 4 basis points either way
    return index_units(model, ticks) * (_PART + premium) // _PART


def mark_text(units: int) -> str:
    """Write a mark or index price."""
    return decimal_text(units, MARK_DECIMALS)


def mark_at(model: MarketModel, at_ms: int) -> Mark:
    """Return the mark price as of `at_ms`."""
    ticks = _last_ticks(model, at_ms)
    marks = [mark_units(model, _last_ticks(model, at_ms - 5_000 * back)) for back in range(6)]
    index = mark_text(index_units(model, ticks))
    return Mark(
        mark=mark_text(marks[0]),
        index_price=index,
        settle=index,
        average=mark_text(sum(marks) // len(marks)),
    )


def next_funding_ms(model: MarketModel, at_ms: int) -> int:
    """Return the funding time after `at_ms`."""
    period = funding_hours(model) * HOUR_MS
    return (at_ms // period + 1) * period


def funding_rate(model: MarketModel, funding_ms: int) -> str:
    """Return the rate that applies at `funding_ms`."""
    drawn = crc32(f"{model.listing.name}:{funding_ms}".encode()) % 20_000
    return decimal_text(10_000 if drawn < 12_000 else drawn - 14_000, MARK_DECIMALS)


def open_interest(model: MarketModel, at_ms: int) -> str:
    """Return the open interest as of `at_ms`, in the base asset."""
    drawn = crc32(f"{model.listing.name}:{at_ms // 60_000}".encode()) % 1_000
    return model.decimals.quantity(5_000_000 + model.listing.number % 7_000_000 + drawn)
