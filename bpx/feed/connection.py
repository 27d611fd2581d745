"""One WebSocket connection that carries many streams."""

import logging
from collections.abc import Callable
from enum import Enum
from threading import Event

import websocket

from bpx import metrics
from bpx.errors import BadMessage, StreamLost
from bpx.feed.backoff import delays
from bpx.feed.combined import SHUTDOWN, Acknowledgement, Delivery, control, read
from bpx.feed.subscriptions import Subscriptions
from bpx.feed.tap import Line, Tap
from bpx.feed.wire import FAULTS, Wire, hang_up, opened
from bpx.logs import TRACE
from bpx.runtime import Runtime

MOST_STREAMS = 1024  # on one connection: Binance's limit
TICK_S = 1.0  # longest time in which a connection does not look around
STABLE_S = 60.0  # a connection that lived as long starts its back-off afresh
FRAMES_AT_A_TIME = 50  # read in a row, before whoever follows them gets a turn
UNUSED_S = 30.0  # a connection that nobody listens to is closed after this

log = logging.getLogger(__name__)


class State(Enum):
    """What a connection is doing."""

    CONNECTING = "connecting"
    OPEN = "open"
    WAITING = "waiting"  # to connect again
    CLOSED = "closed"


class Connection:
    """One connection. Two tasks live in it: one reads, one sends what is due.

    Args:
        market: for logs and metrics.
        url: of the combined endpoint, without streams.
        control_per_s: control messages the exchange takes in a second.
        wire: how it is made and kept.
        runtime: tasks and time.
        on_closed: called once it has ended for good.
    """

    def __init__(
        self,
        market: str,
        url: str,
        control_per_s: int,
        wire: Wire,
        runtime: Runtime,
        on_closed: Callable[["Connection"], None],
    ) -> None:
        self.state = State.CONNECTING
        self.url = url
        self._market = market
        self._pause_s = 1 / control_per_s
        self._wire = wire
        self._runtime = runtime
        self._on_closed = on_closed
        self._subscriptions = Subscriptions()
        self._line = Line()
        self._socket: websocket.WebSocket | None = None
        self._wake = Event()
        self._heard_at = 0.0
        self._pinged_at = 0.0
        self._unused_since: float | None = None
        self._next_id = 0
        self._frames = 0

    @property
    def room(self) -> int:
        """How many more streams it can carry."""
        return 0 if self.state is State.CLOSED else MOST_STREAMS - len(self._subscriptions)

    def start(self) -> None:
        """Begin to connect."""
        self._runtime.spawn(self._run)

    def add(self, tap: Tap) -> None:
        """Let `tap` hear its streams from now on."""
        tap.line = self._line
        self._subscriptions.add(tap, self._runtime.now())
        self._wake.set()

    def remove(self, tap: Tap) -> None:
        """Let `tap` hear nothing any more."""
        self._subscriptions.remove(tap)
        self._wake.set()

    def renew(self, tap: Tap) -> None:
        """Subscribe the streams of `tap` anew: one of them seems dead."""
        self._subscriptions.renew(tap)
        self._wake.set()

    def close(self) -> None:
        """End it for good."""
        self.state = State.CLOSED
        self._wake.set()
        self._hang_up()

    def _run(self) -> None:
        waits = delays(self._wire.reconnect_delay_s, self._wire.max_reconnect_delay_s)
        while self.state is not State.CLOSED:
            began = self._runtime.now()
            try:
                self._connect()
                self._runtime.spawn(self._send_what_is_due, self._socket)
                self._read()
            except StreamLost as loss:
                log.log(self._level_of_a_loss(), "%s %s: %s", self._market, self.url, loss)
            except Exception:
                log.exception("%s %s: reading failed", self._market, self.url)
            self._lose()
            if self._runtime.now() - began > STABLE_S:
                waits = delays(self._wire.reconnect_delay_s, self._wire.max_reconnect_delay_s)
            self._enter(State.WAITING)
            if self.state is State.WAITING:
                self._runtime.sleep(next(waits))
        self._on_closed(self)

    def _level_of_a_loss(self) -> int:
        """Whether an operator is to see it: what we have closed ourselves is nothing to worry."""
        return logging.DEBUG if self.state is State.CLOSED else logging.WARNING

    def _connect(self) -> None:
        self._enter(State.CONNECTING)
        metrics.STREAM_CONNECTS.labels(self._market).inc()
        self._socket = opened(self.url, self._wire, self._runtime, TICK_S)
        self._heard()
        self._pinged_at = self._heard_at
        self._enter(State.OPEN)
        metrics.STREAM_CONNECTIONS.labels(self._market).inc()
        log.info("%s %s: connected", self._market, self.url)
        self._wake.set()

    def _enter(self, state: State) -> None:
        """Change the state. A connection that was closed stays so."""
        if self.state is not State.CLOSED:
            self.state = state

    def _read(self) -> None:
        socket = self._socket
        while self.state is State.OPEN and socket is not None:
            try:
                opcode, content = socket.recv_data(control_frame=True)
            except websocket.WebSocketTimeoutException:
                if self._runtime.now() - self._heard_at > self._silence_s():
                    raise StreamLost("it says nothing any more") from None
                continue
            except FAULTS as error:
                raise StreamLost(str(error) or type(error).__name__) from error
            self._heard()
            self._frames += 1
            if self._frames % FRAMES_AT_A_TIME == 0:
                self._runtime.sleep(0)  # a flood of messages never waits for the socket
            if opcode in (websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY):
                self._take(content)
            elif opcode == websocket.ABNF.OPCODE_CLOSE:
                raise StreamLost(f"closed by the exchange: {content[:100]!r}")

    def _silence_s(self) -> float:
        return self._wire.alive_s / 2 + self._wire.pong_timeout_s

    def _take(self, message: bytes) -> None:
        now = self._heard_at
        log.log(TRACE, "%s %s: heard %s", self._market, self.url, message)
        try:
            content = read(message)
        except BadMessage as error:
            metrics.BAD_MESSAGES.labels(self._market).inc()
            log.warning("%s %s: %s", self._market, self.url, error)
            return
        match content:
            case Delivery(stream=name, payload=payload):
                metrics.STREAM_MESSAGES.labels(self._market).inc()
                for tap in self._subscriptions.taps(name):
                    tap.put(name, payload, now)
                if name == SHUTDOWN:
                    raise StreamLost("the exchange is about to close it")
            case Acknowledgement(id=id_, refusal=None):
                self._subscriptions.acknowledged(id_, now)
            case Acknowledgement(refusal=refusal):
                log.warning("%s %s: refused: %s", self._market, self.url, refusal)

    def _heard(self) -> None:
        self._heard_at = self._runtime.now()
        self._line.alive_until = self._heard_at + self._wire.alive_s

    def _send_what_is_due(self, socket: websocket.WebSocket) -> None:
        """Send control messages, paced, and pings, until the connection is gone."""
        try:
            while self.state is State.OPEN and self._socket is socket:
                self._wake.clear()
                self._send_changes(socket)
                self._ping_if_due(socket)
                self._close_if_unused()
                self._wake.wait(min(TICK_S, self._wire.alive_s / 4, self._wire.ping_interval_s))
        except FAULTS as error:
            log.debug("%s %s: sending failed: %s", self._market, self.url, error)
            hang_up(socket)  # the reader notices, and connects anew

    def _send_changes(self, socket: websocket.WebSocket) -> None:
        for change in self._subscriptions.changes(self._runtime.now()):
            self._next_id += 1
            self._subscriptions.sent(self._next_id, change)
            text = control(change.method, change.streams, self._next_id).decode()
            log.log(TRACE, "%s %s: said %s", self._market, self.url, text)
            socket.send(text)
            self._runtime.sleep(self._pause_s)
            if self._socket is not socket:
                return  # what is due now is for the next connection to send

    def _ping_if_due(self, socket: websocket.WebSocket) -> None:
        now = self._runtime.now()
        silent_s = min(now - self._heard_at, now - self._pinged_at)
        if (
            silent_s >= self._wire.alive_s / 2
            or now - self._pinged_at >= self._wire.ping_interval_s
        ):
            self._pinged_at = now
            socket.ping()

    def _close_if_unused(self) -> None:
        now = self._runtime.now()
        if self._subscriptions.is_wanted:
            self._unused_since = None
        elif self._unused_since is None:
            self._unused_since = now
        elif now - self._unused_since > UNUSED_S:
            self.close()

    def _lose(self) -> None:
        if self.state is State.OPEN:
            metrics.STREAM_LOSSES.labels(self._market).inc()
        self._line.alive_until = 0.0
        if self.state is not State.CONNECTING:  # an attempt that failed misses no message
            self._subscriptions.lost()
        self._hang_up()

    def _hang_up(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            metrics.STREAM_CONNECTIONS.labels(self._market).dec()
            hang_up(socket)
