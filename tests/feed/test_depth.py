import pytest

from bpx.errors import BadMessage
from bpx.exchange.futures import FUTURES
from bpx.exchange.spot import SPOT
from bpx.feed.depth import DepthFollower
from bpx.feed.follower import MOST_LAG_S
from bpx.state.clock import ExchangeClock
from bpx.streams.tap import Arrival

STREAM = "btcusdt@depth20@100ms"


def follower(market=SPOT, clock=None):
    return DepthFollower(market, "BTCUSDT", clock or ExchangeClock())


def book(update_id, bid="10"):
    return f'{{"lastUpdateId":{update_id},"bids":[["{bid}","1"]],"asks":[["11","1"]]}}'.encode()


def arrival(payload, at=1.0):
    return Arrival(STREAM, payload, at, 0)


def load(depth, body, at=1.0):
    return depth.load(body, depth.question(0, None), at, at)


def test_it_follows_one_stream_on_the_path_that_carries_it():
    assert (follower().route, follower().streams) == ("", (STREAM,))
    assert (follower(FUTURES).route, follower(FUTURES).streams) == ("/public", (STREAM,))
    assert follower().confirming == STREAM
    assert (follower().idle_s, follower().early_s) == (120, 4)


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


def test_a_reply_that_lags_a_little_behind_the_frames_proves_nothing_and_takes_nothing_back():
    depth = follower()
    depth.apply(arrival(book(200), at=5.0))
    assert load(depth, book(150, bid="9"), at=5.0 + MOST_LAG_S) == (None, True)
    assert depth.apply(arrival(book(199, bid="9"))) is None


def test_a_reply_behind_what_was_told_long_ago_means_that_ids_are_counted_anew():
    depth = follower()
    depth.apply(arrival(book(200, bid="10"), at=5.0))
    view, agrees = load(depth, book(2, bid="9"), at=5.1 + MOST_LAG_S)
    assert (view.body(20), agrees) == (book(2, bid="9"), False)
    assert depth.apply(arrival(book(3, bid="8"))).body(20) == book(3, bid="8")


def test_old_frames_do_not_keep_a_book_from_being_counted_anew():
    depth = follower()
    depth.apply(arrival(book(200), at=5.0))
    depth.apply(arrival(book(1, bid="9"), at=5.0 + MOST_LAG_S))
    view, _ = load(depth, book(2, bid="9"), at=5.1 + MOST_LAG_S)
    assert view.body(20) == book(2, bid="9")


def futures_book(update_id, event_ms):
    text = f'"E":{event_ms},"T":{event_ms - 1},"u":{update_id},"b":[["10","1"]],"a":[]'
    return f'{{"e":"depthUpdate",{text}}}'.encode()


def test_the_event_time_of_one_book_told_twice_does_not_go_back():
    depth = follower(FUTURES)
    depth.apply(arrival(futures_book(7, 5000)))
    assert depth.apply(arrival(futures_book(7, 4900))) is None
    assert b'"E":5100,' in depth.apply(arrival(futures_book(7, 5100))).body(20)
