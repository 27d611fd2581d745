"""What the worker does, seen from a thread beside it, while it goes on."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from time import monotonic, monotonic_ns, time_ns

import gevent
from gevent.hub import Hub
from gevent.monkey import get_original

from bpx.errors import Occupied
from bpx.profiles.profile import Key, Place, Profile, places, stack
from bpx.server import runtime

SAMPLES_PER_S = 100
_SWITCH_S = 0.0001  # else what runs is seen mostly where it gives way by itself: in system calls
_TICK_S = 0.1  # how often whoever waits is looked after
_WAITS = Hub.run.__code__  # nothing runs but the loop, which mostly waits
_ENTRIES = frozenset({runtime._run.__code__})  # begin a task, and say nothing about it


class Sampler:
    """Samples the greenlet that runs, about 100 times a second."""

    def __init__(self) -> None:
        self._until: float | None = None  # when the profile that is being taken ends

    def sample(self, seconds: float, is_gone: Callable[[], bool] = lambda: False) -> Profile:
        """Return where the worker has been busy for so long; other greenlets run meanwhile.

        Args:
            seconds: how long.
            is_gone: whether nobody waits for it any more; then it ends.

        Raises:
            Occupied: another profile is being taken.
        """
        if self._until is not None:
            raise Occupied(self._until - monotonic())
        watch = _Watch(get_original("_thread", "get_ident")())  # patched, it names the greenlet
        watch.start()
        self._until = until = monotonic() + seconds
        before_s = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_S)
        try:
            while monotonic() < until and not is_gone():
                gevent.sleep(min(_TICK_S, max(0.001, until - monotonic())))
        finally:
            sys.setswitchinterval(before_s)
            watch.is_wanted = False
            while not watch.has_ended:
                gevent.sleep(0.001)
            self._until = None
        return watch.profile()


class _Watch:
    """A native thread that looks at another, and what it has seen."""

    def __init__(self, thread: int) -> None:
        self.is_wanted = True
        self.has_ended = False
        self._thread = thread
        self._clock = time.pthread_getcpuclockid(thread)
        self._began_ns, self._began = time_ns(), monotonic_ns()
        self._looks = self._idle = 0
        self._seen: Counter[tuple[Place, ...]] = Counter()
        self._busy_ns: Counter[tuple[Place, ...]] = Counter()
        self._last_ns, self._last_cpu_ns = self._began, time.clock_gettime_ns(self._clock)

    def start(self) -> None:
        """Begin to look."""
        get_original("_thread", "start_new_thread")(self._run, ())

    def profile(self) -> Profile:
        """Return what was seen."""
        share = self._idle / max(1, self._looks)
        return Profile(
            kinds=(("samples", "count"), ("busy", "nanoseconds")),
            samples={_told(met): (count, self._busy_ns[met]) for met, count in self._seen.items()},
            began_ns=self._began_ns,
            duration_ns=monotonic_ns() - self._began,
            period=1_000_000_000 // SAMPLES_PER_S,
            remarks=(f"{self._looks} looks; in {share:.1%} of them nothing ran",),
        )

    def _run(self) -> None:
        sleep = get_original("time", "sleep")
        try:
            while self.is_wanted:
                sleep(1 / SAMPLES_PER_S)
                self._look()
        finally:
            self.has_ended = True

    def _look(self) -> None:
        """Count the time since the last look for what runs now."""
        met = places(sys._current_frames().get(self._thread))
        now_ns, cpu_ns = monotonic_ns(), time.clock_gettime_ns(self._clock)
        passed_ns, worked_ns = now_ns - self._last_ns, cpu_ns - self._last_cpu_ns
        self._last_ns, self._last_cpu_ns = now_ns, cpu_ns
        self._looks += 1
        if not met or (met[0].code is _WAITS and worked_ns < passed_ns / 2):
            self._idle += 1
        else:
            self._seen[met] += 1
            self._busy_ns[met] += passed_ns


def _told(met: tuple[Place, ...]) -> Key:
    """Return a stack as it is told, with the function that its greenlet was started with."""
    outwards = [place for place in met if not _is_beneath(place)]
    entry = (outwards or list(met))[-1].frame().function
    return stack(met), (("greenlet", entry),)


def _is_beneath(place: Place) -> bool:
    """Whether it only starts what a greenlet does."""
    return place.code in _ENTRIES or place.module.startswith("gevent.")
