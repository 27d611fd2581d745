"""How often the garbage collector looks for garbage.

Most memory goes back without it: it is for objects that refer to each other in a circle. Its
youngest generation is looked at when so many objects more were made than given back, and the
default (700) is for small programs: a busy worker is looked through many times a second.
"""

import gc
import logging

from bpx.runtime import Runtime

LOOK_S = 10.0
WARM_UP_S = 60.0
LEAST, MOST = 700, 50_000  # objects of the youngest generation, at 100 %
GENERATIONS = 10  # looks at a younger generation between two at the next one, at 100 %

Thresholds = tuple[int, int, int]
log = logging.getLogger(__name__)


def thresholds(percent: int, made_per_s: float) -> Thresholds:
    """Return when each generation is to be looked at. Pure.

    Args:
        percent: of what is right at 100: more is more garbage and less work.
        made_per_s: objects that were made and not given back at once, a second: at 100 % the
            youngest generation is looked at about once a second.
    """
    youngest = min(MOST, max(LEAST, made_per_s)) * percent / 100
    older = max(1, round(GENERATIONS * percent / 100))
    return max(1, round(youngest)), older, older


class Tuning:
    """Sets the collector's thresholds by the load that is seen, and spares it what stays.

    Args:
        percent: see `thresholds`.
        runtime: tasks and time.
        warm_up_s: after which what is there is taken to stay.
    """

    def __init__(self, percent: int, runtime: Runtime, warm_up_s: float = WARM_UP_S) -> None:
        self._percent = percent
        self._runtime = runtime
        self._warm_up_s = warm_up_s
        self._before = gc.get_threshold()
        self._is_closed = False

    def follow(self) -> None:
        """Set the thresholds again and again until `close`; freeze what is there, once."""
        self._apply(0.0)
        now = self._runtime.now()
        freeze_at = now + self._warm_up_s
        while not self._is_closed:
            seen, began = gc.get_stats()[0]["collections"], self._runtime.now()
            self._runtime.sleep(min(LOOK_S, max(0.001, freeze_at - began)))
            now = self._runtime.now()
            if now >= freeze_at:
                freeze_at = float("inf")
                self._freeze()
            looks = gc.get_stats()[0]["collections"] - seen
            self._apply(looks * gc.get_threshold()[0] / max(0.001, now - began))

    def drain(self) -> None:
        """Go on."""

    def close(self) -> None:
        """End it, and leave the collector as it was."""
        self._is_closed = True
        gc.set_threshold(*self._before)
        gc.unfreeze()

    def _apply(self, made_per_s: float) -> None:
        if not self._is_closed:
            gc.set_threshold(*thresholds(self._percent, made_per_s))

    def _freeze(self) -> None:
        """Have the collector leave alone what is there: code, tables, what is followed already."""
        if not self._is_closed:
            gc.collect()  # garbage would be kept for good
            gc.freeze()
            log.info("memory: %s objects are not looked at any more", gc.get_freeze_count())
