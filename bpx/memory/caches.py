"""What is cached, as those who look after memory see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bpx.memory.census import Held


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that is cached, and can be had again.

    Args:
        asked_at: when it was asked for last, in monotonic seconds.
        size_bytes: of it.
        end: gives it back.
    """

    asked_at: float
    size_bytes: int
    end: Callable[[], object]


class Caches(Protocol):
    """The caches of one market."""

    def held(self) -> Mapping[str, Held]:
        """Return how much each cache holds, by its name."""

    def pools(self) -> Mapping[str, Any]:
        """Return what connections and receive buffers there are."""

    def entries(self) -> list[Entry]:
        """Return everything that can be given back one by one."""

    def give_back(self) -> int:
        """Give back what can be had again: what nobody asked for of late, and kept replies.

        Returns:
            How many bytes that were.
        """


def held_by(every: Mapping[str, Caches]) -> int:
    """Return how many bytes all caches hold."""
    return sum(held.size_bytes for caches in every.values() for held in caches.held().values())
