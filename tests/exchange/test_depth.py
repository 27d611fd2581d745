import json

import pytest

from bpx.errors import BadMessage
from bpx.exchange.depth import Depth, decode_depth_frame, decode_depth_reply
from bpx.exchange.futures import FUTURES
from bpx.exchange.spot import SPOT
from tests.frames import recorded_frames

SPOT_FRAME = b'{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}'
FUTURES_FRAME = (
    b'{"e":"depthUpdate","E":1571889248277,"T":1571889248276,"s":"BTCUSDT","ps":"BTCUSDT","st":1,'
    b'"U":390497796,"u":390497878,"pu":390497794,"b":[["7403.89","0.002"],["7403.90","3.906"]],'
    b'"a":[["7405.96","3.340"]]}'
)
FUTURES_REPLY = (
    b'{"lastUpdateId":390497878,"E":1571889248277,"T":1571889248276,'
    b'"bids":[["7403.89","0.002"],["7403.90","3.906"]],"asks":[["7405.96","3.340"]]}'
)
KEYS = {"spot": SPOT.depth_keys, "futures": FUTURES.depth_keys}


def test_a_spot_frame_is_its_reply():
    depth = decode_depth_frame(SPOT_FRAME, SPOT.depth_keys)
    assert depth == Depth(160, {}, b'[["0.0024","10"]]', b'[["0.0026","100"]]')
    assert depth.body(20) == SPOT_FRAME
    assert decode_depth_reply(SPOT_FRAME, SPOT.depth_keys) == depth


def test_a_futures_frame_becomes_its_reply_with_its_times():
    depth = decode_depth_frame(FUTURES_FRAME, FUTURES.depth_keys)
    assert depth.body(20) == FUTURES_REPLY
    assert decode_depth_reply(FUTURES_REPLY, FUTURES.depth_keys) == depth


def test_a_limit_cuts_the_worst_levels():
    depth = decode_depth_frame(FUTURES_FRAME, FUTURES.depth_keys)
    assert json.loads(depth.body(1))["bids"] == [["7403.89", "0.002"]]


def test_a_limit_that_is_not_reached_leaves_the_bytes_that_came():
    depth = decode_depth_frame(FUTURES_FRAME, FUTURES.depth_keys)
    bodies = [depth.body(limit) for limit in (1, 2, 3, 20)]
    assert [json.loads(body)["bids"] for body in bodies[:2]] == [
        [["7403.89", "0.002"]],
        [["7403.89", "0.002"], ["7403.90", "3.906"]],
    ]
    assert bodies[1:] == [FUTURES_REPLY] * 3


def test_a_frame_may_be_written_in_another_way():
    frame = json.dumps(json.loads(FUTURES_FRAME)).encode()
    assert decode_depth_frame(frame, FUTURES.depth_keys).body(20) == FUTURES_REPLY


@pytest.mark.parametrize(
    "side", ['[["1.5","2.5"],["1.25","3"]]', '[["2","1"]]', '[["1","2.5"],["0.5","4.0"]]']
)
def test_numbers_may_be_whole(side: str):
    frame = b'{"lastUpdateId":1,"bids":%b,"asks":%b}' % (side.encode(), side.encode())
    depth = decode_depth_frame(frame, SPOT.depth_keys)
    assert (depth.bids, depth.asks) == (side.encode(), side.encode())


def test_a_side_may_be_empty():
    empty = b'{"lastUpdateId":160,"bids":[],"asks":[]}'
    assert decode_depth_frame(empty, SPOT.depth_keys).body(20) == empty


BAD_SIDES = [
    "null",
    "{}",
    '""',
    '"12"',
    "7",
    "[null]",
    "[[]]",
    '[["1"]]',
    '[["1","2","3"]]',
    '[[null,"2"]]',
    '[[1,"2"]]',
    "[[1.5,2.5]]",
    '[["NaN","2"]]',
    '[["-1","2"]]',
    '[["1e5","2"]]',
    '[["","2"]]',
    '[["1","2"],["3",""]]',
    '[["1.2.3","2"]]',
    '[[".","2"]]',
    '[["1","2"],"34"]',
    '[{"1":"2","3":"4"}]',
    '[["\u0661","2"]]',
    '[["1,2","3"]]',
]


@pytest.mark.parametrize("side", BAD_SIDES)
@pytest.mark.parametrize("name", ["bids", "asks"])
def test_a_frame_with_a_bad_side_is_a_bad_message(name, side):
    sides = {"bids": "[]", "asks": "[]"} | {name: side}
    text = f'{{"lastUpdateId":1,"bids":{sides["bids"]},"asks":{sides["asks"]}}}'
    with pytest.raises(BadMessage):
        decode_depth_frame(text.encode(), SPOT.depth_keys)


@pytest.mark.parametrize("value", ["null", '"160"', "1.5", "true", "1" * 30, "[]"])
@pytest.mark.parametrize("name", [b"E", b"T", b"u"])
def test_a_frame_with_a_bad_number_is_a_bad_message(name, value):
    frame = json.loads(FUTURES_FRAME)
    frame[name.decode()] = json.loads(value)
    with pytest.raises(BadMessage):
        decode_depth_frame(json.dumps(frame).encode(), FUTURES.depth_keys)


@pytest.mark.parametrize("name", ["E", "T", "u", "b", "a"])
def test_a_frame_without_a_field_is_a_bad_message(name):
    frame = json.loads(FUTURES_FRAME)
    del frame[name]
    with pytest.raises(BadMessage):
        decode_depth_frame(json.dumps(frame).encode(), FUTURES.depth_keys)


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"null", b"7", b'"x"', b"\xff", b"{}"])
def test_what_is_no_book_is_a_bad_message(payload):
    with pytest.raises(BadMessage):
        decode_depth_frame(payload, SPOT.depth_keys)
    with pytest.raises(BadMessage):
        decode_depth_reply(payload, FUTURES.depth_keys)


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_every_recorded_partial_book_is_read_digit_for_digit(market):
    keys = KEYS[market]
    for frame in recorded_frames(market, "depth"):
        sent = json.loads(frame.payload)
        reply = json.loads(decode_depth_frame(frame.payload, keys).body(20))
        assert reply == {
            "lastUpdateId": sent[keys.update_id],
            **{name: sent[name] for name in keys.times},
            "bids": sent[keys.bids],
            "asks": sent[keys.asks],
        }


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_every_recorded_depth_reply_is_repeated(market):
    for frame in recorded_frames(market, "snapshot"):
        assert decode_depth_reply(frame.payload, KEYS[market]).body(1000) == frame.payload
