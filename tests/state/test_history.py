import json

import pytest

from bpx.state.history import COPIED_BYTES, KEPT_REPLIES, History
from tests.sizes import measured
from tests.state.minutes import MINUTE_MS, frame, joined, loaded, row


def long(rows=500):
    return loaded(*(row(minute) for minute in range(rows))).view(0.0)


def test_a_view_never_changes():
    candles = loaded(row(1), row(2))
    view = candles.view(1.5)
    before = joined(view, 2)
    candles.apply(frame(2, trades=9, final=True))
    candles.apply(frame(3))
    assert joined(view, 2) == before
    assert joined(view, 1) == before[:1] + before[-len(row(2).text) - 3 :]
    assert view.confirmed_at == 1.5
    assert candles.view(2.5).version == view.version + 1


def test_all_who_ask_for_one_limit_share_one_reply_and_only_some_are_kept():
    view = long(20)
    assert view.parts(5, with_following=False) is view.parts(5, with_following=False)
    for limit in range(1, 2 * KEPT_REPLIES):
        assert len(json.loads(joined(view, limit))) == limit


def test_closed_rows_are_not_copied():
    view = long()
    replies = [view.parts(limit, with_following=False) for limit in (100, 300, 500)]
    for parts, rows in zip(replies, (100, 300, 500), strict=True):
        assert len(json.loads(b"".join(parts))) == rows
        assert len(parts) == 3
        assert parts[1].obj is view.history.block


def test_a_few_rows_are_copied_so_that_who_reads_slowly_does_not_keep_all_of_them():
    view = long()
    assert 30 * len(row(499).text) < COPIED_BYTES - 100
    for limit in (1, 10, 30):
        (part,) = view.parts(limit, with_following=False)
        assert type(part) is bytes


@pytest.mark.parametrize("rows", [1, 2, 499, 500])
def test_the_row_that_follows_is_the_last_of_a_reply(rows):
    candles = loaded(*(row(minute) for minute in range(500)))
    candles.apply(frame(499, final=True))
    last = json.loads(joined(candles.view(0.0), rows, with_following=True))
    assert len(last) == rows
    assert last[-1][0] == 500 * MINUTE_MS
    assert json.loads(joined(candles.view(0.0), rows))[-1][0] == 499 * MINUTE_MS


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


@pytest.mark.parametrize("limits", [[], [500], [10, 20, 30], [100, 200, 300, 400]])
def test_its_size_is_what_it_takes(limits):
    def make():
        view = long()
        for limit in limits:
            view.parts(limit, with_following=False)
        return view

    view, size_bytes = measured(make)
    assert 0.7 * size_bytes < view.size_bytes < 1.3 * size_bytes
