"""What to do as memory comes close to its limit. Pure."""

from dataclasses import dataclass

HIGH = 0.90  # of the limit: from there on nothing new is taken, and something is given back,
LOW = 0.85  # until it has that much again
WORTH = 0.05  # of the limit: caches that hold less are left alone, as memory is elsewhere


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now.

    Args:
        is_full: nothing new is to be cached.
        give_back_bytes: of what is cached.
    """

    is_full: bool
    give_back_bytes: int


@dataclass(frozen=True, slots=True)
class Limit:
    """The most memory that the process should have.

    Args:
        most_bytes: resident.
    """

    most_bytes: int

    def is_near(self, resident_bytes: int) -> bool:
        """Whether something may have to be done."""
        return resident_bytes > LOW * self.most_bytes

    def step(self, resident_bytes: int, cache_bytes: int, *, was_full: bool) -> Step:
        """Return what to do.

        Args:
            resident_bytes: of the process.
            cache_bytes: what could be given back at most.
            was_full: what the step before said.
        """
        full_from = (LOW if was_full else HIGH) * self.most_bytes
        if resident_bytes <= full_from:
            return Step(False, 0)
        wanted = round(resident_bytes - LOW * self.most_bytes)
        spared = round(WORTH * self.most_bytes)
        return Step(True, max(0, min(wanted, cache_bytes - spared)))
