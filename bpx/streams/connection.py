"""What carries taps for as long as somebody hears them, over one link after another.

Make before break: a link is replaced while it works. Both deliver until the new one misses nothing.
"""

import logging
from collections.abc import Callable
from math import inf
from queue import Empty, SimpleQueue

from bpx import metrics
from bpx.errors import Loss, StreamLost
from bpx.streams.carriage import Carriage
from bpx.streams.connects import Gate
from bpx.streams.link import Ended, Happening, Link, Opened
from bpx.streams.schedule import Schedule
from bpx.streams.states import Carried, Machine, State
from bpx.streams.tap import Tap
from bpx.streams.voice import Place

MOST_STREAMS = 1024  # on one connection: Binance's limit
TICK_S = 0.25  # longest time in which it does not look around
SWAP_TICK_S = 0.02  # the same while it has two links

log = logging.getLogger(__name__)


class Connection:
    """One connection. Its keeper, a task, is the only one that changes its state.

    Args:
        place: where it goes.
        gate: asked before each attempt to connect.
        on_closed: called once it has ended for good.
    """

    def __init__(self, place: Place, gate: Gate, on_closed: Callable[["Connection"], None]) -> None:
        self.place = place
        self._runtime = place.runtime
        self._on_closed = on_closed
        self._machine = Machine(place.market, place.url)
        self._carriage = Carriage()
        self._happened: SimpleQueue[Happening | None] = SimpleQueue()
        self._schedule = Schedule(place.wire, gate)
        self._swap_by = inf
        self._is_wanted = True

    @property
    def state(self) -> State:
        """What it is doing."""
        return self._machine.state

    @property
    def room(self) -> int:
        """How many more streams it can carry."""
        return MOST_STREAMS - len(self._carriage.audience) if self._is_wanted else 0

    def start(self) -> None:
        """Begin to connect."""
        self._runtime.spawn(self._keep)

    def add(self, tap: Tap) -> None:
        """Let `tap` hear its streams from now on."""
        self._carriage.add(tap, self._runtime.now())

    def remove(self, tap: Tap) -> None:
        """Let `tap` hear nothing any more."""
        self._carriage.remove(tap)

    def renew(self, tap: Tap) -> None:
        """Subscribe the streams of `tap` anew: one of them seems dead."""
        self._carriage.renew(tap)

    def close(self) -> None:
        """End it for good, with close frames."""
        self._is_wanted = False
        self._happened.put(None)

    def report(self, now: float) -> Carried:
        """Return how it is."""
        return Carried(
            self.place.route,
            self.state.value,
            len(self._carriage.audience),
            self._schedule.failures,
            self._carriage.age_s(now),
            self._schedule.last_loss,
        )

    def _keep(self) -> None:
        while self.state is not State.CLOSED:
            happening = self._next_happening()
            try:
                self._take(happening, self._runtime.now())
                self._look_around(self._runtime.now())
            except Exception:  # another connection carries its taps from now on
                log.exception("%s %s: keeping failed", self.place.market, self.place.url)
                self._is_wanted = False
        for link in self._carriage.links():
            link.close()
        self._on_closed(self)

    def _next_happening(self) -> Happening | None:
        tick_s = SWAP_TICK_S if self.state is State.REPLACING else TICK_S
        due_in_s = self._schedule.attempt_at - self._runtime.now()
        if self._carriage.successor is None and due_in_s > 0:
            tick_s = min(tick_s, due_in_s)
        try:
            return self._happened.get(timeout=tick_s)
        except Empty:
            return None

    def _take(self, happening: Happening | None, now: float) -> None:
        carriage = self._carriage
        match happening:
            case Opened(link) if link is carriage.successor:
                self._swap_by = now + self.place.wire.overlap_s
                if self.state is not State.REPLACING:
                    self._promote("connected", now)
            case Ended(link, lost) if link is carriage.current:
                self._lose(lost, now)
            case Ended(link, lost) if link is carriage.successor:
                carriage.successor = None
                self._wait(lost, now)

    def _look_around(self, now: float) -> None:
        schedule = self._schedule
        schedule.watch(now)
        if not self._is_wanted or schedule.is_unused(now, len(self._carriage.audience)):
            self._is_wanted = False
            self._machine.enter(State.CLOSED, "not wanted any more")
        elif self.state is State.REPLACING:
            self._swap_if_it_is_time(now)
        elif self._carriage.successor is None:
            why: str | None = "its turn"
            if self.state is State.OPEN:
                why = schedule.complaint(now) or self._carriage.complaint(now)
            if why is not None and schedule.may_attempt(now):
                self._attempt(why)

    def _attempt(self, why: str) -> None:
        link = self._carriage.begin(self.place, self._happened.put)
        self._swap_by = inf
        if self.state is State.WAITING:
            self._machine.enter(State.CONNECTING, why)
        elif self.state is State.OPEN:
            self._machine.enter(State.REPLACING, why)
        self._runtime.spawn(link.live)

    def _swap_if_it_is_time(self, now: float) -> None:
        carriage = self._carriage
        if carriage.is_ready(now):
            self._promote("the new one delivers", now)
        elif now >= self._swap_by and carriage.is_worse():
            self._dismiss(carriage.successor)
            carriage.successor = None
            self._wait(StreamLost("the new one delivers nothing"), now)
        elif now >= self._swap_by:
            self._promote("the new one delivers most", now)

    def _promote(self, why: str, now: float) -> None:
        is_forced = self._carriage.is_doomed(now)
        old = self._carriage.promote(now)
        self._machine.enter(State.OPEN, why)
        if is_forced:
            self._schedule.lose(StreamLost(why, Loss.CLOSED), now)  # it may fare alike
        self._schedule.open(now)
        self._dismiss(old)

    def _lose(self, lost: StreamLost, now: float) -> None:
        """Take note that the current link is gone."""
        metrics.STREAM_LOSSES.labels(self.place.market).inc()
        successor = self._carriage.successor
        if successor is not None and successor.is_open:
            self._promote(f"the old one is gone: {lost}", now)
            return
        self._carriage.lose()
        if successor is None:
            self._wait(lost, now)
        else:
            self._schedule.lose(lost, now)
            self._machine.enter(State.CONNECTING, str(lost))

    def _wait(self, lost: StreamLost, now: float) -> None:
        """Have the next attempt made when it is time."""
        why = self._schedule.lose(lost, now)
        if self.state is State.REPLACING:
            self._machine.enter(State.OPEN, why)
        elif self.state is State.FAILING:
            log.warning("%s %s: still failing (%s)", self.place.market, self.place.url, why)
        else:
            self._machine.enter(State.FAILING if self._schedule.is_failing else State.WAITING, why)

    def _dismiss(self, link: Link | None) -> None:
        if link is not None:
            link.retire()
            self._runtime.spawn(link.close)  # which may take a while
