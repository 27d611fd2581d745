import logging

import pytest

from bpx.logs.flood import EVERY, FREE, SORTS, WINDOW_S, Bucket, Flood, Rate, Sampling
from bpx.logs.levels import LEVELS, TRACE

NOW = 1_795_348_800.0


def record(level: int, text: str = "lost", at: float = NOW) -> logging.LogRecord:
    made = logging.LogRecord("bpx.feed", level, "feed.py", 1, text, None, None)
    made.created = at
    return made


def test_a_bucket_lets_a_burst_pass_and_then_its_rate() -> None:
    bucket = Bucket(Rate(per_s=10, burst=5))
    assert [bucket.passes(NOW) for _ in range(7)] == [True] * 5 + [False] * 2
    assert [bucket.passes(NOW + 0.2) for _ in range(4)] == [True] * 2 + [False] * 2
    passed = sum(bucket.passes(NOW + 1 + number / 100) for number in range(1000))
    assert passed == pytest.approx(5 + 10 * 10, abs=2)


def test_a_bucket_survives_a_clock_that_goes_back() -> None:
    bucket = Bucket(Rate(per_s=10, burst=1))
    assert bucket.passes(NOW)
    assert not bucket.passes(NOW - 100)
    assert bucket.passes(NOW - 99)


@pytest.mark.parametrize("level", EVERY)
def test_of_what_is_said_again_and_again_some_pass(level: str) -> None:
    sampling = Sampling()
    passed = [sampling.passes(level, f"lost after {number} ms", NOW) for number in range(1000)]
    assert passed[:FREE] == [True] * FREE
    assert sum(passed[FREE:]) == 1000 // EVERY[level] - FREE // EVERY[level]


def test_a_new_window_begins_afresh_and_so_does_a_clock_that_goes_back() -> None:
    for later in (NOW + WINDOW_S, NOW - 1):
        sampling = Sampling()
        for _ in range(2 * FREE):
            sampling.passes("debug", "lost", NOW)
        assert sampling.passes("debug", "lost", later)


def test_what_says_something_else_is_counted_apart() -> None:
    sampling = Sampling()
    for _ in range(2 * FREE):
        sampling.passes("debug", "lost", NOW)
    assert sampling.passes("debug", "found", NOW)
    assert sampling.passes("info", "lost", NOW)


def test_there_is_a_bound_to_what_is_told_apart() -> None:
    sampling = Sampling()
    passed = [sampling.passes("debug", f"word {'x' * number}", NOW) for number in range(2 * SORTS)]
    assert all(passed[:SORTS])
    assert sum(passed[SORTS:]) < SORTS // 2


def test_errors_are_never_left_out() -> None:
    flood = Flood(Rate(1, 1), is_sampled=True)
    assert {flood.reason_against(record(logging.ERROR), "error") for _ in range(1000)} == {None}


@pytest.mark.parametrize("level", ["trace", "debug"])
def test_the_rate_is_of_what_is_below_info(level: str) -> None:
    flood = Flood(Rate(per_s=10, burst=5), is_sampled=False)
    reasons = [flood.reason_against(record(LEVELS[level]), level) for _ in range(8)]
    assert reasons == [None] * 5 + ["rate"] * 3
    for name in ("info", "warn", "error"):
        assert flood.reason_against(record(LEVELS[name]), name) is None


def test_repeats_are_left_out_only_where_that_is_wanted() -> None:
    for is_sampled in (True, False):
        flood = Flood(None, is_sampled)
        reasons = {flood.reason_against(record(logging.INFO), "info") for _ in range(100)}
        assert reasons == ({None, "repeat"} if is_sampled else {None})


def test_what_was_left_out_is_told_once_in_a_while() -> None:
    flood = Flood(Rate(per_s=0.001, burst=1), is_sampled=False)
    for _ in range(4):
        flood.reason_against(record(TRACE), "trace")
    told = flood.summary(NOW)
    assert told == "lines left out, as there were too many: 3 trace"
    flood.reason_against(record(TRACE), "trace")
    assert flood.summary(NOW + 1) is None
    assert flood.summary(NOW + WINDOW_S) == told.replace("3", "1")
    assert flood.summary(NOW + 10 * WINDOW_S) is None, "there is nothing to tell"
