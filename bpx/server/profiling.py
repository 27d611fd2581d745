"""The profiles that operators may ask for, of the worker that they ask."""

import tracemalloc
from collections.abc import Callable
from time import monotonic, monotonic_ns, time_ns

import gevent
from gevent.monkey import get_original

from bpx.errors import Occupied
from bpx.profiles.heap import FRAMES, by_place, by_type
from bpx.profiles.profile import Profile
from bpx.runtime import Runtime
from bpx.server.greenlets import Greenlets
from bpx.server.sampling import Sampler

REST_S = 0.0005  # for whoever wants to compute, after each piece of a long look
_TICK_S = 0.1


def rest() -> None:
    """Let the worker's main thread have its turn. Only for other threads."""
    get_original("time", "sleep")(REST_S)


class Profiling:
    """Profiles of this process.

    Args:
        runtime: threads for what is long.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._sampler = Sampler()
        self._greenlets = Greenlets()
        self._heap_until: float | None = None
        self._greenlets.watch()

    def close(self) -> None:
        """Take note of greenlets no more."""
        self._greenlets.unwatch()

    def busy(self, seconds: float, is_gone: Callable[[], bool]) -> Profile:
        """Return where the worker is busy for so long, or until nobody waits for it.

        Raises:
            Occupied: another is being taken.
        """
        return self._sampler.sample(seconds, is_gone)

    def waiting(self) -> Profile:
        """Return where all greenlets and threads are."""
        return self._greenlets.profile()

    def heap(self, seconds: float, is_gone: Callable[[], bool]) -> Profile:
        """Return what is in memory: by type, or what is allocated in so many seconds by place.

        Raises:
            Occupied: another is being taken.
        """
        if self._heap_until is not None:
            raise Occupied(self._heap_until - monotonic())
        self._heap_until = monotonic() + max(1.0, seconds)
        try:
            if seconds > 0:
                return self._traced(monotonic() + seconds, is_gone)
            return self._runtime.offload(by_type, rest)
        finally:
            self._heap_until = None

    def _traced(self, until: float, is_gone: Callable[[], bool]) -> Profile:
        began_ns, began = time_ns(), monotonic_ns()
        is_ours = not tracemalloc.is_tracing()  # else PYTHONTRACEMALLOC has begun it
        if is_ours:
            tracemalloc.start(FRAMES)
        try:
            while monotonic() < until and not is_gone():
                gevent.sleep(min(_TICK_S, max(0.001, until - monotonic())))
            return self._runtime.offload(by_place, began_ns, monotonic_ns() - began)
        finally:
            if is_ours:
                tracemalloc.stop()
