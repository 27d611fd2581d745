"""What must outlive a worker: known to its master, and to the worker that follows."""

import json
import struct
from mmap import mmap
from typing import Any
from zlib import crc32

_HEAD = struct.Struct("II")  # length and checksum of what follows
_BYTES = 64 * 1024


class Keepsake:
    """A few values by name, in memory that the processes of one server share.

    It has to be made before they fork. Whoever is killed while it writes leaves nothing that
    could be taken for a value: then all of it is forgotten. Times in it are monotonic seconds,
    which are the same for all processes.
    """

    def __init__(self) -> None:
        self._memory = mmap(-1, _BYTES)

    def recall(self, name: str) -> Any:
        """Return what was kept last under `name`; None if nothing was."""
        return self._values().get(name)

    def keep(self, name: str, value: Any) -> None:
        """Keep what JSON can say; too much is not kept."""
        text = json.dumps(self._values() | {name: value}).encode()
        if _HEAD.size + len(text) <= _BYTES:
            self._memory[: _HEAD.size] = _HEAD.pack(0, 0)
            self._memory[_HEAD.size : _HEAD.size + len(text)] = text
            self._memory[: _HEAD.size] = _HEAD.pack(len(text), crc32(text))

    def _values(self) -> dict[str, Any]:
        length, checksum = _HEAD.unpack(self._memory[: _HEAD.size])
        text = self._memory[_HEAD.size : _HEAD.size + length]
        if not length or crc32(text) != checksum:
            return {}
        values: dict[str, Any] = json.loads(text)
        return values
