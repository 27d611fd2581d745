"""Which calls are tried a second time.

* a public read, if it failed or was answered 502, 503 or 504;
* a signed read, if no byte of it went and more than half of its window is left;
* whatever changes something, on the same host, if no byte went, within a second;
* a question of our own, if an attempt at it has failed.
"""

from bpx.errors import Failing, NotSent, ReadFailed, Redirected, Untrusted
from bpx.upstream.broken import Broken
from bpx.upstream.call import Call, Reply, recv_window_ms, window_left_ms
from bpx.upstream.retry import RECONNECT_S, RETRY_STATUSES, short_wait_s


def second_wait_s(
    call: Call, first: Reply | Broken, waited_s: float, at_ms: int | None
) -> float | None:
    """Return how long to wait before one more try; None if there must not be one.

    Args:
        call: what was asked.
        first: what came of it.
        waited_s: seconds since the call came to us.
        at_ms: the exchange's time, None if it is not known.
    """
    if isinstance(first, Reply):
        is_passing = call.kind.is_public and first.status in RETRY_STATUSES
        return short_wait_s() if is_passing else None
    if not first.is_hosts or isinstance(first.failure, Redirected):
        return None
    if call.kind.is_public:
        return short_wait_s()
    if first.was_sent:
        return None
    if call.kind.is_trade:
        return 0.0 if waited_s < RECONNECT_S else None
    left_ms = window_left_ms(call, at_ms, waited_s)
    return 0.0 if left_ms > recv_window_ms(call) / 2 else None


def is_passing(failure: ReadFailed | NotSent) -> bool:
    """Tell whether a question of our own may have better luck a little later.

    What was not let go was no attempt: a breaker or a firewall wants longer than that.
    """
    if isinstance(failure, Failing):
        return failure.status in RETRY_STATUSES
    if isinstance(failure, NotSent):
        cause = failure.__cause__
        was_tried = isinstance(cause, Broken) and cause.is_hosts
        return was_tried and not isinstance(failure, Untrusted)
    return True
