import json

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bpx.errors import OutOfSync
from bpx.exchange.kline import Kline, decode_row
from bpx.state.candles import Candles
from tests.state.minutes import INTERVALS, MINUTE_MS, frame, joined, loaded, minutes, row
from tests.state.series import Series

# What REST gives.


def test_it_is_empty_until_it_is_loaded():
    candles = Candles(INTERVALS["1m"])
    assert candles.is_empty
    assert candles.missing_rows(0) == 1
    assert minutes(candles, 1) is None
    candles.load([row(1)], 1)
    assert not candles.is_empty


def test_it_repeats_the_rows_of_rest_byte_for_byte():
    rows = [row(1), row(2), row(3)]
    assert joined(loaded(*rows).view(0.0), 3) == b"[[%s],[%s],[%s]]" % tuple(
        row.text for row in rows
    )


def test_a_limit_takes_the_newest_rows():
    candles = loaded(row(1), row(2), row(3))
    assert minutes(candles, 1) == [(3, 5)]
    assert minutes(candles, 2) == [(2, 5), (3, 5)]


def test_more_rows_than_it_has_are_not_its_to_answer():
    assert minutes(loaded(row(1), row(2), asked=2), 3) is None


def test_all_rows_there_are_answer_any_limit():
    candles = loaded(row(1), row(2), asked=3)
    assert minutes(candles, 500) == [(1, 5), (2, 5)]
    assert not candles.lacks(500)


def test_it_tells_which_rows_it_lacks():
    candles = loaded(row(1), row(2), asked=2)
    assert not candles.lacks(2)
    assert candles.lacks(3)


def test_a_series_without_candles_is_an_empty_list():
    candles = loaded(asked=500)
    assert not candles.is_empty
    assert joined(candles.view(0.0), 500, with_following=True) == b"[]"


def test_an_empty_reply_does_not_undo_candles():
    candles = loaded(row(1), row(2), asked=2)
    assert candles.load([], 500)
    assert minutes(candles, 2) == [(1, 5), (2, 5)]


def test_missing_rows_are_those_since_the_newest_and_itself():
    candles = loaded(*(row(minute) for minute in range(1, 11)))
    assert candles.missing_rows(10 * MINUTE_MS) == 1
    assert candles.missing_rows(11 * MINUTE_MS - 1) == 1
    assert candles.missing_rows(11 * MINUTE_MS) == 2
    assert candles.missing_rows(15 * MINUTE_MS) == 6
    assert candles.missing_rows(99 * MINUTE_MS) == 10  # never more than it keeps


def test_a_few_new_rows_join_those_that_are_here():
    candles = loaded(row(1), row(2), row(3, trades=2), asked=3)
    candles.load([row(3), row(4), row(5)], 3)
    assert minutes(candles, 4) == [(2, 5), (3, 5), (4, 5), (5, 5)]


def test_new_rows_that_leave_a_hole_replace_those_that_are_here():
    candles = loaded(row(1), row(2), asked=2)
    candles.load([row(4), row(5)], 2)
    assert minutes(candles, 2) == [(4, 5), (5, 5)]
    assert minutes(candles, 3) is None


def test_it_keeps_no_more_rows_than_were_ever_asked_for():
    candles = loaded(*(row(minute) for minute in range(1, 5)))
    for minute in range(4, 20):
        candles.apply(frame(minute, final=True))
    assert len(candles.view(0.0).history) == 4
    assert minutes(candles, 5) == [(15, 5), (16, 5), (17, 5), (18, 5), (19, 5)]
    assert minutes(candles, 6) is None


def test_the_whole_of_a_series_stays_whole_until_rows_are_dropped():
    candles = loaded(row(1), row(2), asked=3)
    candles.apply(frame(2, final=True))
    candles.apply(frame(3, final=True))
    assert minutes(candles, 500) == [(1, 5), (2, 5), (3, 5)]
    candles.apply(frame(4, final=True))
    candles.apply(frame(5))
    assert minutes(candles, 500) is None
    assert minutes(candles, 4) == [(2, 5), (3, 5), (4, 5), (5, 5)]


# What the stream gives.


def test_a_frame_replaces_the_open_candle():
    candles = loaded(row(1), row(2))
    candles.apply(frame(2, trades=6))
    assert minutes(candles, 2) == [(1, 5), (2, 6)]


def test_a_final_frame_lets_the_next_candle_begin():
    candles = loaded(row(1), row(2))
    candles.apply(frame(2, trades=6, final=True))
    candles.apply(frame(3, trades=1))
    assert minutes(candles, 3) == [(1, 5), (2, 6), (3, 1)]


