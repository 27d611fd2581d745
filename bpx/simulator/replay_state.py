"""What a recording has told so far, by symbol."""

from collections import deque
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import orjson

from bpx.simulator.recordings import Recording
from bpx.simulator.replay_book import ReplayBook
from bpx.simulator.replay_candles import INTERVALS_MS, FrameCandles, Row, TradeCandles

OVER_AFTER_MS = 1_000
_EARLY_DIFFS = 1_000


class ReplayState:
    """Books, candles, book tickers and documents, up to `now_ms`.

    `end_ms` is the time of the last event once it was played.
    """

    def __init__(self, recording: Recording) -> None:
        self.market = recording.market
        self.streams = recording.streams
        self.now_ms = recording.start_ms
        self.end_ms: int | None = None
        self.books: dict[str, ReplayBook] = {}
        self._early: dict[str, deque[dict[str, Any]]] = {}
        self.book_tickers: dict[str, bytes] = {}
        self.exchange_info: bytes | None = None
        self.symbols = {name.partition("@")[0].upper() for name in recording.streams}
        self._listed: frozenset[str] | None = None
        self.trades: dict[str, TradeCandles] = {}
        self._klines: dict[tuple[str, str], FrameCandles] = {}
        if not recording.is_coin_margined:
            for name in recording.streams:
                symbol, _, kind = name.partition("@")
                if kind in ("trade", "aggTrade"):
                    candles = TradeCandles(recording.start_ms, self.market == "futures")
                    self.trades[symbol.upper()] = candles

    @property
    def is_over(self) -> bool:
        """Whether the recording has ended, so that nothing is known of the present."""
        return self.end_ms is not None and self.now_ms > self.end_ms + OVER_AFTER_MS

    def is_listed(self, symbol: str) -> bool:
        """Return whether the exchange knows a symbol; yes if the recording cannot tell."""
        return symbol in self.symbols or self._listed is None or symbol in self._listed

    def take_reply(self, target: str, body: bytes) -> None:
        """Take in a recorded REST reply."""
        path, _, query = target.partition("?")
        if path.endswith("/exchangeInfo"):
            self.exchange_info = body
            self._listed = frozenset(row["symbol"] for row in orjson.loads(body)["symbols"])
        elif path.endswith("/depth"):
            params = dict(parse_qsl(query))
            self._take_snapshot(params["symbol"], body, int(params["limit"]))

    def take_diff(self, symbol: str, diff: dict[str, Any]) -> ReplayBook | None:
        """Take in a diff. Return the book if it was brought up to it."""
        book = self.books.get(symbol)
        if book is None:
            self._early.setdefault(symbol, deque(maxlen=_EARLY_DIFFS)).append(diff)
            return None
        return book if book.apply(diff) else None

    def take_trade(self, symbol: str, trade: dict[str, Any]) -> None:
        """Take in a trade or an aggregate trade."""
        candles = self.trades.get(symbol.upper())
        if candles is not None:
            candles.add(trade)

    def take_kline(self, symbol: str, interval: str, body: bytes) -> None:
        """Take in a kline message."""
        frames = self._klines.setdefault((symbol.upper(), interval), FrameCandles())
        frames.add(orjson.loads(body)["k"])

    def _take_snapshot(self, symbol: str, body: bytes, limit: int) -> None:
        # A snapshot may be older than what the stream has already told (Binance's rules, step 4).
        book = self.books[symbol] = ReplayBook(self.market, body, limit)
        for diff in self._early.pop(symbol, ()):
            book.apply(diff)

    def candles(self, symbol: str, interval: str) -> list[Row]:
        """Return every known row of a series, oldest first; the last one may be over."""
        trades = self.trades.get(symbol)
        if f"{symbol.lower()}@kline_{interval}" not in self.streams:
            return trades.rows(interval, self.now_ms) if trades else []
        frames = self._klines.get((symbol, interval), FrameCandles())
        rows = frames.rows()
        if rows and trades is not None and frames.is_closed:
            rows += self._rows_since(rows[-1], trades, interval)
        return rows

    def _rows_since(self, row: Row, trades: TradeCandles, interval: str) -> list[Row]:
        """Return what trades tell of the candles after the newest recorded one."""
        interval_ms = INTERVALS_MS[interval]
        last_ms = trades.frontier_ms(self.now_ms) // interval_ms * interval_ms
        rows: list[Row] = []
        for open_ms in range(row[0] + interval_ms, last_ms + 1, interval_ms):
            candle = trades.candle(interval, open_ms)
            row = candle.row(interval_ms) if candle else _empty_row(row, interval_ms)
            rows.append(row)
        return rows


def _empty_row(row: Row, interval_ms: int) -> Row:
    """Return the row after `row` in which nobody traded, in its number formats."""
    volume, quote, taker, taker_quote = (f"{Decimal(row[at]) * 0:f}" for at in (5, 7, 9, 10))
    open_ms, close_ms = row[0] + interval_ms, row[6] + interval_ms
    prices = [row[4]] * 4
    return [open_ms, *prices, volume, close_ms, quote, 0, taker, taker_quote, "0"]
