"""What needs a key: who may ask, orders, and the reads that clients make at their start."""

import re
from decimal import Decimal
from typing import Any

import orjson

from bpx.simulator.account import Order
from bpx.simulator.market import MarketModel
from bpx.simulator.rest import order_shapes as shapes
from bpx.simulator.rest import refusal
from bpx.simulator.rest.call import Call
from bpx.simulator.rest.refusal import Refused
from bpx.simulator.signature import is_verified, signed_payload

_AHEAD_MS = 1_000
_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,12})?")
_KINDS = (
    "LIMIT",
    "MARKET",
    "LIMIT_MAKER",
    "STOP",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
    "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
)


def require_key(call: Call) -> None:
    """Refuse a request without a known key."""
    key = call.request.headers.get("x-mbx-apikey", "")
    if not key:
        raise Refused(-2014, "API-key format invalid.", 401)
    if key not in call.account.secrets:
        raise Refused(-2015, "Invalid API-key, IP, or permissions for action.", 401)


def require_signature(call: Call) -> None:
    """Refuse a request whose time or signature is not right."""
    require_key(call)
    timestamp = call.time_ms("timestamp")
    if timestamp is None:
        raise refusal.missing("timestamp")
    window_ms = call.number("recvWindow") or 5_000
    if timestamp > call.at_ms + _AHEAD_MS:
        raise Refused(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if call.at_ms - timestamp > window_ms:
        raise Refused(-1021, "Timestamp for this request is outside of the recvWindow.")
    if signed_payload(call.request)[1] is None:
        raise refusal.missing("signature")
    if not is_verified(call.request, call.account.secrets):
        raise Refused(-1022, "Signature for this request is not valid.")


def _decimal(call: Call, name: str) -> Decimal:
    text = call.mandatory(name)
    if not _DECIMAL.fullmatch(text):
        raise refusal.illegal(name, r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
    value = Decimal(text)
    if value <= 0:
        raise Refused(-1013, f"Invalid {name}.")
    return value


def _new_order(call: Call, model: MarketModel) -> Order:
    side, kind = call.mandatory("side").upper(), call.mandatory("type").upper()
    if side not in ("BUY", "SELL"):
        raise Refused(-1117, "Invalid side.")
    if kind not in _KINDS:
        raise Refused(-1116, "Invalid orderType.")
    order_id = call.account.new_order_id()
    needs_price = kind.startswith("LIMIT") or kind.endswith("LIMIT")
    return Order(
        symbol=model.listing.name,
        order_id=order_id,
        client_order_id=call.text("newClientOrderId") or f"sim{order_id}",
        side=side,
        kind=kind,
        time_in_force=call.text("timeInForce") or "GTC",
        price=str(_decimal(call, "price")) if needs_price else "0",
        quantity=_quantity(call, model),
        at_ms=call.at_ms,
        reduce_only=call.text("reduceOnly") == "true",
    )


def _quantity(call: Call, model: MarketModel) -> Decimal:
    step = Decimal(1).scaleb(-model.listing.quantity_decimals)
    if call.is_spot and call.text("quantity") is None and call.text("quoteOrderQty"):
        best = Decimal(model.decimals.price(model.book.top_at(call.at_ms).ask))
        return (_decimal(call, "quoteOrderQty") / best).quantize(step)
    quantity = _decimal(call, "quantity")
    if quantity % step:
        text = (
            "Filter failure: LOT_SIZE"
            if call.is_spot
            else ("Precision is over the maximum defined for this asset.")
        )
        raise Refused(-1013 if call.is_spot else -1111, text)
    return quantity


def place_order(call: Call) -> bytes:
    """Answer POST order."""
    require_signature(call)
    model = call.model()
    if not model.listing.is_trading:
        raise Refused(-1013, "Market is closed.")
    order = _new_order(call, model)
    if call.is_spot and not call.account.can_afford(order, model, call.at_ms):
        raise Refused(-2010, "Account has insufficient balance for requested action.")
    if call.is_counted:
        call.account.place(order, model, call.at_ms)
        call.placed(order.order_id)
    return orjson.dumps(shapes.placed(call, model, order))


def test_order(call: Call) -> bytes:
    """Answer POST order/test: checked, not placed."""
    require_signature(call)
    _new_order(call, call.model())
    return b"{}"


def _found(call: Call) -> tuple[MarketModel, Order]:
    require_signature(call)
    model = call.model()
    order_id, client_id = call.number("orderId"), call.text("origClientOrderId")
    if order_id is None and client_id is None:
        raise Refused(
            -1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
        )
    order = call.account.find(model.listing.name, order_id, client_id)
    if order is None:
        if call.request.method == "GET":
            raise Refused(-2013, "Order does not exist.")
        raise Refused(-2011, "Unknown order sent.")
    return model, order


def query_order(call: Call) -> bytes:
    """Answer GET order."""
    model, order = _found(call)
    return orjson.dumps(shapes.queried(call, model, order))


def cancel_order(call: Call) -> bytes:
    """Answer DELETE order."""
    model, order = _found(call)
    if not order.is_open:
        raise Refused(-2011, "Unknown order sent.")
    call.account.cancel(order, call.at_ms)
    call.touched(order.order_id)
    return orjson.dumps(shapes.canceled(call, model, order))


def open_orders(call: Call) -> bytes:
    """Answer GET openOrders."""
    require_signature(call)
    name = call.checked_symbol() if call.text("symbol") else None
    if name is not None:
        call.model_of(name)
    orders = call.account.open_orders(name)
    rows = [shapes.queried(call, call.markets.model(one.symbol), one) for one in orders]
    return orjson.dumps(rows)


def cancel_open_orders(call: Call) -> bytes:
    """Answer DELETE openOrders (spot) and allOpenOrders (futures)."""
    require_signature(call)
    model = call.model()
    orders = call.account.open_orders(model.listing.name)
    if call.is_spot and not orders:
        raise Refused(-2011, "Unknown order sent.")
    for order in orders:
        call.account.cancel(order, call.at_ms)
    if not call.is_spot:
        return b'{"code":200,"msg":"The operation of cancel all open order is done."}'
    return orjson.dumps([shapes.canceled(call, model, order) for order in orders])


def cancel_replace(call: Call) -> bytes:
    """Answer POST order/cancelReplace."""
    require_signature(call)
    model = call.model()
    client_id = call.text("cancelOrigClientOrderId")
    old = call.account.find(model.listing.name, call.number("cancelOrderId"), client_id)
    order = _new_order(call, model)
    if old is None or not old.is_open:
        raise Refused(-2022, "Order cancel-replace failed.")
    call.account.cancel(old, call.at_ms)
    call.account.place(order, model, call.at_ms)
    call.placed(order.order_id)
    document: dict[str, Any] = {
        "cancelResult": "SUCCESS",
        "newOrderResult": "SUCCESS",
        "cancelResponse": shapes.canceled(call, model, old),
        "newOrderResponse": shapes.placed(call, model, order),
    }
    return orjson.dumps(document)


def amend_order(call: Call) -> bytes:
    """Answer PUT order (futures): another price and quantity."""
    model, order = _found(call)
    if not order.is_open:
        raise Refused(-2013, "Order does not exist.")
    order.price, order.quantity = str(_decimal(call, "price")), _quantity(call, model)
    order.updated_ms = call.at_ms
    call.touched(order.order_id)
    return orjson.dumps(shapes.queried(call, model, order))


def my_trades(call: Call) -> bytes:
    """Answer myTrades (spot) and userTrades (futures)."""
    require_signature(call)
    model = call.model()
    return orjson.dumps(
        [
            shapes.own_trade(call, model, order, fill)
            for order in call.account.orders.values()
            if order.symbol == model.listing.name
            for fill in order.fills
        ]
    )
