import json

import pytest

from bpx.errors import BadMessage, OutOfSync
from bpx.exchange.futures import FUTURES
from bpx.exchange.spot import SPOT
from bpx.feed.follower import MOST_LAG_S
from bpx.feed.ticker import BEST_S, TickerFollower
from bpx.state.clock import ExchangeClock
from bpx.streams.tap import Arrival

TICKER, BEST = "btcusdt@ticker", "btcusdt@bookTicker"


def follower(market=SPOT, clock=None):
    return TickerFollower(market, "BTCUSDT", clock or ExchangeClock(), last_price=None)


def fields(close_ms, last_id=9, bid="10"):
    whole = {"openTime": 1, "closeTime": close_ms, "firstId": 1, "lastId": last_id, "count": 9}
    texts = {name: "5" for name, _ in SPOT.ticker_shape.full if name not in whole}
    return texts | whole | {"symbol": "BTCUSDT", "bidPrice": bid}


def reply(close_ms, last_id=9, bid="10"):
    return json.dumps(fields(close_ms, last_id, bid)).encode()


def ticker(close_ms, last_id=9, bid="10", at=1.0):
    values = fields(close_ms, last_id, bid)
    frame = {key: values[name] for name, key in SPOT.ticker_shape.full} | {"E": close_ms + 5}
    return Arrival(TICKER, json.dumps(frame).encode(), at, 0)


def best(update_id, bid, at=1.0):
    frame = {"u": update_id, "s": "BTCUSDT", "b": bid, "B": "1", "a": "99", "A": "1"}
    return Arrival(BEST, json.dumps(frame).encode(), at, 0)


def load(day, body, at=1.0):
    return day.load(body, day.question(0, None), at, at)


def shown(view):
    return json.loads(view.full)


def test_on_spot_a_ticker_is_two_streams():
    day = follower()
    assert (day.route, day.streams, day.confirming) == ("", (TICKER, BEST), TICKER)


def test_on_futures_it_is_one():
    day = follower(FUTURES)
    assert (day.route, day.streams, day.confirming) == ("/market", (TICKER,), TICKER)
    assert day.idle_s == 120


def test_it_asks_for_its_symbol():
    question = follower().question(500, 7)
    assert (question.target, question.weight) == ("/api/v3/ticker/24hr?symbol=BTCUSDT", 2)
    question = follower(FUTURES).question(0, None)
    assert (question.target, question.weight) == ("/fapi/v1/ticker/24hr?symbol=BTCUSDT", 1)


def test_a_ticker_is_shown_and_tells_the_time():
    clock = ExchangeClock()
    view = follower(clock=clock).apply(ticker(1000, at=2.0))
    assert (shown(view), view.confirmed_at) == (fields(1000), 2.0)
    assert clock.at(2.0) == 1005


def test_best_prices_alone_are_nothing_to_show():
    day = follower()
    assert day.apply(best(5, "11")) is None
    assert shown(day.apply(ticker(1000)))["bidPrice"] == "11"


def test_best_prices_come_between_tickers():
    day = follower()
    day.apply(ticker(1000, bid="10", at=1.0))
    view = day.apply(best(5, "11", at=1.5))
    assert (shown(view)["bidPrice"], view.confirmed_at) == ("11", 1.0)
    assert shown(day.apply(ticker(2000, bid="10", at=2.0)))["bidPrice"] == "11"


def test_best_prices_that_are_older_than_a_ticker_give_way_to_its_own():
    day = follower()
    day.apply(ticker(1000, bid="10", at=1.0))
    day.apply(best(5, "11", at=1.5))
    assert shown(day.apply(ticker(9000, bid="12", at=1.6 + BEST_S)))["bidPrice"] == "12"


@pytest.mark.parametrize("close_ms", [500, 1000], ids=["an older one", "the same one again"])
def test_a_ticker_that_is_no_newer_does_not_bring_back_older_best_prices(close_ms):
    day = follower()
    day.apply(ticker(1000, bid="10", at=1.0))
    day.apply(best(5, "11", at=1.5))
    late = day.apply(ticker(close_ms, bid="10", at=9.0))
    assert late is None or shown(late)["bidPrice"] == "11"
    assert shown(day.apply(best(5, "11", at=9.1)))["bidPrice"] == "11"


def test_after_a_break_nothing_is_shown_until_a_ticker_came():
    day = follower()
    day.apply(ticker(1000, bid="10"))
    day.apply(best(5, "11"))
    day.begin_generation()
    assert day.apply(best(6, "12")) is None
    assert shown(day.apply(ticker(2000, bid="10")))["bidPrice"] == "12"


def test_after_a_break_best_prices_of_before_are_not_shown():
    day = follower()
    day.apply(ticker(1000, bid="10"))
    day.apply(best(5, "11"))
    day.begin_generation()
    day.apply(best(5, "11"))  # replayed
    assert shown(day.apply(ticker(2000, bid="12")))["bidPrice"] == "12"


def test_after_a_break_a_reply_asked_for_before_the_last_best_prices_came_is_not_shown():
    day = follower()
    day.apply(ticker(1000))
    assert shown(day.apply(best(7, "12", at=2.0)))["bidPrice"] == "12"
    day.begin_generation()
    for asked_at in (1.9, 2.0):
        with pytest.raises(OutOfSync):
            day.load(reply(1100, bid="11"), day.question(0, None), 3.0, asked_at)
    view, _ = day.load(reply(1100, bid="13"), day.question(0, None), 3.0, asked_at=2.1)
    assert shown(view)["bidPrice"] == "13"