def test_a_candle_without_trades_closes_as_it_is():
    candles = loaded(row(1), row(2, trades=0))
    candles.apply(frame(2, trades=0, final=True))
    candles.apply(frame(3, trades=0, final=True))
    candles.apply(frame(4, trades=1))
    assert minutes(candles, 3) == [(2, 0), (3, 0), (4, 1)]


def test_a_candle_that_never_closed_is_not_taken_for_closed():
    candles = loaded(row(1), row(2))
    with pytest.raises(OutOfSync):
        candles.apply(frame(3))
    assert minutes(candles, 2) == [(1, 5), (2, 5)]


def test_a_hole_after_a_closed_candle_is_seen():
    candles = loaded(row(1), row(2))
    candles.apply(frame(2, final=True))
    with pytest.raises(OutOfSync):
        candles.apply(frame(4))


def test_the_first_candle_of_a_series_is_asked_for():
    candles = loaded(asked=500)
    assert not candles.follows(frame(7))
    with pytest.raises(OutOfSync):  # it may be the second one
        candles.apply(frame(7))
    candles.load([row(6), row(7)], 500)
    assert minutes(candles, 500) == [(6, 5), (7, 5)]


def test_frames_before_any_history_are_refused():
    with pytest.raises(OutOfSync):
        Candles(INTERVALS["1m"]).apply(frame(2))


@pytest.mark.parametrize(
    "late",
    [
        frame(1, trades=9, final=True),
        frame(2, trades=9),
        frame(3, trades=4),
    ],
    ids=["a final frame long past", "a frame of the last candle", "an older one of this candle"],
)
def test_late_frames_change_nothing(late):
    candles = loaded(row(1), row(2), row(3))
    candles.apply(late)
    assert minutes(candles, 3) == [(1, 5), (2, 5), (3, 5)]


def test_nothing_changes_a_candle_that_has_closed():
    candles = loaded(row(1), row(2))
    candles.apply(frame(2, trades=6, final=True))
    candles.apply(frame(2, trades=6, close="9.9"))
    candles.apply(frame(2, trades=7))
    assert minutes(candles, 1) == [(2, 6)]
    assert b"9.9" not in joined(candles.view(0.0), 1)


def test_of_two_final_frames_the_later_told_counts():
    for first, second in ((1, 2), (2, 1)):
        candles = loaded(row(1), row(2))
        for event_ms in (first, second):
            candles.apply(Kline(row(2, trades=event_ms), final=True, event_ms=event_ms))
        assert minutes(candles, 1) == [(2, 2)]


def test_a_late_final_frame_corrects_the_row_that_rest_gave_in_its_place():
    candles = loaded(row(1), row(2, trades=5), row(3, trades=0))
    candles.apply(frame(2, trades=6, final=True))
    assert minutes(candles, 3) == [(1, 5), (2, 6), (3, 0)]


def test_a_late_final_frame_with_nothing_before_it_changes_nothing():
    candles = loaded(row(3))
    candles.apply(frame(2, final=True))
    assert minutes(candles, 1) == [(3, 5)]


# REST and stream together.


def test_a_reply_that_lags_behind_the_stream_takes_nothing_back():
    candles = loaded(row(1), row(2))
    candles.apply(frame(2, trades=9, final=True))
    assert candles.load([row(1), row(2, trades=8)], 2)
    assert minutes(candles, 2) == [(1, 5), (2, 9)]
    candles.apply(frame(3, trades=1))
    assert candles.load([row(1), row(2, trades=8)], 2)
    assert minutes(candles, 3) == [(1, 5), (2, 9), (3, 1)]


def test_a_reply_with_more_trades_is_news():
    candles = loaded(row(1), row(2))
    assert candles.load([row(1), row(2)], 2)
    assert not candles.load([row(1), row(2, trades=6)], 2)
    assert minutes(candles, 2) == [(1, 5), (2, 6)]


def test_the_flat_row_after_a_final_frame_is_no_news_and_a_trade_in_it_is():
    candles = loaded(row(1), row(2))
    candles.apply(frame(2, final=True))
    assert candles.load([row(2), row(3, trades=0)], 2)
    assert minutes(candles, 3) == [(1, 5), (2, 5), (3, 0)]

    candles = loaded(row(1), row(2))
    candles.apply(frame(2, final=True))
    assert not candles.load([row(2), row(3, trades=1)], 2)


def test_a_new_candle_without_a_final_frame_before_it_is_news():
    candles = loaded(row(1), row(2))
    assert not candles.load([row(2), row(3, trades=0)], 2)


