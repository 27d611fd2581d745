"""A call's way to Binance: to which host, under whose leave, and whether once more.

What may be tried again is all here:

* a public read, once, if it failed or was answered 502, 503 or 504;
* a signed read, once, if no byte of it went and more than half of its window is left;
* whatever changes something, once, on the same host, if no byte went, within a second.
"""

import logging
from functools import partial

from bpx.errors import Abandoned, Banned, NotSent, Redirected, RequestFailed, Throttled
from bpx.metrics import UPSTREAM_CALLS, UPSTREAM_RETRIES
from bpx.runtime import Runtime
from bpx.upstream.body import BadBody, decode
from bpx.upstream.budget import Budget, Clock, Passage
from bpx.upstream.call import Call, Kind, Reply, patience_s, recv_window_ms, window_left_ms
from bpx.upstream.hosts import Host, Hosts, Ticket
from bpx.upstream.retry import RECONNECT_S, RETRY_STATUSES, RetryBudget, short_wait_s
from bpx.upstream.wire import Broken

log = logging.getLogger(__name__)

LEAST_S = 0.1  # that has to be left for one more try
REFUSAL_STATUSES = (403, 418, 429)  # in whose body there may be more about it
REFUSAL_BYTES = 64 << 10

Outcome = Reply | Broken


