"""The best levels of one symbol's book."""

from bpx.exchange.depth import Depth

VIEW_BYTES = 800  # of a view without its levels


class DepthView:
    """The best levels as they were after one message. It never changes.

    Args:
        version: counts the views of a book.
        confirmed_at: when a message or a REST check last proved it, in monotonic seconds.
        depth: the levels.
    """

    __slots__ = ("_bodies", "confirmed_at", "depth", "version")
    good_until_ms = None  # a book does not end by itself

    def __init__(self, version: int, confirmed_at: float, depth: Depth) -> None:
        self.version = version
        self.confirmed_at = confirmed_at
        self.depth = depth
        self._bodies: dict[int, bytes] = {}

    @property
    def size_bytes(self) -> int:
        """About how much memory it needs."""
        levels = len(self.depth.bids) + len(self.depth.asks)
        return VIEW_BYTES + levels + sum(map(len, list(self._bodies.values())))

    def body(self, limit: int) -> bytes:
        """Return the reply to a depth request for `limit` levels of each side."""
        if limit not in self._bodies:
            self._bodies[limit] = self.depth.body(limit)
        return self._bodies[limit]


class TopOfBook:
    """The best levels of one book: each frame and each REST reply tells all of them.

    One greenlet owns it: share its `view()`.
    """

    def __init__(self) -> None:
        self._depth: Depth | None = None
        self._version = 0

    def is_past(self, depth: Depth) -> bool:
        """Whether the book is newer than `depth`."""
        return self._depth is not None and _order(depth) < _order(self._depth)

    def apply(self, depth: Depth, *, is_sure: bool = False) -> bool:
        """Take the newer of what we have and `depth`; return whether the levels changed.

        With `is_sure` that is known to be `depth`.
        """
        if not is_sure and self.is_past(depth):
            return False
        ours = self._depth
        self._depth = depth
        return ours is None or (ours.bids, ours.asks) != (depth.bids, depth.asks)

    def forget(self) -> None:
        """Take whatever comes next: update ids are counted anew."""
        self._depth = None

    def view(self, confirmed_at: float) -> DepthView:
        """Return the book as it is now. Only after the first `apply`."""
        assert self._depth is not None, "nothing was applied"
        self._version += 1
        return DepthView(self._version, confirmed_at, self._depth)


def _order(depth: Depth) -> tuple[int, int]:
    """Return what grows from book to book; of one book told twice, the times differ."""
    return depth.update_id, max(depth.times.values()) if depth.times else 0
