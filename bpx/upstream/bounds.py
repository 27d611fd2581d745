"""How much one origin is asked at a time, and how long a call may take."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bpx.upstream.call import Kind

LEAST_POOL_WAIT_S = 0.6  # so that a refusal of many at once is there within a second


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much and how long.

    Args:
        connections: the most at a time, by pool.
        idle_s: by pool, how long an unused connection is still good.
        streams: replies that are too large to be read whole, at a time, on top of `connections`.
        chunk_bytes: of a reply that are read at a time.
        connect_s: name look-up, connect and TLS.
        pool_wait_s: for a connection of a full pool, instead of a kind's own.
        total_s: from start to end, instead of a kind's own.
    """

    connections: Mapping[str, int] = field(
        default_factory=lambda: {"public": 100, "signed": 10, "trade": 10, "probe": 1}
    )
    idle_s: Mapping[str, float] = field(
        default_factory=lambda: {"public": 60.0, "signed": 60.0, "trade": 2.0, "probe": 2.0}
    )
    streams: int = 10
    chunk_bytes: int = 1 << 16
    connect_s: float = 3.0
    pool_wait_s: float | None = None
    total_s: float | None = None

    def total_of(self, kind: Kind) -> float:
        """Return the seconds that a call of that kind may take."""
        return kind.total_s if self.total_s is None else self.total_s

    def pool_wait_of(self, kind: Kind) -> float:
        """Return the seconds that a call of that kind may wait for a connection."""
        own_s = max(LEAST_POOL_WAIT_S, kind.wait_s)
        return own_s if self.pool_wait_s is None else self.pool_wait_s
