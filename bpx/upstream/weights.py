"""What endpoints cost that are not in the tables: as seen by what a call has added."""

from collections import OrderedDict

ENTRIES = 1_000


class LearnedWeights:
    """The most that a call to a path has been seen to cost. The path longest unused goes first."""

    def __init__(self) -> None:
        self._weights: OrderedDict[str, int] = OrderedDict()

    def weight(self, path: str, unknown: int) -> int:
        """Return what a call to `path` is expected to cost; `unknown` before one was seen."""
        if path not in self._weights:
            return unknown
        self._weights.move_to_end(path)
        return self._weights[path]

    def learn(self, path: str, weight: int) -> None:
        """Take note of what one call to `path` has cost."""
        self._weights[path] = max(weight, self._weights.pop(path, 0))
        if len(self._weights) > ENTRIES:
            self._weights.popitem(last=False)
