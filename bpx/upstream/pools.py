"""Connections that wait for the next call, until they are too old."""

from contextlib import suppress
from queue import Empty, Full
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool

from bpx.upstream.connection import Connecting, RawConnection, RawTlsConnection


class RawPool(HTTPConnectionPool):
    """A pool of connections to one origin.

    Args:
        connecting: how they are had.
    """

    ConnectionCls = RawConnection  # type: ignore[assignment]

    def __init__(self, connecting: Connecting, *args: Any, **rest: Any) -> None:
        super().__init__(*args, **rest)
        self._connecting = connecting

    def _new_conn(self) -> Any:
        connection: Any = super()._new_conn()
        connection.connecting = self._connecting
        return connection

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        if self._connecting.now() - connection.released_at > self._connecting.idle_s:
            connection.close()
        return connection

    @property
    def kept(self) -> int:
        """How many open connections wait for the next call."""
        queue: Any = self.pool
        waiting = [] if queue is None else list(queue.queue)
        return sum(one is not None and one.sock is not None for one in waiting)

    def close_unused(self) -> None:
        """Close the connections that wait; the pool goes on."""
        queue: Any = self.pool
        taken = []
        with suppress(Empty):
            while queue is not None:
                taken.append(queue.get_nowait())
        for connection in taken:
            if connection is not None:
                connection.close()  # it opens again when it is used
            with suppress(Full):  # a call that has ended meanwhile has put its own there
                queue.put_nowait(connection)

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.released_at = self._connecting.now()
        super()._put_conn(conn)


class RawTlsPool(RawPool, HTTPSConnectionPool):
    """The same over TLS."""

    ConnectionCls = RawTlsConnection  # type: ignore[assignment]
