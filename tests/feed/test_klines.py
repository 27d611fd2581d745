import json

import pytest

from bpx.errors import BadMessage, OutOfSync
from bpx.exchange.futures import FUTURES
from bpx.exchange.spot import SPOT
from bpx.feed.follower import MOST_LAG_S
from bpx.feed.klines import KlineFollower
from bpx.state.clock import ExchangeClock
from bpx.streams.tap import Arrival
from tests.state.minutes import joined

MINUTE_MS = 60_000


def follower(market=SPOT, interval="1m", clock=None):
    return KlineFollower(market, "BTCUSDT", market.intervals[interval], clock or ExchangeClock())


def cells(minute, trades):
    open_ms = minute * MINUTE_MS
    volume = f"{trades}.0"
    return [open_ms, "1", "1", "1", "1", volume, open_ms + 59_999, volume, trades, "0", "0", "0"]


def reply(*rows):
    return json.dumps([cells(*row) for row in rows], separators=(",", ":")).encode()


def frame(minute, trades, final=False, event_ms=0, at=1.0):
    candle = dict(zip("tohlcvTqnVQB", cells(minute, trades), strict=True))
    payload = {"e": "kline", "E": event_ms, "k": candle | {"x": final}}
    return Arrival("btcusdt@kline_1m", json.dumps(payload).encode(), at, 0)


def load(klines, body, rows=3, at_ms=None, at=1.0):
    return klines.load(body, klines.question(rows, at_ms), at, at)


