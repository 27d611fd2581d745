"""What has been spent of the weight that Binance allows our address in its minute."""

import re
from dataclasses import dataclass

MINUTE_MS = 60_000
EDGE_MS = 1_000  # what is sent so close to the end of a minute may be counted in the other one
ASSUMED_SHARE = 0.5  # of the limit, that somebody may have spent before we started
ASK_AGAIN_S = 1.0  # while the exchange's time is not known

_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Charge:
    """Weight that was charged before its call was sent.

    Args:
        weight: how much.
        is_late: charged at the edge of a minute, so that it counts in the next one as well.
        number: counts the charges.
        minute: in which it was charged; None if that was not known.
        used_before: what Binance had counted just before, if nothing else was on its way.
    """

    weight: int
    is_late: bool
    number: int = 0
    minute: int | None = None
    used_before: int | None = None


class WeightLedger:
    """Spending in the current minute of the exchange's time, never below what is true.

    It is charged before a call goes and raised to what replies say. Binance's counter knows of
    other programs at our address, and does not know yet of calls that are on their way: so those
    are added to what it says. All times are the exchange's, in ms; None until that is known.

    Where others at our address have parts of the limit that are theirs, what is used by all is held
    to the limit, and what we spend to our part of it.

    Args:
        limit: weight per minute, as `exchangeInfo.rateLimits` has it; may be set at any time.
        part: of the limit, that is ours.
    """

    def __init__(self, limit: int, part: float = 1.0) -> None:
        self.limit = limit
        self._part = part
        self._minute: int | None = None
        self._used = 0
        self._own = 0  # of what is used, ours
        self._open = 0  # charged, and not settled yet
        self._late = 0  # charged at the edge of this minute, and settled
        self._assumes = True  # that others were here before us: until a reply or a minute tells
        self._before = 0  # spent in the minute before this one
        self._own_before = 0  # of that, ours
        self._here = 0  # charged in this minute
        self._charges = 0  # so far
        self._counted: int | None = None  # by Binance in this minute, as of the newest reply

    @property
    def own_limit(self) -> float:
        """How much of the limit is ours."""
        return self.limit * self._part

    @property
    def is_assumed(self) -> bool:
        """Whether half of the limit is taken for spent, as nothing has told yet."""
        return self._assumes

    def used(self, at_ms: int | None) -> int:
        """Return what counts as spent in the minute of `at_ms`."""
        self._turn_to(at_ms)
        return self._used + (int(self.limit * ASSUMED_SHARE) if self._assumes else 0)

    def minute_left(self, at_ms: int | None) -> float:
        """Return which part of the minute is still to come; all of it if that is not known."""
        return 1.0 if at_ms is None else 1 - at_ms % MINUTE_MS / MINUTE_MS

    def wait_for(self, weight: int, share: float, at_ms: int | None) -> float:
        """Return the seconds until `weight` may be spent under `share` of the limit; 0.0 if now.

        While the spending is only assumed, one call at a time goes in any case: its reply tells.
        """
        used = self.used(at_ms)
        has_room = self._has_room(used + weight, self._own + weight, share)
        if has_room or (self._assumes and not self._open):
            return self._edge_s(weight, share, at_ms)
        if at_ms is None or self._minute is None:
            return ASK_AGAIN_S
        return ((self._minute + 1) * MINUTE_MS - at_ms) / 1000

    def _has_room(self, used: int, own: int, share: float) -> bool:
        return used <= self.limit * share and own <= self.own_limit * share

    def _edge_s(self, weight: int, share: float, at_ms: int | None) -> float:
        """Return how long a minute is too young for what the one before it had no room for."""
        if at_ms is None or self._minute is None:
            return 0.0
        age_ms = at_ms - self._minute * MINUTE_MS
        here = self._here + weight
        has_room = self._has_room(self._before + here, self._own_before + here, share)
        if age_ms >= EDGE_MS or has_room:
            return 0.0
        return (EDGE_MS - age_ms) / 1000

    def charge(self, weight: int, at_ms: int | None) -> Charge:
        """Spend `weight`, whether it fits or not."""
        self._turn_to(at_ms)
        is_late = at_ms is not None and MINUTE_MS - at_ms % MINUTE_MS <= EDGE_MS
        used_before = None if self._open or self._late else self._counted
        self._used += weight
        self._own += weight
        self._here += weight
        self._open += weight
        self._charges += 1
        return Charge(weight, is_late, self._charges, self._minute, used_before)

    def settle(self, charge: Charge, *, was_counted: bool = True) -> None:
        """Take note that a call is over.

        Args:
            charge: what it was charged.
            was_counted: False if Binance cannot have counted it; then it is given back.
        """
        is_of_now = charge.minute == self._minute
        self._open -= charge.weight
        if not was_counted:
            self._used = max(0, self._used - charge.weight)
            self._own = max(0, self._own - charge.weight)
            self._here = max(0, self._here - charge.weight) if is_of_now else self._here
        elif charge.is_late and is_of_now:
            self._late += charge.weight

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
        self._counted = int(used_weight)
        self._assumes = False
        return True

    def measured(self, charge: Charge) -> int | None:
        """Return what a call has cost, after its reply was adopted; None if others hide it."""
        is_alone = charge.number == self._charges and charge.minute == self._minute
        if charge.used_before is None or self._counted is None or not is_alone:
            return None
        cost = self._counted - charge.used_before
        return cost if cost >= 0 else None

    def _turn_to(self, at_ms: int | None) -> None:
        """Begin another minute. A clock may lag a little; a larger step back is another clock."""
        if at_ms is None:
            return
        minute = at_ms // MINUTE_MS
        if self._minute is not None and self._minute - 1 <= minute <= self._minute:
            return
        if self._minute is not None:
            self._assumes = False
        is_next = self._minute == minute - 1
        self._before, self._own_before = (self._used, self._own) if is_next else (0, 0)
        self._minute = minute
        self._used = self._own = self._open + (self._late if is_next else 0)
        self._late = self._here = 0
        self._counted = None
