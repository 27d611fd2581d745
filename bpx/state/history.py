"""Closed candles, as the bytes that answers are made of."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from bpx.exchange.kline import Row


@dataclass(frozen=True, slots=True)
class History:
    """Closed rows, oldest first, as one block of bytes.

    Args:
        block: the rows with their brackets, joined by commas.
        starts: where each row begins in the block.
        whole: the exchange has no older rows.
    """

    block: bytes = b""
    starts: Sequence[int] = ()
    whole: bool = False

    @classmethod
    def of(cls, rows: Sequence[Row], whole: bool) -> "History":
        """Build it from rows, oldest first."""
        starts, position = array("I"), 0
        for row in rows:
            starts.append(position)
            position += len(row.text) + 3  # brackets and comma
        return cls(b",".join(b"[%s]" % row.text for row in rows), starts, whole)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def size_bytes(self) -> int:
        """How much memory it needs."""
        return len(self.block) + 4 * len(self.starts)

    def open_ms(self, index: int) -> int:
        """Return the open time of a row."""
        start = self.starts[index] + 1
        return int(self.block[start : self.block.index(b",", start)])

    def tail(self, rows: int) -> bytes | None:
        """Return the newest `rows` rows, all if it is whole and has fewer; None if unknown."""
        if rows >= len(self.starts):
            return self.block if rows == len(self.starts) or self.whole else None
        return self.block[self.starts[-rows] :] if rows > 0 else b""

    def before(self, open_ms: int) -> "History":
        """Return it without the rows from `open_ms` on."""
        kept = len(self.starts)
        while kept and self.open_ms(kept - 1) >= open_ms:
            kept -= 1
        if kept == len(self.starts):
            return self
        block = self.block[: max(0, self.starts[kept] - 1)]
        return History(block, self.starts[:kept], self.whole)

    def then(self, rows: Sequence[Row], most_rows: int) -> "History":
        """Return it with `rows` at the end, and without the oldest over `most_rows`."""
        added = History.of(rows, whole=False)
        block = b",".join(part for part in (self.block, added.block) if part)
        shift = len(block) - len(added.block)
        starts = array("I", self.starts)
        starts.extend(start + shift for start in added.starts)
        if len(starts) <= most_rows:
            return History(block, starts, self.whole)
        cut = starts[-most_rows]
        kept = array("I", (start - cut for start in starts[-most_rows:]))
        return History(block[cut:], kept, whole=False)


VIEW_BYTES = 1500  # of a view without its rows, and of the two rows that are not in its history
KEPT_BODIES = 8  # bodies a view remembers: bots of one kind ask for one limit


class CandlesView:
    """A series as it was after one message. It never changes, so any greenlet may read it.

    Args:
        version: counts the views of a series.
        confirmed_at: when a message or a REST check last proved it, in monotonic seconds.
        history: the closed rows before `newest`.
        newest: the last row that the exchange sent.
        final: whether `newest` has closed for good.
        following: the flat row that stands for the next candle until its first message.
    """

    def __init__(
        self,
        version: int,
        confirmed_at: float,
        history: History,
        newest: Row | None,
        final: bool,
        following: Row | None,
    ) -> None:
        self.version = version
        self.confirmed_at = confirmed_at
        self.history = history
        self.newest = newest
        self.final = final
        self.following = following
        self._bodies: dict[tuple[int, bool], bytes | None] = {}

    @property
    def good_until_ms(self) -> int | None:
        """Until which exchange time it is an answer, as the row that follows counts."""
        last = self.following if self.following is not None else self.newest
        return None if last is None else last.close_ms

    @property
    def size_bytes(self) -> int:
        """About how much memory it needs."""
        bodies = sum(len(body) for body in list(self._bodies.values()) if body is not None)
        return VIEW_BYTES + self.history.size_bytes + bodies

    def is_rolled_over(self, at_ms: int) -> bool:
        """Whether `newest` is over at exchange time `at_ms`, so that a new candle has begun."""
        return self.newest is not None and at_ms > self.newest.close_ms

    def body(self, limit: int, with_following: bool) -> bytes | None:
        """Return the newest `limit` rows as a reply; None if it does not have that many.

        With `with_following` the last of them is the flat row of the candle that has begun.
        """
        key = (limit, with_following)
        if key not in self._bodies:
            if len(self._bodies) >= KEPT_BODIES:
                self._bodies.clear()
            self._bodies[key] = self._join(limit, with_following)
        return self._bodies[key]

    def _join(self, limit: int, with_following: bool) -> bytes | None:
        rows = [self.newest] if self.newest is not None else []
        if with_following and self.following is not None:
            rows.append(self.following)
        rows = rows[-limit:]
        history = self.history.tail(limit - len(rows))
        if history is None:
            return None
        parts = [b"[%s]" % row.text for row in rows]
        return b"[%s]" % b",".join([history, *parts] if history else parts)
