"""What proves a view, and for how long."""

import pytest

from bpx.feed.trust import DISTRUST_S, Checked, Freshness, Trust

LIMITS = Freshness(quiet_s=10, check_interval_s=60, kept_s=1)


@pytest.fixture
def trust():
    return Trust(LIMITS)


def checked(at, *, began_at=None, agrees=True, subscribed_at=0.0, generation=0, at_ms=None):
    began_at = at if began_at is None else began_at
    return Checked(generation, began_at, at, at_ms, agrees, subscribed_at)


def test_nothing_proves_nothing(trust):
    assert not trust.is_fresh(0, 0.0)
    assert not trust.is_kept(0, 0.0, None)


def test_a_message_proves_the_view_for_as_long_as_a_stream_may_be_quiet(trust):
    trust.hear(0, 5.0, proves=True)
    assert trust.is_fresh(0, 14.9)
    assert not trust.is_fresh(0, 15.0)


def test_an_old_message_proves_nothing(trust):
    trust.hear(0, 5.0, proves=False)
    assert not trust.is_fresh(0, 5.0)


def test_what_was_proved_before_a_break_is_not_proved_after_it(trust):
    trust.hear(0, 5.0, proves=True)
    trust.check(checked(6.0), 0)
    assert not trust.is_fresh(1, 6.0)
    assert not trust.is_kept(1, 6.0, None)


def test_a_check_that_agrees_after_a_message_proves_a_quiet_stream(trust):
    trust.hear(0, 5.0, proves=True)
    assert trust.check(checked(16.0), 0) is False
    assert trust.is_fresh(0, 75.9)
    assert not trust.is_fresh(0, 76.0)


def test_before_a_stream_has_delivered_rest_is_believed_longer_each_time(trust):
    now, patiences = 0.0, []
    for _ in range(6):
        trust.check(checked(now), 0)
        patiences.append(next(s for s in range(1, 100) if not trust.is_fresh(0, now + s)))
        now += patiences[-1]
    assert patiences == [3, 6, 12, 24, 48, 60]


def test_rest_proves_nothing_about_streams_that_were_subscribed_later(trust):
    trust.check(checked(6.0, began_at=5.0, subscribed_at=5.5), 0)
    assert not trust.is_fresh(0, 6.0)
    trust.check(checked(6.0, began_at=5.0, subscribed_at=None), 0)
    assert not trust.is_fresh(0, 6.0)


def test_or_asked_for_before_a_break(trust):
    trust.hear(1, 5.5, proves=False)
    trust.check(checked(6.0, generation=0), 1)
    assert not trust.is_fresh(1, 6.0)


def test_or_asked_for_before_a_message_was_missed(trust):
    trust.doubt(5.5)
    trust.check(checked(6.0, began_at=5.0), 0)
    assert not trust.is_fresh(0, 6.0)
    assert not trust.is_kept(0, 6.0, None)


def test_a_doubt_ends_all_trust_until_a_message_or_a_check(trust):
    trust.hear(0, 5.0, proves=True)
    trust.check(checked(5.0), 0)
    trust.doubt(5.5)
    assert not trust.is_fresh(0, 5.5)
    assert not trust.is_kept(0, 5.5, None)
    trust.check(checked(6.0), 0)
    assert trust.is_fresh(0, 6.0)


def test_a_silent_stream_of_which_rest_tells_news_twice_is_dead(trust):
    trust.hear(0, 0.0, proves=True)
    assert trust.check(checked(DISTRUST_S + 1, agrees=False), 0) is False
    assert trust.is_fresh(0, DISTRUST_S + 2)
    assert trust.check(checked(DISTRUST_S + 5, agrees=False), 0) is True


def test_a_message_between_them_shows_that_it_lives(trust):
    trust.hear(0, 0.0, proves=True)
    trust.check(checked(DISTRUST_S + 1, agrees=False), 0)
    trust.hear(0, DISTRUST_S + 2, proves=True)
    assert trust.check(checked(2 * DISTRUST_S + 3, agrees=False), 0) is False


def test_news_of_the_last_moment_may_still_be_on_their_way(trust):
    trust.hear(0, 0.0, proves=True)
    for at in (0.1, 0.2, 0.3):
        assert trust.check(checked(at, agrees=False), 0) is False


def test_the_word_of_rest_stands_for_a_moment(trust):
    trust.check(checked(6.0, subscribed_at=None), 0)
    assert trust.is_kept(0, 6.9, None)
    assert not trust.is_kept(0, 7.0, None)


def test_the_moment_is_one_of_the_exchanges_time_too(trust):
    trust.check(checked(6.0, subscribed_at=None, at_ms=50_000), 0)
    assert trust.is_kept(0, 6.1, 50_999)
    assert not trust.is_kept(0, 6.1, 51_000)


# A stream that is hardly ever quiet.


@pytest.fixture
def early():
    return Trust(LIMITS, early_s=4)


def quiet_for(trust, now):
    """Return for how many seconds a view is fresh yet."""
    return next(s for s in range(200) if not trust.is_fresh(0, now + s))


def test_one_that_is_hardly_ever_quiet_is_checked_early(early):
    early.hear(0, 5.0, proves=True)
    assert quiet_for(early, 5.0) == 4


def test_but_not_later_than_others():
    trust = Trust(Freshness(quiet_s=2), early_s=4)
    trust.hear(0, 5.0, proves=True)
    assert quiet_for(trust, 5.0) == 2
    trust.check(checked(7.0), 0)
    assert quiet_for(trust, 7.0) == 60


def test_an_early_check_that_agrees_is_followed_by_an_ordinary_one(early):
    early.hear(0, 5.0, proves=True)
    early.check(checked(9.0), 0)
    assert quiet_for(early, 9.0) == 10
    early.check(checked(19.0), 0)
    assert quiet_for(early, 19.0) == 60


def test_one_that_is_quiet_all_the_time_is_checked_early_once_a_minute(early):
    early.hear(0, 5.0, proves=True)
    early.check(checked(9.0), 0)
    for at in (11.0, 40.0, 68.9):
        early.hear(0, at, proves=True)
        assert quiet_for(early, at) == 10
    early.hear(0, 69.0, proves=True)
    assert quiet_for(early, 69.0) == 4


def test_what_repairs_one_that_was_not_quiet_says_nothing_of_its_quiet(early):
    early.hear(0, 5.0, proves=True)
    early.doubt(5.5)
    early.check(checked(6.0), 0)
    assert quiet_for(early, 6.0) == 4
    early.hear(0, 7.0, proves=True)
    assert quiet_for(early, 7.0) == 4


def test_a_check_that_told_news_or_of_another_connection_puts_off_no_early_one(early):
    early.hear(0, 5.0, proves=True)
    early.check(checked(9.0, agrees=False), 0)
    early.hear(0, 10.0, proves=True)
    assert quiet_for(early, 10.0) == 4
    early.check(checked(14.0), 0)
    early.hear(1, 15.0, proves=True)
    assert early.is_fresh(1, 18.9)
    assert not early.is_fresh(1, 19.0)
