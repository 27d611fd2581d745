"""A bounded list that one thread writes and others read."""

from collections import deque
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Generic, TypeVar, overload

T = TypeVar("T")


class Journal(Sequence[T], Generic[T]):
    """The newest `limit` entries, oldest first. Reading works on a copy."""

    def __init__(self, limit: int = 10_000) -> None:
        self._lock = Lock()
        self._entries: deque[T] = deque(maxlen=limit)

    def append(self, entry: T) -> None:
        """Add an entry; the oldest goes if they are too many."""
        with self._lock:
            self._entries.append(entry)

    def clear(self) -> None:
        """Forget all entries."""
        with self._lock:
            self._entries.clear()

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        return self._copy()[index]

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[T]:
        return iter(self._copy())

    def _copy(self) -> list[T]:
        with self._lock:
            return list(self._entries)
