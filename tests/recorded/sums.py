"""Candles summed from recorded trades, after every trade."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from tests.recorded.files import Line

INTERVALS_MS = {"1m": 60_000, "5m": 300_000, "1h": 3_600_000}
Rows = dict[int, list[list[Any]]]  # open time -> the row of klines after the first, second... trade


def summed(trades: list[Line], interval: str, is_futures: bool) -> Rows:
    """Return the rows of a klines reply that the trades of each interval add up to."""
    length_ms = INTERVALS_MS[interval]
    by_open: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for line in trades:
        by_open[line.content["T"] // length_ms * length_ms].append(line.content)
    return {open_ms: _rows(open_ms, length_ms, of, is_futures) for open_ms, of in by_open.items()}


def _rows(
    open_ms: int, length_ms: int, trades: list[dict[str, Any]], is_futures: bool
) -> list[list[Any]]:
    rows = []
    high = low = first = trades[0]["p"]
    sums = {"base": Decimal(0), "quote": Decimal(0), "taker": Decimal(0), "of taker": Decimal(0)}
    for count, trade in enumerate(trades, 1):
        price, quantity = Decimal(trade["p"]), Decimal(trade["q"])
        high, low = max(high, trade["p"], key=Decimal), min(low, trade["p"], key=Decimal)
        is_taker_buy = not trade["m"]
        sums["base"] += quantity
        sums["quote"] += quantity * price
        sums["taker"] += quantity * is_taker_buy
        sums["of taker"] += quantity * price * is_taker_buy
        # Futures: as many decimals as the numbers that were multiplied have; spot: always eight.
        base, quote, taker, taker_quote = (
            f"{total:f}" if is_futures else f"{total:.8f}" for total in sums.values()
        )
        rows.append(
            [
                *(open_ms, first, high, low, trade["p"], base),
                *(open_ms + length_ms - 1, quote, count, taker, taker_quote, "0"),
            ]
        )
    return rows
