"""The feeds of one kind: started when somebody asks, ended when nobody does any more."""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any, Generic, TypeVar

from bpx import metrics
from bpx.access.pace import Pace
from bpx.cache.cell import View
from bpx.feed.feed import Feed
from bpx.feed.follower import LEAST_IDLE_S
from bpx.feed.report import Reported, reported
from bpx.memory.caches import Entry
from bpx.memory.room import Room
from bpx.runtime import Runtime

K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=View)

MOST_FEEDS = 3000  # of one kind: about three connections' streams
SWEEP_S = 1.0
FEED_BYTES = 19_000  # of a feed without its view: its queue, its state, its task with a stack


@dataclass(frozen=True, slots=True)
class Followed:
    """How many feeds of one kind there are, and how many of them could answer now."""

    count: int
    fresh: int


class Feeds(Generic[K, V]):
    """Feeds by key.

    When there are as many as there may be, the one that was asked for longest ago makes room for
    another, unless that was a moment ago.

    Args:
        market, kind: for metrics.
        build: makes the feed of a key.
        runtime: tasks and time.
        most: how many there may be at once.
        room: whether there is memory for another.
        beginnings: how many each client may have begun; None if there is no limit.

    Attributes:
        known: returns the feed of a key if there is one. Nobody has asked for it yet.
    """

    def __init__(
        self,
        market: str,
        kind: str,
        build: Callable[[K], Feed[V]],
        runtime: Runtime,
        most: int = MOST_FEEDS,
        room: Room | None = None,
        beginnings: Pace | None = None,
    ) -> None:
        self._beginnings = beginnings
        self._room = room or Room()
        self._build = build
        self._runtime = runtime
        self._most = most
        self._lock = Lock()
        self._feeds: dict[K, Feed[V]] = {}
        self.known: Callable[[K], Feed[V] | None] = self._feeds.get
        self._market, self._kind = market, kind
        self._count = metrics.FEEDS.labels(market, kind)
        self._refused = metrics.FEEDS_REFUSED.labels(market, kind)
        self._is_sweeping = False
        self._closed = False

    def __len__(self) -> int:
        return len(self._feeds)

    def __iter__(self) -> Iterator[Feed[V]]:
        return iter(list(self._feeds.values()))

    @property
    def size_bytes(self) -> int:
        """About how much memory they need."""
        return sum(map(_size, self))

    def report(self, now: float) -> Followed:
        """Return how many there are, and how many of them could answer now."""
        return Followed(len(self._feeds), sum(feed.is_fresh(now) for feed in self))

    def rows(self, now: float) -> Iterator[Reported]:
        """Yield how each of them is."""
        for feed in self:
            yield reported(feed, now)

    def oldest_s(self, now: float) -> float | None:
        """Return how long ago the view was proved for which that is the longest; None without."""
        views = [feed.cell.view for feed in self]
        return max((now - view.confirmed_at for view in views if view is not None), default=None)

    def watch(self, key: K, now: float, client: str = "") -> Feed[V] | None:
        """Return the feed of `key`, started if need be; None if there are too many.

        Args:
            key: of it.
            now: monotonic seconds.
            client: who asks for it.
        """
        feed = self._feeds.get(key)
        if feed is None:
            feed = self._started(key, now, client)
        if feed is not None:
            feed.asked_at = now
        return feed

    def entries(self) -> list[Entry]:
        """Return them as what can be given back."""
        return [
            Entry(feed.asked_at, _size(feed), partial(self._give_up, key, feed))
            for key, feed in list(self._feeds.items())
        ]

    def give_back(self, asked_before: float) -> int:
        """End the feeds that nobody has asked for since then; return how many bytes they had."""
        idle = [feed for feed in self if feed.asked_at < asked_before]
        size_bytes = sum(map(_size, idle))
        self._end(lambda key, feed: feed.asked_at < asked_before, "memory")
        return size_bytes

    def sweep(self, now: float) -> None:
        """End the feeds that nobody has asked for."""
        self._end(lambda key, feed: feed.is_idle(now), "idle")

    def keep(self, is_wanted: Callable[[K], bool]) -> None:
        """End the feeds of all other keys."""
        self._end(lambda key, feed: not is_wanted(key), "unlisted")

    def clear(self) -> int:
        """End all feeds; what is asked for from now on begins anew. Return how many there were."""
        count = len(self._feeds)
        self._end(lambda key, feed: True, "cleared")
        return count

    def close(self) -> None:
        """End all feeds."""
        self._closed = True
        self.sweep(float("inf"))

    def _end(self, is_over: Callable[[K, Feed[V]], bool], why: str) -> None:
        with self._lock:
            over = [key for key, feed in self._feeds.items() if is_over(key, feed)]
            for key in over:
                self._drop(key, why)

    def _give_up(self, key: K, given: Feed[V]) -> None:
        """End a feed for want of memory, unless it has ended by itself."""
        with self._lock:
            if self._feeds.get(key) is given:
                self._drop(key, "memory")

    def _drop(self, key: K, why: str) -> None:
        self._feeds.pop(key).retire()
        self._count.dec()
        metrics.FEEDS_ENDED.labels(self._market, self._kind, why).inc()

    def _has_room(self, now: float, client: str) -> bool:
        """Whether there may be another feed for a client; the lock is held."""
        oldest = None
        if len(self._feeds) >= self._most:
            oldest = min(self._feeds, key=lambda key: self._feeds[key].asked_at)
        is_taken = oldest is not None and now - self._feeds[oldest].asked_at <= LEAST_IDLE_S
        if self._room.is_full or is_taken or not self._may_begin(client, now):
            self._refused.inc()
            return False
        if oldest is not None:
            self._drop(oldest, "room")
        return True

    def _may_begin(self, client: str, now: float) -> bool:
        return self._beginnings is None or self._beginnings.take(client, now) == 0

    def _started(self, key: K, now: float, client: str) -> Feed[V] | None:
        with self._lock:
            feed = self._feeds.get(key)
            if feed is not None or self._closed or not self._has_room(now, client):
                return feed
            feed = self._feeds[key] = self._build(key)
            self._count.inc()
            metrics.FEEDS_STARTED.labels(self._market, self._kind).inc()
            sweeping, self._is_sweeping = self._is_sweeping, True
        self._runtime.spawn(feed.follow)
        if not sweeping:
            self._runtime.spawn(self._keep_sweeping)
        return feed

    def _keep_sweeping(self) -> None:
        while not self._closed:
            self._runtime.sleep(SWEEP_S)
            self.sweep(self._runtime.now())


def _size(feed: Feed[Any]) -> int:
    return FEED_BYTES + feed.cell.size_bytes
