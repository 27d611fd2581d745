"""What a connection is doing: its states, and what may follow what."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from prometheus_client import Gauge

from bpx import metrics


class State(Enum):
    """What a connection is doing."""

    WAITING = "waiting"  # for its turn to connect, without a link
    CONNECTING = "connecting"
    OPEN = "open"
    REPLACING = "replacing"  # open, and its successor is on the way
    FAILING = "failing"  # the breaker is open: it tries at the longest delay, without a link
    CLOSED = "closed"


_W, _C, _O, _R, _F, _X = State
TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        _W: frozenset({_C, _X}),
        _C: frozenset({_O, _W, _F, _X}),
        _O: frozenset({_R, _W, _F, _X}),
        _R: frozenset({_O, _C, _X}),
        _F: frozenset({_O, _X}),
        _X: frozenset(),
    }
)
_WORRYING = {State.WAITING, State.FAILING}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Carried:
    """How a connection is.

    Args:
        route: of its streams.
        state: what it is doing.
        streams: how many are wanted of it.
        failures: attempts and short lives in a row.
        age_s: of the link; 0.0 if there is none.
        last_loss: why the last link or attempt ended; None if none did.
    """

    route: str
    state: str
    streams: int
    failures: int
    age_s: float
    last_loss: str | None


class Machine:
    """The state of one connection: every transition is checked, logged and counted.

    Args:
        market, url: for logs and metrics.
    """

    def __init__(self, market: str, url: str) -> None:
        self.state = State.WAITING
        self._market = market
        self._url = url
        self._gauge(State.WAITING).inc()

    def enter(self, state: State, why: str) -> None:
        """Change the state.

        Raises:
            ValueError: the one may not follow the other, which is a bug.
        """
        before = self.state
        if state not in TRANSITIONS[before]:
            raise ValueError(f"no transition: {before.value} -> {state.value} ({why})")
        self.state = state
        self._gauge(before).dec()
        if state is not State.CLOSED:
            self._gauge(state).inc()
        if state is State.FAILING:
            metrics.STREAM_TRIPS.labels(self._market).inc()
        metrics.STREAM_TRANSITIONS.labels(self._market, state.value).inc()
        level = logging.WARNING if state in _WORRYING else logging.INFO
        names = before.value, state.value
        log.log(level, "%s %s: %s -> %s (%s)", self._market, self._url, *names, why)

    def _gauge(self, state: State) -> Gauge:
        return metrics.STREAM_STATES.labels(self._market, state.value)
