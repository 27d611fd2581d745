"""How the parts of an application are told that the server stops."""

from collections.abc import Sequence
from time import monotonic
from typing import Protocol

import gevent

from bpx.server.runtime import GeventRuntime


class House(Protocol):
    """The parts of one market's application."""

    def drain(self) -> None:
        """Take note that no more requests are wanted."""

    def close(self) -> None:
        """End everything that runs on its own."""


class Stopping:
    """The end of houses that share a runtime.

    Args:
        houses: what runs.
        runtime: what it runs on.
    """

    def __init__(self, houses: Sequence[House], runtime: GeventRuntime) -> None:
        self._houses = houses
        self._runtime = runtime

    def drain(self) -> None:
        """Take note that no more requests are wanted: nobody is ready any more."""
        for house in self._houses:
            house.drain()

    def close(self, within_s: float) -> int:
        """Close all houses, and return how many of their tasks have not ended in that time."""
        until = monotonic() + within_s
        closing = [gevent.spawn(house.close) for house in self._houses]
        gevent.joinall(closing, timeout=within_s)
        return self._runtime.end(max(0.1, until - monotonic()))
