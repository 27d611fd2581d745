"""Whether a call may go, and when: the bucket, the ledger and the hold, with a clock."""

from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from threading import Condition
from typing import Protocol

from bpx.errors import Throttled
from bpx.metrics import UPSTREAM_HOLD_LEFT, UPSTREAM_WEIGHT_LIMIT, UPSTREAM_WEIGHT_USED
from bpx.runtime import Runtime
from bpx.upstream.bucket import LeakyBucket
from bpx.upstream.call import Call, Kind, Reply, recv_window_ms
from bpx.upstream.hold import Hold, read_refusal
from bpx.upstream.ledger import Charge, WeightLedger

_LIMIT_TEXT = (
    "Too much request weight used; current limit is {} request weight per 1 MINUTE. "
    "Please use WebSocket Streams for live updates to avoid polling the API."
)


class Clock(Protocol):
    """The exchange's time, see `bpx.state.clock`."""

    def observe(self, exchange_ms: int, now: float) -> None:
        """Take note that the exchange's time was at least `exchange_ms` at `now`."""

    def at(self, now: float) -> int | None:
        """Return the exchange's time in ms at `now`, None if it is not known."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Leave for one call to go: to be ended by `Budget.learn` or by `Budget.give_up`, once."""

    kind: Kind
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
        self._changed = Condition()
        UPSTREAM_WEIGHT_LIMIT.labels(market).set(limit)

    def hold_left_s(self) -> float:
        """Return for how many seconds Binance wants to hear nothing of us; 0.0 if it may."""
        with self._changed:
            return self._hold.seconds_left(self._now())

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
        """
        with self._changed:
            began = self._now()
            give_up_at = began + _patience_s(call)
            self._hold.refuse(began)
            self._wait_until(self._turn(call.kind, began, give_up_at))
            while (wait_s := self._weight_wait_s(call)) > 0:
                if self._now() + wait_s > give_up_at:
                    raise self._spent(wait_s)
                self._changed.wait(wait_s)
                self._hold.refuse(self._now())
            now = self._now()
            is_probe = self._hold.admit(now)
            charge = self._ledger.charge(call.weight, self._clock.at(now))
            self._show()
        return Passage(call.kind, charge, is_probe)

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
            is_free = passage.kind.is_trade and reply.status == 200 and used is not None
            self._ledger.settle(passage.charge, was_counted=not is_free)
            if at_ms is not None:
                self._ledger.adopt(used, at_ms)
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
        wait_s = 0.0 if kind.is_trade else self._bucket.wait_for(kind.share, now)
        if now + wait_s > give_up_at:
            raise self._spent(wait_s)
        self._bucket.pour(now)
        return now + wait_s

    def _wait_until(self, turn: float) -> None:
        while (wait_s := turn - self._now()) > 0:
            self._changed.wait(wait_s)
            self._hold.refuse(self._now())

    def _weight_wait_s(self, call: Call) -> float:
        return self._ledger.wait_for(call.weight, call.kind.share, self._clock.at(self._now()))

    def _spent(self, wait_s: float) -> Throttled:
        return Throttled(_LIMIT_TEXT.format(self._ledger.limit), wait_s)

    def _show(self) -> None:
        now = self._now()
        UPSTREAM_WEIGHT_USED.labels(self._market).set(self._ledger.used(self._clock.at(now)))
        UPSTREAM_HOLD_LEFT.labels(self._market).set(self._hold.seconds_left(now))


def _patience_s(call: Call) -> float:
    """Return how long a call may wait: a signed one must not outlive its recvWindow."""
    if call.kind is Kind.SIGNED:
        return min(call.kind.wait_s, recv_window_ms(call) / 4000)
    return call.kind.wait_s


def _date_ms(date: str | None) -> int | None:
    if date is None:
        return None
    try:
        parsed = parsedate_to_datetime(date)
    except ValueError:
        return None
    return int(parsed.replace(tzinfo=UTC).timestamp()) * 1000
