"""Which streams each market has, by name."""

import re
from collections.abc import Callable, Iterable

from bpx.simulator import intervals, payloads, streams
from bpx.simulator.market import MarketModel
from bpx.simulator.markets import Markets
from bpx.simulator.streams import GridStream, KlineStream, Live, Scheduled, Writer
from bpx.simulator.ticker import day_window, has_moved, window

_EAST_8_MS = 8 * 3_600_000
_KLINE = re.compile(r"kline_(\w+?)(@\+08:00)?")
_CONTINUOUS = re.compile(r"(.+)_perpetual@continuousKline_(\w+)")
_PARTIAL = re.compile(r"depth(5|10|20)(?:@(\d+)ms)?")
_DIFF = re.compile(r"depth(?:@(\d+)ms)?")
_ROLLING = re.compile(r"ticker_(1h|4h|1d)")
_ROLLING_MS = {"1h": 3_600_000, "4h": 14_400_000, "1d": 86_400_000}
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
        """Make a stream of one symbol that publishes from now on."""
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
        found = self._depth(kind, model) or self._other(kind, model)
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

    def _other(self, kind: str, model: MarketModel) -> tuple[int, Writer] | None:
        if model.listing.market == "spot":
            found = _spot_writer(kind, model)
            return (1_000, found) if found else None
        table: dict[str, tuple[int, Writer]] = {
            "ticker": (2_000, _ticker(model)),
            "miniTicker": (2_000, _mini_ticker(model)),
            "markPrice": (3_000, _mark_price(model)),
            "markPrice@1s": (1_000, _mark_price(model)),
        }
        return table.get(kind)

    def make_array(self, stream: str) -> GridStream | None:
        """Make a stream of all symbols."""
        arrays = _SPOT_ARRAYS if self._markets.market == "spot" else _FUTURES_ARRAYS
        if stream not in arrays:
            return None
        period_ms, element = arrays[stream]
        return GridStream(stream, period_ms, 0, self._markets.now_ms, self._all(element))

    def _all(self, element: Callable[[MarketModel], Writer]) -> Writer:
        writers = {}
        for name, listing in self._markets.listings.items():
            if listing.is_trading:
                writers[name] = element(self._markets.lagging(name))

        def write(at_ms: int, since_ms: int) -> bytes | None:
            for name in writers:
                self._markets.lagging(name).run_to(at_ms)
            parts = [writer(at_ms, since_ms) for writer in writers.values()]
            changed: Iterable[bytes] = filter(None, parts)
            body = b",".join(changed)
            return b"[" + body + b"]" if body else None

        return write


def _spot_writer(kind: str, model: MarketModel) -> Writer | None:
    if found := _ROLLING.fullmatch(kind):
        return _rolling_ticker(model, found[1])
    table = {"ticker": _ticker, "miniTicker": _mini_ticker, "avgPrice": _average_price}
    return table[kind](model) if kind in table else None


def _ticker(model: MarketModel) -> Writer:
    def write(at_ms: int, since_ms: int) -> bytes | None:
        top = model.book.top_at(at_ms)
        has_new_top = top.time_ms > since_ms and model.listing.market == "spot"
        if not has_new_top and not has_moved(model, since_ms, at_ms):
            return None
        return payloads.ticker(model, day_window(model, at_ms), top).encode()

    return write


def _mini_ticker(model: MarketModel) -> Writer:
    def write(at_ms: int, since_ms: int) -> bytes | None:
        if not has_moved(model, since_ms, at_ms):
            return None
        return payloads.mini_ticker(model, day_window(model, at_ms)).encode()

    return write


def _rolling_ticker(model: MarketModel, size: str) -> Writer:
    def write(at_ms: int, since_ms: int) -> bytes | None:
        tape = model.tape
        if tape.count_at(at_ms) == tape.count_at(since_ms):
            return None
        from_ms = at_ms - _ROLLING_MS[size]
        stats = window(tape, from_ms - from_ms % 60_000, at_ms)
        return payloads.ticker(model, stats, model.book.tops[-1], f"{size}Ticker").encode()

    return write


def _mark_price(model: MarketModel) -> Writer:
    return lambda at_ms, _since_ms: payloads.mark_price(model, at_ms).encode()


def _average_price(model: MarketModel) -> Writer:
    def write(at_ms: int, _since_ms: int) -> bytes:
        price, last_ms = payloads.average_price(model, at_ms)
        return (
            f'{{"e":"avgPrice","E":{at_ms},"s":"{model.listing.name}","i":"5m",'
            f'"w":"{price}","T":{last_ms}}}'
        ).encode()

    return write


def _best_prices(model: MarketModel) -> Writer:
    def write(at_ms: int, since_ms: int) -> bytes | None:
        top = model.book.top_at(at_ms)
        return payloads.book_ticker(model, top) if top.time_ms > since_ms else None

    return write


_SPOT_ARRAYS: dict[str, tuple[int, Callable[[MarketModel], Writer]]] = {
    "!miniTicker@arr": (1_000, _mini_ticker),
}
_FUTURES_ARRAYS: dict[str, tuple[int, Callable[[MarketModel], Writer]]] = {
    "!ticker@arr": (1_000, _ticker),
    "!miniTicker@arr": (1_000, _mini_ticker),
    "!markPrice@arr": (3_000, _mark_price),
    "!markPrice@arr@1s": (1_000, _mark_price),
}
