from dataclasses import dataclass
from threading import Thread

import pytest

from bpx.cache.cell import Cell
from bpx.errors import NotSent
from tests.waiting import eventually


@dataclass(frozen=True)
class Number:
    value: int
    confirmed_at: float = 0.0


class Waiter(Thread):
    """Waits for a number on a cell, in its own thread."""

    def __init__(self, cell, least, timeout_s=60.0):
        super().__init__(daemon=True)
        self.cell, self.least, self.timeout_s = cell, least, timeout_s
        self.result, self.error, self.is_waiting = None, None, False
        self.start()
        eventually(lambda: self.is_waiting)

    def run(self):
        try:
            self.result = self.cell.wait_for(self._accept, self.timeout_s)
        except LookupError as error:
            self.error = error

    def _accept(self, view):
        self.is_waiting = True
        return view.value >= self.least


def test_it_has_no_view_before_one_is_published():
    cell = Cell("spot BTCUSDT depth")
    assert cell.view is None
    assert cell.name == "spot BTCUSDT depth"
    assert cell.wait_for(lambda view: True, 0.0) is None


def test_reading_gives_the_newest_view():
    cell = Cell("x")
    cell.publish(Number(1))
    cell.publish(Number(2))
    assert cell.view == Number(2)


def test_who_accepts_what_is_there_does_not_wait():
    cell = Cell("x")
    cell.publish(Number(1))
    assert cell.wait_for(lambda view: view.value == 1, 60.0) == Number(1)


def test_all_who_wait_get_the_first_view_that_they_accept():
    cell = Cell("x")
    cell.publish(Number(0))
    waiters = [Waiter(cell, least) for least in (1, 1, 2)]
    cell.publish(Number(1))
    for waiter in waiters[:2]:
        waiter.join(10.0)
    assert [waiter.result for waiter in waiters] == [Number(1), Number(1), None]
    cell.publish(Number(2))
    waiters[2].join(10.0)
    assert waiters[2].result == Number(2)


def test_waiting_ends_in_time_with_nothing():
    cell = Cell("x")
    cell.publish(Number(0))
    waiter = Waiter(cell, 1, timeout_s=0.05)
    waiter.join(10.0)
    assert not waiter.is_alive()
    assert waiter.result is None
    assert waiter.error is None


def test_a_deadline_that_has_passed_is_no_wait():
    assert Cell("x").wait_for(lambda view: True, -1.0) is None


def test_a_failure_reaches_all_who_wait():
    cell = Cell("x")
    cell.publish(Number(0))
    waiters = [Waiter(cell, 1) for _ in range(3)]
    cell.fail(LookupError("no reply"))
    for waiter in waiters:
        waiter.join(10.0)
        assert str(waiter.error) == "no reply"


def test_a_failure_of_earlier_is_nothing_to_who_comes_later():
    cell = Cell("x")
    cell.fail(LookupError("no reply"))
    cell.publish(Number(0))
    assert cell.wait_for(lambda view: view.value > 0, 0.0) is None


def test_a_failure_does_not_take_a_view_from_who_accepts_it():
    cell = Cell("x")

    def accept_after_a_failure(view):
        cell.fail(LookupError("no reply"))
        return view.value == 1

    cell.publish(Number(1))
    assert cell.wait_for(accept_after_a_failure, 1.0) == Number(1)


def test_the_view_that_is_returned_is_the_one_that_was_accepted():
    cell = Cell("x")
    cell.publish(Number(1))

    def accept_while_another_comes(view):
        cell.publish(Number(view.value + 1))
        return view.value < 3

    found = cell.wait_for(accept_while_another_comes, 0.05)
    assert found is not None
    assert found.value < 3


def test_an_error_of_who_accepts_is_theirs_and_leaves_nobody_counted_as_waiting():
    cell = Cell("x")
    cell.publish(Number(1))
    with pytest.raises(ZeroDivisionError):
        cell.wait_for(lambda view: 1 // 0, 1.0)
    cell.publish(Number(2))
    assert cell.view == Number(2)


def test_a_failure_between_asking_and_waiting_is_not_missed():
    cell = Cell("x")
    failures = cell.failures
    cell.fail(NotSent("down"))
    with pytest.raises(NotSent):
        cell.wait_for(lambda view: True, 5.0, failures)
