"""What one market's application has in memory: its caches, pools and buffers."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bpx.feed.feeds import Feeds
from bpx.feed.listing import Listing
from bpx.memory.caches import Entry
from bpx.memory.census import Held
from bpx.runtime import Runtime
from bpx.streams.streams import Streams
from bpx.upstream.upstream import Upstream

SPARED_S = 30.0  # what was asked for since then is not given back when memory leaks


class Belongings:
    """The caches of one market, as those who look after memory see them.

    Args:
        feeds: by kind.
        listing: keeps exchangeInfo.
        upstream: keeps replies, and connections to REST.
        streams: connections to streams.
        buffer_bytes: that are asked of a stream at once.
        runtime: time.
    """

    def __init__(
        self,
        feeds: Mapping[str, Feeds[Any, Any]],
        listing: Listing,
        upstream: Upstream,
        streams: Streams,
        buffer_bytes: int,
        runtime: Runtime,
    ) -> None:
        self._feeds = feeds
        self._listing = listing
        self._upstream = upstream
        self._streams = streams
        self._buffer_bytes = buffer_bytes
        self._runtime = runtime

    def held(self) -> dict[str, Held]:
        """Return how much each cache holds, by its name."""
        view, replies = self._listing.cell.view, self._upstream.replies
        listing = Held(0, 0) if view is None else Held(1, view.size_bytes)
        return {
            **{kind: Held(len(feeds), feeds.size_bytes) for kind, feeds in self._feeds.items()},
            "exchangeInfo": listing,
            "replies": Held(len(replies), replies.size_bytes),
        }

    def pools(self) -> dict[str, Any]:
        """Return what connections and receive buffers there are."""
        rest = {
            host: {pool: asdict(one) for pool, one in pools.items()}
            for host, pools in self._upstream.hosts.pools().items()
        }
        queued = [tap.waiting for tap in self._streams.taps()]
        return {
            "rest": rest,
            "streams": {
                "connections": len(self._streams.report(self._runtime.now())),
                "buffer_bytes": self._buffer_bytes,
                "messages_waiting": sum(queued),
            },
        }

    def entries(self) -> list[Entry]:
        """Return all feeds, and the kept replies as one, which is the first to go."""
        replies = self._upstream.replies
        kept = [Entry(float("-inf"), replies.size_bytes, replies.clear)] if len(replies) else []
        return kept + [entry for feeds in self._feeds.values() for entry in feeds.entries()]

    def give_back(self) -> int:
        """Give back what can be had again: what nobody asked for of late, replies, connections.

        Returns:
            How many bytes of caches that were.
        """
        asked_before = self._runtime.now() - SPARED_S
        given = sum(feeds.give_back(asked_before) for feeds in self._feeds.values())
        self._upstream.hosts.close_unused()
        return given + self._upstream.replies.clear()
