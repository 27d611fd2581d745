import gc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bpx.memory.tuning import LEAST, MOST, Tuning, thresholds
from tests.application import EndingRuntime
from tests.waiting import eventually


@pytest.mark.parametrize(
    ("percent", "made_per_s", "wanted"),
    [
        (100, 0, (LEAST, 10, 10)),
        (100, 5000, (5000, 10, 10)),
        (50, 5000, (2500, 5, 5)),
        (200, 5000, (10_000, 20, 20)),
        (100, 10**9, (MOST, 10, 10)),
        (10, 0, (70, 1, 1)),
    ],
)
def test_the_thresholds_follow_the_load_and_the_option(percent, made_per_s, wanted) -> None:
    assert thresholds(percent, made_per_s) == wanted


@contextmanager
def tuned(percent: int, warm_up_s: float) -> Iterator[None]:
    runtime = EndingRuntime()
    tuning = Tuning(percent, runtime, warm_up_s)
    runtime.spawn(tuning.follow)
    try:
        yield
    finally:
        tuning.close()
        runtime.ended.set()
        runtime.threads[0].join(20)
        assert not runtime.threads[0].is_alive()


def looks() -> int:
    """Return how often the youngest generation is looked at while many objects are made."""
    before = gc.get_stats()[0]["collections"]
    kept = [[number] for number in range(50_000)]
    assert len(kept) == 50_000
    return gc.get_stats()[0]["collections"] - before


def test_less_garbage_may_gather_at_a_lower_percentage() -> None:
    found = {}
    for percent in (50, 100, 400):
        with tuned(percent, 60.0):
            eventually(lambda: gc.get_threshold()[0] == LEAST * percent // 100)  # noqa: B023
            found[percent] = looks()
    assert found[50] > 1.5 * found[100] > 3 * found[400] > 0


def test_what_is_there_after_the_warm_up_is_not_looked_at_any_more() -> None:
    before = gc.get_threshold()
    gc.unfreeze()  # what this directory leaves out is not to be taken for it
    with tuned(100, 0.05):
        eventually(lambda: gc.get_freeze_count() > 10_000, within_s=20)
        assert len(gc.get_objects()) < 10_000
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before
