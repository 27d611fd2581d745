import logging

import pytest

from bpx.repeats import KEYS, Repeats


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def repeats(now: list[float]) -> Repeats:
    return Repeats(logging.getLogger("bpx.test"), lambda: now[0], interval_s=10.0)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged here, and not by anybody else of this process."""
    return [record.getMessage() for record in caplog.records if record.name == "bpx.test"]


def test_one_line_is_written_and_the_others_are_counted(repeats, now, caplog):
    for number in range(1000):
        now[0] = 100.0 + number / 100
        repeats.warn("refused", f"call {number}: refused")
    assert said(caplog) == ["call 0: refused"]
    now[0] = 110.0
    repeats.warn("refused", "call 1000: refused")
    assert said(caplog)[1:] == ["999 more like: call 0: refused", "call 1000: refused"]


def test_each_sort_has_a_line_of_its_own(repeats, caplog):
    repeats.warn("refused", "refused")
    repeats.warn("reset", "reset")
    assert said(caplog) == ["refused", "reset"]


def test_a_line_that_comes_seldom_is_always_written(repeats, now, caplog):
    for now[0] in (100.0, 110.0, 120.0):
        repeats.warn("refused", "refused")
    assert said(caplog) == ["refused"] * 3


def test_what_was_counted_is_told_with_the_next_line_of_any_sort(repeats, now, caplog):
    repeats.warn("refused", "refused")
    repeats.warn("refused", "refused")
    now[0] = 500.0
    repeats.warn("reset", "reset")
    assert said(caplog) == ["refused", "1 more like: refused", "reset"]


def test_many_sorts_are_one(repeats, caplog):
    for number in range(KEYS + 100):
        repeats.warn(number, str(number))
    assert len(said(caplog)) == KEYS + 1
