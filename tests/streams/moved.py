"""A runtime whose time a test moves on."""

from time import monotonic

from tests.runtime import ThreadRuntime


class MovedTime(ThreadRuntime):
    """Real time, and as much more as a test says: what takes minutes takes none."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead_s = 0.0

    def now(self) -> float:
        return monotonic() + self.ahead_s
