"""What bpx needs of its surroundings. That this is gevent is decided in wsgi.py and bpx.server.

Locks, events and queues are the standard library's: under gevent they are patched.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class DeadlinePassed(Exception):
    """The body of a `deadline` took too long and was cut off."""


class Memory(Protocol):
    """What outlives this process, if it is one of several in a row. Times are monotonic seconds."""

    def recall(self, name: str) -> Any:
        """Return what was kept last under `name`; None if nothing was."""

    def keep(self, name: str, value: Any) -> None:
        """Keep what JSON can say."""


class Oblivion:
    """No memory at all."""

    def recall(self, name: str) -> None:
        """Return None."""

    def keep(self, name: str, value: Any) -> None:
        """Do nothing."""


class Runtime(Protocol):
    """Tasks, time and deadlines. Tests may give threads instead of greenlets."""

    def spawn(self, function: Callable[..., None], *args: Any) -> None:
        """Run `function(*args)` on its own, beside the caller."""

    def now(self) -> float:
        """Return monotonic seconds."""

    def sleep(self, seconds: float) -> None:
        """Let others run for `seconds`."""

    def deadline(self, seconds: float) -> AbstractContextManager[None]:
        """Bound what happens inside to `seconds` in all, whatever a library does in there.

        Raises:
            DeadlinePassed: time is up.
        """

    def has_come(self, descriptor: int) -> bool:
        """Tell at once whether anything can be read of a connection, its end included."""

    def offload(self, function: Callable[..., T], *args: Any) -> T:
        """Run long computing beside everything else, and return its result."""
