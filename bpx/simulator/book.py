"""One symbol's order book as the exchange itself keeps it, with its recent past."""

from bisect import bisect_left, bisect_right, insort
from operator import itemgetter
from typing import NamedTuple

HISTORY_MS = 15 * 60_000  # at least so much of the past is kept

_time_of = itemgetter(0)


class Change(NamedTuple):
    """One level that was set; `steps` 0 removed it. `before` is what it was."""

    time_ms: int
    update_id: int
    is_bid: bool
    price: int
    steps: int
    before: int


class Top(NamedTuple):
    """The best bid and ask since `time_ms`; all zero while a side is empty."""

    time_ms: int
    update_id: int
    bid: int
    bid_steps: int
    ask: int
    ask_steps: int


class Side:
    """The levels of one side. The ladder holds sign x price, so that the best is its last."""

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.levels: dict[int, int] = {}
        self.ladder: list[int] = []

    def __len__(self) -> int:
        return len(self.ladder)

    @property
    def best(self) -> int:
        """The best price."""
        return self.sign * self.ladder[-1]

    @property
    def worst(self) -> int:
        """The price farthest away."""
        return self.sign * self.ladder[0]

    def at_rank(self, rank: int) -> int:
        """Return the price of the level with `rank` better ones before it."""
        return self.sign * self.ladder[-1 - rank]

    def put(self, price: int, steps: int) -> int:
        """Set a level (0 removes it) and return what it was."""
        before = self.levels.get(price, 0)
        key = self.sign * price
        if steps:
            self.levels[price] = steps
            if not before:
                insort(self.ladder, key)
        elif before:
            del self.levels[price]
            del self.ladder[bisect_left(self.ladder, key)]
        return before

    def top(self, limit: int) -> list[tuple[int, int]]:
        """Return the best `limit` levels as (price, steps), best first."""
        sign, levels = self.sign, self.levels
        return [(sign * key, levels[sign * key]) for key in self.ladder[: -limit - 1 : -1]]

    def copy(self) -> "Side":
        """Return an independent copy."""
        twin = Side(self.sign)
        twin.levels = dict(self.levels)
        twin.ladder = list(self.ladder)
        return twin


class Ladder(NamedTuple):
    """Both sides at one instant, best first, and the last change before it."""

    update_id: int
    time_ms: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


class Book:
    """Both sides, the update id, and a log of changes from which the past is rebuilt."""

    def __init__(self, time_ms: int, update_id: int) -> None:
        self.bids = Side(1)
        self.asks = Side(-1)
        self.update_id = update_id
        self.time_ms = time_ms
        self.changes: list[Change] = []
        self.dropped_changes = 0  # how many were before changes[0]
        self.tops: list[Top] = []
        self.dropped_tops = 0

    def put(self, time_ms: int, side: Side, price: int, steps: int, id_gap: int = 1) -> None:
        """Set one level at `time_ms`; the update id grows by `id_gap`."""
        before = side.put(price, steps)
        self.update_id += id_gap
        self.time_ms = time_ms
        self.changes.append(
            Change(time_ms, self.update_id, side is self.bids, price, steps, before)
        )

    def settle(self, time_ms: int) -> None:
        """Close one instant of changes: note the new top, forget what is too old."""
        top = self._top(time_ms)
        if not self.tops or top[2:] != self.tops[-1][2:]:
            self.tops.append(top)
        if self.changes and self.changes[0].time_ms < time_ms - 2 * HISTORY_MS:
            self._forget(time_ms - HISTORY_MS)

    def _top(self, time_ms: int) -> Top:
        if not self.bids.ladder or not self.asks.ladder:
            return Top(time_ms, self.update_id, 0, 0, 0, 0)
        bid, ask = self.bids.best, self.asks.best
        bid_steps, ask_steps = self.bids.levels[bid], self.asks.levels[ask]
        return Top(time_ms, self.update_id, bid, bid_steps, ask, ask_steps)

    def _forget(self, before_ms: int) -> None:
        old = max(0, bisect_left(self.changes, before_ms, key=_time_of) - 1)
        del self.changes[:old]
        self.dropped_changes += old
        old_tops = max(0, bisect_right(self.tops, before_ms, key=_time_of) - 1)
        del self.tops[:old_tops]
        self.dropped_tops += old_tops

    def changes_in(self, after_ms: int, to_ms: int) -> tuple[list[Change], int]:
        """Return the changes of (after_ms, to_ms], and the update id before them."""
        first = bisect_right(self.changes, after_ms, key=_time_of)
        last = bisect_right(self.changes, to_ms, lo=first, key=_time_of)
        before = self.changes[first - 1].update_id if first else self.changes[0].update_id
        return self.changes[first:last], before

    def top_at(self, at_ms: int) -> Top:
        """Return the best bid and ask as of `at_ms`."""
        if self.tops[-1].time_ms <= at_ms:
            return self.tops[-1]
        return self.tops[max(0, bisect_right(self.tops, at_ms, key=_time_of) - 1)]

    def ladder_at(self, at_ms: int, limit: int) -> Ladder:
        """Return the best `limit` levels of both sides as of `at_ms`."""
        if self.time_ms <= at_ms:
            return Ladder(self.update_id, self.time_ms, self.bids.top(limit), self.asks.top(limit))
        bids, asks = self.bids.copy(), self.asks.copy()
        kept = bisect_right(self.changes, at_ms, key=_time_of)
        for change in reversed(self.changes[kept:]):
            (bids if change.is_bid else asks).put(change.price, change.before)
        last = self.changes[max(0, kept - 1)]
        return Ladder(last.update_id, last.time_ms, bids.top(limit), asks.top(limit))
