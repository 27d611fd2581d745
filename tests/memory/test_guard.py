import logging

import pytest

from bpx.memory.caches import Entry
from bpx.memory.guard import Guard
from bpx.memory.limit import Limit
from bpx.memory.room import Room
from tests.application import EndingRuntime
from tests.waiting import eventually

MB = 2**20


class Cached:
    """A hundred things of 1 MB each; each was asked for a second after the one before."""

    def __init__(self, first_at: float = 0.0) -> None:
        self.things = {first_at + number: MB for number in range(100)}

    def entries(self) -> list[Entry]:
        return [
            Entry(asked_at, size, lambda key=asked_at: self.things.pop(key))
            for asked_at, size in self.things.items()
        ]

    @property
    def size(self) -> int:
        return sum(self.things.values())


def guarding(most_mb: int, others_mb: int, *caches: Cached) -> tuple[Guard, Room]:
    """Return a guard of a process that has so much, and its caches."""
    room = Room()
    guard = Guard(
        Limit(most_mb * MB),
        {str(number): one for number, one in enumerate(caches)},
        room,
        EndingRuntime(),
        lambda: others_mb * MB + sum(one.size for one in caches),
    )
    return guard, room


def test_far_from_the_limit_nothing_is_given_back() -> None:
    cached = Cached()
    guard, room = guarding(1000, 50, cached)
    guard.step()
    assert (len(cached.things), room.is_full, guard.ended) == (100, False, 0)


def test_what_was_asked_for_longest_ago_goes_before_the_limit_is_reached() -> None:
    old, new = Cached(), Cached(first_at=1000.0)
    guard, room = guarding(220, 0, old, new)
    guard.step()
    assert room.is_full
    assert len(new.things) == 100
    assert min(old.things) == guard.ended == 13
    assert guard.given_back_bytes == 13 * MB
    guard.step()
    assert not room.is_full


def test_not_more_than_a_tenth_goes_at_once() -> None:
    cached = Cached()
    guard, _ = guarding(100, 60, cached)
    guard.step()
    assert len(cached.things) == 90
    for _ in range(20):
        guard.step()
    assert 0.8 * 100 < 60 + len(cached.things) <= 85


def test_caches_are_left_alone_that_are_not_what_needs_memory(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    cached = Cached()
    guard, room = guarding(1000, 5000, cached)
    for _ in range(200):
        guard.step()
    assert 45 <= len(cached.things) <= 50  # a twentieth of the limit
    assert room.is_full
    assert caplog.text.count("nothing new is cached") == 1


def test_it_looks_again_and_again_until_it_is_closed() -> None:
    runtime, looks = EndingRuntime(), []
    guard = Guard(Limit(MB), {}, Room(), runtime, lambda: looks.append(1) or 0)
    runtime.spawn(guard.follow)
    eventually(lambda: len(looks) >= 2)
    guard.close()
    runtime.ended.set()
    runtime.threads[0].join(20)
    assert not runtime.threads[0].is_alive()
