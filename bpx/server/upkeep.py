"""What looks after the memory of the worker: its limit, its collector, its trend."""

from collections.abc import Mapping
from typing import Protocol

from bpx.memory.caches import Caches
from bpx.memory.guard import Guard
from bpx.memory.limit import Limit
from bpx.memory.monitor import Monitor
from bpx.memory.room import Room
from bpx.memory.tuning import Tuning
from bpx.server.profiling import rest
from bpx.server.runtime import GeventRuntime
from bpx.settings import Settings

_MB = 2**20


class Part(Protocol):
    """Something that runs until it is closed."""

    def follow(self) -> None:
        """Run until `close`."""

    def drain(self) -> None:
        """Take note that the server stops."""

    def close(self) -> None:
        """End it."""


class Upkeep:
    """Everything that looks after memory, as the options want it.

    Args:
        settings: all options.
        caches: of each market.
        room: that new feeds ask for.
        runtime: of the worker.

    Attributes:
        guard: keeps memory below its limit.
        monitor: knows how memory goes on; None unless the option says so.
        parts: all that runs.
    """

    def __init__(
        self,
        settings: Settings,
        caches: Mapping[str, Caches],
        room: Room,
        runtime: GeventRuntime,
    ) -> None:
        self.caches = caches
        self.guard = Guard(Limit(settings.max_memory_mb * _MB), caches, room, runtime)
        self.monitor = Monitor(caches, runtime, rest) if settings.memory_monitored else None
        self.parts: list[Part] = [self.guard]
        if self.monitor is not None:
            self.parts.append(self.monitor)
        if settings.memory_optimized:
            self.parts.append(Tuning(settings.gc_target_percent, runtime))
        for part in self.parts:
            runtime.spawn(part.follow)
