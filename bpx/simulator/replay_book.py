"""A recorded book: its snapshot and every recorded diff since, and how much of it is known."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import Any

import orjson

Level = list[str]  # price, quantity: the recorded strings


class _Side:
    """One side of a book, best first. `edge` is the last key that the snapshot vouches for."""

    def __init__(self, levels: list[Level], sign: int, is_cut: bool) -> None:
        self._sign = sign
        self._levels = {sign * float(level[0]): level for level in levels}
        self._keys = sorted(self._levels)
        self._edge = self._keys[-1] if is_cut else float("inf")

    def apply(self, changes: Iterable[Level]) -> None:
        for level in changes:
            key = self._sign * float(level[0])
            if float(level[1]):
                if key not in self._levels:
                    insort(self._keys, key)
                self._levels[key] = level
            elif self._levels.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]

    def top(self, limit: int) -> list[Level] | None:
        """Return the best `limit` levels, or fewer if there are no more; None if unknown."""
        keys = self._keys[:limit]
        is_whole = self._edge == float("inf")
        if not is_whole and (len(keys) < limit or keys[-1] > self._edge):
            return None
        return [self._levels[key] for key in keys]

    def known(self) -> list[Level]:
        """Return every level down to the edge."""
        return [self._levels[key] for key in self._keys if key <= self._edge]


class ReplayBook:
    """One symbol's book, by Binance's rules for keeping a local one.

    Levels beyond the last one of the snapshot are unknown until they change, so what reaches
    there is not answered: a book is known as deep as the recording proves it.
    """

    def __init__(self, market: str, snapshot: bytes, limit: int) -> None:
        self._is_futures = market == "futures"
        self._snapshot = snapshot
        self._limit = limit
        self._head: dict[str, Any] = orjson.loads(snapshot)
        bids, asks = self._head["bids"], self._head["asks"]
        self._bids = _Side(bids, -1, is_cut=len(bids) >= limit)
        self._asks = _Side(asks, 1, is_cut=len(asks) >= limit)
        self._id: int = self._head["lastUpdateId"]
        self._is_chained = False
        self._is_changed = False
        self.is_broken = False

    def apply(self, diff: dict[str, Any]) -> bool:
        """Bring the book up to a diff. Return whether it was one of its own."""
        if self.is_broken or not self._is_next(diff):
            return False
        self._is_chained = True
        if diff["u"] == self._id:
            return True  # futures' first diff may end where the snapshot stands: only a link
        self._bids.apply(diff["b"])
        self._asks.apply(diff["a"])
        self._id = diff["u"]
        self._is_changed = True
        self._head.update((key, diff[key]) for key in ("E", "T") if key in self._head)
        return True

    def partial(self, levels: int) -> tuple[list[Level], list[Level]] | None:
        """Return the best bids and asks; None where the recording does not prove them."""
        bids, asks = self._bids.top(levels), self._asks.top(levels)
        return None if bids is None or asks is None or self.is_broken else (bids, asks)

    def body(self, limit: int) -> bytes | None:
        """Return the REST reply for a limit, or None where the recording does not prove it.

        A limit of the recorded one or more gets every level that is proven: the recorded reply
        itself until the first diff.
        """
        if limit >= self._limit and not self._is_changed:
            return self._snapshot
        proven = self.partial(limit)
        if limit >= self._limit and not self.is_broken:
            proven = self._bids.known(), self._asks.known()
        if proven is None:
            return None
        bids, asks = proven
        return orjson.dumps({**self._head, "lastUpdateId": self._id, "bids": bids, "asks": asks})

    def _is_next(self, diff: dict[str, Any]) -> bool:
        if self._is_futures:
            if not self._is_chained:
                if diff["u"] < self._id:
                    return False
                self.is_broken = diff["U"] > self._id
            else:
                self.is_broken = diff["pu"] != self._id
        else:
            if diff["u"] <= self._id:
                return False
            self.is_broken = diff["U"] > self._id + 1
        return not self.is_broken
