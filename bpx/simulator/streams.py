"""Streams of one symbol: when each publishes, and what.

Every publication is a function of the symbol's past and of the instant, never of when somebody
subscribed. So two subscribers at different times see the same frames.
"""

from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

from bpx.simulator import intervals, payloads
from bpx.simulator.candles import Candle, candle
from bpx.simulator.market import FUTURES_AGGREGATE_MS, MarketModel

Writer = Callable[[int, int], bytes | None]  # (at_ms, since_ms) -> payload, None if unchanged
KlineWriter = Callable[[MarketModel, Candle, str, int, bool], bytes]
Frame = tuple[int, bytes]  # (at_ms, payload)


@runtime_checkable
class Scheduled(Protocol):
    """A stream that publishes at instants known beforehand."""

    name: str
    next_ms: int

    def publish(self) -> list[bytes]:
        """Write what is due at `next_ms` and go on to the next instant."""


class Live(Protocol):
    """A stream that publishes things as they happen."""

    name: str

    def collect(self, to_ms: int) -> Iterator[Frame]:
        """Write what happened since the last call, until `to_ms`."""


def next_instant(after_ms: int, period_ms: int, phase_ms: int) -> int:
    """Return the first instant after `after_ms` of the grid of a period and phase."""
    return (after_ms - phase_ms) // period_ms * period_ms + period_ms + phase_ms


class GridStream:
    """Publishes at a fixed period what `writer` makes of the time since the last instant."""

    def __init__(
        self, name: str, period_ms: int, phase_ms: int, after_ms: int, writer: Writer
    ) -> None:
        self.name = name
        self.next_ms = next_instant(after_ms, period_ms, phase_ms)
        self._period_ms = period_ms
        self._writer = writer

    def publish(self) -> list[bytes]:
        """Write what changed in the last period, if anything did."""
        payload = self._writer(self.next_ms, self.next_ms - self._period_ms)
        self.next_ms += self._period_ms
        return [] if payload is None else [payload]


class ManyStream:
    """Publishes at a fixed period one message for each symbol that changed."""

    def __init__(self, name: str, period_ms: int, after_ms: int, writers: list[Writer]) -> None:
        self.name = name
        self.next_ms = next_instant(after_ms, period_ms, 0)
        self._period_ms = period_ms
        self._writers = writers

    def publish(self) -> list[bytes]:
        """Write what changed in the last period, a message each."""
        at_ms, since_ms = self.next_ms, self.next_ms - self._period_ms
        self.next_ms += self._period_ms
        made = (writer(at_ms, since_ms) for writer in self._writers)
        return [payload for payload in made if payload is not None]


class KlineStream:
    """Candles of one interval: the open one on a grid while it changes, and each final one.

    The final frame comes `close_delay_ms` after the end, even if nothing traded; until it is
    out nothing is published about the next candle.
    """

    def __init__(
        self,
        name: str,
        model: MarketModel,
        interval: str,
        *,
        period_ms: int,
        phase_ms: int,
        after_ms: int,
        close_delay_ms: int,
        offset_ms: int = 0,
        writer: KlineWriter = payloads.kline,
    ) -> None:
        self.name = name
        self._model = model
        self._interval = interval
        self._period_ms = period_ms
        self._offset_ms = offset_ms
        self._close_delay_ms = close_delay_ms
        self._writer = writer
        self._grid_ms = next_instant(after_ms, period_ms, phase_ms)
        self._open_ms = intervals.open_ms(interval, after_ms - close_delay_ms, offset_ms)
        self._note_end()

    def _note_end(self) -> None:
        self._end_ms = intervals.next_ms(self._interval, self._open_ms, self._offset_ms)
        self._final_ms = self._end_ms + self._close_delay_ms
        self.next_ms = min(self._grid_ms, self._final_ms)

    def publish(self) -> list[bytes]:
        """Write the final frame, or the open candle, or both, as due."""
        at_ms = self.next_ms
        frames = []
        if at_ms == self._final_ms:
            frames.append(self._frame(at_ms, is_closed=True))
            self._open_ms = self._end_ms
        if at_ms == self._grid_ms:
            self._grid_ms += self._period_ms
            if self._has_changed(at_ms):
                frames.append(self._frame(at_ms, is_closed=False))
        self._note_end()
        return frames

    def _has_changed(self, at_ms: int) -> bool:
        # _open_ms is still the old candle while its final frame is due.
        if at_ms >= intervals.next_ms(self._interval, self._open_ms, self._offset_ms):
            return False
        since_ms = at_ms - self._period_ms
        if since_ms < self._open_ms + self._close_delay_ms:
            since_ms = self._open_ms - 1
        tape = self._model.tape
        return tape.count_at(at_ms) > tape.count_at(since_ms)

    def _frame(self, at_ms: int, is_closed: bool) -> bytes:
        tape = self._model.tape
        made = candle(tape, self._open_ms, self._end_ms, tape.count_at(at_ms))
        return self._writer(self._model, made, self._interval, at_ms, is_closed)


