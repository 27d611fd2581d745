from hypothesis import given
from hypothesis import strategies as st

from bpx.server.keepsake import Keepsake
from bpx.streams.connects import Connects, Gate


def test_so_many_attempts_are_free_and_the_next_one_waits_until_the_first_is_forgotten():
    connects = Connects(most=3, window_s=300.0)
    assert [connects.take(now) for now in (0.0, 10.0, 20.0)] == [0.0] * 3
    assert connects.take(30.0) == 270.0
    assert connects.take(299.0) == 1.0
    assert connects.take(300.0) == 0.0
    assert connects.take(300.0) == 10.0


def test_there_are_60_in_any_5_minutes():
    connects = Connects()
    taken = [now for now in range(900) if connects.take(float(now)) == 0.0]
    assert taken == [*range(60), *range(300, 360), *range(600, 660)]


def test_a_new_worker_knows_of_the_attempts_of_the_one_before():
    memory = Keepsake()
    before = Connects(most=3, memory=memory)
    assert [before.take(now) for now in (0.0, 10.0, 20.0)] == [0.0] * 3
    assert Connects(most=3, memory=memory).take(30.0) == 270.0
    assert Connects(most=3).take(30.0) == 0.0


@given(st.lists(st.integers(0, 50), max_size=80), st.integers(1, 5), st.integers(1, 60))
def test_no_window_ever_holds_more_and_who_waits_as_told_gets_a_place(pauses, most, window_s):
    connects, taken, now = Connects(most, window_s), [], 0
    for pause_s in pauses:
        now += pause_s
        wait_s = connects.take(now)
        assert 0 <= wait_s <= window_s
        if wait_s > 0:
            assert sum(now - window_s < at for at in taken) == most  # it is not kept back in vain
            now += wait_s
            assert connects.take(now) == 0
        taken.append(now)
    for at in taken:
        assert sum(at - window_s < other <= at for other in taken) <= most


def test_nobody_passes_while_the_exchange_wants_no_requests():
    hold_s, connects = [7.0], Connects(most=1)
    gate = Gate(connects, lambda: hold_s[0])
    assert gate.enter(0.0) == 7.0
    hold_s[0] = 0.0
    assert gate.enter(0.0) == 0.0  # it has cost no place


def test_nobody_passes_after_a_ban_before_it_is_over():
    gate = Gate(Connects(), lambda: 0.0)
    gate.ban(120.0)
    gate.ban(60.0)
    assert gate.enter(100.0) == 20.0
    assert gate.enter(120.0) == 0.0


def test_gates_of_one_process_share_its_places():
    connects = Connects(most=2, window_s=300.0)
    spot, futures = Gate(connects, lambda: 0.0), Gate(connects, lambda: 0.0)
    assert (spot.enter(0.0), futures.enter(1.0)) == (0.0, 0.0)
    assert (spot.enter(2.0), futures.enter(2.0)) == (298.0, 298.0)
