"""Plays a recorded session as an exchange: what was recorded as it is, the rest derived or refused.

Derived are partial books (at each diff), the REST depth of any limit, and, where klines were not
recorded, candles from trades that lie wholly inside. A diff stream of another speed than the
recorded one gets the recorded diffs. Everything else that was not recorded stays silent on
streams and is an error in Binance's shape on REST.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from bpx.simulator.recordings import Event, Recording, open_recording
from bpx.simulator.replay_book import ReplayBook
from bpx.simulator.replay_klines import KlineFrames
from bpx.simulator.replay_rest import ReplayRest
from bpx.simulator.replay_state import ReplayState
from bpx.simulator.venue import Message, Reply, Request

_DIFF_SPEEDS = {"spot": ("", "@100ms"), "futures": ("", "@100ms", "@500ms")}
_PARTIAL_LEVELS = (5, 10, 20)


class Replay:
    """A venue that plays a recording.

    Args:
        recording: a session, or the path of one (see `open_recording`).
    """

    def __init__(self, recording: Recording | Path) -> None:
        if isinstance(recording, Path):
            recording = open_recording(recording)
        self.recording = recording
        self.market = recording.market
        self.now_ms = recording.start_ms
        self._events: Iterator[Event] = recording.events()
        self._next: Event | None = next(self._events)
        self._subscribed: set[str] = set()
        self._state = ReplayState(recording)
        self._rest = ReplayRest(self._state)
        self._frames = KlineFrames(self._state)
        self._past: Replay | None = None
        self.advance(self.now_ms)

    def advance(self, to_ms: int) -> list[Message]:
        """Play everything up to and including `to_ms`."""
        messages: list[Message] = []
        while self._next is not None and self._next.at_ms <= to_ms:
            messages += self._frames.until(self._next.at_ms, self._subscribed)
            messages += self._play(self._next)
            self._next = next(self._events, None)
            if self._next is None:
                self._state.end_ms = self._state.now_ms
        messages += self._frames.until(to_ms, self._subscribed)
        self.now_ms = self._state.now_ms = to_ms
        return messages

    def subscribe(self, stream: str) -> None:
        """Publish `stream` from now on, if it was recorded or can be derived."""
        self._subscribed.add(stream)
        self._frames.forget(stream)

    def unsubscribe(self, stream: str) -> None:
        """Stop publishing `stream`."""
        self._subscribed.discard(stream)

    def reply(self, request: Request, as_of_ms: int | None = None) -> Reply:
        """Answer from what was played; an earlier instant is played again from the beginning."""
        if as_of_ms is None or as_of_ms == self.now_ms:
            return self._rest.reply(request)
        if as_of_ms > self.now_ms:
            raise ValueError("that has not been published yet")
        if self._past is None or self._past.now_ms > as_of_ms:
            self._past = Replay(self.recording)
        self._past.advance(max(as_of_ms, self._past.now_ms))
        return self._past.reply(request)

    def _play(self, event: Event) -> list[Message]:
        self._state.now_ms = event.at_ms
        if event.target:
            self._state.take_reply(event.target, event.body)
            return []
        symbol, _, kind = event.stream.partition("@")
        if kind.startswith("depth"):
            return self._play_diff(event, symbol, kind)
        messages = self._publish(event, [event.stream])
        if kind in ("trade", "aggTrade"):
            self._state.take_trade(symbol, orjson.loads(event.body))
            messages += self._frames.close(symbol, event.at_ms, self._subscribed)
        elif kind.startswith("kline_"):
            self._state.take_kline(symbol, kind.removeprefix("kline_"), event.body)
        elif kind == "bookTicker":
            self._state.book_tickers[symbol.upper()] = event.body
        return messages

    def _play_diff(self, event: Event, symbol: str, kind: str) -> list[Message]:
        diff = orjson.loads(event.body)
        speeds = _DIFF_SPEEDS[self.market]
        names = dict.fromkeys([f"{symbol}@{kind}", *(f"{symbol}@depth{ms}" for ms in speeds)])
        messages = self._publish(event, list(names))
        book = self._state.take_diff(symbol.upper(), diff)
        if book is not None:
            for levels in _PARTIAL_LEVELS:
                names = dict.fromkeys(f"{symbol}@depth{levels}{ms}" for ms in speeds)
                if self._subscribed.isdisjoint(names):
                    continue
                payload = self._partial(book, diff, levels)
                if payload is not None:
                    messages += self._publish(event._replace(body=payload), list(names))
        return messages

    def _partial(self, book: ReplayBook, diff: dict[str, Any], levels: int) -> bytes | None:
        proven = book.partial(levels)
        if proven is None:
            return None
        bids, asks = proven
        if self.market == "futures":
            return orjson.dumps({**diff, "b": bids, "a": asks})
        return orjson.dumps({"lastUpdateId": diff["u"], "bids": bids, "asks": asks})

    def _publish(self, event: Event, names: list[str]) -> list[Message]:
        return [
            Message(name, event.body, event.at_ms) for name in names if name in self._subscribed
        ]
