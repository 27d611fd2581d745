"""One stream connection of a client: what it sends and gets, and when it has to go."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from time import monotonic

import orjson
from aiohttp import ClientError, WSMessage, WSMsgType, web

from bpx.simulator.clock import Clock
from bpx.simulator.control import Outcome, Session
from bpx.simulator.faults import Faults, Misanswer
from bpx.simulator.hub import Hub
from bpx.simulator.limits import Limits
from bpx.simulator.routes import Listen

_POLL_S = 0.01
_SPOKEN = (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.PING, WSMsgType.PONG)


class Connection:
    """A WebSocket that was accepted. Everything happens in the server's loop.

    Args:
        socket: a prepared response.
        transport: below it, to cut the connection off.
        listen: what the path asked for.
        client: address.
        heard: is told every control message.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        listen: Listen,
        *,
        client: str,
        market: str,
        limits: Limits,
        faults: Faults,
        clock: Clock,
        hub: Hub,
        heard: Callable[[str], None],
    ) -> None:
        self.client = client
        self.listen = listen
        self.is_compressed = bool(socket.compress)
        self.pings = 0  # that it has sent
        self.session = Session(market, listen.combined, limits.streams)
        self._socket = socket
        self._transport = transport
        self._limits = limits
        self._faults = faults
        self._clock = clock
        self._hub = hub
        self._heard = heard
        self._outbox: deque[tuple[bytes, WSMsgType]] = deque()
        self._wake = asyncio.Event()
        self._flushed = asyncio.Event()
        self._flushed.set()
        self._spoken_at: deque[float] = deque(maxlen=limits.messages_per_s + 1)
        self._pings: dict[bytes, float] = {}
        self._closer: asyncio.Task[None] | None = None

    @property
    def route(self) -> str:
        """The futures route of its path; "" on spot."""
        return self.listen.route

    @property
    def is_combined(self) -> bool:
        """Whether messages are wrapped with their stream's name."""
        return self.session.combined

    def send(self, frame: bytes, opcode: WSMsgType = WSMsgType.TEXT) -> None:
        """Queue a frame. A client that falls too far behind is cut off."""
        if self._closer is not None:
            return
        self._outbox.append((frame, opcode))
        if len(self._outbox) > self._limits.backlog_messages:
            self.cut()
        elif not self._wake.is_set():
            self._flushed.clear()
            self._wake.set()

    def cut(self) -> None:
        """End the connection with no close frame."""
        self._outbox.clear()
        self._flushed.set()
        self._transport.abort()

    def end(self, code: int, reason: str = "") -> None:
        """End the connection with a close frame, after what is queued."""
        if self._closer is None:
            self._closer = asyncio.create_task(self._close(code, reason))

    async def flushed(self) -> None:
        """Return when nothing is queued any more."""
        await self._flushed.wait()

    async def serve(self) -> None:
        """Serve the connection until it ends."""
        await_these = (self._write(), self._ping(), self._expire())
        tasks = [asyncio.create_task(task) for task in await_these]
        try:
            self._obey(self.session.start(self.listen.streams))
            await self._read()
            if self._closer is not None:
                await self._closer
        finally:
            self._hub.forget(self)
            self._flushed.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self) -> None:
        while True:
            message = await self._socket.receive()
            if message.type not in _SPOKEN:
                return
            while self._faults.is_deaf:
                await asyncio.sleep(_POLL_S)
            if self._closer is None:
                self._hear(message)

    def _hear(self, message: WSMessage) -> None:
        now = monotonic()
        self._spoken_at.append(now)
        allowed = self._limits.messages_per_s
        if len(self._spoken_at) > allowed and now - self._spoken_at[0] < 1.0:
            self.end(1008, "Too many requests")
        elif message.type is WSMsgType.PING:
            self.pings += 1
            self.send(bytes(message.data), WSMsgType.PONG)
        elif message.type is WSMsgType.PONG:
            self._count_pong(bytes(message.data))
        else:
            text = message.data if isinstance(message.data, bytes) else message.data.encode()
            self._heard(text.decode("utf-8", "replace"))
            misanswer = self._faults.misanswer
            if misanswer is None:
                self._obey(self.session.obey(text))
            else:
                self._misanswer(text, misanswer)

    def _misanswer(self, text: bytes, misanswer: Misanswer) -> None:
        if misanswer.is_obeyed:
            self._obey(replace(self.session.obey(text), reply=b""))
        loop = asyncio.get_running_loop()
        for reply in misanswer.replies(orjson.loads(text)["id"]):
            loop.call_later(misanswer.delay_s, self.send, reply)

    def _obey(self, outcome: Outcome) -> None:
        if outcome.reply:
            self.send(outcome.reply)
        self._hub.leave(self, outcome.removed)
        self._hub.join(self, outcome.added)
        if outcome.close:
            self.end(1008, "Too many subscriptions")

    def _count_pong(self, payload: bytes) -> None:
        # A pong to a later ping answers the earlier ones too (RFC 6455, 5.5.3).
        if payload in self._pings:
            sent_at = self._pings[payload]
            self._pings = {key: at for key, at in self._pings.items() if at > sent_at}

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            while self._outbox:
                while self._faults.is_deaf:
                    await asyncio.sleep(_POLL_S)
                if not self._outbox:
                    break
                frame, opcode = self._outbox.popleft()
                try:
                    await self._socket.send_frame(frame, opcode)
                except ClientError:
                    self.cut()
                    return
            self._wake.clear()
            self._flushed.set()

    async def _ping(self) -> None:
        due_at = monotonic() + self._limits.ping_interval_s
        while True:
            await asyncio.sleep(min(self._limits.ping_interval_s, 0.05))
            now = monotonic()
            if any(now - at > self._limits.pong_within_s for at in self._pings.values()):
                self.end(1008, "Pong timeout")
                return
            if now >= due_at:
                due_at = now + self._limits.ping_interval_s
                self._send_ping(now)

    def _send_ping(self, now: float) -> None:
        if self._faults.is_pingless:
            return
        payload = self._limits.ping_payload(self._clock.now_ms)
        self._pings[payload] = now
        self.send(payload, WSMsgType.PING)

    async def _expire(self) -> None:
        await asyncio.sleep(self._limits.lifetime_s)
        self.end(1001, "Connection lifetime is over")

    async def _close(self, code: int, reason: str) -> None:
        try:
            await asyncio.wait_for(self._flushed.wait(), 1.0)
        except TimeoutError:
            self.cut()
        await self._socket.close(code=code, message=reason.encode(), drain=False)
