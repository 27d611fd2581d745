"""The stream side of a server: handshakes, and the connections that came of them."""

import asyncio
from collections import deque
from dataclasses import dataclass
from time import monotonic

from aiohttp import web

from bpx.simulator.clock import Clock
from bpx.simulator.connection import Connection
from bpx.simulator.faults import Faults
from bpx.simulator.hub import Hub
from bpx.simulator.journal import Journal
from bpx.simulator.limits import Limits
from bpx.simulator.routes import Listen
from bpx.simulator.venue import Message, Reply, Request, Venue
from bpx.simulator.wire import read_request, to_response

_POLL_S = 0.01
_FLUSH_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class OpenConnection:
    """A stream connection that is open now, how many pings it has sent, and what was agreed."""

    client: str
    route: str
    is_combined: bool
    streams: tuple[str, ...]
    pings: int
    is_compressed: bool


class StreamSide:
    """Accepts stream connections and keeps them until they end.

    Args:
        stopping: lets nobody in any more.
    """

    def __init__(
        self, venue: Venue, clock: Clock, faults: Faults, limits: Limits, stopping: asyncio.Event
    ) -> None:
        self.hub = Hub(venue, faults)
        self.connects = 0
        self.control_messages: Journal[str] = Journal()
        self.endings: Journal[int | None] = Journal()
        self._market = venue.market
        self._clock = clock
        self._faults = faults
        self._limits = limits
        self._stopping = stopping
        self._open: dict[Connection, None] = {}
        self._attempts: dict[str, deque[float]] = {}

    @property
    def connections(self) -> list[OpenConnection]:
        """Who is connected, oldest first."""
        return [
            OpenConnection(
                row.client,
                row.route,
                row.is_combined,
                tuple(row.session.streams),
                row.pings,
                row.is_compressed,
            )
            for row in self._open
        ]

    async def connect(self, wire: web.BaseRequest, listen: Listen) -> web.StreamResponse:
        """Answer a handshake, and serve the connection until it ends."""
        request = await read_request(wire)
        while self._faults.is_deaf and not self._stopping.is_set():
            await asyncio.sleep(_POLL_S)
        refusal = self._faults.take_refusal()
        if refusal is not None:
            reply = Reply(refusal.status, refusal.body, refusal.headers)
            return to_response(reply, request, self._clock.now_ms)
        if not self._may_connect(request.client):
            body = b'{"code":-1003,"msg":"Too many connection attempts."}'
            return to_response(Reply(429, body), request, self._clock.now_ms)
        return await self._serve(wire, request, listen)

    async def flush(self) -> None:
        """Wait until every queued frame is written; not for a client that does not read."""
        waits = [asyncio.create_task(connection.flushed()) for connection in self._open]
        if waits and not self._faults.is_deaf:
            await asyncio.wait(waits, timeout=_FLUSH_WITHIN_S)
        for wait in waits:
            wait.cancel()

    def drop_all(self, code: int | None, reason: str = "") -> None:
        """End every connection with a close code, or with no word if it is None."""
        for connection in list(self._open):
            if code is None:
                connection.cut()
            else:
                connection.end(code, reason)

    def shutdown_notice(self) -> None:
        """Tell every connection that the server will go: `serverShutdown`."""
        now_ms = self._clock.now_ms
        payload = b'{"e":"serverShutdown","E":%d}' % now_ms
        self.hub.send(Message("!serverShutdown", payload, now_ms), self._open)

    async def _serve(
        self, wire: web.BaseRequest, request: Request, listen: Listen
    ) -> web.StreamResponse:
        socket = web.WebSocketResponse(
            autoping=False, timeout=1.0, compress=not self._faults.is_uncompressed
        )
        await socket.prepare(wire)
        transport = wire.transport
        if not isinstance(transport, asyncio.Transport):
            return socket  # the client has gone already
        connection = Connection(
            socket,
            transport,
            listen,
            client=request.client,
            market=self._market,
            limits=self._limits,
            faults=self._faults,
            clock=self._clock,
            hub=self.hub,
            heard=self.control_messages.append,
        )
        self.connects += 1
        self._open[connection] = None
        try:
            await connection.serve()
        finally:
            del self._open[connection]
            self.endings.append(socket.close_code)
        return socket

    def _may_connect(self, client: str) -> bool:
        attempts = self._attempts.setdefault(client, deque())
        now = monotonic()
        while attempts and now - attempts[0] > self._limits.connects_window_s:
            attempts.popleft()
        attempts.append(now)
        return len(attempts) <= self._limits.connects
