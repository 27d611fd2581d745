"""The hosts of one market's REST API, and which of them a call goes to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bpx.metrics import BREAKER_STATE, BREAKER_TRIPS, UPSTREAM_HOSTS_LEFT
from bpx.upstream.breaker import Breaker, Permit, State
from bpx.upstream.call import Kind
from bpx.upstream.standing import Standing
from bpx.upstream.wire import Pool, Wire

TRY_S = 3.0  # as long as it takes to connect

_state = lru_cache(maxsize=1_000)(BREAKER_STATE.labels)
_NUMBERS = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}


@dataclass(frozen=True, slots=True)
class Reached:
    """How a host does, for one class of calls.

    Args:
        origin: scheme, host and port.
        pool: the class.
        failures: in a row, up to now.
        has_answered: a call of this class, ever.
        breaker: what it does; None where there is none.
    """

    origin: str
    pool: str
    failures: int
    has_answered: bool
    breaker: State | None


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave for one call to one host: to be ended by `Host.end`, once."""

    pool: str
    permit: Permit | None


class Host:
    """One host, and what is known of it. No lock: each method is a few assignments.

    Args:
        market: its name, for metrics.
        wire: connections to it.
        pools: the classes of calls.
        threshold: of its breakers, one for each class; None for no breakers.
    """

    def __init__(
        self, market: str, wire: Wire, pools: Sequence[str], threshold: int | None
    ) -> None:
        self.wire = wire
        self._market = market
        self._standings = {pool: Standing() for pool in pools}
        self._breakers: Mapping[str, Breaker] = (
            {} if threshold is None else {pool: Breaker(threshold) for pool in pools}
        )

    def is_aside(self, pool: str, now: float) -> bool:
        """Whether another host is to be preferred."""
        return self.aside_s(pool, now) > 0 or self.wait_s(pool, now) > 0

    def aside_s(self, pool: str, now: float) -> float:
        """Return for how many seconds it is left, whatever its breaker says."""
        return self._standings[pool].aside_s(now)

    def begin_try(self, pool: str, now: float, try_s: float) -> None:
        """Take note that a call goes there: if it was left, the others wait for what that tells."""
        self._standings[pool].begin_try(now, try_s)

    def wait_s(self, pool: str, now: float) -> float:
        """Return the seconds until its breaker lets a call go; 0.0 if now."""
        breaker = self._breakers.get(pool)
        return 0.0 if breaker is None else breaker.wait_s(now)

    def admit(self, kind: Kind, now: float) -> Ticket | None:
        """Let a call go, or return None. Cancels and probes always go: they show how things are."""
        breaker = self._breakers.get(kind.judged_as)
        if breaker is None:
            return Ticket(kind.judged_as, None)
        permit = breaker.admit(now, is_urgent=kind in (Kind.CANCEL, Kind.PROBE))
        return None if permit is None else Ticket(kind.judged_as, permit)

    def end(
        self, ticket: Ticket, now: float, has_failed: bool | None, *, has_connected: bool = True
    ) -> None:
        """Take note of what became of a call.

        Args:
            ticket: of the call.
            now: monotonic seconds.
            has_failed: None if it tells nothing about the host.
            has_connected: whether there was a connection at all: without, no class gets any.
        """
        if ticket.permit is not None:
            breaker = self._breakers[ticket.pool]
            was_open = breaker.state(now) is State.OPEN
            breaker.end(ticket.permit, now, has_failed)
            self._show(ticket.pool, now, was_open=was_open)
        if has_failed is None:
            return
        pools = [ticket.pool] if has_connected else list(self._standings)
        for pool in pools:
            if self._standings[pool].note(now, has_failed=has_failed):
                UPSTREAM_HOSTS_LEFT.labels(self._market, self.wire.origin, pool).inc()

    def report(self, now: float) -> list[Reached]:
        """Return how it does, for each class of calls."""
        return [
            Reached(
                self.wire.origin,
                pool,
                standing.failures,
                standing.has_answered,
                self._breakers[pool].state(now) if pool in self._breakers else None,
            )
            for pool, standing in self._standings.items()
        ]

    def _show(self, pool: str, now: float, *, was_open: bool) -> None:
        state, names = self._breakers[pool].state(now), (self._market, self.wire.origin, pool)
        _state(*names).set(_NUMBERS[state])
        if state is State.OPEN and not was_open:
            BREAKER_TRIPS.labels(*names).inc()


class Hosts:
    """All hosts of a market, the preferred one first.

    Args:
        hosts: of the market.
        try_s: how long one call alone tries whether a host that was left is back.
    """

    def __init__(self, hosts: Sequence[Host], try_s: float = TRY_S) -> None:
        self._hosts = hosts
        self._try_s = try_s

    def close_unused(self) -> None:
        """Close the connections that are not in use; calls go on as before."""
        for host in self._hosts:
            host.wire.close_unused()

    def close(self) -> None:
        """Close the connections that are not in use, for good."""
        for host in self._hosts:
            host.wire.close()

    def pools(self) -> dict[str, dict[str, Pool]]:
        """Return the connections to each of them, by pool."""
        return {host.wire.origin: host.wire.pools() for host in self._hosts}

    def report(self, now: float) -> tuple[Reached, ...]:
        """Return how each of them does, for each class of calls."""
        return tuple(reached for host in self._hosts for reached in host.report(now))

    def busy(self) -> Counter[str]:
        """Return how many connections carry a call, by pool."""
        return sum((Counter(host.wire.busy) for host in self._hosts), Counter[str]())

    def choose(self, pool: str, now: float, besides: Host | None = None) -> Host:
        """Return the first host that is worth going to, or the one that will be so soonest.

        Args:
            pool: class of the call.
            now: monotonic seconds.
            besides: the host that has just failed: only if every other would refuse the call.
        """

        def badness(host: Host) -> tuple[float, bool, float]:
            return host.wait_s(pool, now), host is besides, host.aside_s(pool, now)

        good = [host for host in self._hosts if not host.is_aside(pool, now)]
        others = [host for host in good if host is not besides]
        chosen = (others or good)[0] if good else min(self._hosts, key=badness)
        chosen.begin_try(pool, now, self._try_s)
        return chosen
