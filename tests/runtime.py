"""A runtime of threads, for tests of the pieces without gevent."""

import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any, TypeVar

from bpx.runtime import DeadlinePassed

T = TypeVar("T")


class ThreadRuntime:
    """Implements `bpx.runtime.Runtime`.

    A thread cannot be cut off from outside, so `deadline` only measures: it raises at the end of
    what took too long, and what lies inside has to end by its own timeouts. That a deadline cuts
    is to be proven under gevent.
    """

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def spawn(self, function: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=function, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def now(self) -> float:
        return monotonic()

    def sleep(self, seconds: float) -> None:
        sleep(seconds)

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        began = monotonic()
        yield
        if monotonic() - began > seconds:
            raise DeadlinePassed(f"took more than {seconds} s")

    def has_come(self, descriptor: int) -> bool:
        looking = select.poll()
        looking.register(descriptor, select.POLLIN)
        return bool(looking.poll(0))

    def offload(self, function: Callable[..., T], *args: Any) -> T:
        return function(*args)
