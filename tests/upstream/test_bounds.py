import pytest

from bpx.upstream.bounds import LEAST_POOL_WAIT_S, Bounds
from bpx.upstream.call import Kind


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_has_its_own_times_unless_all_have_one(kind: Kind):
    assert Bounds().total_of(kind) == kind.total_s
    assert Bounds().pool_wait_of(kind) == max(LEAST_POOL_WAIT_S, kind.wait_s)
    same = Bounds(total_s=2.0, pool_wait_s=0.1)
    assert (same.total_of(kind), same.pool_wait_of(kind)) == (2.0, 0.1)


def test_every_kind_has_connections_and_what_changes_something_has_fresh_ones():
    bounds = Bounds()
    assert {kind.pool for kind in Kind} == bounds.connections.keys() == bounds.idle_s.keys()
    assert bounds.connections["trade"] >= 10
    assert bounds.idle_s["trade"] <= 2