def test_a_reply_is_shown_and_trades_are_news():
    day = follower()
    view, agrees = load(day, reply(1000, last_id=9), at=3.0)
    assert (shown(view), view.confirmed_at, agrees) == (fields(1000), 3.0, False)
    assert load(day, reply(2000, last_id=9))[1]
    assert not load(day, reply(3000, last_id=10))[1]


def test_after_a_reply_best_prices_are_shown():
    day = follower()
    load(day, reply(1000))
    assert shown(day.apply(best(5, "11")))["bidPrice"] == "11"


def test_a_reply_that_lags_proves_nothing_and_takes_nothing_back():
    day = follower()
    day.apply(ticker(2000, last_id=9))
    assert load(day, reply(1000, last_id=8)) == (None, True)
    assert shown(day.apply(best(5, "11")))["closeTime"] == 2000


def test_an_older_reply_that_has_all_trades_agrees():
    day = follower()
    day.apply(ticker(2000, last_id=9))
    view, agrees = load(day, reply(1000, last_id=9))
    assert (shown(view)["closeTime"], agrees) == (2000, True)


def test_an_older_reply_with_other_best_prices_proves_nothing():
    day = follower()
    day.apply(ticker(2000, last_id=9, bid="10"))
    assert load(day, reply(1000, last_id=9, bid="11")) == (None, True)
    assert shown(day.apply(best(5, "12")))["closeTime"] == 2000


ELEVEN_DAYS_MS = 11 * 24 * 3_600_000


def test_a_frame_ahead_of_its_time_gives_way_to_one_with_more_trades():
    day = follower()
    day.apply(ticker(ELEVEN_DAYS_MS, last_id=9))
    assert shown(day.apply(ticker(1000, last_id=10)))["lastId"] == 10


def test_a_reply_with_more_trades_is_news_whatever_it_says_of_its_close():
    day = follower()
    day.apply(ticker(ELEVEN_DAYS_MS, last_id=9, at=1.0))
    view, agrees = load(day, reply(1000, last_id=10), at=1.1)
    assert (shown(view)["lastId"], shown(view)["closeTime"], agrees) == (10, 1000, False)


@pytest.mark.parametrize("ahead", [(ELEVEN_DAYS_MS, 9), (1000, 99)], ids=["in time", "in trades"])
def test_what_is_ahead_of_a_reply_asked_for_long_after_it_is_not_the_exchanges(ahead):
    day = follower()
    day.apply(ticker(*ahead, bid="12", at=5.0))
    assert load(day, reply(1500, last_id=9, bid="10"), at=5.0 + MOST_LAG_S) == (None, True)
    view, agrees = load(day, reply(2000, last_id=9, bid="10"), at=5.1 + MOST_LAG_S)
    assert (shown(view), agrees) == (fields(2000, bid="10"), False)
    assert shown(day.apply(ticker(3000, last_id=9, at=9.0)))["closeTime"] == 3000


def test_a_reply_that_closes_earlier_agrees_if_it_tells_the_same():
    day = follower()
    day.apply(ticker(2000, last_id=9, at=5.0))
    view, agrees = load(day, reply(1000, last_id=9), at=20.0)
    assert (shown(view), agrees) == (fields(1000), True)


def test_a_reply_that_lags_does_not_put_off_the_moment_when_replies_are_believed():
    day = follower()
    day.apply(ticker(2000, last_id=99, at=5.0))
    for at in (6.0, 7.0, 8.0):
        assert load(day, reply(2000, last_id=9), at=at) == (None, True)
    assert shown(load(day, reply(2000, last_id=9), at=8.1)[0])["lastId"] == 9


def test_a_day_without_trades_has_no_last_trade_and_is_no_lag():
    day = follower()
    day.apply(ticker(2000, last_id=9))
    view, _ = load(day, reply(3000, last_id=-1))
    assert shown(view)["lastId"] == -1


def test_of_two_tickers_of_one_moment_the_later_told_counts():
    day = follower()
    for event_ms, bid in ((1005, "10"), (1007, "12"), (1005, "10")):
        frame = json.loads(ticker(1000, bid=bid).payload) | {"E": event_ms}
        view = day.apply(Arrival(TICKER, json.dumps(frame).encode(), 1.0, 0))
    assert view is None
    assert shown(day.apply(ticker(1001, bid="13")))["bidPrice"] == "13"


def test_old_best_prices_that_come_again_do_not_keep_better_ones_away():
    day = follower()
    day.apply(ticker(1000, bid="10", at=1.0))
    day.apply(best(5, "11", at=1.5))
    for at in (2.0, 3.0, 3.4):
        day.apply(best(5, "11", at=at))
        day.apply(best(4, "10.5", at=at))
    assert shown(day.apply(ticker(9000, bid="12", at=1.6 + BEST_S)))["bidPrice"] == "12"


def test_a_bad_frame_or_reply_changes_nothing():
    day = follower()
    day.apply(ticker(1000))
    for stream in (TICKER, BEST):
        with pytest.raises(BadMessage):
            day.apply(Arrival(stream, b"{}", 1.0, 0))
    with pytest.raises(BadMessage):
        load(day, b'{"code":-1000,"msg":"x"}')
    assert shown(day.apply(best(5, "11")))["closeTime"] == 1000


def test_an_old_ticker_proves_nothing():
    day = follower()
    day.apply(ticker(2000))
    day.begin_generation()
    assert day.apply(ticker(1000, at=9.0)) is None
