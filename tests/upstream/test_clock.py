import pytest

from bpx.upstream.clock import read_date_ms


def test_a_date_is_read_in_milliseconds():
    assert read_date_ms("Sun, 22 Nov 2026 12:00:10 GMT") == 1_795_348_810_000


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sun, 99 Nov 2026 12:00:10 GMT"])
def test_what_is_no_date_says_nothing(date: str | None):
    assert read_date_ms(date) is None
