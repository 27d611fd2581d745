import gc
from collections.abc import Iterator

import gevent
import pytest
from gevent.event import Event
from gevent.monkey import get_original

from bpx.server.greenlets import Greenlets


@pytest.fixture
def greenlets() -> Iterator[Greenlets]:
    known = Greenlets()
    known.watch()
    yield known
    known.unwatch()


def waits_for(event: Event, secret: str) -> None:
    event.wait()


def found(profile, function: str) -> dict[str, int]:
    """Return how many are within a function, by their state."""
    states: dict[str, int] = {}
    for (stack, labels), (number,) in profile.samples.items():
        if any(frame.function == function for frame in stack):
            state = dict(labels)["state"]
            states[state] = states.get(state, 0) + number
    return states


def test_every_greenlet_is_told_with_its_stack(greenlets: Greenlets) -> None:
    event = Event()
    tasks = [gevent.spawn(waits_for, event, "canary0canary") for _ in range(300)]
    gevent.sleep(0)
    profile = greenlets.profile()
    event.set()
    gevent.joinall(tasks)
    assert found(profile, f"{__name__}.waits_for") == {"waiting": 300}
    assert "canary" not in repr(profile)


def test_whoever_asks_is_running_and_what_has_not_begun_says_so(greenlets: Greenlets) -> None:
    task = gevent.spawn(gevent.sleep, 0)
    profile = greenlets.profile()
    task.join()
    name = f"{__name__}.{test_whoever_asks_is_running_and_what_has_not_begun_says_so.__name__}"
    assert found(profile, name) == {"running": 1}
    assert profile.samples[(), (("state", "not begun"),)] == (1,)


def test_what_has_ended_is_not_told(greenlets: Greenlets) -> None:
    task = gevent.spawn(gevent.sleep, 0)
    task.join()
    profile = greenlets.profile()
    assert profile.remarks[0].startswith("2 greenlets")  # the hub, and the one that asks
    assert task.dead


def test_a_freeze_hides_none(greenlets: Greenlets) -> None:
    event = Event()
    task = gevent.spawn(waits_for, event, "")
    gevent.sleep(0)
    gc.freeze()
    try:
        assert found(greenlets.profile(), f"{__name__}.waits_for") == {"waiting": 1}
    finally:
        gc.unfreeze()
        event.set()
        task.join()


def test_native_threads_are_told_too(greenlets: Greenlets) -> None:
    begun, ended = [], []
    sleep = get_original("time", "sleep")

    def beside() -> None:
        begun.append(1)
        while not ended:
            sleep(0.001)
        begun.clear()

    get_original("_thread", "start_new_thread")(beside, ())
    while not begun:
        sleep(0.001)
    name = f"{__name__}.{beside.__qualname__}"
    assert found(greenlets.profile(), name) == {"thread": 1}
    ended.append(1)
    while begun:
        sleep(0.001)
