"""How far what a feed shows can be believed. Pure: time and generations come as arguments."""

from dataclasses import dataclass
from math import inf

NEVER = -1  # no generation has this number
DISTRUST_S = 3.0  # how long REST's word is first taken for a stream that has not delivered yet


@dataclass(frozen=True, slots=True)
class Freshness:
    """When a quiet stream is checked.

    Args:
        quiet_s: a stream that has said nothing for as long is checked when somebody asks.
        check_interval_s: and again after as long.
        kept_s: how long REST's word stands for itself while there is no stream.
    """

    quiet_s: float = 10.0
    check_interval_s: float = 60.0
    kept_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Checked:
    """A REST reply, as far as it proves something.

    Args:
        generation: of the tap, when it was asked for.
        began_at: when it was asked for, in monotonic seconds.
        at, at_ms: when it came, in monotonic seconds and in the exchange's time, if that is known.
        agrees: it told nothing new.
        subscribed_at: since when the streams are subscribed, in this generation; None if not.
    """

    generation: int
    began_at: float
    at: float
    at_ms: int | None
    agrees: bool
    subscribed_at: float | None


class Trust:
    """What speaks for a view: messages of an unbroken stream, and REST.

    It counts in *generations* of a tap, times without a break. What was proved in an earlier one
    proves nothing now.

    Args:
        freshness: when a quiet stream is checked.
        early_s: and when already, if it is hardly ever quiet: at most once in a check interval,
            so that one that is often quiet costs no more than that.
    """

    def __init__(self, freshness: Freshness, early_s: float | None = None) -> None:
        self._freshness = freshness
        self._early_s = early_s
        self._proved = NEVER  # the generation in which the view is known to be right
        self._quiet_until = 0.0  # how long it is right without a message
        self._heard, self._heard_at = NEVER, 0.0  # when a message last came
        self._agreements = 0  # REST replies in a row that told nothing new
        self._surprises = 0  # and those that did, of a stream that was silent
        self._agreed_at = -inf  # when REST last agreed with a stream that had delivered
        self._doubted_at = 0.0  # a message was missed: what REST was asked before does not count
        self._kept, self._kept_until, self._kept_until_ms = NEVER, 0.0, 0.0

    def is_fresh(self, generation: int, now: float) -> bool:
        """Whether the view is what the exchange would say now, if the connection is alive."""
        return self._proved == generation and now < self._quiet_until

    def is_kept(self, generation: int, now: float, at_ms: int | None) -> bool:
        """Whether the view is REST's word of a moment ago, and nothing was missed since.

        The moment is one of the exchange's time, too, which may run faster than ours.
        """
        if now >= self._kept_until or self._kept != generation:
            return False
        return at_ms is None or at_ms < self._kept_until_ms

    def hear(self, generation: int, at: float, *, proves: bool) -> None:
        """Take note of a message of the stream that tells everything.

        Args:
            generation: in which it came.
            at: when, in monotonic seconds.
            proves: whether the view is what it told; an old message proves nothing.
        """
        if generation != self._heard:
            self._agreed_at = -inf
        self._heard, self._heard_at = generation, at
        self._agreements = self._surprises = 0
        if proves:
            self._proved, self._quiet_until = generation, at + self._patience_s(at)

    def doubt(self, now: float) -> None:
        """Take note that a message was missed, or could not be used."""
        self._proved, self._doubted_at, self._kept = NEVER, now, NEVER

    def check(self, checked: Checked, generation: int) -> bool:
        """Take note of a REST reply; return whether it shows that the stream is dead.

        The reply is as good as a message if the streams were subscribed before it was asked for,
        or have delivered: whatever changes after it comes as a message. That a stream was
        acknowledged does not prove that it delivers, though: until it has, REST's word is taken
        for a short time, and for longer each time it tells nothing new. If it goes on to tell
        news, the stream is dead.

        Args:
            checked: the reply.
            generation: of the tap, now.
        """
        if checked.began_at < self._doubted_at:
            return False
        self._keep(checked)
        since = checked.subscribed_at
        came_after = since is not None and checked.began_at >= since
        has_delivered = self._heard == generation
        if checked.generation != generation or not (came_after or has_delivered):
            return False
        self._weigh(checked, was_proved=self._proved == generation)
        self._proved = generation
        is_sure = has_delivered and self._agreements > 0
        trusted_s = self._sure_s(checked.at) if is_sure else self._distrust_s()
        self._quiet_until = checked.at + trusted_s
        return self._surprises > 1

    def _patience_s(self, at: float) -> float:
        """Return how long a stream may be quiet that has just delivered."""
        quiet_s, checked_s = self._freshness.quiet_s, at - self._agreed_at
        if self._early_s is None or checked_s < self._freshness.check_interval_s:
            return quiet_s
        return min(quiet_s, self._early_s)

    def _sure_s(self, at: float) -> float:
        """Return how long REST's word counts for a stream that delivers: as it has been quiet."""
        if self._early_s is None:
            return self._freshness.check_interval_s
        silent_s, quiet_s = at - self._heard_at, self._freshness.quiet_s
        if silent_s < min(self._early_s, quiet_s):
            return self._patience_s(at)
        self._agreed_at = at
        return quiet_s if silent_s < quiet_s else self._freshness.check_interval_s

    def _distrust_s(self) -> float:
        """Return how long it counts for one that has not delivered, or has missed something."""
        longest_s = self._freshness.check_interval_s
        return min(longest_s, DISTRUST_S * 2.0 ** max(0, self._agreements - 1))

    def _keep(self, checked: Checked) -> None:
        kept_s = self._freshness.kept_s
        self._kept, self._kept_until = checked.generation, checked.at + kept_s
        self._kept_until_ms = (checked.at_ms or 0) + kept_s * 1000

    def _weigh(self, checked: Checked, *, was_proved: bool) -> None:
        if checked.agrees or not was_proved:
            self._agreements, self._surprises = self._agreements + 1, 0
            return
        # News of the last moment may still be on their way as a message.
        silent_s = checked.at - max(self._heard_at, checked.subscribed_at or 0.0)
        self._agreements = 0
        self._surprises += silent_s > DISTRUST_S
