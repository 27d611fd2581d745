import gzip
import json

import pytest

from bpx.errors import BadMessage, Garbled
from bpx.streams.combined import SHUTDOWN, Acknowledgement, Delivery, control, read
from tests.frames import RECORDED


def test_a_combined_message_is_cut_apart_byte_for_byte():
    message = b'{"stream":"btcusdt@ticker","data":{"c":"1.50", "n":7}}'
    assert read(message) == Delivery("btcusdt@ticker", b'{"c":"1.50", "n":7}')


@pytest.mark.parametrize(
    "message",
    [
        b'{"data":{"c":"1.50"},"stream":"btcusdt@ticker"}',
        b'{ "stream" : "btcusdt@ticker", "data" : {"c":"1.50"} }',
        b'{"stream":"btc\\u0075sdt@ticker","data":{"c":"1.50"}}',
    ],
)
def test_an_unusual_form_is_parsed(message):
    assert read(message) == Delivery("btcusdt@ticker", b'{"c":"1.50"}')


def test_a_symbol_may_be_unicode():
    name = "这是测试币456@ticker"
    assert read(f'{{"stream":"{name}","data":{{}}}}'.encode()) == Delivery(name, b"{}")


def test_a_payload_may_be_anything_for_its_feed_to_judge():
    assert read(b'{"stream":"x","data":[1]}') == Delivery("x", b"[1]")
    assert read(b'{"stream":"x","data":null}') == Delivery("x", b"null")
    assert read(b'{"stream":"x","data":{broken}}') == Delivery("x", b"{broken}")
    assert read(b'{"stream":"x","data":{"a":') == Delivery("x", b'{"a":')
    assert read(b'{"stream":"x"}') == Delivery("x", b"null")


@pytest.mark.parametrize(
    "message",
    [
        b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}',
        b'{"e":"serverShutdown","E":1770123456789}',
    ],
)
def test_a_shutdown_is_told_in_both_forms(message):
    assert read(message).stream == SHUTDOWN


def test_a_control_message_is_acknowledged():
    assert read(b'{"result":null,"id":7}') == Acknowledgement(7, None)


@pytest.mark.parametrize(
    ("message", "id_"),
    [
        (b'{"error":{"code":2,"msg":"Invalid request"},"id":7}', 7),
        (b'{"id":null,"error":{"code":2,"msg":"Invalid request"}}', None),
        (b'{"code":2,"msg":"Invalid request","id":7}', 7),
        (b'{"code":2,"msg":"Invalid request"}', None),
        (b'{"code":2,"msg":"Invalid request","id":"7"}', None),
    ],
)
def test_a_refusal_says_what_of(message, id_):
    assert read(message) == Acknowledgement(id_, "Invalid request")


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{",
        b"null",
        b"7",
        b"[]",
        b"\xff\xfe",
        b'{"stream":"x',
        b'{"stream":"\xff","data":{}}',
        b'{"stream":7,"data":{}}',
        b'{"data":{}}',
    ],
)
def test_what_may_have_been_of_any_stream_is_garbled(message):
    with pytest.raises(Garbled):
        read(message)


@pytest.mark.parametrize(
    "message",
    [b"{}", b'{"result":null,"id":"x"}', b'{"error":"blahblah"}', b'{"e":"24hrTicker"}'],
)
def test_anything_else_is_a_bad_message(message):
    with pytest.raises(BadMessage) as caught:
        read(message)
    assert caught.type is BadMessage


def test_a_control_message_is_as_documented():
    assert json.loads(control("SUBSCRIBE", ["btcusdt@aggTrade", "btcusdt@depth"], 1)) == {
        "method": "SUBSCRIBE",
        "params": ["btcusdt@aggTrade", "btcusdt@depth"],
        "id": 1,
    }


def test_every_recorded_combined_message_is_cut_as_json_would():
    if not RECORDED.is_dir():
        pytest.skip(f"no recordings at {RECORDED}")
    with gzip.open(RECORDED / "unicorn-fy" / "ws_samples.jsonl.gz", "rt") as lines:
        raws = [json.loads(line)["raw"] for line in lines]
    wrapped = [raw for raw in raws if raw.startswith('{"stream":')]
    assert len(wrapped) > 10
    for raw in wrapped:
        sent, delivery = json.loads(raw), read(raw.encode())
        assert (delivery.stream, json.loads(delivery.payload)) == (sent["stream"], sent["data"])
