"""What only futures has: mark price, funding, open interest."""

from bpx.simulator import mark
from bpx.simulator.market import MarketModel
from bpx.simulator.rest.call import Call
from bpx.simulator.rest.refusal import Refused
from bpx.simulator.rest.selection import one_or_many


def premium_index(call: Call) -> bytes:
    """Answer premiumIndex."""
    return one_or_many(call, lambda model: _premium_index(call, model))


def _premium_index(call: Call, model: MarketModel) -> str:
    values = mark.mark_at(model, call.at_ms)
    is_trading = model.listing.is_trading
    funding_ms = mark.next_funding_ms(model, call.at_ms) if is_trading else 0
    rate = mark.funding_rate(model, funding_ms) if is_trading else "0.00000000"
    return (
        f'{{"symbol":"{model.listing.name}","markPrice":"{values.mark}",'
        f'"indexPrice":"{values.index_price}","estimatedSettlePrice":"{values.settle}",'
        f'"lastFundingRate":"{rate}","interestRate":"{mark.INTEREST_RATE}",'
        f'"nextFundingTime":{funding_ms},"time":{call.at_ms}}}'
    )


def funding_rates(call: Call) -> bytes:
    """Answer fundingRate: of one symbol, or of all trading ones."""
    _refuse_beyond_pool(call)
    limit = call.limit(100, 1_000)
    start_ms, end_ms = call.time_ms("startTime"), call.time_ms("endTime")
    if start_ms is not None and end_ms is not None and start_ms > end_ms:
        raise Refused(-1023, "Start time is greater than end time.")
    if call.text("symbol") is not None:
        names = [call.checked_symbol()]
    else:
        names = [name for name, one in call.markets.listings.items() if one.is_trading]
    if start_ms is None and end_ms is None and len(names) == 1 and call.number("limit") is None:
        limit = 200  # documented: without times the last 200 records
    found: list[tuple[int, str]] = []
    for name in names:
        found += _funding(call, call.model_of(name), start_ms, end_ms, limit)
    found.sort()
    kept = found[-limit:] if start_ms is None else found[:limit]
    return ("[" + ",".join(text for _, text in kept) + "]").encode()


def _refuse_beyond_pool(call: Call) -> None:
    if not call.is_in_funding_pool:
        raise Refused(-1003, "Too many requests; please use the websocket for live updates.", 429)


def _funding(
    call: Call, model: MarketModel, start_ms: int | None, end_ms: int | None, limit: int
) -> list[tuple[int, str]]:
    period_ms = mark.funding_hours(model) * mark.HOUR_MS
    last_ms = min(call.at_ms, end_ms or call.at_ms, model.halted_ms or call.at_ms)
    first_ms = max(model.listed_ms, start_ms or 0)
    last, first = last_ms // period_ms, -(-first_ms // period_ms)
    if start_ms is None:
        first = max(first, last - limit + 1)
    else:
        last = min(last, first + limit - 1)
    return [
        (number * period_ms, _funding_row(model, number * period_ms))
        for number in range(first, last + 1)
    ]


def _funding_row(model: MarketModel, funding_ms: int) -> str:
    return (
        f'{{"symbol":"{model.listing.name}","fundingTime":{funding_ms},'
        f'"fundingRate":"{mark.funding_rate(model, funding_ms)}",'
        f'"markPrice":"{mark.mark_at(model, funding_ms).mark}","rateType":"Regular"}}'
    )


def funding_info(call: Call) -> bytes:
    """Answer fundingInfo: symbols whose funding differs from the usual eight hours."""
    _refuse_beyond_pool(call)
    rows = [
        f'{{"symbol":"{name}","adjustedFundingRateCap":"0.02000000",'
        f'"adjustedFundingRateFloor":"-0.02000000","fundingIntervalHours":4,'
        f'"disclaimer":false,"updateTime":{call.markets.start_ms}}}'
        for name, listing in call.markets.listings.items()
        if listing.number % 5 == 0
    ]
    return ("[" + ",".join(rows) + "]").encode()


def open_interest(call: Call) -> bytes:
    """Answer openInterest."""
    model = call.model()
    return (
        f'{{"symbol":"{model.listing.name}",'
        f'"openInterest":"{mark.open_interest(model, call.at_ms)}","time":{call.at_ms}}}'
    ).encode()
