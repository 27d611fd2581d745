import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpx.exchange.cutting import Uncut, cut_envelope, cut_symbols, read_envelope

HEAD, TAIL = b'{"serverTime":1,"symbols":[', b'],"sors":[]}'
BTC, ETH = b'{"symbol":"BTCUSDT","filters":[{"a":1}]}', b'{"symbol":"ETHUSDT","status":"x"}'


def cut(body):
    head, tail = cut_envelope(body)
    envelope = read_envelope(head, tail)
    return envelope, list(cut_symbols(body, len(head), len(body) - len(tail)))


def test_a_document_is_its_ends_and_its_symbols():
    envelope, symbols = cut(HEAD + BTC + b"," + ETH + TAIL)
    assert envelope == {"serverTime": 1, "symbols": [], "sors": []}
    assert [(at, text) for at, text, _ in symbols] == [
        (len(HEAD), BTC),
        (len(HEAD) + len(BTC) + 1, ETH),
    ]
    assert [symbol["symbol"] for _, _, symbol in symbols] == ["BTCUSDT", "ETHUSDT"]


def test_what_is_no_ascii_is_counted_in_bytes():
    chinese = '{"symbol":"币安人生USDT"}'.encode()
    _, symbols = cut(HEAD + BTC + b"," + chinese + '],"name":"币"}'.encode())
    assert [text for _, text, _ in symbols] == [BTC, chinese]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"symbols":[]}',
        b'{"symbols":["BTCUSDT"]}',
        HEAD + BTC,
        HEAD + BTC[:-1],
        HEAD + BTC + b"]",
        HEAD + BTC + b"," + TAIL,
        HEAD + BTC + b",," + ETH + TAIL,
        HEAD + BTC[:-1] + b"," + ETH + TAIL,
        HEAD + BTC[:-2] + b'},{"symbol":"b"}]},' + ETH + TAIL,
        HEAD + BTC + b'],"more":[' + ETH + TAIL,
        HEAD + b'{"symbol":"A\xff"}' + TAIL,
        b'{"more":{"symbols":[' + BTC + b"]}}",
        b"[" + HEAD + BTC + TAIL + b"]",
        HEAD + BTC + b',{"symbol":"X","y":NaN}' + TAIL,
    ],
)
def test_what_is_something_else_is_not_cut(body):
    with pytest.raises(Uncut):
        cut(body)


@given(st.binary(max_size=3), st.integers(0, 100), st.integers(0, 5))
def test_what_can_be_cut_is_json_as_a_whole(noise, at, gone):
    orjson = pytest.importorskip("orjson")
    whole = HEAD + BTC + b"," + ETH + TAIL
    body = whole[:at] + noise + whole[at + gone :]
    try:
        envelope, symbols = cut(body)
    except Uncut:
        return
    assert orjson.loads(body) == {**envelope, "symbols": [symbol for _, _, symbol in symbols]}
