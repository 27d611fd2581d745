import pytest

from bpx.exchange.endpoint import Source
from bpx.exchange.futures import FUTURES
from bpx.exchange.spot import SPOT
from bpx.exchange.stream import BOOK_TICKER, DEPTH, KLINE, TICKER, Stream

MARKETS = pytest.mark.parametrize("market", [SPOT, FUTURES], ids=lambda market: market.name)


@MARKETS
def test_every_source_has_one_endpoint(market):
    for source in set(Source) - {Source.UPSTREAM}:
        row = market.endpoint(source)
        assert row.source is source
        assert row.method == "GET"
        assert row.public


@MARKETS
def test_no_endpoint_is_listed_twice(market):
    keys = [(row.method, row.path) for row in market.endpoints]
    assert sorted(set(keys)) == sorted(keys)
    assert not [path for _, path in keys if path.startswith(market.counted_elsewhere)]


@MARKETS
def test_a_request_is_found_by_method_and_path(market):
    row = market.endpoint(Source.KLINES)
    assert market.find("GET", row.path) is row
    assert market.find("HEAD", row.path) is row
    assert market.find("POST", row.path) is None
    assert market.find("GET", row.path + "/") is None


@MARKETS
def test_what_is_not_known_is_charged_dearly(market):
    assert market.charged_weight("GET", "/new/route", "symbol=BTCUSDT") == 50


@MARKETS
def test_every_kind_of_stream_has_a_route(market):
    assert set(market.routes) == {KLINE, DEPTH, TICKER, BOOK_TICKER}
    assert set(market.ticker_streams) <= set(market.routes)


@pytest.mark.parametrize(("market", "limits"), [(SPOT, range(1, 21)), (FUTURES, (5, 10, 20))])
def test_only_depth_limits_that_a_frame_of_20_levels_answers_are_understood(market, limits):
    endpoint = market.endpoint(Source.DEPTH)
    understood = [
        limit
        for limit in range(1001)
        if endpoint.understand(f"symbol=BTCUSDT&limit={limit}") is not None
    ]
    assert understood == list(limits)
    assert endpoint.understand("symbol=BTCUSDT") is None  # 100 levels, or 500


@MARKETS
def test_the_most_klines_that_are_understood_are_one_requests_worth(market):
    endpoint = market.endpoint(Source.KLINES)
    query = "symbol=BTCUSDT&interval=1m&limit={}"
    most = market.kline_steps[-1]
    assert endpoint.understand(query.format(most)) is not None
    assert endpoint.understand(query.format(most + 1)) is None
    assert list(market.kline_steps) == sorted(market.kline_steps)


@MARKETS
def test_fields_of_a_short_ticker_are_among_those_of_a_full_one(market):
    names = [name for name, _ in market.ticker_shape.full]
    assert set(market.ticker_shape.mini) <= set(names)
    assert len(set(names)) == len(names)
    assert len({key for _, key in market.ticker_shape.full}) == len(names)


def test_streams_are_on_the_routes_of_their_market():
    assert SPOT.stream(KLINE, "BTCUSDT", "1m") == Stream("", "btcusdt@kline_1m")
    assert FUTURES.stream(KLINE, "BTCUSDT", "1m") == Stream("/market", "btcusdt@kline_1m")
    assert FUTURES.stream(TICKER, "BTCUSDT") == Stream("/market", "btcusdt@ticker")
    assert FUTURES.stream(DEPTH, "BTCUSDT") == Stream("/public", "btcusdt@depth20@100ms")
    assert FUTURES.stream(BOOK_TICKER, "BTCUSDT") == Stream("/public", "btcusdt@bookTicker")
