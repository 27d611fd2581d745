"""Equal questions at one moment share one call."""

from collections.abc import Callable, Hashable
from threading import Event, Lock
from typing import Generic, TypeVar

from bpx.errors import ReadFailed, ReadTimedOut
from bpx.runtime import Runtime

V = TypeVar("V")


class _Flight(Generic[V]):
    def __init__(self) -> None:
        self.landed = Event()
        self.value: V | None = None
        self.error: Exception | None = None


class SingleFlight(Generic[V]):
    """Asks once for everybody who wants the same thing at the same time.

    The asking is a task of its own: whoever asked first may go away, and the others still get
    their answer.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._flights: dict[Hashable, _Flight[V]] = {}
        self._lock = Lock()

    def share(self, key: Hashable, ask: Callable[[], V], wait_s: float) -> V:
        """Return what `ask` returns, or raise what it raises; it runs once for all of `key`.

        Raises:
            ReadTimedOut: no answer within `wait_s`.
        """
        with self._lock:
            flight = self._flights.get(key)
            is_new = flight is None
            if flight is None:
                flight = self._flights[key] = _Flight()
        if is_new:
            self._runtime.spawn(self._fly, key, flight, ask)
        if not flight.landed.wait(wait_s):
            raise ReadTimedOut("no answer to a shared question in time")
        if flight.error is not None:
            raise flight.error.with_traceback(None)  # it is raised in many places
        assert flight.value is not None
        return flight.value

    def _fly(self, key: Hashable, flight: _Flight[V], ask: Callable[[], V]) -> None:
        flight.error = ReadFailed("the asking task was ended")
        try:
            flight.value = ask()
            flight.error = None
        except Exception as error:  # noqa: BLE001 - whatever it is, it is theirs who wait
            flight.error = error
        finally:
            with self._lock:
                del self._flights[key]
            flight.landed.set()
