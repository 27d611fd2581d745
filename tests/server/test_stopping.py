"""The end of what runs beside requests; with greenlets, and nothing patched."""

from time import monotonic

from bpx.server.runtime import GeventRuntime
from bpx.server.stopping import Stopping


class Loop:
    """A house with one task, which looks at its orders now and then."""

    def __init__(self, runtime: GeventRuntime, obeys: bool = True) -> None:
        self.is_draining = self.is_closed = False
        self.rounds = 0
        self._runtime, self._obeys = runtime, obeys
        runtime.spawn(self._run)

    def drain(self) -> None:
        self.is_draining = True

    def close(self) -> None:
        self.is_closed = self._obeys

    def _run(self) -> None:
        while not self.is_closed:
            self.rounds += 1
            self._runtime.sleep(60)


def test_all_houses_are_told_that_the_server_begins_to_stop() -> None:
    runtime = GeventRuntime()
    houses = [Loop(runtime), Loop(runtime)]
    stopping = Stopping(houses, runtime)
    stopping.drain()
    assert [house.is_draining for house in houses] == [True, True]
    assert [house.is_closed for house in houses] == [False, False]
    stopping.close(within_s=30)


def test_tasks_that_sleep_end_when_their_house_is_closed() -> None:
    runtime = GeventRuntime()
    house, began = Loop(runtime), monotonic()
    runtime.sleep(0)
    assert (runtime.tasks, house.rounds) == (1, 1)
    assert Stopping([house], runtime).close(within_s=30) == 0
    assert runtime.tasks == 0
    assert monotonic() - began < 20


def test_a_task_that_does_not_end_is_counted_and_not_waited_for() -> None:
    runtime = GeventRuntime()
    stubborn, began = Loop(runtime, obeys=False), monotonic()
    assert Stopping([Loop(runtime), stubborn], runtime).close(within_s=0.2) == 1
    assert monotonic() - began < 20
    stubborn.is_closed = True
    assert runtime.end(within_s=30) == 0
