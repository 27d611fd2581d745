"""Tickers: 24 hours, rolling windows, trading days."""

import re

from bpx.simulator import intervals
from bpx.simulator.listing import DAY_MS
from bpx.simulator.market import MarketModel
from bpx.simulator.numbers import percent_text
from bpx.simulator.rest.call import Call
from bpx.simulator.rest.klines import time_zone_ms
from bpx.simulator.rest.refusal import Refused
from bpx.simulator.rest.selection import one_or_many
from bpx.simulator.ticker import Window, day_window, window

_SIZE = re.compile(r"(\d{1,2})([mhd])")
_UNIT_MS = {"m": (60_000, 59), "h": (3_600_000, 23), "d": (DAY_MS, 7)}


def day_ticker(call: Call) -> bytes:
    """Answer ticker/24hr."""
    is_mini = _is_mini(call)

    def write(model: MarketModel) -> str:
        stats = day_window(model, call.at_ms)
        return _mini(model, stats) if is_mini else _full(call, model, stats)

    return one_or_many(call, write)


def rolling_ticker(call: Call) -> bytes:
    """Answer ticker: a window of `windowSize` that starts on a minute."""
    is_mini = _is_mini(call)
    open_ms = call.at_ms - _window_ms(call)
    open_ms -= open_ms % 60_000

    def write(model: MarketModel) -> str:
        stats = window(model.tape, open_ms, call.at_ms)
        return _mini(model, stats) if is_mini else _change(model, stats)

    return one_or_many(call, write, is_all_allowed=False)


def trading_day(call: Call) -> bytes:
    """Answer ticker/tradingDay: the day of `timeZone` so far, closing at the day's end."""
    is_mini = _is_mini(call)
    open_ms = intervals.open_ms("1d", call.at_ms, time_zone_ms(call))

    def write(model: MarketModel) -> str:
        stats = window(model.tape, open_ms, call.at_ms)._replace(close_ms=open_ms + DAY_MS - 1)
        return _mini(model, stats) if is_mini else _change(model, stats)

    return one_or_many(call, write, is_all_allowed=False)


def _is_mini(call: Call) -> bool:
    kind = (call.text("type") or "FULL") if call.is_spot else "FULL"
    if kind not in ("FULL", "MINI"):
        raise Refused(-1139, "Invalid ticker type.")
    return kind == "MINI"


def _window_ms(call: Call) -> int:
    size = _SIZE.fullmatch(call.text("windowSize") or "1d")
    if size:
        length_ms, most = _UNIT_MS[size[2]]
        if 1 <= int(size[1]) <= most:
            return int(size[1]) * length_ms
    raise Refused(
        -1100,
        "Illegal characters found in parameter 'windowSize'; legal range is"
        " '^([1-9]|[1-5][0-9])m|([1-9]|1[0-9]|2[0-3])h|[1-7]d$'.",
    )


def _extremes(model: MarketModel, stats: Window) -> str:
    price = model.decimals.price
    return (
        f'"openPrice":"{price(stats.open)}","highPrice":"{price(stats.high)}",'
        f'"lowPrice":"{price(stats.low)}",'
    )


def _tail(model: MarketModel, stats: Window) -> str:
    return (
        f'"volume":"{model.decimals.quantity(stats.steps)}",'
        f'"quoteVolume":"{model.decimals.window_quote(stats.quote)}",'
        f'"openTime":{stats.open_ms},"closeTime":{stats.close_ms},"firstId":{stats.first_id},'
        f'"lastId":{stats.last_id},"count":{stats.trades}}}'
    )


def _head(model: MarketModel, stats: Window) -> str:
    change = stats.last - stats.open if stats.trades else 0
    return (
        f'{{"symbol":"{model.listing.name}","priceChange":"{model.decimals.price(change)}",'
        f'"priceChangePercent":"{percent_text(change, stats.open)}",'
        f'"weightedAvgPrice":"{model.decimals.average(stats.quote, stats.steps)}",'
    )


def _mini(model: MarketModel, stats: Window) -> str:
    last = f'"lastPrice":"{model.decimals.price(stats.last)}",'
    symbol = f'{{"symbol":"{model.listing.name}",'
    return symbol + _extremes(model, stats) + last + _tail(model, stats)


def _change(model: MarketModel, stats: Window) -> str:
    last = f'"lastPrice":"{model.decimals.price(stats.last)}",'
    return _head(model, stats) + _extremes(model, stats) + last + _tail(model, stats)


def _full(call: Call, model: MarketModel, stats: Window) -> str:
    price, quantity = model.decimals.price, model.decimals.quantity
    last = f'"lastPrice":"{price(stats.last)}","lastQty":"{quantity(stats.last_steps)}",'
    if not call.is_spot:
        return _head(model, stats) + last + _extremes(model, stats) + _tail(model, stats)
    top = model.book.top_at(call.at_ms)
    before = f'"prevClosePrice":"{price(stats.before)}",'
    best = (
        f'"bidPrice":"{price(top.bid)}","bidQty":"{quantity(top.bid_steps)}",'
        f'"askPrice":"{price(top.ask)}","askQty":"{quantity(top.ask_steps)}",'
    )
    return (
        _head(model, stats) + before + last + best + _extremes(model, stats) + _tail(model, stats)
    )
