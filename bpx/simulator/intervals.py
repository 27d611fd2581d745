"""The intervals of klines: when they open, which is the next, in which time zone."""

from calendar import timegm
from datetime import UTC, datetime, timedelta

_MINUTE = 60_000
_HOUR = 3_600_000
_DAY = 86_400_000
WEEK_MS = 7 * _DAY
# Where counting begins: weeks on a Monday, 1970-01-05. A three-day candle opened on 2024-01-01.
_ANCHOR_MS = {"3d": _DAY, "1w": 4 * _DAY}
LENGTH_MS = {
    "1s": 1_000,
    "1m": _MINUTE,
    "3m": 3 * _MINUTE,
    "5m": 5 * _MINUTE,
    "15m": 15 * _MINUTE,
    "30m": 30 * _MINUTE,
    "1h": _HOUR,
    "2h": 2 * _HOUR,
    "4h": 4 * _HOUR,
    "6h": 6 * _HOUR,
    "8h": 8 * _HOUR,
    "12h": 12 * _HOUR,
    "1d": _DAY,
    "3d": 3 * _DAY,
    "1w": WEEK_MS,
}
SPOT_INTERVALS = (*LENGTH_MS, "1M")
FUTURES_INTERVALS = tuple(interval for interval in SPOT_INTERVALS if interval != "1s")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def open_ms(interval: str, at_ms: int, offset_ms: int = 0) -> int:
    """Return the open time of the candle that `at_ms` lies in; `offset_ms` is the time zone's."""
    local = at_ms + offset_ms
    if interval == "1M":
        moment = _EPOCH + timedelta(milliseconds=local)
        return timegm((moment.year, moment.month, 1, 0, 0, 0)) * 1_000 - offset_ms
    length = LENGTH_MS[interval]
    shift = _ANCHOR_MS.get(interval, 0)
    return (local - shift) // length * length + shift - offset_ms


def next_ms(interval: str, opened_ms: int, offset_ms: int = 0) -> int:
    """Return the open time of the candle after the one that opens at `opened_ms`."""
    if interval == "1M":
        return open_ms(interval, opened_ms + 31 * _DAY + _HOUR, offset_ms)
    return opened_ms + LENGTH_MS[interval]


def previous_ms(interval: str, opened_ms: int, offset_ms: int = 0) -> int:
    """Return the open time of the candle before the one that opens at `opened_ms`."""
    return open_ms(interval, opened_ms - 1, offset_ms)


def opens(
    interval: str,
    *,
    first_ms: int,
    last_ms: int,
    limit: int,
    newest: bool,
    offset_ms: int = 0,
) -> list[int]:
    """Return at most `limit` open times in [first_ms, last_ms], ascending.

    Args:
        interval: of the candles.
        first_ms: earliest open time wanted.
        last_ms: latest open time wanted.
        limit: how many at most.
        newest: take the newest ones rather than the oldest.
        offset_ms: the time zone's.
    """
    if first_ms > last_ms:
        return []
    last = open_ms(interval, last_ms, offset_ms)
    first = open_ms(interval, first_ms, offset_ms)
    if first < first_ms:
        first = next_ms(interval, first, offset_ms)
    if first > last:
        return []
    if interval == "1M":
        return _months(first, last, limit, newest, offset_ms)
    length = LENGTH_MS[interval]
    if newest:
        first = max(first, last - (limit - 1) * length)
    return list(range(first, min(last, first + (limit - 1) * length) + 1, length))


def _months(first: int, last: int, limit: int, newest: bool, offset_ms: int) -> list[int]:
    months = [first]
    while months[-1] < last:
        months.append(next_ms("1M", months[-1], offset_ms))
    return months[-limit:] if newest else months[:limit]
