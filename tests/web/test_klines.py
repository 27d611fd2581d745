"""Which klines a cache answers, and with what: against feeds that are in the test's hand."""

from threading import Thread
from time import monotonic

import pytest

from bpx.errors import NotSent, ReadFailed, Refused
from bpx.exchange.kline import Kline, Row, decode_rows
from bpx.exchange.spot import SPOT
from bpx.state.candles import Candles
from bpx.web.answer import ATTEMPTS, KEPT_ANSWERS, keep
from bpx.web.klines import KlinesAnswers
from tests.runtime import ThreadRuntime
from tests.waiting import eventually
from tests.web.fakes import FakeFeed, FakeFeeds, is_awaited

ROW_0 = b'0,"9","9","9","9","1",59999,"9",1,"1","9","0"'
ROW_1 = b'60000,"10","12","9","11","5",119999,"55",7,"2","22","0"'
ROW_1_FINAL = b'60000,"10","13","9","12","6",119999,"66",8,"2","22","0"'
FLAT_2 = b'120000,"12","12","12","12","0",179999,"0",0,"0","0","0"'
MINUTE = {"symbol": "BTCUSDT", "interval": "1m"}


def closed(text: bytes) -> bytes:
    return b"[%s]" % text


def reply(*rows: bytes) -> bytes:
    return b"[%s]" % b",".join(map(closed, rows))


class Series:
    """A series of one-minute candles, and the clock that goes with it."""

    def __init__(self):
        self.candles = Candles(SPOT.intervals["1m"])
        self.candles.load(decode_rows(reply(ROW_0, ROW_1)), 2)
        self.now_ms = 100_000

    def at(self, now):
        return self.now_ms

    def close(self):
        self.candles.apply(Kline(Row(60_000, 119_999, 8, ROW_1_FINAL), True, 120_010))
        return self.view()

    def view(self):
        return self.candles.view(monotonic())


@pytest.fixture
def series():
    return Series()


def klines(feed, series, *, wait_s=0.3, with_synthetic=True):
    return KlinesAnswers(
        SPOT, FakeFeeds(feed), series, ThreadRuntime(), wait_s, with_synthetic=with_synthetic
    )


def test_a_fresh_series_is_answered_from_the_stream(series):
    feed = FakeFeed()
    feed.cell.publish(series.view())
    answer = klines(feed, series).answer(MINUTE | {"limit": "2"}, "")
    assert (answer.body, answer.source, answer.is_synthetic) == (
        reply(ROW_0, ROW_1), "websocket", False,
    )  # fmt: skip
    assert answer.confirmed_at == feed.cell.view.confirmed_at
    assert feed.wanted == []


def test_the_key_is_symbol_and_interval_and_the_default_limit_is_binances(series):
    feed = FakeFeed(lambda feed: feed.cell.fail(Refused("no")))
    answers = klines(feed, series)
    assert answers.answer(MINUTE, "") is None
    assert (answers._feeds.keys, feed.wanted) == ([("BTCUSDT", "1m")], [500])


def test_rows_that_are_missing_are_asked_for(series):
    def load(feed):
        series.candles.load(decode_rows(reply(ROW_0, ROW_1)), 1000)  # all there are
        feed.load(series.view())

    feed = FakeFeed(load)
    feed.cell.publish(series.view())
    answer = klines(feed, series).answer(MINUTE | {"limit": "700"}, "")
    assert (answer.body, answer.source, feed.wanted) == (reply(ROW_0, ROW_1), "websocket", [700])


def test_after_the_final_frame_the_next_candle_is_made_and_said_to_be(series):
    feed = FakeFeed()
    feed.cell.publish(series.close())
    series.now_ms = 120_020
    answer = klines(feed, series).answer(MINUTE | {"limit": "2"}, "")
    assert (answer.body, answer.is_synthetic) == (reply(ROW_1_FINAL, FLAT_2), True)


def test_without_fake_candles_the_rows_end_with_the_closed_one(series):
    feed = FakeFeed()
    feed.cell.publish(series.close())
    series.now_ms = 120_020
    answer = klines(feed, series, with_synthetic=False).answer(MINUTE | {"limit": "2"}, "")
    assert (answer.body, answer.is_synthetic) == (reply(ROW_0, ROW_1_FINAL), False)


def test_before_the_close_nothing_is_made(series):
    feed = FakeFeed()
    feed.cell.publish(series.close())
    series.now_ms = 119_999
    answer = klines(feed, series).answer(MINUTE | {"limit": "1"}, "")
    assert (answer.body, answer.is_synthetic) == (reply(ROW_1_FINAL), False)


def test_a_made_candle_is_not_shown_when_it_is_over_itself(series):
    feed = FakeFeed(lambda feed: feed.cell.fail(Refused("no")))
    feed.cell.publish(series.close())
    series.now_ms = 180_000
    assert klines(feed, series).answer(MINUTE | {"limit": "2"}, "") is None
    assert feed.wanted == [2]


def test_a_request_in_the_gap_waits_for_the_final_frame(series):
    feed = FakeFeed()
    feed.cell.publish(series.view())
    series.now_ms = 120_020
    found = []
    asking = Thread(
        target=lambda: found.append(
            klines(feed, series, wait_s=50).answer(MINUTE | {"limit": "2"}, "")
        )
    )
    asking.start()
    eventually(lambda: is_awaited(feed.cell))
    feed.cell.publish(series.close())
    asking.join(10)
    assert (found[0].body, found[0].source) == (reply(ROW_1_FINAL, FLAT_2), "websocket")
    assert feed.wanted == []


