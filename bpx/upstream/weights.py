"""What endpoints cost that are not in the tables: as seen by what a call has added."""

from collections import OrderedDict, deque

ENTRIES = 1_000
LOOKS = 8  # at one path, that count
DEAREST = 10  # times the guess: what was seen may be others' spending


class LearnedWeights:
    """The most that a call to a path was lately seen to cost.

    What other programs at our address spend meanwhile looks just the same: there is a bound to
    what is believed, and it is forgotten after some looks. The path longest unused goes first.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[str, deque[int]] = OrderedDict()

    def weight(self, path: str, unknown: int) -> int:
        """Return what a call to `path` is expected to cost; `unknown` before one was seen."""
        seen = self._seen.get(path)
        if seen is None:
            return unknown
        self._seen.move_to_end(path)
        return min(max(seen), DEAREST * unknown)

    def learn(self, path: str, weight: int) -> None:
        """Take note of what one call to `path` has cost."""
        self._seen.setdefault(path, deque(maxlen=LOOKS)).append(weight)
        self._seen.move_to_end(path)
        if len(self._seen) > ENTRIES:
            self._seen.popitem(last=False)
