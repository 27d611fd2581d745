"""Trades, aggregate trades, the average price."""

from bpx.simulator.market import MarketModel
from bpx.simulator.payloads import aggregate, average_price
from bpx.simulator.rest.call import Call
from bpx.simulator.rest.refusal import Refused

_AGGREGATES_BACK_MS = 48 * 3_600_000


def trades(call: Call) -> bytes:
    """Answer trades: the most recent ones."""
    name, limit = call.checked_symbol(), call.limit(500, 1_000)
    model = call.model_of(name)
    end = model.tape.count_at(call.at_ms)
    return _listed(call, model, max(0, end - limit), end)


def historical_trades(call: Call) -> bytes:
    """Answer historicalTrades: from an id, or the most recent ones. Futures wants a key."""
    if not call.is_spot and not call.request.headers.get("x-mbx-apikey"):
        raise Refused(-2014, "API-key format invalid.", 401)
    name = call.checked_symbol()
    limit = call.limit(500, 1_000) if call.is_spot else call.limit(100, 500)
    from_id = call.number("fromId")
    model = call.model_of(name)
    end = model.tape.count_at(call.at_ms)
    if from_id is None:
        return _listed(call, model, max(0, end - limit), end)
    first = max(0, from_id - model.tape.first_id)
    return _listed(call, model, min(first, end), min(first + limit, end))


def _listed(call: Call, model: MarketModel, first: int, end: int) -> bytes:
    rows = [_trade(call.is_spot, model, index) for index in range(first, end)]
    return ("[" + ",".join(rows) + "]").encode()


def _trade(is_spot: bool, model: MarketModel, index: int) -> str:
    tape, number = model.tape, model.decimals
    price, steps = tape.prices[index], tape.steps[index]
    maker = "true" if tape.buyer_makers[index] else "false"
    last = '"isBestMatch":true' if is_spot else '"isRPITrade":false'
    return (
        f'{{"id":{tape.first_id + index},"price":"{number.price(price)}",'
        f'"qty":"{number.quantity(steps)}","quoteQty":"{number.quote(price * steps)}",'
        f'"time":{tape.times[index]},"isBuyerMaker":{maker},{last}}}'
    )


def aggregate_trades(call: Call) -> bytes:
    """Answer aggTrades."""
    name, limit = call.checked_symbol(), call.limit(500, 1_000)
    from_id = call.number("fromId")
    start_ms, end_ms = call.time_ms("startTime"), call.time_ms("endTime")
    model = call.model_of(name)
    if start_ms is not None and end_ms is not None and start_ms > end_ms:
        if call.is_spot:
            return b"[]"  # what spot says to this is not documented
        raise Refused(-1023, "Start time is greater than end time.")
    oldest = min((t for t in (start_ms, end_ms) if t is not None), default=call.at_ms)
    if not call.is_spot and oldest < call.at_ms - _AGGREGATES_BACK_MS:
        raise Refused(-4166, "Search window is restricted to recent 2 days only.")
    first, last = _aggregate_range(model, call.at_ms, from_id, start_ms, end_ms, limit)
    end = model.tape.count_at(call.at_ms)
    rows = ["{" + aggregate(model, number, end) + "}" for number in range(first, last)]
    return ("[" + ",".join(rows) + "]").encode()


def _aggregate_range(
    model: MarketModel,
    at_ms: int,
    from_id: int | None,
    start_ms: int | None,
    end_ms: int | None,
    limit: int,
) -> tuple[int, int]:
    """Return the aggregates [i, j): from an id, else from a start, else the newest ones."""
    tape = model.tape
    until_ms = at_ms if end_ms is None else min(at_ms, end_ms)
    last = tape.aggregates_at(tape.count_at(until_ms))
    if from_id is not None:
        first = min(max(0, from_id - tape.first_aggregate_id), last)
    elif start_ms is not None:
        first = min(tape.aggregates_at(tape.first_from(start_ms)), last)
    else:
        return max(0, last - limit), last
    return first, min(first + limit, last)


def average(call: Call) -> bytes:
    """Answer avgPrice."""
    price, last_ms = average_price(call.model(), call.at_ms)
    return f'{{"mins":5,"price":"{price}","closeTime":{last_ms}}}'.encode()
