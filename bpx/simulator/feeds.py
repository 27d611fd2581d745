"""The subscribed streams, and how time brings them forward."""

from operator import attrgetter

from bpx.simulator.catalogue import Catalogue
from bpx.simulator.market import MarketModel
from bpx.simulator.markets import Markets
from bpx.simulator.streams import Live, Scheduled
from bpx.simulator.venue import Message

_NEVER_MS = 1 << 62
_at_ms = attrgetter("at_ms")


class SymbolFeed:
    """The streams of one symbol, or (without a model) those of all symbols."""

    def __init__(self, model: MarketModel | None) -> None:
        self._model = model
        self._scheduled: dict[str, Scheduled] = {}
        self._live: dict[str, Live] = {}
        self._due_ms = _NEVER_MS

    def add(self, stream: Scheduled | Live) -> None:
        """Publish a stream from now on."""
        if isinstance(stream, Scheduled):
            self._scheduled[stream.name] = stream
        else:
            self._live[stream.name] = stream
        self._note_due()

    def remove(self, name: str) -> None:
        """Stop publishing a stream."""
        self._scheduled.pop(name, None)
        self._live.pop(name, None)
        self._note_due()

    def _note_due(self) -> None:
        self._due_ms = min((s.next_ms for s in self._scheduled.values()), default=_NEVER_MS)

    def advance(self, to_ms: int, messages: list[Message]) -> None:
        """Append what is published until `to_ms`."""
        while self._due_ms <= to_ms:
            self._publish(self._due_ms, messages)
            self._note_due()
        if self._live and self._model is not None:
            self._model.run_to(to_ms)
            for name, stream in self._live.items():
                messages.extend(
                    Message(name, payload, at_ms) for at_ms, payload in stream.collect(to_ms)
                )

    def _publish(self, at_ms: int, messages: list[Message]) -> None:
        if self._model is not None:
            self._model.run_to(at_ms)
        for name, stream in self._scheduled.items():
            if stream.next_ms == at_ms:
                messages.extend(Message(name, payload, at_ms) for payload in stream.publish())


class Feeds:
    """All subscribed streams of one market."""

    def __init__(self, markets: Markets, catalogue: Catalogue) -> None:
        self._markets = markets
        self._catalogue = catalogue
        self._feeds: dict[str, SymbolFeed] = {}
        self._symbols: dict[str, str] = {}  # stream -> symbol, "" for arrays

    def subscribe(self, stream: str) -> None:
        """Publish `stream` from now on; a name that does not exist changes nothing."""
        if stream in self._symbols:
            return
        symbol = self._catalogue.symbol_of(stream) or ""  # none for streams of all symbols
        made = self._catalogue.make(stream, symbol)
        if made is None:
            return
        self._symbols[stream] = symbol
        if symbol not in self._feeds:
            model = self._markets.model(symbol) if symbol else None
            self._feeds[symbol] = SymbolFeed(model)
        self._feeds[symbol].add(made)

    def unsubscribe(self, stream: str) -> None:
        """Stop publishing `stream`."""
        symbol = self._symbols.pop(stream, None)
        if symbol is not None:
            self._feeds[symbol].remove(stream)

    def advance(self, to_ms: int) -> list[Message]:
        """Return what is published until `to_ms`, in order of time.

        What falls on the same millisecond keeps one order, however time was cut into steps.
        """
        messages: list[Message] = []
        for feed in self._feeds.values():
            feed.advance(to_ms, messages)
        messages.sort(key=_at_ms)
        return messages
