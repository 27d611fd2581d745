"""exchangeInfo of both markets in today's shape."""

import orjson

from bpx.simulator.accounting import Limits
from bpx.simulator.rest import refusal
from bpx.simulator.rest.call import Call
from bpx.simulator.rest.refusal import Refused
from bpx.simulator.rest.selection import STATUSES
from bpx.simulator.rest.symbol_shapes import (
    Json,
    futures_symbol,
    spot_permissions,
    spot_symbol,
)

_FLAGS = {"true": True, "false": False}


def _limit(kind: str, interval: str, number: int, limit: int) -> Json:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}


def rate_limits(market: str, limits: Limits) -> list[Json]:
    """Return `rateLimits` with the values in force."""
    weight = _limit("REQUEST_WEIGHT", "MINUTE", 1, limits.weight_per_minute)
    ten_seconds = _limit("ORDERS", "SECOND", 10, limits.orders_per_10s)
    if market == "futures":
        return [weight, _limit("ORDERS", "MINUTE", 1, limits.orders_per_minute), ten_seconds]
    return [
        weight,
        ten_seconds,
        _limit("ORDERS", "DAY", 1, limits.orders_per_day),
        _limit("RAW_REQUESTS", "MINUTE", 5, limits.raw_requests_per_5m),
    ]


def spot(call: Call) -> bytes:
    """Answer spot's exchangeInfo, of all symbols or of those asked for."""
    names = _spot_names(call)
    sets = call.text("showPermissionSets")
    if sets is not None and sets not in _FLAGS:
        raise refusal.missing("showPermissionSets")  # the code for this is not documented
    shows_sets = sets != "false"
    document = {
        "timezone": "UTC",
        "serverTime": call.at_ms,
        "rateLimits": rate_limits("spot", call.limits),
        "exchangeFilters": [],
        "symbols": [spot_symbol(call.markets.listings[name], shows_sets) for name in names],
    }
    return orjson.dumps(document)


def _spot_names(call: Call) -> list[str]:
    choices = [key for key in ("symbol", "symbols", "permissions") if key in call.params]
    if len(choices) > 1 or (choices and choices != ["permissions"] and call.text("symbolStatus")):
        raise Refused(-1128, "Combination of optional parameters invalid.")
    if call.text("symbol") is not None:
        name = call.checked_symbol()
        if name not in call.markets.listings:
            raise refusal.invalid_symbol()
        return [name]
    names = call.symbols()
    if names is not None:
        return names
    wanted = _permissions(call)
    status = call.text("symbolStatus")
    if status is not None and status not in STATUSES:
        raise Refused(-1122, "Invalid symbolStatus.")
    return [
        name
        for name, listing in call.markets.listings.items()
        if wanted & set(spot_permissions(listing)) and status in (None, listing.status)
    ]


def _permissions(call: Call) -> set[str]:
    value = call.text("permissions")
    if value is None:
        return {"SPOT", "MARGIN", "LEVERAGED"}
    if not value.startswith("["):
        return {value}
    try:
        return {str(name) for name in orjson.loads(value)}
    except orjson.JSONDecodeError:
        raise refusal.missing("permissions") from None


def futures(call: Call) -> bytes:
    """Answer futures' exchangeInfo; parameters change nothing."""
    listings = call.markets.listings.values()
    margin_assets = sorted({listing.quote for listing in listings} | {"BNB", "BTC", "FDUSD"})
    document = {
        "timezone": "UTC",
        "serverTime": call.at_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": rate_limits("futures", call.limits),
        "exchangeFilters": [],
        "assets": [
            {"asset": asset, "marginAvailable": True, "autoAssetExchange": "-10000"}
            for asset in margin_assets
        ],
        "symbols": [futures_symbol(one, call.markets.start_ms) for one in listings],
    }
    return orjson.dumps(document)
