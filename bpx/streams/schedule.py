"""When a connection makes its attempts, and when its link is too old. Pure, apart from the dice."""

from math import inf
from random import uniform

from bpx.errors import Loss, StreamLost
from bpx.streams.backoff import Backoff
from bpx.streams.connects import Gate
from bpx.streams.wire import Wire

YOUNGEST = 0.9  # share of the greatest age from which on a link is replaced
UNUSED_S = 30.0  # a connection that nobody listens to is closed after this
GATE_TICK_S = 1.0  # longest time in which a closed gate is not tried again
_MAYBE_BY_COMPRESSION = {Loss.REFUSED, Loss.PROTOCOL}


class Schedule:
    """The times of one connection, in monotonic seconds.

    Args:
        wire: how it is kept.
        gate: asked before each attempt to connect.
    """

    def __init__(self, wire: Wire, gate: Gate) -> None:
        self.attempt_at = -inf  # no attempt to connect before
        self.last_loss: str | None = None
        self.offers_compression = wire.compression
        self._wire = wire
        self._gate = gate
        self._backoff = Backoff(
            wire.reconnect_delay_s, wire.max_reconnect_delay_s, wire.max_reconnects
        )
        self._old_at = self._stable_at = inf
        self._unused_since: float | None = None

    @property
    def failures(self) -> int:
        """Attempts and short lives in a row."""
        return self._backoff.failures

    @property
    def is_failing(self) -> bool:
        """Whether so many have failed that it will not be over soon."""
        return self._backoff.is_open

    def may_attempt(self, now: float) -> bool:
        """Whether an attempt may be made now, which then counts as made."""
        if now < self.attempt_at:
            return False
        wait_s = self._gate.enter(now)
        if wait_s > 0:
            self.attempt_at = now + min(wait_s, GATE_TICK_S)
        return wait_s <= 0

    def open(self, now: float) -> None:
        """Take note that there is a new link."""
        self._stable_at = now + self._wire.stable_s
        self._old_at = now + self._wire.max_age_s * uniform(YOUNGEST, 1.0)

    def lose(self, lost: StreamLost, now: float) -> str:
        """Take note of a loss, or of an attempt that failed; return it and what follows in words.

        The next attempt is made when it has been waited for as long as such a loss demands.
        """
        self.watch(now)
        self.last_loss = f"{lost.loss.value}: {lost}"
        self._stable_at = inf
        # The attempt after what may come of it goes without, and the one after that with it again.
        is_suspect = self.offers_compression and lost.loss in _MAYBE_BY_COMPRESSION
        self.offers_compression = self._wire.compression and not is_suspect
        wait_s = self._backoff.after(lost)
        self.attempt_at = now + wait_s
        if lost.loss is Loss.BANNED:
            self._gate.ban(self.attempt_at)
        return f"{self.last_loss}; next in {wait_s:.1f} s"

    def watch(self, now: float) -> None:
        """Start afresh if the link is stable by now. To be called from time to time."""
        if now >= self._stable_at:
            self._stable_at = inf
            self._backoff.start_afresh()

    def complaint(self, now: float) -> str | None:
        """Return why the link should be replaced, if it has come of age."""
        return "it is old" if now >= self._old_at else None

    def is_unused(self, now: float, streams: int) -> bool:
        """Whether nobody has wanted any of its streams for long. To be called now and then."""
        if streams:
            self._unused_since = None
        elif self._unused_since is None:
            self._unused_since = now
        return self._unused_since is not None and now - self._unused_since > UNUSED_S
