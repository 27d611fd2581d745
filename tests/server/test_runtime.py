"""The runtime of greenlets; nothing is patched for it."""

import gc
import logging
import os
import threading
from collections.abc import Callable
from weakref import ref

import gevent
import pytest
from gevent.event import Event

from bpx.runtime import DeadlinePassed, Runtime
from bpx.server.runtime import GeventRuntime

runtime: Runtime = GeventRuntime()


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def test_a_spawned_function_runs_beside_the_caller() -> None:
    done = Event()
    runtime.spawn(done.set)
    assert done.wait(20)


def test_what_a_spawned_function_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def breaks() -> None:
        raise RuntimeError("a bug")

    with caplog.at_level(logging.ERROR):
        runtime.spawn(breaks)
        gevent.sleep(0)
    assert "RuntimeError: a bug" in caplog.text


def test_a_deadline_cuts_what_catches_every_exception() -> None:
    def stubborn() -> None:
        while True:
            try:
                gevent.sleep(10)
            except Exception:  # noqa: BLE001
                continue

    started = runtime.now()
    with pytest.raises(DeadlinePassed, match=r"not done within 0\.02 s"), runtime.deadline(0.02):
        stubborn()
    assert runtime.now() - started < 8


def test_the_outer_deadline_is_not_taken_for_the_inner() -> None:
    def waits_longer() -> None:
        with runtime.deadline(10):
            gevent.sleep(5)

    with pytest.raises(DeadlinePassed, match=r"not done within 0\.02 s"), runtime.deadline(0.02):
        waits_longer()


def test_a_deadline_that_is_kept_is_over() -> None:
    with runtime.deadline(0.01):
        pass
    afterwards = Event()
    gevent.spawn_later(0.02, afterwards.set)  # later than the deadline
    assert afterwards.wait(20)


def test_a_deadline_in_the_past_cuts_at_the_first_wait() -> None:
    with pytest.raises(DeadlinePassed), runtime.deadline(-1):
        gevent.sleep(5)


def test_offloaded_computing_lets_other_greenlets_run() -> None:
    ticks: list[int] = []

    def tick() -> None:
        for number in range(3):
            ticks.append(number)
            gevent.sleep(0)

    runtime.spawn(tick)
    assert runtime.offload(sum, range(3_000_000)) == 4499998500000
    assert ticks == [0, 1, 2]


def test_offloaded_computing_raises_here() -> None:
    with pytest.raises(ZeroDivisionError):
        runtime.offload(divmod, 1, 0)


def test_offloaded_computing_does_not_wait_for_names_that_are_looked_up() -> None:
    let_go = threading.Event()
    lookups = gevent.get_hub().threadpool
    try:
        hanging = [lookups.spawn(let_go.wait, 40) for _ in range(lookups.maxsize)]
        with runtime.deadline(20):
            assert runtime.offload(len, "four") == 4
    finally:
        let_go.set()
    gevent.joinall(hanging, timeout=20)


def test_the_threads_of_offloaded_computing_end_with_the_runtime() -> None:
    before, ending = threads(), GeventRuntime()
    ending.offload(len, "four")
    assert threads() > before
    assert ending.end(within_s=20) == 0
    with runtime.deadline(20):
        while threads() > before:
            gevent.sleep(0.01)


def test_computing_that_does_not_end_does_not_keep_the_runtime_from_ending() -> None:
    let_go, ending = threading.Event(), GeventRuntime()
    ending.spawn(ending.offload, let_go.wait, 30)
    gevent.sleep(0)
    began = runtime.now()
    assert ending.end(within_s=0.1) == 1
    assert runtime.now() - began < 8
    let_go.set()


def test_what_has_a_deadline_ends_with_the_runtime() -> None:
    ending, cut = GeventRuntime(), list[str]()

    def waits() -> None:
        try:
            with ending.deadline(100):
                gevent.sleep(50)
        except DeadlinePassed as error:
            cut.append(str(error))

    ending.spawn(waits)
    gevent.sleep(0)
    assert ending.end(within_s=20) == 0
    assert cut == ["the server stops"]


def test_an_inner_deadline_ends_with_the_runtime_as_the_outer_does() -> None:
    ending, cut = GeventRuntime(), list[str]()

    def waits() -> None:
        with ending.deadline(100):
            try:
                with ending.deadline(50):
                    gevent.sleep(50)
            except DeadlinePassed:
                cut.append("inner")
                gevent.sleep(50)
            cut.append("never")

    ending.spawn(waits)
    gevent.sleep(0)
    assert ending.end(within_s=20) == 0
    assert "never" not in cut


def test_a_deadline_that_is_kept_while_the_runtime_ends_cuts_nothing_afterwards() -> None:
    ending, over = GeventRuntime(), list[str]()
    let_go = Event()

    def waits() -> None:
        with ending.deadline(100):
            let_go.wait(50)
        gevent.sleep(0.02)
        over.append("as if nothing had been")

    ending.spawn(waits)
    gevent.sleep(0)
    let_go.set()  # it will be woken before the deadline is noticed
    assert ending.end(within_s=20) == 0
    assert over == ["as if nothing had been"]


def test_after_the_end_nothing_waits_for_a_deadline() -> None:
    ended = GeventRuntime()
    ended.end(within_s=1)
    with pytest.raises(DeadlinePassed, match="the server stops"), ended.deadline(10):
        gevent.sleep(5)


class Large(bytearray):
    """What takes much memory."""


class TooLarge(Exception):
    """It was too much."""


def test_an_error_keeps_nothing_that_the_offloaded_function_had_and_goes_by_itself() -> None:
    kept: list[ref[Large]] = []

    def breaks() -> None:
        large = Large(10)
        kept.append(ref(large))
        raise TooLarge

    gc.disable()  # what only a sweep frees stays for long
    try:
        error = raised_by(breaks)
        assert kept[0]() is None
        known = ref(error)
        del error
        runtime.offload(int)  # a thread keeps its last result
        assert known() is None
    finally:
        gc.enable()


def raised_by(function: Callable[[], None]) -> TooLarge:
    try:
        runtime.offload(function)
    except TooLarge as error:
        return error
    raise AssertionError("it raises")
