"""Candles of a recording: as they were recorded, and summed from recorded trades."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

INTERVALS_MS = {
    f"{number}{unit}": number * unit_ms
    for unit, unit_ms, numbers in (
        ("m", 60_000, (1, 3, 5, 15, 30)),
        ("h", 3_600_000, (1, 2, 4, 6, 8, 12)),
        ("d", 86_400_000, (1,)),
    )
    for number in numbers
}
MINUTE_MS = 60_000
QUIET_MS = 2_000  # trades of a minute may still come so long after its end

Row = list[Any]  # of a klines reply
_FRAME_KEYS = ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q", "B")


@dataclass(slots=True)
class Candle:
    """One candle, with volumes as numbers of a known scale."""

    open_ms: int
    first_id: int
    last_id: int
    open: str
    high: str
    low: str
    close: str
    trades: int
    volume: Decimal
    quote: Decimal
    taker: Decimal
    taker_quote: Decimal

    def add(self, other: "Candle") -> None:
        """Add a later candle, or a single trade as one."""
        self.last_id, self.close = other.last_id, other.close
        self.high = max(self.high, other.high, key=Decimal)
        self.low = min(self.low, other.low, key=Decimal)
        self.trades += other.trades
        self.volume += other.volume
        self.quote += other.quote
        self.taker += other.taker
        self.taker_quote += other.taker_quote

    def row(self, interval_ms: int) -> Row:
        """Return the row of a klines reply."""
        prices = [self.open, self.high, self.low, self.close]
        close_ms = self.open_ms + interval_ms - 1
        volumes = [f"{self.volume:f}", close_ms, f"{self.quote:f}", self.trades]
        return [self.open_ms, *prices, *volumes, f"{self.taker:f}", f"{self.taker_quote:f}", "0"]

    def frame(self, symbol: str, interval: str, is_closed: bool) -> dict[str, Any]:
        """Return the `k` of a kline message."""
        row = dict(zip(_FRAME_KEYS, self.row(INTERVALS_MS[interval]), strict=True))
        return {
            "t": row["t"],
            "T": row["T"],
            "s": symbol,
            "i": interval,
            "f": self.first_id,
            "L": self.last_id,
            **{key: row[key] for key in "ochlvn"},
            "x": is_closed,
            **{key: row[key] for key in "qVQB"},
        }

    def followed(self, open_ms: int) -> "Candle":
        """Return the candle after this one in which nobody traded."""
        return replace(
            self,
            open_ms=open_ms,
            first_id=-1,
            last_id=-1,
            open=self.close,
            high=self.close,
            low=self.close,
            trades=0,
            volume=self.volume * 0,
            quote=self.quote * 0,
            taker=self.taker * 0,
            taker_quote=self.taker_quote * 0,
        )


def candle_of(trade: dict[str, Any], is_futures: bool) -> Candle:
    """Return a trade or aggregate trade as a candle of its minute.

    Scales are Binance's: eight decimals on spot; on futures the quantity's own, and the sum of
    price's and quantity's for quote volumes.
    """
    quantity, price = Decimal(trade["q"]), Decimal(trade["p"])
    quote = quantity * price
    if not is_futures:
        quantity, quote = (value.quantize(Decimal("1e-8")) for value in (quantity, quote))
    is_taker_buy = not trade["m"]
    first, last = (trade["f"], trade["l"]) if "f" in trade else (trade["t"], trade["t"])
    return Candle(
        open_ms=trade["T"] // MINUTE_MS * MINUTE_MS,
        first_id=first,
        last_id=last,
        open=trade["p"],
        high=trade["p"],
        low=trade["p"],
        close=trade["p"],
        trades=last - first + 1,
        volume=quantity,
        quote=quote,
        taker=quantity * is_taker_buy,
        taker_quote=quote * is_taker_buy,
    )


class TradeCandles:
    """One symbol's candles, summed from its trades since the recording began.

    Only candles that lie inside from their first moment are told.
    """

    def __init__(self, start_ms: int, is_futures: bool) -> None:
        self._start_ms = start_ms
        self._is_futures = is_futures
        self._minutes: dict[int, Candle] = {}
        self._last_trade_ms = start_ms

    def add(self, trade: dict[str, Any]) -> None:
        """Add a recorded trade or aggregate trade."""
        candle = candle_of(trade, self._is_futures)
        self._last_trade_ms = max(self._last_trade_ms, trade["T"])
        minute = self._minutes.get(candle.open_ms)
        if minute is None:
            self._minutes[candle.open_ms] = candle
        else:
            minute.add(candle)

    def frontier_ms(self, now_ms: int) -> int:
        """Return the time up to which no trade can be missing any more."""
        return max(self._last_trade_ms, now_ms - QUIET_MS)

    def candle(self, interval: str, open_ms: int) -> Candle | None:
        """Return one candle as far as it has come; None if it is unknown."""
        if open_ms < self._start_ms:
            return None
        minutes = range(open_ms, open_ms + INTERVALS_MS[interval], MINUTE_MS)
        parts = [self._minutes[minute] for minute in minutes if minute in self._minutes]
        if parts:
            candle = replace(parts[0], open_ms=open_ms)
            for part in parts[1:]:
                candle.add(part)
            return candle
        earlier = [minute for minute in self._minutes if minute < open_ms]
        return self._minutes[max(earlier)].followed(open_ms) if earlier else None

    def rows(self, interval: str, now_ms: int) -> list[Row]:
        """Return the rows of a klines reply: every known candle, the open one last."""
        interval_ms = INTERVALS_MS[interval]
        last_ms = self.frontier_ms(now_ms) // interval_ms * interval_ms
        first_ms = -(-self._start_ms // interval_ms) * interval_ms
        candles = (self.candle(interval, at) for at in range(first_ms, last_ms + 1, interval_ms))
        return [candle.row(interval_ms) for candle in candles if candle]


class FrameCandles:
    """One symbol's candles of one interval, as its kline messages told them."""

    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}
        self._closed: set[int] = set()

    def add(self, kline: dict[str, Any]) -> None:
        """Add the `k` of a recorded message."""
        self._rows[kline["t"]] = [*(kline[key] for key in _FRAME_KEYS[:-1]), "0"]
        if kline["x"]:
            self._closed.add(kline["t"])

    def rows(self) -> list[Row]:
        """Return the newest rows that are complete: all but the last in their final form."""
        known: list[Row] = []
        for open_ms in sorted(self._rows, reverse=True):
            row = self._rows[open_ms]
            if known and (row[6] + 1 != known[-1][0] or open_ms not in self._closed):
                break
            known.append(row)
        return known[::-1]

    @property
    def is_closed(self) -> bool:
        """Whether the newest row is final, so that the open candle is not known from here."""
        return not self._rows or max(self._rows) in self._closed
