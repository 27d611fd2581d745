"""Fields of messages that are good, and whose text is read when somebody asks for it."""

from collections.abc import Iterator, Mapping
from sys import getsizeof
from typing import Any

import orjson

OBJECT_BYTES = 300  # of one without its message and what was read of it


class Unread(Mapping[str, Any]):
    """Fields by the names of a reply, in its order.

    Args:
        payload: a message that is known to be good.
        keys: what the fields are called in it, by their names.
        known: fields that are read already.
    """

    __slots__ = ("_fields", "_keys", "_payload")

    def __init__(
        self, payload: bytes, keys: Mapping[str, str], known: Mapping[str, Any] | None = None
    ) -> None:
        self._payload = payload
        self._keys = keys
        self._fields: Mapping[str, Any] = known or {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._fields:
            frame = orjson.loads(self._payload)
            self._fields = {name: frame[key] for name, key in self._keys.items()}
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def size_bytes(self) -> int:
        """About how much memory it needs."""
        read = getsizeof(self._fields) + sum(map(getsizeof, self._fields.values()))
        return OBJECT_BYTES + getsizeof(self._payload) + read
