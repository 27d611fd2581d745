"""Which streams a connection is to carry, and which it carries. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from bpx.feed.combined import BATCH
from bpx.feed.tap import Tap

RETRY_S = 10.0  # before a stream that was refused, or never acknowledged, is asked for again
KEPT_IDS = 3  # SUBSCRIBE messages of one stream whose acknowledgement may still come


@dataclass(frozen=True, slots=True)
class Change:
    """A control message to send."""

    method: str
    streams: Sequence[str]


@dataclass(slots=True)
class _Stream:
    taps: list[Tap] = field(default_factory=list)
    is_subscribed: bool = False
    asked_at: float | None = None  # the SUBSCRIBE that is under way
    asked_ids: tuple[int, ...] = ()  # and its id, with those before it that were not acknowledged
    renew: bool = False  # unsubscribe and subscribe it again

    @property
    def is_told(self) -> bool:
        """Whether the exchange may be sending it."""
        return self.is_subscribed or self.asked_at is not None

    def forget(self) -> None:
        """Take note that the exchange does not send it any more."""
        self.is_subscribed, self.asked_at, self.asked_ids, self.renew = False, None, (), False


class Subscriptions:
    """The streams of one connection: what is wanted of it, against what it has been told.

    One connection's greenlets own it; none of its methods waits.
    """

    def __init__(self) -> None:
        self._streams: dict[str, _Stream] = {}

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def is_wanted(self) -> bool:
        """Whether anybody listens."""
        return any(stream.taps for stream in self._streams.values())

    def add(self, tap: Tap, now: float) -> None:
        """Let `tap` hear its streams. One that is there already counts as acknowledged."""
        for name in tap.streams:
            stream = self._streams.setdefault(name, _Stream())
            stream.taps.append(tap)
            if stream.is_subscribed and not stream.renew:
                tap.acknowledge(name, now)

    def remove(self, tap: Tap) -> None:
        """Let `tap` hear nothing any more."""
        for name in tap.streams:
            stream = self._streams.get(name)
            if stream is not None and tap in stream.taps:
                stream.taps.remove(tap)
                if not stream.taps and not stream.is_told:
                    del self._streams[name]

    def renew(self, tap: Tap) -> None:
        """Have the streams of `tap` subscribed anew: one of them seems dead."""
        for name in tap.streams:
            if name in self._streams:
                self._streams[name].renew = True
                for listener in self._streams[name].taps:
                    listener.break_off()

    def taps(self, name: str) -> Sequence[Tap]:
        """Return who hears a stream."""
        stream = self._streams.get(name)
        return stream.taps if stream is not None else ()

    def all_taps(self) -> set[Tap]:
        """Return everyone who hears anything."""
        return {tap for stream in self._streams.values() for tap in stream.taps}

    def changes(self, now: float) -> Iterator[Change]:
        """Yield the control messages that are due; each counts as sent when it is taken.

        Whoever comes or goes between two of them is counted in.
        """
        while batch := self._batch(_is_over):
            for name in batch:
                self._streams[name].forget()
                if not self._streams[name].taps:
                    del self._streams[name]
            yield Change("UNSUBSCRIBE", batch)
        while batch := self._batch(lambda stream: _is_due(stream, now)):
            for name in batch:
                self._streams[name].asked_at = now
            yield Change("SUBSCRIBE", batch)

    def sent(self, id_: int, change: Change) -> None:
        """Take note under which id a change went out."""
        if change.method == "SUBSCRIBE":
            for name in change.streams:
                stream = self._streams.get(name)
                if stream is not None:
                    stream.asked_ids = (*stream.asked_ids, id_)[-KEPT_IDS:]

    def acknowledged(self, id_: int | None, now: float) -> None:
        """Take the exchange's consent to the message `id_`."""
        for name, stream in list(self._streams.items()):
            if id_ in stream.asked_ids:
                stream.is_subscribed, stream.asked_at, stream.asked_ids = True, None, ()
                for tap in stream.taps:
                    tap.acknowledge(name, now)

    def lost(self) -> None:
        """Take note that the connection is gone: nothing is subscribed, every tap is broken."""
        self._streams = {name: stream for name, stream in self._streams.items() if stream.taps}
        for stream in self._streams.values():
            stream.forget()
        for tap in self.all_taps():
            tap.break_off()

    def _batch(self, condition: Callable[[_Stream], bool]) -> list[str]:
        names = (name for name, stream in list(self._streams.items()) if condition(stream))
        return list(islice(names, BATCH))


def _is_over(stream: _Stream) -> bool:
    return stream.is_told and (stream.renew or not stream.taps)


def _is_due(stream: _Stream, now: float) -> bool:
    if stream.is_subscribed or not stream.taps:
        return False
    return stream.asked_at is None or now - stream.asked_at > RETRY_S
