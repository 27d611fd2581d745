"""How something goes on: a slope that a few odd values do not change. Pure."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

Point = tuple[float, float]  # seconds, and what was measured then

MOST_POINTS = 60  # that are compared with each other: the work grows with their square


def slope(points: Sequence[Point]) -> float:
    """Return by how much a second it grows: the median of the slopes of all pairs (Theil-Sen)."""
    thin = thinned(points, MOST_POINTS)
    slopes = [
        (later - earlier) / (end - begin)
        for number, (begin, earlier) in enumerate(thin)
        for end, later in thin[number + 1 :]
        if end > begin
    ]
    return median(slopes) if slopes else 0.0


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """Return at most so many points: medians of neighbours."""
    if len(points) <= most:
        return list(points)
    edges = [number * len(points) // most for number in range(most + 1)]
    parts = [points[begin:end] for begin, end in pairwise(edges)]
    return [(median(at for at, _ in part), median(one for _, one in part)) for part in parts]


def is_steady(points: Sequence[Point]) -> bool:
    """Whether it has grown in each third of the time: a step, or a start, is no growth.

    Each third has to have at least a third of what would be its share.
    """
    levels = [one for _, one in thinned(points, 4)]
    steps = [later - earlier for earlier, later in pairwise(levels)]
    return len(steps) == 3 and sum(steps) > 0 and min(steps) >= sum(steps) / 9