class Trades:
    """Every trade when it happens."""

    def __init__(self, name: str, model: MarketModel) -> None:
        self.name = name
        self._model = model
        self._next = len(model.tape)

    def collect(self, to_ms: int) -> Iterator[Frame]:
        """Write the trades since the last call."""
        tape = self._model.tape
        first, self._next = self._next, tape.count_at(to_ms)
        for index in range(first, self._next):
            yield tape.times[index], payloads.trade(self._model, index)


class AggregateTrades:
    """Every aggregate trade: spot when it happens, futures when its 100 ms are over."""

    def __init__(self, name: str, model: MarketModel) -> None:
        self.name = name
        self._model = model
        self._span_ms = FUTURES_AGGREGATE_MS if model.listing.market == "futures" else 0
        self._next = self._complete(model.now_ms)

    def _complete(self, to_ms: int) -> int:
        tape = self._model.tape
        if self._span_ms:
            to_ms = to_ms // self._span_ms * self._span_ms - 1
        return tape.aggregates_at(tape.count_at(to_ms))

    def collect(self, to_ms: int) -> Iterator[Frame]:
        """Write the aggregates that were completed since the last call."""
        model, tape = self._model, self._model.tape
        first, self._next = self._next, self._complete(to_ms)
        for number in range(first, self._next):
            at_ms = tape.times[tape.aggregate_starts[number]]
            if self._span_ms:
                at_ms = (at_ms // self._span_ms + 1) * self._span_ms
            yield at_ms, payloads.aggregate_trade(model, number, len(tape), at_ms)


class BestPrices:
    """Every change of the best bid or ask when it happens."""

    def __init__(self, name: str, model: MarketModel) -> None:
        self.name = name
        self._model = model
        self._next = model.book.dropped_tops + len(model.book.tops)

    def collect(self, to_ms: int) -> Iterator[Frame]:
        """Write the changes since the last call."""
        book = self._model.book
        first = self._next - book.dropped_tops
        self._next = book.dropped_tops + len(book.tops)
        for top in book.tops[max(0, first) :]:
            yield top.time_ms, payloads.book_ticker(self._model, top)


def diffs(model: MarketModel) -> Writer:
    """Return the writer of a diff stream."""

    def write(at_ms: int, since_ms: int) -> bytes | None:
        changes, previous_id = model.book.changes_in(since_ms, at_ms)
        if not changes:
            return None
        return payloads.diff(model, changes, previous_id, at_ms)

    return write


def partial_books(model: MarketModel, limit: int) -> Writer:
    """Return the writer of a partial book stream."""

    def write(at_ms: int, since_ms: int) -> bytes | None:
        changes, previous_id = model.book.changes_in(since_ms, at_ms)
        if not changes:
            return None
        return payloads.partial(model, changes, previous_id, at_ms, limit)

    return write
