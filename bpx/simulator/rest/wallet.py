"""Balances, and the reads about an account that clients make at their start."""

from decimal import Decimal
from typing import Any

import orjson

from bpx.simulator.rest.call import Call
from bpx.simulator.rest.signed import require_signature

Json = dict[str, Any]


def spot_account(call: Call) -> bytes:
    """Answer GET /api/v3/account."""
    require_signature(call)
    account = call.account
    assets = sorted({*account.free, *account.locked})
    return orjson.dumps(
        {
            "makerCommission": 10,
            "takerCommission": 10,
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {
                "maker": "0.00100000",
                "taker": "0.00100000",
                "buyer": "0.00000000",
                "seller": "0.00000000",
            },
            "canTrade": True,
            "canWithdraw": True,
            "canDeposit": True,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": call.at_ms,
            "accountType": "SPOT",
            "balances": [
                {
                    "asset": asset,
                    "free": f"{account.free.get(asset, Decimal(0)):.8f}",
                    "locked": f"{account.locked.get(asset, Decimal(0)):.8f}",
                }
                for asset in assets
            ],
            "permissions": ["SPOT"],
            "uid": 354937868,
        }
    )


def _futures_asset(call: Call, asset: str) -> Json:
    free = f"{call.account.free[asset]:.8f}"
    return {
        "asset": asset,
        "walletBalance": free,
        "unrealizedProfit": "0.00000000",
        "marginBalance": free,
        "maintMargin": "0.00000000",
        "initialMargin": "0.00000000",
        "positionInitialMargin": "0.00000000",
        "openOrderInitialMargin": "0.00000000",
        "crossWalletBalance": free,
        "crossUnPnl": "0.00000000",
        "availableBalance": free,
        "maxWithdrawAmount": free,
        "updateTime": call.at_ms,
    }


def futures_account(call: Call) -> bytes:
    """Answer GET /fapi/v2|v3/account."""
    require_signature(call)
    total = f"{call.account.free['USDT']:.8f}"
    nothing = "0.00000000"
    return orjson.dumps(
        {
            "totalInitialMargin": nothing,
            "totalMaintMargin": nothing,
            "totalWalletBalance": total,
            "totalUnrealizedProfit": nothing,
            "totalMarginBalance": total,
            "totalPositionInitialMargin": nothing,
            "totalOpenOrderInitialMargin": nothing,
            "totalCrossWalletBalance": total,
            "totalCrossUnPnl": nothing,
            "availableBalance": total,
            "maxWithdrawAmount": total,
            "assets": [_futures_asset(call, asset) for asset in ("USDT", "BNB")],
            "positions": _positions(call, None),
        }
    )


def futures_balance(call: Call) -> bytes:
    """Answer GET /fapi/v2|v3/balance."""
    require_signature(call)
    rows = []
    for asset in ("USDT", "BNB"):
        free = f"{call.account.free[asset]:.8f}"
        rows.append(
            {
                "accountAlias": "SgsR",
                "asset": asset,
                "balance": free,
                "crossWalletBalance": free,
                "crossUnPnl": "0.00000000",
                "availableBalance": free,
                "maxWithdrawAmount": free,
                "marginAvailable": True,
                "updateTime": call.at_ms,
            }
        )
    return orjson.dumps(rows)


def _positions(call: Call, symbol: str | None) -> list[Json]:
    names = {order.symbol for order in call.account.orders.values()}
    rows = []
    for name in sorted(names if symbol is None else names & {symbol}):
        amount = call.account.position(name)
        model = call.markets.model(name)
        price = model.decimals.price(model.tape.prices[-1])
        rows.append(
            {
                "symbol": name,
                "positionSide": "BOTH",
                "positionAmt": f"{amount:f}",
                "entryPrice": price,
                "breakEvenPrice": price,
                "markPrice": price,
                "unRealizedProfit": "0.00000000",
                "unrealizedProfit": "0.00000000",
                "liquidationPrice": "0",
                "leverage": "20",
                "isolated": False,
                "isolatedMargin": "0",
                "isolatedWallet": "0",
                "notional": f"{amount * Decimal(price):f}",
                "marginAsset": model.listing.quote,
                "initialMargin": "0",
                "maintMargin": "0",
                "positionInitialMargin": "0",
                "openOrderInitialMargin": "0",
                "adl": 0,
                "bidNotional": "0",
                "askNotional": "0",
                "updateTime": call.at_ms,
            }
        )
    return rows


def position_risk(call: Call) -> bytes:
    """Answer GET positionRisk."""
    require_signature(call)
    name = call.checked_symbol() if call.text("symbol") else None
    return orjson.dumps(_positions(call, name))


def leverage_brackets(call: Call) -> bytes:
    """Answer GET leverageBracket: one bracket a symbol."""
    require_signature(call)
    listed = call.markets.listings
    name = call.checked_symbol() if call.text("symbol") else None
    bracket = {
        "bracket": 1,
        "initialLeverage": 75,
        "notionalCap": 50000,
        "notionalFloor": 0,
        "maintMarginRatio": 0.0065,
        "cum": 0.0,
    }
    return orjson.dumps(
        [{"symbol": symbol, "brackets": [bracket]} for symbol in listed if name in (None, symbol)]
    )


def dual_side(call: Call) -> bytes:
    """Answer GET /fapi/v1/positionSide/dual."""
    require_signature(call)
    return b'{"dualSidePosition":false}'


def set_leverage(call: Call) -> bytes:
    """Answer POST /fapi/v1/leverage."""
    require_signature(call)
    model = call.model()
    leverage = call.number("leverage")
    return orjson.dumps(
        {"leverage": leverage, "maxNotionalValue": "50000", "symbol": model.listing.name}
    )
