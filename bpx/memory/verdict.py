"""Whether memory leaks, judged by how it went on. Pure.

A worker that grows warm, or follows more, has more memory than before, and that is no leak. A
leak is memory that grows all the time, more than the caches do, with objects that grow with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from bpx.memory.growth import Counted, Grown, growing
from bpx.memory.trend import Point, is_steady, slope

LEAST_SAMPLES = 30  # before which nothing is said
LEAST_SHARE = 0.05  # of the memory there was; less growth is none
LEAST_BYTES = 4 * 2**20


class Leak(Enum):
    """What is to be said about memory."""

    CLEAN = "clean"
    GROWING = "growing"  # steadily, and why is known or not
    LEAK = "leak"


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the memory.

    Args:
        at: monotonic seconds.
        resident_bytes: of the process.
        cache_bytes: of all that is cached.
        blocks: pieces of memory that Python has in use for small objects.
    """

    at: float
    resident_bytes: int
    cache_bytes: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said, and why.

    Args:
        leak: in a word.
        reason: a sentence.
        grows_bytes_per_hour: the slope of the resident memory.
        types: that grow all the time.
    """

    leak: Leak
    reason: str
    grows_bytes_per_hour: int = 0
    types: tuple[Grown, ...] = ()


def judge(samples: Sequence[Sample], counted: Sequence[Counted]) -> Verdict:
    """Judge what was seen.

    The whole time is judged, and its last half and quarter: a leak may have begun only then.

    Args:
        samples: oldest first; those of a worker's first moments left out.
        counted: censuses of the same time, oldest first.
    """
    verdicts = [_judge(*_last(part, samples, counted)) for part in (1, 2, 4)]
    return max(verdicts, key=lambda verdict: list(Leak).index(verdict.leak))


def _last(
    part: int, samples: Sequence[Sample], counted: Sequence[Counted]
) -> tuple[list[Sample], list[Counted]]:
    recent = list(samples)[-(len(samples) // part) :]
    begin = recent[0].at if recent and part > 1 else float("-inf")
    return recent, [look for look in counted if look.at >= begin]


def _judge(samples: Sequence[Sample], counted: Sequence[Counted]) -> Verdict:
    if len(samples) < LEAST_SAMPLES:
        return Verdict(Leak.CLEAN, f"{len(samples)} of {LEAST_SAMPLES} looks that it takes")
    resident: list[Point] = [(one.at, float(one.resident_bytes)) for one in samples]
    per_s = slope(resident)
    grown = per_s * (samples[-1].at - samples[0].at)
    per_hour = round(per_s * 3600)
    if grown < max(LEAST_BYTES, LEAST_SHARE * samples[0].resident_bytes):
        return Verdict(Leak.CLEAN, "memory does not grow", per_hour)
    if not is_steady(resident):
        return Verdict(Leak.CLEAN, "memory has grown, and does not go on to", per_hour)
    caches = slope([(one.at, float(one.cache_bytes)) for one in samples])
    if caches >= per_s / 2:
        return Verdict(Leak.GROWING, "more is cached: the caches grow as memory does", per_hour)
    types = tuple(growing(counted))
    if not types:
        return Verdict(Leak.GROWING, "memory grows, and no type of objects does", per_hour)
    names = ", ".join(one.name for one in types)
    return Verdict(Leak.LEAK, f"memory grows all the time, and so do: {names}", per_hour, types)
