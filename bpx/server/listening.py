"""The ports that a worker listens on: the market's, which it is given, and the operators'."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Any

import gevent
from gevent import socket
from gevent.pool import Pool
from gevent.server import StreamServer

from bpx.server.connection import Connection, Patience
from bpx.server.crowd import Crowd
from bpx.server.lane import Lane

log = logging.getLogger(__name__)

_OPERATORS_CONNECTIONS = 100
_UNSENT_BYTES = 512 * 1024  # of an answer that the system may keep for a client
_LATE_S = 0.25  # by which an idle connection may end too late, at most


@dataclass(frozen=True, slots=True)
class Port:
    """Where a client came in; known also when nobody listens there any more."""

    name: Any

    def getsockname(self) -> Any:
        """Return the address, as a socket would."""
        return self.name


Wrap = Callable[[Any], Any]  # a socket
Serve = Callable[[Port, Connection, Any], None]  # with the client's address


class Listening:
    """Ports, and the connections that came in on them.

    Args:
        serve: serves a connection until its end.
        patience: how long clients are waited for.
        buffer_bytes: that are asked of a client at once.
        secure: wraps the markets' connections, and those of operators; None leaves them plain.
        lane: answers what is known on the markets' ports, if they are plain.
    """

    def __init__(
        self,
        serve: Serve,
        patience: Patience,
        buffer_bytes: int = 8192,
        secure: tuple[Wrap, Wrap] | None = None,
        lane: Lane | None = None,
    ) -> None:
        self._lane = None if secure else lane
        self._buffer_bytes = buffer_bytes
        self._secure = secure[0] if secure else None
        self._secure_operators = secure[1] if secure else None
        self._serve = serve
        self._patience = patience
        self._markets: list[StreamServer] = []
        self._clients, self._served = _room(1)
        self._operators: StreamServer | None = None

    @property
    def served(self) -> int:
        """How many connections of the market's ports have not ended, or not begun, to be served."""
        return len(self._served)

    def clients(self) -> list[Any]:
        """Return the connections of the market's ports."""
        return list(self._clients)

    def open_markets(self, listeners: Iterable[Any], connections: int) -> None:
        """Serve markets on sockets that listen already."""
        self._clients, self._served = _room(connections)
        for listener in listeners:
            server = self._started(listener, self._clients, self._served, self._secure, self._lane)
            self._markets.append(server)
        gevent.spawn(self._look_at_idle)

    def open_operators(self, host: str, port: int) -> Any:
        """Serve operators on a port of our own; return its address, as the system writes it.

        Raises:
            OSError: it cannot be had.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(128)
        except OSError:
            listener.close()
            raise
        self._operators = self._started(
            listener, *_room(_OPERATORS_CONNECTIONS), self._secure_operators
        )
        return listener.getsockname()

    def _look_at_idle(self) -> None:
        """Let connections end whose time to ask is over, wherever that is waited for."""
        while True:
            gevent.sleep(min(_LATE_S, max(0.01, self._patience.idle_s / 10)))
            try:
                self._end_late(monotonic())
            except Exception:  # or idle connections would stay for ever
                log.exception("looking at idle connections failed")

    def _end_late(self, now: float) -> None:
        for connection in self.clients():
            connection.end_if_late(now)

    def close_markets(self) -> None:
        """Take in whoever has connected already, and nobody more."""
        for server in self._markets:
            _accept_waiting(server)
            server.close()
        self._markets.clear()

    def close_operators(self) -> None:
        """Answer operators no more."""
        if self._operators is not None:
            self._operators.close()

    def _started(
        self,
        listener: Any,
        crowd: Crowd,
        pool: Pool,
        secure: Wrap | None,
        lane: Lane | None = None,
    ) -> StreamServer:
        listener.setblocking(1)
        if listener.family != socket.AF_UNIX:  # what a client does not take is to wait with us
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
        port = Port(listener.getsockname())

        def serve(client: Any, address: Any) -> None:
            sock = client if secure is None else secure(client)
            where = port.name, address[0] if address else ""
            connection = Connection(sock, self._patience, crowd, self._buffer_bytes, lane, where)
            crowd.enter(connection)
            try:
                if connection.begin():
                    self._serve(port, connection, address)
                else:
                    connection.close()
            finally:
                connection.leave()

        server = StreamServer(listener, handle=serve, spawn=pool)
        server.start()
        return server


def _room(connections: int) -> tuple[Crowd, Pool]:
    """Return room for that many, the last of which is for whoever comes when it is full."""
    return Crowd(max(1, connections - 1 - connections // 100)), Pool(connections)


def _accept_waiting(server: StreamServer) -> None:
    """Take in those whom the system has let in for us: they would be reset, orders and all."""
    server.stop_accepting()
    while not server.full():
        try:
            accepted = server.do_read()
        except OSError:
            return
        if not accepted:
            return
        server.do_handle(*accepted)
