"""Waiting in tests: never a fixed time, always a condition with a deadline."""

from collections.abc import Callable
from time import monotonic, sleep


def eventually(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    """Wait until `condition` holds; fail if it does not within `within_s`."""
    deadline = monotonic() + within_s
    while not condition():
        assert monotonic() < deadline, "it never happened"
        sleep(0.005)
