import pytest

from bpx.errors import Banned
from bpx.server.keepsake import Keepsake
from bpx.upstream.lasting import LastingHold
from bpx.upstream.refusal import Refusal

BAN = Refusal(418, -1003, "IP banned until then.", 120.0)


def hold(memory: Keepsake, now: float, market: str = "spot") -> LastingHold:
    return LastingHold("Too much.", memory, market, now)


def test_a_new_worker_takes_over_the_hold() -> None:
    memory = Keepsake()
    hold(memory, 1000.0).start(BAN, 1000.0)
    after = hold(memory, 1020.0)
    assert after.seconds_left(1020.0) == 100.0
    with pytest.raises(Banned, match="IP banned until then"):
        after.refuse(1020.0)


def test_the_longer_of_two_holds_is_kept() -> None:
    memory = Keepsake()
    first = hold(memory, 1000.0)
    first.start(BAN, 1000.0)
    first.start(Refusal(429, -1003, None, 5.0), 1001.0)
    assert hold(memory, 1020.0).seconds_left(1020.0) == 100.0


def test_a_hold_that_is_over_is_not_taken_over() -> None:
    memory = Keepsake()
    hold(memory, 1000.0).start(BAN, 1000.0)
    assert hold(memory, 1121.0).seconds_left(1121.0) == 0.0
    assert not hold(memory, 1121.0).needs_probe(1121.0)


def test_each_market_has_its_own() -> None:
    memory = Keepsake()
    hold(memory, 1000.0).start(BAN, 1000.0)
    assert hold(memory, 1020.0, "futures").seconds_left(1020.0) == 0.0
