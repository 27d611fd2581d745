import json

from bpx.state.history import KEPT_BODIES, CandlesView, History
from tests.sizes import measured
from tests.state.minutes import MINUTE_MS, frame, loaded, row


def test_a_view_never_changes():
    candles = loaded(row(1), row(2))
    view = candles.view(1.5)
    before = view.body(2, with_following=False)
    candles.apply(frame(2, trades=9, final=True))
    candles.apply(frame(3))
    assert CandlesView.body(view, 2, with_following=False) == before
    assert view.confirmed_at == 1.5
    assert candles.view(2.5).version == view.version + 1


def test_a_body_is_joined_once_and_only_some_are_kept():
    view = loaded(*(row(minute) for minute in range(20))).view(0.0)
    assert view.body(5, with_following=False) is view.body(5, with_following=False)
    for limit in range(1, 2 * KEPT_BODIES):
        assert len(json.loads(view.body(limit, with_following=False))) == limit


def test_a_block_is_cut_at_either_end():
    history = History.of([row(minute) for minute in range(1, 6)], whole=False)
    assert len(history) == 5
    assert [history.open_ms(index) // MINUTE_MS for index in range(5)] == [1, 2, 3, 4, 5]
    assert history.tail(0) == b""
    assert history.tail(6) is None
    assert history.tail(5) == history.block
    assert history.before(6 * MINUTE_MS) is history
    assert history.before(3 * MINUTE_MS).block == b"[%s],[%s]" % (row(1).text, row(2).text)
    assert history.before(0).block == b""
    later = history.then([row(6)], most_rows=2)
    assert later.block == b"[%s],[%s]" % (row(5).text, row(6).text)
    assert later.tail(1) == b"[%s]" % row(6).text


def test_a_block_that_is_whole_has_no_more():
    history = History.of([row(1)], whole=True)
    assert history.tail(9) == history.block
    assert History(whole=True).tail(9) == b""


def test_its_size_is_what_it_takes():
    def make():
        view = loaded(*(row(minute) for minute in range(500))).view(0.0)
        view.body(500, with_following=False)
        return view

    view, size_bytes = measured(make)
    assert 0.7 * size_bytes < view.size_bytes < 1.3 * size_bytes
