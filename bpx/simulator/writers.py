"""What the tickers' streams write: of one symbol, and of all."""

import re
from collections.abc import Callable

from bpx.simulator import payloads
from bpx.simulator.market import MarketModel
from bpx.simulator.streams import Writer
from bpx.simulator.ticker import day_window, has_moved, window

Element = Callable[[MarketModel], Writer]
_ROLLING = re.compile(r"ticker_(1h|4h|1d)")
_ROLLING_MS = {"1h": 3_600_000, "4h": 14_400_000, "1d": 86_400_000}


def spot_writer(kind: str, model: MarketModel) -> tuple[int, Writer] | None:
    """Return (period_ms, writer) of one of spot's tickers, if there is such a stream."""
    if found := _ROLLING.fullmatch(kind):
        return 1_000, _rolling_ticker(model, found[1])
    table = {"ticker": _ticker, "miniTicker": _mini_ticker, "avgPrice": _average_price}
    return (1_000, table[kind](model)) if kind in table else None


def futures_writer(kind: str, model: MarketModel) -> tuple[int, Writer] | None:
    """Return (period_ms, writer) of one of futures' tickers, if there is such a stream."""
    table = {
        "ticker": (2_000, _ticker),
        "miniTicker": (2_000, _mini_ticker),
        "markPrice": (3_000, _mark_price),
        "markPrice@1s": (1_000, _mark_price),
    }
    if kind not in table:
        return None
    period_ms, element = table[kind]
    return period_ms, element(model)


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


def best_prices(model: MarketModel) -> Writer:
    """Return the writer of a best bid and ask that is published when it has changed."""

    def write(at_ms: int, since_ms: int) -> bytes | None:
        top = model.book.top_at(at_ms)
        return payloads.book_ticker(model, top) if top.time_ms > since_ms else None

    return write


SPOT_ARRAYS: dict[str, tuple[int, Element]] = {
    "!miniTicker@arr": (1_000, _mini_ticker),
}
FUTURES_ARRAYS: dict[str, tuple[int, Element]] = {
    "!ticker@arr": (1_000, _ticker),
    "!miniTicker@arr": (1_000, _mini_ticker),
    "!markPrice@arr": (3_000, _mark_price),
    "!markPrice@arr@1s": (1_000, _mark_price),
}
