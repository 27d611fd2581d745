from time import monotonic, thread_time

import gevent
import pytest

from bpx.errors import Occupied
from bpx.server.sampling import SAMPLES_PER_S, Sampler
from tests.waiting import eventually

SECONDS = 0.5


def compute(until: float) -> None:
    number = 0
    while thread_time() < until:
        number += 1


def computing(seconds: float) -> None:
    """Compute for so long, and let others have their turn now and then."""
    until = thread_time() + seconds
    while thread_time() < until:
        compute(thread_time() + 0.02)
        gevent.sleep(0)


def functions(profile):
    """Return how long each function was busy, itself or by what it called."""
    total = {}
    for (stack, _), (_, busy_ns) in profile.samples.items():
        for name in {frame.function for frame in stack}:
            total[name] = total.get(name, 0.0) + busy_ns / 1e9
    return total


def test_what_runs_is_seen_with_the_greenlet_that_it_runs_in() -> None:
    task = gevent.spawn(computing, SECONDS)
    profile = Sampler().sample(60, task.ready)
    task.join()
    busy_s = functions(profile)
    assert SECONDS * 0.6 < busy_s[f"{__name__}.compute"] <= profile.duration_ns / 1e9
    labels = {labels for stack, labels in profile.samples if stack[0].function.endswith("compute")}
    assert labels == {(("greenlet", f"{__name__}.computing"),)}


def test_others_run_while_a_profile_is_taken() -> None:
    late_s: list[float] = []

    def tick() -> None:
        for _ in range(20):
            began = monotonic()
            gevent.sleep(0.01)
            late_s.append(monotonic() - began - 0.01)

    gevent.spawn(tick)
    profile = Sampler().sample(60, lambda: len(late_s) == 20)
    assert profile.duration_ns / 1e9 < 50
    assert sorted(late_s)[10] < 0.2


def test_what_waits_is_not_busy() -> None:
    def has_looked_often() -> bool:
        profile = Sampler().sample(SECONDS)
        took_s, looks = profile.duration_ns / 1e9, int(profile.remarks[0].split()[0])
        assert looks <= took_s * SAMPLES_PER_S * 1.1
        assert sum(busy_ns for _, busy_ns in profile.samples.values()) / 1e9 < took_s * 0.3
        assert took_s >= SECONDS * 0.9
        return looks > SECONDS * SAMPLES_PER_S * 0.3

    eventually(has_looked_often)  # a machine that is busy may keep it from that at times


def test_two_at_once_are_refused() -> None:
    sampler = Sampler()
    first = gevent.spawn(sampler.sample, SECONDS)
    gevent.sleep(0)
    with pytest.raises(Occupied, match="try again in 1 s"):
        sampler.sample(1)
    first.get()
    assert sampler.sample(0.01) is not None


def test_it_ends_when_nobody_waits_for_it() -> None:
    began = monotonic()
    Sampler().sample(60, lambda: monotonic() > began + 0.1)
    assert monotonic() - began < 30


def test_one_that_is_killed_leaves_room_for_another() -> None:
    sampler = Sampler()
    first = gevent.spawn(sampler.sample, 60)
    gevent.sleep(0)
    first.kill()
    assert sampler.sample(0.01) is not None
