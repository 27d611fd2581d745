"""The last 24 hours of one symbol: its ticker, with the best prices as they come."""

from collections.abc import Mapping
from sys import getsizeof
from typing import Any

from bpx.exchange.ticker import BOOK_FIELDS, Ticker, TickerShape
from bpx.exchange.unread import Unread
from bpx.exchange.written import written

VIEW_BYTES = 1600  # of a view, and of the ticker that it was made of, without what they hold
NO_TRADE = -1  # the `lastId` of a day without trades
LAST_TRADE = ("lastId", "lastPrice")


class DayView:
    """A ticker as it was after one message. It never changes.

    What it says is put together when somebody asks for it.

    Args:
        version: counts the views of a ticker.
        confirmed_at: when a message or a REST check last proved it, in monotonic seconds.
        ticker: the fields, in the order of a reply.
        best: those of them that a book ticker has told since.
        last_price: the field to show as `lastPrice`; None for the ticker's own.
        shape: which of them a short reply has.
    """

    __slots__ = (
        "_best", "_full", "_last_price", "_mini", "_shape", "_ticker", "confirmed_at", "version",
    )  # fmt: skip
    good_until_ms = None  # what is not confirmed again is asked for again

    def __init__(
        self,
        version: int,
        confirmed_at: float,
        ticker: Ticker,
        best: Mapping[str, str],
        last_price: str | None,
        shape: TickerShape,
    ) -> None:
        self.version = version
        self.confirmed_at = confirmed_at
        self._ticker = ticker
        self._best = best
        self._last_price = last_price
        self._shape = shape
        self._full: bytes | None = None
        self._mini: bytes | None = None

    @property
    def size_bytes(self) -> int:
        """About how much memory it needs; what it shares with the `Day` it is of is counted."""
        made = len(self._full or b"") + len(self._mini or b"")
        return VIEW_BYTES + _size(self._ticker) + _size(self._best) + made

    @property
    def full(self) -> bytes:
        """The reply to a request of type FULL."""
        if self._full is None:
            self._full = written(self._shown())
        return self._full

    @property
    def mini(self) -> bytes:
        """The reply to a request of type MINI."""
        if self._mini is None:
            shown = self._shown()
            self._mini = written({name: shown[name] for name in self._shape.mini})
        return self._mini

    def _shown(self) -> dict[str, str | int]:
        shown: dict[str, str | int] = {**self._ticker, **self._best}
        if self._last_price is not None and self._last_price in shown:
            shown["lastPrice"] = shown[self._last_price]
        return shown


class Day:
    """The last 24 hours of one symbol.

    Ticker frames tell everything once a second or two; book ticker frames, where the market has
    them in its tickers, tell the best prices as they change. Once a book ticker has come, the
    ticker's own best prices are not used: they are up to a second older.

    One greenlet owns it: share its `view()`.

    Args:
        shape: how the market writes a ticker.
        last_price: the field of the book ticker to show as `lastPrice`; None for the last trade.
    """

    def __init__(self, shape: TickerShape, last_price: str | None) -> None:
        self._shape = shape
        self._last_price = last_price
        self._ticker: Ticker | None = None
        self._best: Mapping[str, str] = {}
        self._best_id = -1
        self._version = 0

    @property
    def close_time_ms(self) -> int:
        """Until when the ticker that we have counts; 0 before the first."""
        return 0 if self._ticker is None else int(self._ticker["closeTime"])

    @property
    def has_best(self) -> bool:
        """Whether the best prices are those of a book ticker."""
        return bool(self._best)

    @property
    def best(self) -> tuple[str | int | None, ...]:
        """The best prices and quantities as they are shown."""
        ticker = self._ticker or {}
        return tuple(self._best.get(name, ticker.get(name)) for name in BOOK_FIELDS)

    def apply(self, ticker: Ticker, *, is_sure: bool = False) -> bool:
        """Take the newer of what we have and `ticker`; return whether its trades are others.

        Args:
            ticker: of a frame or a reply.
            is_sure: take it in any case: it cannot be older, so what we have is not right.
        """
        if not is_sure and self.is_past(ticker):
            return False
        ours, self._ticker = self._ticker, ticker
        return ours is None or ours["lastId"] != ticker["lastId"]

    def is_past(self, ticker: Ticker) -> bool:
        """Whether the ticker that we have is newer: by its trades, by its close if they are none.

        Trades come first: a stream and REST count them alike, and need not close at one moment.
        """
        if self._ticker is None:
            return False
        ours, theirs = int(self._ticker["lastId"]), int(ticker["lastId"])
        if ours != theirs and min(ours, theirs) > NO_TRADE:
            return theirs < ours
        return int(ticker["closeTime"]) < self.close_time_ms

    def is_told_by(self, ticker: Ticker) -> bool:
        """Whether `ticker` has the last trade and the best prices that are shown."""
        ours = self._ticker
        if ours is None or any(ticker[name] != ours[name] for name in LAST_TRADE):
            return False
        return self.best == tuple(ticker.get(name) for name in BOOK_FIELDS)

    def apply_best(self, update_id: int, best: Mapping[str, str]) -> bool:
        """Take the best prices and quantities of a book ticker, unless they are no newer.

        Returns:
            Whether they were.
        """
        if update_id <= self._best_id:
            return False
        self._best, self._best_id = best, update_id
        return True

    def forget_best(self) -> None:
        """Trust the ticker's best prices again, until a newer book ticker: some were missed."""
        self._best = {}

    def view(self, confirmed_at: float) -> DayView:
        """Return the ticker as it is now. Only after the first `apply`."""
        assert self._ticker is not None, "no ticker was applied"
        self._version += 1
        return DayView(
            self._version, confirmed_at, self._ticker, self._best, self._last_price, self._shape
        )


def _size(fields: Mapping[str, Any]) -> int:
    if isinstance(fields, Unread):
        return fields.size_bytes
    return getsizeof(fields) + sum(map(getsizeof, fields.values()))
