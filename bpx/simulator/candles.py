"""Candles, made from the tape when asked."""

from typing import NamedTuple

from bpx.simulator import intervals
from bpx.simulator.tape import Tape


class Candle(NamedTuple):
    """One bar; prices in ticks, volumes in steps and ticks x steps. `first` to `end` are trades.

    A candle without trades is flat at the close before it, with `first` == `end`.
    """

    open_ms: int
    close_ms: int
    first: int
    end: int
    open: int
    high: int
    low: int
    close: int
    steps: int
    quote: int
    taker_steps: int
    taker_quote: int


def candle(tape: Tape, open_ms: int, next_open_ms: int, end: int) -> Candle:
    """Make the candle of [open_ms, next_open_ms) from the first `end` trades."""
    first = tape.first_from(open_ms, end)
    last = tape.first_from(next_open_ms, end)
    if first == last:
        flat = tape.prices[max(0, first - 1)]
        return Candle(open_ms, next_open_ms - 1, first, last, flat, flat, flat, flat, 0, 0, 0, 0)
    high, low = tape.extremes(first, last)
    return Candle(
        open_ms,
        next_open_ms - 1,
        first,
        last,
        tape.prices[first],
        high,
        low,
        tape.prices[last - 1],
        *tape.volume(first, last),
        *tape.taker_volume(first, last),
    )


def candle_of(tape: Tape, interval: str, at_ms: int, offset_ms: int = 0) -> Candle:
    """Make the candle that `at_ms` lies in, as of `at_ms`."""
    opened = intervals.open_ms(interval, at_ms, offset_ms)
    return candle(
        tape, opened, intervals.next_ms(interval, opened, offset_ms), tape.count_at(at_ms)
    )
