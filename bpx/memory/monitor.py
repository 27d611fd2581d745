"""Looks at the memory of the process again and again, and says how it goes on."""

import gc
import logging
import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from bpx.memory.caches import Caches, held_by
from bpx.memory.census import Census, Rest, take_census
from bpx.memory.growth import Counted, Grown, condensed, grown_since
from bpx.memory.process import read_resident
from bpx.memory.trim import trim
from bpx.memory.verdict import Leak, Sample, Verdict, judge
from bpx.runtime import Runtime

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often is looked.

    Args:
        sample_s: between two looks at the process, which cost next to nothing.
        census_s: between two looks at all objects.
        window_s: how far back the looks are kept.
        warm_up_s: at the beginning, in which nothing is kept.
        recount_s: for which a census stands, when an operator asks for one.
    """

    sample_s: float = 10.0
    census_s: float = 300.0
    window_s: float = 7200.0
    warm_up_s: float = 120.0
    recount_s: float = 10.0


class Monitor:
    """Samples of the last hours, censuses of the same time, and what they say.

    Args:
        caches: of each market.
        runtime: tasks, time, and threads for what is long.
        rest: lets others compute, while a thread looks at all objects.
        pace: how often.
    """

    def __init__(
        self, caches: Mapping[str, Caches], runtime: Runtime, rest: Rest, pace: Pace | None = None
    ) -> None:
        self._pace = pace = pace or Pace()
        self._caches = caches
        self._runtime = runtime
        self._rest = rest
        self._samples: deque[Sample] = deque(maxlen=max(1, int(pace.window_s / pace.sample_s)))
        self._counted: deque[Counted] = deque(maxlen=max(1, int(pace.window_s / pace.census_s)))
        self._first: Counted | None = None
        self._latest: Counted | None = None
        self._is_counting = False
        self._is_closed = False
        self.verdict = judge((), ())
        self.given_back_bytes = 0

    @property
    def samples(self) -> list[Sample]:
        """The looks of the last hours."""
        return list(self._samples)

    def follow(self) -> None:
        """Look again and again until `close`."""
        self._runtime.sleep(self._pace.warm_up_s)
        next_census = self._runtime.now()
        while not self._is_closed:
            now = self._runtime.now()
            self._samples.append(self._sample(now))
            if now >= next_census:
                next_census = now + self._pace.census_s
                self._conclude()
            self._runtime.sleep(self._pace.sample_s)

    def drain(self) -> None:
        """Go on: also while the server stops there is something to be seen."""

    def close(self) -> None:
        """End it."""
        self._is_closed = True

    def grown(self) -> tuple[float, Census, list[Grown]] | None:
        """Look at all objects, unless that was just done; compare with the first look there is.

        Returns:
            How many seconds lie between, the objects, and the types that have grown; None while
            another look is being taken.
        """
        if self._is_counting:
            return None
        counted = self._recent() or self._count()
        first = self._first or counted
        return counted.at - first.at, counted.census, grown_since(first.census, counted.census)

    def _conclude(self) -> None:
        """Judge what was seen, and do something about a leak."""
        if not self._is_counting:
            counted = self._count()
            self._first = self._first or counted
            self._counted.append(condensed(counted))
        before = self.verdict.leak
        verdict = judge(self._samples, self._counted)
        if verdict.leak is Leak.LEAK:
            verdict = self._confirmed()
        self.verdict = verdict
        if verdict.leak is Leak.LEAK:
            self._give_back()
        if verdict.leak is not before:
            self._tell(verdict)

    def _confirmed(self) -> Verdict:
        """Judge once more without garbage: until it is collected it grows, and is no leak."""
        gc.collect()
        self._counted[-1] = condensed(self._count())
        return judge(self._samples, self._counted)

    def _tell(self, verdict: Verdict) -> None:
        level = logging.INFO if verdict.leak is Leak.CLEAN else logging.WARNING
        mb_per_hour = verdict.grows_bytes_per_hour / 2**20
        log.log(level, "memory: %s (%+.1f MB/h)", verdict.reason, mb_per_hour)

    def _give_back(self) -> None:
        self.given_back_bytes += sum(one.give_back() for one in self._caches.values())
        self._runtime.offload(trim)

    def _recent(self) -> Counted | None:
        latest, now = self._latest, self._runtime.now()
        return latest if latest and now - latest.at < self._pace.recount_s else None

    def _count(self) -> Counted:
        self._is_counting = True
        try:
            census = self._runtime.offload(take_census, self._rest)
            self._latest = Counted(self._runtime.now(), census)
            return self._latest
        finally:
            self._is_counting = False

    def _sample(self, now: float) -> Sample:
        resident = read_resident().resident_bytes
        return Sample(now, resident, held_by(self._caches), sys.getallocatedblocks())
