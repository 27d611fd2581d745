"""Which requests a cache answers, and with what: against feeds that are in the test's hand."""

from collections.abc import Callable
from threading import Thread
from time import monotonic

import pytest

from bpx.cache.cell import Cell
from bpx.errors import NotSent, ReadFailed, Refused
from bpx.exchange.depth import decode_depth_reply
from bpx.exchange.info import ExchangeInfo
from bpx.exchange.kline import Kline, Row, decode_rows
from bpx.exchange.spot import SPOT
from bpx.exchange.ticker import decode_ticker_reply
from bpx.feed.listing import ListingView
from bpx.state.book import TopOfBook
from bpx.state.candles import Candles
from bpx.state.day import Day
from bpx.web.answers import (
    ATTEMPTS,
    STALE_S,
    DepthAnswers,
    KlinesAnswers,
    ListingAnswers,
    TickerAnswers,
)
from tests.runtime import ThreadRuntime
from tests.waiting import eventually

ROW_0 = b'0,"9","9","9","9","1",59999,"9",1,"1","9","0"'
ROW_1 = b'60000,"10","12","9","11","5",119999,"55",7,"2","22","0"'
ROW_1_FINAL = b'60000,"10","13","9","12","6",119999,"66",8,"2","22","0"'
FLAT_2 = b'120000,"12","12","12","12","0",179999,"0",0,"0","0","0"'
MINUTE = {"symbol": "BTCUSDT", "interval": "1m"}


def closed(text: bytes) -> bytes:
    return b"[%s]" % text


def reply(*rows: bytes) -> bytes:
    return b"[%s]" % b",".join(map(closed, rows))


class FakeFeed:
    """A feed that does what the test says when REST is to be asked."""

    def __init__(self, on_want: Callable[["FakeFeed"], None] = lambda feed: None):
        self.cell = Cell("test")
        self.loads = 0
        self.wanted: list[int] = []
        self.fresh = True
        self._on_want = on_want

    def is_fresh(self, now):
        return self.fresh and self.cell.view is not None

    def want(self, rows=0):
        self.wanted.append(rows)
        Thread(target=self._reply, daemon=True).start()

    def _reply(self):
        eventually(lambda: self.cell._waiting == 1)
        self._on_want(self)

    def load(self, view):
        self.loads += 1
        self.cell.publish(view)


class FakeFeeds:
    def __init__(self, feed):
        self.feed = feed
        self.keys = []

    def watch(self, key, now):
        self.keys.append(key)
        return self.feed


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


# Klines


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
            klines(feed, series, wait_s=5).answer(MINUTE | {"limit": "2"}, "")
        )
    )
    asking.start()
    eventually(lambda: feed.cell._waiting == 1)
    feed.cell.publish(series.close())
    asking.join(2)
    assert (found[0].body, found[0].source) == (reply(ROW_1_FINAL, FLAT_2), "websocket")
    assert feed.wanted == []


def test_a_final_frame_that_does_not_come_in_time_is_asked_of_rest(series):
    def load(feed):
        series.candles.load(decode_rows(reply(ROW_1_FINAL, FLAT_2)), 3)
        feed.load(series.view())

    feed = FakeFeed(load)
    feed.cell.publish(series.view())
    series.now_ms = 120_100  # 100 ms of the 300 are over
    began = monotonic()
    answer = klines(feed, series, wait_s=0.3).answer(MINUTE | {"limit": "2"}, "")
    assert 0.15 < monotonic() - began < 1.0
    assert (answer.body, answer.is_synthetic) == (reply(ROW_1_FINAL, FLAT_2), False)
    assert feed.wanted == [2]


def test_nobody_waits_for_a_final_frame_that_is_overdue(series):
    feed = FakeFeed(lambda feed: feed.cell.fail(Refused("no")))
    feed.cell.publish(series.view())
    series.now_ms = 125_000
    began = monotonic()
    assert klines(feed, series, wait_s=0.8).answer(MINUTE | {"limit": "2"}, "") is None
    assert monotonic() - began < 0.5
    assert feed.wanted == [2]


def test_what_rest_said_is_its_word_and_not_the_streams_while_there_is_no_stream(series):
    feed = FakeFeed(lambda feed: feed.load(series.view()))
    feed.fresh = False
    answer = klines(feed, series).answer(MINUTE | {"limit": "2"}, "")
    assert (answer.body, answer.source) == (reply(ROW_0, ROW_1), "upstream")


@pytest.mark.parametrize("failure", [Refused("status 400"), ReadFailed("not JSON")])
def test_what_rest_refuses_is_asked_for_by_the_client_itself(series, failure):
    feed = FakeFeed(lambda feed: feed.cell.fail(failure))
    assert klines(feed, series).answer(MINUTE, "") is None


def test_a_request_that_cannot_be_asked_fails_as_it_is(series):
    feed = FakeFeed(lambda feed: feed.cell.fail(NotSent("no connection")))
    with pytest.raises(NotSent):
        klines(feed, series).answer(MINUTE, "")


def test_replies_that_do_not_help_are_not_asked_for_for_ever(series):
    feed = FakeFeed(lambda feed: feed.load(series.view()))  # never as many rows
    assert klines(feed, series).answer(MINUTE | {"limit": "1000"}, "") is None
    assert feed.wanted == [1000] * ATTEMPTS


