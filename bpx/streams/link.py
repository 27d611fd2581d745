"""One life of a WebSocket that carries many streams: from connecting to its end."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from bpx import metrics
from bpx.errors import BadMessage, Garbled, Loss, StreamLost
from bpx.logs import TRACE
from bpx.streams.audience import Audience
from bpx.streams.combined import SHUTDOWN, Acknowledgement, Delivery, read
from bpx.streams.frames import BINARY, PONG, TEXT, Message, Opcode
from bpx.streams.pulse import Pulse
from bpx.streams.subscriptions import Subscriptions
from bpx.streams.voice import LOOK_S, Place, Voice
from bpx.streams.wire import Socket, opened

FRAMES_AT_A_TIME = 50  # read in a row, before whoever follows them gets a turn

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """A link is there."""

    link: "Link"


@dataclass(frozen=True, slots=True)
class Ended:
    """A link is gone, or could not be had."""

    link: "Link"
    lost: StreamLost


Happening = Opened | Ended
Consent = Callable[["Link", list[str], float], None]
Miss = Callable[["Link", float], None]


class Link:
    """One WebSocket. Two tasks live in it: one reads, one sends what is due.

    Args:
        place: where it goes.
        audience: who hears its streams; what somebody hears is what it subscribes.
        refusals: of streams, as links before it have had them.
        tell: told what happens to it.
        consent: told which streams the exchange has acknowledged, and when.
        miss: told when a message came of nobody knows which stream.
    """

    def __init__(
        self,
        place: Place,
        audience: Audience,
        refusals: dict[str, int],
        tell: Callable[[Happening], None],
        consent: Consent,
        miss: Miss,
    ) -> None:
        self.subscriptions = Subscriptions(audience.streams, refusals)
        self.opened_at: float | None = None
        self.is_warned = False  # the exchange is about to close it
        self._place, self._runtime, self._audience = place, place.runtime, audience
        self._tell, self._consent, self._miss = tell, consent, miss
        self.pulse = Pulse(place.wire, self._runtime.now(), place.pause_s)
        self._socket: Socket | None = None
        self._is_over = False
        self._voice: Voice | None = None
        self._heard_at = 0.0
        self._messages = metrics.STREAM_MESSAGES.labels(place.market)
        self._bytes = metrics.STREAM_BYTES.labels(place.market)

    @property
    def is_open(self) -> bool:
        """Whether it is there."""
        return self.opened_at is not None and not self._is_over

    def live(self) -> None:
        """Connect, and carry the streams until it ends."""
        try:
            self._open()
            self._read()
        except StreamLost as lost:
            end = lost
        except Exception as bug:
            log.exception("%s %s: reading failed", self._place.market, self._place.url)
            end = StreamLost(repr(bug), Loss.PROTOCOL)
        if not self._is_over:
            metrics.STREAM_FAILURES.labels(self._place.market, end.loss.value).inc()
        self.retire(is_complete=end.loss is Loss.CLOSED)
        if self._socket is not None:
            self._socket.hang_up()
        self._tell(Ended(self, end))

    def wake(self) -> None:
        """Have it look at once whether there is something to say."""
        if self._voice is not None:
            self._voice.wake()

    def prove(self, at: float) -> None:
        """Have it find out whether all has been read that the exchange sent until `at`."""
        if self.pulse.prove(at):
            self.wake()

    def retire(self, *, is_complete: bool = False) -> None:
        """Let nobody hear it any more, from this moment on; it has still to be closed."""
        if self.is_open:
            metrics.STREAM_CONNECTIONS.labels(self._place.market).dec()
        self._is_over = True
        self.pulse.end(self._runtime.now(), is_complete=is_complete)
        if self._voice is not None:
            self._voice.end()

    def close(self) -> None:
        """End it, with a close frame if it is open."""
        self.retire()
        if self._socket is not None:
            self._socket.close()

    def _open(self) -> None:
        place = self._place
        metrics.STREAM_CONNECTS.labels(place.market).inc()
        look_s = min(LOOK_S, place.wire.alive_s / 2)
        self._socket = opened(place.url, place.wire, self._runtime, look_s)
        if self._is_over:
            raise StreamLost("not wanted any more", Loss.CLOSED)
        now = self.opened_at = self._heard_at = self._runtime.now()
        self.pulse = Pulse(place.wire, now, place.pause_s)
        self._voice = Voice(place, self.pulse, self.subscriptions, self._socket)
        metrics.STREAM_CONNECTIONS.labels(place.market).inc()
        self._tell(Opened(self))
        self._runtime.spawn(self._voice.speak)

    def _read(self) -> NoReturn:
        frames = 0
        while True:
            self._hear(*self._received())
            frames += 1
            if frames % FRAMES_AT_A_TIME == 0:
                self._runtime.sleep(0)  # a flood of messages never waits for the socket

    def _received(self) -> Message:
        """Return what comes next, unless it is silent for too long."""
        assert self._socket is not None
        while True:
            try:
                return self._socket.receive()
            except TimeoutError:
                if self.pulse.is_lost(self._runtime.now()):
                    raise StreamLost("it says nothing any more") from None

    def _hear(self, opcode: Opcode, content: bytes) -> None:
        assert self._voice is not None
        if self._is_over:
            raise StreamLost("closed by us", Loss.CLOSED)
        self._heard_at = self._runtime.now()
        if self.pulse.hear(self._heard_at):
            self.wake()
        if opcode is TEXT or opcode is BINARY:
            self._take(content)
        elif opcode is PONG:
            self._hear_pong(content)

    def _hear_pong(self, payload: bytes) -> None:
        assert self._voice is not None
        took_s = self.pulse.hear_pong(payload, self._heard_at)
        if took_s is not None:
            metrics.STREAM_PING.labels(self._place.market).observe(took_s)
            metrics.STREAM_LAST_PING.labels(self._place.market).set(took_s)
        self._voice.hear_answer()

    def _take(self, message: bytes) -> None:
        if log.isEnabledFor(TRACE):
            log.log(TRACE, "%s %s: heard %s", self._place.market, self._place.url, message)
        try:
            content = read(message)
        except BadMessage as error:
            self._refuse(error)
            return
        if isinstance(content, Acknowledgement):
            self._obey(content)
        elif content.stream == SHUTDOWN:
            self.is_warned = True
        else:
            self._messages.value += 1
            self._bytes.value += len(message)
            self._deliver(content)

    def _refuse(self, error: BadMessage) -> None:
        market, url = self._place.market, self._place.url
        metrics.BAD_MESSAGES.labels(market).inc()
        log.warning("%s %s: %s", market, url, error)
        if isinstance(error, Garbled):
            self._miss(self, self._heard_at)

    def _deliver(self, delivery: Delivery) -> None:
        (name, payload), at = delivery, self._heard_at
        if not self.subscriptions.is_parting(name, at) and self._audience.put(name, payload, at):
            self.subscriptions.delivered[name] = at

    def _obey(self, answer: Acknowledgement) -> None:
        if answer.refusal is None:
            names = self.subscriptions.acknowledged(answer.id, self._heard_at)
            self._consent(self, names, self._heard_at)
        else:
            self.subscriptions.refused(answer.id)
            place = self._place
            metrics.STREAM_REFUSALS.labels(place.market).inc()
            log.warning("%s %s: refused: %s", place.market, place.url, answer.refusal)
        assert self._voice is not None
        self._voice.hear_answer()
