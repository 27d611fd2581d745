"""Keeps the memory of the process below its limit, by what is cached."""

import logging
from collections.abc import Callable, Mapping
from math import ceil

from bpx.memory.caches import Caches, Entry
from bpx.memory.limit import Limit
from bpx.memory.process import read_resident
from bpx.memory.room import Room
from bpx.memory.trim import trim
from bpx.runtime import Runtime

LOOK_S = 1.0
AT_ONCE = 0.1  # of all that is cached; then the system is given time to have it back

log = logging.getLogger(__name__)


def _resident_bytes() -> int:
    return read_resident().resident_bytes


class Guard:
    """Ends what was asked for longest ago before memory reaches its limit.

    Args:
        limit: of the process.
        caches: of each market.
        room: is told whether something new may be cached.
        runtime: tasks and time.
        look: returns how many bytes the process has.
    """

    def __init__(
        self,
        limit: Limit,
        caches: Mapping[str, Caches],
        room: Room,
        runtime: Runtime,
        look: Callable[[], int] = _resident_bytes,
    ) -> None:
        self.limit = limit
        self.room = room
        self.ended = 0  # entries, since the start
        self.given_back_bytes = 0
        self._caches = caches
        self._runtime = runtime
        self._look = look
        self._is_closed = False

    def follow(self) -> None:
        """Look once a second until `close`."""
        while not self._is_closed:
            self.step()
            self._runtime.sleep(LOOK_S)

    def drain(self) -> None:
        """Go on: requests that are under way need memory, too."""

    def close(self) -> None:
        """End it."""
        self._is_closed = True

    def step(self) -> None:
        """Look once, and do what is to be done."""
        resident = self._look()
        entries = self._entries() if self.limit.is_near(resident) else []
        cached = sum(entry.size_bytes for entry in entries)
        step = self.limit.step(resident, cached, was_full=self.room.is_full)
        if step.is_full is not self.room.is_full:
            self._tell(step.is_full, resident, cached)
        self.room.is_full = step.is_full
        if step.give_back_bytes:
            self._give_back(entries, step.give_back_bytes)
            self._runtime.offload(trim)

    def _entries(self) -> list[Entry]:
        every = [entry for one in self._caches.values() for entry in one.entries()]
        return sorted(every, key=lambda entry: entry.asked_at)

    def _give_back(self, entries: list[Entry], wanted_bytes: int) -> None:
        for entry in entries[: ceil(len(entries) * AT_ONCE)]:
            if wanted_bytes <= 0:
                return
            entry.end()
            wanted_bytes -= entry.size_bytes
            self.ended += 1
            self.given_back_bytes += entry.size_bytes

    def _tell(self, is_full: bool, resident: int, cached: int) -> None:
        most, used, held = (size // 2**20 for size in (self.limit.most_bytes, resident, cached))
        if is_full:
            log.warning(
                "memory: %s of %s MB, %s of them cached: nothing new is cached, what was asked "
                "for longest ago is given back", used, most, held,
            )  # fmt: skip
        else:
            log.info("memory: %s of %s MB: there is room again", used, most)
