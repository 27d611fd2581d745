"""One symbol of exchangeInfo, in the order of keys of each market."""

from typing import Any

from bpx.simulator.listing import Listing
from bpx.simulator.numbers import decimal_text

Json = dict[str, Any]
_SELF_TRADE = ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"]
_SPOT_ORDERS = [
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
]
_FUTURES_ORDERS = [
    "LIMIT",
    "MARKET",
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
]


def spot_permissions(listing: Listing) -> list[str]:
    """Return what a symbol may be traded with."""
    margin = ["MARGIN"] if listing.number % 3 else []
    groups = [f"TRD_GRP_{number:03d}" for number in range(4, 10 + listing.number % 4)]
    return ["SPOT", *margin, *groups]


def spot_symbol(listing: Listing, shows_sets: bool) -> Json:
    """Return one symbol in spot's shape and order of keys."""
    permissions = spot_permissions(listing)
    return {
        "symbol": listing.name,
        "status": listing.status,
        "baseAsset": listing.base,
        "baseAssetPrecision": 8,
        "quoteAsset": listing.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": _SPOT_ORDERS,
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "opoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": "MARGIN" in permissions,
        "filters": _spot_filters(listing),
        "permissions": [],
        # Binance: "whether the content of the permissionSets field is populated or not".
        "permissionSets": [permissions] if shows_sets else [],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": _SELF_TRADE,
    }


def _padded(units: int, decimals: int) -> str:
    return decimal_text(units * 10 ** (8 - decimals), 8)


def _spot_filters(listing: Listing) -> list[Json]:
    tick = _padded(1, listing.price_decimals)
    step = _padded(1, listing.quantity_decimals)
    least = {"BTC": "0.00010000", "ETH": "0.00100000", "BNB": "0.01000000"}
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": tick,
            "maxPrice": _padded(listing.start_ticks * 15, listing.price_decimals),
            "tickSize": tick,
        },
        {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "9000000.00000000", "stepSize": step},
        {"filterType": "ICEBERG_PARTS", "limit": 100},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": "0.00000000",
            "maxQty": "120000.00000000",
            "stepSize": "0.00000000",
        },
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": 10,
            "maxTrailingAboveDelta": 2000,
            "minTrailingBelowDelta": 10,
            "maxTrailingBelowDelta": 2000,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": "5",
            "bidMultiplierDown": "0.2",
            "askMultiplierUp": "5",
            "askMultiplierDown": "0.2",
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": least.get(listing.quote, "5.00000000"),
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
    ]


def futures_symbol(listing: Listing, start_ms: int) -> Json:
    """Return one symbol in futures' shape and order of keys."""
    return {
        "symbol": listing.name,
        "pair": listing.name,
        "contractType": listing.contract_type,
        "deliveryDate": 4133404800000 if listing.is_trading else start_ms,
        "onboardDate": listing.listed_ms(start_ms),
        "status": listing.status,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": listing.base,
        "quoteAsset": listing.quote,
        "marginAsset": listing.quote,
        "pricePrecision": listing.price_decimals,
        "quantityPrecision": listing.quantity_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"] if listing.base in ("BTC", "LTC", "BCH") else [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": _futures_filters(listing),
        "orderTypes": _FUTURES_ORDERS,
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "permissionSets": ["GRID", "COPY"],
    }


def _futures_filters(listing: Listing) -> list[Json]:
    tick = decimal_text(listing.tick_units, listing.price_decimals)
    step = decimal_text(1, listing.quantity_decimals)
    highest = listing.start_ticks * listing.tick_units * 15
    return [
        {
            "maxPrice": decimal_text(highest, listing.price_decimals),
            "filterType": "PRICE_FILTER",
            "minPrice": tick,
            "tickSize": tick,
        },
        {"filterType": "LOT_SIZE", "maxQty": "1000000", "stepSize": step, "minQty": step},
        {"filterType": "MARKET_LOT_SIZE", "maxQty": "12000", "stepSize": step, "minQty": step},
        {"limit": 200, "filterType": "MAX_NUM_ORDERS"},
        {"filterType": "MIN_NOTIONAL", "notional": "5"},
        {
            "multiplierDecimal": "4",
            "multiplierUp": "1.0500",
            "multiplierDown": "0.9500",
            "filterType": "PERCENT_PRICE",
        },
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
    ]
