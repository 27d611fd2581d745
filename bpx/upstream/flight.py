"""Equal questions at one moment share one call."""

from collections.abc import Callable, Hashable
from threading import Event, Lock
from typing import Generic, TypeVar

from bpx.errors import Abandoned, OverShare, ReadFailed, ReadTimedOut
from bpx.runtime import Runtime

V = TypeVar("V")

GRACE_S = 0.5  # for a shared call to report its own failure, before its waiters give up

IsGone = Callable[[], bool]


class _Ended(ReadFailed):
    """Whoever asked has ended without an answer."""


class _Flight(Generic[V]):
    def __init__(self) -> None:
        self.landed = Event()
        self.value: V | None = None
        self.error: Exception | None = None
        self.waiting: list[IsGone] = []

    def is_abandoned(self) -> bool:
        """Whether all who wanted to know have gone."""
        return all(is_gone() for is_gone in list(self.waiting))


class SingleFlight(Generic[V]):
    """Asks once for everybody who wants the same thing at the same time.

    Args:
        runtime: tasks and time.
        on_joined: called when somebody comes to what is asked already.
        asks_apart: the asking is a task of its own, which goes on when whoever came first waits no
            longer. Without, that one asks itself, which saves the task: where a question takes no
            longer than it may wait.
    """

    def __init__(
        self,
        runtime: Runtime,
        on_joined: Callable[[], None] = lambda: None,
        *,
        asks_apart: bool = True,
    ) -> None:
        self._runtime = runtime
        self._on_joined = on_joined
        self._asks_apart = asks_apart
        self._flights: dict[Hashable, _Flight[V]] = {}
        self._lock = Lock()

    def share(self, key: Hashable, ask: Callable[[IsGone], V], wait_s: float, is_gone: IsGone) -> V:
        """Return what `ask` returns, or raise what it raises; it runs once for all of `key`.

        Args:
            key: what makes questions equal.
            ask: given what tells whether nobody waits any more; it may then raise `Abandoned`.
            wait_s: how long to wait.
            is_gone: tells whether this one does not wait any more.

        Raises:
            ReadTimedOut: no answer within `wait_s`.
        """
        until = self._runtime.now() + wait_s
        while (flight := self._landed(key, ask, until, is_gone)) is None:
            pass
        if flight.error is not None:
            raise flight.error.with_traceback(None)  # it is raised in many places
        assert flight.value is not None
        return flight.value

    def _landed(
        self, key: Hashable, ask: Callable[[IsGone], V], until: float, is_gone: IsGone
    ) -> _Flight[V] | None:
        """Wait for the flight of a key; return None if what came of it is for others alone."""
        flight, is_own = self._joined(key, ask, is_gone)
        try:
            if not flight.landed.wait(max(0.0, until - self._runtime.now())):
                raise ReadTimedOut("no answer to a shared question in time")
        finally:
            flight.waiting.remove(is_gone)
        came_too_late = isinstance(flight.error, Abandoned) and not is_gone()
        is_anothers = isinstance(flight.error, (OverShare, _Ended)) and not is_own
        return None if came_too_late or is_anothers else flight

    def _joined(
        self, key: Hashable, ask: Callable[[IsGone], V], is_gone: IsGone
    ) -> tuple[_Flight[V], bool]:
        """Return the flight of a key, and whether it has begun here."""
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None:
                flight.waiting.append(is_gone)
                self._on_joined()
                return flight, False
            flight = self._flights[key] = _Flight()
            flight.waiting.append(is_gone)
        if self._asks_apart:
            self._runtime.spawn(self._fly, key, flight, ask)
        else:
            self._fly(key, flight, ask)
        return flight, True

    def _fly(self, key: Hashable, flight: _Flight[V], ask: Callable[[IsGone], V]) -> None:
        flight.error = _Ended("the asking task was ended")
        try:
            flight.value = ask(flight.is_abandoned)
            flight.error = None
        except Exception as error:  # noqa: BLE001 - whatever it is, it is theirs who wait
            flight.error = error
        finally:
            with self._lock:
                del self._flights[key]
            flight.landed.set()
