"""What the garbage collector says about itself."""

import gc
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation of objects.

    Args:
        pending: for the youngest, objects since it was looked at; else how often the younger was.
        threshold: at which it is looked at.
        collections: how often it was.
        collected: objects that were found to be garbage.
        uncollectable: garbage that could not be given back.
    """

    pending: int
    threshold: int
    collections: int
    collected: int
    uncollectable: int


@dataclass(frozen=True, slots=True)
class Collected:
    """The collector.

    Args:
        is_enabled: whether it runs by itself.
        generations: the youngest first.
        frozen: objects that it leaves alone.
    """

    is_enabled: bool
    generations: tuple[Generation, ...]
    frozen: int


def read_collector() -> Collected:
    """Return what the collector has done so far."""
    rows = zip(gc.get_count(), gc.get_threshold(), gc.get_stats(), strict=True)
    generations = tuple(Generation(count, least, **stats) for count, least, stats in rows)
    return Collected(gc.isenabled(), generations, gc.get_freeze_count())
