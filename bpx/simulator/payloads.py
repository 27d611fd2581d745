"""The payloads of streams, key by key in Binance's order.

Each is a function of a model and an instant, except the book's, which follow a live book.
"""

from bpx.simulator import mark
from bpx.simulator.book import Change, Top
from bpx.simulator.candles import Candle
from bpx.simulator.market import MarketModel
from bpx.simulator.numbers import percent_text
from bpx.simulator.ticker import Window

Levels = list[tuple[int, int]]


def levels_text(model: MarketModel, levels: Levels) -> str:
    """Write levels as a JSON array of [price, quantity]."""
    price, quantity = model.decimals.price, model.decimals.quantity
    return "[" + ",".join(f'["{price(p)}","{quantity(q)}"]' for p, q in levels) + "]"


def candle_ids(model: MarketModel, candle: Candle) -> tuple[int, int]:
    """Return first and last trade id of a candle, -1 where it has no trades."""
    if candle.first == candle.end:
        return -1, -1
    return model.tape.first_id + candle.first, model.tape.first_id + candle.end - 1


def _candle_values(model: MarketModel, candle: Candle, is_closed: bool) -> dict[str, str]:
    number = model.decimals
    first_id, last_id = candle_ids(model, candle)
    return {
        "ids": f'"f":{first_id},"L":{last_id}',
        "o": f'"o":"{number.price(candle.open)}"',
        "c": f'"c":"{number.price(candle.close)}"',
        "h": f'"h":"{number.price(candle.high)}"',
        "l": f'"l":"{number.price(candle.low)}"',
        "v": f'"v":"{number.quantity(candle.steps)}"',
        "n": f'"n":{candle.end - candle.first}',
        "x": f'"x":{"true" if is_closed else "false"}',
        "q": f'"q":"{number.quote(candle.quote)}"',
        "V": f'"V":"{number.quantity(candle.taker_steps)}"',
        "Q": f'"Q":"{number.quote(candle.taker_quote)}"',
    }


def kline(model: MarketModel, candle: Candle, interval: str, at_ms: int, is_closed: bool) -> bytes:
    """Write a kline frame."""
    name = model.listing.name
    value = ",".join(_candle_values(model, candle, is_closed).values())
    return (
        f'{{"e":"kline","E":{at_ms},"s":"{name}","k":{{"t":{candle.open_ms},"T":{candle.close_ms},'
        f'"s":"{name}","i":"{interval}",{value},"B":"0"}}}}'
    ).encode()


def continuous_kline(
    model: MarketModel, candle: Candle, interval: str, at_ms: int, is_closed: bool
) -> bytes:
    """Write a frame of a futures continuous kline.

    Binance's f and L are update ids there; the trades' stand in for them.
    """
    listing = model.listing
    values = _candle_values(model, candle, is_closed)
    order = ("ids", "o", "c", "h", "l", "v", "n", "x", "q", "V", "Q")
    value = ",".join(values[key] for key in order)
    return (
        f'{{"e":"continuous_kline","E":{at_ms},"ps":"{listing.base}{listing.quote}",'
        f'"ct":"{listing.contract_type}","k":{{"t":{candle.open_ms},"T":{candle.close_ms},'
        f'"i":"{interval}",{value},"B":"0"}}}}'
    ).encode()


def diff(model: MarketModel, changes: list[Change], previous_id: int, at_ms: int) -> bytes:
    """Write a diff of the levels that `changes` touched, with their last quantity."""
    bids = dict(sorted({c.price: c.steps for c in changes if c.is_bid}.items(), reverse=True))
    asks = dict(sorted({c.price: c.steps for c in changes if not c.is_bid}.items()))
    return _depth_update(
        model,
        ids=(changes[0].update_id, changes[-1].update_id, previous_id),
        times=(at_ms, changes[-1].time_ms),
        sides=(list(bids.items()), list(asks.items())),
    )


