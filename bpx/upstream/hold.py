"""What follows when Binance says 429 or 418: nothing goes there until the time is over."""

import re
from dataclasses import dataclass, replace

import orjson

from bpx.errors import Banned, NotSent, RequestFailed, Throttled
from bpx.upstream.call import Kind

TOO_MANY_ORDERS = -1015  # one account's orders, not our address
MINUTE_S = 60.0
BAN_S = 120.0  # the shortest ban there is, where nothing tells how long
SHORTEST_S = 1.0
LONGEST_S = 3 * 24 * 3600.0
BLOCKED_S = 10.0  # for uncached public reads, after a firewall's 403
PROBING_S = 1.0  # what the others are told to wait while the probe is out

_BANNED_UNTIL = re.compile(r"banned until (\d{13})")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Binance said, and for how long it holds.

    Args:
        status: 429 or 418.
        code: Binance's, from the body.
        message: Binance's, from the body; None if it had none.
        seconds: from the reply on.
    """

    status: int
    code: int
    message: str | None
    seconds: float


def read_refusal(
    status: int, retry_after: str | None, body: bytes, at_ms: int | None
) -> Refusal | None:
    """Return what a reply means for all that follow; None if it starts no hold.

    Args:
        status: of the reply.
        retry_after: its header.
        body: decoded.
        at_ms: the exchange's time, if it is known.
    """
    if status not in (429, 418):
        return None
    code, message = _read_error(body)
    if code == TOO_MANY_ORDERS:
        return None
    seconds = _seconds(status, retry_after, body.decode("latin-1"), at_ms)
    code = Throttled.code if code is None else code
    return Refusal(status, code, message, min(max(seconds, SHORTEST_S), LONGEST_S))


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


def is_firewall(status: int, body: bytes) -> bool:
    """Tell whether a reply is not the exchange's: its 403 is a page, and says no code.

    Args:
        status: of the reply.
        body: decoded.
    """
    return status == 403 and _read_error(body)[0] is None


def _read_error(body: bytes) -> tuple[int | None, str | None]:
    """Return code and message of an error's body; an edge sends HTML instead, and has none."""
    try:
        error = orjson.loads(body)
    except orjson.JSONDecodeError:
        error = None
    if not isinstance(error, dict):
        return None, None
    code, message = error.get("code"), error.get("msg")
    return code if isinstance(code, int) else None, message if isinstance(message, str) else None


def _seconds(status: int, retry_after: str | None, text: str, at_ms: int | None) -> float:
    if retry_after is not None and retry_after.isascii() and retry_after.isdecimal():
        return float(retry_after)
    banned = _BANNED_UNTIL.search(text)
    if banned is not None and at_ms is not None:
        return (int(banned[1]) - at_ms) / 1000
    if status == 418:
        return BAN_S
    return MINUTE_S if at_ms is None else MINUTE_S - at_ms / 1000 % MINUTE_S
