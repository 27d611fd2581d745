"""Where candles open."""

from bpx.simulator.intervals import next_ms, open_ms, opens, previous_ms

DAY_MS = 86_400_000
MONDAY_MS = 1_789_948_800_000  # 2026-09-21
SEPTEMBER_MS = 1_788_220_800_000
OCTOBER_MS = 1_790_812_800_000


def test_weeks_open_on_monday_and_months_on_the_first():
    assert open_ms("1w", MONDAY_MS) == MONDAY_MS
    assert open_ms("1w", MONDAY_MS - 1) == MONDAY_MS - 7 * DAY_MS
    assert open_ms("1M", MONDAY_MS) == SEPTEMBER_MS
    assert next_ms("1M", SEPTEMBER_MS) == OCTOBER_MS
    assert previous_ms("1M", OCTOBER_MS) == SEPTEMBER_MS


def test_a_time_zone_moves_the_day():
    east_8_ms = 8 * 3_600_000
    assert open_ms("1d", MONDAY_MS, east_8_ms) == MONDAY_MS - east_8_ms
    assert open_ms("1d", MONDAY_MS - east_8_ms - 1, east_8_ms) == MONDAY_MS - east_8_ms - DAY_MS
    assert open_ms("1M", OCTOBER_MS - east_8_ms, east_8_ms) == OCTOBER_MS - east_8_ms


def test_a_window_gives_its_oldest_or_newest_opens():
    window = {"first_ms": 1, "last_ms": 5 * 60_000, "limit": 2}
    assert opens("1m", **window, newest=False) == [60_000, 120_000]
    assert opens("1m", **window, newest=True) == [240_000, 300_000]
    assert opens("1m", first_ms=1, last_ms=59_999, limit=2, newest=True) == []
    assert opens("1m", first_ms=10**19, last_ms=1, limit=2, newest=True) == []


def test_months_are_counted_in_calendar():
    found = opens("1M", first_ms=1, last_ms=100 * DAY_MS, limit=9, newest=False)
    assert found == [31 * DAY_MS, 59 * DAY_MS, 90 * DAY_MS]
    assert opens("1M", first_ms=1, last_ms=100 * DAY_MS, limit=1, newest=True) == [90 * DAY_MS]
