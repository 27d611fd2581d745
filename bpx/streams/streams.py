"""All stream connections of one market: few connections, many streams."""

from collections.abc import Callable
from threading import Lock

from bpx.exchange.market import Market
from bpx.runtime import Runtime
from bpx.streams.connection import Connection
from bpx.streams.connects import Connects, Gate
from bpx.streams.states import Carried, State
from bpx.streams.tap import Tap
from bpx.streams.voice import Place
from bpx.streams.wire import Wire

FAREWELL_S = 1.5  # longest wait for all connections to be closed
FAREWELL_TICK_S = 0.01


class Streams:
    """Finds a connection for every tap, and opens a further one when the others are full.

    Args:
        market: whose streams.
        stream_url: base of the streams.
        wire: how connections are made and kept.
        runtime: tasks and time.
        connects: counts the attempts of the process; a counter of its own if there is none.
        hold_s: for how many seconds the exchange wants no requests: then none connects.
    """

    def __init__(
        self,
        market: Market,
        stream_url: str,
        wire: Wire,
        runtime: Runtime,
        connects: Connects | None = None,
        hold_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._market = market
        self._stream_url = stream_url
        self._wire = wire
        self._runtime = runtime
        self._gate = Gate(connects or Connects(), hold_s)
        self._lock = Lock()
        self._connections: dict[str, list[Connection]] = {}  # by route
        self._carriers: dict[Tap, Connection] = {}
        self._closed = False

    def listen(self, route: str, streams: tuple[str, ...]) -> Tap:
        """Return a tap that hears `streams`, which are all of one `route`."""
        tap = Tap(self._market.name, streams, self._wire.queue_size)
        with self._lock:
            self._carry(tap, route)
        return tap

    def leave(self, tap: Tap) -> None:
        """Let `tap` hear nothing any more; streams that nobody else hears are unsubscribed."""
        with self._lock:
            carrier = self._carriers.pop(tap, None)
        if carrier is not None:
            carrier.remove(tap)

    def renew(self, tap: Tap) -> None:
        """Subscribe the streams of `tap` anew: one of them seems dead."""
        carrier = self._carriers.get(tap)
        if carrier is not None:
            carrier.renew(tap)

    def taps(self) -> list[Tap]:
        """Return those of all who listen."""
        return list(self._carriers)

    def is_lost(self, tap: Tap) -> bool:
        """Whether nobody carries a tap any more."""
        carrier = self._carriers.get(tap)
        return carrier is not None and carrier.state is State.CLOSED

    def adopt(self, tap: Tap) -> None:
        """Carry a tap whose connection is gone."""
        with self._lock:
            carrier = self._carriers.get(tap)
            if carrier is not None and carrier.state is State.CLOSED and not self._closed:
                self._carry_on(tap, carrier)

    def report(self, now: float) -> tuple[Carried, ...]:
        """Return how the connections are."""
        return tuple(
            connection.report(now)
            for connections in list(self._connections.values())
            for connection in list(connections)
        )

    def close(self) -> None:
        """Close all connections for good, with close frames as far as there is time for them."""
        self._closed = True
        until = self._runtime.now() + FAREWELL_S
        for connections in list(self._connections.values()):
            for connection in list(connections):
                connection.close()
        while any(self._connections.values()) and self._runtime.now() < until:
            self._runtime.sleep(FAREWELL_TICK_S)

    def _carry(self, tap: Tap, route: str) -> None:
        carrier = self._with_room(route, len(tap.streams))
        self._carriers[tap] = carrier
        carrier.add(tap)

    def _carry_on(self, tap: Tap, closed: Connection) -> None:
        """Have another connection carry a tap. What came between the two was missed."""
        closed.remove(tap)
        tap.break_off()
        self._carry(tap, closed.place.route)

    def _with_room(self, route: str, streams: int) -> Connection:
        connections = self._connections.setdefault(route, [])
        for connection in connections:
            if connection.room >= streams:
                return connection
        market, url = self._market, f"{self._stream_url}{route}/stream"
        connection = Connection(
            Place(market.name, route, url, market.control_per_s, self._wire, self._runtime),
            self._gate,
            self._forget,
        )
        connections.append(connection)
        connection.start()
        return connection

    def _forget(self, closed: Connection) -> None:
        """Drop a connection; whoever came to it as it closed is carried by another."""
        with self._lock:
            self._connections[closed.place.route].remove(closed)
            if self._closed:
                return
            for tap in [tap for tap, carrier in self._carriers.items() if carrier is closed]:
                self._carry_on(tap, closed)
