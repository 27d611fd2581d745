"""What is cached, as those who look after memory see it."""

from collections.abc import Mapping
from typing import Any, Protocol

from bpx.memory.census import Held


class Caches(Protocol):
    """The caches of one market."""

    def held(self) -> Mapping[str, Held]:
        """Return how much each cache holds, by its name."""

    def pools(self) -> Mapping[str, Any]:
        """Return what connections and receive buffers there are."""

    def give_back(self) -> int:
        """Give back what can be had again: what nobody asked for of late, and kept replies.

        Returns:
            How many bytes that were.
        """


def held_by(every: Mapping[str, Caches]) -> int:
    """Return how many bytes all caches hold."""
    return sum(held.size_bytes for caches in every.values() for held in caches.held().values())
