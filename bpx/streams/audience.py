"""Who hears which stream of a connection."""

from collections.abc import KeysView

from bpx.streams.tap import Tap


class Audience:
    """Taps by stream. Adding and removing is for one task at a time; all may read."""

    def __init__(self) -> None:
        self._taps: dict[str, tuple[Tap, ...]] = {}
        self.streams: KeysView[str] = self._taps.keys()  # those that somebody hears, as they are

    def __len__(self) -> int:
        return len(self._taps)

    def add(self, tap: Tap) -> None:
        """Let `tap` hear its streams."""
        for name in tap.streams:
            self._taps[name] = (*self._taps.get(name, ()), tap)

    def remove(self, tap: Tap) -> None:
        """Let `tap` hear nothing any more."""
        for name in tap.streams:
            left = tuple(other for other in self._taps.get(name, ()) if other is not tap)
            if left:
                self._taps[name] = left
            else:
                self._taps.pop(name, None)

    def put(self, name: str, payload: bytes, at: float) -> bool:
        """Let all who hear a stream hear a message of it; return whether there is anyone."""
        taps = self._taps.get(name, ())
        for tap in taps:
            tap.put(name, payload, at)
        return bool(taps)

    def of(self, name: str) -> tuple[Tap, ...]:
        """Return who hears a stream."""
        return self._taps.get(name, ())

    def all(self) -> set[Tap]:
        """Return everyone who hears anything."""
        return {tap for taps in list(self._taps.values()) for tap in taps}
