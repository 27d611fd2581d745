import pytest

from bpx.state.clock import ExchangeClock
from bpx.upstream.clock import FAR_MS, read_date_ms, replied_at_ms


def test_a_date_is_read_in_milliseconds():
    assert read_date_ms("Sun, 22 Nov 2026 12:00:10 GMT") == 1_795_348_810_000


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sun, 99 Nov 2026 12:00:10 GMT"])
def test_what_is_no_date_says_nothing(date: str | None):
    assert read_date_ms(date) is None


NOON = "Sun, 22 Nov 2026 12:00:10 GMT"
NOON_MS = 1_795_348_810_000


def test_a_reply_was_made_at_its_date_and_tells_the_time():
    clock = ExchangeClock()
    assert replied_at_ms(NOON, clock, now=5.0) == NOON_MS
    assert clock.at(5.0) == NOON_MS
    assert replied_at_ms(NOON, clock, now=9.0) == NOON_MS  # a late one


def test_without_a_date_it_was_made_now():
    clock = ExchangeClock()
    assert replied_at_ms(None, clock, now=5.0) is None
    clock.observe(NOON_MS, now=5.0)
    assert replied_at_ms(None, clock, now=6.0) == NOON_MS + 1000


@pytest.mark.parametrize("off_ms", [2 * FAR_MS, -2 * FAR_MS])
def test_or_with_one_that_is_far_from_all_that_is_known(off_ms: int):
    clock = ExchangeClock()
    clock.observe(NOON_MS - off_ms, now=5.0)
    assert replied_at_ms(NOON, clock, now=5.0) == NOON_MS - off_ms
