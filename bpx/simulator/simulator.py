"""An exchange for tests: a server in a thread of its own, with a handle for the test's thread."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import time
from types import TracebackType
from typing import Any, Self, TypeVar

from bpx.simulator.clock import Clock
from bpx.simulator.exchange import Exchange
from bpx.simulator.faults import Faults
from bpx.simulator.hub import Sent
from bpx.simulator.journal import Journal
from bpx.simulator.limits import Limits
from bpx.simulator.server import Server
from bpx.simulator.stream_side import OpenConnection
from bpx.simulator.tls import Certificate, make_certificate
from bpx.simulator.venue import Message, Reply, Request, Venue
from bpx.simulator.wire import Asked

T = TypeVar("T")

_ANSWER_WITHIN_S = 60.0


class Simulator:
    """One market on a loopback port. Every call is safe from any thread.

    Args:
        venue_or_market: a venue, or "spot" or "futures" for the modelled exchange.
        start_ms: exchange time to begin with; that of the venue, or now, by default.
        speed: exchange seconds in one real second.
        paused: begin with the clock stopped.
        tls: https and wss, with a certificate to be trusted by `ca_file`.
        port: 0 for any free one.
        limits: rules of stream connections; Binance's by default.
        options: of the modelled exchange.
    """

    def __init__(
        self,
        venue_or_market: Venue | str,
        *,
        start_ms: int | None = None,
        speed: float = 1.0,
        paused: bool = False,
        tls: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: Limits | None = None,
        **options: Any,
    ) -> None:
        if isinstance(venue_or_market, str):
            start_ms = int(time() * 1000) if start_ms is None else start_ms
            venue_or_market = Exchange(venue_or_market, start_ms, **options)
        self.venue: Venue = venue_or_market
        self.clock = Clock(self.venue.now_ms if start_ms is None else start_ms, speed)
        if paused:
            self.clock.pause()
        self.faults = Faults()
        self.ca_file: Path | None = None
        self._where = (host, port)
        self._tls = tls
        self._limits = limits
        self._up = Event()
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            certificate = None
            if self._tls:
                directory = stack.enter_context(TemporaryDirectory(prefix="bpx-simulator-"))
                certificate = make_certificate(Path(directory), self._where[0])
                self.ca_file = certificate.ca_file
            self._thread = Thread(
                target=lambda: asyncio.run(self._live(certificate)), name="simulator", daemon=True
            )
            self._thread.start()
            stack.callback(self._thread.join)
            self._up.wait()
            if self._failure is not None:
                raise self._failure
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._down.set)
        self._stack.close()

    @property
    def rest_url(self) -> str:
        """Base of the REST API, no path."""
        return self._server.rest_url

    @property
    def ws_url(self) -> str:
        """Base of the streams, no path."""
        return self._server.ws_url

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._server.port

    @property
    def now_ms(self) -> int:
        """Exchange time."""
        return self.clock.now_ms

    def pause(self) -> None:
        """Stop the clock; everything published until then is on the wire when this returns."""
        self.clock.pause()
        self._await(self._server.settle())

    def resume(self) -> None:
        """Let the clock run on."""
        self.clock.resume()

    def step(self, ms: int) -> None:
        """Move the clock on; everything published is written to the sockets on return."""
        self._await(self._server.step(ms))

    def reply(self, method: str, target: str, as_of_ms: int | None = None) -> Reply:
        """Ask the venue directly, past the network, its faults and its accounts of weight."""
        as_of_ms = self.venue.now_ms if as_of_ms is None else as_of_ms
        return self.call(lambda: self.venue.reply(Request(method, target), as_of_ms))

    @property
    def requests(self) -> Journal[Asked]:
        """The newest 10,000 REST requests, oldest first."""
        return self._server.rest.requests

    @property
    def control_messages(self) -> Journal[str]:
        """The newest 10,000 messages that clients sent on stream connections."""
        return self._server.streams.control_messages

    @property
    def endings(self) -> Journal[int | None]:
        """The close codes of the stream connections that have ended; 1006 without a frame."""
        return self._server.streams.endings

    @property
    def connections(self) -> list[OpenConnection]:
        """Stream connections that are open now."""
        return self.call(lambda: self._server.streams.connections)

    @property
    def connects(self) -> int:
        """How many stream connections were accepted so far."""
        return self._server.streams.connects

    def last_sent(self, stream: str) -> Sent | None:
        """Return the newest message published on `stream`."""
        return self.call(lambda: self._server.streams.hub.last_sent(stream))

    def send(self, stream: str, payload: bytes) -> None:
        """Publish any bytes on a stream, to whoever listens to it."""
        self.send_all([(stream, payload)])

    def send_all(self, rows: Sequence[tuple[str, bytes]]) -> None:
        """Publish any bytes, each on a stream."""
        now_ms = self.now_ms
        messages = [Message(stream, payload, now_ms) for stream, payload in rows]
        self.call(lambda: self._server.streams.hub.publish(messages))

    def shutdown_notice(self) -> None:
        """Send `serverShutdown` to every stream connection."""
        self.call(self._server.streams.shutdown_notice)

    def drop_connections(self, code: int | None = None, reason: str = "") -> None:
        """End every stream connection: with a close code, or with no word."""
        self.call(lambda: self._server.streams.drop_all(code, reason))

    def call(self, function: Callable[[], T]) -> T:
        """Run `function` in the server's thread, where the venue may be touched."""

        async def run() -> T:
            return function()

        return self._await(run())

    def _await(self, coroutine: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result(_ANSWER_WITHIN_S)

    async def _live(self, certificate: Certificate | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._down = asyncio.Event()
        host, port = self._where
        self._server = Server(
            self.venue,
            self.clock,
            host=host,
            port=port,
            limits=self._limits,
            certificate=certificate,
            faults=self.faults,
        )
        try:
            await self._server.start()
        except OSError as error:
            self._failure = error
            return
        finally:
            self._up.set()
        await self._down.wait()
        await self._server.stop()
