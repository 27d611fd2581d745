"""A feed: the loop that keeps one cell fresh from its streams, and from REST where they fail."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bpx import metrics
from bpx.cache.cell import Cell, View
from bpx.errors import BpxError, FeedFailed, Refused
from bpx.feed.follower import Fetched, Follower, Question
from bpx.feed.streams import Streams
from bpx.feed.tap import Arrival
from bpx.runtime import Runtime
from bpx.state.clock import ExchangeClock

V = TypeVar("V", bound=View)
Ask = Callable[[Question, bool], bytes]  # with whether a client waits for it

TICK_S = 60.0  # a feed without any message looks around this often
RETRY_S = 1.0  # between repairs
DISTRUST_S = 3.0  # how long REST's word is taken for a stream that has not delivered yet

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Freshness:
    """When a quiet stream is checked.

    Args:
        quiet_s: a stream that has said nothing for as long is checked when somebody asks.
        check_interval_s: and again after as long.
        kept_s: how long REST's word stands for itself while there is no stream.
    """

    quiet_s: float = 10.0
    check_interval_s: float = 60.0
    kept_s: float = 1.0


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
        self.cell: Cell[V] = Cell(f"{market} {name}")
        self.asked_at = runtime.now()  # by a client, last
        self.loads = 0  # replies of REST that were taken
        self._kept_until = 0.0  # how long the last of them stands for itself
        self._kept_until_ms = 0.0  # in the exchange's time
        self._kept_generation = -1
        self._market = market
        self._follower = follower
        self._streams = streams
        self._ask = ask
        self._freshness = freshness
        self._runtime = runtime
        self._clock = clock
        self._tap = streams.listen(follower.route, follower.streams)
        self._generation = 0  # the one the follower's state belongs to
        self._synced = -1  # the generation in which the view is known to be right
        self._quiet_until = 0.0  # how long the view is right without a message
        self._agreements = 0  # REST checks in a row that told nothing new
        self._surprises = 0  # and those that did, without a message meanwhile
        self._heard = -1  # the generation in which a message was last heard
        self._heard_at = 0.0  # when that was
        self._is_asking = False
        self._retry_at = 0.0  # no repair before, after one that failed or has just begun
        self._broken_at = 0.0  # a message was lost then: what REST was asked before does not count
        self._retired = False

    def is_fresh(self, now: float) -> bool:
        """Whether the view is what the exchange would answer now, as far as can be known."""
        tap = self._tap
        return (
            self._synced == tap.generation
            and now < tap.line.alive_until
            and now < self._quiet_until
        )

    def is_kept(self, now: float) -> bool:
        """Whether the view is REST's word of a moment ago, and nothing was lost since.

        While a stream is down, many who ask in a row share one call. The moment is one of the
        exchange's time, too, which may run faster than ours.
        """
        if now >= self._kept_until or self._kept_generation != self._tap.generation:
            return False
        at_ms = self._clock.at(now)
        return at_ms is None or at_ms < self._kept_until_ms

    def is_idle(self, now: float) -> bool:
        """Whether nobody has asked for as long as the feed goes on without."""
        return now - self.asked_at > self._follower.idle_s

    def want(self, rows: int = 0, *, for_client: bool = True) -> None:
        """Have REST asked for `rows` rows, or for what is missing, unless it is asked already.

        Raises:
            Refused: the feed has ended.
        """
        if self._retired:
            raise Refused("the feed has ended")
        if not self._is_asking:
            now = self._runtime.now()
            question = self._follower.question(rows, self._clock.at(now))
            self._is_asking = True
            self._runtime.spawn(self._fetch, question, now, self._tap.generation, for_client)

    def follow(self) -> None:
        """Keep the cell fresh until `retire`."""
        while not self._retired:
            event = self._tap.next(TICK_S)
            try:
                self._take(event)
            except Exception as bug:
                log.exception("%s: following failed", self.cell.name)
                self._doubt()  # whoever asks next has it repaired
                self.cell.fail(Refused(repr(bug)))
        self._streams.leave(self._tap)

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
            self._repair(str(failure))

    def _fetch(self, question: Question, began_at: float, generation: int, urgent: bool) -> None:
        body, failure = None, None
        try:
            body = self._ask(question, urgent)
        except BpxError as error:
            failure = error
        except Exception as bug:
            log.exception("%s: fetching failed", self.cell.name)
            failure = Refused(repr(bug))
        self._tap.tell(Fetched(question, began_at, generation, body, failure))

    def _hear(self, arrival: Arrival) -> None:
        self._enter(arrival.generation)
        view = self._follower.apply(arrival)
        if arrival.stream == self._follower.confirming:
            self._heard, self._heard_at = arrival.generation, arrival.at
            self._surprises = self._agreements = 0
            if view is not None:
                self._synced = arrival.generation
                self._quiet_until = arrival.at + self._freshness.quiet_s
        if view is not None:
            self.cell.publish(view)

    def _load(self, fetched: Fetched) -> None:
        self._is_asking = False
        now = self._runtime.now()
        if fetched.body is None:
            self._retry_at = now + RETRY_S
            self.cell.fail(fetched.failure or Refused("no reply"))
            return
        self._enter(fetched.generation)
        try:
            view, agrees = self._follower.load(fetched.body, fetched.question, now)
        except FeedFailed as failure:
            log.warning("%s: %s", self.cell.name, failure)
            self._retry_at = now + RETRY_S
            self.cell.fail(Refused(str(failure)))
            return
        self.loads += 1
        if fetched.began_at >= self._broken_at:
            kept_s = self._freshness.kept_s
            self._kept_until, self._kept_generation = now + kept_s, fetched.generation
            self._kept_until_ms = (self._clock.at(now) or 0) + kept_s * 1000
        self._judge(fetched, agrees, now)
        if view is not None:
            self.cell.publish(view)

    def _judge(self, fetched: Fetched, agrees: bool, now: float) -> None:
        """Decide what a REST reply proves about the stream.

        The reply is as good as a message if the streams were subscribed before it was asked for,
        or have delivered: whatever changes after it comes as a message. That a stream was
        acknowledged does not prove that it delivers, though: until it has, REST's word is taken
        for a short time, and for longer each time it tells nothing new. If it goes on to tell
        news, the stream is dead.
        """
        tap = self._tap
        since = tap.subscribed_at
        came_after = since is not None and fetched.began_at >= since
        if fetched.generation != tap.generation or fetched.began_at < self._broken_at:
            return
        if not came_after and self._heard != tap.generation:
            return
        was_synced = self._synced == tap.generation
        self._synced = tap.generation
        if agrees or not was_synced:
            self._agreements += 1
            self._surprises = 0
        else:
            self._agreements = 0
            # News of the last moment may still be on their way as a message.
            self._surprises += now - max(self._heard_at, since or 0.0) > DISTRUST_S
        if self._surprises > 1:
            log.warning("%s: the stream is dead, subscribing anew", self.cell.name)
            metrics.REPAIRS.labels(self._market, "resubscribe").inc()
            self._surprises = 0
            self._streams.renew(tap)
            return
        longest_s = self._freshness.check_interval_s
        if self._heard == tap.generation and self._agreements:
            self._quiet_until = now + longest_s
        else:
            patience_s = min(longest_s, DISTRUST_S * 2.0**self._agreements)
            self._quiet_until = now + patience_s

    def _enter(self, generation: int) -> None:
        if generation > self._generation:
            self._generation = generation
            self._follower.begin_generation()

    def _repair(self, reason: str) -> None:
        """Ask REST for what is missing; until it is here, the view does not count."""
        log.warning("%s: %s", self.cell.name, reason)
        metrics.REPAIRS.labels(self._market, "fetch").inc()
        self._doubt()
        if self._broken_at >= self._retry_at:
            self._retry_at = self._broken_at + RETRY_S
            self.want(for_client=False)

    def _doubt(self) -> None:
        self._synced, self._broken_at = -1, self._runtime.now()
        self._kept_until = 0.0
