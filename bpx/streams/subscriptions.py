"""Which streams a link has been told to carry, against those that are wanted. Pure."""

from collections.abc import Callable, Collection, Iterable, MutableMapping
from dataclasses import dataclass
from itertools import islice
from math import inf

from bpx.streams.combined import BATCH, Change

RETRY_S = 10.0  # before a stream that was refused, or never acknowledged, is asked for again
RETRIES = 3  # as soon as that
RARELY_S = 300.0  # and after them
KEPT_IDS = 3  # SUBSCRIBE messages of one stream whose acknowledgement may still come


@dataclass(slots=True)
class _Stream:
    is_told: bool = False  # the exchange may be sending it
    since: float | None = None  # when it was acknowledged, or a message was lost
    asked_at: float = -inf  # by a SUBSCRIBE, last
    asked_ids: tuple[int, ...] = ()  # of those that were not acknowledged
    tries: int = 0  # without an acknowledgement
    renew: bool = False  # unsubscribe and subscribe it again
    renewed_at: float = -inf


class Subscriptions:
    """The streams of one link.

    None of its methods waits.

    Args:
        wanted: the names of those that it is to carry, as they are at any time.
        refusals: how often a name was refused in a row, by whichever link; a successor need not
            learn it anew. Nothing by default.
    """

    def __init__(
        self, wanted: Collection[str], refusals: MutableMapping[str, int] | None = None
    ) -> None:
        self._wanted = wanted
        self._refusals: MutableMapping[str, int] = {} if refusals is None else refusals
        self._streams: dict[str, _Stream] = {}
        self.delivered: dict[str, float] = {}  # when a stream last did, as it is subscribed now
        self._parting: dict[str, tuple[int, float]] = {}  # left with which message, and until when
        self._unanswered: int | None = None  # the last message, until its answer comes

    def since(self, name: str) -> float | None:
        """Return since when a stream brings everything; None if it is not, or to be renewed."""
        stream = self._streams.get(name)
        return None if stream is None or stream.renew else stream.since

    def is_parting(self, name: str, now: float) -> bool:
        """Whether what comes of a stream is of a subscription that is being left.

        What is missed before the next one is nobody's: such a message proves nothing any more.
        Where the exchange does not answer, that is over after `RETRY_S`.
        """
        stream = self._streams.get(name)
        if stream is not None and stream.renew:
            return True
        parting = self._parting.get(name)
        return parting is not None and now < parting[1]

    def is_vain(self, name: str) -> bool:
        """Whether a stream was asked for and is not acknowledged, in spite of another try."""
        stream = self._streams.get(name)
        if stream is None or stream.since is not None:
            return False
        return stream.tries > 1 or name in self._refusals

    def newest_since(self) -> float:
        """Return when the last acknowledgement came of those that are wanted; -inf if none has."""
        times = [self.since(name) for name in list(self._wanted)]
        return max((at for at in times if at is not None), default=-inf)

    def miss(self, now: float) -> None:
        """Take note that a message of any stream was lost: they are complete only from `now` on."""
        for stream in self._each(list(self._streams)):
            stream.since = None if stream.since is None else now

    def renew(self, names: Iterable[str]) -> None:
        """Have streams subscribed anew, each at most once in `RETRY_S`: they seem dead."""
        for stream in self._each(names):
            stream.renew = stream.is_told

    def next_change(self, now: float) -> Change | None:
        """Return the control message that is due, which counts as sent; None if none is.

        What is left goes first, so that there is never too much. Whoever comes or goes between
        two messages is counted in.
        """
        for name in [name for name, one in list(self._streams.items()) if not one.is_told]:
            if name not in self._wanted:
                del self._streams[name]
        over = [name for name, one in list(self._streams.items()) if self._is_over(name, one, now)]
        if over:
            return self._left(over[:BATCH], now)
        due = self._due(now)
        return self._asked(due, now) if due else None

    def sent(self, id_: int, change: Change, now: float) -> None:
        """Take note under which id a change goes out."""
        self._unanswered = id_
        if change.method == "SUBSCRIBE":
            for stream in self._each(change.streams):
                stream.asked_ids = (*stream.asked_ids, id_)[-KEPT_IDS:]
        else:
            self._part(lambda _, until: now >= until)
            self._parting.update((name, (id_, now + RETRY_S)) for name in change.streams)

    def acknowledged(self, id_: int | None, now: float) -> list[str]:
        """Take the exchange's consent to the message `id_`; return the streams that it is about."""
        self._answered(id_)
        names = self._asked_with(id_)
        for stream in self._each(names):
            stream.since, stream.asked_ids, stream.tries = now, (), 0
        for name in names:
            self._refusals.pop(name, None)
            self._parting.pop(name, None)
        return [name for name in names if self.since(name) is not None]

    def refused(self, id_: int | None) -> None:
        """Take its refusal: what was asked for together is asked for again in smaller groups.

        One without an id is of the last message, which alone is waited for; but it ends no wait
        for the answer to an UNSUBSCRIBE.
        """
        of = self._unanswered if id_ is None else id_
        self._answered(id_)
        for name in [name for name in self._refusals if name not in self._wanted]:
            self._refusals.pop(name, None)
        for name in self._asked_with(of):
            self._refusals[name] = self._refusals.get(name, 0) + 1

    def _answered(self, id_: int | None) -> None:
        if id_ in (None, self._unanswered):
            self._unanswered = None
        self._part(lambda left_with, _: left_with == id_)

    def _part(self, is_over: Callable[[int, float], bool]) -> None:
        for name, parting in list(self._parting.items()):
            if is_over(*parting):
                del self._parting[name]

    def _left(self, names: list[str], now: float) -> Change:
        for name in names:
            stream = self._streams.pop(name)
            self.delivered.pop(name, None)
            if name in self._wanted:
                self._streams[name] = _Stream(tries=stream.tries, renewed_at=now)
        return Change("UNSUBSCRIBE", names)

    def _asked(self, names: list[str], now: float) -> Change:
        for name in names:
            stream = self._streams.setdefault(name, _Stream())
            stream.is_told, stream.asked_at, stream.tries = True, now, stream.tries + 1
        return Change("SUBSCRIBE", names)

    def _due(self, now: float) -> list[str]:
        """Return the names for the next SUBSCRIBE: all of them have failed equally often.

        What has failed least goes first: what is asked for one by one keeps nobody waiting.
        """
        failures = {
            name: self._failures(name) for name in list(self._wanted) if self._is_due(name, now)
        }
        least = min(failures.values(), default=0)
        together = (name for name, count in failures.items() if count == least)
        return list(islice(together, max(1, BATCH // 10**least)))

    def _failures(self, name: str) -> int:
        """Return how often a stream was refused, or asked for on this link without an answer."""
        stream = self._streams.get(name)
        tries = 0 if stream is None else stream.tries
        return min(max(tries, self._refusals.get(name, 0)), 3)

    def _is_over(self, name: str, stream: _Stream, now: float) -> bool:
        if not stream.is_told:
            return False
        if stream.renew and now - stream.renewed_at >= RETRY_S:
            return True
        return name not in self._wanted

    def _is_due(self, name: str, now: float) -> bool:
        stream = self._streams.get(name)
        if stream is None or not stream.is_told:
            return True
        pause_s = RETRY_S if stream.tries <= RETRIES else RARELY_S
        return stream.since is None and now - stream.asked_at > pause_s

    def _asked_with(self, id_: int | None) -> list[str]:
        return [name for name, one in list(self._streams.items()) if id_ in one.asked_ids]

    def _each(self, names: Iterable[str]) -> list[_Stream]:
        return [self._streams[name] for name in names if name in self._streams]
