"""Following the 24-hour ticker of one symbol."""

from urllib.parse import quote

from bpx.errors import BadMessage, OutOfSync
from bpx.exchange.endpoint import Source
from bpx.exchange.market import Market
from bpx.exchange.ticker import (
    Ticker,
    decode_book_ticker,
    decode_ticker_frame,
    decode_ticker_reply,
)
from bpx.feed.follower import LEAST_IDLE_S, MOST_LAG_S, Question
from bpx.state.clock import ExchangeClock
from bpx.state.day import Day, DayView
from bpx.streams.tap import Arrival

BEST_S = 2.0  # a book ticker that came so long before a ticker was made is not newer than that


class TickerFollower:
    """Follows one symbol's ticker, and its best prices where the market's tickers have them.

    Args:
        market: where.
        symbol: whose ticker.
        clock: told the event time of every ticker frame.
        last_price: the field of the book ticker to show as `lastPrice`; None for the last trade.
    """

    kind = "ticker"
    idle_s = LEAST_IDLE_S
    early_s: float | None = None

    def __init__(
        self, market: Market, symbol: str, clock: ExchangeClock, last_price: str | None
    ) -> None:
        streams = [market.stream(kind, symbol) for kind in market.ticker_streams]
        self.route = streams[0].route
        self.streams = tuple(stream.name for stream in streams)
        self.confirming = self.streams[0]
        self._shape = market.ticker_shape
        endpoint = market.endpoint(Source.TICKER)
        self._question = Question(
            f"{endpoint.path}?symbol={quote(symbol)}", endpoint.weight({"symbol": symbol})
        )
        self._clock = clock
        self._day = Day(market.ticker_shape, last_price)
        self._best_at = 0.0
        self._ticker_at = 0.0  # when the ticker itself was last proved
        self._told_at = 0.0  # and when it was told
        self._told_ms = 0  # event time of the frame that told it; 0 if REST did
        self._is_current = False  # a ticker has come in this generation

    def question(self, rows: int, at_ms: int | None) -> Question:
        """Return the question for the symbol's ticker."""
        return self._question

    def begin_generation(self) -> None:
        """Best prices, and the ticker itself, may have been missed."""
        self._day.forget_best()
        self._is_current = False

    def apply(self, arrival: Arrival) -> DayView | None:
        """Take a frame of either stream; return the ticker after it.

        None before the first, and for one that is older than what we have.
        """
        if arrival.stream == self.confirming:
            if not self._has_taken(arrival):
                return None
        else:
            self._take_best(arrival)
        return self._day.view(self._ticker_at) if self._is_current else None

    def load(
        self, body: bytes, question: Question, at: float, asked_at: float
    ) -> tuple[DayView | None, bool]:
        """Take a REST reply; return the ticker after it, and whether it told nothing new.

        A reply that lags a little behind the stream proves what it says as well, and nothing else.

        Raises:
            BadMessage: it is no ticker.
            OutOfSync: its best prices may be older than those that were shown.
        """
        ticker = decode_ticker_reply(body, self._shape)
        if self._day.is_past(ticker) and asked_at - self._told_at <= MOST_LAG_S:
            return self._confirmed(ticker, at), True
        if asked_at <= self._best_at and not self._day.has_best:
            raise OutOfSync("best prices were told since the ticker was asked for, and lost")
        shown = self._day.best
        if asked_at - self._best_at > BEST_S:
            self._day.forget_best()
        changed = self._day.apply(ticker, is_sure=True)
        self._take(at, told_ms=0)
        return self._day.view(at), not changed and self._day.best == shown

    def _confirmed(self, ticker: Ticker, at: float) -> DayView | None:
        """Return the ticker that we have, if an older one tells the same."""
        if not self._day.is_told_by(ticker):
            return None
        self._is_current, self._ticker_at = True, at
        return self._day.view(at)

    def _take(self, at: float, told_ms: int) -> None:
        """Take note that the ticker has just been told."""
        self._is_current, self._ticker_at, self._told_at, self._told_ms = True, at, at, told_ms

    def _take_best(self, arrival: Arrival) -> None:
        try:
            update_id, best = decode_book_ticker(arrival.payload)
        except BadMessage:
            self._day.forget_best()  # newer ones have been missed
            raise
        if self._day.apply_best(update_id, best):
            self._best_at = arrival.at

    def _has_taken(self, arrival: Arrival) -> bool:
        """Take a frame of the ticker itself; return whether it is not older than what we have."""
        ticker, event_ms = decode_ticker_frame(arrival.payload, self._shape)
        self._clock.observe(event_ms, arrival.at)
        close_ms, ours_ms = int(ticker["closeTime"]), self._day.close_time_ms
        is_again = close_ms == ours_ms and event_ms < self._told_ms
        if is_again or self._day.is_past(ticker):
            return False
        best_ms = self._clock.at(self._best_at)
        is_best_old = best_ms is not None and event_ms - best_ms > BEST_S * 1000
        if close_ms > ours_ms and is_best_old:
            self._day.forget_best()
        self._day.apply(ticker, is_sure=True)  # it has just been compared
        self._take(arrival.at, event_ms)
        return True
