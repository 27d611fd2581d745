"""Looking after the streams from time to time: what is not as it should be is repaired.

It is what remains when everything else has done its part: losses are repaired where they are
noticed, and whoever asks for something that is not fresh has it fetched.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from bpx import metrics
from bpx.errors import Refused
from bpx.runtime import Runtime
from bpx.streams.streams import Streams

ASKED_S = 60.0  # what was asked for within this time is kept fresh

log = logging.getLogger(__name__)


class Remedy(Enum):
    """What is done about a stream, or about what is followed."""

    ADOPT = "adopt"  # another connection carries it
    CHECK = "check"  # REST is asked whether the stream is right


class Watched(Protocol):
    """A feed, as far as it is looked after."""

    asked_at: float

    def is_alive(self, now: float) -> bool:
        """Whether the connection that carries it is."""

    def is_fresh(self, now: float) -> bool:
        """Whether it shows what the exchange would answer now."""

    def want(self, rows: int = 0, *, for_client: bool = True) -> bool:
        """Have REST asked, and return True, unless it is asked already."""


@dataclass(frozen=True, slots=True)
class Checkup:
    """What the last check has found.

    Args:
        age_s: how long ago it was; None before the first.
        looked_at: streams and feeds that it has seen.
        found: what had to be repaired, by how.
    """

    age_s: float | None
    looked_at: int
    found: Mapping[str, int] = field(default_factory=dict)


def remedy_of_feed(feed: Watched, now: float) -> Remedy | None:
    """Return what a feed needs; None if it is well, or if nobody wants to know.

    Where the connection is down no check makes it fresh: whoever asks is answered by REST.
    """
    is_wanted = now - feed.asked_at <= ASKED_S
    if is_wanted and feed.is_alive(now) and not feed.is_fresh(now):
        return Remedy.CHECK
    return None


class Health:
    """Looks at every stream and feed of a market, again and again.

    Args:
        market: for logs and metrics.
        streams: of the market.
        feeds: of all kinds.
        interval_s: between two checks.
        runtime: tasks and time.
    """

    def __init__(
        self,
        market: str,
        streams: Streams,
        feeds: Sequence[Iterable[Watched]],
        interval_s: float,
        runtime: Runtime,
    ) -> None:
        self._market = market
        self._streams = streams
        self._feeds = feeds
        self._interval_s = interval_s
        self._runtime = runtime
        self._checked_at: float | None = None
        self._last = Checkup(None, 0)
        self._closed = False

    def follow(self) -> None:
        """Look at everything, and again, until `close`."""
        while not self._closed:
            self._runtime.sleep(self._interval_s)
            try:
                self.check(self._runtime.now())
            except Exception:
                log.exception("%s: the check of all streams failed", self._market)

    def check(self, now: float) -> None:
        """Look at everything once, and repair what is not well."""
        if self._closed:
            return
        found: Counter[str] = Counter()
        taps, feeds = self._streams.taps(), [feed for kind in self._feeds for feed in kind]
        for tap in taps:
            if self._streams.is_lost(tap):
                found[Remedy.ADOPT.value] += 1
                self._streams.adopt(tap)
        for feed in feeds:
            remedy = remedy_of_feed(feed, now)
            if remedy is not None and _is_checked(feed):
                found[remedy.value] += 1
        self._note(Checkup(0.0, len(taps) + len(feeds), dict(found)), now)

    def report(self, now: float) -> Checkup:
        """Return what the last check has found."""
        age_s = None if self._checked_at is None else now - self._checked_at
        return Checkup(age_s, self._last.looked_at, self._last.found)

    def close(self) -> None:
        """End it, at the next occasion."""
        self._closed = True

    def _note(self, checkup: Checkup, now: float) -> None:
        self._last, self._checked_at = checkup, now
        metrics.CHECKS.labels(self._market).inc()
        for how, count in checkup.found.items():
            metrics.REPAIRS.labels(self._market, how).inc(count)
        if checkup.found:
            log.info("%s: the check of all streams has repaired %s", self._market, checkup.found)


def _is_checked(feed: Watched) -> bool:
    try:
        feed.want(for_client=False)
    except Refused:  # it has just ended
        return False
    return True
