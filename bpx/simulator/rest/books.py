"""Depth, best prices and last prices."""

from bpx.simulator.market import MarketModel
from bpx.simulator.payloads import levels_text
from bpx.simulator.rest.call import Call
from bpx.simulator.rest.refusal import Refused
from bpx.simulator.rest.selection import one_or_many, requested_status

FUTURES_LIMITS = (5, 10, 20, 50, 100, 500, 1_000)


def depth(call: Call) -> bytes:
    """Answer depth."""
    name = call.checked_symbol()
    limit = call.limit(100, 5_000) if call.is_spot else _futures_limit(call)
    requested_status(call, [name])
    model = call.model_of(name)
    book = model.book.ladder_at(call.at_ms, limit)
    times = "" if call.is_spot else f'"E":{call.at_ms},"T":{book.time_ms},'
    return (
        f'{{"lastUpdateId":{book.update_id},{times}"bids":{levels_text(model, book.bids)},'
        f'"asks":{levels_text(model, book.asks)}}}'
    ).encode()


def _futures_limit(call: Call) -> int:
    limit = call.limit(500, 1_000)
    if limit not in FUTURES_LIMITS:
        raise Refused(-4021, f"{limit} is not valid depth limit")
    return limit


def book_ticker(call: Call) -> bytes:
    """Answer ticker/bookTicker: the last best bid and ask that the stream published."""
    return one_or_many(call, lambda model: _book_ticker(call, model))


def _book_ticker(call: Call, model: MarketModel) -> str:
    top = model.book.top_at(call.at_ms)
    price, quantity = model.decimals.price, model.decimals.quantity
    times = "" if call.is_spot else f',"time":{top.time_ms},"lastUpdateId":{top.update_id}'
    return (
        f'{{"symbol":"{model.listing.name}","bidPrice":"{price(top.bid)}",'
        f'"bidQty":"{quantity(top.bid_steps)}","askPrice":"{price(top.ask)}",'
        f'"askQty":"{quantity(top.ask_steps)}"{times}}}'
    )


def price(call: Call) -> bytes:
    """Answer ticker/price: the last trade's."""
    return one_or_many(call, lambda model: _price(call, model))


def _price(call: Call, model: MarketModel) -> str:
    last = model.tape.count_at(call.at_ms) - 1
    time = "" if call.is_spot else f',"time":{model.tape.times[last]}'
    text = model.decimals.price(model.tape.prices[last])
    return f'{{"symbol":"{model.listing.name}","price":"{text}"{time}}}'
