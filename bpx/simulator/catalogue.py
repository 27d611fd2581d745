"""Which streams each market has, by name."""

import re
from collections.abc import Callable

from bpx.simulator import intervals, payloads, streams
from bpx.simulator.market import MarketModel
from bpx.simulator.markets import Markets
from bpx.simulator.streams import (
    GridStream,
    KlineStream,
    Live,
    ManyStream,
    Scheduled,
    Writer,
)
from bpx.simulator.writers import (
    FUTURES_ARRAYS,
    SPOT_ARRAYS,
    Element,
    best_prices,
    futures_writer,
    spot_writer,
)

_EAST_8_MS = 8 * 3_600_000
_KLINE = re.compile(r"kline_(\w+?)(@\+08:00)?")
_CONTINUOUS = re.compile(r"(.+)_perpetual@continuousKline_(\w+)")
_PARTIAL = re.compile(r"depth(5|10|20)(?:@(\d+)ms)?")
_DIFF = re.compile(r"depth(?:@(\d+)ms)?")
_DEPTH_PERIODS_MS = {  # by the speed in the stream's name
    ("spot", "diff"): {None: 1_000, "100": 100},
    ("spot", "partial"): {None: 1_000, "100": 100},
    ("futures", "diff"): {None: 250, "500": 500, "100": 100},
    ("futures", "partial"): {None: 250, "500": 500, "100": 100},
}
_LIVE: dict[str, Callable[[str, MarketModel], Live]] = {
    "trade": streams.Trades,
    "aggTrade": streams.AggregateTrades,
    "bookTicker": streams.BestPrices,
}


def spot_close_delay_ms(model: MarketModel) -> int:
    """Return how long after its end spot's final frame of a candle comes: tens of ms."""
    return 3 + model.listing.number % 45


class Catalogue:
    """Makes streams from their names; a name that does not exist gives None."""

    def __init__(self, markets: Markets, futures_close_delay_ms: int) -> None:
        self._markets = markets
        self._futures_close_delay_ms = futures_close_delay_ms
        self._names = {name.lower(): name for name in markets.listings}

    def symbol_of(self, stream: str) -> str | None:
        """Return the symbol a stream is about, None if there is none or nothing happens there."""
        lower = stream.partition("@")[0].removesuffix("_perpetual")
        name = self._names.get(lower)
        return name if name and self._markets.listings[name].is_trading else None

    def make(self, stream: str, symbol: str) -> Scheduled | Live | None:
        """Make a stream of one symbol (without one, of all) that publishes from now on."""
        if not symbol:
            return self._array(stream)
        model = self._markets.model(symbol)
        kind = stream.partition("@")[2]
        if stream.startswith(symbol.lower() + "@") and kind in _LIVE:
            return _LIVE[kind](stream, model)
        return self._kline(stream, model) or self._grid(stream, kind, model)

    def _kline(self, stream: str, model: MarketModel) -> KlineStream | None:
        is_spot = model.listing.market == "spot"
        found = _KLINE.fullmatch(stream.partition("@")[2])
        if found is None or (found[2] and not is_spot):
            return self._continuous(stream, model)
        known = intervals.SPOT_INTERVALS if is_spot else intervals.FUTURES_INTERVALS
        if found[1] not in known:
            return None
        period_ms = (1_000 if found[1] == "1s" else 2_000) if is_spot else 250
        return KlineStream(
            stream,
            model,
            found[1],
            period_ms=period_ms,
            phase_ms=self._phase(model, period_ms),
            after_ms=self._markets.now_ms,
            close_delay_ms=(
                spot_close_delay_ms(model) if is_spot else self._futures_close_delay_ms
            ),
            offset_ms=_EAST_8_MS if found[2] else 0,
        )

    def _continuous(self, stream: str, model: MarketModel) -> KlineStream | None:
        found = _CONTINUOUS.fullmatch(stream)
        if not found or model.listing.market == "spot":
            return None
        if found[2] not in intervals.FUTURES_INTERVALS:
            return None
        return KlineStream(
            stream,
            model,
            found[2],
            period_ms=250,
            phase_ms=self._phase(model, 250),
            after_ms=self._markets.now_ms,
            close_delay_ms=self._futures_close_delay_ms,
            writer=payloads.continuous_kline,
        )

    def _phase(self, model: MarketModel, period_ms: int) -> int:
        return model.listing.number % period_ms

    def _grid(self, stream: str, kind: str, model: MarketModel) -> GridStream | None:
        found = self._depth(kind, model) or _ticker_writer(kind, model)
        if found is None or not stream.startswith(model.listing.name.lower() + "@"):
            return None
        period_ms, writer = found
        return GridStream(
            stream, period_ms, self._phase(model, period_ms), self._markets.now_ms, writer
        )

    def _depth(self, kind: str, model: MarketModel) -> tuple[int, Writer] | None:
        market = model.listing.market
        if found := _PARTIAL.fullmatch(kind):
            period_ms = _DEPTH_PERIODS_MS[market, "partial"].get(found[2])
            writer = streams.partial_books(model, int(found[1]))
        elif found := _DIFF.fullmatch(kind):
            period_ms = _DEPTH_PERIODS_MS[market, "diff"].get(found[1])
            writer = streams.diffs(model)
        else:
            return None
        return (period_ms, writer) if period_ms else None

    def _array(self, stream: str) -> Scheduled | None:
        arrays = SPOT_ARRAYS if self._markets.market == "spot" else FUTURES_ARRAYS
        if stream == "!bookTicker" and self._markets.market == "futures":
            return ManyStream(stream, 5_000, self._markets.now_ms, self._all(best_prices))
        if stream not in arrays:
            return None
        period_ms, element = arrays[stream]
        writer = _joined(self._all(element))
        return GridStream(stream, period_ms, 0, self._markets.now_ms, writer)

    def _all(self, element: Element) -> list[Writer]:
        """Return a writer for each trading symbol, which brings its model to the instant."""
        return [
            _caught_up(self._markets.lagging(name), element)
            for name, listing in self._markets.listings.items()
            if listing.is_trading
        ]


def _ticker_writer(kind: str, model: MarketModel) -> tuple[int, Writer] | None:
    if model.listing.market == "spot":
        return spot_writer(kind, model)
    return futures_writer(kind, model)


def _caught_up(model: MarketModel, element: Element) -> Writer:
    write = element(model)

    def write_at(at_ms: int, since_ms: int) -> bytes | None:
        model.run_to(at_ms)
        return write(at_ms, since_ms)

    return write_at


def _joined(writers: list[Writer]) -> Writer:
    def write(at_ms: int, since_ms: int) -> bytes | None:
        parts = [writer(at_ms, since_ms) for writer in writers]
        body = b",".join([part for part in parts if part is not None])
        return b"[" + body + b"]" if body else None

    return write
