"""Books and tickers from feeds that are in the test's hand."""

import gc
from time import monotonic
from weakref import ref

import pytest

from bpx.errors import NotSent, OverShare
from bpx.exchange.depth import decode_depth_reply
from bpx.exchange.spot import SPOT
from bpx.exchange.ticker import decode_ticker_reply
from bpx.state.book import TopOfBook
from bpx.state.day import Day
from bpx.web.latest import DepthAnswers, TickerAnswers
from tests.runtime import ThreadRuntime
from tests.web.fakes import FakeFeed, FakeFeeds

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


def test_what_is_asked_for_a_client_is_asked_in_its_name():
    feed = FakeFeed(lambda feed: feed.load(book_view()))
    answers = DepthAnswers(FakeFeeds(feed), ThreadRuntime())
    answers.answer({"symbol": "BTCUSDT", "limit": "5"}, "", "10.0.0.1")
    assert feed.clients == ["10.0.0.1"]


def test_a_client_that_has_had_its_part_is_told_and_nobody_who_waited_with_it():
    def refuse(feed: FakeFeed) -> None:
        if len(feed.clients) == 1:
            feed.cell.fail(OverShare("Too much request weight used.", 7))
        else:
            feed.load(book_view())

    params = {"symbol": "BTCUSDT", "limit": "5"}
    greedy, polite = FakeFeed(refuse), FakeFeed(refuse)
    polite.is_asked = True
    with pytest.raises(OverShare):
        DepthAnswers(FakeFeeds(greedy), ThreadRuntime()).answer(params, "")
    answer = DepthAnswers(FakeFeeds(polite), ThreadRuntime()).answer(params, "")
    assert (answer.body, len(polite.wanted)) == (BOOK, 2)


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


def test_what_rest_said_a_moment_ago_is_kept_while_there_is_no_stream():
    feed = FakeFeed()
    feed.cell.publish(book_view())
    feed.fresh, feed.kept = False, True
    answer = DepthAnswers(FakeFeeds(feed), ThreadRuntime()).answer(
        {"symbol": "BTCUSDT", "limit": "5"}, ""
    )
    assert (answer.body, answer.source, feed.wanted) == (BOOK, "cache", [])


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (DepthAnswers, {"symbol": "BTCUSDT", "limit": "1"}, {"symbol": "BTCUSDT", "limit": "5"}),
        (TickerAnswers, {"symbol": "BTCUSDT"}, {"symbol": "BTCUSDT", "type": "MINI"}),
    ],
)
def test_all_who_ask_the_same_share_an_answer_until_there_is_a_newer_view(kind, one, other):
    made = {DepthAnswers: book_view, TickerAnswers: day_view}[kind]
    feed = FakeFeed()
    feed.cell.publish(made())
    answers = kind(FakeFeeds(feed), ThreadRuntime())
    first = answers.answer(one, "")
    assert answers.answer(dict(one), "") is first
    assert answers.answer(other, "").body != first.body
    feed.fresh, feed.kept = False, True
    assert answers.answer(one, "") == first._replace(source="cache")
    feed.fresh = True
    feed.cell.publish(made())
    newer = answers.answer(one, "")
    assert newer.confirmed_at == feed.cell.view.confirmed_at > first.confirmed_at


@pytest.mark.parametrize("kind", [DepthAnswers, TickerAnswers])
def test_what_is_kept_of_a_feed_does_not_keep_the_feed(kind):
    """Nor may it take the collector: what is followed already is frozen."""
    feed = FakeFeed()
    feed.cell.publish({DepthAnswers: book_view, TickerAnswers: day_view}[kind]())
    kind(FakeFeeds(feed), ThreadRuntime()).answer({"symbol": "BTCUSDT", "limit": "5"}, "")
    assert feed.cell.kept
    gone = ref(feed)
    gc.disable()
    try:
        del feed
        assert gone() is None
    finally:
        gc.enable()
