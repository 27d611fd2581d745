"""The exchange's clock: real speed, faster, stopped, or moved by hand."""

from collections.abc import Callable
from threading import Lock
from time import monotonic


class Clock:
    """Exchange time in milliseconds, on top of a monotonic clock.

    Several threads may use it. It never goes back.

    Args:
        start_ms: exchange time at the moment of creation, in milliseconds of the epoch.
        speed: exchange seconds that pass in one real second.
        now: monotonic seconds.
    """

    def __init__(
        self, start_ms: int, speed: float = 1.0, now: Callable[[], float] = monotonic
    ) -> None:
        if speed < 0:
            raise ValueError("the clock cannot run backwards")
        self._now = now
        self._lock = Lock()
        self._speed = speed
        self._paused = False
        self._set_at_s = now()
        self._set_to_ms = float(start_ms)

    @property
    def now_ms(self) -> int:
        """Exchange time."""
        with self._lock:
            return int(self._elapsed_to_ms())

    @property
    def speed(self) -> float:
        """Exchange seconds in one real second, whether it is paused or not."""
        return self._speed

    @property
    def is_paused(self) -> bool:
        """Whether time stands still until `resume` or `step`."""
        return self._paused

    def pause(self) -> None:
        """Let time stand still."""
        with self._lock:
            self._settle()
            self._paused = True

    def resume(self) -> None:
        """Let time run again, from where it stands."""
        with self._lock:
            self._settle()
            self._paused = False

    def set_speed(self, speed: float) -> None:
        """Let time run at `speed` from now on."""
        if speed < 0:
            raise ValueError("the clock cannot run backwards")
        with self._lock:
            self._settle()
            self._speed = speed

    def step(self, ms: float) -> None:
        """Move time on by `ms` at once, paused or not."""
        if ms < 0:
            raise ValueError("the clock cannot run backwards")
        with self._lock:
            self._settle()
            self._set_to_ms += ms

    def _elapsed_to_ms(self) -> float:
        if self._paused:
            return self._set_to_ms
        return self._set_to_ms + (self._now() - self._set_at_s) * 1000 * self._speed

    def _settle(self) -> None:
        self._set_to_ms = self._elapsed_to_ms()
        self._set_at_s = self._now()
