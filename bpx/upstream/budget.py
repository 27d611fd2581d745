"""Whether a call may go, and when: the allowance and the hold, with a clock and a lock."""

import logging
from dataclasses import dataclass
from math import inf
from threading import Condition, Lock

from bpx.errors import Abandoned, NotSent, OverBudget, RequestFailed
from bpx.metrics import (
    UPSTREAM_BLOCKED,
    UPSTREAM_HOLD_LEFT,
    UPSTREAM_HOLDS,
    UPSTREAM_WEIGHT,
    UPSTREAM_WEIGHT_LIMIT,
    UPSTREAM_WEIGHT_USED,
)
from bpx.repeats import Repeats
from bpx.runtime import Memory, Oblivion, Runtime
from bpx.upstream.allowance import Allowance
from bpx.upstream.bucket import LeakyBucket
from bpx.upstream.call import Call, Kind, Reply, is_left, patience_s
from bpx.upstream.clock import Clock, replied_at_ms
from bpx.upstream.hold import Block
from bpx.upstream.lasting import LastingHold
from bpx.upstream.ledger import Charge
from bpx.upstream.refusal import is_firewall, read_refusal

log = logging.getLogger(__name__)

REFUSAL_BYTES = 64 << 10  # a larger body is no refusal


@dataclass(frozen=True, slots=True)
class Passage:
    """Leave for one call to go: to be ended by `Budget.learn` or by `Budget.give_up`, once."""

    call: Call
    charge: Charge
    is_probe: bool


