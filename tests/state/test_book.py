from hypothesis import given, settings
from hypothesis import strategies as st

from bpx.exchange.depth import Depth
from bpx.exchange.written import written
from bpx.state.book import TopOfBook
from tests.sizes import measured

BIDS = [["0.0024", "10"], ["0.0022", "5"]]
ASKS = [["0.0026", "100"], ["0.0028", "1"]]


def depth(update_id, bids=BIDS, asks=ASKS):
    return Depth(update_id, {}, written(bids), written(asks))


def test_a_frame_tells_the_whole_book():
    book = TopOfBook()
    assert book.apply(depth(160))
    assert book.view(1.0).body(20) == (
        b'{"lastUpdateId":160,"bids":[["0.0024","10"],["0.0022","5"]],'
        b'"asks":[["0.0026","100"],["0.0028","1"]]}'
    )


def test_a_limit_cuts_both_sides():
    book = TopOfBook()
    book.apply(depth(160))
    view = book.view(1.0)
    assert (
        view.body(1) == b'{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}'
    )
    assert view.body(1) is view.body(1)


def test_an_older_frame_changes_nothing():
    book = TopOfBook()
    book.apply(depth(160))
    assert not book.apply(depth(159, bids=[["9", "9"]]))
    assert book.view(1.0).depth == depth(160)


def test_new_levels_are_news_and_a_new_update_id_alone_is_not():
    book = TopOfBook()
    book.apply(depth(160))
    assert not book.apply(depth(161))
    assert book.view(1.0).depth.update_id == 161
    assert book.apply(depth(162, asks=[["0.0026", "99"]]))
    assert book.apply(depth(163, bids=[]))


def test_views_are_counted_and_say_when_they_were_proved():
    book = TopOfBook()
    book.apply(depth(160))
    first, second = book.view(1.0), book.view(2.5)
    assert second.version == first.version + 1
    assert (first.confirmed_at, second.confirmed_at) == (1.0, 2.5)
    assert first.good_until_ms is None


@settings(deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=40))
def test_whatever_comes_late_twice_or_out_of_order_the_newest_book_is_shown(update_ids):
    book, newest = TopOfBook(), 0
    for update_id in update_ids:
        book.apply(depth(update_id, bids=[[f"{update_id}", "1"]]))
        newest = max(newest, update_id)
        shown = book.view(0.0).depth
        assert (shown.update_id, shown.bids) == (newest, b'[["%d","1"]]' % newest)


def test_its_size_is_what_it_takes():
    def side(price):
        return [[f"{price + number}.12345678", f"{number}.{number:08}"] for number in range(20)]

    def make():
        top = TopOfBook()
        top.apply(depth(7, side(100), side(200)))
        view = top.view(1.0)
        view.body(20)
        return view

    view, size_bytes = measured(make)
    assert 0.6 * size_bytes < view.size_bytes < 1.5 * size_bytes
