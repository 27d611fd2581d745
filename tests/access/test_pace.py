"""How often each of many may do something."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpx.access.pace import Pace


def test_a_burst_passes_and_then_an_even_pace():
    pace = Pace(per_s=2, burst=3)
    assert [pace.take("a", 0.0) for _ in range(3)] == [0, 0, 0]
    assert pace.take("a", 0.0) == pytest.approx(0.5)
    assert pace.take("a", 0.4) == pytest.approx(0.1)
    assert pace.take("a", 0.5) == 0
    assert pace.take("a", 0.5) == pytest.approx(0.5)


def test_what_waits_is_not_counted():
    pace = Pace(per_s=1, burst=1)
    pace.take("a", 0.0)
    for _ in range(100):
        assert pace.take("a", 0.5) == pytest.approx(0.5)
    assert pace.take("a", 1.0) == 0


def test_nobody_is_told_of_anothers_pace():
    pace = Pace(per_s=1, burst=1)
    assert pace.take("a", 0.0) == 0
    assert pace.take("b", 0.0) == 0
    assert pace.wait_s("a", 0.0) == pytest.approx(1.0)
    assert pace.wait_s("c", 0.0) == 0


def test_who_is_told_apart_has_a_bound():
    pace = Pace(per_s=1, burst=1, most=10)
    for who in range(1000):
        pace.take(str(who), 0.0)
    assert len(pace) == 10


@given(
    per_s=st.floats(0.1, 100),
    burst=st.integers(1, 50),
    steps=st.lists(st.floats(0, 3), max_size=200),
)
def test_never_more_than_the_burst_and_what_time_has_brought(per_s, burst, steps):
    pace, now, passed = Pace(per_s, burst), 0.0, 0
    for step in steps:
        now += step
        passed += pace.take("a", now) == 0
        assert passed <= burst + now * per_s + 1e-6
