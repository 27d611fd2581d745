"""Signed requests: signatures over raw bytes, the ledger, orders."""

import hmac
from hashlib import sha256

import orjson
import pytest

from bpx.simulator.venue import Request
from tests.simulator.market_access import KEYS, exchange

((KEY, SECRET),) = KEYS.items()
PATHS = {"spot": "/api/v3/order", "futures": "/fapi/v1/order"}


def signature(payload: bytes) -> str:
    return hmac.new(SECRET.encode(), payload, sha256).hexdigest()


def sign(query: str) -> str:
    return f"{query}&signature={signature(query.encode())}"


def ask(venue, method, path, query="", body=b"", key=KEY):
    target = f"{path}?{query}" if query else path
    reply = venue.reply(Request(method, target, {"x-mbx-apikey": key}, body))
    return reply.status, orjson.loads(reply.body)


def order(venue, text):
    return ask(
        venue, "POST", PATHS[venue.market], body=sign(f"timestamp={venue.now_ms}&{text}").encode()
    )


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_a_market_order_is_filled_at_the_best_price_and_stands_in_the_ledger(market):
    venue = exchange(market)
    status, body = order(venue, "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.010")
    assert (status, body["status"], float(body["executedQty"])) == (200, "FILLED", 0.01)
    (delivery,) = venue.ledger
    assert (delivery.method, delivery.verified, delivery.order_id, delivery.status) == (
        "POST", True, body["orderId"], 200,
    )  # fmt: skip


def test_an_order_rests_until_it_is_cancelled():
    venue = exchange("spot")
    _, placed = order(
        venue, "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=20000"
    )
    query = f"symbol=BTCUSDT&orderId={placed['orderId']}&timestamp={venue.now_ms}"
    assert ask(venue, "GET", PATHS["spot"], sign(query))[1]["status"] == "NEW"
    assert ask(venue, "DELETE", PATHS["spot"], sign(query))[1]["status"] == "CANCELED"
    assert ask(venue, "DELETE", PATHS["spot"], sign(query)) == (
        400,
        {"code": -2011, "msg": "Unknown order sent."},
    )


def test_a_fill_moves_the_balances():
    venue = exchange("spot")
    order(venue, "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.5")
    query = sign(f"timestamp={venue.now_ms}")
    _, account = ask(venue, "GET", "/api/v3/account", query)
    free = {row["asset"]: row["free"] for row in account["balances"]}
    assert free["BTC"] == "1.50000000"
    assert float(free["USDT"]) > 100_000


@pytest.mark.parametrize(
    "text",
    ['a=%e5%20&b=["x"]&c=', "x=%41&x2=a+b", "symbols=%5B%22BTCUSDT%22,%22E%22%5D", "n=\xc3\xa9"],
)
def test_the_signature_covers_the_bytes_as_they_came(text):
    venue = exchange("spot")
    query = f"{text}&timestamp={venue.now_ms}"
    signed = f"{query}&signature={signature(query.encode('latin-1'))}"
    assert ask(venue, "GET", "/api/v3/account", signed)[0] == 200
    changed = signed.replace("timestamp", "Timestamp", 1) + "&timestamp=" + str(venue.now_ms)
    assert ask(venue, "GET", "/api/v3/account", changed)[1]["code"] == -1022
    assert [delivery.verified for delivery in venue.ledger] == [True, False]


def test_query_and_body_are_signed_as_one():
    venue = exchange("spot")
    query = "symbol=BTCUSDT&side=BUY"
    body = f"type=MARKET&quantity=0.01&timestamp={venue.now_ms}"
    whole = f"{body}&signature={signature((query + body).encode())}"
    assert ask(venue, "POST", PATHS["spot"], query, whole.encode())[0] == 200


def test_what_is_wrong_with_a_signed_request_is_said():
    venue = exchange("spot")
    now_ms, path = venue.now_ms, "/api/v3/account"
    cases = [
        (ask(venue, "GET", path, sign(f"timestamp={now_ms}"), key=""), 401, -2014),
        (ask(venue, "GET", path, sign(f"timestamp={now_ms}"), key="other"), 401, -2015),
        (ask(venue, "GET", path, sign("recvWindow=5000")), 400, -1102),
        (ask(venue, "GET", path, sign(f"timestamp={now_ms - 5_001}")), 400, -1021),
        (ask(venue, "GET", path, sign(f"timestamp={now_ms + 1_001}")), 400, -1021),
        (ask(venue, "GET", path, sign("recvWindow=x&timestamp=1")), 400, -1100),
        (ask(venue, "GET", path, f"timestamp={now_ms}"), 400, -1102),
        (ask(venue, "GET", path, f"timestamp={now_ms}&signature=00"), 400, -1022),
    ]
    for (status, body), wanted, code in cases:
        assert (status, body["code"]) == (wanted, code)


def test_successful_orders_weigh_nothing_and_are_counted():
    venue = exchange("spot")
    body = sign(f"symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01&timestamp={venue.now_ms}")
    request = Request("POST", PATHS["spot"], {"x-mbx-apikey": KEY}, body.encode())
    headers = [venue.reply(request).headers for _ in range(2)][1]
    assert headers["X-MBX-USED-WEIGHT-1M"] == "0"
    assert headers["X-MBX-ORDER-COUNT-10S"] == "2"


def test_every_delivery_is_noted_refused_ones_too():
    venue = exchange("spot")
    ask(venue, "POST", PATHS["spot"], body=b"symbol=BTCUSDT")
    venue.reply(Request("DELETE", "/api/v3/nothing", {}))
    assert [(d.method, d.status, d.order_id) for d in venue.ledger] == [
        ("POST", 400, None),
        ("DELETE", 404, None),
    ]


@pytest.mark.parametrize(
    ("market", "path"),
    [
        ("futures", "/fapi/v2/account"), ("futures", "/fapi/v3/account"),
        ("futures", "/fapi/v2/balance"), ("futures", "/fapi/v3/positionRisk"),
        ("futures", "/fapi/v1/leverageBracket"), ("futures", "/fapi/v1/openOrders"),
        ("spot", "/api/v3/openOrders"), ("spot", "/sapi/v1/capital/config/getall"),
        ("spot", "/sapi/v1/margin/allPairs"), ("spot", "/sapi/v1/margin/isolated/allPairs"),
    ],
)  # fmt: skip
def test_what_clients_read_at_their_start_is_answered(market, path):
    venue = exchange(market)
    order(venue, "symbol=ETHUSDT&side=BUY&type=MARKET&quantity=0.010")
    assert ask(venue, "GET", path, sign(f"timestamp={venue.now_ms}"))[0] == 200
