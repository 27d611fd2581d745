import pytest

from bpx.simulator.clock import Clock


class Wall:
    """Monotonic seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def test_exchange_time_runs_at_the_speed_it_was_given():
    wall = Wall()
    clock = Clock(1_000, speed=10, now=wall)
    wall.now += 2.5
    assert clock.now_ms == 26_000


def test_a_paused_clock_stands_still_and_goes_on_from_there():
    wall = Wall()
    clock = Clock(1_000, now=wall)
    wall.now += 1
    clock.pause()
    wall.now += 100
    assert (clock.now_ms, clock.is_paused) == (2_000, True)
    clock.resume()
    wall.now += 1
    assert (clock.now_ms, clock.is_paused) == (3_000, False)


def test_a_step_moves_a_paused_clock_and_a_running_one():
    wall = Wall()
    clock = Clock(1_000, now=wall)
    clock.step(250)
    wall.now += 1
    assert clock.now_ms == 2_250
    clock.pause()
    clock.step(60_000)
    assert clock.now_ms == 62_250


def test_a_new_speed_holds_from_now_on_only():
    wall = Wall()
    clock = Clock(0, now=wall)
    wall.now += 1
    clock.set_speed(60)
    wall.now += 1
    assert (clock.now_ms, clock.speed) == (61_000, 60)


@pytest.mark.parametrize(
    "turn_back",
    [lambda: Clock(0, speed=-1), lambda: Clock(0).set_speed(-1), lambda: Clock(0).step(-1)],
)
def test_no_clock_runs_backwards(turn_back):
    with pytest.raises(ValueError, match="backwards"):
        turn_back()