def shown(view, limit):
    return [(r[0] // MINUTE_MS, r[8]) for r in json.loads(joined(view, limit))]


def test_it_follows_one_stream_on_the_path_that_carries_it():
    spot, futures = follower(), follower(FUTURES, "1M")
    assert (spot.route, spot.streams) == ("", ("btcusdt@kline_1m",))
    assert (futures.route, futures.streams) == ("/market", ("btcusdt@kline_1M",))
    assert spot.confirming == "btcusdt@kline_1m"


def test_it_goes_on_for_two_intervals_or_two_minutes_when_nobody_asks():
    assert follower().idle_s == 120
    assert follower(interval="1h").idle_s == 7200


@pytest.mark.parametrize(
    ("market", "rows", "asked", "weight"),
    [
        (SPOT, 1, 1000, 2),
        (SPOT, 1000, 1000, 2),
        (FUTURES, 1, 99, 1),
        (FUTURES, 99, 99, 1),
        (FUTURES, 100, 499, 2),
        (FUTURES, 500, 1000, 5),
        (FUTURES, 1500, 1500, 10),
        (FUTURES, 9999, 1500, 10),
    ],
)
def test_history_is_asked_for_in_the_steps_of_the_weight(market, rows, asked, weight):
    question = follower(market).question(rows, None)
    assert question.target.endswith(f"/klines?symbol=BTCUSDT&interval=1m&limit={asked}")
    assert (question.rows, question.weight) == (asked, weight)


def test_a_symbol_is_percent_encoded():
    klines = KlineFollower(SPOT, "币", SPOT.intervals["1m"], ExchangeClock())
    assert "symbol=%E5%B8%81&" in klines.question(1, None).target


def test_once_there_is_a_history_only_what_is_missing_is_asked_for():
    klines = follower(FUTURES)
    load(klines, reply(*((minute, 1) for minute in range(100, 199))), rows=99)
    assert klines.question(50, 198 * MINUTE_MS).rows == 2
    assert klines.question(50, 201 * MINUTE_MS).rows == 5
    assert klines.question(50, None).rows == 2
    assert klines.question(0, 198 * MINUTE_MS).rows == 2
    assert klines.question(100, None).rows == 499  # a longer history


def test_what_is_missing_after_a_long_time_is_no_more_than_one_question():
    klines = follower(SPOT)
    load(klines, reply(*((minute, 1) for minute in range(1000))), rows=1000)
    assert klines.question(10, 10**6 * MINUTE_MS).rows == 1000


def test_every_frame_tells_the_time():
    clock = ExchangeClock()
    follower(clock=clock).apply(frame(7, 1, event_ms=5000, at=2.0))
    assert clock.at(2.0) == 5000


def test_there_is_nothing_to_show_before_a_history():
    assert follower().apply(frame(7, 1)) is None


def test_the_newest_frame_before_the_history_counts():
    klines = follower()
    klines.apply(frame(7, 1))
    klines.apply(frame(7, 3))
    view, agrees = load(klines, reply((6, 5), (7, 2)), at=4.0)
    assert (shown(view, 2), view.confirmed_at, agrees) == ([(6, 5), (7, 3)], 4.0, False)


def test_an_early_frame_that_does_not_join_the_history_is_left_out():
    klines = follower()
    klines.apply(frame(8, 1))
    view, _ = load(klines, reply((6, 5), (7, 2)))
    assert shown(view, 2) == [(6, 5), (7, 2)]


def test_an_early_frame_is_left_out_where_rest_knows_no_candle_yet():
    klines = follower()
    klines.apply(frame(8, 1))
    view, _ = load(klines, b"[]")
    assert shown(view, 2) == []


def test_an_early_frame_counts_once():
    klines = follower()
    klines.apply(frame(7, 3, final=True))
    load(klines, reply((6, 5), (7, 2)))
    load(klines, reply((7, 4), (8, 1)))
    assert shown(klines.apply(frame(8, 2)), 2) == [(7, 4), (8, 2)]


def test_frames_go_on_from_the_history():
    klines = follower()
    load(klines, reply((6, 5), (7, 2)))
    klines.apply(frame(7, 9, final=True))
    view = klines.apply(frame(8, 1, at=5.0))
    assert (shown(view, 2), view.confirmed_at) == ([(7, 9), (8, 1)], 5.0)


def test_a_break_forgets_nothing_and_a_missing_candle_shows():
    klines = follower()
    load(klines, reply((6, 5), (7, 2)))
    klines.begin_generation()
    assert shown(klines.apply(frame(7, 4)), 2) == [(6, 5), (7, 4)]
    with pytest.raises(OutOfSync):
        klines.apply(frame(8, 1))
    view, agrees = load(klines, reply((7, 5), (8, 1)), rows=0)
    assert (shown(view, 3), agrees) == ([(6, 5), (7, 5), (8, 1)], False)


def test_the_first_candle_of_a_new_symbol_is_asked_for():
    klines = follower()
    view, _ = load(klines, b"[]")
    assert joined(view, 500) == b"[]"
    with pytest.raises(OutOfSync):
        klines.apply(frame(7, 1))
    view, _ = load(klines, reply((7, 1)))
    assert shown(view, 500) == [(7, 1)]


def test_a_bad_frame_or_reply_changes_nothing():
    klines = follower()
    load(klines, reply((6, 5), (7, 2)))
    with pytest.raises(BadMessage):
        klines.apply(Arrival("btcusdt@kline_1m", b'{"e":"kline"}', 1.0, 0))
    with pytest.raises(BadMessage):
        load(klines, b'{"code":-1003,"msg":"x"}')
    assert shown(klines.apply(frame(7, 3)), 2) == [(6, 5), (7, 3)]


def test_old_frames_prove_nothing():
    klines = follower()
    load(klines, reply((6, 5), (7, 2)))
    klines.begin_generation()
    assert klines.apply(frame(6, 5, at=9.0)) is None
    assert klines.apply(frame(7, 1, at=9.0)) is None
    assert klines.apply(frame(7, 2, at=9.0)).confirmed_at == 9.0


def test_a_late_final_frame_that_corrects_a_row_is_shown():
    klines = follower()
    load(klines, reply((6, 5), (7, 0)))
    assert shown(klines.apply(frame(6, 6, final=True)), 2) == [(6, 6), (7, 0)]


def test_a_frame_that_comes_before_the_final_one_it_follows_counts_once_that_is_here():
    klines = follower()
    load(klines, reply((6, 5), (7, 2)))
    with pytest.raises(OutOfSync):
        klines.apply(frame(8, 1, event_ms=9000))
    with pytest.raises(OutOfSync):
        klines.apply(frame(8, 0, event_ms=8000))
    assert shown(klines.apply(frame(7, 9, final=True)), 2) == [(7, 9), (8, 1)]


def test_of_early_frames_the_newest_counts_in_whatever_order_they_come():
    for events in ((1000, 2000), (2000, 1000)):
        klines = follower()
        for event_ms in events:
            klines.apply(frame(7, event_ms // 1000, event_ms=event_ms))
        view, _ = load(klines, reply((6, 5), (7, 0)))
        assert shown(view, 1) == [(7, 2)]


def test_of_two_frames_with_as_many_trades_the_later_told_counts():
    klines = follower()
    load(klines, reply((6, 5), (7, 2)))
    later = frame(7, 2, event_ms=2000)
    earlier = Arrival(later.stream, later.payload.replace(b"2000", b"1000"), 1.0, 0)
    assert klines.apply(later) is not None
    assert klines.apply(earlier) is None
    assert klines.apply(later) is not None


def test_a_reply_that_ends_before_the_newest_candle_proves_nothing_if_it_may_lag():
    klines = follower()
    load(klines, reply((6, 5), (7, 2)))
    klines.apply(frame(7, 9, final=True, at=5.0))
    klines.apply(frame(8, 1, at=5.0))
    assert load(klines, reply((6, 5), (7, 8)), at=5.0 + MOST_LAG_S) == (None, True)
    assert shown(klines.apply(frame(8, 2)), 3) == [(6, 5), (7, 9), (8, 2)]


def test_a_series_gives_way_to_an_exchange_whose_time_has_stepped_back():
    klines = follower()
    load(klines, reply((1006, 5), (1007, 2)), at=1.0)
    assert klines.apply(frame(7, 3, at=2.0)) is None
    view, agrees = load(klines, reply((6, 5), (7, 4)), at=1.1 + MOST_LAG_S)
    assert (shown(view, 2), agrees) == ([(6, 5), (7, 4)], False)
    assert shown(klines.apply(frame(7, 5, at=9.0)), 2) == [(6, 5), (7, 5)]


def test_a_candle_whose_frame_was_ahead_of_the_exchange_gives_way():
    klines = follower()
    load(klines, reply((6, 5), (7, 2)))
    klines.apply(frame(7, 10**9, at=5.0))
    for at in (6.0, 7.0, 8.0):  # replies that may lag do not put off the moment
        assert klines.apply(frame(7, 3, at=at)) is None
        assert shown(load(klines, reply((6, 5), (7, 3)), at=at)[0], 1) == [(7, 10**9)]
    view, agrees = load(klines, reply((6, 5), (7, 4)), at=5.1 + MOST_LAG_S)
    assert (shown(view, 2), agrees) == ([(6, 5), (7, 4)], False)
