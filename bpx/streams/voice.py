"""What we say on a link: control messages and pings, never more than the exchange takes."""

import logging
from dataclasses import dataclass, replace
from threading import Event

from bpx.errors import StreamLost
from bpx.logs import TRACE
from bpx.runtime import Runtime
from bpx.streams.combined import control
from bpx.streams.pulse import Pulse
from bpx.streams.subscriptions import Subscriptions
from bpx.streams.wire import Socket, Wire

LOOK_S = 1.0  # longest time in which it is not looked whether there is something to say
ANSWER_S = 1.0  # longest wait for the answer to one message before the next
SLACK = 1.1  # clocks differ

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the links of one connection go, and what else is the same for all of them.

    Args:
        market: for logs and metrics.
        route: of the streams.
        url: of the combined endpoint, without streams.
        control_per_s: messages that the exchange takes in a second, pings included.
        wire: how they are made and kept.
        runtime: tasks and time.
    """

    market: str
    route: str
    url: str
    control_per_s: int
    wire: Wire
    runtime: Runtime

    @property
    def pause_s(self) -> float:
        """The time between two messages of ours."""
        return SLACK / self.control_per_s

    @property
    def plain(self) -> "Place":
        """The same, without an offer to compress."""
        return replace(self, wire=replace(self.wire, compression=False))


class Voice:
    """Sends what is due on one link, paced.

    What leaves us evenly may arrive all at once, and the exchange counts what arrives. So the
    next message goes some time after the one before was answered.

    Args:
        place: where it goes.
        pulse: knows when to ping.
        subscriptions: know which control messages are due.
        socket: to send on.
    """

    def __init__(
        self, place: Place, pulse: Pulse, subscriptions: Subscriptions, socket: Socket
    ) -> None:
        self._place = place
        self._pulse = pulse
        self._subscriptions = subscriptions
        self._socket = socket
        self._wake = Event()
        self._answered = Event()
        self._is_over = False
        self._next_id = 0

    def wake(self) -> None:
        """Have it look at once whether there is something to say."""
        self._wake.set()

    def hear_answer(self) -> None:
        """Take note that the exchange has answered a message."""
        self._answered.set()

    def end(self) -> None:
        """Say nothing any more."""
        self._is_over = True
        self._wake.set()
        self._answered.set()

    def speak(self) -> None:
        """Send whatever is due, until the link is gone."""
        place = self._place
        look_s = min(LOOK_S, place.wire.alive_s / 4, place.wire.ping_interval_s)
        try:
            while not self._is_over:
                self._wake.clear()
                self._answered.clear()
                if self._has_said_something():
                    self._answered.wait(ANSWER_S)
                    place.runtime.sleep(place.pause_s)
                else:
                    self._wake.wait(look_s)
        except StreamLost as lost:
            log.debug("%s %s: sending failed: %s", place.market, place.url, lost)
            self._socket.hang_up()  # the reader notices
        except Exception:  # a link that says nothing any more would be of no use
            log.exception("%s %s: speaking failed", place.market, place.url)
            self._socket.hang_up()

    def _has_said_something(self) -> bool:
        now = self._place.runtime.now()
        if self._pulse.is_ping_due(now):
            self._socket.ping(self._pulse.ping(now))
            return True
        change = self._subscriptions.next_change(now)
        if change is None:
            return False
        self._next_id += 1
        self._subscriptions.sent(self._next_id, change, now)
        text = control(change.method, change.streams, self._next_id).decode()
        log.log(TRACE, "%s %s: said %s", self._place.market, self._place.url, text)
        self._socket.send(text)
        return True
