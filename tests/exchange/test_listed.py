import orjson
import pytest

from bpx.exchange.listed import listed

TEXT = b'{"symbol":"A","status":"HALT","permissionSets":[["SPOT","X"],["MARGIN"]],"z":1}'


def read(text, start=0):
    return listed(start, text, orjson.loads(text))


def test_places_are_counted_from_where_the_symbols_begin():
    symbol = read(TEXT, start=100)
    assert (symbol.status, symbol.start, symbol.end) == ("HALT", 100, 100 + len(TEXT))
    value = TEXT[symbol.sets_start - 100 : symbol.sets_end - 100]
    assert value == b'[["SPOT","X"],["MARGIN"]]'


def test_a_symbol_without_sets_has_no_place_for_them():
    symbol = read(b'{"symbol":"A","status":"HALT"}')
    assert (symbol.sets_start, symbol.sets_end) == (0, 0)
    assert symbol.grants(frozenset({"SPOT"})) is None


@pytest.mark.parametrize(
    "text", [b'{"status": "HALT"}', b'{"status":"\\u0048"}', b'{"status":1.0e0}']
)
def test_what_is_written_otherwise_is_not_listed(text):
    assert read(text) is None


@pytest.mark.parametrize(
    ("wanted", "grants"),
    [({"SPOT"}, None), ({"SPOT", "MARGIN"}, True), ({"LEVERAGED"}, False), ({"X"}, False)],
)
def test_what_the_sets_do_not_agree_on_is_open(wanted, grants):
    assert read(TEXT).grants(frozenset(wanted)) is grants


def test_equal_sets_are_one_object():
    assert read(TEXT).sets is read(TEXT).sets