def test_the_first_reply_is_news_and_an_empty_one_is_not():
    candles = Candles(INTERVALS["1m"])
    assert candles.load([], 500)
    assert not candles.load([row(1)], 500)


def test_a_reply_that_lags_takes_nothing_back_from_a_candle_that_has_closed():
    candles = loaded(row(1), row(2))
    candles.apply(frame(2, trades=10, final=True))
    candles.apply(frame(3, trades=1))
    candles.load([row(1), row(2, trades=7), row(3, trades=0)], 3)
    assert minutes(candles, 3) == [(1, 5), (2, 10), (3, 1)]


# REST, when it cannot lag any more behind what the stream has told.


def test_a_series_is_past_a_reply_that_ends_before_its_newest_candle():
    candles = Candles(INTERVALS["1m"])
    assert not candles.is_past([row(1)])
    candles.load([row(1), row(2)], 2)
    assert candles.is_past([row(1)])
    assert not candles.is_past([row(1), row(2, trades=1)])
    assert not candles.is_past([])


def test_a_series_that_is_ahead_of_a_sure_reply_is_taken_back_to_it():
    candles = loaded(*(row(minute) for minute in range(1, 11)))
    candles.apply(frame(10, final=True))
    assert not candles.load([row(4), row(5, trades=3)], 2, is_sure=True)
    assert minutes(candles, 5) == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 3)]
    candles.apply(frame(5, trades=4, final=True))
    candles.apply(frame(6, trades=1))
    assert minutes(candles, 3) == [(4, 5), (5, 4), (6, 1)]


def test_a_series_that_is_far_ahead_of_a_sure_reply_is_that_reply():
    candles = loaded(row(1001), row(1002))
    assert not candles.load([row(1), row(2)], 2, is_sure=True)
    assert minutes(candles, 2) == [(1, 5), (2, 5)]
    assert minutes(candles, 3) is None


def test_a_candle_with_more_trades_than_a_sure_reply_tells_gives_way():
    candles = loaded(row(1), row(2))
    candles.apply(frame(2, trades=10**9))
    assert candles.load([row(1), row(2, trades=6)], 2)  # it may lag
    assert not candles.load([row(1), row(2, trades=6)], 2, is_sure=True)
    assert minutes(candles, 2) == [(1, 5), (2, 6)]
    candles.apply(frame(2, trades=7))
    assert minutes(candles, 2) == [(1, 5), (2, 7)]


def test_with_as_many_trades_a_sure_reply_is_right():
    candles = loaded(row(1), row(2))
    candles.apply(frame(2, trades=6, close="9.9"))
    assert candles.load([row(1), row(2, trades=6)], 2, is_sure=True)
    assert b"9.9" not in joined(candles.view(0.0), 1)


def test_so_does_one_that_is_said_to_have_closed():
    candles = loaded(row(1), row(2))
    candles.apply(frame(2, trades=10**9, final=True))
    assert not candles.load([row(1), row(2, trades=6)], 2, is_sure=True)
    assert candles.view(0.0).following is None
    candles.apply(frame(2, trades=7, final=True))
    candles.apply(frame(3, trades=1))
    assert minutes(candles, 3) == [(1, 5), (2, 7), (3, 1)]


def test_so_does_a_closed_candle():
    candles = loaded(row(1), row(2))
    candles.apply(frame(2, trades=10**9, final=True))
    candles.apply(frame(3, trades=1))
    candles.load([row(2, trades=7), row(3, trades=1)], 2)  # it may lag
    assert minutes(candles, 2) == [(2, 10**9), (3, 1)]
    candles.load([row(2, trades=7), row(3, trades=1)], 2, is_sure=True)
    assert minutes(candles, 2) == [(2, 7), (3, 1)]


def test_a_sure_reply_that_tells_what_we_have_agrees_and_takes_no_close_back():
    candles = loaded(row(1), row(2))
    candles.apply(frame(2, final=True))
    assert candles.load([row(1), row(2)], 2, is_sure=True)
    assert candles.view(0.0).following is not None
    assert candles.load([row(2), row(3, trades=0)], 2, is_sure=True)
    assert minutes(candles, 3) == [(1, 5), (2, 5), (3, 0)]


def test_a_sure_reply_without_candles_undoes_them():
    candles = loaded(row(1), row(2), asked=2)
    assert not candles.load([], 500, is_sure=True)
    assert minutes(candles, 500) == []


# The row that follows.


