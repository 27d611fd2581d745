"""All stream connections of one market: few connections, many streams."""

from threading import Lock

from bpx.exchange.market import Market
from bpx.feed.connection import Connection
from bpx.feed.tap import Tap
from bpx.feed.wire import Wire
from bpx.runtime import Runtime


class Streams:
    """Finds a connection for every tap, and opens a further one when the others are full.

    Args:
        market: whose streams.
        stream_url: base of the streams.
        wire: how connections are made and kept.
        runtime: tasks and time.
    """

    def __init__(self, market: Market, stream_url: str, wire: Wire, runtime: Runtime) -> None:
        self._market = market
        self._stream_url = stream_url
        self._wire = wire
        self._runtime = runtime
        self._lock = Lock()
        self._connections: dict[str, list[Connection]] = {}  # by route
        self._carriers: dict[Tap, Connection] = {}
        self._closed = False

    def listen(self, route: str, streams: tuple[str, ...]) -> Tap:
        """Return a tap that hears `streams`, which are all of one `route`."""
        tap = Tap(self._market.name, streams, self._wire.queue_size)
        with self._lock:
            carrier = self._with_room(route, len(streams))
            self._carriers[tap] = carrier
            carrier.add(tap)
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

    def close(self) -> None:
        """Close all connections for good."""
        self._closed = True
        for connections in list(self._connections.values()):
            for connection in list(connections):
                connection.close()

    def _with_room(self, route: str, streams: int) -> Connection:
        connections = self._connections.setdefault(route, [])
        for connection in connections:
            if connection.room >= streams:
                return connection
        url = f"{self._stream_url}{route}/stream"
        connection = Connection(
            self._market.name,
            url,
            self._market.control_per_s,
            self._wire,
            self._runtime,
            lambda closed: self._forget(route, closed),
        )
        connections.append(connection)
        connection.start()
        return connection

    def _forget(self, route: str, closed: Connection) -> None:
        """Drop a connection; whoever came to it as it closed is carried by another."""
        with self._lock:
            self._connections[route].remove(closed)
            if self._closed:
                return
            for tap in [tap for tap, carrier in self._carriers.items() if carrier is closed]:
                self._carriers[tap] = self._with_room(route, len(tap.streams))
                self._carriers[tap].add(tap)
