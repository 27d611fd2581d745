"""Intervals of klines: where one ends and the next begins, in UTC.

Times are Binance's milliseconds. A candle is named by its open time; its close time is one
millisecond before the next one opens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of one length.

    Args:
        name: as in requests and streams, `1m`.
        length_ms: of every candle; of a month, nominal.
        anchor_ms: an open time, from which all others are counted.
    """

    name: str
    length_ms: int
    anchor_ms: int = 0

    @property
    def length_s(self) -> float:
        """The length in seconds: for rules of thumb, not for time arithmetic."""
        return self.length_ms / 1000

    def open_time_ms(self, at_ms: int) -> int:
        """Return the open time of the candle that holds `at_ms`."""
        return at_ms - (at_ms - self.anchor_ms) % self.length_ms

    def next_open_ms(self, open_ms: int) -> int:
        """Return the open time of the candle after the one that holds `open_ms`."""
        return self.open_time_ms(open_ms) + self.length_ms

    def close_time_ms(self, open_ms: int) -> int:
        """Return the close time of the candle that holds `open_ms`."""
        return self.next_open_ms(open_ms) - 1


class Month(Interval):
    """Calendar months."""

    __slots__ = ()

    def open_time_ms(self, at_ms: int) -> int:
        """Return the first millisecond of the month that holds `at_ms`."""
        at = _EPOCH + timedelta(milliseconds=at_ms)
        return _ms(datetime(at.year, at.month, 1, tzinfo=UTC))

    def next_open_ms(self, open_ms: int) -> int:
        """Return the first millisecond of the month after the one that holds `open_ms`."""
        return self.open_time_ms(self.open_time_ms(open_ms) + 31 * DAY_MS)


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


SECONDS = Interval("1s", SECOND_MS)

# Three-day candles count from 1970-01-02 (one opened on 2024-01-01, on spot and on futures), and
# weeks begin on Monday: 1970-01-05.
MINUTES_AND_MORE = (
    Interval("1m", MINUTE_MS),
    Interval("3m", 3 * MINUTE_MS),
    Interval("5m", 5 * MINUTE_MS),
    Interval("15m", 15 * MINUTE_MS),
    Interval("30m", 30 * MINUTE_MS),
    Interval("1h", HOUR_MS),
    Interval("2h", 2 * HOUR_MS),
    Interval("4h", 4 * HOUR_MS),
    Interval("6h", 6 * HOUR_MS),
    Interval("8h", 8 * HOUR_MS),
    Interval("12h", 12 * HOUR_MS),
    Interval("1d", DAY_MS),
    Interval("3d", 3 * DAY_MS, anchor_ms=DAY_MS),
    Interval("1w", 7 * DAY_MS, anchor_ms=4 * DAY_MS),
    Month("1M", 30 * DAY_MS),
)


def by_name(*intervals: Interval) -> Mapping[str, Interval]:
    """Return intervals by their names."""
    return {interval.name: interval for interval in intervals}