def test_only_a_final_candle_has_a_flat_row_after_it():
    candles = loaded(row(1), row(2))
    assert candles.view(0.0).following is None
    assert minutes(candles, 2, with_following=True) == [(1, 5), (2, 5)]
    candles.apply(frame(2, final=True, close="2.5"))
    assert minutes(candles, 2, with_following=True) == [(2, 5), (3, 0)]
    assert minutes(candles, 1, with_following=True) == [(3, 0)]
    assert json.loads(joined(candles.view(0.0), 1, with_following=True))[0][1:5] == ["2.5"] * 4


def test_a_view_says_until_when_it_is_an_answer():
    candles = loaded(row(1), row(2))
    view = candles.view(0.0)
    assert view.good_until_ms == 3 * MINUTE_MS - 1
    assert not view.is_rolled_over(3 * MINUTE_MS - 1)
    assert view.is_rolled_over(3 * MINUTE_MS)
    candles.apply(frame(2, final=True))
    assert candles.view(0.0).good_until_ms == 4 * MINUTE_MS - 1
    empty = loaded(asked=500).view(0.0)
    assert empty.good_until_ms is None
    assert not empty.is_rolled_over(10**15)


def test_the_row_after_a_month_is_a_month():
    candles = Candles(INTERVALS["1M"])
    january, february, march = 1704067200000, 1706745600000, 1709251200000
    candles.load([], 1)
    text = f'{january},"1","1","1","1","5",{february - 1},"5",5,"0","0","0"'.encode()
    candles.load([decode_row(text)], 1)
    candles.apply(Kline(decode_row(text), True, 0))
    following = candles.view(0.0).following
    assert (following.open_ms, following.close_ms) == (february, march - 1)


# Whatever is lost, late, twice or out of order.


class AnyFault(RuleBasedStateMachine):
    """A series at the exchange, its frames under way, and REST replies of any moment.

    What is shown is what the exchange had at one moment, which is not before the newest message
    or reply that was taken; or nothing is shown.
    """

    @initialize(candles=st.integers(0, 4))
    def begin(self, candles):
        self.exchange = Series(candles)
        self.candles = Candles(INTERVALS["1m"])
        self.under_way = 0  # the next frame to come
        self.proved = 0  # the newest moment that was told
        self.is_synced = False

    @rule(price=st.integers(1, 3))
    def trade(self, price):
        self.exchange.trade(price)

    @precondition(lambda self: self.exchange.has_candles)
    @rule(is_announced=st.booleans())
    def minute_ends(self, is_announced):
        self.exchange.roll(is_announced)

    @precondition(lambda self: self.under_way < len(self.exchange.frames))
    @rule(copies=st.integers(1, 2))
    def frame_comes(self, copies):
        for _ in range(copies):
            self._take(*self.exchange.frames[self.under_way])
        self.under_way += 1

    @precondition(lambda self: self.under_way < len(self.exchange.frames))
    @rule()
    def frame_is_lost(self):
        self.under_way += 1

    @rule()
    def stream_connects_anew(self):
        self.under_way = len(self.exchange.frames)

    @precondition(lambda self: self.under_way > 0)
    @rule(data=st.data())
    def old_frames_are_replayed(self, data):
        first = data.draw(st.integers(0, self.under_way - 1))
        for kline, moment in self.exchange.frames[first : self.under_way]:
            self._take(kline, moment)

    @rule(asked=st.integers(1, 7), behind=st.integers(0, 5), is_late=st.booleans())
    def rest_replies(self, asked, behind, is_late):
        moment = max(0, len(self.exchange.moments) - 1 - behind)
        rows = self.exchange.moments[moment][-asked:]
        is_sure = is_late and moment >= self.proved
        self.candles.load([decode_row(text) for text in rows], asked, is_sure=is_sure)
        self.proved, self.is_synced = max(self.proved, moment), True

    @invariant()
    def what_is_shown_was_true_not_long_ago(self):
        if not self.is_synced:
            return
        view = self.candles.view(0.0)
        for limit in (1, 2, 3, 5, 8, 1000):
            self._check(view.parts(limit, with_following=False), limit)
            self._check(view.parts(limit, with_following=True), limit)

    def _take(self, kline, moment):
        try:
            self.candles.apply(kline)
        except OutOfSync:
            self.is_synced = False  # as a feed would: until REST has told
        else:
            self.proved = max(self.proved, moment)

    def _check(self, parts, limit):
        if parts is not None:
            moments = self.exchange.moments[self.proved :]
            assert b"".join(parts) in [
                b"[%s]" % b",".join(b"[%s]" % text for text in rows[-limit:]) for rows in moments
            ]


TestAnyFault = AnyFault.TestCase
TestAnyFault.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)
