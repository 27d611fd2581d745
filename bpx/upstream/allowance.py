"""What a call may still have of what is limited: requests over time, and weight in a minute."""

from bpx.errors import OverBudget, OverShare
from bpx.upstream.bucket import LeakyBucket
from bpx.upstream.call import Call, Kind, Reply
from bpx.upstream.fairness import SPAN_S, Fairness
from bpx.upstream.ledger import Charge, WeightLedger
from bpx.upstream.weights import LearnedWeights

_LIMIT_TEXT = (
    "Too much request weight used; current limit is {} request weight per 1 MINUTE. "
    "Please use WebSocket Streams for live updates to avoid polling the API."
)

_CLIENT_TEXT = "Too much request weight used; current limit is {} request weight per client."


class Allowance:
    """The bucket and the ledger, each kind's ceiling in them, and each client's part.

    A client is only held to its part where others would have to wait for it: a request that would
    have to wait in the bucket is refused, and of the weight it leaves them what is theirs in the
    rest of the minute. That is for public reads alone: orders and accounts never wait for fairness.
    A limit of its own, if clients have one, holds for all that a client asks but to cancel.

    Every method takes `now`, in monotonic seconds, or the exchange's time in ms, None if that is
    not known. None of them waits: the caller does.

    Args:
        bucket: of requests.
        limit: of weight, in a minute of Binance's.
        client_limit: of weight, of one client in a minute; None if there is none.
        part: of the limit of weight, that is ours.
    """

    def __init__(
        self,
        bucket: LeakyBucket,
        limit: int,
        client_limit: int | None = None,
        part: float = 1.0,
    ) -> None:
        self._client_limit = client_limit
        self.ledger = WeightLedger(limit, part)
        self.bucket = bucket
        self._weights = LearnedWeights()
        self._requests_taken = Fairness()
        self._weight_taken = Fairness()
        self._spent = Fairness()  # of all that clients ask, their orders too

    @property
    def limit_text(self) -> str:
        """What Binance says when its limit is passed."""
        return _LIMIT_TEXT.format(self.ledger.limit)

    def taken(self, now: float) -> dict[str, float]:
        """Return the weight that each client has lately taken, the most first."""
        return self._spent.taken(now)

    def weight(self, call: Call) -> int:
        """Return what a call is expected to cost.

        What was only seen is never too dear to be asked again: else nobody would look anew.
        """
        if not call.is_unknown:
            return call.weight
        most = max(call.weight, int(self.ledger.own_limit * call.kind.share / 2))
        return min(self._weights.weight(_route(call), call.weight), most)

    def pour(self, call: Call, now: float, patience_s: float) -> float:
        """Spend one request, and return how long it has to wait for its turn.

        Raises:
            OverBudget: that would be longer than `patience_s`.
            OverShare: there is a wait, and it is the client's own doing.
        """
        share = call.kind.share
        wait_s = self.bucket.wait_for(share, now)
        if call.kind.is_trade or call.kind is Kind.PROBE:
            wait_s = 0.0
        if wait_s > 0 and _has_part(call):
            total = self.bucket.capacity * share + self.bucket.leak_per_s * SPAN_S
            over_s = self._requests_taken.wait_for(call.client, 1, total, now)
            if over_s > 0:
                raise OverShare(self.limit_text, over_s)
        if wait_s > patience_s:
            raise OverBudget(self.limit_text, wait_s)
        self.bucket.pour(now)
        return wait_s

    def take_back(self, now: float) -> None:
        """Undo a `pour`."""
        self.bucket.take_back(now)

    def settle(self, call: Call, charge: Charge, now: float, *, was_sent: bool) -> None:
        """Take note that a call is over; what did not go has taken nothing from anybody."""
        self.ledger.settle(charge, was_counted=was_sent)
        if was_sent:
            return
        self.bucket.take_back(now)
        self._forgive(call, charge, now)
        if _has_part(call):
            self._requests_taken.give_back(call.client, 1, now)
            self._weight_taken.give_back(call.client, charge.weight, now)

    def wait_for(self, call: Call, now: float, at_ms: int | None) -> float:
        """Return the seconds until there is weight for a call; 0.0 if there is.

        Raises:
            OverShare: there is a wait by the client's own doing, or its own limit is passed.
        """
        weight, share, over_s = self.weight(call), call.kind.share, 0.0
        if self._client_limit is not None and call.client and call.kind is not Kind.CANCEL:
            left_s = self._spent.wait_until(call.client, weight, self._client_limit, now)
            if left_s > 0:
                raise OverShare(_CLIENT_TEXT.format(self._client_limit), left_s)
        if _has_part(call):
            total = self.ledger.own_limit * share
            over_s = self._weight_taken.wait_for(call.client, weight, total, now)
        if over_s > 0:
            left = self.ledger.minute_left(at_ms)
            share *= 1 - left * (1 - 1 / self._weight_taken.clients(now))
        wait_s = self.ledger.wait_for(weight, share, at_ms)
        if wait_s > 0 and over_s > 0:
            raise OverShare(self.limit_text, min(wait_s, over_s))
        return wait_s

    def charge(self, call: Call, now: float, at_ms: int | None) -> Charge:
        """Spend a call's weight, whether it fits or not."""
        weight = self.weight(call)
        if call.client:
            self._spent.take(call.client, weight, now)
        if _has_part(call):
            self._requests_taken.take(call.client, 1, now)
            self._weight_taken.take(call.client, weight, now)
        return self.ledger.charge(weight, at_ms)

    def learn(self, call: Call, charge: Charge, reply: Reply, now: float, at_ms: int | None) -> int:
        """Take note of what a reply says is used, and so of what an unknown call has cost.

        Returns:
            What counts as spent by the call.
        """
        used = reply.header("X-MBX-USED-WEIGHT-1M") if call.tells_weight else None
        # A successful order weighs nothing (spot changelog, 2026-04-02); the header knows.
        is_free = call.kind.is_trade and reply.status == 200 and used is not None
        self.ledger.settle(charge, was_counted=not is_free)
        if is_free:
            self._forgive(call, charge, now)
        if at_ms is not None and self.ledger.adopt(used, at_ms) and call.is_unknown:
            weight = self.ledger.measured(charge)
            if weight is not None:
                self._weights.learn(_route(call), weight)
        return 0 if is_free else charge.weight

    def _forgive(self, call: Call, charge: Charge, now: float) -> None:
        if call.client:
            self._spent.give_back(call.client, charge.weight, now)


def _has_part(call: Call) -> bool:
    return call.kind is Kind.PUBLIC and call.client != ""


def _route(call: Call) -> str:
    return f"{call.method} {call.path}"
