"""One attempt to get a call to a host: under whose leave it goes, and who learns from it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from math import inf

from bpx.errors import Abandoned, Banned, NotSent, ReadTimedOut, Throttled
from bpx.metrics import UPSTREAM_BYTES, UPSTREAM_CALLS, UPSTREAM_SECONDS, UPSTREAM_WAIT
from bpx.runtime import Runtime
from bpx.upstream.broken import Broken
from bpx.upstream.budget import Budget, Passage
from bpx.upstream.call import Call, Kind, Reply, is_left, never, patience_s
from bpx.upstream.flight import GRACE_S, SingleFlight
from bpx.upstream.hosts import Host, Ticket
from bpx.upstream.retry import RECONNECT_S, RETRY_STATUSES
from bpx.upstream.slow import SlowCalls

log = logging.getLogger(__name__)

Outcome = Reply | Broken

# A label's metric is looked for under locks: four of them for each call would be felt.
_remembered = lru_cache(maxsize=1_000)
_bytes, _calls = _remembered(UPSTREAM_BYTES.labels), _remembered(UPSTREAM_CALLS.labels)
_seconds, _wait = _remembered(UPSTREAM_SECONDS.labels), _remembered(UPSTREAM_WAIT.labels)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A call, and what it may take.

    Args:
        call: what to ask.
        began: when it came.
        until: when it has to be over.
        whole_bytes: up to which the reply is read before it is returned.
    """

    call: Call
    began: float
    until: float
    whole_bytes: int


class Attempts:
    """Makes attempts, if hold, breaker and budget let them go, and tells them what came of it.

    Greenlets share it.

    Args:
        market: its name, for metrics.
        budget: of our address, whatever the host.
        probe: what is asked first after a hold: cheap, and no client's.
        runtime: tasks and time.
    """

    def __init__(self, market: str, budget: Budget, probe: Call, runtime: Runtime) -> None:
        self._market = market
        self._budget = budget
        self._probe = probe
        self._probing: SingleFlight[Reply] = SingleFlight(runtime)
        self._now = runtime.now
        self.slow = SlowCalls()

    def make(self, delivery: Delivery, host: Host, *, is_second: bool = False) -> Outcome:
        """Make one attempt.

        Raises:
            RequestFailed: it was not made.
        """
        call, kind = delivery.call, delivery.call.kind
        if self._budget.needs_probe():
            self._await_probe(delivery, host)
            self._abandon_if_left(delivery)
        self._refuse_if_open(host, kind)
        passage = self._spend(call, _goes_until(delivery))
        ticket = host.admit(kind, self._now())
        if ticket is None:
            self._budget.give_up(passage, was_sent=False)
            self._refuse_if_open(host, kind)
            raise self._not_sent(kind, 1.0)
        ask = partial(
            host.wire.ask,
            call,
            delivery.until - self._now(),
            delivery.whole_bytes,
            connect_by=delivery.began + RECONNECT_S if is_second and kind.is_trade else None,
            slot_wait_s=_goes_until(delivery) - self._now(),
            look_again=partial(self._look_again, passage, delivery),
        )
        return self._carry(passage, host, ticket, ask, delivery.began)

    def _carry(
        self, passage: Passage, host: Host, ticket: Ticket, ask: Callable[[], Reply], came: float
    ) -> Outcome:
        kind, outcome = passage.call.kind, "bug"
        is_known, was_sent, has_failed, has_connected = False, True, None, True
        began = self._now()
        try:
            reply = ask()
            outcome = str(reply.status)
            is_known = self._has_learned(passage, reply)
            has_failed = reply.status in RETRY_STATUSES and not kind.is_trade
        except Broken as broken:
            was_sent, has_connected = broken.was_sent, broken.has_connected
            if broken.is_hosts:
                has_failed = not has_connected or not kind.is_trade
            outcome = type(broken.failure).__name__
            self._count(kind, outcome)
            return broken
        finally:
            if not is_known:
                self._budget.give_up(passage, was_sent=was_sent)
            now = self._now()
            host.end(ticket, now, has_failed, has_connected=has_connected)
            _seconds(self._market, kind.name.lower()).observe(now - began)
            self.slow.note(passage.call, began - came, now - began, outcome)
        _bytes(self._market).inc(len(reply.body))
        self._count(kind, f"{reply.status // 100}xx")
        return reply

    def _has_learned(self, passage: Passage, reply: Reply) -> bool:
        try:
            self._budget.learn(passage, reply)
        except Exception:
            log.exception("learning from a reply failed")  # the reply is the client's all the same
            return False
        return True

    def _look_again(self, passage: Passage, delivery: Delivery) -> None:
        """Tell what has come between while a call waited for a connection."""
        self._abandon_if_left(delivery)
        if not passage.is_probe:
            self._budget.refuse_unproven(passage.call.kind)

    def _abandon_if_left(self, delivery: Delivery) -> None:
        if is_left(delivery.call, self._now() - delivery.began):
            raise Abandoned

    def _await_probe(self, delivery: Delivery, host: Host) -> None:
        """Have something cheap asked, to see whether Binance hears us again.

        Raises:
            Throttled, Banned: it does not, or somebody else is finding out.
            NotSent: nobody knows, or not as soon as the call has to go.
        """
        longest_s = self._probe.kind.total_s + GRACE_S
        wait_s = min(longest_s, max(0.0, _goes_until(delivery) - self._now()))
        try:
            self._probing.share("probe", partial(self._ask_probe, host), wait_s, never)
        except ReadTimedOut as late:
            raise NotSent("the probe is not back yet") from late

    def _ask_probe(self, host: Host, _: Callable[[], bool]) -> Reply:
        probe = self._probe
        passage = self._spend(probe, inf)
        ticket = host.admit(probe.kind, self._now())
        assert ticket is not None, "a probe is urgent"
        ask = partial(host.wire.ask, probe, probe.kind.total_s)
        outcome = self._carry(passage, host, ticket, ask, self._now())
        if isinstance(outcome, Broken):
            reason = getattr(outcome.failure, "reason", outcome)
            raise NotSent(f"no answer to the probe: {reason}") from outcome
        self._budget.refuse(probe.kind)
        return outcome

    def _spend(self, call: Call, until: float) -> Passage:
        began = self._now()
        try:
            return self._budget.spend(call, until)
        except (Throttled, Banned, NotSent) as error:
            self._count(call.kind, type(error).__name__)
            self.slow.note(call, self._now() - began, 0.0, type(error).__name__)
            raise
        finally:
            waited_s = self._now() - began
            _wait(self._market, call.kind.name.lower()).observe(waited_s)

    def _refuse_if_open(self, host: Host, kind: Kind) -> None:
        wait_s = host.wait_s(kind.judged_as, self._now())
        if wait_s > 0 and kind is not Kind.CANCEL:
            raise self._not_sent(kind, wait_s)

    def _not_sent(self, kind: Kind, wait_s: float) -> NotSent:
        self._count(kind, "BreakerOpen")
        return NotSent(f"the breaker of {kind.pool} calls is open", wait_s)

    def _count(self, kind: Kind, outcome: str) -> None:
        _calls(self._market, kind.name.lower(), outcome).inc()


def _goes_until(delivery: Delivery) -> float:
    """Return until when a call may wait for whatever lets it go: a signed one ages meanwhile."""
    if delivery.call.kind is not Kind.SIGNED:
        return delivery.until
    return min(delivery.until, delivery.began + patience_s(delivery.call))
