"""The link of a connection, its successor, and who hears them."""

from collections.abc import Callable
from math import inf
from threading import Lock

from bpx.streams.audience import Audience
from bpx.streams.link import Happening, Link
from bpx.streams.tap import Line, Tap
from bpx.streams.voice import Place


class Carriage:
    """Who hears what over which link: the current one, and while it is replaced its successor.

    Both deliver, and followers do not mind what comes twice. What the exchange had sent on the
    old link when a stream was acknowledged on the new one, and all after that on the new one, is
    everything: then a tap goes over without a break.
    """

    def __init__(self) -> None:
        self.audience = Audience()
        self.current: Link | None = None
        self.successor: Link | None = None
        self._refusals: dict[str, int] = {}  # of streams in a row, by whichever link
        self._lock = Lock()  # the audience, and what taps are told

    def add(self, tap: Tap, now: float) -> None:
        """Let `tap` hear its streams from now on. What is subscribed already counts as such."""
        with self._lock:
            self.audience.add(tap)
            if self.current is not None:
                _attach(tap, self.current, now)
        self._wake()

    def remove(self, tap: Tap) -> None:
        """Let `tap` hear nothing any more."""
        with self._lock:
            self.audience.remove(tap)
        self._wake()

    def renew(self, tap: Tap) -> None:
        """Subscribe the streams of `tap` anew: one of them seems dead."""
        with self._lock:
            for link in self.links():
                link.subscriptions.renew(tap.streams)
            for listener in {one for name in tap.streams for one in self.audience.of(name)}:
                listener.break_off()
        self._wake()

    def begin(self, place: Place, tell: Callable[[Happening], None]) -> Link:
        """Return the new successor, which does not live yet."""
        link = Link(place, self.audience, self._refusals, tell, self.consent, self.miss)
        self.successor = link
        return link

    def consent(self, link: Link, names: list[str], now: float) -> None:
        """Take note that the exchange has acknowledged streams of `link`."""
        with self._lock:
            if link is self.current:
                for name in names:
                    for tap in self.audience.of(name):
                        tap.acknowledge(name, now)

    def miss(self, link: Link, now: float) -> None:
        """Take note that `link` was to bring a message and nobody knows of which stream.

        It brings all that comes from `now` on: taps of the current link begin anew, and for those
        of its successor the old link has to have brought everything until then.
        """
        with self._lock:
            link.subscriptions.miss(now)
            if link is self.current:
                for tap in self.audience.all():
                    tap.break_off()
                    _attach(tap, link, now)

    def age_s(self, now: float) -> float:
        """Return how long the current link has been open; 0.0 if there is none."""
        opened_at = self.current.opened_at if self.current is not None else None
        return 0.0 if opened_at is None else now - opened_at

    def links(self) -> list[Link]:
        """Return those that there are."""
        return [link for link in (self.current, self.successor) if link is not None]

    def lose(self) -> None:
        """Take note that the current link is gone, and all that it would have brought."""
        with self._lock:
            self.current = None
            for tap in self.audience.all():
                tap.line = Line()
                tap.break_off()

    def complaint(self, now: float) -> str | None:
        """Return why the current link should be replaced, if it does not work as it should."""
        link = self.current
        if link is None:
            return None
        if link.is_warned:
            return "the exchange is about to close it"
        return "it is silent" if link.pulse.is_silent(now) else None

    def is_doomed(self, now: float) -> bool:
        """Whether the current link would not have lasted: the exchange closes it, or it is dead."""
        old = self.current
        return old is not None and (old.is_warned or now >= old.pulse.line.alive_until)

    def is_ready(self, now: float) -> bool:
        """Whether the successor may take over: nothing is gained by waiting any longer."""
        old, new = self.current, self.successor
        if old is None or new is None or not new.is_open:
            return False
        if now >= old.pulse.line.alive_until:
            return True  # whatever it misses is lost
        since = new.subscriptions.newest_since()
        old.prove(since)  # whoever is refused keeps nobody from going over
        if old.pulse.complete_until < since or self._undelivered(old, new):
            return False
        return not any(self._is_awaited(name, old, new) for name in list(self.audience.streams))

    def is_worse(self) -> bool:
        """Whether the successor has brought nothing at all, and the current link something."""
        old, new = self.current, self.successor
        if old is None or new is None or new.subscriptions.delivered:
            return False
        times = list(old.subscriptions.delivered.values())
        return any(at >= (new.opened_at or inf) for at in times)

    def promote(self, now: float) -> Link | None:
        """Let the successor take over; return the link that it replaces.

        Taps that may have missed something, or would hear nothing any more, are broken off. The old
        link is retired first, so that nothing of it comes after that.
        """
        old, new = self.current, self.successor
        assert new is not None
        with self._lock:
            self.current, self.successor = new, None
            if old is not None:
                old.retire()
            silent = set() if old is None else self._undelivered(old, new)
            for tap in self.audience.all():
                if old is not None and not _misses_nothing(tap, old, new, silent):
                    tap.break_off()
                _attach(tap, new, now)
        return old

    def _is_awaited(self, name: str, old: Link, new: Link) -> bool:
        """Whether the successor is to have a stream before it takes over.

        What the current link does not get, though it has asked more than once, nobody loses.
        """
        return new.subscriptions.since(name) is None and not old.subscriptions.is_vain(name)

    def _undelivered(self, old: Link, new: Link) -> set[str]:
        """Return the streams of which only the old link has brought something since."""
        silent = set()
        for name in set(self.audience.streams) - new.subscriptions.delivered.keys():
            since = new.subscriptions.since(name)
            if since is not None and old.subscriptions.delivered.get(name, -inf) >= since:
                silent.add(name)
        return silent

    def _wake(self) -> None:
        for link in self.links():
            link.wake()


def _attach(tap: Tap, link: Link, now: float) -> None:
    tap.line = link.pulse.line
    for name in tap.streams:
        if link.subscriptions.since(name) is not None:
            tap.acknowledge(name, now)


def _misses_nothing(tap: Tap, old: Link, new: Link, silent: set[str]) -> bool:
    since = [new.subscriptions.since(name) for name in tap.streams]
    return silent.isdisjoint(tap.streams) and all(
        at is not None and at <= old.pulse.complete_until for at in since
    )
