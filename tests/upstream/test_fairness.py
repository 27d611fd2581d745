import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpx.upstream.fairness import CLIENTS, Fairness


def test_whoever_is_alone_is_held_to_no_part():
    fairness = Fairness()
    fairness.take("a", 90, now=0)
    assert fairness.wait_for("a", 10, total=100, now=0) == 0
    assert fairness.wait_for("a", 11, total=100, now=0) == 0


def test_the_part_is_the_total_by_the_clients_of_the_last_minute():
    fairness = Fairness()
    fairness.take("greedy", 30, now=0)
    assert fairness.wait_for("greedy", 10, total=100, now=0) == 0
    fairness.take("b", 1, now=10)
    fairness.take("c", 1, now=10)
    assert fairness.clients(now=10) == 3
    assert fairness.wait_for("greedy", 10, total=100, now=10) > 0
    assert fairness.wait_for("b", 10, total=100, now=10) == 0
    assert fairness.wait_for("d", 25, total=100, now=10) == 0
    assert fairness.clients(now=71) == 0


def test_what_was_taken_fades_and_the_wait_says_when_it_is_enough():
    fairness = Fairness()
    for client in ("a", "b"):
        fairness.take(client, 80, now=0)
    wait_s = fairness.wait_for("a", 10, total=100, now=0)
    assert 40 < wait_s < 42  # 80 fall to 40
    fairness.take("b", 1, now=wait_s)
    fairness.take("a", 0, now=30)
    assert fairness.wait_for("a", 10, total=100, now=wait_s - 1) > 0
    assert fairness.wait_for("a", 10, total=100, now=wait_s + 0.1) == 0


def test_what_is_given_back_was_never_taken():
    fairness = Fairness()
    fairness.take("a", 80, now=0)
    fairness.take("b", 1, now=0)
    fairness.take("a", 20, now=30)
    fairness.give_back("a", 20, now=30)
    twin = Fairness()
    twin.take("a", 80, now=0)
    twin.take("b", 1, now=0)
    for now in (41, 55):
        wait_s = twin.wait_for("a", 10, total=60, now=now)
        assert fairness.wait_for("a", 10, total=60, now=now) == pytest.approx(wait_s)


def test_who_has_given_all_back_is_no_client():
    fairness = Fairness()
    fairness.take("a", 5, now=0)
    fairness.take("b", 5, now=0)
    fairness.give_back("b", 5, now=10)
    fairness.give_back("c", 5, now=10)
    assert fairness.clients(now=10) == 1
    assert fairness.wait_for("a", 90, total=100, now=10) == 0


def test_whoever_has_taken_nothing_may_have_something_though_it_is_more_than_a_part():
    fairness = Fairness()
    for number in range(10):
        fairness.take(str(number), 1, now=0)
    assert fairness.wait_for("new", 80, total=100, now=0) == 0
    assert fairness.wait_for("0", 80, total=100, now=0) == 60


def test_only_so_many_clients_are_told_apart():
    fairness = Fairness()
    for number in range(CLIENTS + 10):
        fairness.take(str(number), 1, now=number / 1000)
    assert fairness.clients(now=2) == CLIENTS


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 50), st.floats(0, 20)), max_size=40),
    st.integers(1, 60),
)
def test_a_wait_is_as_long_as_it_says_at_most(taken, amount):
    fairness, now = Fairness(), 0.0
    for client, weight, pause_s in taken:
        now += pause_s
        if fairness.wait_for(str(client), weight, 200, now) == 0:
            fairness.take(str(client), weight, now)
    wait_s = fairness.wait_for("0", amount, 200, now)
    assert wait_s >= 0
    assert fairness.wait_for("0", amount, 200, now + wait_s + 60.001) == 0
