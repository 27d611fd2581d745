"""What a recording itself proves of the exchange, at an instant: worked out from its raw lines."""

import json
from bisect import bisect_right
from collections import defaultdict
from decimal import Decimal
from functools import cache
from heapq import nlargest, nsmallest
from typing import Any

from tests.recorded.files import SESSIONS, SNAPSHOT_LEVELS, Line, Session

ROW = "tohlcvTqnVQB"  # names in a kline message of what a row of klines holds
SIDES = ("bids", "asks")

Side = dict[str, list[str]]  # price, written alike in all of a recording -> level
Best = list[str]  # price and quantity of the best bid, then of the best ask


class ProvenBook:
    """One symbol's book, by Binance's rules for a local one, moved on instant by instant.

    A snapshot of as many levels as were asked for says nothing of what lies beyond its last one:
    `levels` knows as much of a side as the recording proves.
    """

    def __init__(self, lines: list[Line], is_futures: bool) -> None:
        self._lines = lines
        self._is_futures = is_futures
        self._next = 0
        self._early: list[Line] = []
        self._last_id: int | None = None  # of a diff that was applied
        self._head: dict[str, Any] = {}  # of the reply: times and names, where the market has them
        self._sides: tuple[Side, Side] = ({}, {})
        self._edges: tuple[Decimal | None, Decimal | None] = (None, None)
        self.snapshot: Line | None = None
        self.update_id = 0

    def move_to(self, at_ms: int) -> None:
        """Take everything up to an instant."""
        while self._next < len(self._lines) and self._lines[self._next].at_ms <= at_ms:
            line = self._lines[self._next]
            self._next += 1
            if line.url:
                self._begin(line)
            elif self.snapshot is None:
                self._early.append(line)
            else:
                self._apply(line.content)

    @property
    def is_untouched(self) -> bool:
        """Whether it still stands where the snapshot stood."""
        assert self.snapshot is not None
        snapshot_id: int = self.snapshot.content["lastUpdateId"]
        return self.update_id == snapshot_id

    def levels(self, count: int) -> tuple[list[list[str]], list[list[str]]] | None:
        """Return the best bids and asks, as the recorded strings; None if they are not known."""
        if self.snapshot is None:
            return None
        sides = []
        for side, edge, is_bid in zip(self._sides, self._edges, (True, False), strict=True):
            prices = (nlargest if is_bid else nsmallest)(count, side, key=float)
            if edge is not None:
                if len(prices) < count:
                    return None
                last = Decimal(prices[-1])
                if last < edge if is_bid else last > edge:
                    return None
            sides.append([side[price] for price in prices])
        return sides[0], sides[1]

    def reply(self, count: int) -> bytes | None:
        """Return the body of a depth reply, None if the recording does not prove it."""
        levels = self.levels(count)
        if levels is None:
            return None
        head = {"lastUpdateId": self.update_id, **self._head}
        body = {**head, **dict(zip(SIDES, levels, strict=True))}
        return json.dumps(body, separators=(",", ":")).encode()

    def _begin(self, line: Line) -> None:
        content = line.content
        self.snapshot, self.update_id, self._last_id = line, content["lastUpdateId"], None
        levels = ("lastUpdateId", *SIDES)
        self._head = {name: value for name, value in content.items() if name not in levels}
        self._sides = ({}, {})
        for side, name in zip(self._sides, SIDES, strict=True):
            _change(side, content[name])
        self._edges = (_edge(content["bids"]), _edge(content["asks"]))
        for early in self._early:
            self._apply(early.content)
        self._early.clear()

    def _apply(self, diff: dict[str, Any]) -> None:
        if self._is_futures:
            if diff["u"] < self.update_id:
                return
            first, follows = diff["U"] <= self.update_id, diff["pu"] == self._last_id
        else:
            if diff["u"] <= self.update_id:
                return
            first, follows = diff["U"] <= self.update_id + 1, diff["U"] == self.update_id + 1
        assert first if self._last_id is None else follows, "a diff is missing in the recording"
        for side, name in zip(self._sides, "ba", strict=True):
            _change(side, diff[name])
        self.update_id = self._last_id = diff["u"]
        self._head.update((name, diff[name]) for name in ("E", "T") if name in self._head)


def _edge(levels: list[list[str]]) -> Decimal | None:
    """Return the last price that a snapshot vouches for; None if it has all there are."""
    return Decimal(levels[-1][0]) if len(levels) == SNAPSHOT_LEVELS else None


def _change(side: Side, levels: list[list[str]]) -> None:
    for level in levels:
        price, quantity = level
        if quantity.strip("0."):
            side[price] = level
        else:
            side.pop(price, None)


class Proofs:
    """Everything that one session recorded, by symbol."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.depth: dict[str, list[Line]] = defaultdict(list)  # snapshots and diffs
        self.book_tickers: dict[str, list[Line]] = defaultdict(list)
        self.klines: dict[str, list[Line]] = defaultdict(list)
        self.trades: dict[str, list[Line]] = defaultdict(list)
        self._bests: dict[str, dict[int, Best]] = defaultdict(dict)
        for line in session.lines():
            symbol, _, kind = line.stream.partition("@")
            if "/depth?" in line.url:
                symbol = line.url.partition("symbol=")[2].partition("&")[0]
                self.depth[symbol].append(line)
            elif kind.startswith("depth"):
                self.depth[symbol.upper()].append(line)
            elif kind == "bookTicker":
                self.book_tickers[symbol.upper()].append(line)
                self._bests[symbol.upper()][line.content["u"]] = _best(line)
            elif kind == "kline_1m":
                self.klines[symbol.upper()].append(line)
            elif kind == "trade":
                self.trades[symbol.upper()].append(line)

    @property
    def symbols(self) -> list[str]:
        return sorted({*self.depth, *self.klines})

    def book(self, symbol: str) -> ProvenBook:
        return ProvenBook(self.depth[symbol], self.session.market == "futures")

    def best_at(self, symbol: str, update_id: int) -> Best | None:
        """Return what the book ticker of an update id says, None if it has none."""
        return self._bests[symbol].get(update_id)

    def newest_best(self, symbol: str, at_ms: int) -> Best | None:
        """Return the best prices that a book ticker told last, None before the first."""
        lines = self.book_tickers[symbol]
        told = bisect_right(lines, at_ms, key=lambda line: line.at_ms)
        return _best(lines[told - 1]) if told else None

    def newest_kline(self, symbol: str, at_ms: int) -> dict[str, Any] | None:
        """Return the newest kline that was told, None before the first."""
        lines = self.klines[symbol]
        told = bisect_right(lines, at_ms, key=lambda line: line.at_ms)
        return lines[told - 1].content["k"] if told else None


def _best(line: Line) -> Best:
    return [line.content[name] for name in "bBaA"]


def row_of(kline: dict[str, Any]) -> list[Any]:
    """Return the row of a klines reply that a kline message tells."""
    return [kline[name] for name in ROW]


@cache
def proofs_of(name: str) -> Proofs:
    return Proofs(SESSIONS[name])
