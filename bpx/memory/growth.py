"""Types of which there are ever more objects. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bpx.memory.census import Census, Held
from bpx.memory.trend import Point, is_steady, slope

LEAST_CENSUSES = 4  # before which nothing is said
LEAST_BYTES = 64 * 1024  # less is no growth
KEPT_BYTES = LEAST_BYTES // 2  # types that have less are forgotten of an earlier look
LEAST_SHARE = 0.05  # of what there was
_NONE = Held(0, 0)


@dataclass(frozen=True, slots=True)
class Counted:
    """A census, and when it was taken: monotonic seconds."""

    at: float
    census: Census


@dataclass(frozen=True, slots=True)
class Grown:
    """A type, and by how much there is more of it than there was.

    Args:
        name: of the type.
        number: of its objects, more than then.
        size_bytes: of them, more than then.
    """

    name: str
    number: int
    size_bytes: int


def condensed(counted: Counted) -> Counted:
    """Return what is needed of a look later: many of them are kept, and must not be the leak."""
    large = {name: held for name, held in counted.census.items() if held.size_bytes >= KEPT_BYTES}
    return Counted(counted.at, large)


def grown_since(earlier: Census, later: Census, most: int = 20) -> list[Grown]:
    """Return the types that have grown most between two looks."""
    found = [_difference(name, earlier, later) for name in later]
    found = [one for one in found if one.number > 0 or one.size_bytes > 0]
    return sorted(found, key=lambda one: one.size_bytes, reverse=True)[:most]


def growing(counted: Sequence[Counted], most: int = 5) -> list[Grown]:
    """Return the types that have grown in each third of the time, what has most first."""
    if len(counted) < LEAST_CENSUSES:
        return []
    first, last = counted[0].census, counted[-1].census
    candidates = grown_since(first, last, len(last))
    return [one for one in candidates if _is_growing(one, counted)][:most]


def _is_growing(one: Grown, counted: Sequence[Counted]) -> bool:
    before = counted[0].census.get(one.name, _NONE).size_bytes
    if one.size_bytes < max(LEAST_BYTES, LEAST_SHARE * before):
        return False
    points: list[Point] = [
        (look.at, float(look.census.get(one.name, _NONE).size_bytes)) for look in counted
    ]
    return slope(points) > 0 and is_steady(points)


def _difference(name: str, earlier: Census, later: Census) -> Grown:
    before, now = earlier.get(name, _NONE), later[name]
    return Grown(name, now.number - before.number, now.size_bytes - before.size_bytes)
