"""Replies kept for a short while."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[V]):
    value: V
    size_bytes: int
    until: float


class Kept(Generic[V]):
    """Values by key, bounded in number, in bytes and in age; the one longest unused goes first.

    Every method takes `now`, in monotonic seconds. It has no lock: callers that may interrupt
    each other bring their own.

    Args:
        entries: the most values.
        size_bytes: the most bytes of all values together.
    """

    def __init__(self, entries: int, size_bytes: int) -> None:
        self._entries_max = entries
        self._bytes_max = size_bytes
        self._bytes = 0
        self._entries: OrderedDict[Hashable, _Entry[V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size_bytes(self) -> int:
        """Return the bytes of all values together."""
        return self._bytes

    def read(self, key: Hashable, now: float) -> V | None:
        """Return the value, or None if there is none that is young enough."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.until <= now:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.value

    def keep(self, key: Hashable, value: V, size_bytes: int, *, age_s: float, now: float) -> None:
        """Keep a value for `age_s`; what is larger than all the room there is, is not kept."""
        self._drop(key)
        if size_bytes > self._bytes_max:
            return
        self._entries[key] = _Entry(value, size_bytes, now + age_s)
        self._bytes += size_bytes
        while len(self._entries) > self._entries_max or self._bytes > self._bytes_max:
            self._drop(next(iter(self._entries)))

    def clear(self) -> int:
        """Keep nothing of it; return how many bytes that were."""
        size_bytes, self._bytes = self._bytes, 0
        self._entries.clear()
        return size_bytes

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size_bytes