def test_a_final_frame_that_does_not_come_in_time_is_asked_of_rest(series):
    def load(feed):
        series.candles.load(decode_rows(reply(ROW_1_FINAL, FLAT_2)), 3)
        feed.load(series.view())

    feed = FakeFeed(load)
    feed.cell.publish(series.view())
    series.now_ms = 120_100  # 100 ms of the 300 are over
    answer = klines(feed, series, wait_s=0.3).answer(MINUTE | {"limit": "2"}, "")
    assert feed.cell.waits_s[0] == pytest.approx(0.3 - 0.101), "since the last millisecond"
    assert (answer.body, answer.is_synthetic) == (reply(ROW_1_FINAL, FLAT_2), False)
    assert feed.wanted == [2]


def test_nobody_waits_for_a_final_frame_that_is_overdue(series):
    feed = FakeFeed(lambda feed: feed.cell.fail(Refused("no")))
    feed.cell.publish(series.view())
    series.now_ms = 125_000
    assert klines(feed, series, wait_s=0.8).answer(MINUTE | {"limit": "2"}, "") is None
    assert feed.wanted == [2]
    assert len(feed.cell.waits_s) == 1, "for REST"


def test_what_rest_said_is_its_word_and_not_the_streams_while_there_is_no_stream(series):
    feed = FakeFeed(lambda feed: feed.load(series.view()))
    feed.fresh = False
    answer = klines(feed, series).answer(MINUTE | {"limit": "2"}, "")
    assert (answer.body, answer.source) == (reply(ROW_0, ROW_1), "upstream")


def test_what_rest_refuses_is_asked_for_by_the_client_itself(series):
    feed = FakeFeed(lambda feed: feed.cell.fail(Refused("status 400")))
    assert klines(feed, series).answer(MINUTE, "") is None


@pytest.mark.parametrize("failure", [NotSent("no connection"), ReadFailed("not JSON")])
def test_a_request_that_cannot_be_asked_fails_as_it_is(series, failure):
    feed = FakeFeed(lambda feed: feed.cell.fail(failure))
    with pytest.raises(type(failure)):
        klines(feed, series).answer(MINUTE, "")


def test_replies_that_do_not_help_are_not_asked_for_for_ever(series):
    feed = FakeFeed(lambda feed: feed.load(series.view()))  # never as many rows
    assert klines(feed, series).answer(MINUTE | {"limit": "1000"}, "") is None
    assert feed.wanted == [1000] * ATTEMPTS


def test_when_there_are_too_many_feeds_binance_is_asked(series):
    assert klines(None, series).answer(MINUTE, "") is None


def test_what_rest_said_a_moment_ago_is_kept_while_there_is_no_stream(series):
    feed = FakeFeed()
    feed.cell.publish(series.view())
    feed.fresh, feed.kept = False, True
    answer = klines(feed, series).answer(MINUTE | {"limit": "2"}, "")
    assert (answer.body, answer.source, feed.wanted) == (reply(ROW_0, ROW_1), "cache", [])


def test_a_kept_list_whose_last_candle_is_over_is_no_answer(series):
    feed = FakeFeed(lambda feed: feed.load(series.close()))
    feed.cell.publish(series.view())
    feed.fresh, feed.kept = False, True
    series.now_ms = 120_500
    answer = klines(feed, series).answer(MINUTE | {"limit": "2"}, "")
    assert (answer.source, len(feed.wanted)) == ("upstream", 1)


def test_all_who_ask_the_same_share_an_answer_until_anything_of_it_changes(series):
    feed = FakeFeed()
    feed.cell.publish(series.view())
    answers, asked = klines(feed, series), MINUTE | {"limit": "2"}
    first = answers.answer(asked, "")
    assert answers.answer(asked, "") is first
    assert answers.answer(MINUTE | {"limit": "1"}, "").body == reply(ROW_1)
    feed.fresh, feed.kept = False, True
    assert answers.answer(asked, "") == first._replace(source="cache")
    feed.fresh = True
    feed.cell.publish(series.close())
    final = answers.answer(asked, "")
    assert final.body == reply(ROW_0, ROW_1_FINAL)
    assert final.confirmed_at == feed.cell.view.confirmed_at
    series.now_ms = 120_020
    assert answers.answer(asked, "").body == reply(ROW_1_FINAL, FLAT_2)


def test_few_answers_are_kept_and_only_of_the_newest_view(series):
    feed = FakeFeed()
    feed.cell.publish(series.view())
    answers = klines(feed, series)
    for limit in range(1, 3):
        answers.answer(MINUTE | {"limit": str(limit)}, "")
    assert len(feed.cell.kept) == 2
    feed.cell.publish(series.close())
    assert feed.cell.kept == {}
    for number in range(3 * KEPT_ANSWERS):
        keep(feed.cell, feed.cell.view, number, answers.answer(MINUTE | {"limit": "1"}, ""))
        assert len(feed.cell.kept) <= KEPT_ANSWERS


def test_an_answer_of_an_older_view_is_never_given_though_it_was_kept_late(series):
    feed = FakeFeed()
    older = series.view()
    feed.cell.publish(older)
    answers, asked = klines(feed, series), MINUTE | {"limit": "2"}
    late = answers.answer(asked, "")
    feed.cell.publish(series.close())
    keep(feed.cell, older, (2, "websocket", False), late)
    assert answers.answer(asked, "").body == reply(ROW_0, ROW_1_FINAL)
