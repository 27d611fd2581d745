"""Which symbols a request is about: `symbol`, `symbols`, `symbolStatus`, or all."""

from collections.abc import Callable

from bpx.simulator.market import MarketModel
from bpx.simulator.rest import refusal
from bpx.simulator.rest.call import Call
from bpx.simulator.rest.refusal import Refused

STATUSES = ("TRADING", "HALT", "BREAK")


def requested_status(call: Call, names: list[str]) -> str | None:
    """Return `symbolStatus`; refuse a single symbol that has another one."""
    status = call.text("symbolStatus") if call.is_spot else None
    if status is None:
        return None
    if status not in STATUSES:
        raise Refused(-1122, "Invalid symbolStatus.")
    listed = [call.markets.listings[name] for name in names if name in call.markets.listings]
    if any(listing.status != status for listing in listed):
        raise Refused(-1220, "The symbol's status does not match the requested symbolStatus.")
    return status


def one_or_many(
    call: Call, write: Callable[[MarketModel], str], *, is_all_allowed: bool = True
) -> bytes:
    """Write one object for `symbol`, an array for `symbols` or for all symbols."""
    if call.text("symbol") is not None:
        if call.is_spot and "symbols" in call.params:
            # Which of two documented codes this gets is not documented.
            raise Refused(-1128, "Combination of optional parameters invalid.")
        name = call.checked_symbol()
        requested_status(call, [name])
        return write(call.model_of(name)).encode()
    names = call.symbols() if call.is_spot else None
    if names is None:
        if not is_all_allowed:
            raise Refused(
                -1102, "Param 'symbol' or 'symbols' must be sent, but both were empty/null!"
            )
        names = all_names(call)
    status = requested_status(call, [])
    listed = call.markets.listings
    kept = [name for name in names if status is None or listed[name].status == status]
    if not is_all_allowed and len(kept) > 100:
        raise refusal.not_valid("symbols")  # the code for this is not documented
    return ("[" + ",".join([write(call.markets.model(name)) for name in kept]) + "]").encode()


def all_names(call: Call) -> list[str]:
    """Return every symbol that answers for all: futures leaves out what is not trading."""
    return [
        name
        for name, listing in call.markets.listings.items()
        if call.is_spot or listing.is_trading
    ]
