"""Whether a call may go, and when: the bucket, the ledger and the hold, with a clock."""

from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from threading import Condition
from typing import Protocol

from bpx.errors import Abandoned, NotSent, Throttled
from bpx.metrics import (
    UPSTREAM_BLOCKED,
    UPSTREAM_HOLD_LEFT,
    UPSTREAM_WEIGHT_LIMIT,
    UPSTREAM_WEIGHT_USED,
)
from bpx.runtime import Runtime
from bpx.upstream.bucket import LeakyBucket
from bpx.upstream.call import Call, Kind, Reply, patience_s
from bpx.upstream.hold import BLOCKED_S, Hold, is_firewall, read_refusal
from bpx.upstream.ledger import Charge, WeightLedger
from bpx.upstream.weights import LearnedWeights

_LIMIT_TEXT = (
    "Too much request weight used; current limit is {} request weight per 1 MINUTE. "
    "Please use WebSocket Streams for live updates to avoid polling the API."
)


_HELD_BY_FIREWALL = (Kind.PUBLIC, Kind.BACKGROUND)


class Clock(Protocol):
    """The exchange's time, see `bpx.state.clock`."""

    def observe(self, exchange_ms: int, now: float) -> None:
        """Take note that the exchange's time was at least `exchange_ms` at `now`."""

    def at(self, now: float) -> int | None:
        """Return the exchange's time in ms at `now`, None if it is not known."""


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
        self, market: str, runtime: Runtime, clock: Clock, bucket: LeakyBucket, limit: int
    ) -> None:
        self._market = market
        self._now = runtime.now
        self._clock = clock
        self._bucket = bucket
        self._ledger = WeightLedger(limit)
        self._hold = Hold(_LIMIT_TEXT.format(limit))
        self._blocked_until = 0.0  # by a firewall
        self._weights = LearnedWeights()
        self._changed = Condition()
        UPSTREAM_WEIGHT_LIMIT.labels(market).set(limit)

    def hold_left_s(self) -> float:
        """Return for how many seconds Binance wants to hear nothing of us; 0.0 if it may."""
        with self._changed:
            return self._hold.seconds_left(self._now())

    def blocked_left_s(self) -> float:
        """Return for how many seconds no public read goes, because a firewall said 403."""
        return max(0.0, self._blocked_until - self._now())

    def needs_probe(self) -> bool:
        """Whether a hold's time is over, and one cheap call has to show that it is lifted."""
        with self._changed:
            return self._hold.needs_probe(self._now())

    def refuse(self) -> None:
        """Tell what Binance told us, if it does not want to hear of us now.

        Raises:
            Throttled: Binance said 429.
            Banned: Binance said 418.
        """
        with self._changed:
            self._hold.refuse(self._now())

    def adopt_limit(self, weight_per_minute: int) -> None:
        """Take Binance's limit of the day, as exchangeInfo.rateLimits has it."""
        with self._changed:
            self._ledger.limit = weight_per_minute
            self._hold.limit_message = _LIMIT_TEXT.format(weight_per_minute)
            self._changed.notify_all()
        UPSTREAM_WEIGHT_LIMIT.labels(self._market).set(weight_per_minute)

    def spend(self, call: Call) -> Passage:
        """Wait until a call may go, and charge it. Orders and cancels go or are refused at once.

        Raises:
            Throttled: the budget is spent for longer than the call can wait, or Binance said 429.
            Banned: Binance said 418.
            NotSent: a firewall wants no public reads.
            Abandoned: its client went away while it waited.
        """
        with self._changed:
            began = self._now()
            give_up_at = began + patience_s(call)
            self._hold.refuse(began)
            if call.kind in _HELD_BY_FIREWALL and began < self._blocked_until:
                raise NotSent("a firewall said 403", self._blocked_until - began)
            self._wait_until(self._turn(call.kind, began, give_up_at))
            weight = self._weight(call)
            while (wait_s := self._weight_wait_s(weight, call.kind)) > 0:
                if self._now() + wait_s > give_up_at:
                    raise self._spent(wait_s)
                self._changed.wait(wait_s)
                self._hold.refuse(self._now())
            now = self._now()
            if now > began and call.is_abandoned():
                raise Abandoned
            is_probe = self._hold.admit(now)
            charge = self._ledger.charge(weight, self._clock.at(now))
            self._show()
        return Passage(call, charge, is_probe)

    def learn(self, passage: Passage, reply: Reply, decoded: bytes) -> None:
        """Take note of a reply: its time, the weight it says is used, and a refusal.

        Args:
            passage: of the call.
            reply: as it came.
            decoded: its body, where the status says that there may be a refusal in it.
        """
        date_ms = _date_ms(reply.header("Date"))
        with self._changed:
            now = self._now()
            if date_ms is not None:
                self._clock.observe(date_ms, now)
            at_ms = self._clock.at(now) if date_ms is None else date_ms
            used = reply.header("X-MBX-USED-WEIGHT-1M")
            was_assumed = self._ledger.is_assumed
            # A successful order weighs nothing (spot changelog, 2026-04-02); the header knows.
            is_free = passage.call.kind.is_trade and reply.status == 200 and used is not None
            self._ledger.settle(passage.charge, was_counted=not is_free)
            if at_ms is not None and self._ledger.adopt(used, at_ms):
                self._learn_weight(passage)
            if is_firewall(reply.status, decoded):
                self._blocked_until = now + BLOCKED_S
            refusal = read_refusal(reply.status, reply.header("Retry-After"), decoded, at_ms)
            if passage.is_probe:
                self._hold.end_probe(now, was_answered=refusal is None)
            if refusal is not None:
                self._hold.start(refusal, now)
            if was_assumed or passage.is_probe or refusal is not None:
                self._changed.notify_all()
            self._show()

    def give_up(self, passage: Passage, *, was_sent: bool) -> None:
        """Take note that a call got no usable reply."""
        with self._changed:
            self._ledger.settle(passage.charge, was_counted=was_sent)
            if passage.is_probe:
                self._hold.end_probe(self._now(), was_answered=False)
            self._changed.notify_all()
            self._show()

    def _turn(self, kind: Kind, now: float, give_up_at: float) -> float:
        """Pour a request into the bucket, and return when it has its turn."""
        is_waiting = not kind.is_trade and kind is not Kind.PROBE
        wait_s = 0.0 if not is_waiting else self._bucket.wait_for(kind.share, now)
        if now + wait_s > give_up_at:
            raise self._spent(wait_s)
        self._bucket.pour(now)
        return now + wait_s

    def _wait_until(self, turn: float) -> None:
        while (wait_s := turn - self._now()) > 0:
            self._changed.wait(wait_s)
            self._hold.refuse(self._now())

    def _weight(self, call: Call) -> int:
        if not call.is_unknown:
            return call.weight
        return self._weights.weight(_route(call), call.weight)

    def _learn_weight(self, passage: Passage) -> None:
        weight = self._ledger.measured(passage.charge) if passage.call.is_unknown else None
        if weight is not None:
            self._weights.learn(_route(passage.call), weight)

    def _weight_wait_s(self, weight: int, kind: Kind) -> float:
        return self._ledger.wait_for(weight, kind.share, self._clock.at(self._now()))

    def _spent(self, wait_s: float) -> Throttled:
        return Throttled(_LIMIT_TEXT.format(self._ledger.limit), wait_s)

    def _show(self) -> None:
        now = self._now()
        UPSTREAM_WEIGHT_USED.labels(self._market).set(self._ledger.used(self._clock.at(now)))
        UPSTREAM_HOLD_LEFT.labels(self._market).set(self._hold.seconds_left(now))
        UPSTREAM_BLOCKED.labels(self._market).set(max(0.0, self._blocked_until - now))


def _route(call: Call) -> str:
    return f"{call.method} {call.path}"


def _date_ms(date: str | None) -> int | None:
    if date is None:
        return None
    try:
        parsed = parsedate_to_datetime(date)
    except ValueError:
        return None
    return int(parsed.replace(tzinfo=UTC).timestamp()) * 1000
