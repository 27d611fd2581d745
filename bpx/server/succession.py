"""Which worker serves, known to master and workers: an old one goes when the next one is there."""

import struct
from mmap import mmap

_AGES = struct.Struct("qq")  # of the newest worker that was started, and that serves


class Succession:
    """Memory that the processes of one server share, if it is made before they fork.

    Workers are told by their age: gunicorn counts them from 1. Each field has one writer at a
    time, and is written at once.
    """

    def __init__(self) -> None:
        self._memory = mmap(-1, _AGES.size)

    def expect(self, age: int) -> None:
        """Take note that a worker is being started."""
        self._memory[: _AGES.size] = _AGES.pack(age, self._serving)

    def arrive(self, age: int) -> None:
        """Take note that a worker serves."""
        self._memory[: _AGES.size] = _AGES.pack(self._expected, age)

    def leave(self, age: int) -> None:
        """Take note that a worker has ended: nobody waits for it any more."""
        if self._expected == age:
            self.expect(self._serving)

    def has_successor(self, age: int) -> bool:
        """Whether a younger worker than that serves."""
        return self._serving > age

    def awaits_successor(self, age: int) -> bool:
        """Whether a younger worker than that is being started."""
        return self._expected > max(age, self._serving)

    @property
    def _expected(self) -> int:
        return int(_AGES.unpack(self._memory[: _AGES.size])[0])

    @property
    def _serving(self) -> int:
        return int(_AGES.unpack(self._memory[: _AGES.size])[1])
