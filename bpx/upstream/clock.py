"""The exchange's time, as its replies tell it."""

from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Protocol

FAR_MS = 60_000  # no reply is on its way for so long


class Clock(Protocol):
    """The exchange's time, see `bpx.state.clock`."""

    def observe(self, exchange_ms: int, now: float) -> None:
        """Take note that the exchange's time was at least `exchange_ms` at `now`."""

    def at(self, now: float) -> int | None:
        """Return the exchange's time in ms at `now`, None if it is not known."""


@lru_cache(maxsize=100)  # many replies are of one second
def read_date_ms(date: str | None) -> int | None:
    """Return what a reply's Date says, in ms; None if that is no date."""
    if date is None:
        return None
    try:
        parsed = parsedate_to_datetime(date)
    except ValueError:
        return None
    return int(parsed.replace(tzinfo=UTC).timestamp()) * 1000


def replied_at_ms(date: str | None, clock: Clock, now: float) -> int | None:
    """Take note of a reply's Date, and return when the reply was made, in the exchange's time.

    A Date that is far from all that is known does not count: one wrong header would begin
    another minute of the weight.
    """
    date_ms = read_date_ms(date)
    if date_ms is not None:
        clock.observe(date_ms, now)
    at_ms = clock.at(now)
    if date_ms is None or at_ms is None or abs(date_ms - at_ms) > FAR_MS:
        return at_ms
    return date_ms