class Budget:
    """What one address may ask of one market. Greenlets share it.

    A condition guards its parts; waiting on it is bounded by the call's kind, and ends as soon
    as the call may go or is known to be refused.
    """

    def __init__(
        self,
        market: str,
        runtime: Runtime,
        clock: Clock,
        bucket: LeakyBucket,
        limit: int,
        memory: Memory | None = None,
        client_limit: int | None = None,
        part: float = 1.0,
    ) -> None:
        self._market = market
        self._now = runtime.now
        self._clock = clock
        self._allowance = Allowance(bucket, limit, client_limit, part)
        self._hold = LastingHold(
            self._allowance.limit_text, memory or Oblivion(), market, runtime.now()
        )
        self._block = Block()
        self._changed = Condition(Lock())  # nothing under it may let others run, but its own wait
        self._is_closed = False
        self._repeats = Repeats(log, runtime.now)
        self._weights = {kind: UPSTREAM_WEIGHT.labels(market, kind.name.lower()) for kind in Kind}
        UPSTREAM_WEIGHT_LIMIT.labels(market).set(limit)
        UPSTREAM_WEIGHT_USED.labels(market).set_function(lambda: self.spent()[0])
        UPSTREAM_HOLD_LEFT.labels(market).set_function(self.hold_left_s)
        UPSTREAM_BLOCKED.labels(market).set_function(self.blocked_left_s)

    def close(self) -> None:
        """Let nobody wait any longer: what has not had its turn does not go."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def hold_left_s(self) -> float:
        """Return for how many seconds Binance wants to hear nothing of us; 0.0 if it may."""
        with self._changed:
            return self._hold.seconds_left(self._now())

    def blocked_left_s(self) -> float:
        """Return for how many seconds no public read goes, because a firewall said 403."""
        return self._block.seconds_left(self._now())

    def spent(self) -> tuple[int, int]:
        """Return the weight that counts as used in this minute, and its limit."""
        with self._changed:
            ledger = self._allowance.ledger
            return ledger.used(self._clock.at(self._now())), ledger.limit

    def bucket(self) -> tuple[float, float]:
        """Return the requests that have not leaked out of the bucket, and those that it takes."""
        with self._changed:
            return self._allowance.bucket.level(self._now()), self._allowance.bucket.capacity

    def taken(self) -> dict[str, float]:
        """Return the weight that each client has taken in the last minute or so, the most first."""
        with self._changed:
            return self._allowance.taken(self._now())

    def needs_probe(self) -> bool:
        """Whether a hold's time is over, and one cheap call has to show that it is lifted."""
        with self._changed:
            return self._hold.needs_probe(self._now())

    def refuse(self, kind: Kind) -> None:
        """Tell what Binance told us, if it does not want to hear calls of that kind now.

        Raises:
            Throttled: Binance said 429.
            Banned: Binance said 418.
            NotSent: a firewall wants no public reads.
        """
        with self._changed:
            self._refuse(kind)

    def refuse_unproven(self, kind: Kind) -> None:
        """Refuse also where a hold's time is over and no probe has shown that it is lifted.

        Raises:
            Throttled, Banned, NotSent: as `refuse` does.
        """
        with self._changed:
            self._hold.refuse_unproven(self._now())
            self._refuse(kind)

    def adopt_limit(self, weight_per_minute: int) -> None:
        """Take Binance's limit of the day, as exchangeInfo.rateLimits has it."""
        with self._changed:
            self._allowance.ledger.limit = weight_per_minute
            self._hold.limit_message = self._allowance.limit_text
            self._changed.notify_all()
        UPSTREAM_WEIGHT_LIMIT.labels(self._market).set(weight_per_minute)

    def spend(self, call: Call, until: float = inf) -> Passage:
        """Wait until a call may go, and charge it. Orders and cancels go or are refused at once.

        Args:
            call: what is to go.
            until: when it has to be over.

        Raises:
            OverBudget: the budget is spent for longer than the call can wait.
            Throttled: Binance said 429.
            Banned: Binance said 418.
            NotSent: a firewall wants no public reads.
            Abandoned: its client went away while it waited.
        """
        with self._changed:
            began = self._now()
            self._refuse(call.kind)
            patience = min(patience_s(call), max(0.0, until - began))
            turn = began + self._allowance.pour(call, began, patience)
            try:
                return self._spend(call, began, turn, began + patience)
            except RequestFailed:
                self._allowance.take_back(self._now())
                raise

    def _spend(self, call: Call, began: float, turn: float, give_up_at: float) -> Passage:
        while (wait_s := turn - self._now()) > 0:
            self._wait(wait_s, call.kind)
        while (wait_s := self._weight_wait_s(call)) > 0:
            if self._now() + wait_s > give_up_at:
                raise OverBudget(self._allowance.limit_text, wait_s)
            self._wait(wait_s, call.kind)
        now = self._now()
        if is_left(call, now - began):
            raise Abandoned
        if call.kind is not Kind.PROBE:  # a hold may have come and gone while it waited
            self._hold.refuse_unproven(now)
        is_probe = self._hold.admit(now)
        charge = self._allowance.charge(call, now, self._clock.at(now))
        return Passage(call, charge, is_probe)

    def learn(self, passage: Passage, reply: Reply) -> None:
        """Take note of a reply: its time, the weight it says is used, and a refusal."""
        body = reply.decoded if len(reply.body) <= REFUSAL_BYTES else b""
        with self._changed:
            now, was_assumed = self._now(), self._allowance.ledger.is_assumed
            at_ms = replied_at_ms(reply.header("Date"), self._clock, now)
            spent = self._allowance.learn(passage.call, passage.charge, reply, now, at_ms)
            self._weights[passage.call.kind].inc(spent)
            is_blocked = is_firewall(reply.status, body)
            if is_blocked:
                self._block.start(now)
            refusal = read_refusal(reply.status, reply.header("Retry-After"), body, at_ms)
            if passage.is_probe:
                self._hold.end_probe(now, was_answered=refusal is None)
            if refusal is not None:
                self._hold.start(refusal, now)
                UPSTREAM_HOLDS.labels(self._market, str(refusal.status)).inc()
            if was_assumed or passage.is_probe or is_blocked or refusal is not None:
                self._changed.notify_all()
        if refusal is not None:
            said = f"{self._market}: Binance said {reply.status}"
            self._repeats.warn(reply.status, f"{said}: no call for {refusal.seconds:.0f} s")

    def give_up(self, passage: Passage, *, was_sent: bool) -> None:
        """Take note that a call got no usable reply."""
        with self._changed:
            now = self._now()
            self._allowance.settle(passage.call, passage.charge, now, was_sent=was_sent)
            self._weights[passage.call.kind].inc(passage.charge.weight if was_sent else 0)
            if passage.is_probe:
                self._hold.end_probe(now, was_answered=False)
            self._changed.notify_all()

    def _wait(self, wait_s: float, kind: Kind) -> None:
        if not self._is_closed:
            self._changed.wait(wait_s)
        if self._is_closed:
            raise NotSent("the proxy is stopping")
        self._refuse(kind)

    def _refuse(self, kind: Kind) -> None:
        now = self._now()
        self._hold.refuse(now)
        self._block.refuse(kind, now)

    def _weight_wait_s(self, call: Call) -> float:
        now = self._now()
        return self._allowance.wait_for(call, now, self._clock.at(now))
