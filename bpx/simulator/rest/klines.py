"""Klines of every kind."""

import re
from collections.abc import Callable
from functools import partial

from bpx.simulator import intervals, mark
from bpx.simulator.candles import Candle, candle
from bpx.simulator.market import MarketModel
from bpx.simulator.rest import refusal
from bpx.simulator.rest.call import Call
from bpx.simulator.rest.refusal import Refused

_TIME_ZONE = re.compile(r"([+-]?)(\d{1,2})(?::(\d{2}))?")
_HOUR_MS = 3_600_000
Row = Callable[[MarketModel, Candle, int], str]


def klines(call: Call) -> bytes:
    """Answer klines and uiKlines: of a symbol, from its trades."""
    name = call.checked_symbol()
    return _rows(call, name, _micro_row if call.is_micro else _row)


def continuous_klines(call: Call) -> bytes:
    """Answer continuousKlines; the perpetual contract is the symbol itself."""
    name = call.checked_symbol("pair")
    contract = call.mandatory("contractType").upper()
    if contract != "PERPETUAL":
        raise Refused(-1115, "Invalid contractType.")  # code not documented for this route
    return _rows(call, name, _row)


def mark_price_klines(call: Call) -> bytes:
    """Answer markPriceKlines."""
    return _rows(call, call.checked_symbol(), partial(_mark_row, mark.mark_units))


def index_price_klines(call: Call) -> bytes:
    """Answer indexPriceKlines."""
    return _rows(call, call.checked_symbol("pair"), partial(_mark_row, mark.index_units))


def premium_index_klines(call: Call) -> bytes:
    """Answer premiumIndexKlines."""
    return _rows(call, call.checked_symbol(), _premium_row)


def time_zone_ms(call: Call) -> int:
    """Return the offset of `timeZone`: hours or H:MM, from -12:00 to +14:00."""
    value = call.text("timeZone")
    if value is None:
        return 0
    found = _TIME_ZONE.fullmatch(value.strip())  # an unescaped plus arrives as a space
    if not found or int(found[3] or 0) > 59:
        raise refusal.missing("timeZone")  # the code for this is not documented
    offset_ms = int(found[2]) * _HOUR_MS + int(found[3] or 0) * 60_000
    offset_ms = -offset_ms if found[1] == "-" else offset_ms
    if not -12 * _HOUR_MS <= offset_ms <= 14 * _HOUR_MS:
        raise refusal.missing("timeZone")
    return offset_ms


def _rows(call: Call, name: str, row: Row) -> bytes:
    interval = call.mandatory("interval")
    limit = call.limit(500, 1_000 if call.is_spot else 1_500)
    start_ms, end_ms = call.time_ms("startTime"), call.time_ms("endTime")
    offset_ms = time_zone_ms(call) if call.is_spot else 0
    known = intervals.SPOT_INTERVALS if call.is_spot else intervals.FUTURES_INTERVALS
    if interval not in known:
        raise refusal.invalid_interval()
    model = call.model_of(name)
    if start_ms is not None and end_ms is not None and start_ms > end_ms:
        if call.is_spot:
            return b"[]"  # what spot says to this is not documented
        raise Refused(-1023, "Start time is greater than end time.")
    now_ms = min(call.at_ms, model.halted_ms or call.at_ms)
    opened = intervals.opens(
        interval,
        first_ms=max(intervals.open_ms(interval, model.listed_ms, offset_ms), start_ms or 0),
        last_ms=now_ms if end_ms is None else min(now_ms, end_ms),
        limit=limit,
        newest=start_ms is None,
        offset_ms=offset_ms,
    )
    end = model.tape.count_at(call.at_ms)
    ends = [*opened[1:], intervals.next_ms(interval, opened[-1], offset_ms)] if opened else []
    made = (candle(model.tape, o, e, end) for o, e in zip(opened, ends, strict=True))
    return ("[" + ",".join([row(model, one, call.at_ms) for one in made]) + "]").encode()


def _values(model: MarketModel, one: Candle) -> tuple[str, str]:
    number = model.decimals
    prices = (
        f'"{number.price(one.open)}","{number.price(one.high)}","{number.price(one.low)}",'
        f'"{number.price(one.close)}","{number.quantity(one.steps)}"'
    )
    if one.first == one.end:
        none = f'"{number.no_quote}",0,"{number.no_quantity}","{number.no_quote}","0"'
        return prices, none
    return prices, (
        f'"{number.quote(one.quote)}",{one.end - one.first},'
        f'"{number.quantity(one.taker_steps)}","{number.quote(one.taker_quote)}","0"'
    )


def _row(model: MarketModel, one: Candle, _at_ms: int) -> str:
    before, after = _values(model, one)
    return f"[{one.open_ms},{before},{one.close_ms},{after}]"


def _micro_row(model: MarketModel, one: Candle, _at_ms: int) -> str:
    before, after = _values(model, one)
    return f"[{one.open_ms}000,{before},{one.close_ms}999,{after}]"


def _mark_candle(model: MarketModel, one: Candle) -> tuple[int, int, int, int]:
    """Return open, high, low, close in ticks: a mark price opens where the last one closed."""
    opened = model.tape.prices[max(0, one.first - 1)]
    return opened, max(opened, one.high), min(opened, one.low), one.close


def _samples(one: Candle, at_ms: int) -> int:
    return (min(at_ms, one.close_ms) - one.open_ms) // 1_000 + 1


def _mark_row(
    units: Callable[[MarketModel, int], int], model: MarketModel, one: Candle, at_ms: int
) -> str:
    prices = ",".join(
        f'"{mark.mark_text(units(model, ticks))}"' for ticks in _mark_candle(model, one)
    )
    count = _samples(one, at_ms)
    return f'[{one.open_ms},{prices},"0",{one.close_ms},"0",{count},"0","0","0"]'


def _premium_row(model: MarketModel, one: Candle, at_ms: int) -> str:
    shares = []
    for ticks in _mark_candle(model, one):
        index = mark.index_units(model, ticks)
        shares.append((mark.mark_units(model, ticks) - index) * 10**8 // index)
    ordered = (shares[0], max(shares), min(shares), shares[3])
    prices = ",".join(f'"{mark.mark_text(share)}"' for share in ordered)
    count = _samples(one, at_ms)
    return f'[{one.open_ms},{prices},"0",{one.close_ms},"0",{count},"0","0","0"]'
