"""Tasks, time and deadlines by gevent: the runtime of a real server."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from select import POLLIN
from time import monotonic
from traceback import clear_frames
from typing import Any, TypeVar, cast

import gevent
from gevent.event import Event
from gevent.monkey import get_original
from gevent.threadpool import ThreadPool

from bpx.runtime import DeadlinePassed

T = TypeVar("T")
THREADS = 3  # for computing; names are looked up in those of gevent, and may hang there
LEAST_S = 0.01  # of a wait that has to be ended early
KILL_S = 0.1  # for threads that have nothing to do

_poll = get_original("select", "poll")

log = logging.getLogger(__name__)


class GeventRuntime:
    """Greenlets of this process. What a spawned function raises is logged and ends only it."""

    def __init__(self) -> None:
        self._ended = Event()
        self._tasks: set[gevent.Greenlet] = set()
        self._deadlines: dict[gevent.Timeout, Any] = {}  # and the greenlets bound by them
        self._threads = ThreadPool(THREADS)

    @property
    def tasks(self) -> int:
        """How many spawned functions have not returned."""
        return len(self._tasks)

    def spawn(self, function: Callable[..., None], *args: Any) -> None:
        """Run `function(*args)` in a greenlet of its own."""
        task = gevent.spawn(_run, function, *args)
        self._tasks.add(task)
        task.rawlink(self._tasks.discard)

    def end(self, within_s: float) -> int:
        """End all sleep, what has a deadline, and the threads.

        Returns:
            How many tasks have not returned by then.
        """
        self._ended.set()
        for timeout, waiting in self._deadlines.items():
            _hasten(timeout, waiting)
        gevent.joinall(list(self._tasks), timeout=within_s)
        with gevent.Timeout(KILL_S, False):
            self._threads.kill()  # else a thread that computes is waited for
        return self.tasks

    now = staticmethod(monotonic)  # seconds; asked so often that a call of ours would count

    def sleep(self, seconds: float) -> None:
        """Let other greenlets run for `seconds`; no longer once `end` is called."""
        if seconds <= 0 or self._ended.is_set():
            gevent.sleep(0)
        elif seconds < LEAST_S:
            gevent.sleep(seconds)
        else:
            self._ended.wait(seconds)

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Bound what happens inside to `seconds`. No `except Exception` in there can outlast it.

        Raises:
            DeadlinePassed: time is up, or `end` is called.
        """
        timeout = gevent.Timeout(0.0 if self._ended.is_set() else max(0.0, seconds))
        self._deadlines[timeout] = gevent.getcurrent()
        timeout.start()
        try:
            yield
        except gevent.Timeout as error:
            if error is not timeout:  # an outer one's
                raise
            why = "the server stops" if self._ended.is_set() else f"not done within {seconds:g} s"
            raise DeadlinePassed(why) from None
        finally:
            del self._deadlines[timeout]
            timeout.close()

    def has_come(self, descriptor: int) -> bool:
        """Tell at once whether anything can be read; gevent's own `poll` would begin to wait."""
        looking = _poll()
        looking.register(descriptor, POLLIN)
        return bool(looking.poll(0))

    def offload(self, function: Callable[..., T], *args: Any) -> T:
        """Run long computing in a thread, so that no greenlet has to wait for it."""
        result, error = self._threads.apply(_attempt, (function, *args))
        try:
            if error is not None:
                raise error
        finally:
            del error  # it knows this frame: each would keep the other
        return cast("T", result)


def _hasten(timeout: gevent.Timeout, waiting: Any) -> None:
    """Have `timeout` come as soon as whoever is bound by it waits."""
    timeout.timer.stop()
    timeout.timer.close()
    timeout.timer = gevent.get_hub().loop.timer(0.0)
    timeout.timer.start(waiting.throw, timeout)


def _attempt(function: Callable[..., T], *args: Any) -> tuple[T | None, BaseException | None]:
    """Return the result or the error: gevent would print what a thread raises.

    Whoever keeps the error does not keep all that the function had: that may be much.
    """
    try:
        return function(*args), None
    except Exception as error:  # noqa: BLE001 - raised where it was asked for
        clear_frames(error.__traceback__)
        return None, error


def _run(function: Callable[..., None], *args: Any) -> None:
    try:
        function(*args)
    except Exception:
        log.exception("a task ended by a bug: %s", getattr(function, "__qualname__", function))
