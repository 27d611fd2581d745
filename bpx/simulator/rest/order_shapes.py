"""Orders and own trades as JSON, in the order of keys of each market."""

from decimal import Decimal
from typing import Any

from bpx.simulator.account import Fill, Order
from bpx.simulator.market import MarketModel
from bpx.simulator.rest.call import Call

Json = dict[str, Any]


def _price(model: MarketModel, value: Decimal | str) -> str:
    return f"{Decimal(value):.{model.decimals.price_decimals}f}"


def _quantity(model: MarketModel, value: Decimal) -> str:
    return f"{value:.{model.decimals.quantity_decimals}f}"


def _spent(model: MarketModel, order: Order) -> str:
    return f"{order.spent:.{model.decimals.quote_decimals}f}"


def placed(call: Call, model: MarketModel, order: Order) -> Json:
    """Return the reply to a new order: FULL on spot."""
    if not call.is_spot:
        return _futures(model, order)
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "transactTime": order.updated_ms,
        **_spot_amounts(model, order),
        "workingTime": order.at_ms,
        "fills": [
            {
                "price": fill.price,
                "qty": _quantity(model, fill.quantity),
                "commission": "0.00000000",
                "commissionAsset": model.listing.base,
                "tradeId": fill.trade_id,
            }
            for fill in order.fills
        ],
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }


def _spot_amounts(model: MarketModel, order: Order) -> Json:
    return {
        "price": _price(model, order.price),
        "origQty": _quantity(model, order.quantity),
        "executedQty": _quantity(model, order.executed),
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": _spent(model, order),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.kind,
        "side": order.side,
    }


def queried(call: Call, model: MarketModel, order: Order) -> Json:
    """Return an order that was asked for."""
    if not call.is_spot:
        return _futures(model, order)
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        **_spot_amounts(model, order),
        "stopPrice": "0.00000000",
        "icebergQty": "0.00000000",
        "time": order.at_ms,
        "updateTime": order.updated_ms,
        "isWorking": True,
        "workingTime": order.at_ms,
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }


def canceled(call: Call, model: MarketModel, order: Order) -> Json:
    """Return an order that was just cancelled."""
    if not call.is_spot:
        return _futures(model, order)
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": f"cancel{order.order_id}",
        "transactTime": order.updated_ms,
        **_spot_amounts(model, order),
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }


def _futures(model: MarketModel, order: Order) -> Json:
    average = order.spent / order.executed if order.executed else Decimal(0)
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": order.status,
        "clientOrderId": order.client_order_id,
        "price": _price(model, order.price),
        "avgPrice": _price(model, average),
        "origQty": _quantity(model, order.quantity),
        "executedQty": _quantity(model, order.executed),
        "cumQty": _quantity(model, order.executed),
        "cumQuote": _spent(model, order),
        "timeInForce": order.time_in_force,
        "type": order.kind,
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "side": order.side,
        "positionSide": "BOTH",
        "stopPrice": model.decimals.no_price,
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": order.kind,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": 0,
        "time": order.at_ms,
        "updateTime": order.updated_ms,
    }


def own_trade(call: Call, model: MarketModel, order: Order, fill: Fill) -> Json:
    """Return one fill of an own order."""
    quote = f"{fill.quantity * Decimal(fill.price):.{model.decimals.quote_decimals}f}"
    is_buyer = order.side == "BUY"
    if call.is_spot:
        return {
            "symbol": order.symbol,
            "id": fill.trade_id,
            "orderId": order.order_id,
            "orderListId": -1,
            "price": fill.price,
            "qty": _quantity(model, fill.quantity),
            "quoteQty": quote,
            "commission": "0.00000000",
            "commissionAsset": model.listing.base,
            "time": order.at_ms,
            "isBuyer": is_buyer,
            "isMaker": False,
            "isBestMatch": True,
        }
    return {
        "symbol": order.symbol,
        "id": fill.trade_id,
        "orderId": order.order_id,
        "side": order.side,
        "price": fill.price,
        "qty": _quantity(model, fill.quantity),
        "realizedPnl": "0",
        "quoteQty": quote,
        "commission": "0",
        "commissionAsset": model.listing.quote,
        "time": order.at_ms,
        "positionSide": "BOTH",
        "buyer": is_buyer,
        "maker": False,
    }
