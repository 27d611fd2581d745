"""A runtime in which nothing takes long."""

from tests.runtime import ThreadRuntime


class StillTime(ThreadRuntime):
    """Time that stands still but for what is slept, which takes none, and what a test adds."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 100.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
