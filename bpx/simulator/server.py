"""Hosts one venue: REST and streams on one port, in one asyncio loop."""

import asyncio
from collections import deque
from contextlib import suppress
from time import monotonic

from aiohttp import web

from bpx.simulator.clock import Clock
from bpx.simulator.connection import Connection
from bpx.simulator.faults import Ending, Faults, RestFault
from bpx.simulator.hub import Hub
from bpx.simulator.journal import Journal
from bpx.simulator.limits import LIMITS, Limits
from bpx.simulator.routes import Listen, read_path
from bpx.simulator.tls import Certificate
from bpx.simulator.venue import Message, Reply, Request, Venue
from bpx.simulator.wire import Asked, LenientServer, raw_target, read_request, to_response

_TICK_S = 0.015
_SLICE_MS = 1000  # a long step is published in slices, so that no backlog overflows
_FLUSH_WITHIN_S = 5.0


class Server:
    """One market on one port. Create and use it inside a running loop.

    Args:
        venue: what is hosted; its `market` decides the rules of streams.
        clock: exchange time; the venue is brought up to it all the time.
        port: 0 for any free one.
        limits: rules of connections; Binance's by default.
        certificate: for https and wss; None for http and ws.
        faults: what is broken; nothing by default.
    """

    def __init__(
        self,
        venue: Venue,
        clock: Clock,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: Limits | None = None,
        certificate: Certificate | None = None,
        faults: Faults | None = None,
    ) -> None:
        self.venue = venue
        self.clock = clock
        self.host = host
        self.port = port
        self.faults = faults or Faults()
        self.hub = Hub(venue, self.faults)
        self.connections: dict[Connection, None] = {}
        self.connects = 0
        self.requests: Journal[Asked] = Journal()
        self.control_messages: Journal[str] = Journal()
        self._limits = limits or LIMITS[venue.market]
        self._certificate = certificate
        self._connected_at: dict[str, deque[float]] = {}
        self._stopping = asyncio.Event()

    @property
    def rest_url(self) -> str:
        """Base of the REST API, no path."""
        return f"http{'s' if self._certificate else ''}://{self.host}:{self.port}"

    @property
    def ws_url(self) -> str:
        """Base of the streams, no path."""
        return f"ws{'s' if self._certificate else ''}://{self.host}:{self.port}"

    async def start(self) -> None:
        """Open the port and let time run."""
        self._http = LenientServer(self._serve, access_log=None, lingering_time=0.0)
        self._runner = web.ServerRunner(self._http, shutdown_timeout=0.5)
        await self._runner.setup()
        context = self._certificate.server_context() if self._certificate else None
        site = web.TCPSite(self._runner, self.host, self.port, ssl_context=context, backlog=1024)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._ticker = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """Close the port and every connection."""
        self._stopping.set()
        self._ticker.cancel()
        with suppress(asyncio.CancelledError):
            await self._ticker
        # Cut off, not closed: a TLS connection would wait for its client to say good-bye.
        for protocol in self._http.connections:
            if protocol.transport is not None:
                protocol.transport.abort()
        await self._runner.cleanup()
        while self.connections or self._http.connections:
            await asyncio.sleep(0)

    def catch_up(self) -> None:
        """Bring the venue up to the clock and hand out what it published."""
        now_ms = self.clock.now_ms
        if now_ms > self.venue.now_ms:
            self.hub.publish(self.venue.advance(now_ms))

    async def step(self, ms: int) -> None:
        """Move the clock on and return when everything published is written to the sockets."""
        for begin in range(0, max(ms, 1), _SLICE_MS):
            self.clock.step(min(_SLICE_MS, ms - begin))
            self.catch_up()
            await self.flush()

    async def flush(self) -> None:
        """Wait until every queued frame is written; not for a client that does not read."""
        waits = [asyncio.create_task(open_.flushed()) for open_ in self.connections]
        if waits and not self.faults.is_deaf:
            await asyncio.wait(waits, timeout=_FLUSH_WITHIN_S)
        for wait in waits:
            wait.cancel()

    def drop_connections(self, code: int | None, reason: str = "") -> None:
        """End every stream connection with a close code, or with no word if it is None."""
        for connection in list(self.connections):
            if code is None:
                connection.cut()
            else:
                connection.end(code, reason)

    def shutdown_notice(self) -> None:
        """Tell every stream connection that the server will go: `serverShutdown`."""
        payload = b'{"e":"serverShutdown","E":%d}' % self.clock.now_ms
        self.send_to_all(Message("!serverShutdown", payload, self.clock.now_ms))

    def send_to_all(self, message: Message) -> None:
        """Send a message to every connection, whatever it subscribed."""
        self.hub.send(message, self.connections)

    async def _tick(self) -> None:
        while True:
            self.catch_up()
            await asyncio.sleep(_TICK_S)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        listen = read_path(self.venue.market, raw_target(request))
        if listen and request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._connect(request, listen)
        return await self._answer(request)

    async def _answer(self, wire: web.BaseRequest) -> web.StreamResponse:
        request = await read_request(wire)
        fault = self.faults.take_rest(request.method, request.target)
        reply = Reply(200, b"")
        if fault is None or fault.is_delivered:
            self.catch_up()
            reply = self.venue.reply(request)
        if fault is not None:
            return await self._break(wire, request, reply, fault)
        self._note(request, reply.status)
        return to_response(reply, request, self.clock.now_ms)

    async def _break(
        self, wire: web.BaseRequest, request: Request, reply: Reply, fault: RestFault
    ) -> web.StreamResponse:
        is_answered = fault.ending is Ending.REPLY
        if fault.status is not None:
            reply = Reply(fault.status, fault.body, fault.headers)
        self._note(request, reply.status if is_answered else None)
        await asyncio.sleep(fault.delay_s)
        if fault.ending is Ending.STALL:
            await self._stopping.wait()
        response = to_response(reply, request, self.clock.now_ms)
        if is_answered:
            return response
        if fault.ending is Ending.HALF:
            return await _send_half(wire, response)
        if wire.transport is not None:
            wire.transport.close()
        return response

    def _note(self, request: Request, status: int | None) -> None:
        now_ms = self.clock.now_ms
        row = Asked(request.method, request.target, status, request.headers, request.client, now_ms)
        self.requests.append(row)

    async def _connect(self, wire: web.BaseRequest, listen: Listen) -> web.StreamResponse:
        request = await read_request(wire)
        while self.faults.is_deaf and not self._stopping.is_set():
            await asyncio.sleep(_TICK_S)
        refusal = self.faults.take_refusal()
        if refusal is not None:
            reply = Reply(refusal.status, refusal.body, refusal.headers)
            return to_response(reply, request, self.clock.now_ms)
        if not self._may_connect(request.client):
            body = b'{"code":-1003,"msg":"Too many connection attempts."}'
            return to_response(Reply(429, body), request, self.clock.now_ms)
        return await self._host(wire, request, listen)

    async def _host(
        self, wire: web.BaseRequest, request: Request, listen: Listen
    ) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoping=False, timeout=1.0)
        await socket.prepare(wire)
        transport = wire.transport
        if not isinstance(transport, asyncio.Transport):
            return socket  # the client has gone already
        connection = Connection(
            socket,
            transport,
            listen,
            client=request.client,
            market=self.venue.market,
            limits=self._limits,
            faults=self.faults,
            clock=self.clock,
            hub=self.hub,
            heard=self.control_messages.append,
        )
        self.connects += 1
        self.connections[connection] = None
        try:
            await connection.serve()
        finally:
            del self.connections[connection]
        return socket

    def _may_connect(self, client: str) -> bool:
        attempts = self._connected_at.setdefault(client, deque())
        now = monotonic()
        while attempts and now - attempts[0] > self._limits.connects_window_s:
            attempts.popleft()
        attempts.append(now)
        return len(attempts) <= self._limits.connects


async def _send_half(wire: web.BaseRequest, whole: web.Response) -> web.StreamResponse:
    body = whole.body if isinstance(whole.body, bytes) else b""
    headers = {**whole.headers, "Content-Length": str(len(body))}
    response = web.StreamResponse(status=whole.status, headers=headers)
    await response.prepare(wire)
    await response.write(body[: len(body) // 2])
    if wire.transport is not None:
        wire.transport.close()
    return response