def test_when_there_are_too_many_feeds_binance_is_asked(series):
    assert klines(None, series).answer(MINUTE, "") is None


# Depth and tickers

BOOK = b'{"lastUpdateId":7,"bids":[["9","1"],["8","1"]],"asks":[["10","1"],["11","2"]]}'
TICKER = (
    b'{"symbol":"BTCUSDT","priceChange":"1","priceChangePercent":"1","weightedAvgPrice":"1",'
    b'"prevClosePrice":"1","lastPrice":"2","lastQty":"1","bidPrice":"1","bidQty":"1",'
    b'"askPrice":"3","askQty":"1","openPrice":"1","highPrice":"1","lowPrice":"1","volume":"1",'
    b'"quoteVolume":"1","openTime":1,"closeTime":2,"firstId":1,"lastId":2,"count":2}'
)
MINI = (
    b'{"symbol":"BTCUSDT","openPrice":"1","highPrice":"1","lowPrice":"1","lastPrice":"2",'
    b'"volume":"1","quoteVolume":"1","openTime":1,"closeTime":2,"firstId":1,"lastId":2,"count":2}'
)


def book_view():
    book = TopOfBook()
    book.apply(decode_depth_reply(BOOK, SPOT.depth_keys))
    return book.view(monotonic())


def day_view():
    day = Day(SPOT.ticker_shape, None)
    day.apply(decode_ticker_reply(TICKER, SPOT.ticker_shape))
    return day.view(monotonic())


def test_a_fresh_book_is_cut_to_the_limit():
    feed = FakeFeed()
    feed.cell.publish(book_view())
    answers = DepthAnswers(FakeFeeds(feed), ThreadRuntime())
    answer = answers.answer({"symbol": "BTCUSDT", "limit": "1"}, "")
    assert answer.body == b'{"lastUpdateId":7,"bids":[["9","1"]],"asks":[["10","1"]]}'
    assert (answer.source, feed.wanted) == ("websocket", [])


def test_a_book_that_is_not_fresh_is_asked_for_whatever_it_says():
    feed = FakeFeed(lambda feed: feed.load(book_view()))
    feed.cell.publish(book_view())
    feed.fresh = False
    answer = DepthAnswers(FakeFeeds(feed), ThreadRuntime()).answer(
        {"symbol": "BTCUSDT", "limit": "5"}, ""
    )
    assert (answer.body, answer.source, feed.wanted) == (BOOK, "upstream", [0])


def test_a_stale_book_is_never_the_answer():
    feed = FakeFeed(lambda feed: feed.cell.fail(NotSent("down")))
    feed.cell.publish(book_view())
    feed.fresh = False
    with pytest.raises(NotSent):
        DepthAnswers(FakeFeeds(feed), ThreadRuntime()).answer(
            {"symbol": "BTCUSDT", "limit": "5"}, ""
        )


@pytest.mark.parametrize(
    ("params", "body"), [({}, TICKER), ({"type": "FULL"}, TICKER), ({"type": "MINI"}, MINI)]
)
def test_a_ticker_has_the_shape_that_is_asked_for(params, body):
    feed = FakeFeed()
    feed.cell.publish(day_view())
    answers = TickerAnswers(FakeFeeds(feed), ThreadRuntime())
    assert answers.answer({"symbol": "BTCUSDT"} | params, "").body == body


# exchangeInfo

INFO = b'{"timezone":"UTC","symbols":[{"symbol":"BTCUSDT","status":"TRADING"}]}'


class FakeListing:
    refresh_s = 60.0

    def __init__(self, age_s, is_failing=False):
        self.cell = Cell("exchangeInfo")
        self.is_failing = is_failing
        if age_s is not None:
            confirmed_at = monotonic() - age_s
            self.cell.publish(ListingView(1, confirmed_at, ExchangeInfo(INFO), b"packed"))


@pytest.mark.parametrize(
    ("codings", "body", "coding"),
    [
        ("", INFO, None),
        ("gzip, deflate", b"packed", "gzip"),
        ("br", INFO, None),
        ("gzip;q=0", INFO, None),
        ("identity, gzip;q=0.0", INFO, None),
        ("GZIP", b"packed", "gzip"),
        ("gzip;q=0.5, br", b"packed", "gzip"),
    ],
)
def test_the_document_is_packed_for_whoever_accepts_it(codings, body, coding):
    answer = ListingAnswers(FakeListing(1), ThreadRuntime()).answer({}, codings)
    assert (answer.body, answer.coding, answer.source) == (body, coding, "cache")


@pytest.mark.parametrize(
    ("age_s", "is_failing", "is_answered"),
    [
        (74, False, True),
        (76, False, False),
        (76, True, True),
        (STALE_S - 5, True, True),
        (STALE_S + 5, True, False),
        (None, True, False),
    ],
)
def test_a_document_that_is_too_old_is_no_answer(age_s, is_failing, is_answered):
    # It may be older while Binance cannot be asked.
    answers = ListingAnswers(FakeListing(age_s, is_failing), ThreadRuntime())
    assert (answers.answer({}, "") is not None) is is_answered


def test_a_part_of_the_document_is_never_packed():
    answer = ListingAnswers(FakeListing(1), ThreadRuntime()).answer({"symbol": "BTCUSDT"}, "gzip")
    assert (answer.body, answer.coding) == (INFO, None)
