import json

import pytest

from bpx.errors import BadMessage
from bpx.exchange.futures import FUTURES
from bpx.exchange.spot import SPOT
from bpx.exchange.ticker import (
    WHOLE_NUMBERS,
    decode_book_ticker,
    decode_ticker_frame,
    decode_ticker_reply,
)
from tests.frames import recorded_frames

SHAPES = {"spot": SPOT.ticker_shape, "futures": FUTURES.ticker_shape}

# https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md
REPLY = (
    b'{"symbol":"BNBBTC","priceChange":"-94.99999800","priceChangePercent":"-95.960",'
    b'"weightedAvgPrice":"0.29628482","prevClosePrice":"0.10002000","lastPrice":"4.00000200",'
    b'"lastQty":"200.00000000","bidPrice":"4.00000000","bidQty":"100.00000000",'
    b'"askPrice":"4.00000200","askQty":"100.00000000","openPrice":"99.00000000",'
    b'"highPrice":"100.00000000","lowPrice":"0.10000000","volume":"8913.30000000",'
    b'"quoteVolume":"15.30000000","openTime":1499783499040,"closeTime":1499869899040,'
    b'"firstId":28385,"lastId":28460,"count":76}'
)
FRAME = (
    b'{"e":"24hrTicker","E":1499869899041,"s":"BNBBTC","p":"-94.99999800","P":"-95.960",'
    b'"w":"0.29628482","x":"0.10002000","c":"4.00000200","Q":"200.00000000","b":"4.00000000",'
    b'"B":"100.00000000","a":"4.00000200","A":"100.00000000","o":"99.00000000",'
    b'"h":"100.00000000","l":"0.10000000","v":"8913.30000000","q":"15.30000000",'
    b'"O":1499783499040,"C":1499869899040,"F":28385,"L":28460,"n":76}'
)
BOOK_FRAME = (
    b'{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000",'
    b'"a":"25.36520000","A":"40.66000000"}'
)


def test_a_frame_becomes_the_reply():
    ticker, event_ms = decode_ticker_frame(FRAME, SPOT.ticker_shape)
    assert json.dumps(dict(ticker), separators=(",", ":")).encode() == REPLY
    assert event_ms == 1499869899041


def test_a_reply_is_repeated():
    ticker = decode_ticker_reply(REPLY, SPOT.ticker_shape)
    assert json.dumps(dict(ticker), separators=(",", ":")).encode() == REPLY


def test_fields_of_2026_do_not_disturb():
    frame = json.loads(FRAME) | {"ps": "BNBBTC", "st": 1, "nq": "1.0", "ap": "2.0"}
    payload = json.dumps(frame).encode()
    assert decode_ticker_frame(payload, SPOT.ticker_shape) == decode_ticker_frame(
        FRAME, SPOT.ticker_shape
    )


def test_a_book_ticker_tells_the_best_prices():
    assert decode_book_ticker(BOOK_FRAME) == (
        400900217,
        {
            "bidPrice": "25.35190000",
            "bidQty": "31.21000000",
            "askPrice": "25.36520000",
            "askQty": "40.66000000",
        },
    )


@pytest.mark.parametrize("name", list("EspPwxcQbBaAohlvqOCFLn"))
@pytest.mark.parametrize("value", [KeyError, None, True, 1.5, [], {}, 10**30])
def test_a_ticker_frame_with_one_bad_field_is_a_bad_message(name, value):
    with pytest.raises(BadMessage):
        decode_ticker_frame(broken(FRAME, name, value), SPOT.ticker_shape)


@pytest.mark.parametrize("name", [name for name, _ in SPOT.ticker_shape.full])
def test_a_reply_with_one_bad_field_is_a_bad_message(name):
    other = "1" if name in WHOLE_NUMBERS else 1
    for value in (KeyError, None, other):
        with pytest.raises(BadMessage):
            decode_ticker_reply(broken(REPLY, name, value), SPOT.ticker_shape)


@pytest.mark.parametrize("name", list("ubBaA"))
@pytest.mark.parametrize("value", [KeyError, None, True, 1.5, []])
def test_a_book_ticker_with_one_bad_field_is_a_bad_message(name, value):
    with pytest.raises(BadMessage):
        decode_book_ticker(broken(BOOK_FRAME, name, value))


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"null", b"7", b'"x"', b"\xff", b"{}"])
def test_what_is_no_ticker_is_a_bad_message(payload):
    with pytest.raises(BadMessage):
        decode_ticker_frame(payload, SPOT.ticker_shape)
    with pytest.raises(BadMessage):
        decode_ticker_reply(payload, SPOT.ticker_shape)
    with pytest.raises(BadMessage):
        decode_book_ticker(payload)


@pytest.mark.parametrize("field", ["lastPrice", "bidPrice", "volume"])
@pytest.mark.parametrize("text", ["NaN", "", "Infinity", "1e5", "x"])
def test_what_is_no_number_in_a_ticker_is_a_bad_message(field, text):
    with pytest.raises(BadMessage):
        decode_ticker_reply(broken(REPLY, field, text), SPOT.ticker_shape)


def test_what_is_no_number_in_a_book_ticker_is_a_bad_message():
    with pytest.raises(BadMessage):
        decode_book_ticker(broken(BOOK_FRAME, "b", "NaN"))


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_every_recorded_ticker_is_read_digit_for_digit(market):
    shape = SHAPES[market]
    for frame in recorded_frames(market, "ticker"):
        sent = json.loads(frame.payload)
        ticker, event_ms = decode_ticker_frame(frame.payload, shape)
        assert list(ticker.items()) == [(name, sent[key]) for name, key in shape.full]
        assert event_ms == sent["E"]
        reply = json.dumps(dict(ticker)).encode()
        assert decode_ticker_reply(reply, shape) == ticker


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_every_recorded_book_ticker_is_read_digit_for_digit(market):
    for frame in recorded_frames(market, "bookTicker"):
        sent = json.loads(frame.payload)
        update_id, fields = decode_book_ticker(frame.payload)
        assert (update_id, list(fields.values())) == (sent["u"], [sent[key] for key in "bBaA"])


def broken(payload, name, value):
    frame = json.loads(payload)
    if value is KeyError:
        del frame[name]
    else:
        frame[name] = value
    return json.dumps(frame).encode()