def partial(
    model: MarketModel, changes: list[Change], previous_id: int, at_ms: int, limit: int
) -> bytes:
    """Write the best `limit` levels of the book as it is now."""
    book = model.book
    bids, asks = book.bids.top(limit), book.asks.top(limit)
    if model.listing.market == "spot":
        return (
            f'{{"lastUpdateId":{book.update_id},"bids":{levels_text(model, bids)},'
            f'"asks":{levels_text(model, asks)}}}'
        ).encode()
    return _depth_update(
        model,
        ids=(changes[0].update_id, book.update_id, previous_id),
        times=(at_ms, book.time_ms),
        sides=(bids, asks),
    )


def _depth_update(
    model: MarketModel,
    *,
    ids: tuple[int, int, int],
    times: tuple[int, int],
    sides: tuple[Levels, Levels],
) -> bytes:
    name = model.listing.name
    bids, asks = (levels_text(model, side) for side in sides)
    if model.listing.market == "spot":
        return (
            f'{{"e":"depthUpdate","E":{times[0]},"s":"{name}","U":{ids[0]},"u":{ids[1]},'
            f'"b":{bids},"a":{asks}}}'
        ).encode()
    return (
        f'{{"e":"depthUpdate","E":{times[0]},"T":{times[1]},"s":"{name}","U":{ids[0]},'
        f'"u":{ids[1]},"pu":{ids[2]},"b":{bids},"a":{asks},{_pair(model)},"st":1}}'
    ).encode()


def _pair(model: MarketModel) -> str:
    return f'"ps":"{model.listing.base}{model.listing.quote}"'


def book_ticker(model: MarketModel, top: Top) -> bytes:
    """Write the best bid and ask."""
    price, quantity, name = model.decimals.price, model.decimals.quantity, model.listing.name
    bid = f'"b":"{price(top.bid)}","B":"{quantity(top.bid_steps)}"'
    ask = f'"a":"{price(top.ask)}","A":"{quantity(top.ask_steps)}"'
    if model.listing.market == "spot":
        return f'{{"u":{top.update_id},"s":"{name}",{bid},{ask}}}'.encode()
    return (
        f'{{"e":"bookTicker","u":{top.update_id},"E":{top.time_ms},"T":{top.time_ms},'
        f'"s":"{name}",{_pair(model)},{bid},{ask},"st":1}}'
    ).encode()


def trade(model: MarketModel, index: int) -> bytes:
    """Write one trade."""
    tape, number, name = model.tape, model.decimals, model.listing.name
    time_ms = tape.times[index]
    price, quantity = number.price(tape.prices[index]), number.quantity(tape.steps[index])
    maker = "true" if tape.buyer_makers[index] else "false"
    ident = tape.first_id + index
    if model.listing.market == "spot":
        return (
            f'{{"e":"trade","E":{time_ms},"s":"{name}","t":{ident},"p":"{price}",'
            f'"q":"{quantity}","T":{time_ms},"m":{maker},"M":true}}'
        ).encode()
    return (
        f'{{"e":"trade","E":{time_ms},"T":{time_ms},"s":"{name}","t":{ident},"p":"{price}",'
        f'"q":"{quantity}","X":"MARKET","m":{maker},"st":1}}'
    ).encode()


def aggregate(model: MarketModel, number: int, end: int) -> str:
    """Write the values that stream and REST share: a, p, q[, nq], f, l, T, m[, M].

    T of a futures aggregate is its last trade's: Binance says nothing about it.
    """
    tape, decimals = model.tape, model.decimals
    first, last = tape.aggregate_range(number, end)
    steps, _ = tape.volume(first, last)
    quantity = f'"q":"{decimals.quantity(steps)}"'
    is_spot = model.listing.market == "spot"
    if not is_spot:
        quantity += f',"nq":"{decimals.quantity(steps)}"'
    maker = "true" if tape.buyer_makers[first] else "false"
    return (
        f'"a":{tape.first_aggregate_id + number},"p":"{decimals.price(tape.prices[first])}",'
        f'{quantity},"f":{tape.first_id + first},"l":{tape.first_id + last - 1},'
        f'"T":{tape.times[last - 1]},"m":{maker}' + (',"M":true' if is_spot else "")
    )


