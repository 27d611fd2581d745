"""Statistics of a window of time: 24 hours, a rolling window, a trading day."""

from typing import NamedTuple

from bpx.simulator.listing import DAY_MS
from bpx.simulator.market import MarketModel
from bpx.simulator.tape import MINUTE_MS, Tape


class Window(NamedTuple):
    """What happened in [open_ms, close_ms]. Ids are -1 and prices 0 where nothing did.

    `before` is the last price before the window, `last` the newest price of all.
    """

    open_ms: int
    close_ms: int
    first_id: int
    last_id: int
    trades: int
    open: int
    high: int
    low: int
    last: int
    last_steps: int
    before: int
    steps: int
    quote: int


def window(tape: Tape, open_ms: int, close_ms: int) -> Window:
    """Sum up the trades of [open_ms, close_ms], both ends included."""
    end = tape.count_at(close_ms)
    first = tape.first_from(open_ms, end)
    # Nothing says what prevClosePrice is before the first trade of all: its price.
    before = tape.prices[max(0, first - 1)]
    if first == end:
        # A market that has not traded keeps its last price and nothing else [X].
        return Window(open_ms, close_ms, -1, -1, 0, 0, 0, 0, before, 0, before, 0, 0)
    high, low = tape.extremes(first, end)
    return Window(
        open_ms,
        close_ms,
        tape.first_id + first,
        tape.first_id + end - 1,
        end - first,
        tape.prices[first],
        high,
        low,
        tape.prices[end - 1],
        tape.steps[end - 1],
        before,
        *tape.volume(first, end),
    )


def day_window(model: MarketModel, at_ms: int) -> Window:
    """Return the 24-hour window as of `at_ms`: spot to the millisecond, futures from a minute."""
    return window(model.tape, _day_open(model, at_ms), at_ms)


def _day_open(model: MarketModel, at_ms: int) -> int:
    open_ms = at_ms - DAY_MS
    if model.listing.market == "futures":
        open_ms -= open_ms % MINUTE_MS
    return open_ms


def has_moved(model: MarketModel, since_ms: int, at_ms: int) -> bool:
    """Whether a trade entered or left the 24-hour window in (since_ms, at_ms]."""
    tape = model.tape
    if tape.count_at(at_ms) != tape.count_at(since_ms):
        return True
    return tape.first_from(_day_open(model, at_ms)) != tape.first_from(_day_open(model, since_ms))
