import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpx.exchange.weight import (
    by_limit,
    by_presence,
    by_symbol,
    by_symbols_count,
    fixed,
    per_symbol,
    readings,
)


def listed(count):
    return "[" + ",".join(f'"S{n}"' for n in range(count)) + "]"


def test_fixed_does_not_look():
    assert fixed(20)({"symbols": "["}) == 20


@pytest.mark.parametrize(
    ("params", "weight"),
    [
        ({"limit": "1"}, 5),
        ({"limit": "100"}, 5),
        ({"limit": "101"}, 25),
        ({"limit": "5000"}, 250),
        pytest.param({"limit": "5001"}, 250, id="Binance caps the limit, or refuses it"),
        pytest.param({"limit": 5000 * "9"}, 250, id="more digits than int() takes"),
        pytest.param({"limit": "10000000000"}, 250, id="only its last digits are small"),
        pytest.param({"limit": "000000000000101"}, 25, id="leading zeros"),
        pytest.param({"limit": "0"}, 5, id="nothing"),
        pytest.param({}, 25, id="the default limit"),
        pytest.param({"limit": ""}, 25, id="empty"),
        pytest.param({"limit": "all"}, 25, id="not a number"),
        pytest.param({"limit": "-1"}, 25, id="negative"),
        pytest.param({"limit": "\u0665"}, 25, id="a digit of another script"),
    ],
)
def test_by_limit(params, weight):
    rule = by_limit({100: 5, 500: 25, 5000: 250}, default=500)
    assert rule(params) == weight


@pytest.mark.parametrize(
    ("params", "weight"),
    [
        ({"symbol": "BTCUSDT"}, 2),
        ({}, 4),
        ({"symbol": ""}, 4),
        pytest.param({"symbols": '["BTCUSDT"]'}, 4, id="a list is a list, with one in it too"),
        ({"symbol": "BTCUSDT", "symbols": '["BTCUSDT"]'}, 4),
    ],
)
def test_by_symbol(params, weight):
    assert by_symbol(one=2, every=4)(params) == weight


@pytest.mark.parametrize(
    ("params", "weight"),
    [
        ({"symbol": "BTCUSDT"}, 2),
        ({"symbols": listed(1)}, 2),
        ({"symbols": listed(20)}, 2),
        ({"symbols": listed(21)}, 40),
        ({"symbols": listed(100)}, 40),
        ({"symbols": listed(101)}, 80),
        ({}, 80),
        pytest.param({"symbols": "["}, 80, id="unreadable"),
        pytest.param({"symbols": "{}"}, 80, id="not a list"),
        pytest.param({"symbols": "[]"}, 80, id="an empty list"),
    ],
)
def test_by_symbols_count(params, weight):
    assert by_symbols_count({20: 2, 100: 40}, every=80)(params) == weight


@pytest.mark.parametrize(
    ("params", "weight"),
    [
        ({"symbol": "BTCUSDT"}, 4),
        ({"symbols": listed(50)}, 200),
        ({"symbols": listed(51)}, 200),
        ({}, 200),
    ],
)
def test_per_symbol(params, weight):
    assert per_symbol(4, cap=200)(params) == weight


def test_by_presence():
    rule = by_presence("orderId", given=5, missing=20)
    assert rule({"orderId": "1"}) == 5
    assert rule({"orderId": ""}) == 20
    assert rule({}) == 20


def test_a_name_given_twice_has_two_readings():
    assert list(readings([("limit", "5"), ("limit", "5000")])) == [
        {"limit": "5000"},
        {"limit": "5"},
    ]


@given(st.dictionaries(st.sampled_from(["limit", "symbol", "symbols"]), st.text()))
def test_no_text_breaks_a_rule(params):
    assert by_limit({100: 5}, default=100)(params) == 5
    assert by_symbols_count({20: 2, 100: 40}, every=80)(params) in {2, 40, 80}
    assert 4 <= per_symbol(4, cap=200)(params) <= 200
