import pytest

from bpx.memory.census import Held
from bpx.memory.growth import Counted
from bpx.memory.verdict import LEAST_SAMPLES, Leak, Sample, judge

MB = 2**20


def samples(resident_mb, cache_mb=lambda number: 5.0, count: int = 120) -> list[Sample]:
    return [
        Sample(10.0 * number, round(resident_mb(number) * MB), round(cache_mb(number) * MB), 1000)
        for number in range(count)
    ]


def looks(**size_mb) -> list[Counted]:
    """Take one every 30 samples' time or so."""
    return [
        Counted(
            100.0 * number,
            {name: Held(1, round(size(10.0 * number) * MB)) for name, size in size_mb.items()},
        )
        for number in range(12)
    ]


def rising(per_look: float):
    return lambda number: 100 + per_look * number


LEAKING = looks(Book=lambda number: number * 0.3)


def test_what_stays_as_it_is_is_clean() -> None:
    verdict = judge(samples(lambda number: 100 + number % 3), looks(Book=lambda number: 3.0))
    assert (verdict.leak, verdict.types) == (Leak.CLEAN, ())


def test_memory_that_grows_with_its_objects_is_a_leak_and_they_are_named() -> None:
    verdict = judge(samples(rising(0.3)), LEAKING)
    assert verdict.leak is Leak.LEAK
    assert [one.name for one in verdict.types] == ["Book"]
    assert verdict.grows_bytes_per_hour == pytest.approx(0.3 * 360 * MB, rel=0.01)


def test_a_worker_that_grows_warm_is_clean() -> None:
    assert judge(samples(lambda number: 100 + min(number, 20)), LEAKING).leak is Leak.CLEAN


def test_memory_that_the_caches_have_is_no_leak() -> None:
    verdict = judge(samples(rising(0.3), cache_mb=lambda number: 0.25 * number), LEAKING)
    assert verdict.leak is Leak.GROWING
    assert "caches" in verdict.reason


def test_memory_that_grows_without_objects_is_called_growing() -> None:
    verdict = judge(samples(rising(0.3)), looks(Book=lambda number: 3.0))
    assert verdict.leak is Leak.GROWING
    assert "no type" in verdict.reason


def test_a_leak_that_began_late_is_found_too() -> None:
    late = samples(lambda number: 100 + max(0, number - 60) * 0.5)
    counted = looks(Book=lambda number: max(0, number - 60) * 0.5)
    assert judge(late, counted).leak is Leak.LEAK


def test_before_there_is_enough_to_see_nothing_is_said() -> None:
    verdict = judge(samples(rising(5.0), count=LEAST_SAMPLES - 1), LEAKING)
    assert (verdict.leak, verdict.reason) == (Leak.CLEAN, "29 of 30 looks that it takes")
    assert judge((), ()).leak is Leak.CLEAN
