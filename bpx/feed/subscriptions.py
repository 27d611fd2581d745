"""Which streams a connection is to carry, and which it carries. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from bpx.feed.combined import BATCH
from bpx.feed.tap import Tap

RETRY_S = 10.0  # before a stream that was refused, or never acknowledged, is asked for again


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
    renew: bool = False  # unsubscribe and subscribe it again


class Subscriptions:
    """The streams of one connection: what is wanted of it, against what it has been told.

    One connection's greenlets own it; none of its methods waits.
    """

    def __init__(self) -> None:
        self._streams: dict[str, _Stream] = {}
        self._under_way: dict[int, Sequence[str]] = {}  # SUBSCRIBE messages by id

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
        """Yield the control messages that are due; each counts as sent when it is taken."""
        leaving = [
            name
            for name, stream in self._streams.items()
            if stream.is_subscribed and (stream.renew or not stream.taps)
        ]
        for batch in _batches(leaving):
            for name in batch:
                self._left(name)
            yield Change("UNSUBSCRIBE", batch)
        for name in [name for name, stream in self._streams.items() if not stream.taps]:
            del self._streams[name]
        joining = [name for name, stream in self._streams.items() if _is_due(stream, now)]
        for batch in _batches(joining):
            for name in batch:
                self._streams[name].asked_at = now
                self._streams[name].renew = False
            yield Change("SUBSCRIBE", batch)

    def sent(self, id_: int, change: Change) -> None:
        """Take note under which id a change went out."""
        if change.method == "SUBSCRIBE":
            self._under_way[id_] = change.streams

    def acknowledged(self, id_: int | None, now: float) -> None:
        """Take the exchange's consent to the message `id_`."""
        for name in self._under_way.pop(id_, ()) if id_ is not None else ():
            stream = self._streams.get(name)
            if stream is not None:
                stream.is_subscribed, stream.asked_at = True, None
                for tap in stream.taps:
                    tap.acknowledge(name, now)

    def lost(self) -> None:
        """Take note that the connection is gone: nothing is subscribed, every tap is broken."""
        self._under_way.clear()
        for stream in self._streams.values():
            stream.is_subscribed, stream.asked_at, stream.renew = False, None, False
        for tap in self.all_taps():
            tap.break_off()

    def _left(self, name: str) -> None:
        stream = self._streams[name]
        stream.is_subscribed, stream.asked_at = False, None


def _is_due(stream: _Stream, now: float) -> bool:
    if stream.is_subscribed or not stream.taps:
        return False
    return stream.asked_at is None or now - stream.asked_at > RETRY_S


def _batches(names: list[str]) -> Iterable[list[str]]:
    return (names[start : start + BATCH] for start in range(0, len(names), BATCH))