def aggregate_trade(model: MarketModel, number: int, end: int, at_ms: int) -> bytes:
    """Write one aggregate trade."""
    tail = "" if model.listing.market == "spot" else ',"st":1'
    return (
        f'{{"e":"aggTrade","E":{at_ms},"s":"{model.listing.name}",'
        f"{aggregate(model, number, end)}{tail}}}"
    ).encode()


def ticker(model: MarketModel, window: Window, top: Top, event: str = "24hrTicker") -> str:
    """Write statistics of a window. Spot's 24 hours hold the best bid and ask too."""
    price, quantity = model.decimals.price, model.decimals.quantity
    change = window.last - window.open if window.trades else 0
    head = (
        f'{{"e":"{event}","E":{window.close_ms},"s":"{model.listing.name}",'
        f'"p":"{price(change)}","P":"{percent_text(change, window.open)}",'
    )
    average = f'"w":"{model.decimals.average(window.quote, window.steps)}",'
    open_high_low = (
        f'"o":"{price(window.open)}","h":"{price(window.high)}","l":"{price(window.low)}",'
    )
    tail = (
        f'"v":"{quantity(window.steps)}","q":"{model.decimals.window_quote(window.quote)}",'
        f'"O":{window.open_ms},"C":{window.close_ms},"F":{window.first_id},'
        f'"L":{window.last_id},"n":{window.trades}'
    )
    last = f'"c":"{price(window.last)}",'
    if event != "24hrTicker":
        return head + open_high_low + last + average + tail + "}"
    last += f'"Q":"{quantity(window.last_steps)}",'
    if model.listing.market == "spot":
        best = (
            f'"b":"{price(top.bid)}","B":"{quantity(top.bid_steps)}",'
            f'"a":"{price(top.ask)}","A":"{quantity(top.ask_steps)}",'
        )
        before = f'"x":"{price(window.before)}",'
        return head + average + before + last + best + open_high_low + tail + "}"
    return head + average + last + open_high_low + tail + f',{_pair(model)},"st":1}}'


def mini_ticker(model: MarketModel, window: Window) -> str:
    """Write the 24-hour statistics in short."""
    price = model.decimals.price
    is_spot = model.listing.market == "spot"
    pair, tail = ("", "") if is_spot else (_pair(model) + ",", ',"st":1')
    return (
        f'{{"e":"24hrMiniTicker","E":{window.close_ms},"s":"{model.listing.name}",{pair}'
        f'"c":"{price(window.last)}","o":"{price(window.open)}","h":"{price(window.high)}",'
        f'"l":"{price(window.low)}","v":"{model.decimals.quantity(window.steps)}",'
        f'"q":"{model.decimals.window_quote(window.quote)}"{tail}}}'
    )


def mark_price(model: MarketModel, at_ms: int) -> str:
    """Write the mark price; a symbol that is not trading has no funding any more."""
    values = mark.mark_at(model, at_ms)
    funding_ms = mark.next_funding_ms(model, at_ms) if model.listing.is_trading else 0
    rate = mark.funding_rate(model, funding_ms) if funding_ms else "0.00000000"
    return (
        f'{{"e":"markPriceUpdate","E":{at_ms},"s":"{model.listing.name}","p":"{values.mark}",'
        f'"i":"{values.index_price}","P":"{values.settle}","r":"{rate}","ap":"{values.average}",'
        f'"T":{funding_ms},"st":1}}'
    )


def average_price(model: MarketModel, at_ms: int) -> tuple[str, int]:
    """Return the five-minute average price as of `at_ms`, and the time of the last trade."""
    tape = model.tape
    end = tape.count_at(at_ms)
    first = tape.first_from(at_ms - 300_000, end)
    steps, quote = tape.volume(first, end)
    if not steps:
        return model.decimals.price(tape.prices[end - 1]), tape.times[end - 1]
    return model.decimals.average(quote, steps), tape.times[end - 1]
