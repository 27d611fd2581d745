import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpx.exchange.query import list_of, one_of, read_list, read_query, symbol_of, whole_number

SYMBOL = symbol_of(r"A-Z0-9_.\-", most=50)
PARAMETERS = {
    "symbol": SYMBOL,
    "symbols": list_of(SYMBOL),
    "limit": whole_number(1, 1000),
    "type": one_of("FULL", "MINI"),
}
NOTHING = frozenset()


def read(query, required=NOTHING):
    return read_query(query, PARAMETERS, required)


@pytest.mark.parametrize(
    ("query", "params"),
    [
        pytest.param("", {}, id="no query is no parameters, which is not the same as no answer"),
        ("symbol=BTCUSDT", {"symbol": "BTCUSDT"}),
        ("limit=5&symbol=BTCUSDT", {"limit": "5", "symbol": "BTCUSDT"}),
        pytest.param("symbol=%42TCUSDT", {"symbol": "BTCUSDT"}, id="an escape that need not be"),
        pytest.param(
            "symbol=%E5%B8%81%e5%ae%89USDT", {"symbol": "币安USDT"}, id="UTF-8, either case"
        ),
        pytest.param("symbol=%EF%BC%91%EF%BC%92", {"symbol": "\uff11\uff12"}, id="digits, too"),
        ("symbols=%5B%22A%22%2C%22B%22%5D", {"symbols": '["A","B"]'}),
        pytest.param("symbols=[%22A%22,%22B%22]", {"symbols": '["A","B"]'}, id="partly escaped"),
        pytest.param('symbols=["A","B"]', {"symbols": '["A","B"]'}, id="as curl -g sends it"),
        ("type=MINI", {"type": "MINI"}),
    ],
)
def test_a_query_is_read_if_all_of_it_is_understood(query, params):
    assert read(query) == params


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("symbol=BTCUSDT&startTime=1", id="unknown name"),
        pytest.param("SYMBOL=BTCUSDT", id="names are case sensitive"),
        pytest.param("%73ymbol=BTCUSDT", id="an escaped name"),
        pytest.param("symbol=BTCUSDT&symbol=BTCUSDT", id="given twice"),
        pytest.param("symbol=BTCUSDT&", id="trailing &"),
        pytest.param("&symbol=BTCUSDT", id="leading &"),
        pytest.param("symbol=BTCUSDT&&limit=5", id="empty pair"),
        pytest.param("symbol=BTCUSDT;limit=5", id="semicolon"),
        pytest.param("symbol", id="no ="),
        pytest.param("symbol=", id="empty value"),
        pytest.param("=BTCUSDT", id="no name"),
        pytest.param("symbol==BTCUSDT", id="two ="),
        pytest.param("symbol=BTC%", id="half an escape"),
        pytest.param("symbol=BTC%4", id="half an escape"),
        pytest.param("symbol=BTC%4G", id="no escape"),
        pytest.param("symbol=%E5%B8", id="half a character"),
        pytest.param("symbol=%FF", id="not UTF-8"),
        pytest.param("symbol=%C0%80", id="overlong UTF-8"),
        pytest.param("symbol=币安USDT", id="not escaped"),
        pytest.param("symbol=BTC+USDT", id="plus: a space, or itself"),
        pytest.param("symbol=BTC%2BUSDT", id="plus, not legal"),
        pytest.param("symbol=BTC%20USDT", id="space"),
        pytest.param("symbol=BTCUSDT#", id="fragment"),
        pytest.param("symbol=BTCUSDT?", id="second ?"),
        pytest.param("symbol=BTCUSDT%00", id="NUL"),
        pytest.param("symbol=BTCUSDT\n", id="newline"),
        pytest.param("symbol=btcusdt", id="lower case"),
        pytest.param("symbol=" + 51 * "A", id="too long"),
        pytest.param("limit=0", id="below"),
        pytest.param("limit=1001", id="above"),
        pytest.param("limit=+5", id="sign"),
        pytest.param("limit=-5", id="sign"),
        pytest.param("limit=05", id="leading zero"),
        pytest.param("limit=5.0", id="fraction"),
        pytest.param("limit=5e1", id="exponent"),
        pytest.param("limit=" + 5000 * "9", id="endless"),
        pytest.param("limit=%D9%A5", id="a digit of another script"),
        pytest.param("type=mini", id="a value of another case"),
        pytest.param("symbols=[%22A%22, %22B%22]", id="spaced"),
        pytest.param("symbols=%5B%22A%22%2C%20%22B%22%5D", id="spaced, escaped"),
        pytest.param("symbols=[%22A%22,%22a%22]", id="an item that is not legal"),
    ],
)
def test_whatever_is_not_plainly_understood_is_for_binance(query):
    assert read(query) is None


def test_what_is_required_has_to_be_there():
    required = frozenset({"symbol"})
    assert read("limit=5", required) is None
    assert read("", required) is None
    assert read("limit=5&symbol=A", required) == {"limit": "5", "symbol": "A"}


@given(st.text())
def test_no_text_breaks_it(query):
    assert read(query) is None or query == "" or "=" in query


@given(st.binary())
def test_no_escapes_break_it(value):
    escaped = "".join(f"%{byte:02x}" for byte in value)
    params = read("symbol=" + escaped)
    assert params is None or params["symbol"].encode() == value


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("A", id="not JSON"),
        pytest.param('"A"', id="not an array"),
        pytest.param("[]", id="nothing in it"),
        pytest.param('["A",1]', id="not only strings"),
        pytest.param('["A","A"]', id="the same twice"),
        pytest.param('["A" ,"B"]', id="spaced"),
        pytest.param('["\\u0041"]', id="escaped in JSON"),
        pytest.param(300 * "[" + 300 * "]", id="deep"),
        pytest.param(9000 * "[" + 9000 * "]", id="too deep"),
    ],
)
def test_a_list_in_any_other_form_is_not_read(text):
    assert read_list(text) is None


def test_a_list_keeps_its_order():
    assert read_list('["B","A","币安"]') == ("B", "A", "币安")


@pytest.mark.parametrize("symbol", ["BTCUSDT", "BTC_USDT", "A-B.C", "1000SATSUSDT", "币安人生USDT"])
def test_symbols_are_legal(symbol):
    assert SYMBOL(symbol)


@pytest.mark.parametrize("symbol", ["", "BTCUSDt", "A B", "A/B", "²", "A\u0301", "A\u200b", "A\n"])
def test_symbols_are_not_legal(symbol):
    assert not SYMBOL(symbol)
