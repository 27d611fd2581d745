"""Kline messages that were not recorded, made from the recorded trades."""

import orjson

from bpx.simulator.replay_candles import INTERVALS_MS
from bpx.simulator.replay_state import ReplayState
from bpx.simulator.venue import Message

_TICK_MS = 250
_OPEN_EVERY_MS = {"spot": 2_000, "futures": 250}


class KlineFrames:
    """Publishes kline streams at Binance's speeds: spot every 2 s, futures every 250 ms.

    The final message of a candle comes with the first trade after it, or 2 s after its end
    if there is none: only then it is sure that no trade of it is still to come.
    """

    def __init__(self, state: ReplayState) -> None:
        self._state = state
        self._every_ms = _OPEN_EVERY_MS[state.market]
        self._tick_ms = state.now_ms // _TICK_MS * _TICK_MS
        self._told: dict[str, tuple[int, int]] = {}  # stream -> open time and trades last told

    def forget(self, stream: str) -> None:
        """Tell a stream anew: somebody has just subscribed."""
        self._told.pop(stream, None)

    def until(self, at_ms: int, subscribed: set[str]) -> list[Message]:
        """Return what is due by the clock up to `at_ms`."""
        if at_ms < self._tick_ms + _TICK_MS:
            return []
        derived = [stream for stream in subscribed if self._is_derived(stream)]
        if not derived:
            self._tick_ms = at_ms // _TICK_MS * _TICK_MS
            return []
        messages: list[Message] = []
        while self._tick_ms + _TICK_MS <= at_ms:
            self._tick_ms += _TICK_MS
            is_open_due = self._tick_ms % self._every_ms == 0
            for stream in derived:
                messages += self._tell(stream, self._tick_ms, is_open_due)
        return messages

    def close(self, symbol: str, at_ms: int, subscribed: set[str]) -> list[Message]:
        """Return the final messages that a trade of `symbol` brings about."""
        messages: list[Message] = []
        for stream in subscribed:
            if stream.startswith(symbol + "@kline_") and self._is_derived(stream):
                messages += self._tell(stream, at_ms, is_open_due=False)
        return messages

    def _is_derived(self, stream: str) -> bool:
        symbol, _, interval = stream.partition("@kline_")
        return (
            interval in INTERVALS_MS
            and symbol == symbol.lower()
            and symbol.upper() in self._state.trades
            and stream not in self._state.streams
        )

    def _tell(self, stream: str, at_ms: int, is_open_due: bool) -> list[Message]:
        symbol, _, interval = stream.partition("@kline_")
        trades = self._state.trades[symbol.upper()]
        interval_ms = INTERVALS_MS[interval]
        open_ms = trades.frontier_ms(at_ms) // interval_ms * interval_ms
        told_ms, told_trades = self._told.get(stream, (open_ms, -1))
        if told_ms == open_ms and not is_open_due:
            return []
        messages = [
            self._message(stream, closed_ms, at_ms, is_closed=True)
            for closed_ms in range(told_ms, open_ms, interval_ms)
        ]
        candle = trades.candle(interval, open_ms)
        if candle is None:
            return messages
        if messages or (is_open_due and candle.trades != told_trades):
            self._told[stream] = (open_ms, candle.trades)
            messages.append(self._message(stream, open_ms, at_ms, is_closed=False))
        return messages

    def _message(self, stream: str, open_ms: int, at_ms: int, is_closed: bool) -> Message:
        symbol, _, interval = stream.partition("@kline_")
        candle = self._state.trades[symbol.upper()].candle(interval, open_ms)
        assert candle is not None
        kline = candle.frame(symbol.upper(), interval, is_closed)
        payload = {"e": "kline", "E": at_ms, "s": symbol.upper(), "k": kline}
        return Message(stream, orjson.dumps(payload), at_ms)
