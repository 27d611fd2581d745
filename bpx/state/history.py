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

    def tail(self, rows: int) -> memoryview | None:
        """Return the newest `rows` rows, all if it is whole and has fewer; None if unknown.

        They are not copied.
        """
        if rows > len(self.starts) and not self.whole:
            return None
        start = len(self.block) if rows <= 0 else 0
        if 0 < rows < len(self.starts):
            start = self.starts[-rows]
        return memoryview(self.block)[start:]

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
KEPT_REPLIES = 8  # that a view remembers: bots of one kind ask for one limit
COPIED_BYTES = 4096  # so many rows are copied: whoever reads slowly does not keep the whole block
PARTS_BYTES = 400  # of the parts of a reply, without what they hold

Parts = tuple[bytes | memoryview, ...]  # which together, one after the other, are a reply


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

    __slots__ = (
        "_replies", "confirmed_at", "final", "following", "history", "newest", "version",
    )  # fmt: skip

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
        self._replies: dict[tuple[int, bool], Parts | None] = {}

    @property
    def good_until_ms(self) -> int | None:
        """Until which exchange time it is an answer, as the row that follows counts."""
        last = self.following if self.following is not None else self.newest
        return None if last is None else last.close_ms

    @property
    def size_bytes(self) -> int:
        """About how much memory it needs."""
        replies = sum(_size(parts) for parts in list(self._replies.values()) if parts is not None)
        return VIEW_BYTES + self.history.size_bytes + replies

    def is_rolled_over(self, at_ms: int) -> bool:
        """Whether `newest` is over at exchange time `at_ms`, so that a new candle has begun."""
        return self.newest is not None and at_ms > self.newest.close_ms

    def parts(self, limit: int, with_following: bool) -> Parts | None:
        """Return the newest `limit` rows as a reply; None if it does not have that many.

        The closed ones are a slice of the block that all views share, unless they are few. With
        `with_following` the last row is the flat one of the candle that has begun.
        """
        key = (limit, with_following)
        if key not in self._replies:
            if len(self._replies) >= KEPT_REPLIES:
                self._replies.clear()
            self._replies[key] = self._cut(limit, with_following)
        return self._replies[key]

    def _cut(self, limit: int, with_following: bool) -> Parts | None:
        rows = [self.newest] if self.newest is not None else []
        if with_following and self.following is not None:
            rows.append(self.following)
        rows = rows[-limit:]
        history = self.history.tail(limit - len(rows))
        if history is None:
            return None
        texts = [b"[%s]" % row.text for row in rows]
        if len(history) < COPIED_BYTES:
            return (b"[%s]" % b",".join([history, *texts] if history else texts),)
        return b"[", history, b",".join([b"", *texts]) + b"]"


def _size(parts: Parts) -> int:
    """About how much memory they need, but for what they share with the view's block."""
    return PARTS_BYTES + sum(len(part) for part in parts if isinstance(part, bytes))
