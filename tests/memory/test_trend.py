import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpx.memory.trend import is_steady, slope, thinned


def line(per_s: float, count: int = 200):
    return [(float(at), 1000 + per_s * at) for at in range(count)]


@given(st.integers(-1000, 1000))
def test_a_line_has_its_own_slope(per_s):
    assert slope(line(per_s)) == pytest.approx(per_s)


def test_a_few_odd_values_change_nothing():
    points = line(2.0)
    for number in range(0, 200, 10):
        points[number] = (points[number][0], 10**9)
    assert slope(points) == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("points", [[], [(1.0, 5.0)], [(1.0, 5.0), (1.0, 9.0)]])
def test_of_too_little_there_is_no_slope(points):
    assert slope(points) == 0.0


def test_many_points_become_medians_of_neighbours():
    assert thinned([(float(at), float(at)) for at in range(9)], 3) == [(1, 1), (4, 4), (7, 7)]
    assert thinned([(1.0, 2.0)], 3) == [(1.0, 2.0)]


def test_growth_is_steady_only_if_it_goes_on():
    assert is_steady(line(1.0))
    assert not is_steady(line(0.0))
    assert not is_steady(line(-1.0))
    assert not is_steady([(float(at), 1000.0 if at < 100 else 5000.0) for at in range(200)])
    assert not is_steady([(float(at), min(at, 60) * 10.0) for at in range(200)])
    assert not is_steady([])
