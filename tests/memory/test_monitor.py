import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bpx.memory.census import Held
from bpx.memory.monitor import Monitor, Pace
from bpx.memory.verdict import Leak, Verdict
from tests.application import EndingRuntime
from tests.waiting import eventually

PACE = Pace(sample_s=0.01, census_s=0.05, window_s=1.0, warm_up_s=0.01, recount_s=0.0)
MB = 2**20


class Forgotten:
    def __init__(self) -> None:
        self.body = bytearray(b"x") * 200_000


class FakeCaches:
    """Counts how often it was asked to give back."""

    def __init__(self) -> None:
        self.asked = 0

    def held(self) -> dict[str, Held]:
        return {"depth": Held(2, 5000)}

    def pools(self) -> dict[str, object]:
        return {}

    def give_back(self) -> int:
        self.asked += 1
        return 100


@contextmanager
def watching(pace: Pace = PACE) -> Iterator[tuple[Monitor, FakeCaches]]:
    runtime, caches = EndingRuntime(), FakeCaches()
    monitor = Monitor({"spot": caches}, runtime, lambda: None, pace)
    runtime.spawn(monitor.follow)
    try:
        yield monitor, caches
    finally:
        monitor.close()
        runtime.ended.set()
        for thread in runtime.threads:
            thread.join(20)
            assert not thread.is_alive()


def test_the_looks_of_some_time_are_kept_and_no_more() -> None:
    with watching(Pace(0.001, 10.0, 0.05, 0.0)) as (monitor, _):
        eventually(lambda: len(monitor.samples) == 50)
        first = monitor.samples[0].at
        eventually(lambda: monitor.samples[0].at > first)
        assert len(monitor.samples) == 50
        assert monitor.samples[-1].resident_bytes > MB
        assert monitor.samples[-1].cache_bytes == 5000


def test_nothing_is_kept_of_the_first_moments() -> None:
    with watching(Pace(0.001, 10.0, 0.05, 60.0)) as (monitor, _):
        grown = monitor.grown()
    assert monitor.samples == []
    assert grown is not None
    assert grown[0] == 0.0


def test_a_leak_is_named_told_and_what_can_be_is_given_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    kept: list[Forgotten] = []
    verdicts: list[Verdict] = []

    def is_found() -> bool:
        kept.append(Forgotten())
        verdicts.append(monitor.verdict)  # another one may follow
        return verdicts[-1].leak is Leak.LEAK

    with watching() as (monitor, caches):
        eventually(is_found, within_s=30)
        eventually(lambda: caches.asked > 0)
        eventually(lambda: monitor.given_back_bytes >= 100)
        eventually(lambda: "so do: " in caplog.text)
    assert "bytearray" in [one.name for one in verdicts[-1].types]
    assert len(kept) > 10


def test_types_are_compared_with_the_first_look() -> None:
    with watching(Pace(0.01, 30.0, 60.0, 0.0, 0.0)) as (monitor, _):
        eventually(lambda: len(monitor.samples) > 3)
        kept = [Forgotten() for _ in range(25)]
        found = monitor.grown()
    assert found is not None
    over_s, census, grown = found
    name = f"{__name__}.Forgotten"
    assert census[name].number == len(kept)
    assert {one.name: one.number for one in grown}[name] == 25
    assert over_s > 0


def test_a_look_stands_for_a_moment() -> None:
    with watching(Pace(0.01, 60.0, 60.0, 0.0, recount_s=60.0)) as (monitor, _):
        eventually(lambda: len(monitor.samples) > 1)  # the first look of its own is over
        first, again = monitor.grown(), monitor.grown()
    assert first is not None
    assert again is not None
    assert again[1] is first[1]
