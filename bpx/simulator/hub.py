"""Who listens to what: subscriptions counted over all connections, messages handed out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from bpx.simulator.faults import Faults
from bpx.simulator.routes import delivers
from bpx.simulator.venue import Message, Venue


class Listener(Protocol):
    """A connection, as far as the hub cares."""

    @property
    def route(self) -> str:
        """The futures route of its path; "" on spot."""

    @property
    def is_combined(self) -> bool:
        """Whether messages are wrapped with their stream's name."""

    def send(self, frame: bytes) -> None:
        """Queue a text frame."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The newest message of a stream."""

    at_ms: int
    payload: bytes


class Hub:
    """Hands messages to the connections that asked for them, and tells the venue who asks."""

    def __init__(self, venue: Venue, faults: Faults) -> None:
        self._venue = venue
        self._faults = faults
        self._listeners: dict[str, dict[Listener, None]] = {}
        self._last: dict[str, Sent] = {}

    def join(self, listener: Listener, streams: Iterable[str]) -> None:
        """Let `listener` have `streams`, as far as its route delivers them."""
        for stream in streams:
            if not delivers(listener.route, stream):
                continue
            listeners = self._listeners.setdefault(stream, {})
            if not listeners:
                self._venue.subscribe(stream)
            listeners[listener] = None

    def leave(self, listener: Listener, streams: Iterable[str]) -> None:
        """Let `listener` have `streams` no longer."""
        for stream in streams:
            listeners = self._listeners.get(stream, {})
            if listener in listeners:
                del listeners[listener]
                if not listeners:
                    del self._listeners[stream]
                    self._venue.unsubscribe(stream)

    def forget(self, listener: Listener) -> None:
        """Let `listener` have nothing any more."""
        self.leave(listener, [name for name, who in self._listeners.items() if listener in who])

    def publish(self, messages: Iterable[Message]) -> None:
        """Send each message to everyone who listens; encode the wrapped form once."""
        for message in messages:
            stream, payload = message.stream, message.payload
            if self._faults.is_silenced(stream):
                continue
            listeners = self._listeners.get(stream, ())
            for sent in self._faults.altered(stream, payload):
                if sent == payload:
                    self._last[stream] = Sent(message.at_ms, payload)
                self.send(Message(stream, sent, message.at_ms), listeners)

    def send(self, message: Message, listeners: Iterable[Listener]) -> None:
        """Send one message to `listeners`, wrapped for those who want it so."""
        wrapped = b""
        for listener in listeners:
            if not listener.is_combined:
                listener.send(message.payload)
                continue
            wrapped = wrapped or wrap(message.stream, message.payload)
            listener.send(wrapped)

    def last_sent(self, stream: str) -> Sent | None:
        """Return the newest message that was published on `stream` as it should be."""
        return self._last.get(stream)


def wrap(stream: str, payload: bytes) -> bytes:
    """Return the combined form of a message."""
    return b'{"stream":"%b","data":%b}' % (stream.encode(), payload)
