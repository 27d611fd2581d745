import pytest

from bpx.simulator.routes import Listen, delivers, read_path, route_of


@pytest.mark.parametrize(
    ("market", "target", "listen"),
    [
        ("spot", "/ws/btcusdt@depth", Listen("", False, ("btcusdt@depth",))),
        ("spot", "/ws/a@trade/b@trade", Listen("", False, ("a@trade", "b@trade"))),
        ("spot", "/ws", Listen("", False, ())),
        ("spot", "/ws/", Listen("", False, ())),
        ("spot", "/stream", Listen("", True, ())),
        ("spot", "/stream?streams=a@trade/b@trade", Listen("", True, ("a@trade", "b@trade"))),
        (
            "spot",
            "/stream?timeUnit=MICROSECOND&streams=a%40trade%2Fb%40trade",
            Listen("", True, ("a@trade", "b@trade")),
        ),
        ("spot", "/ws/%E5%B8%81usdt@trade", Listen("", False, ("币usdt@trade",))),
        ("spot", "/public/ws/a@trade", None),
        ("spot", "/api/v3/ping", None),
        ("spot", "/stream/more", None),
        ("futures", "/public/ws/a@depth", Listen("public", False, ("a@depth",))),
        ("futures", "/market/stream?streams=a@ticker", Listen("market", True, ("a@ticker",))),
        ("futures", "/private/ws", Listen("private", False, ())),
        ("futures", "/ws/a@ticker", Listen("public", False, ("a@ticker",))),
        ("futures", "/stream", Listen("public", True, ())),
        ("futures", "/market", None),
        ("futures", "/fapi/v1/ping", None),
    ],
)
def test_the_path_says_route_form_and_streams(market, target, listen):
    assert read_path(market, target) == listen


@pytest.mark.parametrize(
    "stream",
    [
        "btcusdt@bookTicker",
        "!bookTicker",
        "btcusdt@depth",
        "btcusdt@depth@500ms",
        "btcusdt@depth20@100ms",
        "btcusdt@rpiDepth@500ms",
        "btcusdt@trade",
    ],
)
def test_books_and_single_trades_are_public(stream):
    assert route_of(stream) == "public"


@pytest.mark.parametrize(
    "stream",
    [
        "btcusdt@aggTrade",
        "btcusdt@kline_1m",
        "btcusdt_perpetual@continuousKline_1m",
        "btcusdt@ticker",
        "!ticker@arr",
        "!miniTicker@arr",
        "btcusdt@markPrice@1s",
        "!markPrice@arr@1s",
        "btcusdt@forceOrder",
        "!contractInfo",
        "tradingSession",
    ],
)
def test_everything_else_is_market(stream):
    assert route_of(stream) == "market"


def test_only_the_right_route_delivers_and_spot_has_none():
    assert delivers("public", "btcusdt@depth")
    assert not delivers("market", "btcusdt@depth")
    assert not delivers("private", "btcusdt@depth")
    assert delivers("", "btcusdt@kline_1m")
