from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpx.exchange.interval import MINUTES_AND_MORE, SECONDS, by_name

INTERVALS = by_name(SECONDS, *MINUTES_AND_MORE)
EVERY = st.sampled_from(list(INTERVALS.values()))
MOMENTS_MS = st.integers(0, 4_102_444_800_000)  # to 2100


def ms(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_these_are_binances_intervals():
    names = "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M"
    assert list(INTERVALS) == names.split()


@pytest.mark.parametrize(
    ("name", "at", "open_time", "next_open"),
    [
        ("1s", "2026-11-22T14:05:37.999", "2026-11-22T14:05:37", "2026-11-22T14:05:38"),
        ("1m", "2026-11-22T14:05:37", "2026-11-22T14:05", "2026-11-22T14:06"),
        ("3m", "2026-11-22T14:05:37", "2026-11-22T14:03", "2026-11-22T14:06"),
        ("5m", "2026-11-22T14:04:59.999", "2026-11-22T14:00", "2026-11-22T14:05"),
        ("15m", "2026-11-22T14:05", "2026-11-22T14:00", "2026-11-22T14:15"),
        ("30m", "2026-11-22T14:35", "2026-11-22T14:30", "2026-11-22T15:00"),
        ("1h", "2026-11-22T23:59", "2026-11-22T23:00", "2026-11-23T00:00"),
        ("2h", "2026-11-22T15:00", "2026-11-22T14:00", "2026-11-22T16:00"),
        ("4h", "2026-11-22T15:00", "2026-11-22T12:00", "2026-11-22T16:00"),
        ("6h", "2026-11-22T15:00", "2026-11-22T12:00", "2026-11-22T18:00"),
        ("8h", "2026-11-22T15:00", "2026-11-22T08:00", "2026-11-22T16:00"),
        ("12h", "2026-11-22T15:00", "2026-11-22T12:00", "2026-11-23T00:00"),
        ("1d", "2026-11-22T15:00", "2026-11-22T00:00", "2026-11-23T00:00"),
        # Open times of Binance's published 3d klines: 2017-08-17, 2024-01-01 and 2026-07-01.
        ("3d", "2017-08-17T00:00", "2017-08-17T00:00", "2017-08-20T00:00"),
        ("3d", "2024-01-03T23:59", "2024-01-01T00:00", "2024-01-04T00:00"),
        ("3d", "2026-07-01T00:00", "2026-07-01T00:00", "2026-07-04T00:00"),
        # And of its 1w klines, Mondays: 2017-08-14 and 2026-06-29.
        ("1w", "2017-08-17T00:00", "2017-08-14T00:00", "2017-08-21T00:00"),
        ("1w", "2026-07-05T23:59", "2026-06-29T00:00", "2026-07-06T00:00"),
        ("1M", "2026-11-22T15:00", "2026-11-01T00:00", "2026-12-01T00:00"),
        ("1M", "2026-12-31T23:59:59.999", "2026-12-01T00:00", "2027-01-01T00:00"),
        ("1M", "2028-02-29T12:00", "2028-02-01T00:00", "2028-03-01T00:00"),
        ("1M", "2026-01-31T00:00", "2026-01-01T00:00", "2026-02-01T00:00"),
    ],
)
def test_a_candle_opens_and_the_next_one_opens(name, at, open_time, next_open):
    interval = INTERVALS[name]
    assert interval.open_time_ms(ms(at)) == ms(open_time)
    assert interval.next_open_ms(ms(open_time)) == ms(next_open)
    assert interval.close_time_ms(ms(open_time)) == ms(next_open) - 1


@given(EVERY, MOMENTS_MS)
def test_every_moment_is_in_exactly_one_candle(interval, at_ms):
    open_ms = interval.open_time_ms(at_ms)
    assert open_ms <= at_ms <= interval.close_time_ms(open_ms)
    assert interval.open_time_ms(open_ms) == open_ms
    assert interval.open_time_ms(open_ms - 1) < open_ms


@given(EVERY, MOMENTS_MS)
def test_candles_follow_each_other_without_a_hole(interval, at_ms):
    open_ms = interval.open_time_ms(at_ms)
    next_ms = interval.next_open_ms(open_ms)
    assert interval.open_time_ms(next_ms) == next_ms
    assert interval.open_time_ms(next_ms - 1) == open_ms
    assert interval.next_open_ms(at_ms) == next_ms


@given(EVERY.filter(lambda interval: interval.length_s <= 86_400), MOMENTS_MS)
def test_a_day_begins_with_a_candle_of_every_interval_up_to_a_day(interval, at_ms):
    day_ms = INTERVALS["1d"].open_time_ms(at_ms)
    assert interval.open_time_ms(day_ms) == day_ms


def test_the_length_is_in_seconds():
    assert INTERVALS["1s"].length_s == 1.0
    assert INTERVALS["1h"].length_s == 3600.0
    assert INTERVALS["1M"].length_s == 30 * 86_400.0
