"""A call's way to Binance: to which host, and whether once more."""

from bpx.errors import RequestFailed
from bpx.metrics import UPSTREAM_RETRIES
from bpx.runtime import Runtime
from bpx.upstream.attempts import Attempts, Delivery, Outcome
from bpx.upstream.broken import Broken
from bpx.upstream.call import Kind, Reply, is_left
from bpx.upstream.clock import Clock
from bpx.upstream.hosts import Hosts
from bpx.upstream.retry import RetryBudget
from bpx.upstream.second import second_wait_s

LEAST_S = 0.1  # that has to be left for one more try


class Tries:
    """Makes calls. Greenlets share it.

    Args:
        market: its name, for metrics.
        hosts: of the market.
        attempts: makes one.
        runtime: time.
        clock: the exchange's time.
    """

    def __init__(
        self, market: str, hosts: Hosts, attempts: Attempts, runtime: Runtime, clock: Clock
    ) -> None:
        self._market = market
        self._hosts = hosts
        self._attempts = attempts
        self._runtime = runtime
        self._now = runtime.now
        self._clock = clock
        self._retries = RetryBudget()

    def deliver(self, delivery: Delivery) -> Reply:
        """Make a call, and once more where that does no harm.

        Raises:
            RequestFailed: there is no reply; see `Upstream.forward`.
        """
        call = delivery.call
        host = self._hosts.choose(call.kind.judged_as, self._now())
        self._retries.count(self._now())
        first = self._attempts.make(delivery, host)
        wait_s = self._wait_after(delivery, first)
        if wait_s is None:
            return _settled(first)
        self._runtime.sleep(wait_s)
        if is_left(call, self._now() - delivery.began):
            return _settled(first)
        if not call.kind.is_trade:
            host = self._hosts.choose(call.kind.judged_as, self._now(), besides=host)
        UPSTREAM_RETRIES.labels(self._market, call.kind.name.lower()).inc()
        try:
            second = self._attempts.make(delivery, host, is_second=True)
        except RequestFailed:  # it did not go: what there is, is the first one
            return _settled(first)
        if isinstance(first, Broken) or isinstance(second, Reply):
            _discard(first)
            return _settled(second)
        return first

    def ask_once(self, delivery: Delivery) -> Reply:
        """Make a call of ours, which is not tried again here. Raises what `deliver` does."""
        now = self._now()
        self._retries.count(now)
        host = self._hosts.choose(delivery.call.kind.judged_as, now)
        return _settled(self._attempts.make(delivery, host))

    def may_ask_again(self, kind: Kind) -> bool:
        """Whether a question of ours that failed may be repeated, though a client waits for it."""
        return kind is Kind.BACKGROUND or self._retries.take(self._now())

    def _wait_after(self, delivery: Delivery, first: Outcome) -> float | None:
        """Return how long to wait before one more try; None if there must not be one."""
        now, call = self._now(), delivery.call
        wait_s = second_wait_s(call, first, now - delivery.began, self._clock.at(now))
        if wait_s is None or now + wait_s + LEAST_S > delivery.until:
            return None
        return wait_s if not call.kind.is_public or self._retries.take(now) else None


def _settled(outcome: Outcome) -> Reply:
    if isinstance(outcome, Broken):
        raise outcome.failure from outcome
    return outcome


def _discard(outcome: Outcome) -> None:
    if isinstance(outcome, Reply) and outcome.stream is not None:
        outcome.stream.close()
