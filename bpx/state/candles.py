"""A series of candles: a history from REST, and what the stream has told since."""

from collections.abc import Sequence

from bpx.errors import OutOfSync
from bpx.exchange.interval import Interval
from bpx.exchange.kline import Kline, Row, flat_row
from bpx.state.history import CandlesView, History


class Candles:
    """One series of candles: a history from REST, and every frame since.

    One greenlet owns it: share its `view()`.

    Args:
        interval: of its candles.
    """

    def __init__(self, interval: Interval) -> None:
        self._interval = interval
        self._most_rows = 0
        self._history = History.of([], whole=False)
        self._newest: Row | None = None
        self._final = False
        self._told_ms = 0  # event time of the frame that told `_newest`; 0 if REST did
        self._closed: Row | None = None  # the newest final frame
        self._version = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been loaded yet."""
        return self._newest is None and not self._history.whole

    def missing_rows(self, at_ms: int) -> int:
        """Return how many of the newest rows REST has to give to be complete at `at_ms`.

        The newest row that we have is among them: it may have changed.
        """
        if self._newest is None:
            return 1
        open_ms, rows = self._newest.open_ms, 1
        while rows < self._most_rows and (next_ms := self._interval.next_open_ms(open_ms)) <= at_ms:
            open_ms, rows = next_ms, rows + 1
        return rows

    def lacks(self, rows: int) -> bool:
        """Whether the exchange may have `rows` rows and we do not."""
        return not self._history.whole and rows > len(self._history) + 1

    def follows(self, kline: Kline) -> bool:
        """Whether a frame can be applied: nothing is missing before it."""
        newest, row = self._newest, kline.row
        if newest is None:
            return False  # it need not be the first candle there is
        return row.open_ms <= newest.open_ms or (self._final and row.open_ms == newest.close_ms + 1)

    def is_past(self, rows: Sequence[Row]) -> bool:
        """Whether a candle has begun since REST gave these rows."""
        return self._newest is not None and bool(rows) and rows[-1].open_ms < self._newest.open_ms

    def is_ahead(self, rows: Sequence[Row]) -> bool:
        """Whether we know of a candle, or of trades in the newest one, that these rows lack."""
        if self._newest is None:
            return False
        return not rows or _progress(rows[-1]) < _progress(self._newest)

    def load(self, rows: Sequence[Row], asked: int, *, is_sure: bool = False) -> bool:
        """Take the newest rows as REST gave them, which was asked for `asked` of them.

        What we have before them is kept if they join it. A candle that the stream has brought
        further than REST is kept, too, as long as REST may lag.

        Args:
            rows: oldest first.
            asked: how many there may have been.
            is_sure: REST cannot lag behind what we have: where they differ, REST is right.

        Returns:
            Whether REST told nothing new.
        """
        if is_sure:
            self._closed = None
        if not rows:
            return self._load_none(is_sure)
        if self.is_past(rows) and not is_sure:
            return True  # the stream has gone on since
        theirs = rows[-1]
        agrees = self._agrees(theirs, is_sure)
        self._most_rows = max(self._most_rows, asked)
        self._history = self._joined(rows, whole=len(rows) < asked)
        if self._gives_way_to(theirs, is_sure):
            self._newest, self._final, self._told_ms = theirs, False, 0
        return agrees

    def apply(self, kline: Kline) -> bool:
        """Bring the series up to a frame. A frame that is older than the series changes nothing.

        Returns:
            Whether the frame says anything about the series: an older one does not.

        Raises:
            OutOfSync: a candle, or the final frame of one, is missing before this frame.
        """
        row, newest = kline.row, self._newest
        if newest is None or not self.follows(kline):
            raise OutOfSync(f"a candle is missing before the one of {row.open_ms}")
        if row.open_ms < newest.open_ms:
            return self._settle(kline)
        if row.open_ms > newest.open_ms:
            self._history = self._history.then([newest], self._most_rows)
        elif self._has_overtaken(kline, newest):
            return False
        self._newest, self._final, self._told_ms = row, kline.final, kline.event_ms
        if kline.final:
            self._closed = row
        return True

    def view(self, confirmed_at: float) -> CandlesView:
        """Return the series as it is now."""
        self._version += 1
        following = None
        if self._newest is not None and self._final:
            close_ms = self._interval.next_open_ms(self._newest.close_ms + 1) - 1
            following = flat_row(self._newest, close_ms)
        return CandlesView(
            self._version, confirmed_at, self._history, self._newest, self._final, following
        )

    def _has_overtaken(self, kline: Kline, newest: Row) -> bool:
        """Whether a frame of the newest candle is older than what we have of it."""
        if kline.final:
            return self._final and kline.event_ms < self._told_ms
        trades, is_late = kline.row.trades, kline.event_ms < self._told_ms
        return self._final or trades < newest.trades or (trades == newest.trades and is_late)

    def _settle(self, kline: Kline) -> bool:
        """Let a late final frame replace the closed row that REST had given in its place.

        Returns:
            Whether it was another one.
        """
        history, row = self._history, kline.row
        if not (kline.final and history.starts and history.open_ms(-1) == row.open_ms):
            return False
        if bytes(history.tail(1) or b"") == b"[%s]" % row.text:
            return False
        self._history = history.before(row.open_ms).then([row], self._most_rows)
        return True

    def _load_none(self, is_sure: bool) -> bool:
        """Take note that REST has no candles: if it may lag, those that were there stay."""
        agrees = self._newest is None or not is_sure
        if self._newest is None or is_sure:
            self._newest, self._final, self._history = None, False, History(whole=True)
        return agrees

    def _gives_way_to(self, theirs: Row, is_sure: bool) -> bool:
        ours = self._newest
        if ours is None or _progress(theirs) > _progress(ours):
            return True
        return is_sure and theirs != ours

    def _agrees(self, theirs: Row, is_sure: bool) -> bool:
        ours = self._newest
        if ours is None:
            return False
        if theirs.open_ms == ours.open_ms:
            return theirs.trades == ours.trades or (theirs.trades < ours.trades and not is_sure)
        # The flat row of a candle that has just begun tells nothing new after a final frame.
        return self._final and theirs.open_ms == ours.close_ms + 1 and theirs.trades == 0

    def _final_form(self, row: Row) -> Row:
        """Return the row, or its final frame if REST has not got that far: it may lag."""
        closed = self._closed
        is_behind = (
            closed is not None and closed.open_ms == row.open_ms and row.trades < closed.trades
        )
        return closed if is_behind and closed is not None else row

    def _joined(self, rows: Sequence[Row], *, whole: bool) -> History:
        """Return the history before the last of `rows`, with what we have if they join it."""
        closed = [self._final_form(row) for row in rows[:-1]]
        ours = self._newest
        if whole or ours is None or rows[0].open_ms > ours.open_ms:
            return History.of(closed, whole)
        if rows[0].open_ms < (self._history.open_ms(0) if self._history else ours.open_ms):
            return History.of(closed, whole=False)
        return self._history.before(rows[0].open_ms).then(closed, self._most_rows)


def _progress(row: Row) -> tuple[int, int]:
    """Return what grows from frame to frame of a series."""
    return row.open_ms, row.trades
