"""What has been spent of the weight that Binance allows our address in its minute."""

import re
from dataclasses import dataclass

MINUTE_MS = 60_000
EDGE_MS = 1_000  # what is sent this late in a minute may be counted in the next
ASSUMED_SHARE = 0.5  # of the limit, that somebody may have spent before we started
ASK_AGAIN_S = 1.0  # while the exchange's time is not known

_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Charge:
    """Weight that was charged before its call was sent.

    Args:
        weight: how much.
        is_late: charged at the edge of a minute, so that it counts in the next one as well.
    """

    weight: int
    is_late: bool


class WeightLedger:
    """Spending in the current minute of the exchange's time, never below what is true.

    It is charged before a call goes and raised to what replies say. Binance's counter knows of
    other programs at our address, and does not know yet of calls that are on their way: so those
    are added to what it says. All times are the exchange's, in ms; None until that is known.

    Args:
        limit: weight per minute, as `exchangeInfo.rateLimits` has it; may be set at any time.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._minute: int | None = None
        self._used = 0
        self._open = 0  # charged, not late, and not settled yet
        self._late = 0  # charged at the edge of this minute
        self._assumes = True  # that others were here before us: until a reply or a minute tells

    @property
    def is_assumed(self) -> bool:
        """Whether half of the limit is taken for spent, as nothing has told yet."""
        return self._assumes

    def used(self, at_ms: int | None) -> int:
        """Return what counts as spent in the minute of `at_ms`."""
        self._turn_to(at_ms)
        return self._used + (int(self.limit * ASSUMED_SHARE) if self._assumes else 0)

    def wait_for(self, weight: int, share: float, at_ms: int | None) -> float:
        """Return the seconds until `weight` may be spent under `share` of the limit; 0.0 if now.

        While the spending is only assumed, one call at a time goes in any case: its reply tells.
        """
        used = self.used(at_ms)
        if used + weight <= self.limit * share or (self._assumes and not self._open):
            return 0.0
        if at_ms is None or self._minute is None:
            return ASK_AGAIN_S
        return ((self._minute + 1) * MINUTE_MS - at_ms) / 1000

    def charge(self, weight: int, at_ms: int | None) -> Charge:
        """Spend `weight`, whether it fits or not."""
        self._turn_to(at_ms)
        is_late = at_ms is not None and MINUTE_MS - at_ms % MINUTE_MS <= EDGE_MS
        self._used += weight
        if is_late:
            self._late += weight
        else:
            self._open += weight
        return Charge(weight, is_late)

    def settle(self, charge: Charge, *, was_counted: bool = True) -> None:
        """Take note that a call is over.

        Args:
            charge: what it was charged.
            was_counted: False if Binance cannot have counted it; then it is given back.
        """
        if not charge.is_late:
            self._open -= charge.weight
        if not was_counted:
            self._used = max(0, self._used - charge.weight)
            if charge.is_late:
                self._late = max(0, self._late - charge.weight)

    def adopt(self, used_weight: str | None, replied_at_ms: int) -> bool:
        """Raise the spending to a reply's X-MBX-USED-WEIGHT-1M; return whether it said anything.

        Args:
            used_weight: the header's value; Binance leaves it out, or says -1, on some routes.
            replied_at_ms: the reply's own Date: a late reply of an old minute counts no more.
        """
        if used_weight is None or not _NUMBER.fullmatch(used_weight):
            return False
        self._turn_to(replied_at_ms)
        if replied_at_ms // MINUTE_MS != self._minute:
            return False
        self._used = max(self._used, int(used_weight) + self._open)
        self._assumes = False
        return True

    def _turn_to(self, at_ms: int | None) -> None:
        """Begin another minute. A clock may lag a little; a larger step back is another clock."""
        if at_ms is None:
            return
        minute = at_ms // MINUTE_MS
        if self._minute is not None and self._minute - 1 <= minute <= self._minute:
            return
        if self._minute is not None:
            self._assumes = False
        self._minute = minute
        self._used = self._open + self._late
        self._late = 0
