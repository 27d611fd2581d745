"""The last minutes of a market: what the page draws."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from bpx.runtime import Runtime

EVERY_S = 5.0
SAMPLES = 181  # a quarter of an hour


@dataclass(frozen=True, slots=True)
class Moment:
    """What has been counted until a moment.

    Args:
        at: Unix seconds.
        weight, limit: of the exchange's minute.
        replies: to clients so far, by source.
        messages: of streams, so far.
        spent: weight so far, by kind of call.
    """

    at: float
    weight: int
    limit: int
    replies: Counter[str]
    messages: int
    spent: Counter[str]


@dataclass(frozen=True, slots=True)
class Step:
    """What happened between two moments.

    Args:
        at: Unix seconds, of the later one.
        weight, limit: as of then.
        replies: by source.
        messages: of streams.
        spent: weight, by kind of call.
    """

    at: float
    weight: int
    limit: int
    replies: dict[str, int]
    messages: int
    spent: dict[str, int]


class History:
    """The newest moments of one market; there are never more than `most`."""

    def __init__(self, most: int = SAMPLES) -> None:
        self._moments: deque[Moment] = deque(maxlen=most)

    def add(self, moment: Moment) -> None:
        """Keep a moment; the oldest goes if there are too many."""
        self._moments.append(moment)

    def steps(self) -> list[Step]:
        """Return what happened, the oldest first."""
        return [_step(before, after) for before, after in pairwise(list(self._moments))]

    def shown(self) -> list[dict[str, Any]]:
        """Return the steps as they are shown."""
        return [asdict(step) for step in self.steps()]


def spent_over(steps: Iterable[Step]) -> dict[str, int]:
    """Return the weight of all steps together, by kind of call, the most first."""
    total: Counter[str] = Counter()
    for step in steps:
        total.update(step.spent)
    return dict(total.most_common())


def _step(before: Moment, after: Moment) -> Step:
    return Step(
        at=after.at,
        weight=after.weight,
        limit=after.limit,
        replies=_grown(before.replies, after.replies),
        messages=after.messages - before.messages,
        spent=_grown(before.spent, after.spent),
    )


def _grown(before: Counter[str], after: Counter[str]) -> dict[str, int]:
    return {name: int(n - before[name]) for name, n in sorted(after.items()) if n > before[name]}


class Sampler:
    """Takes moments again and again, until `close`.

    Args:
        take: has every market's history take one.
        runtime: tasks and time.
    """

    def __init__(self, take: Callable[[], None], runtime: Runtime) -> None:
        self._take = take
        self._runtime = runtime
        self._closed = False

    def follow(self) -> None:
        """Take moments until `close`."""
        while not self._closed:
            self._take()
            self._runtime.sleep(EVERY_S)

    def close(self) -> None:
        """Take no more."""
        self._closed = True
