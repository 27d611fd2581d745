"""The few wallet and margin routes that clients read when they start."""

from decimal import Decimal

import orjson

from bpx.simulator.rest.call import Call
from bpx.simulator.rest.signed import require_key, require_signature


def coins(call: Call) -> bytes:
    """Answer GET /sapi/v1/capital/config/getall in short."""
    require_signature(call)
    assets = sorted({one.base for one in call.markets.listings.values()} | {"USDT"})
    return orjson.dumps(
        [
            {
                "coin": asset,
                "depositAllEnable": True,
                "free": f"{call.account.free.get(asset, Decimal(0)):.8f}",
                "freeze": "0",
                "ipoable": "0",
                "ipoing": "0",
                "isLegalMoney": False,
                "locked": "0",
                "name": asset,
                "networkList": [],
                "storage": "0",
                "trading": True,
                "withdrawAllEnable": True,
                "withdrawing": "0",
            }
            for asset in assets
        ]
    )


def margin_pairs(call: Call) -> bytes:
    """Answer GET /sapi/v1/margin/allPairs."""
    require_key(call)
    rows = [
        {
            "base": one.base,
            "id": one.number,
            "isBuyAllowed": True,
            "isMarginTrade": True,
            "isSellAllowed": True,
            "quote": one.quote,
            "symbol": one.name,
        }
        for one in call.markets.listings.values()
        if one.number % 3 and one.is_trading
    ]
    return orjson.dumps(rows)


def isolated_pairs(call: Call) -> bytes:
    """Answer GET /sapi/v1/margin/isolated/allPairs: none."""
    require_key(call)
    return b"[]"


def system_status(_call: Call) -> bytes:
    """Answer GET /sapi/v1/system/status."""
    return b'{"status":0,"msg":"normal"}'
