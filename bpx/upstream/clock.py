"""The exchange's time, as its replies tell it."""

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Protocol


class Clock(Protocol):
    """The exchange's time, see `bpx.state.clock`."""

    def observe(self, exchange_ms: int, now: float) -> None:
        """Take note that the exchange's time was at least `exchange_ms` at `now`."""

    def at(self, now: float) -> int | None:
        """Return the exchange's time in ms at `now`, None if it is not known."""


def read_date_ms(date: str | None) -> int | None:
    """Return what a reply's Date says, in ms; None if that is no date."""
    if date is None:
        return None
    try:
        parsed = parsedate_to_datetime(date)
    except ValueError:
        return None
    return int(parsed.replace(tzinfo=UTC).timestamp()) * 1000
