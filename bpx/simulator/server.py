"""Hosts one venue: REST and streams on one port, in one asyncio loop."""

import asyncio
from contextlib import suppress

from aiohttp import web

from bpx.simulator.clock import Clock
from bpx.simulator.faults import Faults
from bpx.simulator.limits import LIMITS, Limits
from bpx.simulator.rest_side import RestSide
from bpx.simulator.routes import read_path
from bpx.simulator.stream_side import StreamSide
from bpx.simulator.tls import Certificate
from bpx.simulator.venue import Venue
from bpx.simulator.wire import LenientServer, raw_target

_TICK_S = 0.015
_SLICE_MS = 1000  # a long step is published in slices, so that no backlog overflows


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
        self._certificate = certificate
        self._stopping = asyncio.Event()
        faults = faults or Faults()
        limits = limits or LIMITS[venue.market]
        self.streams = StreamSide(venue, clock, faults, limits, self._stopping)
        self.rest = RestSide(venue, clock, faults, catch_up=self.catch_up, stopping=self._stopping)

    @property
    def rest_url(self) -> str:
        """Base of the REST API, no path."""
        return f"http{'s' if self._certificate else ''}://{self.host}:{self.port}"

    @property
    def ws_url(self) -> str:
        """Base of the streams, no path."""
        return f"ws{'s' if self._certificate else ''}://{self.host}:{self.port}"

    async def start(self) -> None:
        """Open the port and let time run.

        Raises:
            OSError: the port cannot be had.
        """
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
        self.streams.drop_all(None)
        # Cut off, not closed: a TLS connection would wait for its client to say good-bye.
        for protocol in self._http.connections:
            if protocol.transport is not None:
                protocol.transport.abort()
        await self._runner.cleanup()
        while self.streams.connections or self._http.connections:
            await asyncio.sleep(0)

    def catch_up(self) -> None:
        """Bring the venue up to the clock and hand out what it published."""
        now_ms = self.clock.now_ms
        if now_ms > self.venue.now_ms:
            self.streams.hub.publish(self.venue.advance(now_ms))

    async def step(self, ms: int) -> None:
        """Move the clock on and return when everything published is written to the sockets."""
        for begin in range(0, max(ms, 1), _SLICE_MS):
            self.clock.step(min(_SLICE_MS, ms - begin))
            await self.settle()

    async def settle(self) -> None:
        """Publish up to now and return when everything is written to the sockets."""
        self.catch_up()
        await self.streams.flush()

    async def _tick(self) -> None:
        while True:
            self.catch_up()
            await asyncio.sleep(_TICK_S)

    async def _serve(self, wire: web.BaseRequest) -> web.StreamResponse:
        listen = read_path(self.venue.market, raw_target(wire))
        if listen and wire.headers.get("Upgrade", "").lower() == "websocket":
            return await self.streams.connect(wire, listen)
        return await self.rest.answer(wire)