class Tries:
    """Makes calls. Greenlets share it.

    Args:
        market: its name, for metrics.
        hosts: of the market.
        budget: of our address, whatever the host.
        probe: what is asked first after a hold: cheap, and no client's.
        runtime: time.
        clock: the exchange's time.
    """

    def __init__(
        self,
        market: str,
        hosts: Hosts,
        budget: Budget,
        probe: Call,
        runtime: Runtime,
        clock: Clock,
    ) -> None:
        self._market = market
        self._hosts = hosts
        self._budget = budget
        self._probe = probe
        self._runtime = runtime
        self._now = runtime.now
        self._clock = clock
        self._retries = RetryBudget()

    def deliver(self, call: Call, began: float, until: float, whole_bytes: int) -> Reply:
        """Make a call, and once more where that does no harm.

        Args:
            call: what to ask.
            began: when it came.
            until: when it has to be over.
            whole_bytes: up to which the reply is read before it is returned.

        Raises:
            RequestFailed: there is no reply; see `Upstream.forward`.
        """
        host = self._hosts.choose(call.kind.pool, self._now())
        self._retries.count(self._now())
        first = self._try(call, host, began, until, whole_bytes)
        wait_s = self._wait_after(call, first, began)
        if wait_s is None or not self._may_retry(call.kind, wait_s, until):
            return _settled(first)
        self._runtime.sleep(wait_s)
        if call.is_abandoned():
            return _settled(first)
        if not call.kind.is_trade:
            host = self._hosts.choose(call.kind.pool, self._now(), besides=host)
        UPSTREAM_RETRIES.labels(self._market, call.kind.name.lower()).inc()
        try:
            second = self._try(call, host, began, until, whole_bytes, is_second=True)
        except RequestFailed:  # it did not go: what there is, is the first one
            return _settled(first)
        if isinstance(first, Broken) or isinstance(second, Reply):
            _discard(first)
            return _settled(second)
        return first

    def ask_once(self, call: Call, until: float, whole_bytes: int) -> Reply:
        """Make a call of ours, which is not tried again here. Raises what `deliver` does."""
        now = self._now()
        self._retries.count(now)
        host = self._hosts.choose(call.kind.pool, now)
        return _settled(self._try(call, host, now, until, whole_bytes))

    def may_ask_again(self, kind: Kind) -> bool:
        """Whether a question of ours that failed may be repeated, though a client waits for it."""
        return kind is Kind.BACKGROUND or self._retries.take(self._now())

    def _wait_after(self, call: Call, first: Outcome, began: float) -> float | None:
        """Return how long to wait before one more try; None if there must not be one."""
        if isinstance(first, Reply):
            is_passing = call.kind.is_public and first.status in RETRY_STATUSES
            return short_wait_s() if is_passing else None
        if not first.is_hosts or isinstance(first.failure, Redirected):
            return None
        if call.kind.is_public:
            return short_wait_s()
        waited_s = self._now() - began
        if first.was_sent:
            return None
        if call.kind.is_trade:
            return 0.0 if waited_s < RECONNECT_S else None
        left_ms = window_left_ms(call, self._clock.at(self._now()), waited_s)
        return 0.0 if left_ms > recv_window_ms(call) / 2 else None

    def _may_retry(self, kind: Kind, wait_s: float, until: float) -> bool:
        if self._now() + wait_s + LEAST_S > until:
            return False
        return not kind.is_public or self._retries.take(self._now())

    def _try(
        self,
        call: Call,
        host: Host,
        began: float,
        until: float,
        whole_bytes: int,
        is_second: bool = False,
    ) -> Outcome:
        """Make one attempt, if hold, breaker and budget let it go; they are told its outcome."""
        if self._budget.needs_probe():
            self._ask_probe(host)
        self._refuse_if_open(host, call.kind)
        passage = self._spend(call)
        ticket = host.admit(call.kind, self._now())
        if ticket is None:
            self._budget.give_up(passage, was_sent=False)
            self._refuse_if_open(host, call.kind)
            raise self._not_sent(call.kind, 1.0)
        waited_s = self._now() - began
        ask = partial(
            host.wire.ask,
            call,
            max(0.001, until - self._now()),
            whole_bytes,
            connect_s=RECONNECT_S - waited_s if is_second and call.kind.is_trade else None,
            slot_wait_s=patience_s(call) - waited_s if call.kind is Kind.SIGNED else None,
            look_again=partial(self._look_again, call, passage),
        )
        return self._carry(call, host, passage, ticket, ask)

    def _carry(
        self, call: Call, host: Host, passage: Passage, ticket: Ticket, ask: "partial[Reply]"
    ) -> Outcome:
        is_known, was_sent, has_failed, has_connected = False, True, None, True
        try:
            reply = ask()
            is_known = self._has_learned(passage, host, reply)
            has_failed = reply.status in RETRY_STATUSES and not call.kind.is_trade
        except Broken as broken:
            was_sent, has_connected = broken.was_sent, broken.has_connected
            if broken.is_hosts:
                has_failed = not has_connected or not call.kind.is_trade
            self._count(call.kind, type(broken.failure).__name__)
            return broken
        finally:
            if not is_known:
                self._budget.give_up(passage, was_sent=was_sent)
            host.end(ticket, self._now(), has_failed, has_connected=has_connected)
        self._count(call.kind, f"{reply.status // 100}xx")
        return reply

    def _has_learned(self, passage: Passage, host: Host, reply: Reply) -> bool:
        try:
            self._budget.learn(passage, reply, self._refusal_text(host, reply))
        except Exception:
            log.exception("learning from a reply failed")  # the reply is the client's all the same
            return False
        return True

    def _look_again(self, call: Call, passage: Passage) -> None:
        """Tell what has come between while a call waited for a connection."""
        if call.is_abandoned():
            raise Abandoned
        if not passage.is_probe:
            self._budget.refuse()

    def _ask_probe(self, host: Host) -> None:
        """Ask something cheap, to see whether Binance hears us again.

        Raises:
            Throttled, Banned: it does not, or somebody else is finding out.
            NotSent: nobody knows.
        """
        probe = self._probe
        passage = self._spend(probe)
        ticket = host.admit(probe.kind, self._now())
        assert ticket is not None, "a probe is urgent"
        ask = partial(host.wire.ask, probe, probe.kind.total_s)
        outcome = self._carry(probe, host, passage, ticket, ask)
        if isinstance(outcome, Broken):
            raise NotSent(f"no answer to the probe: {outcome}") from outcome
        self._budget.refuse()

    def _spend(self, call: Call) -> Passage:
        try:
            return self._budget.spend(call)
        except (Throttled, Banned, NotSent) as error:
            self._count(call.kind, type(error).__name__)
            raise

    def _refuse_if_open(self, host: Host, kind: Kind) -> None:
        wait_s = host.wait_s(kind.pool, self._now())
        if wait_s > 0 and kind is not Kind.CANCEL:
            raise self._not_sent(kind, wait_s)

    def _not_sent(self, kind: Kind, wait_s: float) -> NotSent:
        self._count(kind, "BreakerOpen")
        return NotSent(f"the breaker of {kind.pool} calls is open", wait_s)

    def _refusal_text(self, host: Host, reply: Reply) -> bytes:
        if reply.status not in REFUSAL_STATUSES or len(reply.body) > REFUSAL_BYTES:
            return b""
        decoding = partial(decode, reply.body, reply.header("Content-Encoding"))
        try:
            return host.wire.beside(decoding, len(reply.body))
        except BadBody:
            return b""

    def _count(self, kind: Kind, outcome: str) -> None:
        UPSTREAM_CALLS.labels(self._market, kind.name.lower(), outcome).inc()


def _settled(outcome: Outcome) -> Reply:
    if isinstance(outcome, Broken):
        raise outcome.failure from outcome
    return outcome


def _discard(outcome: Outcome) -> None:
    if isinstance(outcome, Reply) and outcome.stream is not None:
        outcome.stream.close()
