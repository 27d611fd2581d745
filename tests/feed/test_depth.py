import pytest

from bpx.errors import BadMessage
from bpx.exchange.futures import FUTURES
from bpx.exchange.spot import SPOT
from bpx.feed.depth import DepthFollower
from bpx.feed.tap import Arrival
from bpx.state.clock import ExchangeClock

STREAM = "btcusdt@depth20@100ms"


def follower(market=SPOT, clock=None):
    return DepthFollower(market, "BTCUSDT", clock or ExchangeClock())


def book(update_id, bid="10"):
    return f'{{"lastUpdateId":{update_id},"bids":[["{bid}","1"]],"asks":[["11","1"]]}}'.encode()


def arrival(payload, at=1.0):
    return Arrival(STREAM, payload, at, 0)


def load(depth, body, at=1.0):
    return depth.load(body, depth.question(0, None), at)


def test_it_follows_one_stream_on_the_path_that_carries_it():
    assert (follower().route, follower().streams) == ("", (STREAM,))
    assert (follower(FUTURES).route, follower(FUTURES).streams) == ("/public", (STREAM,))
    assert follower().confirming == STREAM
    assert follower().idle_s == 120


def test_it_asks_for_as_many_levels_as_a_frame_holds():
    question = follower().question(0, None)
    assert question.target == "/api/v3/depth?symbol=BTCUSDT&limit=20"
    assert question.weight == 5
    question = follower(FUTURES).question(0, None)
    assert question.target == "/fapi/v1/depth?symbol=BTCUSDT&limit=20"
    assert question.weight == 2


def test_a_symbol_is_percent_encoded():
    depth = DepthFollower(SPOT, "这是测试币456", ExchangeClock())
    assert "symbol=%E8%BF%99%E6%98%AF%E6%B5%8B%E8%AF%95%E5%B8%81456&" in (
        depth.question(0, None).target
    )


def test_a_frame_is_a_book():
    view = follower().apply(arrival(book(7), at=3.0))
    assert (view.body(20), view.confirmed_at) == (book(7), 3.0)


def test_a_reply_is_a_book():
    view, _ = load(follower(), book(7), at=3.0)
    assert (view.body(20), view.confirmed_at) == (book(7), 3.0)


def test_a_reply_with_other_levels_is_news():
    depth = follower()
    depth.apply(arrival(book(7)))
    assert load(depth, book(8))[1]
    assert not load(depth, book(9, bid="9"))[1]


def test_a_reply_that_lags_takes_nothing_back():
    depth = follower()
    depth.apply(arrival(book(7)))
    view, agrees = load(depth, book(6, bid="9"))
    assert (view.body(20), agrees) == (book(7), True)


def test_a_frame_of_futures_tells_the_time():
    clock = ExchangeClock()
    payload = b'{"e":"depthUpdate","E":5000,"T":4999,"u":7,"b":[["10","1"]],"a":[]}'
    view = follower(FUTURES, clock).apply(arrival(payload, at=1.0))
    assert clock.at(1.0) == 5000
    assert view.body(5) == b'{"lastUpdateId":7,"E":5000,"T":4999,"bids":[["10","1"]],"asks":[]}'


def test_a_frame_of_spot_tells_none():
    clock = ExchangeClock()
    follower(SPOT, clock).apply(arrival(book(7)))
    assert clock.at(1.0) is None


def test_a_frame_that_is_no_book_changes_nothing():
    depth = follower()
    depth.apply(arrival(book(7)))
    with pytest.raises(BadMessage):
        depth.apply(arrival(b'{"lastUpdateId":8,"bids":null,"asks":[]}'))
    with pytest.raises(BadMessage):
        load(depth, b'{"code":-1000,"msg":"x"}')
    depth.begin_generation()
    assert depth.apply(arrival(book(7))).body(20) == book(7)


def test_old_frames_prove_nothing():
    depth = follower()
    depth.apply(arrival(book(7)))
    depth.begin_generation()
    assert depth.apply(arrival(book(6), at=9.0)) is None


def test_a_reply_that_lags_behind_the_frames_is_not_taken():
    depth = follower()
    depth.apply(arrival(book(200, bid="10")))
    view, agrees = load(depth, book(150, bid="9"))
    assert (view.body(20), agrees) == (book(200, bid="10"), True)


def test_a_second_reply_that_is_behind_without_a_frame_means_that_ids_are_counted_anew():
    depth = follower()
    depth.apply(arrival(book(200, bid="10")))
    load(depth, book(1, bid="9"))
    view, agrees = load(depth, book(2, bid="9"))
    assert (view.body(20), agrees) == (book(2, bid="9"), False)
    assert depth.apply(arrival(book(3, bid="8"))).body(20) == book(3, bid="8")


def test_a_frame_between_two_replies_that_lag_proves_that_ids_go_on():
    depth = follower()
    depth.apply(arrival(book(200)))
    load(depth, book(150, bid="9"))
    depth.apply(arrival(book(201)))
    view, _ = load(depth, book(151, bid="9"))
    assert view.body(20) == book(201)
