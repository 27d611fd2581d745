"""What follows when Binance says 429 or 418: nothing goes there until the time is over."""

from dataclasses import replace

from bpx.errors import Banned, NotSent, RequestFailed, Throttled
from bpx.upstream.call import Kind
from bpx.upstream.refusal import Refusal

BLOCKED_S = 10.0  # for uncached public reads, after a firewall's 403
PROBING_S = 1.0  # what the others are told to wait while the probe is out


class Hold:
    """Whether calls may go. After a hold the first one is a probe, and the rest wait for it.

    Every method takes `now`, in monotonic seconds.

    Args:
        limit_message: what a 429 says that Binance gave no words for.
    """

    def __init__(self, limit_message: str) -> None:
        self.limit_message = limit_message
        self._refusal: Refusal | None = None
        self._until = 0.0
        self._is_probing = False

    def seconds_left(self, now: float) -> float:
        """Return for how long nothing may go; 0.0 if something may."""
        if self._refusal is None:
            return 0.0
        if self._until > now:
            return self._until - now
        return PROBING_S if self._is_probing else 0.0

    def left(self, now: float) -> Refusal | None:
        """Return what is left of the refusal; None if it is over."""
        if self._refusal is None or self._until <= now:
            return None
        return replace(self._refusal, seconds=self._until - now)

    def refuse(self, now: float) -> None:
        """Tell a client what Binance told us.

        Raises:
            Throttled: Binance said 429.
            Banned: Binance said 418.
        """
        left_s = self.seconds_left(now)
        if left_s and self._refusal is not None:
            raise self._error(self._refusal, left_s)

    def refuse_unproven(self, now: float) -> None:
        """Tell a client what Binance told us, also while no probe has shown that it is over.

        Raises:
            Throttled, Banned: as `refuse` does.
        """
        self.refuse(now)
        if self._refusal is not None:
            raise self._error(self._refusal, PROBING_S)

    def needs_probe(self, now: float) -> bool:
        """Whether the time is over, and nobody has asked yet whether that is all."""
        return self._refusal is not None and self._until <= now and not self._is_probing

    def admit(self, now: float) -> bool:
        """Let a call go, and return whether it is the probe.

        Raises:
            Throttled, Banned: nothing may go now.
        """
        self.refuse(now)
        self._is_probing = self._refusal is not None
        return self._is_probing

    def start(self, refusal: Refusal, now: float) -> None:
        """Begin a hold, or prolong one: it never gets shorter."""
        if self._refusal is None or now + refusal.seconds >= self._until:
            self._refusal = refusal
            self._until = now + refusal.seconds

    def end_probe(self, now: float, *, was_answered: bool) -> None:
        """Take note that the probe is back; without an answer, the next call is another one."""
        self._is_probing = False
        if was_answered and self._until <= now:
            self._refusal = None

    def _error(self, refusal: Refusal, left_s: float) -> RequestFailed:
        error: RequestFailed
        if refusal.status == 418:
            message = refusal.message or "Way too much request weight used; IP banned."
            error = Banned(message, left_s)
        else:
            error = Throttled(refusal.message or self.limit_message, left_s)
        error.code = refusal.code
        return error


class Block:
    """Whether public reads may go: a firewall's 403 holds them back for a while.

    Every method takes `now`, in monotonic seconds.
    """

    def __init__(self) -> None:
        self._until = 0.0

    def start(self, now: float) -> None:
        """Begin one."""
        self._until = now + BLOCKED_S

    def seconds_left(self, now: float) -> float:
        """Return for how long no public read may go; 0.0 if they may."""
        return max(0.0, self._until - now)

    def refuse(self, kind: Kind, now: float) -> None:
        """Tell what is not to go now.

        Raises:
            NotSent: it is a public read, and they are held back.
        """
        left_s = self.seconds_left(now)
        if left_s and kind in (Kind.PUBLIC, Kind.BACKGROUND):
            raise NotSent("a firewall said 403", left_s)
