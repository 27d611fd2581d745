"""A feed: the loop that keeps one cell fresh from its streams, and from REST where they fail."""

import logging
from dataclasses import replace
from typing import Generic, TypeVar

from bpx import metrics
from bpx.cache.cell import Cell, View
from bpx.errors import BadMessage, FeedFailed, Refused
from bpx.feed.asking import Ask, Asking
from bpx.feed.follower import Fetched, Follower
from bpx.feed.report import Record
from bpx.feed.trust import Checked, Freshness, Trust
from bpx.runtime import Runtime
from bpx.state.clock import ExchangeClock
from bpx.streams.streams import Streams
from bpx.streams.tap import Arrival

V = TypeVar("V", bound=View)

TICK_S = 60.0  # longest wait for a message; none is missed, it begins anew
RETRY_S = 1.0  # between repairs

log = logging.getLogger(__name__)


class Feed(Generic[V]):
    """One thing, followed. Its loop is the only writer of its cell and of its follower's state.

    Args:
        market: for logs and metrics.
        name: of what it follows.
        follower: turns messages and replies into views.
        streams: the connections.
        ask: asks REST for a question; raises if there is no good reply.
        freshness: when a quiet stream is checked.
        runtime: tasks and time.
        clock: the exchange's time.
    """

    def __init__(
        self,
        market: str,
        name: str,
        follower: Follower[V],
        streams: Streams,
        ask: Ask,
        freshness: Freshness,
        runtime: Runtime,
        clock: ExchangeClock,
    ) -> None:
        self.name = name
        self.cell: Cell[V] = Cell(f"{market} {name}")
        self.asked_at = runtime.now()  # by a client, last
        self.loads = 0  # replies of REST that were taken
        self.record = Record()
        self._market = market
        self._follower = follower
        self._streams = streams
        self._trust = Trust(freshness, follower.early_s)
        self._runtime = runtime
        self._clock = clock
        self._tap = streams.listen(follower.route, follower.streams)
        self._generation = 0  # the one the follower's state belongs to
        self._asking = Asking(self.cell.name, ask, self._tap.tell, runtime)
        self._retry_at = 0.0  # no repair before, after one that failed or has just begun
        self._retired = False
        self._lag = metrics.FEED_LAG.labels(market, follower.kind)

    def is_fresh(self, now: float) -> bool:
        """Whether the view is what the exchange would answer now, as far as can be known."""
        tap = self._tap
        return now < tap.line.alive_until and self._trust.is_fresh(tap.generation, now)

    def is_alive(self, now: float) -> bool:
        """Whether the connection that carries it is."""
        return now < self._tap.line.alive_until

    def is_kept(self, now: float) -> bool:
        """Whether the view is REST's word of a moment ago.

        While a stream is down, many who ask in a row share one call.
        """
        return self._trust.is_kept(self._tap.generation, now, self._clock.at(now))

    def is_idle(self, now: float) -> bool:
        """Whether nobody has asked for as long as the feed goes on without."""
        return now - self.asked_at > self._follower.idle_s

    def want(self, rows: int = 0, *, for_client: bool = True, client: str = "") -> bool:
        """Have REST asked for `rows` rows, or for what is missing, unless it is asked already.

        A client does not wait for what is asked in the background: that has a smaller budget.

        Returns:
            Whether it was not asked already: now it is, on behalf of `client`.

        Raises:
            Refused: the feed has ended.
        """
        if self._retired:
            raise Refused("the feed has ended")
        if self._asking.is_under_way(for_client=for_client):
            return False
        question = self._follower.question(rows, self._clock.at(self._runtime.now()))
        asked = replace(question, client=client)
        self._asking.begin(asked, self._tap.generation, for_client=for_client)
        return True

    def follow(self) -> None:
        """Keep the cell fresh until `retire`."""
        while not self._retired:
            try:
                self._take(self._tap.next(TICK_S))  # no name keeps it: it may be a reply
            except Exception as bug:
                log.exception("%s: following failed", self.cell.name)
                self._trust.doubt(self._runtime.now())  # whoever asks next has it repaired
                self.cell.fail(Refused(repr(bug)))
        self._streams.leave(self._tap)
        self.cell.fail(Refused("the feed has ended"))

    def retire(self) -> None:
        """End it."""
        self._retired = True
        self._tap.tell(None)

    def _take(self, event: object) -> None:
        try:
            if isinstance(event, Arrival):
                self._hear(event)
            elif isinstance(event, Fetched):
                self._load(event)
        except FeedFailed as failure:
            if isinstance(failure, BadMessage):
                metrics.BAD_MESSAGES.labels(self._market).inc()
            self._repair(str(failure))

    def _hear(self, arrival: Arrival) -> None:
        self.record.messages += 1
        if arrival.generation > self._generation:
            self._enter(arrival.generation)
        view = self._follower.apply(arrival)
        if arrival.stream == self._follower.confirming:
            self._trust.hear(arrival.generation, arrival.at, proves=view is not None)
        if view is not None:
            self.cell.publish(view)
            self._lag.add(max(0.0, self._runtime.now() - arrival.at))

    def _load(self, fetched: Fetched) -> None:
        self._asking.end(fetched)
        now = self._runtime.now()
        if fetched.body is None:
            self._fail(fetched, fetched.failure or Refused("no reply"))
            return
        self._enter(fetched.generation)
        try:
            view, agrees = self._follower.load(
                fetched.body, fetched.question, now, fetched.began_at
            )
        except FeedFailed as failure:
            log.warning("%s: %s", self.cell.name, failure)
            self._fail(fetched, Refused(str(failure)))
            return
        self.loads += 1
        metrics.FEED_LOADS.labels(self._market, self._follower.kind).inc()
        if view is not None:
            self._check(fetched, agrees, now)
        shown = view or self.cell.view
        if shown is not None:
            self.cell.publish(shown)

    def _fail(self, fetched: Fetched, failure: Exception) -> None:
        """Tell who waits that there is no reply, unless another is under way for them."""
        now = self._runtime.now()
        self._retry_at = now + RETRY_S
        self.record.note(getattr(failure, "reason", None) or str(failure), now)
        metrics.REPAIR_FAILURES.labels(self._market, self._follower.kind).inc()
        if not self._asking.is_under_way(for_client=True):
            self.cell.fail(failure)

    def _check(self, fetched: Fetched, agrees: bool, now: float) -> None:
        tap = self._tap
        checked = Checked(
            fetched.generation,
            fetched.began_at,
            now,
            self._clock.at(now),
            agrees,
            tap.subscribed_at,
        )
        if self._trust.check(checked, tap.generation):
            log.warning("%s: the stream is dead, subscribing anew", self.cell.name)
            self.record.repairs += 1
            self.record.note("the stream is dead", now)
            metrics.REPAIRS.labels(self._market, "resubscribe").inc()
            self._streams.renew(tap)

    def _enter(self, generation: int) -> None:
        if generation > self._generation:
            self._generation = generation
            self._follower.begin_generation()

    def _repair(self, reason: str) -> None:
        """Ask REST for what is missing; until it is here, the view does not count."""
        now = self._runtime.now()
        self._trust.doubt(now)
        self.record.note(reason, now)
        if now >= self._retry_at and not self._asking.is_under_way(for_client=False):
            log.warning("%s: %s", self.cell.name, reason)
            metrics.REPAIRS.labels(self._market, "fetch").inc()
            self._retry_at = now + RETRY_S
            self.record.repairs += 1
            self.want(for_client=False)
