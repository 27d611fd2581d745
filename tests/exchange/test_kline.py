import json

import orjson
import pytest

from bpx.errors import BadMessage
from bpx.exchange.kline import Kline, Row, decode_kline, decode_row, decode_rows, flat_row
from tests.frames import recorded_frames

# https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md
TEXT = (
    b'1499040000000,"0.01634790","0.80000000","0.01575800","0.01577100","148976.11427815",'
    b'1499644799999,"2434.19055334",308,"1756.87402397","28.46694368","0"'
)
# A frame of 2026-08-12, with the fields of that year.
FRAME = (
    b'{"e":"kline","E":1786540310066,"s":"BTCUSDT","ps":"BTCUSDT","st":1,"k":{"t":1786540260000,'
    b'"T":1786540319999,"s":"BTCUSDT","i":"1m","f":7967419367,"L":7967420291,"o":"64049.30",'
    b'"c":"64025.70","h":"64049.30","l":"64025.60","v":"32.311","n":924,"x":false,'
    b'"q":"2069200.98090","V":"6.944","Q":"444689.92180","B":"0"}}'
)
FRAME_TEXT = (
    b'1786540260000,"64049.30","64049.30","64025.60","64025.70","32.311",1786540319999,'
    b'"2069200.98090",924,"6.944","444689.92180","0"'
)


def test_a_row_keeps_the_text_that_binance_sent():
    assert decode_row(TEXT) == Row(1499040000000, 1499644799999, 308, TEXT)


def test_a_reply_is_read_row_by_row():
    second = TEXT.replace(b"1499040000000", b"1499644800000")
    assert decode_rows(b"[[%s],[%s]]" % (TEXT, second)) == [decode_row(TEXT), decode_row(second)]


def test_an_empty_list_is_no_rows():
    assert decode_rows(b"[]") == []
    assert decode_rows(b"[ ]".replace(b" ", b"") + b"\n") == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"code":-1003,"msg":"Too many requests."}',
        b"<html></html>",
        b"[[]]",
        b"[[%s]" % TEXT,
        b"[[%s],[]]" % TEXT,
        b"[[%s],[%s]]" % (TEXT, TEXT[:-3]),
        b"[[%s]]" % TEXT.replace(b'"0.80000000"', b"null"),
        b"[[%s]]" % TEXT.replace(b'"0.80000000"', b"0.80000000"),
        b"[[%s]]" % TEXT.replace(b'"0.80000000"', b'"NaN"'),
        b"[[%s]]" % TEXT.replace(b"308", b'"308"'),
        b"[[%s]]" % TEXT.replace(b"1499040000000", b"-1"),
        b'[["a"]]',
    ],
)
def test_what_is_not_a_list_of_klines_is_a_bad_message(body):
    with pytest.raises(BadMessage):
        decode_rows(body)


def test_a_frame_makes_the_row_that_rest_would_send():
    assert decode_kline(FRAME) == Kline(
        Row(1786540260000, 1786540319999, 924, FRAME_TEXT), final=False, event_ms=1786540310066
    )


def test_a_final_frame_says_so():
    assert decode_kline(FRAME.replace(b'"x":false', b'"x":true')).final


FRAME_FIELDS = [*"toclhvTqnVQBx", "E", "k"]


def broken(name, value):
    frame = orjson.loads(FRAME)
    part = frame if name in frame else frame["k"]
    if value is KeyError:
        del part[name]
    else:
        part[name] = value
    return json.dumps(frame).encode()


@pytest.mark.parametrize("name", FRAME_FIELDS)
@pytest.mark.parametrize("value", [KeyError, None, "NaN", "", [], {}, 1.5, 10**30, -1, "é"])
def test_a_frame_with_one_bad_field_is_a_bad_message(name, value):
    with pytest.raises(BadMessage):
        decode_kline(broken(name, value))


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"[]", b"null", b"7", b'"k"', b'{"k":[]}', b"\xff\x00", b'{"e":"x"}']
)
def test_what_is_no_kline_frame_is_a_bad_message(payload):
    with pytest.raises(BadMessage):
        decode_kline(payload)


def test_a_candle_without_trades_repeats_the_close_and_has_no_volumes():
    assert flat_row(decode_row(FRAME_TEXT), 1786540379999) == Row(
        1786540320000,
        1786540379999,
        0,
        b'1786540320000,"64025.70","64025.70","64025.70","64025.70","0.000",1786540379999,'
        b'"0.00000",0,"0.000","0.00000","0"',
    )


def test_volumes_in_whole_numbers_have_no_point():
    whole = FRAME_TEXT.replace(b'"32.311"', b'"32"').replace(b'"6.944"', b'"6"')
    assert b'"64025.70","0",1786540379999,"0.00000",0,"0","0.00000"' in (
        flat_row(decode_row(whole), 1786540379999).text
    )


def test_a_flat_row_after_a_flat_row_is_the_same_one_later():
    flat = flat_row(decode_row(FRAME_TEXT), 1786540379999)
    later = flat_row(flat, 1786540439999)
    assert later.text == flat.text.replace(b"1786540320000", b"1786540380000").replace(
        b"1786540379999", b"1786540439999"
    )


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_every_recorded_frame_is_read_digit_for_digit(market):
    for frame in recorded_frames(market, "kline"):
        kline = decode_kline(frame.payload)
        sent = json.loads(frame.payload)["k"]
        assert json.loads(b"[%s]" % kline.row.text) == [sent[key] for key in "tohlcvTqnVQB"]
        assert decode_rows(b"[[%s]]" % kline.row.text) == [kline.row]
        assert kline.final is sent["x"]
